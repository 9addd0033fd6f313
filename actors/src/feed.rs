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
mod replay;
mod requests;
mod ring;
pub mod snapshot;
mod turns;
mod writer;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use journal::{Batch, Decision, Journal, Prompt, Session};
use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::{Notify, oneshot, watch},
};

pub(crate) use self::{
    change::{Change, text_field},
    place::Place,
    requests::{ServerRequest, Verdict},
    ring::{Given, Wanted},
    turns::{OpenItem, OpenTurn, TURN_ROW, TurnEnd, Waits, Went},
};
use self::{
    pace::{Due, Pace},
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

    // ---- writing ----

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

    fn publish(self: &Arc<Self>, batch: Batch, since: Option<Instant>) {
        let (last, bytes, now) = (batch.last, batch.lines.len(), Instant::now());
        self.metrics.committed(last + 1 - batch.first, bytes, since);
        let mut read = self.read.lock();
        read.ring.push(batch, since);
        self.head.send_replace(last);
        let tabs = read.tabs.len();
        match (read.pace.grown(bytes, tabs, now), &self.runtime) {
            (Due::At(then), Some(runtime)) => {
                let feed = Arc::clone(self);
                runtime.spawn(async move {
                    tokio::time::sleep_until(then.into()).await;
                    feed.show(&mut feed.read.lock(), true);
                });
            }
            (Due::Already, Some(_)) => {}
            (Due::Now, _) | (_, None) => self.show(&mut read, false),
        }
    }

    /// Tells the tabs of everything that is published.
    fn show(&self, read: &mut Reader, timed: bool) {
        read.pace.told(timed, Instant::now());
        let head = self.head();
        if self.shown.swap(head, Ordering::Release) == head {
            return;
        }
        for tab in read.tabs.values() {
            tab.wake.notify_one();
        }
    }

    /// Tells the tabs now: nothing more will come.
    pub(crate) fn show_all(&self) {
        self.show(&mut self.read.lock(), false);
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

    /// The event that some tab has not reached although half a ring is behind it, and not because of its client: the machine
    /// is at its limit, and whatever Codex says now takes the time in which tabs could be told of it.
    pub(crate) fn outruns(&self) -> Option<u64> {
        let read = self.read.lock();
        let near = read.ring.near(self.limits.ring / 2);
        let mut tabs = read.tabs.values();
        tabs.any(|tab| tab.place.is_kept_before(near))
            .then_some(near)
    }

    /// Waits until every tab is near, for `patience` at most.
    pub(crate) async fn followed(&self, patience: Duration) {
        let near = async {
            loop {
                let followed = self.followed.notified();
                let Some(near) = self.outruns() else {
                    return;
                };
                self.awaited.store(near, Ordering::Release);
                // A tab may have come there just before it was awaited.
                if self.outruns().is_some() {
                    followed.await;
                }
            }
        };
        // Then Codex may say more, whatever the tabs do.
        let _in_vain = tokio::time::timeout(patience, near).await;
        self.awaited.store(0, Ordering::Release);
    }

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

    // ---- requests ----

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

    // ---- reading ----

    /// Seq of the last published event.
    pub(crate) fn head(&self) -> u64 {
        *self.head.borrow()
    }

    /// Resolves when the event `seq` is published.
    pub(crate) async fn published(&self, seq: u64) {
        // The sender lives in self, so this cannot fail.
        let _ = self.head.subscribe().wait_for(|head| *head >= seq).await;
    }

    /// Wakes `wake` on each publication until the subscription is dropped; `place` is where the tab is.
    pub(crate) fn subscribe(
        self: &Arc<Self>,
        wake: Arc<Notify>,
        place: Arc<Place>,
        native: bool,
    ) -> Subscription {
        let mut read = self.read.lock();
        let id = read.next_tab;
        read.next_tab += 1;
        let tab = Subscriber {
            wake,
            place,
            native,
        };
        read.tabs.insert(id, tab);
        self.control.notify_one();
        Subscription {
            feed: Arc::clone(self),
            id,
        }
    }

    /// A parked session that nobody watches keeps no events in memory; the journal has them.
    pub(crate) fn forget_ring(&self) {
        let mut read = self.read.lock();
        if read.tabs.is_empty() {
            read.ring = Ring::new(self.limits.ring);
            *self.replay.lock() = Replay::new(self.limits.ring);
        }
    }

    /// True when nothing is open, waits, or is on its way to the journal, and no tab reads along: the session is then no
    /// more than its row.
    pub(crate) fn is_at_rest(&self) -> bool {
        let w = self.write.lock();
        let read = self.read.lock();
        w.turns.open_turn().is_none()
            && !w.in_flight
            && !w.has_staged()
            && self.waiting() == 0
            && read.tabs.is_empty()
            && read.requests.is_empty()
    }

    /// How many tabs are attached, and how many of them are native.
    pub(crate) fn audience(&self) -> (usize, usize) {
        let read = self.read.lock();
        let native = read.tabs.values().filter(|tab| tab.native).count();
        (read.tabs.len(), native)
    }

    /// How many events each attached tab has still to be given.
    pub(crate) fn lags(&self) -> Vec<u64> {
        let head = self.head();
        let read = self.read.lock();
        let cursors = read.tabs.values().map(|tab| tab.place.cursor());
        cursors.map(|cursor| head.saturating_sub(cursor)).collect()
    }

    /// Published events from the ring: slices of shared batches, newline-terminated lines. `None`: the ring no longer reaches
    /// back that far, so read the journal. Otherwise the last seq given (or `after`).
    pub(crate) fn read(
        &self,
        place: &Place,
        wanted: Wanted,
        out: &mut Vec<Bytes>,
    ) -> Option<Given> {
        let before = place.reached(wanted.after);
        let awaited = self.awaited.load(Ordering::Acquire);
        if before < awaited && awaited <= wanted.after {
            self.followed.notify_waiters();
        }
        let until = self.shown.load(Ordering::Acquire).min(wanted.until);
        if wanted.after >= until {
            return Some(Given {
                cursor: wanted.after,
                since: None,
            });
        }
        self.read.lock().ring.read(Wanted { until, ..wanted }, out)
    }

    /// Waits until no other tab reads this session from the journal.
    pub(crate) async fn replaying(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.replaying.lock().await
    }

    /// The same from what another tab has read from the journal a moment ago; `None`: it is not there.
    pub(crate) fn read_again(&self, wanted: Wanted, out: &mut Vec<Bytes>) -> Option<u64> {
        self.replay.lock().read(wanted, out)
    }

    /// The same from the journal; blocking. With `merged`, deltas of complete items are left out, see `merge`.
    pub(crate) fn read_stored(
        &self,
        wanted: Wanted,
        merged: bool,
    ) -> Result<(u64, Vec<Bytes>), journal::ReadError> {
        let Wanted {
            after,
            until,
            budget,
        } = wanted;
        let batches = self.journal.events(self.thread.as_str(), after, budget)?;
        if !merged {
            self.replay.lock().keep(&batches);
        }
        let (mut cursor, mut lines) = (after, Vec::new());
        for batch in batches.iter().take_while(|batch| batch.first <= until) {
            if batch.first > cursor + 1 {
                break; // Compacted away in between: the caller begins again from a snapshot.
            }
            let part = Batch {
                first: batch.first.max(after + 1),
                last: batch.last.min(until),
                lines: ring::between(batch, after, until),
            };
            cursor = part.last;
            lines.push(if merged {
                merge::merge(&self.journal, self.thread.as_str(), &part)?
            } else {
                part.lines
            });
        }
        Ok((cursor, lines))
    }
}

#[cfg(test)]
mod tests;
