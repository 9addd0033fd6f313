//! The bridge supervisor: a stable address for a Codex that comes and goes.
//!
//! It starts Codex on demand, brings it up (handshake, then resume of the session's thread), decides about restarts, and
//! says in the session's feed what is going on. "Codex is not running" is a state here, not a failure. Sessions and the
//! service hold its ref and watch its status; the bridge tells it when the process ends. It awaits no child.

mod address;
mod backoff;
mod cause;
mod memory;
mod rollout;
mod spare;
mod startup;
mod story;
mod watchdog;

use std::{convert::Infallible, ops::ControlFlow, sync::Arc, time::Duration};

use codex::process::{Exit, SpawnError};
use kameo::prelude::*;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    task::AbortHandle,
    time::Instant,
};

use self::{
    address::Figures,
    backoff::{Backoff, Verdict},
    story::{announce, settle},
};
pub(crate) use self::{
    address::SupervisorRef, backoff::RestartPolicy, cause::Cause, memory::resident, spare::Spare,
};
use crate::{
    bridge::{BelongTo, Bridge, BridgeArgs, BridgeLink, StopBridge},
    feed::Feed,
    host::Wiring,
};

/// Messages that wait for a supervisor. Senders wait for a place.
const MAILBOX: usize = 64;
/// A bridge for which there is no room looks for some this often.
const ROOM_RETRY: Duration = Duration::from_millis(500);
/// A thread that another process works on is tried again this often.
const HELD_RETRY: Duration = Duration::from_secs(5);
/// Deaths during resume after which a thread is quarantined.
const DEATHS_IN_RESUME: u32 = 2;

/// What a bridge is for.
#[derive(Debug, Clone)]
pub(crate) enum Purpose {
    /// Requests that belong to no thread.
    Service,
    /// A session that is being born in this folder: Codex has not named its thread yet.
    Birth { cwd: Option<String> },
    /// This session.
    Session(Arc<Feed>),
}

impl Purpose {
    fn feed(&self) -> Option<&Arc<Feed>> {
        match self {
            Self::Session(feed) => Some(feed),
            Self::Service | Self::Birth { .. } => None,
        }
    }

    fn cwd(&self) -> Option<String> {
        match self {
            Self::Service => None,
            Self::Birth { cwd } => cwd.clone(),
            Self::Session(feed) => Some(feed.row().cwd),
        }
    }
}

/// How a bridge stands.
#[derive(Debug, Clone)]
pub(crate) enum BridgeStatus {
    /// No process, and none is wanted.
    Parked,
    /// A process is being brought up.
    Starting,
    /// Usable.
    Up(Arc<BridgeLink>),
    /// Waiting for the next start.
    Backoff {
        attempt: u32,
        until: Instant,
        cause: Cause,
    },
    /// Given up; a person has to retry.
    Failed(Cause),
    /// The thread killed its bridge while it was resumed; a person has to retry.
    Quarantined(Cause),
}

impl BridgeStatus {
    /// As the last host left it: what waits for a person goes on waiting for one.
    fn recorded(purpose: &Purpose) -> Self {
        let Purpose::Session(feed) = purpose else {
            return Self::Parked;
        };
        let row = feed.row();
        let cause = || Cause::Recorded(row.phase_reason.clone().unwrap_or_default());
        match row.phase.as_str() {
            "failed" => Self::Failed(cause()),
            "quarantined" => Self::Quarantined(cause()),
            _ => Self::Parked,
        }
    }

    /// The word on the wire.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::Starting => "starting",
            Self::Up(_) => "up",
            Self::Backoff { .. } => "backoff",
            Self::Failed(_) => "failed",
            Self::Quarantined(_) => "quarantined",
        }
    }

    /// True when nothing happens before somebody asks for it.
    pub(crate) fn is_at_rest(&self) -> bool {
        matches!(self, Self::Parked | Self::Failed(_) | Self::Quarantined(_))
    }

    /// Why it is not up, if there is a reason.
    pub(crate) fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Backoff { cause, .. } | Self::Failed(cause) | Self::Quarantined(cause) => {
                Some(cause)
            }
            Self::Parked | Self::Starting | Self::Up(_) => None,
        }
    }

    /// The running Codex.
    pub(crate) fn link(&self) -> Option<&Arc<BridgeLink>> {
        match self {
            Self::Up(link) => Some(link),
            _ => None,
        }
    }
}

/// The recipe of a supervisor.
pub(crate) struct SupervisorArgs {
    pub(super) wiring: Arc<Wiring>,
    pub(super) purpose: Purpose,
    pub(super) me: SupervisorRef,
    pub(super) status: watch::Sender<BridgeStatus>,
    pub(super) figures: watch::Sender<Figures>,
}

/// Keeps one Codex running, or says why not.
pub(crate) struct BridgeSupervisor {
    wiring: Arc<Wiring>,
    purpose: Purpose,
    me: SupervisorRef,
    status: watch::Sender<BridgeStatus>,
    figures: watch::Sender<Figures>,
    backoff: Backoff,
    incarnation: u64,
    bridge: Option<ActorRef<Bridge>>,
    link: Option<Arc<BridgeLink>>,
    /// Why the running process is being stopped, when we do that ourselves.
    stopping: Option<Cause>,
    /// Start again as soon as the process that is being stopped has ended.
    wanted: bool,
    resuming: bool,
    deaths_in_resume: u32,
    /// A person wants it whatever speaks against it.
    forced: bool,
    /// What the kernel's count of kills for memory was when it was last looked at.
    kills: Option<u64>,
    timer: Option<AbortHandle>,
    /// Its place among the processes that may run at once.
    room: Option<OwnedSemaphorePermit>,
}

impl Actor for BridgeSupervisor {
    type Args = SupervisorArgs;
    type Error = Infallible;

    async fn on_start(args: SupervisorArgs, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(Self {
            backoff: Backoff::new(args.wiring.restart_policy),
            wiring: args.wiring,
            purpose: args.purpose,
            me: args.me,
            status: args.status,
            figures: args.figures,
            incarnation: 0,
            bridge: None,
            link: None,
            stopping: None,
            wanted: false,
            resuming: false,
            deaths_in_resume: 0,
            forced: false,
            kills: None,
            timer: None,
            room: None,
        })
    }

    async fn on_link_died(
        &mut self,
        _: WeakActorRef<Self>,
        id: ActorId,
        reason: ActorStopReason,
    ) -> Result<ControlFlow<ActorStopReason>, Infallible> {
        if self.bridge.as_ref().is_none_or(|bridge| bridge.id() != id) {
            return Ok(ControlFlow::Continue(())); // An earlier incarnation.
        }
        // The bridge itself failed: it could not start its process, or it panicked. Its process is gone with it.
        let cause = match &reason {
            ActorStopReason::Panicked(panic) => panic
                .with_downcast_ref(|err: &SpawnError| Cause::SpawnFailed(err.to_string()))
                .unwrap_or_else(|| Cause::HostFault("the bridge's actor panicked".into())),
            other => Cause::HostFault(format!("{other:?}")),
        };
        let shutdown = matches!(self.stopping, Some(Cause::HostStopped));
        self.ended(cause);
        if shutdown {
            return Ok(ControlFlow::Break(ActorStopReason::Normal));
        }
        Ok(ControlFlow::Continue(()))
    }

    async fn on_stop(
        &mut self,
        _: WeakActorRef<Self>,
        _: ActorStopReason,
    ) -> Result<(), Infallible> {
        self.cancel_timer();
        // Only after a bug of this actor: what it would have settled.
        if let Some(link) = self.link.take() {
            link.close();
            for feed in link.feeds() {
                settle(&feed, &Cause::HostFault("its supervisor failed".into()));
            }
        }
        self.wiring
            .directory
            .remove_supervisor(self.me.actor().id());
        if let Some(bridge) = self.bridge.take() {
            let _gone_already = bridge.stop_gracefully().await;
        }
        Ok(())
    }
}

impl BridgeSupervisor {
    async fn start(&mut self) {
        self.cancel_timer();
        if self.wiring.closing.is_cancelled() {
            return;
        }
        if let (false, Some(main)) = (self.forced, self.purpose.feed())
            && let Err(cause) = rollout::check(&main.row(), self.wiring.codex.rollout_limit)
        {
            return self.publish(BridgeStatus::Quarantined(cause), None);
        }
        let warm = self.wiring.spare.take(&self.wiring).await;
        let (warm, room) = match warm {
            Some(spare::Warm { process, room }) => (Some(process), room),
            None => match Arc::clone(&self.wiring.bridges).try_acquire_owned() {
                Ok(room) => (None, room),
                Err(_) => {
                    // The one that has been quiet longest makes room; when all are busy, this one waits.
                    self.wiring.directory.park_quietest();
                    let cause = Cause::NoRoom(self.wiring.limits.bridges);
                    return self.retry_in(ROOM_RETRY, 0, cause);
                }
            },
        };
        self.room = Some(room);
        self.kills = memory::kills();
        self.incarnation += 1;
        self.wanted = false;
        if let Some(main) = self.purpose.feed() {
            main.next_generation();
        }
        self.publish(BridgeStatus::Starting, None);
        self.figures.send_modify(|figures| {
            figures.starts += 1;
            figures.restarts += u64::from(figures.starts > 1);
        });
        let cwd = self.purpose.cwd();
        let args = BridgeArgs {
            launch: self.wiring.launch(cwd.as_deref()),
            warm,
            max_line: self.wiring.limits.line_bytes,
            incarnation: self.incarnation,
            supervisor: self.me.clone(),
            redactor: Arc::clone(&self.wiring.redactor),
            directory: Arc::clone(&self.wiring.directory),
            purpose: self.purpose.clone(),
            alive: self.wiring.tracker.token(),
        };
        let mailbox = mailbox::bounded(self.wiring.limits.bridge_mailbox);
        self.bridge = Some(Bridge::spawn_link_with_mailbox(self.me.actor(), args, mailbox).await);
    }

    /// The process is gone. Settles what it left open, then decides.
    fn ended(&mut self, cause: Cause) {
        if let Some(bridge) = self.bridge.take() {
            bridge.kill();
        }
        self.room = None;
        let asked = self.stopping.take();
        let cause = asked.clone().unwrap_or_else(|| self.with_memory(cause));
        tracing::info!(cause = cause.kind(), detail = %cause, "codex ended");
        self.figures.send_modify(|figures| {
            figures.last_exit = Some(cause.to_string());
            figures.last_exit_kind = Some(cause.kind());
        });
        if let Some(link) = self.link.take() {
            link.close();
            for feed in link.feeds() {
                settle(&feed, &cause);
                self.wiring.directory.forget_ephemeral(feed.thread());
                if self
                    .purpose
                    .feed()
                    .is_none_or(|main| !Arc::ptr_eq(main, &feed))
                {
                    announce(&feed, "parked", Some(&cause), None);
                    feed.flush();
                }
            }
        } else if let Some(main) = self.purpose.feed() {
            settle(main, &cause);
        }
        if self.resuming {
            self.resuming = false;
            self.deaths_in_resume += u32::from(asked.is_none());
        }
        match asked {
            Some(Cause::HostStopped) => self.publish(BridgeStatus::Parked, Some(cause)),
            Some(_) if self.wanted => self.retry_in(Duration::ZERO, 0, cause),
            Some(Cause::Requested) => self.retry_in(Duration::ZERO, 0, cause),
            Some(_) => self.publish(BridgeStatus::Parked, Some(cause)),
            None => self.decide(cause),
        }
    }

    /// A SIGKILL that nobody here sent, while the kernel was killing for memory: that is what it was.
    fn with_memory(&self, cause: Cause) -> Cause {
        match cause {
            Cause::Exited {
                exit: Exit::Signal(9),
                stderr,
            } if memory::kills() > self.kills => Cause::OutOfMemory { stderr },
            cause => cause,
        }
    }

    fn decide(&mut self, cause: Cause) {
        if matches!(cause, Cause::Held) {
            // Not a crash: it is tried again until the other process has let go.
            return self.retry_in(HELD_RETRY, 0, cause);
        }
        if cause.needs_a_person() {
            return self.publish(BridgeStatus::Failed(cause), None);
        }
        if self.deaths_in_resume >= DEATHS_IN_RESUME {
            return self.publish(BridgeStatus::Quarantined(cause), None);
        }
        match self.backoff.on_exit(Instant::now(), fastrand::f64()) {
            Verdict::RetryIn { delay, attempt } => self.retry_in(delay, attempt, cause),
            Verdict::GiveUp { exits } => {
                tracing::error!(exits, "codex ended too often; waiting for a person");
                self.publish(BridgeStatus::Failed(cause), None);
            }
        }
    }

    fn retry_in(&mut self, delay: Duration, attempt: u32, cause: Cause) {
        let until = Instant::now() + delay;
        self.publish(
            BridgeStatus::Backoff {
                attempt,
                until,
                cause,
            },
            None,
        );
        let (me, after) = (self.me.clone(), self.incarnation);
        let timer = tokio::spawn(async move {
            tokio::time::sleep_until(until).await;
            me.tell(Respawn { after }).await;
        });
        self.timer = Some(timer.abort_handle());
    }

    fn cancel_timer(&mut self) {
        if let Some(timer) = self.timer.take() {
            timer.abort();
        }
    }

    /// Says it in the session's feed and to whoever watches. The event is published last: who has seen it and asks for the
    /// state must not hear the old one.
    fn publish(&mut self, status: BridgeStatus, reason: Option<Cause>) {
        if let Some(main) = self.purpose.feed() {
            let retry = match &status {
                BridgeStatus::Backoff { attempt, until, .. } => {
                    Some((*attempt, until.saturating_duration_since(Instant::now())))
                }
                _ => None,
            };
            let cause = status.cause().or(reason.as_ref());
            let failed = matches!(
                status,
                BridgeStatus::Failed(_) | BridgeStatus::Quarantined(_)
            );
            main.update(|row| {
                row.phase = if failed { status.word() } else { "" }.to_owned();
                row.phase_reason = failed.then(|| cause.map(Cause::to_string)).flatten();
            });
            announce(main, status.word(), cause, retry);
        }
        if let (BridgeStatus::Parked, Some(main)) = (&status, self.purpose.feed()) {
            main.forget_ring();
        }
        self.status.send_replace(status);
        self.wiring.directory.touch();
        if let Some(main) = self.purpose.feed() {
            main.flush();
        }
    }
}

// ---- messages ----

/// Somebody needs Codex.
pub(crate) struct Wake;

impl Message<Wake> for BridgeSupervisor {
    type Reply = ();

    async fn handle(&mut self, _: Wake, _: &mut Context<Self, ()>) {
        self.wanted = true;
        if matches!(*self.status.borrow(), BridgeStatus::Parked) && self.bridge.is_none() {
            self.start().await;
        }
    }
}

/// Nothing is to do: stop Codex until somebody needs it.
pub(crate) struct Park {
    /// However short it has been quiet: another session needs the room.
    pub for_room: bool,
}

impl Message<Park> for BridgeSupervisor {
    type Reply = ();

    async fn handle(&mut self, park: Park, _: &mut Context<Self, ()>) {
        // Other threads may share the process: it must have been quiet for all of them.
        let quiet = self.wiring.codex.idle_timeout / 2;
        let busy = self.link.as_ref().is_some_and(|link| {
            link.is_busy() || link.has_requests() || (!park.for_room && link.silence() < quiet)
        });
        if matches!(*self.status.borrow(), BridgeStatus::Up(_)) && !busy {
            self.wanted = false;
            self.stop(Cause::Idle).await;
        }
    }
}

/// A person wants a fresh Codex, whatever the state: also leaves `failed`, quarantine and a running backoff.
pub(crate) struct Restart;

impl Message<Restart> for BridgeSupervisor {
    type Reply = ();

    async fn handle(&mut self, _: Restart, _: &mut Context<Self, ()>) {
        self.backoff.reset();
        self.deaths_in_resume = 0;
        self.forced = true;
        if self.bridge.is_some() {
            self.stop(Cause::Requested).await;
        } else {
            self.start().await;
        }
    }
}

/// The host goes down.
pub(crate) struct Shutdown;

impl Message<Shutdown> for BridgeSupervisor {
    type Reply = ();

    async fn handle(&mut self, _: Shutdown, ctx: &mut Context<Self, ()>) {
        self.cancel_timer();
        if self.bridge.is_some() {
            self.stop(Cause::HostStopped).await;
        } else {
            ctx.stop();
        }
    }
}

impl BridgeSupervisor {
    pub(super) async fn stop(&mut self, cause: Cause) {
        if let Some(bridge) = &self.bridge {
            self.stopping = Some(cause.clone());
            // From here on nothing more goes to it; what comes waits for the next one.
            if let Some(link) = &self.link {
                link.close();
            }
            // A bridge that has just ended tells so itself.
            let _gone = bridge
                .tell(StopBridge {
                    cause,
                    at_once: false,
                })
                .send()
                .await;
        }
    }
}

/// The process of the nascent session has begun this thread.
pub(crate) struct Adopt(pub(crate) Arc<Feed>);

impl Message<Adopt> for BridgeSupervisor {
    type Reply = ();

    async fn handle(&mut self, Adopt(feed): Adopt, _: &mut Context<Self, ()>) {
        self.purpose = Purpose::Session(Arc::clone(&feed));
        if let Some(bridge) = &self.bridge {
            let _gone = bridge.tell(BelongTo(Arc::clone(&feed))).send().await;
        }
        announce(&feed, self.status.borrow().word(), None, None);
        feed.flush();
    }
}

/// From the bridge: the process runs.
pub(crate) struct BridgeSpawned {
    pub incarnation: u64,
    pub link: Arc<BridgeLink>,
}

impl Message<BridgeSpawned> for BridgeSupervisor {
    type Reply = ();

    async fn handle(&mut self, spawned: BridgeSpawned, _: &mut Context<Self, ()>) {
        if spawned.incarnation != self.incarnation || self.bridge.is_none() {
            return;
        }
        self.link = Some(Arc::clone(&spawned.link));
        self.resuming = self.purpose.feed().is_some_and(|main| main.row().resumable);
        let (me, wiring) = (self.me.clone(), Arc::clone(&self.wiring));
        let (purpose, forced) = (self.purpose.clone(), std::mem::take(&mut self.forced));
        self.wiring.tracker.spawn(async move {
            let result = startup::bring_up(&wiring, &spawned.link, &purpose, forced).await;
            let incarnation = spawned.incarnation;
            me.tell(BroughtUp {
                incarnation,
                result,
            })
            .await;
        });
    }
}

/// From the start-up: Codex is usable, or why it is not.
struct BroughtUp {
    incarnation: u64,
    result: Result<(), Cause>,
}

impl Message<BroughtUp> for BridgeSupervisor {
    type Reply = ();

    async fn handle(&mut self, up: BroughtUp, _: &mut Context<Self, ()>) {
        let (Some(link), true) = (
            self.link.clone(),
            up.incarnation == self.incarnation && self.stopping.is_none(),
        ) else {
            return;
        };
        match up.result {
            Ok(()) => {
                self.resuming = false;
                self.deaths_in_resume = 0;
                self.backoff.on_up(Instant::now());
                self.publish(BridgeStatus::Up(link), None);
                self.look_later();
            }
            // An end of the process during the start comes as such, with its exit.
            Err(_) if !link.is_open() => {}
            Err(cause) => {
                self.resuming = false;
                if let Some(bridge) = &self.bridge {
                    let _gone = bridge
                        .tell(StopBridge {
                            cause,
                            at_once: false,
                        })
                        .send()
                        .await;
                }
            }
        }
    }
}

/// From the bridge: the process has ended and all it wrote was taken in.
pub(crate) struct BridgeEnded {
    pub incarnation: u64,
    pub cause: Cause,
}

impl Message<BridgeEnded> for BridgeSupervisor {
    type Reply = ();

    async fn handle(&mut self, ended: BridgeEnded, ctx: &mut Context<Self, ()>) {
        if ended.incarnation == self.incarnation && self.bridge.is_some() {
            let shutdown = matches!(self.stopping, Some(Cause::HostStopped));
            self.ended(ended.cause);
            if shutdown {
                ctx.stop();
            }
        }
    }
}

/// From the timer.
struct Respawn {
    after: u64,
}

impl Message<Respawn> for BridgeSupervisor {
    type Reply = ();

    async fn handle(&mut self, respawn: Respawn, _: &mut Context<Self, ()>) {
        if respawn.after == self.incarnation && self.bridge.is_none() {
            self.start().await;
        }
    }
}

/// A bug of this actor, for tests.
#[cfg(test)]
pub(crate) struct Fail;

#[cfg(test)]
impl Message<Fail> for BridgeSupervisor {
    type Reply = ();

    async fn handle(&mut self, _: Fail, _: &mut Context<Self, ()>) {
        panic!("a bug, as a test wants it");
    }
}
