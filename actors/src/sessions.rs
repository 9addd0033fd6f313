//! The keeper of all sessions: starts a session's actor when somebody needs it, and begins new sessions.
//!
//! Who exists is in the directory; this actor only starts, watches and stops. A session actor that dies by a bug is
//! started again from the journal, a few times; its Codex is not touched by that.

use std::{collections::HashMap, convert::Infallible, ops::ControlFlow, sync::Arc, time::Duration};

use bytes::Bytes;
use codex::message::ThreadOpened;
use kameo::{mailbox::Signal, prelude::*};
use tokio::{sync::oneshot, time::Instant};

use crate::{
    bridge::{Answer, BridgeLink},
    feed::Feed,
    host::Wiring,
    ids::ThreadId,
    rpc::{OVERLOADED, Refusal, UNAVAILABLE},
    session::{Session, SessionArgs, SessionRef, settings::note_opened},
    supervisor::{Adopt, BridgeStatus, Purpose, Shutdown, SupervisorRef, Wake},
};

/// Restarts of one session's actor within the window, after which it stays down until somebody asks for it.
const SESSION_RESTARTS: (usize, Duration) = (5, Duration::from_secs(60));

/// How often sessions that nobody needs any more are let go of.
const REST: Duration = Duration::from_secs(5);

/// The recipe: all state is in the wiring.
#[derive(Clone)]
pub(crate) struct SessionsArgs {
    pub wiring: Arc<Wiring>,
}

/// All session actors.
pub(crate) struct Sessions {
    wiring: Arc<Wiring>,
    me: ActorRef<Self>,
    running: HashMap<ActorId, ThreadId>,
    restarts: HashMap<ThreadId, Vec<Instant>>,
    rest_at: Instant,
}

impl Actor for Sessions {
    type Args = SessionsArgs;
    type Error = Infallible;

    fn name() -> &'static str {
        "sessions"
    }

    async fn on_start(args: SessionsArgs, me: ActorRef<Self>) -> Result<Self, Infallible> {
        args.wiring.restarts.sessions.count();
        let mut sessions = Self {
            wiring: args.wiring,
            me,
            running: HashMap::new(),
            restarts: HashMap::new(),
            rest_at: Instant::now() + REST,
        };
        // After a restart of this actor the session actors of its predecessor live on; they are linked anew.
        for live in sessions.wiring.directory.lives() {
            if let Some(session) = live.actor {
                sessions.me.link(&session.actor).await;
                sessions
                    .running
                    .insert(session.actor.id(), session.feed.thread().clone());
            }
        }
        Ok(sessions)
    }

    async fn next(
        &mut self,
        _: WeakActorRef<Self>,
        mailbox: &mut MailboxReceiver<Self>,
    ) -> Result<Option<Signal<Self>>, Infallible> {
        loop {
            tokio::select! {
                biased;
                signal = mailbox.recv() => return Ok(signal),
                () = tokio::time::sleep_until(self.rest_at) => {
                    self.wiring.directory.rest();
                    self.rest_at = Instant::now() + REST;
                }
            }
        }
    }

    async fn on_link_died(
        &mut self,
        _: WeakActorRef<Self>,
        id: ActorId,
        reason: ActorStopReason,
    ) -> Result<ControlFlow<ActorStopReason>, Infallible> {
        let Some(thread) = self.running.remove(&id) else {
            return Ok(ControlFlow::Continue(()));
        };
        self.wiring.directory.forget_actor(&thread, id);
        if matches!(reason, ActorStopReason::Normal) || self.wiring.closing.is_cancelled() {
            return Ok(ControlFlow::Continue(()));
        }
        let now = Instant::now();
        let restarts = self.restarts.entry(thread.clone()).or_default();
        restarts.retain(|at| now - *at < SESSION_RESTARTS.1);
        restarts.push(now);
        if restarts.len() > SESSION_RESTARTS.0 {
            tracing::error!(session.id = %thread, "a session's actor failed too often; it starts again when somebody asks for it");
        } else {
            tracing::error!(session.id = %thread, err = ?reason, "a session's actor failed; starting it again");
            self.open(thread.as_str()).await;
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl Sessions {
    async fn open(&mut self, thread: &str) -> Option<SessionRef> {
        let live = self.wiring.directory.live(thread)?;
        if let Some(session) = live.actor
            && session.actor.is_alive()
        {
            return Some(session);
        }
        let args = SessionArgs {
            wiring: Arc::clone(&self.wiring),
            feed: Arc::clone(&live.feed),
            bridge: live.bridge,
        };
        let mailbox = mailbox::bounded(self.wiring.limits.session_mailbox);
        let session = SessionRef {
            actor: Session::spawn_link_with_mailbox(&self.me, args, mailbox).await,
            feed: live.feed,
        };
        self.running
            .insert(session.actor.id(), session.feed.thread().clone());
        self.wiring.directory.set_actor(thread, session.clone());
        Some(session)
    }
}

/// Find a session and start its actor.
pub(crate) struct Open {
    pub thread: String,
}

impl Message<Open> for Sessions {
    type Reply = Result<SessionRef, Refusal>;

    async fn handle(&mut self, open: Open, _: &mut Context<Self, Self::Reply>) -> Self::Reply {
        self.open(&open.thread)
            .await
            .ok_or_else(|| Refusal::no_session(&open.thread))
    }
}

/// What a new session's begin gave.
pub(crate) struct Begun {
    pub feed: Arc<Feed>,
    /// Codex's answer to `thread/start`.
    pub result: Bytes,
}

/// Begin a new session: a Codex of its own, and `thread/start` with these params (raw JSON).
pub(crate) struct Begin {
    pub params: String,
    pub reply: oneshot::Sender<Result<Begun, Refusal>>,
}

impl Message<Begin> for Sessions {
    type Reply = ();

    async fn handle(&mut self, begin: Begin, _: &mut Context<Self, ()>) {
        let (count, limit) = (self.wiring.directory.count(), self.wiring.limits.sessions);
        if count >= limit {
            let message =
                format!("this host keeps {count} sessions, which is its limit (limits.sessions)");
            // The tab may have gone.
            let _ = begin.reply.send(Err(Refusal::new(OVERLOADED, message)));
            return;
        }
        let (wiring, me) = (Arc::clone(&self.wiring), self.me.clone());
        self.wiring.tracker.spawn(async move {
            let begun = give_birth(&wiring, &begin.params).await;
            if let Ok(begun) = &begun {
                // The actor must exist before anybody is told of the session.
                let thread = begun.feed.thread().to_string();
                let _ = me.ask(Open { thread }).send().await;
            }
            let _ = begin.reply.send(begun);
        });
    }
}

/// A fresh Codex, a thread in it, and the session that it becomes. A birth that fails leaves nothing behind.
async fn give_birth(wiring: &Arc<Wiring>, params: &str) -> Result<Begun, Refusal> {
    let bridge = SupervisorRef::spawn(
        Arc::clone(wiring),
        Purpose::Birth {
            cwd: cwd_of(params),
        },
    );
    let born = begin_thread(wiring, &bridge, params).await;
    if born.is_err() {
        bridge.tell(Shutdown).await;
    }
    born
}

/// The folder that `thread/start` names.
fn cwd_of(params: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Params {
        cwd: Option<String>,
    }
    serde_json::from_str::<Params>(params).ok()?.cwd
}

async fn begin_thread(
    wiring: &Arc<Wiring>,
    bridge: &SupervisorRef,
    params: &str,
) -> Result<Begun, Refusal> {
    let link = up(wiring, bridge).await?;
    let down = || Refusal::unavailable("down", None);
    let answer = link
        .call("thread/start", Some(params), None)
        .map_err(|_| down())?;
    let Answer { result, .. } = answer.await.map_err(|_| down())?;
    let result = result.map_err(Refusal::Codex)?;
    let opened: ThreadOpened<'_> = serde_json::from_slice(&result).map_err(|err| {
        Refusal::new(
            UNAVAILABLE,
            format!("codex answered thread/start with something else: {err}"),
        )
    })?;
    let thread = opened.thread.id.to_string();
    let feed = wiring.directory.adopt(&thread, &link);
    link.host(Arc::clone(&feed));
    note_opened(&feed, &result);
    wiring
        .directory
        .name_supervisor(bridge.actor().id(), &thread);
    bridge.tell(Adopt(Arc::clone(&feed))).await;
    Ok(Begun { feed, result })
}

/// Wakes a bridge and waits until it is usable, or has given up.
pub(crate) async fn up(
    wiring: &Wiring,
    bridge: &SupervisorRef,
) -> Result<Arc<BridgeLink>, Refusal> {
    bridge.tell(Wake).await;
    let mut status = bridge.status();
    let settled = status.wait_for(|status| {
        matches!(
            status,
            BridgeStatus::Up(_) | BridgeStatus::Failed(_) | BridgeStatus::Quarantined(_)
        )
    });
    // Long enough for a start and a restart after a first failure.
    let limit = wiring.codex.start_timeout * 2;
    match tokio::time::timeout(limit, settled).await {
        Ok(Ok(status)) => match &*status {
            BridgeStatus::Up(link) => Ok(Arc::clone(link)),
            other => Err(Refusal::unavailable(
                other.word(),
                other.cause().map(ToString::to_string),
            )),
        },
        Ok(Err(_)) => Err(Refusal::unavailable("down", None)),
        Err(_) => {
            let status = bridge.status().borrow().clone();
            Err(Refusal::unavailable(
                status.word(),
                status.cause().map(ToString::to_string),
            ))
        }
    }
}

/// Work at something until the other side is dropped, for tests.
#[cfg(test)]
pub(crate) struct Hang(pub(crate) oneshot::Receiver<()>);

#[cfg(test)]
impl Message<Hang> for Sessions {
    type Reply = ();

    async fn handle(&mut self, Hang(until): Hang, _: &mut Context<Self, ()>) {
        let _ = until.await;
    }
}
