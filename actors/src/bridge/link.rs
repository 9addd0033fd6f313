//! The way into one running Codex: whoever holds the link calls, answers, and finds out which threads run there.
//!
//! Calls do not pass through the bridge's mailbox: they stand in the pending table and go straight to the writer of
//! Codex's stdin. The link of a dead bridge stays valid and says so.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use codex::{outgoing, pending::Pending, request_id::RequestId};
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::encoded::process_of;
use crate::{
    feed::{Feed, OpenItem},
    ids::ThreadId,
    supervisor::SupervisorRef,
};

/// The id of the first call of a process, which is `initialize`.
pub(crate) const FIRST_CALL: i64 = 1;

/// Lines that wait for Codex to read them. At the bound a call is refused: Codex has stopped reading.
pub(super) const STDIN_LINES: usize = 256;
/// Calls that wait for an answer from one Codex; it refuses more than about 200 at once itself.
const CALLS: usize = 1024;

/// A running Codex, as the rest of the host sees it.
pub(crate) struct BridgeLink {
    /// Counts the processes that one supervisor has started; a session's own generation is in its row.
    pub(crate) incarnation: u64,
    pub(crate) pid: u32,
    pub(crate) supervisor: SupervisorRef,
    stdin: mpsc::Sender<Bytes>,
    /// The answer to the first call, when that was sent before there was a bridge: it may be read at once.
    first: Mutex<Option<oneshot::Receiver<Answer>>>,
    /// When Codex last said anything.
    heard_at: Mutex<Instant>,
    /// Lines that were no messages.
    malformed: AtomicU64,
    /// `None` when the process has ended.
    calls: Mutex<Option<Pending<Call>>>,
    threads: Mutex<HashMap<ThreadId, Arc<Feed>>>,
    /// A thread that Codex lost and began anew under another id: (the session's id, Codex's id). Both are of one length.
    alias: Mutex<Option<(String, String)>>,
    /// The session whose thread is about to be begun anew here.
    expects_alias: Mutex<Option<String>>,
}

/// A call on its way.
pub(super) struct Call {
    pub(super) reply: oneshot::Sender<Answer>,
    /// The session whose place in the stream the caller wants to know.
    pub(super) feed: Option<Arc<Feed>>,
    /// The answer names a new thread of this process.
    pub(super) opens_thread: bool,
    /// The process whose output ends with the answer.
    pub(super) process: Option<String>,
}

/// Codex's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The result, or the error object: raw JSON, redacted.
    pub(crate) result: Result<Bytes, Bytes>,
    /// Where in the session's stream the answer stands.
    pub(crate) place: Option<Place>,
}

/// A place in a session's stream.
#[derive(Debug)]
pub(crate) struct Place {
    /// The last event before the answer.
    pub(crate) after: u64,
    /// The items that were open there, with their text so far.
    pub(crate) open: Vec<OpenItem>,
}

/// Why a call cannot be made, or got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// The process has ended.
    #[error("codex has ended")]
    Down,
    /// Codex does not read, or has too many calls to answer.
    #[error("codex has {STDIN_LINES} messages to read already; retry later")]
    Full,
}

impl std::fmt::Debug for BridgeLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BridgeLink")
            .field("incarnation", &self.incarnation)
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}

impl BridgeLink {
    pub(super) fn new(
        incarnation: u64,
        pid: u32,
        supervisor: SupervisorRef,
        stdin: mpsc::Sender<Bytes>,
        is_warm: bool,
    ) -> Self {
        let mut calls = Pending::new(CALLS);
        let first = is_warm.then(|| {
            let (reply, answer) = oneshot::channel();
            let call = Call {
                reply,
                feed: None,
                opens_thread: false,
                process: None,
            };
            let id = calls.insert(call).ok();
            debug_assert_eq!(id, Some(FIRST_CALL.into()), "ids count from 1");
            answer
        });
        Self {
            incarnation,
            pid,
            supervisor,
            stdin,
            first: Mutex::new(first),
            heard_at: Mutex::new(Instant::now()),
            malformed: AtomicU64::new(0),
            calls: Mutex::new(Some(calls)),
            threads: Mutex::default(),
            alias: Mutex::default(),
            expects_alias: Mutex::default(),
        }
    }

    /// Sends a request; the receiver fails when Codex ends before it answers. `params` is raw JSON; with `feed` the
    /// answer says where in that session's stream it stands.
    pub(crate) fn call(
        &self,
        method: &str,
        params: Option<&str>,
        feed: Option<Arc<Feed>>,
    ) -> Result<oneshot::Receiver<Answer>, CallError> {
        if let Some(answer) = self.first.lock().take() {
            return Ok(answer);
        }
        let params = params.map(|params| self.rename(params));
        let (reply, answer) = oneshot::channel();
        let mut calls = self.calls.lock();
        let calls = calls.as_mut().ok_or(CallError::Down)?;
        let id = calls
            .insert(Call {
                reply,
                feed,
                opens_thread: matches!(method, "thread/start" | "thread/fork"),
                process: (method == "command/exec")
                    .then(|| process_of(params.as_deref().unwrap_or_default()))
                    .flatten(),
            })
            .map_err(|_| CallError::Full)?;
        let line = outgoing::request_line(&id, method, params.as_deref());
        if let Err(err) = self.stdin.try_send(line) {
            calls.take(&id);
            return Err(err.into());
        }
        Ok(answer)
    }

    /// Sends a notification.
    pub(crate) fn notify(&self, method: &str, params: Option<&str>) -> Result<(), CallError> {
        let params = params.map(|params| self.rename(params));
        Ok(self
            .stdin
            .try_send(outgoing::notification_line(method, params.as_deref()))?)
    }

    /// Answers a request of Codex: a raw result, or (code, message).
    pub(crate) fn respond(
        &self,
        id: &RequestId,
        result: Result<&str, (i64, &str)>,
    ) -> Result<(), CallError> {
        if !self.is_open() {
            return Err(CallError::Down);
        }
        let line = match result {
            Ok(result) => outgoing::response_line(id, &self.rename(result)),
            Err((code, message)) => outgoing::error_line(id, code, message, None),
        };
        Ok(self.stdin.try_send(line)?)
    }

    pub(super) fn take_call(&self, id: &RequestId) -> Option<Call> {
        self.calls.lock().as_mut()?.take(id)
    }

    /// Ends all calls: their receivers fail. Further calls are refused.
    pub(crate) fn close(&self) {
        self.calls.lock().take();
    }

    /// True until the process has ended.
    pub(crate) fn is_open(&self) -> bool {
        self.calls.lock().is_some()
    }

    /// True while the bridge does not read, since the journal cannot take more.
    pub(crate) fn is_held_back(&self) -> bool {
        self.feeds().iter().any(|feed| feed.is_full())
    }

    /// Codex has just said something.
    pub(crate) fn heard(&self) {
        *self.heard_at.lock() = Instant::now();
    }

    /// One more line that was no message: how many there were.
    pub(super) fn count_malformed(&self) -> u64 {
        self.malformed.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Lines of Codex that were no messages.
    pub(crate) fn malformed(&self) -> u64 {
        self.malformed.load(Ordering::Relaxed)
    }

    /// For how long Codex has said nothing.
    pub(crate) fn silence(&self) -> Duration {
        self.heard_at.lock().elapsed()
    }

    /// True while a turn runs here, or somebody waits for an answer.
    pub(crate) fn is_busy(&self) -> bool {
        let waits = self
            .calls
            .lock()
            .as_ref()
            .is_some_and(|calls| !calls.is_empty());
        waits || self.feeds().iter().any(|feed| feed.view().turn.is_some())
    }

    /// True while somebody has yet to answer what Codex asked.
    pub(crate) fn has_requests(&self) -> bool {
        self.feeds().iter().any(|feed| !feed.requests().is_empty())
    }

    /// Notes that a thread runs in this process.
    pub(crate) fn host(&self, feed: Arc<Feed>) {
        self.threads.lock().insert(feed.thread().clone(), feed);
    }

    /// True when the thread runs in this process.
    pub(crate) fn hosts(&self, thread: &ThreadId) -> bool {
        self.threads.lock().contains_key(thread)
    }

    /// The feeds of all threads that run here.
    pub(crate) fn feeds(&self) -> Vec<Arc<Feed>> {
        self.threads.lock().values().cloned().collect()
    }

    /// The next thread that Codex begins here is this session's.
    pub(crate) fn expect_alias_for(&self, session: &str) {
        *self.expects_alias.lock() = Some(session.to_owned());
    }

    /// Codex has begun `thread`: true when it was the expected one and now bears the session's name.
    pub(super) fn meet(&self, thread: &str) -> bool {
        let expected = self.expects_alias.lock().take();
        expected.is_some_and(|session| {
            self.set_alias(&session, thread);
            true
        })
    }

    /// Codex's name for the session's thread, when it is another.
    pub(crate) fn alias(&self) -> Option<String> {
        self.alias.lock().as_ref().map(|(_, thread)| thread.clone())
    }

    /// From here on Codex's name for `session` is `thread`.
    pub(crate) fn set_alias(&self, session: &str, thread: &str) {
        debug_assert_eq!(session.len(), thread.len(), "Codex's ids are UUIDs");
        *self.alias.lock() = (session != thread).then(|| (session.to_owned(), thread.to_owned()));
    }

    fn rename(&self, raw: &str) -> String {
        match &*self.alias.lock() {
            Some((session, thread)) => raw.replace(session, thread),
            None => raw.to_owned(),
        }
    }

    /// The line with Codex's name for an aliased thread replaced by the session's id; `None` when nothing changes.
    pub(super) fn rename_back(&self, line: &[u8]) -> Option<Vec<u8>> {
        let alias = self.alias.lock();
        let (session, thread) = alias.as_ref()?;
        let finder = memchr::memmem::Finder::new(thread);
        let places: Vec<usize> = finder.find_iter(line).collect();
        if places.is_empty() {
            return None;
        }
        let mut renamed = line.to_vec();
        for at in places {
            renamed[at..at + session.len()].copy_from_slice(session.as_bytes());
        }
        Some(renamed)
    }
}

impl<T> From<mpsc::error::TrySendError<T>> for CallError {
    fn from(err: mpsc::error::TrySendError<T>) -> Self {
        match err {
            mpsc::error::TrySendError::Full(_) => Self::Full,
            mpsc::error::TrySendError::Closed(_) => Self::Down,
        }
    }
}
