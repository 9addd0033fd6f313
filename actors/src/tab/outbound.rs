//! What a tab writes next: first what is meant for it alone, then the events behind its cursors.
//!
//! A tab is a cursor, not a queue of events: at most one write batch is taken from the feeds at a time, as slices of
//! shared batches. What is older than the ring is read from the journal.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::{sync::Notify, task::JoinHandle, time::Instant};

use super::{Frame, Framing};
use crate::{
    directory::Directory,
    feed::{Feed, Place, Subscription, Wanted, snapshot},
    ids::ThreadId,
    tab::attach::snapshot_fields,
};

/// Messages for one tab that it has not taken yet. Answers are bounded by the calls that a tab may have open, so this is
/// reached only by a tab that does not read while the host has news for it: then the tab is closed and may come back.
const MAX_QUEUED: usize = 4096;
/// Bytes of those messages.
const MAX_QUEUED_BYTES: usize = 64 << 20;

/// The host goes down: the last events of its sessions come first.
pub(crate) const GOING_AWAY: u16 = 1001;

/// The tab's connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tab is gone")]
pub struct Gone;

/// How often a tab that does not look at the list is told that it has changed.
const UNREAD_CHANGES: Duration = Duration::from_secs(2);

/// The place where others leave messages for a tab.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    wake: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Queue {
    out: VecDeque<Out>,
    bytes: usize,
    closed: bool,
    /// Notifications that the client does not want, by method.
    unwanted: Arc<[String]>,
    list: List,
}

/// What a tab knows of the list of sessions.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum List {
    /// What it has read last, or nothing.
    #[default]
    Read,
    /// It was told then that there is something new to read.
    Told(Instant),
    /// The same, and there have been changes since.
    Owed(Instant),
}

/// Something for one tab.
#[derive(Debug)]
pub(crate) enum Out {
    /// A message without newline.
    Message(Bytes),
    /// Answer, then follow a session.
    Attach { response: Bytes, follow: Follow },
    /// Stop following, then answer.
    Detach { response: Bytes, thread: ThreadId },
    /// Hang up.
    Close(u16, &'static str),
}

/// From where a tab follows a session.
#[derive(Debug)]
pub(crate) struct Follow {
    pub(crate) feed: Arc<Feed>,
    /// The first event is the one behind this.
    pub(crate) after: u64,
    /// Leave superseded deltas out when catching up from the journal.
    pub(crate) merged: bool,
}

impl Follow {
    /// Every event behind `after`.
    pub(crate) fn each(feed: Arc<Feed>, after: u64) -> Self {
        Self {
            feed,
            after,
            merged: false,
        }
    }
}

impl Outbox {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::default(),
            wake: Arc::new(Notify::new()),
        })
    }

    /// Leaves something for the tab; a closed tab needs nothing.
    pub(crate) fn push(&self, out: Out) {
        let mut queue = self.queue.lock();
        if queue.closed {
            return;
        }
        let bytes = match &out {
            Out::Message(bytes)
            | Out::Attach {
                response: bytes, ..
            }
            | Out::Detach {
                response: bytes, ..
            } => bytes.len(),
            Out::Close(..) => 0,
        };
        if queue.out.len() >= MAX_QUEUED || queue.bytes + bytes > MAX_QUEUED_BYTES {
            queue.out.clear();
            queue
                .out
                .push_back(Out::Close(1008, "too many messages wait for this tab"));
            queue.closed = true;
        } else {
            queue.bytes += bytes;
            let last = matches!(out, Out::Close(..));
            queue.out.push_back(out);
            queue.closed = last;
        }
        self.wake.notify_one();
    }

    /// Leaves word that the list of sessions has changed, now if `is_new`, else some time before. A tab that has not read the
    /// list since it was told last is told again only after a while; until when it is owed that, if it is.
    pub(crate) fn tell_change(&self, line: &Bytes, is_new: bool, now: Instant) -> Option<Instant> {
        {
            let mut queue = self.queue.lock();
            match queue.list {
                List::Read | List::Told(_) if !is_new => return None,
                List::Told(then) | List::Owed(then) if now < then + UNREAD_CHANGES => {
                    queue.list = List::Owed(then);
                    return Some(then + UNREAD_CHANGES);
                }
                _ => queue.list = List::Told(now),
            }
        }
        self.push(Out::Message(line.clone()));
        None
    }

    /// The tab reads the list of sessions now.
    pub(crate) fn list_is_read(&self) {
        self.queue.lock().list = List::Read;
    }

    fn take(&self) -> VecDeque<Out> {
        let mut queue = self.queue.lock();
        queue.bytes = 0;
        std::mem::take(&mut queue.out)
    }

    fn is_over(&self) -> bool {
        let queue = self.queue.lock();
        queue.closed && queue.out.is_empty()
    }

    /// Ends the tab without a word: its socket is gone.
    pub(crate) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        queue.out.clear();
        self.wake.notify_one();
    }

    pub(crate) fn set_unwanted(&self, methods: Vec<String>) {
        self.queue.lock().unwanted = methods.into();
    }

    fn unwanted(&self) -> Arc<[String]> {
        Arc::clone(&self.queue.lock().unwanted)
    }
}

/// The side of a tab that writes.
pub struct TabOutbound {
    outbox: Arc<Outbox>,
    readers: Vec<Reader>,
    framing: Framing,
    /// Bytes taken from the feeds for one write.
    batch_bytes: usize,
    directory: Arc<Directory>,
    /// The tab hangs up with this when all before it is written.
    close: Option<(u16, &'static str)>,
    /// When the oldest event of the batch that is being written was read from Codex.
    since: Option<std::time::Instant>,
}

impl std::fmt::Debug for TabOutbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TabOutbound")
            .field("readers", &self.readers)
            .finish_non_exhaustive()
    }
}

/// A cursor into one session.
struct Reader {
    feed: Arc<Feed>,
    place: Arc<Place>,
    _subscription: Subscription,
    cursor: u64,
    /// The head when the tab came: what is up to there it catches up on, which is no measure of the host's pace.
    live_after: u64,
    merged: bool,
    /// Requests that this tab has been given and that are still pending.
    asked: HashSet<String>,
    /// A read of the journal under way.
    reading: Option<JoinHandle<StoredRead>>,
}

/// What a read of the journal gives: the last seq, and the lines.
type StoredRead = Result<(u64, Vec<Bytes>), journal::ReadError>;

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("feed", &self.feed)
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}

impl TabOutbound {
    pub(crate) fn new(
        outbox: Arc<Outbox>,
        framing: Framing,
        batch_bytes: usize,
        directory: Arc<Directory>,
    ) -> Self {
        Self {
            outbox,
            readers: Vec::new(),
            framing,
            batch_bytes,
            directory,
            close: None,
            since: None,
        }
    }

    /// Waits until there is something to write, and appends it: one write batch. Cancel-safe: what was not appended
    /// comes with the next call.
    ///
    /// # Errors
    /// [`Gone`] when the tab has been closed and all was written.
    pub async fn next(&mut self, out: &mut Vec<Frame>) -> Result<(), Gone> {
        let wake = Arc::clone(&self.outbox.wake);
        loop {
            for own in self.outbox.take() {
                self.take_out(own, out);
            }
            if let Some((code, reason)) = self.close
                && code != GOING_AWAY
            {
                // Whoever lost the right to be here gets no event more.
                self.close = None;
                out.push(Frame::Close(code, reason));
                return Ok(());
            }
            let unwanted = self.outbox.unwanted();
            let mut index = 0;
            while index < self.readers.len() {
                let mut lines = Vec::new();
                let since = self.readers[index]
                    .read(&self.directory, self.batch_bytes, &mut lines)
                    .await;
                self.since = [self.since, since].into_iter().flatten().min();
                for lines in lines {
                    push_lines(self.framing, lines, &unwanted, out);
                }
                index += 1;
            }
            if !out.is_empty() {
                for reader in &self.readers {
                    reader.place.writes();
                }
                return Ok(());
            }
            if let Some((code, reason)) = self.close.take() {
                out.push(Frame::Close(code, reason));
                return Ok(());
            }
            if self.outbox.is_over() {
                return Err(Gone);
            }
            wake.notified().await;
        }
    }

    /// The batch that `next` gave has been written, as so many bytes.
    pub fn written(&mut self, bytes: u64) {
        for reader in &self.readers {
            reader.place.has_written();
        }
        self.directory.metrics.written(bytes, self.since.take());
    }

    fn take_out(&mut self, own: Out, out: &mut Vec<Frame>) {
        match own {
            Out::Message(message) => out.push(Frame::Text(message)),
            Out::Attach { response, follow } => {
                let Follow {
                    feed,
                    after,
                    merged,
                } = follow;
                out.push(Frame::Text(response));
                self.detach(feed.thread());
                let native = self.framing == Framing::Messages;
                let place = Arc::new(Place::new(after));
                let (wake, seen) = (Arc::clone(&self.outbox.wake), Arc::clone(&place));
                self.readers.push(Reader {
                    _subscription: feed.subscribe(wake, seen, native),
                    live_after: feed.head(),
                    feed,
                    place,
                    cursor: after,
                    merged,
                    asked: HashSet::new(),
                    reading: None,
                });
            }
            Out::Detach { response, thread } => {
                self.detach(&thread);
                out.push(Frame::Text(response));
            }
            Out::Close(code, reason) => self.close = Some((code, reason)),
        }
    }

    fn detach(&mut self, thread: &ThreadId) {
        self.readers.retain(|reader| reader.feed.thread() != thread);
    }
}

impl Drop for TabOutbound {
    fn drop(&mut self) {
        self.outbox.close();
    }
}

impl Reader {
    /// Takes what is due: the requests at the cursor, then events up to the place of the next request. Dropped half-way,
    /// it has given and moved nothing; a read of the journal that was under way is awaited by the next call. Says when the
    /// oldest of what happened before the tab's eyes was read from Codex.
    async fn read(
        &mut self,
        directory: &Directory,
        budget: usize,
        out: &mut Vec<Bytes>,
    ) -> Option<std::time::Instant> {
        let requests = self.feed.requests();
        self.asked
            .retain(|id| requests.iter().any(|request| request.id == *id));
        let mut unasked = requests
            .iter()
            .filter(|request| !self.asked.contains(&request.id));
        let due = unasked
            .clone()
            .take_while(|request| request.after <= self.cursor)
            .count();
        let until = unasked.nth(due).map_or(u64::MAX, |request| request.after);
        let wanted = Wanted {
            after: self.cursor,
            until,
            budget,
        };
        let mut events = Vec::new();
        let (cursor, since) = match self.feed.read(&self.place, wanted, &mut events) {
            Some(given) => (Some(given.cursor), given.since),
            None => (self.read_stored(wanted, &mut events).await, None),
        };
        let since = since.filter(|_| self.cursor >= self.live_after);
        let due: Vec<_> = requests
            .iter()
            .filter(|request| !self.asked.contains(&request.id) && request.after <= self.cursor)
            .cloned()
            .collect();
        for request in due {
            out.push(request.line.clone());
            self.asked.insert(request.id.clone());
        }
        match cursor {
            Some(cursor) => {
                self.cursor = cursor;
                out.extend(events);
            }
            None => self.reset(directory, out).await,
        }
        since
    }

    /// Catches up from the journal; `None` when it does not have these events any more.
    async fn read_stored(&mut self, wanted: Wanted, events: &mut Vec<Bytes>) -> Option<u64> {
        let (after, merged) = (wanted.after, self.merged);
        let feed = Arc::clone(&self.feed);
        // Tabs that are behind together would all unpack the same rows.
        let _turn = if merged {
            None
        } else {
            let turn = feed.replaying().await;
            if self.reading.is_none()
                && let Some(cursor) = feed.read_again(wanted, events)
            {
                return Some(cursor);
            }
            Some(turn)
        };
        let reading = self.reading.get_or_insert_with(|| {
            let feed = Arc::clone(&self.feed);
            tokio::task::spawn_blocking(move || feed.read_stored(wanted, merged))
        });
        let read = reading.await;
        self.reading = None;
        match read {
            // Begun for an earlier place of the next request, it gave less; never more.
            Ok(Ok((cursor, lines))) if cursor > after => {
                events.extend(lines);
                Some(cursor)
            }
            Ok(Ok(_)) => None,
            Ok(Err(journal::ReadError::Compacted { through, .. })) => {
                tracing::info!(session.id = %self.feed.thread(), after, through, "a tab is too far behind and is reset");
                None
            }
            Ok(Err(err)) => {
                tracing::error!(session.id = %self.feed.thread(), err = %err, "read events from the journal");
                None
            }
            Err(err) => {
                tracing::error!(session.id = %self.feed.thread(), err = %err, "read events from the journal");
                Some(after)
            }
        }
    }

    async fn reset(&mut self, directory: &Directory, out: &mut Vec<Bytes>) {
        let Some(live) = directory.live(self.feed.thread().as_str()) else {
            return;
        };
        match snapshot::take(&self.feed, None).await {
            Ok(snapshot) => {
                let fields = snapshot_fields(&live, &snapshot).await;
                directory.metrics.reset();
                self.cursor = snapshot.head;
                self.asked.clear();
                out.push(
                    format!("{{\"method\":\"host/session/reset\",\"params\":{fields}}}\n").into(),
                );
            }
            Err(err) => {
                tracing::error!(session.id = %self.feed.thread(), err = %err, "take a snapshot")
            }
        }
    }
}

/// Puts newline-terminated lines into frames.
fn push_lines(framing: Framing, lines: Bytes, unwanted: &[String], out: &mut Vec<Frame>) {
    if framing == Framing::Lines && unwanted.is_empty() {
        out.push(Frame::Text(lines.slice(..lines.len().saturating_sub(1))));
        return;
    }
    let mut start = 0;
    for newline in memchr::memchr_iter(b'\n', &lines) {
        let line = lines.slice(start..newline);
        start = newline + 1;
        if unwanted.is_empty() || is_wanted(&line, unwanted) {
            out.push(Frame::Text(line));
        }
    }
}

fn is_wanted(line: &[u8], unwanted: &[String]) -> bool {
    match codex::message::Incoming::parse(line) {
        Ok(codex::message::Incoming::Notification(notification)) => {
            !unwanted.iter().any(|method| method == notification.method)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_that_does_not_read_the_list_is_seldom_told_of_changes_and_never_missed_out() {
        let (outbox, line, start) = (Outbox::new(), Bytes::from_static(b"{}"), Instant::now());
        let tell = |is_new, millis| {
            let owed = outbox.tell_change(&line, is_new, start + Duration::from_millis(millis));
            let owed = owed.map(|then| then.duration_since(start).as_millis());
            (outbox.take().len(), owed)
        };
        assert_eq!(tell(true, 0), (1, None));
        assert_eq!(tell(false, 50), (0, None));
        assert_eq!(tell(true, 100), (0, Some(2000)));
        assert_eq!(tell(true, 200), (0, Some(2000)));
        assert_eq!(tell(false, 1999), (0, Some(2000)));
        assert_eq!(tell(false, 2000), (1, None));
        assert_eq!(tell(true, 2100), (0, Some(4000)));
        outbox.list_is_read();
        assert_eq!(tell(false, 4000), (0, None));
        assert_eq!(tell(true, 4001), (1, None));
        outbox.list_is_read();
        assert_eq!(tell(true, 4002), (1, None));
    }
}
