//! The ordered events of one session: numbered once, encoded once, journalled, then published to all cursors.
//!
//! ```text
//! append (number, encode, fold) -> staged -> journal commit -> ring + head -> shown: tabs wake and read from their cursors
//! ```
//!
//! At most one batch of a session is with the journal; what is appended meanwhile becomes the next batch, so batches
//! grow with the load and nothing is published that is not durable. Streamed events pass through here and through no
//! actor's mailbox. It owns no process and no socket.
//!
//! Lock order: `write` before `read`; neither is held over an await or over a call into the journal.

mod change;
mod merge;
mod pace;
mod place;
mod reading;
mod replay;
mod requests;
mod ring;
pub mod snapshot;
mod state;
mod turns;
mod writer;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize},
    },
    time::{Duration, Instant, SystemTime},
};

use journal::{Batch, Journal, Session};
use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::{Notify, oneshot, watch},
};

pub(crate) use self::{
    change::{Change, text_field},
    place::Place,
    requests::{ServerRequest, Verdict},
    ring::Wanted,
    turns::{OpenItem, OpenTurn, TURN_ROW, TurnEnd, Waits, Went},
};
use self::{
    pace::Pace,
    replay::Replay,
    ring::Ring,
    turns::Turns,
    writer::{Staged, Taken, Writer},
};
use crate::{ids::ThreadId, metrics::Metrics};

/// Bounds of one feed: bytes, and patience.
#[derive(Debug, Clone, Copy)]
pub struct FeedLimits {
    /// Committed batches kept in memory; older ones are read from the journal.
    pub ring: usize,
    /// Encoded but not yet durable; at the bound the bridge stops reading from Codex.
    pub staged: usize,
    /// A running turn that has said nothing for this long is shown as stalled.
    pub stall: Duration,
}

/// A JSON string literal.
pub(crate) fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// One session's events. Shared by the bridge that writes, the session actor, and the tabs that read.
pub struct Feed {
    thread: ThreadId,
    journal: Journal,
    metrics: Arc<Metrics>,
    limits: FeedLimits,
    write: Mutex<Writer>,
    read: Mutex<Reader>,
    /// What was last read from the journal, and who reads there now: one tab at a time, the others then find it here.
    replay: Mutex<Replay>,
    replaying: tokio::sync::Mutex<()>,
    /// Seq of the last published event.
    head: watch::Sender<u64>,
    /// The last event that tabs have been told of; they read up to there, so that many of them write in step.
    shown: AtomicU64,
    /// The event that the bridge waits for tabs to reach; 0 while it does not.
    awaited: AtomicU64,
    /// Woken when a tab reaches it.
    followed: Notify,
    /// Where it is waited until tabs are told; without a runtime they are told at once.
    runtime: Option<Handle>,
    /// Woken when staged bytes fall under the limit.
    room: Notify,
    /// Woken when a turn began or ended, or a request came or went: the session actor looks again.
    control: Notify,
    /// Prompts in the session's queue; a figure for lists.
    waiting: AtomicUsize,
    /// Held while turns of another process are read in.
    importing: tokio::sync::Mutex<()>,
}

struct Reader {
    ring: Ring,
    pace: Pace,
    requests: Vec<Arc<ServerRequest>>,
    tabs: HashMap<u64, Subscriber>,
    next_tab: u64,
}

struct Subscriber {
    wake: Arc<Notify>,
    place: Arc<Place>,
    /// Speaks plain app-server protocol, so it may serve requests that the page cannot.
    native: bool,
}

/// A look at a session's turn state.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub turn: Option<OpenTurn>,
    pub staged_head: u64,
}

/// Keeps a tab woken by a feed until it is dropped.
pub struct Subscription {
    feed: Arc<Feed>,
    id: u64,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feed.read.lock().tabs.remove(&self.id);
        self.feed.followed.notify_waiters();
        self.feed.control.notify_one();
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed")
            .field("thread", &self.thread)
            .finish_non_exhaustive()
    }
}

impl Feed {
    /// The feed of a session as its row says; events up to `row.head` are in the journal.
    pub(crate) fn new(
        row: Session,
        journal: Journal,
        metrics: Arc<Metrics>,
        limits: FeedLimits,
    ) -> Arc<Self> {
        let head = row.head;
        Arc::new(Self {
            thread: ThreadId::from(row.thread.as_str()),
            journal,
            metrics,
            limits,
            write: Mutex::new(Writer {
                next_seq: head + 1,
                staged: Staged::default(),
                in_flight: false,
                turns: Turns::default(),
                row,
                dirty: false,
            }),
            read: Mutex::new(Reader {
                ring: Ring::new(limits.ring),
                pace: Pace::default(),
                requests: Vec::new(),
                tabs: HashMap::new(),
                next_tab: 0,
            }),
            replay: Mutex::new(Replay::new(limits.ring)),
            replaying: tokio::sync::Mutex::default(),
            head: watch::Sender::new(head),
            shown: AtomicU64::new(head),
            awaited: AtomicU64::new(0),
            followed: Notify::new(),
            runtime: Handle::try_current().ok(),
            room: Notify::new(),
            control: Notify::new(),
            waiting: AtomicUsize::new(0),
            importing: tokio::sync::Mutex::default(),
        })
    }

    pub(crate) fn thread(&self) -> &ThreadId {
        &self.thread
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Numbers, encodes and folds one message: a JSON object without newline, already redacted. Returns its seq, or
    /// `None` for the second end of a turn, which is dropped.
    pub(crate) fn append(&self, line: &str, change: Change<'_>) -> Option<u64> {
        let mut w = self.write.lock();
        w.append(line, change, &self.control)
    }

    /// Appends a notification of the host itself; `params` is a raw JSON object.
    pub(crate) fn append_host(&self, method: &str, params: &str) -> Option<u64> {
        self.append(
            &format!(r#"{{"method":"{method}","params":{params}}}"#),
            Change::Nothing,
        )
    }

    /// Hands what is staged to the journal, unless a batch is on its way: then it follows by itself.
    pub(crate) fn flush(self: &Arc<Self>) {
        self.flush_read_at(None);
    }

    /// The same for events of Codex that were read at this moment.
    pub(crate) fn flush_read_at(self: &Arc<Self>, read_at: Option<Instant>) {
        let staged = {
            let mut w = self.write.lock();
            if let Some(since) = &mut w.staged.since {
                *since = read_at.map_or(*since, |read_at| read_at.min(*since));
            }
            if w.in_flight || !w.has_staged() {
                return;
            }
            w.in_flight = true;
            w.take()
        };
        self.submit(staged);
    }

    fn submit(self: &Arc<Self>, taken: Taken) {
        let Taken { write, acks, since } = taken;
        let feed = Arc::clone(self);
        let batch = write.batch.clone();
        if let Err(rejected) = self
            .journal
            .commit(write, move || feed.committed(batch, acks, since))
        {
            // The queue has a place for each session's one batch whatever its size, so this is a journal that has been
            // closed: the host is going down, and what is not durable stays unpublished.
            tracing::warn!(session.id = %self.thread, err = %rejected, "journal takes no more events");
        }
    }

    /// Runs on the journal's writer thread, right after the commit.
    fn committed(
        self: Arc<Self>,
        batch: Option<Batch>,
        acks: Vec<oneshot::Sender<()>>,
        since: Option<Instant>,
    ) {
        if let Some(batch) = batch {
            self.publish(batch, since);
        }
        for ack in acks {
            // The asker may have gone; its prompt is durable all the same.
            let _ = ack.send(());
        }
        let next = {
            let mut w = self.write.lock();
            if w.has_staged() {
                Some(w.take())
            } else {
                w.in_flight = false;
                None
            }
        };
        self.room.notify_waiters();
        if let Some(next) = next {
            self.submit(next);
        }
    }

    /// Resolves when the staged bytes are under the limit. The bridge waits here before it reads on: backpressure.
    pub(crate) async fn room(&self) {
        loop {
            let notified = self.room.notified();
            if self.write.lock().staged.lines.len() < self.limits.staged {
                return;
            }
            notified.await;
        }
    }

    /// True when the bridge must wait in [`Feed::room`].
    pub(crate) fn is_full(&self) -> bool {
        self.write.lock().staged.lines.len() >= self.limits.staged
    }

    /// Adds a pending request behind the last appended event and wakes the tabs.
    pub(crate) fn open_request(&self, make: impl FnOnce(u64) -> ServerRequest) {
        let after = self.write.lock().next_seq - 1;
        let mut read = self.read.lock();
        read.requests.push(Arc::new(make(after)));
        for tab in read.tabs.values() {
            tab.wake.notify_one();
        }
        self.control.notify_one();
    }

    /// Takes a request away; the first caller gets it.
    pub(crate) fn take_request(
        &self,
        is_it: impl Fn(&ServerRequest) -> bool,
    ) -> Option<Arc<ServerRequest>> {
        let mut read = self.read.lock();
        let index = read.requests.iter().position(|request| is_it(request))?;
        let request = read.requests.remove(index);
        self.control.notify_one();
        Some(request)
    }

    /// The requests that nobody has answered, oldest first.
    pub(crate) fn requests(&self) -> Vec<Arc<ServerRequest>> {
        let read = self.read.lock();
        read.requests
            .iter()
            .filter(|request| request.is_open())
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests;
