//! Where writes wait for the writer, and where each is judged before it may wait.
//!
//! It knows nothing of SQLite. Its lock is held for moments only, so handing a write in never waits for the disk.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::error::{Rejected, Rejection};
use crate::records::{Batch, Write};
use crate::schema::SEQ_MAX;

/// Largest write. SQLite takes a gigabyte a value; what is larger than this is a bug or an attack, not a session.
const WRITE_BYTES: usize = 256 * 1024 * 1024;

/// A group of at least this much is not made to wait for more: it fills four pages of the log.
const SMALL_BYTES: usize = 16 * 1024;

/// Calls to make after the commit.
pub(crate) type Done = Box<dyn FnOnce() + Send>;

/// A write that waits.
pub(crate) struct Queued {
    /// What is to be written.
    pub write: Write,
    /// What is to be called after the commit.
    pub done: Done,
    /// The write's size.
    pub bytes: usize,
}

/// What the writer gets when it asks for work.
pub(crate) enum Taken {
    /// Writes for one transaction, in the order in which they came.
    Group(Vec<Queued>),
    /// None came in time.
    Nothing,
    /// None will come any more.
    Closed,
}

/// The queue between those who write and the writer thread.
pub(crate) struct Queue {
    limits: Limits,
    state: Mutex<State>,
    /// Something came, or the queue is closing: for the writer.
    arrived: Condvar,
    /// The writer has ended: for who closes.
    ended: Condvar,
}

/// The queue's bounds, from the options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Most writes that wait or are being written.
    pub writes: usize,
    /// Most bytes of those.
    pub bytes: usize,
    /// Most writes in a group.
    pub group: usize,
    /// Most bytes in a group.
    pub group_bytes: usize,
}

struct State {
    waiting: VecDeque<Queued>,
    /// Writes that wait or are in the group being written.
    writes: usize,
    /// Bytes of those.
    bytes: usize,
    /// `seq` of the newest event of each thread that was accepted, written or not yet.
    heads: HashMap<String, u64>,
    phase: Phase,
    /// The writer waits for a group to grow.
    gathering: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Closing { until: Instant },
    Ended,
}

impl Queue {
    /// A queue that knows the newest event of each thread.
    pub(crate) fn new(limits: Limits, heads: HashMap<String, u64>) -> Self {
        Self {
            limits,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                writes: 0,
                bytes: 0,
                heads,
                phase: Phase::Open,
                gathering: false,
            }),
            arrived: Condvar::new(),
            ended: Condvar::new(),
        }
    }

    /// Lets a write wait, or gives it back.
    pub(crate) fn push(&self, write: Write, done: Done) -> Result<(), Box<Rejected>> {
        let bytes = size(&write);
        let reject = |write, done, reason| {
            Err(Box::new(Rejected {
                write,
                done,
                reason,
            }))
        };
        if let Err(reason) = check_form(&write, bytes) {
            return reject(write, done, reason);
        }
        let mut state = self.state.lock();
        if let Err(reason) = self
            .check_room(&state, bytes)
            .and_then(|()| state.check_order(&write))
        {
            drop(state);
            return reject(write, done, reason);
        }
        if let Some(batch) = &write.batch {
            match state.heads.get_mut(&write.thread) {
                Some(head) => *head = batch.last,
                None => {
                    state.heads.insert(write.thread.clone(), batch.last);
                }
            }
        }
        state.writes += 1;
        state.bytes += bytes;
        state.waiting.push_back(Queued { write, done, bytes });
        // A writer that gathers is woken once, not by each write.
        let wake = !state.gathering || !state.is_small();
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// The next group; waits for one until `until`. Before `gather_until` a group that is not worth a transaction of its own
    /// waits for more.
    pub(crate) fn take(&self, until: Instant, gather_until: Option<Instant>) -> Taken {
        let mut state = self.state.lock();
        loop {
            if !state.waiting.is_empty() {
                break;
            }
            if state.phase != Phase::Open {
                return Taken::Closed;
            }
            if self.arrived.wait_until(&mut state, until).timed_out() {
                return Taken::Nothing;
            }
        }
        if let Some(gather_until) = gather_until {
            state.gathering = true;
            while state.is_small() && state.phase == Phase::Open {
                if self
                    .arrived
                    .wait_until(&mut state, gather_until)
                    .timed_out()
                {
                    break;
                }
            }
            state.gathering = false;
        }
        Taken::Group(state.group(self.limits))
    }

    /// Makes room for as much as was written.
    pub(crate) fn written(&self, writes: usize, bytes: usize) {
        let mut state = self.state.lock();
        state.writes -= writes;
        state.bytes -= bytes;
    }

    /// Waits until `until` before the next try. `false`: the queue is closing and its time is over.
    pub(crate) fn pause(&self, until: Instant) -> bool {
        let mut state = self.state.lock();
        loop {
            let wake = match state.phase {
                Phase::Closing { until: end } if Instant::now() >= end => return false,
                Phase::Closing { until: end } => until.min(end),
                Phase::Open | Phase::Ended => until,
            };
            if Instant::now() >= until {
                return true;
            }
            self.arrived.wait_until(&mut state, wake);
        }
    }

    /// Writes that wait or are being written.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().writes
    }

    /// Takes no more writes; those that wait may still be written until `until`.
    pub(crate) fn close(&self, until: Instant) {
        let mut state = self.state.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closing { until };
        }
        drop(state);
        self.arrived.notify_all();
    }

    /// Waits until the writer has ended, and says how many writes are left over. `None`: it has not ended in time.
    pub(crate) fn wait_ended(&self, until: Instant) -> Option<usize> {
        let mut state = self.state.lock();
        while state.phase != Phase::Ended {
            if self.ended.wait_until(&mut state, until).timed_out() {
                return None;
            }
        }
        Some(state.writes)
    }

    /// The writer has ended. What still waits is dropped, its calls never made.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        state.phase = Phase::Ended;
        let dropped = std::mem::take(&mut state.waiting);
        drop(state);
        self.ended.notify_all();
        drop(dropped);
    }

    fn check_room(&self, state: &State, bytes: usize) -> Result<(), Rejection> {
        if state.phase != Phase::Open {
            return Err(Rejection::Closed);
        }
        let full = state.writes >= self.limits.writes
            || (state.writes > 0 && state.bytes.saturating_add(bytes) > self.limits.bytes);
        if full {
            return Err(Rejection::Full {
                writes: state.writes,
                bytes: state.bytes,
            });
        }
        Ok(())
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What waits may be what people typed.
        f.debug_struct("Queue")
            .field("limits", &self.limits)
            .field("writes", &self.len())
            .finish_non_exhaustive()
    }
}

impl State {
    /// A batch must follow what was accepted before, or a hole or a double would be stored.
    fn check_order(&self, write: &Write) -> Result<(), Rejection> {
        let Some(batch) = &write.batch else {
            return Ok(());
        };
        let expected = self.heads.get(&write.thread).map_or(1, |head| head + 1);
        if batch.first != expected {
            return Err(Rejection::Gap {
                thread: write.thread.clone(),
                expected,
                found: batch.first,
            });
        }
        Ok(())
    }

    /// Whether what waits fills so little that it may as well share its pages with what comes next. Nothing is being written
    /// while the writer asks.
    fn is_small(&self) -> bool {
        self.bytes < SMALL_BYTES
    }

    fn group(&mut self, limits: Limits) -> Vec<Queued> {
        let mut bytes = 0;
        let fits = self
            .waiting
            .iter()
            .take(limits.group)
            .take_while(|queued| {
                bytes += queued.bytes;
                bytes <= limits.group_bytes
            })
            .count();
        self.waiting.drain(..fits.max(1)).collect()
    }
}

/// What can be judged without knowing what came before.
fn check_form(write: &Write, bytes: usize) -> Result<(), Rejection> {
    let malformed = |what: &str| {
        Err(Rejection::Malformed {
            thread: write.thread.clone(),
            what: what.to_owned(),
        })
    };
    if bytes > WRITE_BYTES {
        return Err(Rejection::TooLarge {
            thread: write.thread.clone(),
            bytes,
            limit: WRITE_BYTES,
        });
    }
    let of_a_session = write.batch.is_some()
        || write.session.is_some()
        || !(write.items.is_empty() && write.prompts.is_empty() && write.decisions.is_empty());
    if write.thread.is_empty() && of_a_session {
        return malformed("it names no session");
    }
    match &write.batch {
        Some(batch) if batch.first == 0 || batch.last < batch.first || batch.last > SEQ_MAX => {
            malformed("its batch has impossible event numbers")
        }
        Some(batch) if lines(batch) != Some(batch.last - batch.first + 1) => {
            malformed("its batch does not hold one line an event")
        }
        _ => Ok(()),
    }
}

/// Number of newline-terminated lines, `None` when the last one is not terminated.
fn lines(batch: &Batch) -> Option<u64> {
    (batch.lines.last() == Some(&b'\n'))
        .then(|| memchr::memchr_iter(b'\n', &batch.lines).count() as u64)
}

/// About how many bytes a write holds.
fn size(write: &Write) -> usize {
    let batch = write.batch.as_ref().map_or(0, |batch| batch.lines.len());
    let items: usize = write
        .items
        .iter()
        .map(|item| item.json.len() + item.text.len())
        .sum();
    let prompts: usize = write
        .prompts
        .iter()
        .map(|prompt| {
            prompt.input.len()
                + prompt.shown.len()
                + prompt.overrides.as_ref().map_or(0, String::len)
        })
        .sum();
    let decisions: usize = write
        .decisions
        .iter()
        .map(|decision| decision.extra.len())
        .sum();
    let session = write
        .session
        .as_ref()
        .map_or(0, |session| session.extra.len());
    batch + items + prompts + decisions + session
}
