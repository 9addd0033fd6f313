//! What others want of a supervisor: a Codex, none, a fresh one, the end, another session.
//!
//! Not what comes back from the process and the timer: that is `reports`.

use std::sync::Arc;

use kameo::prelude::*;

use super::{BridgeStatus, BridgeSupervisor, Cause, Purpose, story::announce};
use crate::{
    bridge::{BelongTo, StopBridge},
    feed::Feed,
};

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
