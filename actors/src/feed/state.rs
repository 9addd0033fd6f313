//! What a feed knows of its session beside the events: the row, the running turn, prompts on their way to the journal.
//!
//! The turn's own state machine is `turns`; this asks it under the feed's lock.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use journal::{Decision, Prompt, Session};
use tokio::sync::oneshot;

use super::{Change, Feed, OpenItem, OpenTurn, Staged, TurnEnd, View, Waits, now_ms};

impl Feed {
    /// Changes the session's row; it is written with the next commit.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Session)) {
        let mut w = self.write.lock();
        change(&mut w.row);
        w.dirty = true;
    }

    /// What the running turn waits for; `None` when none runs.
    pub(crate) fn waits(&self) -> Option<Waits> {
        let waits = self.write.lock().turns.waits()?;
        Some(if self.requests().is_empty() {
            waits
        } else {
            Waits::Person
        })
    }

    /// How the last turn ended that ran under this host.
    pub(crate) fn last_end(&self) -> Option<TurnEnd> {
        self.write.lock().turns.last_end().cloned()
    }

    /// What Codex said when it began to ask its model again.
    pub(crate) fn retrying(&self) -> Option<String> {
        self.write.lock().turns.retrying().map(str::to_owned)
    }

    /// True when a turn runs and nothing has been heard of it for longer than the session's patience.
    pub(crate) fn is_stalled(&self) -> bool {
        let w = self.write.lock();
        let silent = Duration::from_millis(now_ms().saturating_sub(w.row.updated_ms));
        w.turns.open_turn().is_some() && silent >= self.limits.stall
    }

    /// A copy of the session's row, its head being the last staged event.
    pub(crate) fn row(&self) -> Session {
        self.write.lock().row.clone()
    }

    /// Stages prompts and the event that shows them; resolves when both are durable.
    pub(crate) fn put_prompts(
        self: &Arc<Self>,
        prompts: Vec<Prompt>,
        params: &str,
    ) -> oneshot::Receiver<()> {
        let (ack, durable) = oneshot::channel();
        {
            let mut w = self.write.lock();
            w.staged.prompts.extend(prompts);
            w.staged.acks.push(ack);
            let line = format!(r#"{{"method":"host/prompt/changed","params":{params}}}"#);
            w.append(&line, Change::Nothing, &self.control);
        }
        self.flush();
        durable
    }

    /// Stages the audit record of an answered request.
    pub(crate) fn put_decision(self: &Arc<Self>, decision: Decision) {
        self.write.lock().staged.decisions.push(decision);
        self.flush();
    }

    /// Opens the next generation: a bridge is about to start for this session.
    pub(crate) fn next_generation(&self) -> u64 {
        let mut w = self.write.lock();
        w.row.generation += 1;
        w.dirty = true;
        w.row.generation
    }

    /// Completes the open items with what had streamed, then ends the open turn, if there is one, as interrupted.
    pub(crate) fn interrupt_open_turn(self: &Arc<Self>, cause: &str) {
        {
            let mut w = self.write.lock();
            w.interrupt_open_turn(&self.thread, cause, &self.control);
        }
        self.flush();
    }

    /// Opens the turn that the row says was running; a replay of its events completes the picture.
    pub(crate) fn seed_turn(&self, turn: &journal::OpenTurn) {
        self.write.lock().turns.turn_started(OpenTurn {
            id: turn.turn_id.clone(),
            root: None,
            first_seq: turn.first_seq,
            started_ms: turn.started_ms,
        });
    }

    /// Replays one stored event into the fold, without numbering it: the way back after the host was killed.
    pub(crate) fn refold(&self, seq: u64, change: Change<'_>) {
        self.write.lock().fold(seq, change, &self.control);
    }

    /// After [`Feed::refold`]: the rows that the replay produced are in the journal already.
    pub(crate) fn refolded(&self) {
        self.write.lock().staged = Staged::default();
    }

    /// The turn state as of the last appended event.
    pub(crate) fn view(&self) -> View {
        let w = self.write.lock();
        View {
            turn: w.turns.open_turn().cloned(),
            staged_head: w.next_seq - 1,
        }
    }

    /// The items that are open, each as a reader should see it, and the last event that they include.
    pub(crate) fn open_items(&self) -> (u64, Vec<OpenItem>) {
        let w = self.write.lock();
        (w.next_seq - 1, w.turns.open_items().cloned().collect())
    }

    /// The turn in which the prompt with this id has come as a user message: proof that it ran.
    pub(crate) fn turn_of_prompt(&self, id: &str) -> Option<String> {
        let w = self.write.lock();
        w.turns.turn_of_message(id).map(str::to_owned)
    }

    /// True when the turn has had its end.
    pub(crate) fn has_ended(&self, turn: &str) -> bool {
        self.write.lock().turns.has_ended(turn)
    }

    /// How many prompts wait in the session's queue, for lists.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Set by the session actor.
    pub(crate) fn set_waiting(&self, waiting: usize) {
        self.waiting.store(waiting, Ordering::Relaxed);
    }

    /// Waits until nobody else reads turns of another process into this feed.
    pub(crate) async fn importing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.importing.lock().await
    }

    /// Makes the session actor look again.
    pub(crate) fn poke(&self) {
        self.control.notify_one();
    }

    /// Resolves when something changed that the session actor cares for. One waiter: the session actor.
    pub(crate) async fn control_changed(&self) {
        self.control.notified().await;
    }
}
