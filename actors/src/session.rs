//! The session: one Codex thread as the host keeps it. It decides; others do.
//!
//! It owns the queue of prompts, forwards calls to the thread's Codex (waking it), judges answers to approvals, and parks
//! an idle Codex. Tabs ask it, bridge supervisors are told by it; it watches its feed and its supervisor's status. Its
//! death loses nothing: everything it knows is in the feed, the journal, or the status.

mod answers;
pub(crate) mod noted;
mod prompts;
pub(crate) mod settings;
mod submit;
pub(crate) mod summary;

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use journal::PromptState;
use kameo::{mailbox::Signal, prelude::*};
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

pub(crate) use self::{
    answers::AnswerRequest,
    prompts::{Prompts, view as view_prompts},
    submit::{EditPrompt, RemovePrompt, Submission, SubmitPrompt},
};
use crate::{
    bridge::{Answer, BridgeLink, CallError},
    feed::Feed,
    host::Wiring,
    rpc::{OVERLOADED, Refusal},
    supervisor::{BridgeStatus, Park, Purpose, Restart, Shutdown, SupervisorRef, Wake},
};

/// A session without Codex looks this often whether its actor is needed any more.
const REST_LOOK: Duration = Duration::from_secs(5);
/// Calls that wait for Codex to come up; one more is refused.
const HELD_CALLS: usize = 64;

/// The address of a session.
#[derive(Clone)]
pub(crate) struct SessionRef {
    pub(crate) actor: ActorRef<Session>,
    pub(crate) feed: Arc<Feed>,
}

/// The recipe of a session.
#[derive(Clone)]
pub(crate) struct SessionArgs {
    pub wiring: Arc<Wiring>,
    pub feed: Arc<Feed>,
    /// The supervisor whose process runs the thread already; a session without one gets its own.
    pub bridge: Option<SupervisorRef>,
}

/// One session.
pub(crate) struct Session {
    wiring: Arc<Wiring>,
    feed: Arc<Feed>,
    me: ActorRef<Session>,
    bridge: SupervisorRef,
    status: watch::Receiver<BridgeStatus>,
    prompts: Prompts,
    held: VecDeque<Call>,
    /// When the session last had something to do.
    busy_at: Instant,
    /// When it looks next whether it is needed.
    rest_at: Instant,
    /// The link whose history has settled the prompts that were on their way.
    reconciled: Option<u64>,
    /// Codex's history has been asked for and has not come.
    reading_history: bool,
}

/// Where a forwarded call's answer goes: first the way there, then the answer itself.
pub(crate) type CallReply = oneshot::Sender<Result<oneshot::Receiver<Answer>, Refusal>>;

impl Actor for Session {
    type Args = SessionArgs;
    type Error = Infallible;

    async fn on_start(args: SessionArgs, me: ActorRef<Self>) -> Result<Self, Infallible> {
        let SessionArgs {
            wiring,
            feed,
            bridge,
        } = args;
        let bridge = bridge.unwrap_or_else(|| {
            SupervisorRef::spawn(Arc::clone(&wiring), Purpose::Session(Arc::clone(&feed)))
        });
        wiring
            .directory
            .set_bridge(feed.thread().as_str(), bridge.clone());
        let prompts = restore_prompts(&feed).await;
        feed.set_waiting(prompts.waiting());
        let mut session = Self {
            status: bridge.status(),
            prompts,
            held: VecDeque::new(),
            busy_at: Instant::now(),
            rest_at: Instant::now() + REST_LOOK,
            reconciled: None,
            reading_history: false,
            wiring,
            feed,
            me,
            bridge,
        };
        session.finish_what_ended();
        session.start_by_need().await;
        Ok(session)
    }

    async fn next(
        &mut self,
        _: WeakActorRef<Self>,
        mailbox: &mut MailboxReceiver<Self>,
    ) -> Result<Option<Signal<Self>>, Infallible> {
        loop {
            self.drive().await;
            let idle_at = self.busy_at + self.wiring.codex.idle_timeout;
            let may_idle = matches!(*self.status.borrow(), BridgeStatus::Up(_));
            let may_rest = self.status.borrow().is_at_rest();
            tokio::select! {
                biased;
                signal = mailbox.recv() => return Ok(signal),
                changed = self.status.changed() => if changed.is_err() {
                    if self.wiring.closing.is_cancelled() {
                        return Ok(mailbox.recv().await);
                    }
                    self.replace_bridge();
                },
                () = self.feed.control_changed() => {}
                () = tokio::time::sleep_until(idle_at), if may_idle => self.park_when_idle().await,
                () = tokio::time::sleep_until(self.rest_at), if may_rest => {
                    if self.retires().await {
                        return Ok(None);
                    }
                    self.rest_at = Instant::now() + REST_LOOK;
                }
            }
        }
    }
}

/// The prompts that are not done, as the journal has them.
async fn restore_prompts(feed: &Arc<Feed>) -> Prompts {
    // After a failure of this actor its last writes may still be on their way.
    feed.flush();
    feed.published(feed.view().staged_head).await;
    let (journal, thread) = (feed.journal().clone(), feed.thread().to_string());
    match tokio::task::spawn_blocking(move || journal.prompts(&thread)).await {
        Ok(Ok(prompts)) => Prompts::restore(prompts),
        Ok(Err(err)) => {
            tracing::error!(session.id = %feed.thread(), err = %err, "read the session's prompts");
            Prompts::default()
        }
        Err(err) => {
            tracing::error!(session.id = %feed.thread(), err = %err, "read the session's prompts");
            Prompts::default()
        }
    }
}

impl Session {
    /// Looks at everything and does what is due. Level-triggered: it may run at any time and never does a thing twice.
    async fn drive(&mut self) {
        self.settle_requests();
        self.finish_prompts();
        let status = self.status.borrow_and_update().clone();
        match status {
            // Being stopped, or just dead: a wish for Codex makes the supervisor start the next at once.
            BridgeStatus::Up(link) if !link.is_open() => self.start_by_need().await,
            BridgeStatus::Up(link) if link.hosts(self.feed.thread()) => {
                self.release_held(&link);
                if self.reconciled == Some(link.incarnation) {
                    self.send_next_prompt(&link);
                } else {
                    self.reconcile(link);
                }
            }
            // The process belongs to another session and has lost this thread.
            BridgeStatus::Up(_) => self.replace_bridge(),
            BridgeStatus::Failed(_) | BridgeStatus::Quarantined(_) => self.refuse_held(&status),
            BridgeStatus::Parked => self.start_by_need().await,
            BridgeStatus::Starting | BridgeStatus::Backoff { .. } => {}
        }
    }

    /// A session that starts where no turn runs: what the journal calls running has had its end.
    fn finish_what_ended(&mut self) {
        if self.feed.view().turn.is_none() {
            let running = self.prompts.running();
            self.put(&running, PromptState::Done, None);
        }
    }

    async fn start_by_need(&self) {
        // What waits when the host goes down is in the journal, and waits for the next host.
        if self.wiring.closing.is_cancelled() {
            return;
        }
        if self.prompts.wants_codex() || !self.held.is_empty() {
            self.bridge.tell(Wake).await;
        }
    }

    /// A supervisor of its own instead of one that failed, or that belongs to another session.
    fn replace_bridge(&mut self) {
        self.feed
            .interrupt_open_turn("the process that ran this thread has gone");
        self.bridge = SupervisorRef::spawn(
            Arc::clone(&self.wiring),
            Purpose::Session(Arc::clone(&self.feed)),
        );
        self.status = self.bridge.status();
        self.status.mark_changed();
        self.reconciled = None;
        self.wiring
            .directory
            .set_bridge(self.feed.thread().as_str(), self.bridge.clone());
    }

    fn is_busy(&self) -> bool {
        self.prompts.wants_codex()
            || !self.held.is_empty()
            || self.feed.view().turn.is_some()
            || !self.feed.requests().is_empty()
    }

    async fn park_when_idle(&mut self) {
        self.busy_at = Instant::now();
        if !self.is_busy() {
            self.bridge.tell(Park { for_room: false }).await;
        }
    }

    /// Lets go of everything, when nothing is to do and nobody is there: whoever asks for the session finds it in the
    /// journal. What was not run waits there, too.
    async fn retires(&self) -> bool {
        self.feed.flush();
        if self.is_busy() || !self.wiring.directory.retire(&self.feed, &self.me) {
            return false;
        }
        // A process that threads share belongs to one of them.
        if self
            .wiring
            .directory
            .is_own_supervisor(&self.bridge, self.feed.thread())
        {
            self.bridge.tell(Shutdown).await;
        }
        true
    }

    /// Requests that no attached tab can serve are answered, so that no turn hangs. What people answer may wait.
    fn settle_requests(&self) {
        let (_, native) = self.feed.audience();
        if native > 0 {
            return;
        }
        while let Some(request) = self.feed.take_request(|request| !request.is_interactive()) {
            tracing::info!(session.id = %self.feed.thread(), method = request.method, "no attached tab serves this request of codex");
            let message = format!("no attached client serves {}", request.method);
            // A Codex that has ended waits no more.
            let _ = request
                .bridge
                .respond(&request.codex_id, Err((-32601, &message)));
        }
    }

    fn finish_prompts(&mut self) {
        // Codex's word that it took a prompt is no proof: its user message is.
        for id in self.prompts.uncertain() {
            if let Some(turn) = self.feed.turn_of_prompt(&id) {
                self.put(&[id], PromptState::Running, Some(&turn));
            }
        }
        let lost = self
            .prompts
            .without_message(|turn| self.feed.has_ended(turn));
        if !lost.is_empty() && !self.reading_history {
            self.reconciled = None; // Its turn is over and it did not come: Codex's history decides.
        }
        let ended = self.prompts.ended(|turn| self.feed.has_ended(turn));
        self.put(&ended, PromptState::Done, None);
    }

    /// Changes prompts and writes them; the change is visible when it is durable.
    fn put(&mut self, ids: &[String], state: PromptState, turn: Option<&str>) {
        let changed: Vec<_> = ids
            .iter()
            .filter_map(|id| self.prompts.set(id, state, turn))
            .collect();
        if !changed.is_empty() {
            self.busy_at = Instant::now();
            let _not_awaited = self.write(changed);
        }
    }

    fn write(&self, changed: Vec<journal::Prompt>) -> oneshot::Receiver<()> {
        self.feed.set_waiting(self.prompts.waiting());
        self.wiring.directory.touch();
        self.feed.put_prompts(
            changed,
            &self.prompts.changed_params(self.feed.thread().as_str()),
        )
    }

    fn release_held(&mut self, link: &Arc<BridgeLink>) {
        while let Some(call) = self.held.pop_front() {
            self.busy_at = Instant::now();
            call.send(link, &self.feed);
        }
    }

    fn refuse_held(&mut self, status: &BridgeStatus) {
        for call in self.held.drain(..) {
            let refusal =
                Refusal::unavailable(status.word(), status.cause().map(ToString::to_string));
            // The tab may have gone.
            let _ = call.reply.send(Err(refusal));
        }
    }
}

/// Forward a request to the thread's Codex, waking it.
pub(crate) struct Call {
    pub method: String,
    /// Raw JSON.
    pub params: Option<Bytes>,
    pub reply: CallReply,
}

impl Call {
    fn send(self, link: &BridgeLink, feed: &Arc<Feed>) {
        let params = self.params.as_deref().map(String::from_utf8_lossy);
        // Only these answers say where in the stream they stand.
        let placed = ["thread/resume", "thread/read", "thread/turns/list"];
        let feed = placed
            .contains(&self.method.as_str())
            .then(|| Arc::clone(feed));
        let called = link.call(&self.method, params.as_deref(), feed);
        let called = called.map_err(|err| match err {
            CallError::Full => Refusal::new(OVERLOADED, err.to_string()),
            CallError::Down => Refusal::unavailable("down", None),
        });
        // The tab may have gone.
        let _ = self.reply.send(called);
    }
}

impl SessionRef {
    /// True when the thread's own Codex runs.
    pub(crate) fn is_running(&self, wiring: &Wiring) -> bool {
        let live = wiring.directory.live(self.feed.thread().as_str());
        let bridge = live.and_then(|live| live.bridge);
        bridge.is_some_and(|bridge| {
            bridge
                .status()
                .borrow()
                .link()
                .is_some_and(|link| link.hosts(self.feed.thread()))
        })
    }
}

impl Message<Call> for Session {
    type Reply = ();

    async fn handle(&mut self, call: Call, _: &mut Context<Self, ()>) {
        self.busy_at = Instant::now();
        let status = self.status.borrow().clone();
        match &status {
            BridgeStatus::Up(link) if link.hosts(self.feed.thread()) && link.is_open() => {
                call.send(link, &self.feed)
            }
            BridgeStatus::Failed(cause) | BridgeStatus::Quarantined(cause) => {
                let _ = call.reply.send(Err(Refusal::unavailable(
                    status.word(),
                    Some(cause.to_string()),
                )));
            }
            _ if self.held.len() == HELD_CALLS => {
                let message =
                    format!("{HELD_CALLS} calls wait for codex to come up already; retry later");
                let _ = call.reply.send(Err(Refusal::new(OVERLOADED, message)));
            }
            // `drive` wakes Codex and sends it.
            _ => self.held.push_back(call),
        }
    }
}

/// Restart the thread's Codex on a person's wish.
pub(crate) struct RestartBridge;

impl Message<RestartBridge> for Session {
    type Reply = ();

    async fn handle(&mut self, _: RestartBridge, _: &mut Context<Self, ()>) {
        self.busy_at = Instant::now();
        self.bridge.tell(Restart).await;
    }
}
