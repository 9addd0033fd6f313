//! The tab: one connection, as an actor. It reads what its client says, in order, and answers.
//!
//! `web` owns the socket and its frames; this side owns messages. The tab actor handles what comes in; what goes out is
//! taken from [`TabOutbound`] by the socket itself, so that a slow client delays nobody. Its death means that the
//! connection is over: it is never restarted.

mod attach;
mod calls;
mod decisions;
mod duplicates;
mod folders;
mod host_methods;
mod outbound;
mod policy;
mod push;

use std::{collections::HashMap, convert::Infallible, sync::Arc};

use bytes::Bytes;
use codex::{
    message::{Incoming, Request},
    outgoing,
    request_id::RequestId,
};
use kameo::prelude::*;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

pub(crate) use self::calls::service;
pub(crate) use self::outbound::{GOING_AWAY, Out, Outbox};
pub use self::outbound::{Gone, TabOutbound};
use crate::{
    admission::Principal,
    host::Wiring,
    rpc::{INVALID_REQUEST, OVERLOADED, PARSE, Refusal},
    session::{AnswerRequest, SessionRef},
    sessions::{Open, Sessions},
    status,
};

/// How messages are put into text frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One message a frame: what every app-server client expects.
    Messages,
    /// `holdfast.v1`: several messages a frame, one a line.
    Lines,
}

/// Something for the socket to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A text frame's payload; valid UTF-8.
    Text(Bytes),
    /// Close with this code and reason, then hang up.
    Close(u16, &'static str),
}

/// What a new tab is.
#[derive(Debug, Clone)]
pub struct OpenTab {
    /// Who it is; from the one gate.
    pub principal: Principal,
    /// How it wants its messages.
    pub framing: Framing,
    /// What it calls itself (user agent), cut and without control characters.
    pub label: String,
}

/// The side of a tab that hears the client. Dropping it ends the tab.
#[derive(Debug)]
pub struct TabInbound {
    pub(crate) actor: ActorRef<Tab>,
    pub(crate) _over: tokio_util::sync::DropGuard,
}

impl TabInbound {
    /// Hands the text of one frame to the tab. Waits while the tab has much to do: the client feels that on its socket.
    ///
    /// # Errors
    /// [`Gone`] when the tab has been closed.
    pub async fn receive(&self, text: Bytes) -> Result<(), Gone> {
        self.actor
            .tell(ClientFrame(text))
            .send()
            .await
            .map_err(|_| Gone)
    }
}

/// Every tab's outbox, for what concerns all of them.
#[derive(Debug, Default)]
pub(crate) struct Audience {
    tabs: Mutex<HashMap<u64, Arc<Outbox>>>,
    left: Notify,
}

impl Audience {
    pub(crate) fn join(&self, id: u64, outbox: Arc<Outbox>) {
        self.tabs.lock().insert(id, outbox);
    }

    pub(crate) fn leave(&self, id: u64) {
        self.tabs.lock().remove(&id);
        self.left.notify_waiters();
    }

    /// Leaves a message (a line without newline) with every tab that has said hello.
    pub(crate) fn broadcast(&self, line: &str) {
        let message = Bytes::copy_from_slice(line.as_bytes());
        for outbox in self.tabs.lock().values() {
            outbox.push(Out::Message(message.clone()));
        }
    }

    /// Tells the tabs that the list of sessions has changed, with news or what is owed from before; gives when it has to be
    /// called again for those that are to hear of it later.
    pub(crate) fn tell_changes(&self, is_new: bool, now: Instant) -> Option<Instant> {
        let line = Bytes::from_static(br#"{"method":"host/sessions/changed","params":{}}"#);
        let tabs = self.tabs.lock();
        let owed = tabs
            .values()
            .filter_map(|outbox| outbox.tell_change(&line, is_new, now));
        owed.min()
    }

    /// How many tabs there are.
    pub(crate) fn count(&self) -> usize {
        self.tabs.lock().len()
    }

    /// Resolves when no tab is left.
    pub(crate) async fn drained(&self) {
        loop {
            let left = self.left.notified();
            if self.tabs.lock().is_empty() {
                return;
            }
            left.await;
        }
    }

    /// Hangs up on every tab.
    pub(crate) fn close(&self, code: u16, reason: &'static str) {
        for outbox in self.tabs.lock().values() {
            outbox.push(Out::Close(code, reason));
        }
    }
}

/// The recipe of a tab.
pub(crate) struct TabArgs {
    pub id: u64,
    pub open: OpenTab,
    pub outbox: Arc<Outbox>,
    pub wiring: Arc<Wiring>,
    pub sessions: ActorRef<Sessions>,
    /// Cancelled when the connection is over.
    pub over: CancellationToken,
}

/// One connection.
pub(crate) struct Tab {
    id: u64,
    open: OpenTab,
    outbox: Arc<Outbox>,
    wiring: Arc<Wiring>,
    sessions: ActorRef<Sessions>,
    over: CancellationToken,
    initialized: bool,
    /// Protocol errors in a row; a client that only makes errors is hung up on.
    errors: u32,
    /// It has been hung up on: what else it has sent does not count.
    hung_up: bool,
    /// Calls of this tab that have no answer yet.
    calls: Arc<Semaphore>,
}

impl Actor for Tab {
    type Args = TabArgs;
    type Error = Infallible;

    fn name() -> &'static str {
        "tab"
    }

    async fn on_start(args: TabArgs, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(Self {
            calls: Arc::new(Semaphore::new(args.wiring.limits.pending_requests)),
            id: args.id,
            open: args.open,
            outbox: args.outbox,
            wiring: args.wiring,
            sessions: args.sessions,
            over: args.over,
            initialized: false,
            errors: 0,
            hung_up: false,
        })
    }

    async fn on_stop(
        &mut self,
        _: WeakActorRef<Self>,
        _: ActorStopReason,
    ) -> Result<(), Infallible> {
        self.wiring.audience.leave(self.id);
        self.wiring.sight.set(self.id, None);
        // A tab that failed by a bug hangs up; a connection that is over needs no word.
        self.outbox.push(Out::Close(
            1011,
            "the host failed to serve this tab; connect again",
        ));
        Ok(())
    }
}

/// From the socket: the text of one frame, one message or several, one a line.
pub(crate) struct ClientFrame(pub Bytes);

impl Message<ClientFrame> for Tab {
    type Reply = ();

    async fn handle(&mut self, ClientFrame(frame): ClientFrame, _: &mut Context<Self, ()>) {
        self.wiring.directory.metrics.tab_said(frame.len());
        for line in frame.split(|byte| *byte == b'\n') {
            let line = line.trim_ascii();
            if !line.is_empty() && !self.hung_up {
                self.message(line).await;
            }
        }
    }
}

impl Tab {
    async fn message(&mut self, line: &[u8]) {
        match Incoming::parse(line) {
            Ok(Incoming::Request(request)) => match self.request(&request).await {
                Ok(()) => self.errors = 0,
                Err(refusal) => self.refuse(&request.id, &refusal),
            },
            Ok(Incoming::Response(response)) => {
                let answer = response.result.map(str::to_owned).map_err(str::to_owned);
                if let Err(refusal) = self.answer(&response.id, answer).await {
                    self.refuse(&response.id, &refusal);
                }
            }
            // `initialized` and its like: nothing that the host waits for, and Codex has had its own.
            Ok(Incoming::Notification(_)) => {}
            Err(err) => {
                let code = if serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok() {
                    INVALID_REQUEST
                } else {
                    PARSE
                };
                let message = format!("cannot read this message: {err}");
                self.push_error("null", &Refusal::new(code, message));
                self.count_error();
            }
        }
    }

    async fn request(&mut self, request: &Request<'_>) -> Result<(), Refusal> {
        if request.method == "initialize" {
            return self.initialize(request);
        }
        if !self.initialized {
            return Err(Refusal::new(INVALID_REQUEST, "Not initialized"));
        }
        policy::check(
            &self.wiring.codex,
            self.open.principal.role,
            request.method,
            request.params,
        )?;
        if self.wiring.closing.is_cancelled() && policy::begins_work(request.method) {
            return Err(Refusal::unavailable(
                "not started any more",
                Some("the host is stopping; retry when it is back".into()),
            ));
        }
        let Ok(permit) = Arc::clone(&self.calls).try_acquire_owned() else {
            let limit = self.wiring.limits.pending_requests;
            return Err(Refusal::new(
                OVERLOADED,
                format!(
                    "{limit} requests of this tab have no answer yet (limits.pending_requests); retry later"
                ),
            ));
        };
        if request.method.starts_with("host/") {
            self.host_request(request, permit).await
        } else {
            self.codex_request(request, permit).await
        }
    }

    fn initialize(&mut self, request: &Request<'_>) -> Result<(), Refusal> {
        #[derive(Deserialize, Default)]
        #[serde(rename_all = "camelCase", default)]
        struct Params {
            client_info: ClientInfo,
            capabilities: Option<Capabilities>,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct ClientInfo {
            name: String,
        }
        #[derive(Deserialize, Default)]
        #[serde(rename_all = "camelCase", default)]
        struct Capabilities {
            opt_out_notification_methods: Option<Vec<String>>,
        }
        if self.initialized {
            return Err(Refusal::new(INVALID_REQUEST, "Already initialized"));
        }
        let params: Params = request
            .params
            .and_then(|raw| serde_json::from_str(raw).ok())
            .unwrap_or_default();
        if let Some(unwanted) = params
            .capabilities
            .and_then(|own| own.opt_out_notification_methods)
        {
            self.outbox.set_unwanted(unwanted);
        }
        self.initialized = true;
        self.wiring.audience.join(self.id, Arc::clone(&self.outbox));
        let result = self.wiring.introduce(&params.client_info.name);
        self.outbox
            .push(Out::Message(trimmed(outgoing::response_line(
                &request.id,
                &result,
            ))));
        // Who comes later has not heard why nothing moves.
        let health = self.wiring.journal.health();
        if health != journal::Health::Writing {
            let line = status::journal_state(&health);
            self.outbox.push(Out::Message(line.into()));
        }
        Ok(())
    }

    /// Somebody answers what Codex asked.
    async fn answer(
        &mut self,
        id: &RequestId,
        answer: Result<String, String>,
    ) -> Result<(), Refusal> {
        policy::check_answer(self.open.principal.role)?;
        let Some(host_id) = id.as_text() else {
            return Err(Refusal::new(
                INVALID_REQUEST,
                "the host asked nothing under this id; its ids are strings",
            ));
        };
        let thread = host_id.split('/').next().unwrap_or_default();
        let session = self.session(thread).await?;
        let answer = AnswerRequest {
            id: host_id.to_owned(),
            answer,
            by: self.open.principal.name.to_string(),
            native: self.open.framing == Framing::Messages,
        };
        match session.actor.ask(answer).send().await {
            Ok(_) => Ok(()),
            Err(SendError::HandlerError(refusal)) => Err(refusal),
            Err(_) => Err(Refusal::unavailable("restarting", None)),
        }
    }

    async fn session(&self, thread: &str) -> Result<SessionRef, Refusal> {
        let open = Open {
            thread: thread.to_owned(),
        };
        match self.sessions.ask(open).send().await {
            Ok(session) => Ok(session),
            Err(SendError::HandlerError(refusal)) => Err(refusal),
            Err(_) => Err(Refusal::new(
                crate::rpc::INTERNAL,
                "the host's sessions are restarting; retry",
            )),
        }
    }

    fn refuse(&mut self, id: &RequestId, refusal: &Refusal) {
        self.push_error(
            &serde_json::to_string(id).unwrap_or_else(|_| "null".into()),
            refusal,
        );
        if matches!(
            refusal,
            Refusal::Host {
                code: INVALID_REQUEST | PARSE,
                ..
            }
        ) {
            self.count_error();
        }
    }

    fn push_error(&self, raw_id: &str, refusal: &Refusal) {
        let line = format!(r#"{{"id":{raw_id},"error":{}}}"#, refusal.to_json());
        self.outbox.push(Out::Message(line.into()));
    }

    fn count_error(&mut self) {
        self.errors += 1;
        if self.errors >= self.wiring.limits.protocol_errors {
            tracing::warn!(
                tab = self.id,
                errors = self.errors,
                "hang up on a client that makes only errors"
            );
            self.hung_up = true;
            self.outbox
                .push(Out::Close(1008, "too many protocol errors in a row"));
        }
    }
}

/// A line as a frame holds it: without its newline.
fn trimmed(line: Bytes) -> Bytes {
    let end = line.len() - usize::from(line.last() == Some(&b'\n'));
    line.slice(..end)
}
