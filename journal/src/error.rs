//! What can go wrong, by what the caller can do about it.
//!
//! A failing disk is not an error here: the writer keeps trying and says so in [`Health`](crate::Health).

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::records::Write;

/// Why a journal could not be opened. None of these changes or deletes anything that lies there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another host has it open.
    #[error("journal in {} is in use by process {}; stop that host or choose another state_dir", .dir.display(), pid_text(*.pid))]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// The process that holds the lock, when its lock file says so.
        pid: Option<u32>,
    },
    /// Someone else could read or exchange it.
    #[error("{} is not safe for the journal: {found}; {fix}", .path.display())]
    Unsafe {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
        /// What to do.
        fix: String,
    },
    /// A newer holdfast has written it.
    #[error("journal {} has format {found}, this holdfast knows up to {known}; start the newer holdfast, or move the file away", .path.display())]
    Newer {
        /// The journal file.
        path: PathBuf,
        /// The format found.
        found: u32,
        /// The newest format that this build knows.
        known: u32,
    },
    /// The file is a database of something else.
    #[error("{} is a database but not a holdfast journal; move it away or choose another state_dir", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {attempt} {}: {source}", .path.display())]
    Io {
        /// What was tried, as a verb.
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// SQLite refused for a reason other than damage.
    #[error("cannot open journal {}: {source}", .path.display())]
    Database {
        /// The journal file.
        path: PathBuf,
        /// What SQLite said.
        source: Cause,
    },
}

/// Why a read gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Events after the asked one are compacted away; take a snapshot and go on from the head.
    #[error("events up to {through} of session {thread} are compacted away; take a snapshot")]
    Compacted {
        /// The session.
        thread: String,
        /// The newest event that is gone; reading after it works.
        through: u64,
    },
    /// All connections were taken for too long; try again.
    #[error("no read connection became free within {waited_ms} ms; try again")]
    Busy {
        /// How long the read waited, in milliseconds.
        waited_ms: u64,
    },
    /// The journal is closed.
    #[error("the journal is closed")]
    Closed,
    /// Packed events or a packed item are not what was written; the next start looks at the whole file.
    #[error("the journal is damaged at event {seq} of session {thread}")]
    Damaged {
        /// The session.
        thread: String,
        /// The last event of the damaged row, or the place of the item.
        seq: u64,
    },
    /// SQLite failed.
    #[error("cannot read the journal: {0}")]
    Database(Cause),
}

/// A write that was not queued, given back whole.
pub struct Rejected {
    /// The write as it was handed in.
    pub write: Write,
    /// What was to be called after the commit.
    pub done: Box<dyn FnOnce() + Send>,
    /// Why.
    pub reason: Rejection,
}

/// Why a write was not queued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The queue is full; hand the write in again when an earlier one is done.
    #[error("the journal's queue is full ({writes} writes, {bytes} bytes wait)")]
    Full {
        /// Writes that wait.
        writes: usize,
        /// Bytes that wait.
        bytes: usize,
    },
    /// The batch does not follow the session's newest event. A bug of the caller; a hole is never stored.
    #[error("batch of session {thread} begins at event {found}, but event {expected} is next")]
    Gap {
        /// The session.
        thread: String,
        /// The `seq` that has to come next.
        expected: u64,
        /// The `seq` that the batch begins with.
        found: u64,
    },
    /// The write contradicts itself. A bug of the caller.
    #[error("write of session {thread} is malformed: {what}")]
    Malformed {
        /// The session.
        thread: String,
        /// What does not fit.
        what: String,
    },
    /// The write is larger than the journal takes.
    #[error("write of session {thread} has {bytes} bytes, at most {limit} fit")]
    TooLarge {
        /// The session.
        thread: String,
        /// Its size.
        bytes: usize,
        /// The most that fits.
        limit: usize,
    },
    /// The journal is closed or closing.
    #[error("the journal is closed")]
    Closed,
}

/// Why `close` did not finish.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "journal was not flushed within {waited_ms} ms: {unwritten} writes are lost, none of them was acknowledged"
)]
pub struct CloseError {
    /// Writes that were queued and are not in the journal.
    pub unwritten: usize,
    /// How long it was tried, in milliseconds.
    pub waited_ms: u64,
}

/// What SQLite said. Opaque, so that only this crate knows SQLite.
#[derive(Debug)]
pub struct Cause(pub(crate) rusqlite::Error);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Cause(error))
    }
}

impl fmt::Debug for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The write may hold what people typed; only the reason is for logs.
        f.debug_struct("Rejected")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl std::error::Error for Rejected {}

fn pid_text(pid: Option<u32>) -> String {
    pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string())
}
