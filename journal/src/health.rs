//! Whether the journal writes, and if not, since when and why.
//!
//! It is a report, not a switch: the writer keeps trying whatever this says.

use std::time::SystemTime;

/// Whether queued writes reach the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// They do.
    Writing,
    /// They do not; nothing is dropped, the writer keeps trying.
    Stalled {
        /// When the first try failed.
        since: SystemTime,
        /// Why.
        reason: Stall,
    },
}

/// Why writes do not reach the disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stall {
    /// The disk is full.
    #[error("the disk that holds the journal is full; free some space")]
    DiskFull,
    /// The journal has reached its own ceiling.
    #[error("the journal has reached its size limit; raise the limit or shorten the retention")]
    SizeLimit,
    /// The file or its disk has become read-only.
    #[error("the journal is read-only; check the disk and the permissions of its folder")]
    ReadOnly,
    /// Another program holds the database locked.
    #[error("another program holds the journal locked; close it")]
    Locked,
    /// The file is damaged; the next start will set it aside.
    #[error("the journal is damaged ({0}); restart the host to set it aside and begin a new one")]
    Damaged(String),
    /// The disk gave an error.
    #[error("the disk that holds the journal fails ({0})")]
    Io(String),
    /// Anything else that SQLite said.
    #[error("the journal cannot be written ({0})")]
    Other(String),
}
