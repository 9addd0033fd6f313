//! One tab: a WebSocket client that keeps all it was sent, in order, and checks that no seq is missing or doubled.
//!
//! It reads only while a test waits for something, so a tab that nobody asks anything is a stalled one.

use std::collections::HashMap;
use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::GUARD;

/// The answer to a request that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct RpcError {
    /// The JSON-RPC code.
    pub code: i64,
    /// What the host said.
    pub message: String,
}

/// One message that is no answer: a notification, or a request of the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place in its session's feed; requests of the host and what is outside feeds have none.
    pub seq: Option<u64>,
    /// The session it belongs to.
    thread: Option<String>,
    /// The method.
    pub method: String,
    /// The whole message.
    pub value: Value,
    /// The message as it stood on the wire.
    pub raw: String,
}

impl Event {
    /// The params, `null` when there are none.
    pub fn params(&self) -> &Value {
        &self.value["params"]
    }

    /// The session this is about, if any.
    pub fn thread(&self) -> Option<&str> {
        self.thread.as_deref()
    }

    /// The id, if this is a request that wants an answer.
    pub fn id(&self) -> Option<&Value> {
        self.value.get("id")
    }

    /// Whether this is `method`.
    pub fn is(&self, method: &str) -> bool {
        self.method == method
    }
}

/// How a tab connects.
pub struct Connecting {
    request: Request,
}

impl Connecting {
    /// An upgrade on `/ws` of the host at `addr`, without any credential.
    pub fn to(addr: SocketAddr) -> Self {
        Self {
            request: format!("ws://{addr}/ws").into_client_request().unwrap(),
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.request
            .headers_mut()
            .insert(name, HeaderValue::from_str(value).unwrap());
        self
    }

    /// Adds the token as a program sends it.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Asks for several messages a frame.
    pub fn lines(self) -> Self {
        self.header("sec-websocket-protocol", "holdfast.v1")
    }

    /// Opens the socket and says nothing yet; the HTTP status when the host refuses.
    pub async fn open(self) -> Result<Client, u16> {
        match timeout(GUARD, connect_async(self.request))
            .await
            .expect("the host answers an upgrade")
        {
            Ok((socket, _)) => Ok(Client::over(socket)),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("upgrade: {error}"),
        }
    }
}

/// A tab.
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_id: u64,
    /// All messages that are no answers, in order of arrival.
    events: Vec<Event>,
    /// Where the next wait begins to look.
    looked_at: usize,
    /// Answers that nobody has taken yet, by request id; errors without an id under `null`.
    answers: Vec<(Value, Result<Value, RpcError>)>,
    /// `host/session/attach` on their way: request id, thread, and the `after` they asked for.
    attaching: HashMap<u64, (String, u64)>,
    /// `thread/resume` on their way: request id and thread. Their answers move the tab's place in the session.
    resuming: HashMap<u64, String>,
    /// The last seq of each session.
    heads: HashMap<String, u64>,
    /// Messages of each frame.
    frames: Vec<usize>,
    /// The close frame, once it came: code and reason. Code 0 when the host hung up without one.
    closed: Option<(u16, String)>,
}

impl Client {
    fn over(socket: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Self {
        Self {
            socket,
            next_id: 1,
            events: Vec::new(),
            looked_at: 0,
            answers: Vec::new(),
            attaching: HashMap::new(),
            resuming: HashMap::new(),
            heads: HashMap::new(),
            frames: Vec::new(),
            closed: None,
        }
    }

    /// Connects with a token and says `initialize`, one message a frame.
    pub async fn connect(addr: SocketAddr, token: &str) -> Self {
        Self::introduced(Connecting::to(addr).bearer(token)).await
    }

    /// Opens `connecting` and says `initialize`.
    pub async fn introduced(connecting: Connecting) -> Self {
        let mut client = connecting.open().await.expect("the host lets this tab in");
        client.initialize().await;
        client
    }

    /// The handshake of the protocol; returns what the host answered.
    pub async fn initialize(&mut self) -> Value {
        let params = json!({
            "clientInfo": {"name": "it", "title": "Integration test", "version": "0"},
            "capabilities": {"experimentalApi": true},
        });
        let answer = self.call("initialize", params).await.expect("initialize");
        self.send_raw(r#"{"method":"initialized"}"#).await;
        answer
    }

    /// Sends a request and waits for its answer.
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value, RpcError> {
        let id = self.request(method, params).await;
        self.answer_to(&json!(id)).await
    }

    /// Sends a request and returns its id; [`Client::answer_to`] waits for the answer.
    pub async fn request(&mut self, method: &str, params: Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        if method == "host/session/attach" {
            let thread = params["threadId"].as_str().unwrap_or_default().to_owned();
            self.attaching
                .insert(id, (thread, params["after"].as_u64().unwrap_or(0)));
        }
        if method == "thread/resume" {
            let thread = params["threadId"].as_str().unwrap_or_default().to_owned();
            self.resuming.insert(id, thread);
        }
        self.send_raw(&json!({"id": id, "method": method, "params": params}).to_string())
            .await;
        id
    }

    /// Waits for the answer to the request `id`.
    pub async fn answer_to(&mut self, id: &Value) -> Result<Value, RpcError> {
        loop {
            if let Some(at) = self.answers.iter().position(|(answered, _)| answered == id) {
                return self.answers.remove(at).1;
            }
            self.pump(&format!("the answer to request {id}")).await;
        }
    }

    /// Answers a request of the host.
    pub async fn respond(&mut self, request: &Event, result: Value) {
        self.send_raw(&json!({"id": request.id(), "result": result}).to_string())
            .await;
    }

    /// Sends a text frame as it is.
    pub async fn send_raw(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    /// Sends any frame. A closed socket is not an error here; it shows at the next wait.
    pub async fn send(&mut self, message: Message) {
        let sent = timeout(GUARD, self.socket.send(message))
            .await
            .expect("the host takes a frame");
        if let Err(error) = sent {
            self.closed.get_or_insert((0, error.to_string()));
        }
    }

    /// The next event, after those already waited for, that `wanted` picks; those passed over stay in [`Client::events`].
    pub async fn next_where(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&Event) -> bool,
    ) -> Event {
        loop {
            while let Some(event) = self.events.get(self.looked_at) {
                self.looked_at += 1;
                if wanted(event) {
                    return event.clone();
                }
            }
            self.pump(what).await;
        }
    }

    /// The next event with this method.
    pub async fn next(&mut self, method: &str) -> Event {
        self.next_where(method, |event| event.is(method)).await
    }

    /// Waits for the close frame: its code and reason.
    pub async fn close(&mut self) -> (u16, String) {
        while self.closed.is_none() {
            self.read_frame("the host to close the socket").await;
        }
        self.closed.clone().expect("just seen")
    }

    /// Hangs up.
    pub async fn leave(mut self) {
        let _ = self.socket.close(None).await;
    }

    /// All events so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// All events of one session so far that have a seq, as they stood on the wire.
    pub fn feed(&self, thread: &str) -> Vec<(u64, String)> {
        let of_thread = self
            .events
            .iter()
            .filter(|event| event.thread() == Some(thread));
        of_thread
            .filter_map(|event| Some((event.seq?, event.raw.clone())))
            .collect()
    }

    /// The last seq that this tab has of a session.
    pub fn head(&self, thread: &str) -> u64 {
        self.heads.get(thread).copied().unwrap_or(0)
    }

    /// How many messages each frame held.
    pub fn frames(&self) -> &[usize] {
        &self.frames
    }

    async fn pump(&mut self, what: &str) {
        if let Some((code, reason)) = &self.closed {
            panic!("waited for {what}, but the socket is closed: {code} {reason}");
        }
        self.read_frame(what).await;
    }

    async fn read_frame(&mut self, what: &str) {
        let frame = match timeout(GUARD, self.socket.next()).await {
            Ok(frame) => frame,
            Err(_) => panic!(
                "waited {GUARD:?} in vain for {what}; the last events: {:#?}",
                self.tail()
            ),
        };
        match frame {
            Some(Ok(Message::Text(text))) => {
                let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
                self.frames.push(lines.len());
                for line in lines {
                    self.take(line);
                }
            }
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = frame.map_or((0, String::new()), |frame| {
                    (frame.code.into(), frame.reason.to_string())
                });
                self.closed.get_or_insert((code, reason));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                self.closed.get_or_insert((0, error.to_string()));
            }
            None => {
                self.closed.get_or_insert((0, "end of stream".to_owned()));
            }
        }
    }

    fn take(&mut self, line: &str) {
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        let Some(method) = value["method"].as_str() else {
            self.take_answer(value);
            return;
        };
        let seq = value["seq"].as_u64();
        let params = &value["params"];
        let named = params["threadId"]
            .as_str()
            .or_else(|| params["thread"]["id"].as_str())
            .or_else(|| value["threadId"].as_str());
        let thread = named.map(str::to_owned).or_else(|| self.owner_by_seq(seq?));
        let (method, raw) = (method.to_owned(), line.to_owned());
        let event = Event {
            seq,
            thread,
            method,
            raw,
            value,
        };
        self.check_order(&event);
        self.events.push(event);
    }

    fn take_answer(&mut self, value: Value) {
        let id = value["id"].clone();
        let result = match value.get("error") {
            Some(error) => Err(RpcError {
                code: error["code"].as_i64().expect("an error has a code"),
                message: error["message"].as_str().unwrap_or_default().to_owned(),
            }),
            None => Ok(value["result"].clone()),
        };
        if let Some((thread, after)) = id.as_u64().and_then(|id| self.attaching.remove(&id))
            && let Ok(result) = &result
        {
            let resumed = result["verdict"] == "resumed";
            let head = result["head"]
                .as_u64()
                .expect("attach says where the feed stands");
            self.heads
                .insert(thread, if resumed { after } else { head });
        }
        if let Some(thread) = id.as_u64().and_then(|id| self.resuming.remove(&id)) {
            self.heads.remove(&thread);
        }
        self.answers.push((id, result));
    }

    /// The promise of one order: each seq is the one after the last.
    fn check_order(&mut self, event: &Event) {
        let Some(thread) = event.thread().map(str::to_owned) else {
            assert_eq!(
                event.seq, None,
                "nothing tells whose event this is: {}",
                event.raw
            );
            return;
        };
        if event.is("host/session/reset") {
            let head = event.params()["head"]
                .as_u64()
                .expect("a reset says where the feed stands");
            self.heads.insert(thread, head);
            return;
        }
        let Some(seq) = event.seq else { return };
        let last = self.heads.insert(thread, seq);
        // Only a tab that asked for it is sent one message for a run of superseded deltas.
        let first = match event.method.as_str() {
            "host/session/merged" => event.params()["from"].as_u64().expect("from"),
            _ => seq,
        };
        if let Some(last) = last {
            assert_eq!(first, last + 1, "a gap or a double before {}", event.raw);
        }
    }

    /// The session of an event that names none, such as `account/rateLimits/updated`: the one whose next seq it has.
    fn owner_by_seq(&self, seq: u64) -> Option<String> {
        let mut heads = self.heads.iter();
        heads
            .find(|(_, last)| *last + 1 == seq)
            .map(|(thread, _)| thread.clone())
    }

    fn tail(&self) -> Vec<&str> {
        let from = self.events.len().saturating_sub(12);
        self.events[from..]
            .iter()
            .map(|event| event.raw.get(..300).unwrap_or(&event.raw))
            .collect()
    }
}

/// What most tests do with a session.
impl Client {
    /// Starts a session in `cwd`; this tab is attached to it.
    pub async fn start_session(&mut self, cwd: &std::path::Path) -> String {
        let params = json!({"cwd": cwd});
        let answer = self
            .call("thread/start", params)
            .await
            .expect("thread/start");
        answer["thread"]["id"]
            .as_str()
            .expect("a thread has an id")
            .to_owned()
    }

    /// Attaches to a session from its end.
    pub async fn attach(&mut self, thread: &str) -> Value {
        self.call("host/session/attach", json!({"threadId": thread}))
            .await
            .expect("attach")
    }

    /// Attaches to a session behind `after` of the journal `journal`.
    pub async fn attach_after(&mut self, thread: &str, after: u64, journal: &str) -> Value {
        let params = json!({"threadId": thread, "after": after, "journalId": journal});
        self.call("host/session/attach", params)
            .await
            .expect("attach")
    }

    /// Gives a prompt under a name of its own, to run now; returns the acknowledgement.
    pub async fn submit(&mut self, thread: &str, prompt_id: &str, text: &str) -> Value {
        self.submit_when(thread, prompt_id, text, "now")
            .await
            .expect("submit a prompt")
    }

    /// Gives a prompt with `when` as its time.
    pub async fn submit_when(
        &mut self,
        thread: &str,
        prompt_id: &str,
        text: &str,
        when: &str,
    ) -> Result<Value, RpcError> {
        let input = json!([{"type": "text", "text": text}]);
        let params =
            json!({"threadId": thread, "promptId": prompt_id, "input": input, "when": when});
        self.call("host/prompt/submit", params).await
    }

    /// Waits for the end of a turn; returns its `turn/completed`.
    pub async fn turn_end(&mut self) -> Event {
        self.next("turn/completed").await
    }

    /// Waits until `count` deltas of any kind have come since the last wait.
    pub async fn deltas(&mut self, count: usize) {
        for _ in 0..count {
            self.next_where("a delta", |event| event.params()["delta"].is_string())
                .await;
        }
    }

    /// Waits until the bridge of the session says it is `state`.
    pub async fn bridge_state(&mut self, state: &str) -> Event {
        let what = format!("the bridge to be {state}");
        self.next_where(&what, |event| {
            event.is("host/bridge/state") && event.params()["state"] == state
        })
        .await
    }
}
