//! Finding a Codex that lives but does not answer: stopped, hung, or lost in itself.
//!
//! A process that is busy and has said nothing for `codex.stall_timeout` is asked the cheapest of all questions. No answer
//! means that it will never end its turn, so it is killed and restarted like one that crashed. One that answers waits for
//! its model, a command or a person: the session is shown as stalled, and `codex.stall_policy` says whether a turn that
//! waits for its model is interrupted. The same look finds a Codex that holds too much memory.

use std::{sync::Arc, time::Duration};

use config::StallPolicy;
use kameo::prelude::*;

use super::{BridgeStatus, BridgeSupervisor, Cause, memory};
use crate::{
    bridge::{BridgeLink, StopBridge},
    feed::{Feed, Waits, json_string},
};

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

impl BridgeSupervisor {
    /// Why a Codex with nothing to do should be stopped all the same.
    fn over_memory(&self, link: &BridgeLink) -> Option<Cause> {
        let limit = self.wiring.codex.memory_limit?;
        let bytes = memory::resident(link.pid).filter(|bytes| *bytes > limit)?;
        let idle = !link.is_busy() && !link.has_requests();
        idle.then_some(Cause::OverMemory { bytes, limit })
    }

    /// Codex lives, so it is the model that says nothing.
    fn interrupt_silent_turns(&self) {
        let Some(link) = &self.link else { return };
        if self.wiring.codex.stall_policy == StallPolicy::Interrupt {
            let feeds = link.feeds();
            let silent = feeds
                .iter()
                .filter(|feed| feed.is_stalled() && feed.waits() == Some(Waits::Model));
            silent.for_each(|feed| self.interrupt_silent(link, feed));
        }
    }

    fn interrupt_silent(&self, link: &BridgeLink, feed: &Arc<Feed>) {
        let Some(turn) = feed.view().turn else { return };
        let (thread, id) = (json_string(feed.thread().as_str()), json_string(&turn.id));
        let params = format!(r#"{{"threadId":{thread},"turnId":{id}}}"#);
        // A Codex that takes no call now is looked at again.
        if link.call("turn/interrupt", Some(&params), None).is_ok() {
            let after = humantime::format_duration(self.wiring.codex.stall_timeout);
            tracing::warn!(session.id = %feed.thread(), "interrupt a turn whose model says nothing");
            let why = json_string(&format!(
                "nothing came from the model for {after}, so the turn is interrupted (codex.stall_policy)"
            ));
            let params = format!(
                r#"{{"threadId":{thread},"turnId":{id},"error":{{"message":{why}}},"willRetry":false}}"#
            );
            feed.append_host("error", &params);
            feed.flush();
        }
    }
}

impl Message<Look> for BridgeSupervisor {
    type Reply = ();

    async fn handle(&mut self, look: Look, _: &mut Context<Self, ()>) {
        let up = match &*self.status.borrow() {
            BridgeStatus::Up(link) if look.incarnation == self.incarnation => Arc::clone(link),
            _ => return,
        };
        self.kills = memory::kills();
        if let Some(cause) = self.over_memory(&up) {
            self.wanted = false;
            return self.stop(cause).await;
        }
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
        if probed.incarnation != self.incarnation || self.stopping.is_some() {
            return;
        }
        if probed.answered {
            return self.interrupt_silent_turns();
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
