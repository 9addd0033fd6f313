//! Finding a Codex that lives but does not answer: stopped, hung, or lost in itself.
//!
//! A process that is busy and has said nothing for `codex.stall_timeout` is asked the cheapest of all questions. No answer
//! means that it will never end its turn, so it is killed and restarted like one that crashed. One that answers is left
//! alone: it waits for its model, and the session is shown as stalled.

use std::{sync::Arc, time::Duration};

use kameo::prelude::*;

use super::{BridgeStatus, BridgeSupervisor, Cause};
use crate::bridge::{BridgeLink, StopBridge};

/// How often a busy Codex is looked at, as a part of the stall timeout, and the bounds of that.
const LOOKS: u32 = 4;
const SHORTEST_LOOK: Duration = Duration::from_millis(250);
const LONGEST_LOOK: Duration = Duration::from_secs(15);
/// A healthy Codex answers the question in less than a millisecond.
const PATIENCE: Duration = Duration::from_secs(5);

/// From the timer: look whether Codex is alive.
pub(super) struct Look {
    incarnation: u64,
}

/// From the question.
struct Probed {
    incarnation: u64,
    answered: bool,
}

impl BridgeSupervisor {
    /// Looks at this incarnation again after a while. The timer ends with it: what comes late finds another number.
    pub(super) fn look_later(&self) {
        let (me, incarnation) = (self.me.clone(), self.incarnation);
        let wait = (self.wiring.codex.stall_timeout / LOOKS).clamp(SHORTEST_LOOK, LONGEST_LOOK);
        let closing = self.wiring.closing.clone();
        self.wiring.tracker.spawn(async move {
            let slept = closing.run_until_cancelled(tokio::time::sleep(wait)).await;
            if slept.is_some() {
                me.tell(Look { incarnation }).await;
            }
        });
    }

    fn probe(&self, link: &Arc<BridgeLink>) {
        let (me, incarnation) = (self.me.clone(), self.incarnation);
        let patience = PATIENCE.min(self.wiring.codex.stall_timeout);
        let asked = link.call("thread/loaded/list", Some("{}"), None);
        self.wiring.tracker.spawn(async move {
            let answered = match asked {
                Ok(answer) => tokio::time::timeout(patience, answer).await.is_ok(),
                // It has stopped reading, or has ended; its end is told by the bridge.
                Err(_) => false,
            };
            me.tell(Probed {
                incarnation,
                answered,
            })
            .await;
        });
    }
}

impl Message<Look> for BridgeSupervisor {
    type Reply = ();

    async fn handle(&mut self, look: Look, _: &mut Context<Self, ()>) {
        let up = match &*self.status.borrow() {
            BridgeStatus::Up(link) if look.incarnation == self.incarnation => Arc::clone(link),
            _ => return,
        };
        if up.is_held_back() {
            // We do not read: its answer would wait with all the rest. The silence is ours.
            up.heard();
        } else if up.is_busy() && up.silence() >= self.wiring.codex.stall_timeout {
            // A session that stalls changes its word in lists.
            self.wiring.directory.touch();
            self.probe(&up);
        }
        self.look_later();
    }
}

impl Message<Probed> for BridgeSupervisor {
    type Reply = ();

    async fn handle(&mut self, probed: Probed, _: &mut Context<Self, ()>) {
        if probed.answered || probed.incarnation != self.incarnation || self.stopping.is_some() {
            return;
        }
        if self.link.as_ref().is_some_and(|link| link.is_held_back()) {
            return;
        }
        if let Some(bridge) = &self.bridge {
            tracing::warn!("codex does not answer; it is killed");
            // One that has just ended tells so itself.
            let _gone = bridge
                .tell(StopBridge {
                    cause: Cause::Unresponsive,
                    at_once: true,
                })
                .send()
                .await;
        }
    }
}
