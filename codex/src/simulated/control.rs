//! What can reach a running turn from outside: an interrupt, a steer, an answer, the end of the process. Every wait of a
//! turn is a wait here, so each takes effect at once.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use serde_json::Value;

use super::shapes::Content;

/// Pieces between two looks at whether to stop, when nothing is waited for.
const PIECES_A_CHECK: u64 = 256;

/// Why a turn leaves what it is doing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The person wants it to end.
    Interrupted,
    /// The person said something else; it is waiting in [`Control::steers`].
    Steered,
    /// The process ends cleanly.
    ShutDown,
    /// The turn failed by its own scenario, or a refused approval ended it; all messages about it are sent.
    Ended,
}

/// What a turn listens to while it does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heed {
    /// Interrupts, the end of the process, and what the person says: the model's own stream.
    Everything,
    /// Only what ends the turn: a command runs on when the person says something.
    Endings,
}

/// What the person says during a turn.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) content: Vec<Content>,
    pub(super) client_id: Option<String>,
}

/// The way into a running turn.
#[derive(Debug, Default)]
pub(super) struct Control {
    /// Set when `state` holds a reason to stop, to be asked without a lock.
    stop: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    interrupted: bool,
    shut_down: bool,
    steers: VecDeque<Said>,
    answer: Option<(i64, Value)>,
}

impl State {
    fn stop(&self, heed: Heed) -> Option<Stop> {
        if self.shut_down {
            Some(Stop::ShutDown)
        } else if self.interrupted {
            Some(Stop::Interrupted)
        } else if heed == Heed::Everything && !self.steers.is_empty() {
            Some(Stop::Steered)
        } else {
            None
        }
    }
}

impl Control {
    pub(super) fn interrupt(&self) {
        self.change(|state| state.interrupted = true);
    }

    pub(super) fn shut_down(&self) {
        self.change(|state| state.shut_down = true);
    }

    pub(super) fn steer(&self, said: Said) {
        self.change(|state| state.steers.push_back(said));
    }

    pub(super) fn answer(&self, request_id: i64, result: Value) {
        self.change(|state| state.answer = Some((request_id, result)));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        change(&mut state);
        self.stop
            .store(state.stop(Heed::Everything).is_some(), Ordering::Release);
        self.changed.notify_all();
    }

    /// Takes the next thing that was said; `None` when there is none.
    pub(super) fn next_steer(&self) -> Option<Said> {
        let mut state = self.state.lock();
        let said = state.steers.pop_front();
        self.stop
            .store(state.stop(Heed::Everything).is_some(), Ordering::Release);
        said
    }

    /// Asks for a reason to stop.
    pub(super) fn check(&self, heed: Heed) -> Result<(), Stop> {
        if !self.stop.load(Ordering::Acquire) {
            return Ok(());
        }
        self.state.lock().stop(heed).map_or(Ok(()), Err)
    }

    /// Waits until then.
    pub(super) fn wait_until(&self, deadline: Instant, heed: Heed) -> Result<(), Stop> {
        let mut state = self.state.lock();
        loop {
            if let Some(stop) = state.stop(heed) {
                return Err(stop);
            }
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                return Ok(());
            }
        }
    }

    /// Waits until piece `index` is due, after `flush` when that takes time. Without waiting it looks for a reason to stop
    /// only now and then.
    pub(super) fn pace(
        &self,
        due: Option<Duration>,
        index: u64,
        began: Instant,
        heed: Heed,
        flush: impl FnOnce(),
    ) -> Result<(), Stop> {
        match due {
            Some(due) if began.elapsed() < due => {
                flush();
                self.wait_until(began + due, heed)
            }
            _ if index.is_multiple_of(PIECES_A_CHECK) => self.check(heed),
            _ => Ok(()),
        }
    }

    /// Waits for a reason to stop.
    pub(super) fn wait(&self) -> Stop {
        let mut state = self.state.lock();
        loop {
            if let Some(stop) = state.stop(Heed::Everything) {
                return stop;
            }
            self.changed.wait(&mut state);
        }
    }

    /// Waits for the answer to this request. What is said meanwhile stays for later.
    pub(super) fn wait_for_answer(&self, request_id: i64) -> Result<Value, Stop> {
        let mut state = self.state.lock();
        loop {
            if let Some((_, result)) = state.answer.take_if(|(id, _)| *id == request_id) {
                return Ok(result);
            }
            if let Some(stop) = state.stop(Heed::Endings) {
                return Err(stop);
            }
            self.changed.wait(&mut state);
        }
    }
}
