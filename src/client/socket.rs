//! One connection to the host: upgrade, `initialize`, requests and what comes in between. It does not reconnect; see
//! `follow` and `Backoff`.

use std::{collections::VecDeque, io, net::SocketAddr, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream, lookup_host},
    time::{Instant, timeout, timeout_at},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest as _,
        http::{HeaderValue, StatusCode, header},
        protocol::WebSocketConfig,
    },
};

use super::{
    door::{Door, Way},
    failure::Failure,
};

/// From the dial to the answer of `initialize`.
const OPENING: Duration = Duration::from_secs(15);
/// How long an answer may take. An attach may wait some seconds for a Codex that comes up.
const ANSWER: Duration = Duration::from_secs(60);
/// The host pings every half minute by default; after this much silence it is asked for a sign of life.
const SILENCE: Duration = Duration::from_secs(40);
/// And so long it may take to give one; then the connection counts as broken.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
/// Largest message from the host. A snapshot has at most some MiB of items; a lone item may be larger.
const MESSAGE_BYTES: usize = 256 << 20;
/// Longest part of a refusal's body that is shown.
const REASON_CHARS: usize = 200;

/// What both TCP and unix sockets are.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A message of the host that is no answer.
#[derive(Clone, Debug)]
pub struct Heard {
    /// As it stood on the wire.
    pub line: String,
    /// The same, read.
    pub value: Value,
}

/// A connection after `initialize`.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<Box<dyn Duplex>>>,
    next_id: u64,
    /// Lines that came and were not looked at.
    inbox: VecDeque<Heard>,
    /// `holdfast` of the answer to `initialize`.
    pub terms: Value,
}

impl Socket {
    /// Connects, upgrades, and says `initialize`.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] when it may work later, [`Failure::NotLetIn`] when it will not.
    pub async fn open(door: &Door) -> Result<Self, Failure> {
        let late = || {
            Failure::Unreachable(format!(
                "{} did not open a connection within {} s",
                door.shown(),
                OPENING.as_secs()
            ))
        };
        timeout(OPENING, Self::connect(door))
            .await
            .map_err(|_| late())?
    }

    async fn connect(door: &Door) -> Result<Self, Failure> {
        let stream = dial(&door.way).await.map_err(|error| {
            Failure::Unreachable(format!("no host answers on {}: {error}", door.shown()))
        })?;
        let mut request = door
            .address()
            .into_client_request()
            .map_err(|error| Failure::Usage(format!("{}: {error}", door.shown())))?;
        let headers = request.headers_mut();
        headers.insert(
            header::SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static("holdfast.v1"),
        );
        if let Some(token) = &door.token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.reveal()))
                .expect("a token is visible ASCII");
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES))
            .max_frame_size(Some(MESSAGE_BYTES));
        let upgraded = client_async_tls_with_config(request, stream, Some(config), None).await;
        let (stream, _) = upgraded.map_err(|error| refusal(door, error))?;
        let mut socket = Self {
            stream,
            next_id: 1,
            inbox: VecDeque::new(),
            terms: Value::Null,
        };
        let introduction = json!({
            "clientInfo": {"name": "holdfast-cli", "title": "holdfast", "version": env!("CARGO_PKG_VERSION")},
            "capabilities": {"experimentalApi": true},
        });
        let mut answer = socket.call("initialize", introduction).await?;
        socket.terms = answer["holdfast"].take();
        socket.send(&json!({"method": "initialized"})).await?;
        Ok(socket)
    }

    /// One request and its result. What comes in between is given by [`Socket::next`] afterwards.
    ///
    /// # Errors
    /// The host refuses it, or the connection broke before the answer came.
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value, Failure> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({"id": id, "method": method, "params": params}))
            .await?;
        let until = Instant::now() + ANSWER;
        let mut passed = VecDeque::new();
        let answer = loop {
            let late = || Failure::Unreachable(format!("the host did not answer {method}"));
            let mut heard = timeout_at(until, self.next())
                .await
                .map_err(|_| late())
                .flatten()?;
            if heard.value["method"].is_null() && heard.value["id"] == id {
                break heard.take_value();
            }
            passed.push_back(heard);
        };
        passed.append(&mut self.inbox);
        self.inbox = passed;
        match answer.get("error") {
            None => Ok(answer.get("result").cloned().unwrap_or_default()),
            Some(error) => Err(Failure::Refused {
                method: method.to_owned(),
                code: error["code"].as_i64().unwrap_or_default(),
                message: error["message"].as_str().unwrap_or_default().to_owned(),
            }),
        }
    }

    /// Answers a request of the host.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn answer(&mut self, id: &Value, result: Value) -> Result<(), Failure> {
        self.send(&json!({"id": id, "result": result})).await
    }

    async fn send(&mut self, message: &Value) -> Result<(), Failure> {
        let sent = self.stream.send(Message::text(message.to_string())).await;
        sent.map_err(|error| Failure::Unreachable(format!("the connection broke: {error}")))
    }

    /// The next message. Cancel-safe.
    ///
    /// # Errors
    /// The connection broke, or the host closed it.
    pub async fn next(&mut self) -> Result<Heard, Failure> {
        loop {
            if let Some(heard) = self.inbox.pop_front() {
                return Ok(heard);
            }
            let frame = match timeout(SILENCE, self.stream.next()).await {
                Ok(frame) => frame,
                Err(_) => {
                    let ping = self.stream.send(Message::Ping(Vec::new().into())).await;
                    ping.map_err(|error| {
                        Failure::Unreachable(format!("the connection broke: {error}"))
                    })?;
                    timeout(SIGN_OF_LIFE, self.stream.next())
                        .await
                        .map_err(|_| {
                            Failure::Unreachable("the host gave no sign of life".to_owned())
                        })?
                }
            };
            match frame {
                Some(Ok(Message::Text(text))) => self.take(&text)?,
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) = frame.map_or((0, String::new()), |frame| {
                        (frame.code.into(), frame.reason.to_string())
                    });
                    return Err(closed(code, &reason));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    return Err(Failure::Unreachable(format!(
                        "the connection broke: {error}"
                    )));
                }
                None => return Err(Failure::Unreachable("the host hung up".to_owned())),
            }
        }
    }

    fn take(&mut self, text: &str) -> Result<(), Failure> {
        for line in text.lines().filter(|line| !line.is_empty()) {
            let value = serde_json::from_str(line).map_err(|error| {
                Failure::Other(format!(
                    "the host sent what is no JSON: {error}; is it a holdfast?"
                ))
            })?;
            self.inbox.push_back(Heard {
                line: line.to_owned(),
                value,
            });
        }
        Ok(())
    }
}

impl Heard {
    fn take_value(&mut self) -> Value {
        self.value.take()
    }

    /// The method; empty for an answer.
    pub fn method(&self) -> &str {
        self.value["method"].as_str().unwrap_or_default()
    }

    /// The params, `null` when there are none.
    pub fn params(&self) -> &Value {
        &self.value["params"]
    }

    /// The session that it is about.
    pub fn thread(&self) -> Option<&str> {
        let params = self.params();
        params["threadId"]
            .as_str()
            .or_else(|| params["thread"]["id"].as_str())
            .or_else(|| self.value["threadId"].as_str())
    }
}

async fn dial(way: &Way) -> io::Result<Box<dyn Duplex>> {
    match way {
        Way::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        Way::Tls { name, port } => dial_first(lookup_host((name.as_str(), *port)).await?).await,
        Way::Loopback { name, port } => {
            // Whatever a hosts file says: a token goes in plain to this machine alone.
            let found = lookup_host((name.as_str(), *port)).await?;
            dial_first(found.filter(|address| address.ip().to_canonical().is_loopback())).await
        }
    }
}

/// The first of the addresses that answers.
async fn dial_first(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<Box<dyn Duplex>> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Best effort: small requests should not wait for more.
                let _ = stream.set_nodelay(true);
                return Ok(Box::new(stream));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Why the upgrade failed.
fn refusal(door: &Door, error: tungstenite::Error) -> Failure {
    let at = door.shown();
    // Of TLS: a certificate that is not trusted today is not trusted by trying again.
    if let tungstenite::Error::Io(problem) = &error
        && problem.kind() == io::ErrorKind::InvalidData
    {
        return Failure::Other(format!(
            "{at} is not who it says, as far as this system can tell: {problem}"
        ));
    }
    let tungstenite::Error::Http(response) = error else {
        return Failure::Unreachable(format!("cannot connect to {at}: {error}"));
    };
    let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
    let said = serde_json::from_str::<Value>(&body)
        .ok()
        .and_then(|value| value["error"].as_str().map(str::to_owned))
        .unwrap_or_default();
    let said: String = said
        .chars()
        .filter(|c| !c.is_control())
        .take(REASON_CHARS)
        .collect();
    match response.status() {
        StatusCode::UNAUTHORIZED if door.token.is_none() => Failure::NotLetIn(format!(
            "{at} wants a token: name its file with --token-file or $HOLDFAST_TOKEN_FILE"
        )),
        StatusCode::UNAUTHORIZED => Failure::NotLetIn(format!("{at} does not know this token")),
        StatusCode::FORBIDDEN => Failure::NotLetIn(format!("{at} refused: {said}")),
        StatusCode::MISDIRECTED_REQUEST => Failure::NotLetIn(format!(
            "{at} does not answer to the name {}; it has to be in allowed_hosts",
            door.host
        )),
        // Too many guesses by anybody, or a gateway whose host is not back yet.
        status if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
            Failure::Unreachable(format!("{at} answered {status} {said}"))
        }
        status => Failure::NotLetIn(format!("{at} answered {status} {said}; is it a holdfast?")),
    }
}

/// What the close codes of the protocol mean.
fn closed(code: u16, reason: &str) -> Failure {
    match code {
        1001 => Failure::Unreachable("the host is stopping".to_owned()),
        4401 => Failure::NotLetIn(
            "the host ended this token's connections: it was removed or changed".to_owned(),
        ),
        4429 => Failure::Unreachable("the host has too many tabs".to_owned()),
        _ => Failure::Unreachable(format!("the host closed the connection ({code} {reason})")),
    }
}

/// Pauses between tries: longer each time, with chance in them, so that many clients do not come at once.
#[derive(Debug, Default)]
pub struct Backoff {
    attempt: u32,
}

/// First and longest pause.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(8));

impl Backoff {
    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let most = PAUSE
            .0
            .saturating_mul(1 << self.attempt.min(16))
            .min(PAUSE.1);
        self.attempt += 1;
        most.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// It worked.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}
