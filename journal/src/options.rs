//! What the caller decides about a journal: where it lies, how much may wait, how long history is kept.
//!
//! Nothing here is read from a file or the environment; the host's configuration fills these in.

use std::path::PathBuf;
use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Where the journal lies and its bounds. `Options::new` gives the values that the host runs with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder that holds `journal.db` and its lock. Made with mode 0700 when it is missing; its parent is made too.
    pub dir: PathBuf,
    /// Most writes that may wait for the writer. One batch a session is in flight, so this bounds busy sessions too.
    /// A write beyond it is given back with [`Rejection::Full`](crate::Rejection::Full).
    pub queue: usize,
    /// Most bytes that may wait for the writer; a write beyond it is given back. One write always fits an empty queue.
    pub queue_bytes: usize,
    /// Most writes in one transaction, so that the first of a group never waits long for the last.
    pub group: usize,
    /// Most bytes in one transaction (a single larger write still goes, alone).
    pub group_bytes: usize,
    /// Most read-only connections, and so most reads that run at once; further readers wait their turn.
    pub readers: usize,
    /// How long a read waits for a free connection before it fails with [`ReadError::Busy`](crate::ReadError::Busy).
    pub read_wait: Duration,
    /// First pause after a failed transaction; doubles up to `retry_max`.
    pub retry_min: Duration,
    /// Longest pause between two tries of a failed transaction.
    pub retry_max: Duration,
    /// How long `close` waits for what is queued, before it gives up and leaves the rest unwritten.
    pub close_wait: Duration,
    /// Hard ceiling of `journal.db` in bytes. At the ceiling the journal stalls, exactly as on a full disk.
    pub file_bytes: Option<u64>,
    /// How much of an item's text is kept for the full-text search, in bytes; the rest is still in its JSON.
    pub search_text_bytes: usize,
    /// What is compacted away, and when.
    pub retention: Retention,
    /// Acknowledge events without storing them, as if each were compacted away at once. Only for measuring what the
    /// journal costs: it breaks every promise of a journal.
    pub discard_events: bool,
}

/// What is compacted away. `None` keeps for ever. The newest event's number survives any of these.
#[derive(Clone, Debug)]
pub struct Retention {
    /// Events older than this cannot be replayed any more; tabs get a snapshot instead.
    pub events_age: Option<Duration>,
    /// Most event bytes kept for one session; its oldest go first.
    pub session_bytes: Option<u64>,
    /// Most event bytes kept over all sessions; the oldest of all go first.
    pub total_bytes: Option<u64>,
    /// Finished items not written for this long are removed, from history and search.
    pub items_age: Option<Duration>,
    /// Most item bytes (JSON and search text) over all sessions; the oldest finished items go first.
    pub items_bytes: Option<u64>,
    /// Finished prompts older than this are removed; from then on their id is no longer recognised as a duplicate.
    pub prompts_age: Option<Duration>,
    /// Decisions older than this are removed from the audit trail.
    pub decisions_age: Option<Duration>,
    /// How often an idle journal looks whether something has come of age.
    pub interval: Duration,
}

impl Options {
    /// The values that the host runs with, for a journal in `dir`.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            queue: 4096,
            queue_bytes: 64 * MIB,
            group: 1024,
            group_bytes: MIB,
            readers: 4,
            read_wait: Duration::from_secs(10),
            retry_min: Duration::from_millis(50),
            retry_max: Duration::from_secs(2),
            close_wait: Duration::from_secs(10),
            file_bytes: None,
            search_text_bytes: 64 * KIB,
            retention: Retention::default(),
            discard_events: false,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            events_age: Some(14 * DAY),
            session_bytes: Some(1024 * 1024 * 1024),
            total_bytes: Some(4 * 1024 * 1024 * 1024),
            items_age: None,
            items_bytes: None,
            prompts_age: None,
            decisions_age: None,
            interval: Duration::from_secs(30),
        }
    }
}
