//! What a supervisor hears of its own doings: from the bridge, from the start-up, from the timer.
//!
//! Not what others want of it: that is `orders`. What is late, of an earlier incarnation, changes nothing.

use std::sync::Arc;

use kameo::prelude::*;
use tokio::time::Instant;

use super::{BridgeStatus, BridgeSupervisor, Cause, startup};
use crate::bridge::{BridgeLink, StopBridge};

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

/// From the timer: it is time for the next start.
pub(super) struct Respawn {
    pub(super) after: u64,
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
