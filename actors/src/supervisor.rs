//! The bridge supervisor: a stable address for a Codex that comes and goes.
//!
//! It starts Codex on demand, brings it up (handshake, then resume of the session's thread), decides about restarts, and
//! says in the session's feed what is going on. "Codex is not running" is a state here, not a failure. Sessions and the
//! service hold its ref and watch its status; the bridge tells it when the process ends. It awaits no child.

mod address;
mod backoff;
mod cause;
mod memory;
mod orders;
mod purpose;
mod reports;
mod rollout;
mod spare;
mod startup;
mod status;
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

#[cfg(test)]
pub(crate) use self::reports::Fail;
use self::{
    address::Figures,
    backoff::{Backoff, Verdict},
    reports::Respawn,
    story::{announce, settle},
};
pub(crate) use self::{
    address::SupervisorRef,
    backoff::RestartPolicy,
    cause::Cause,
    memory::resident,
    orders::{Adopt, Park, Restart, Shutdown, Wake},
    purpose::Purpose,
    reports::{BridgeEnded, BridgeSpawned},
    spare::Spare,
    status::BridgeStatus,
};
use crate::{
    bridge::{Bridge, BridgeArgs, BridgeLink},
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
        let after = self.figures.borrow().last_exit_kind;
        self.wiring.directory.metrics.codex_started(after);
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
        self.wiring.directory.metrics.codex_ended(cause.kind());
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
