//! A bare connection to the host: whole frames of text, cheap enough for a hundred thousand messages a second.
//!
//! Not a tab of `tests/it`, which keeps all it was sent; here nothing is kept.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::support::GUARD;

/// What the system keeps for a connection that does not read; small, so that a stalled tab is felt soon.
const RECEIVE_BYTES: u32 = 64 << 10;

/// The connection is over, or there was none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken(pub String);

/// An answer that is an error: its code and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub i64, pub String);

/// Where and as whom to connect.
#[derive(Debug, Clone)]
pub struct Door {
    /// Of the host.
    pub addr: SocketAddr,
    /// Its token.
    pub token: String,
}

/// One connection that has said `initialize`.
pub struct Wire {
    stream: WebSocketStream<TcpStream>,
    next_id: u64,
    /// What came in one frame with an answer, behind it.
    rest: Option<String>,
}

impl Wire {
    /// Connects; with `lines` several messages may share a frame.
    pub async fn open(door: &Door, lines: bool) -> Result<Self, Broken> {
        let opening = async {
            let socket = TcpSocket::new_v4().map_err(broken)?;
            socket.set_recv_buffer_size(RECEIVE_BYTES).map_err(broken)?;
            let stream = socket.connect(door.addr).await.map_err(broken)?;
            stream.set_nodelay(true).map_err(broken)?;
            let mut request = format!("ws://{}/ws", door.addr)
                .into_client_request()
                .map_err(broken)?;
            let bearer = format!("Bearer {}", door.token);
            let headers = request.headers_mut();
            headers.insert(
                "authorization",
                HeaderValue::from_str(&bearer).map_err(broken)?,
            );
            if lines {
                let protocol = HeaderValue::from_static("holdfast.v1");
                headers.insert("sec-websocket-protocol", protocol);
            }
            let (stream, _) = client_async(request, stream).await.map_err(broken)?;
            let mut wire = Self {
                stream,
                next_id: 1,
                rest: None,
            };
            let params =
                json!({"clientInfo": {"name": "faults", "title": "Fault test", "version": "0"}});
            wire.call("initialize", &params)
                .await?
                .map_err(|refused| Broken(format!("initialize: {refused:?}")))?;
            wire.send(r#"{"method":"initialized"}"#.to_owned()).await?;
            Ok(wire)
        };
        within("an admitted connection", opening).await
    }

    /// Sends a request and waits for its answer. Messages before it are thrown away, those behind it stay.
    pub async fn call(
        &mut self,
        method: &str,
        params: &Value,
    ) -> Result<Result<Value, Refused>, Broken> {
        let id = self.next_id;
        self.next_id += 1;
        let request = json!({"id": id, "method": method, "params": params});
        self.send(request.to_string()).await?;
        within(method, async {
            loop {
                let text = self.text().await?;
                if let Some((answer, rest)) = find_answer(&text, id) {
                    self.rest = Some(rest).filter(|rest| !rest.is_empty());
                    return Ok(answer);
                }
            }
        })
        .await
    }

    /// Sends a ping of the WebSocket and waits for its pong. Messages before it are thrown away.
    pub async fn ping(&mut self) -> Result<(), Broken> {
        let ping = Message::Ping(self.next_id.to_string().into());
        self.stream.send(ping).await.map_err(broken)?;
        within("a pong", async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Pong(_))) => return Ok(()),
                    Some(Ok(Message::Close(_))) | None => {
                        return Err(Broken("closed".to_owned()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(broken(error)),
                }
            }
        })
        .await
    }

    /// The next text: one or more whole lines.
    pub async fn text(&mut self) -> Result<String, Broken> {
        if let Some(rest) = self.rest.take() {
            return Ok(rest);
        }
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Message::Close(frame))) => {
                    let said =
                        frame.map(|frame| format!("closed: {} {}", frame.code, frame.reason));
                    return Err(Broken(said.unwrap_or_else(|| "closed".to_owned())));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(broken(error)),
                None => return Err(Broken("end of stream".to_owned())),
            }
        }
    }

    /// Says goodbye first; a connection that is only dropped does not.
    pub async fn leave(mut self) {
        // The host may be gone already.
        let _ = timeout(GUARD, self.stream.close(None)).await;
    }

    async fn send(&mut self, text: String) -> Result<(), Broken> {
        self.stream.send(Message::text(text)).await.map_err(broken)
    }
}

/// Queues a prompt; returns the acknowledgement.
pub async fn submit(wire: &mut Wire, thread: &str, id: &str, text: &str) -> Result<Value, Broken> {
    let input = json!([{"type": "text", "text": text}]);
    let params = json!({"threadId": thread, "promptId": id, "input": input, "when": "queue"});
    let answer = wire.call("host/prompt/submit", &params).await?;
    Ok(answer.expect("the prompt is taken"))
}

/// A host that lets a connection hang is a finding, not a broken connection.
async fn within<T>(
    what: &str,
    doing: impl Future<Output = Result<T, Broken>>,
) -> Result<T, Broken> {
    match timeout(2 * GUARD, doing).await {
        Ok(done) => done,
        Err(_) => panic!("waited {:?} in vain for {what}", 2 * GUARD),
    }
}

fn broken(error: impl std::fmt::Display) -> Broken {
    Broken(error.to_string())
}

/// The answer to the request `id` among these lines, and the lines behind it.
fn find_answer(text: &str, id: u64) -> Option<(Result<Value, Refused>, String)> {
    let mut begin = 0;
    for line in text.split('\n') {
        let end = (begin + line.len() + 1).min(text.len());
        if !line.is_empty() && !line.starts_with("{\"seq\":") {
            let value: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
            if value["id"] == json!(id) && value.get("method").is_none() {
                let answer = match value.get("error") {
                    Some(error) => Err(Refused(
                        error["code"].as_i64().unwrap_or_default(),
                        error["message"].as_str().unwrap_or_default().to_owned(),
                    )),
                    None => Ok(value["result"].clone()),
                };
                return Some((answer, text[end..].to_owned()));
            }
        }
        begin = end;
    }
    None
}
