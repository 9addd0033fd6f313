//! Figures about the journal for status pages and benches.
//!
//! They steer nothing.

use std::time::Duration;

/// Figures about the journal at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Size of `journal.db` in bytes.
    pub file_bytes: u64,
    /// Size of its write-ahead log in bytes.
    pub wal_bytes: u64,
    /// Sessions with at least one write.
    pub sessions: u64,
    /// Events that can be replayed.
    pub events: u64,
    /// Bytes of those events.
    pub event_bytes: u64,
    /// Transactions committed since the journal was opened.
    pub commits: u64,
    /// Writes committed since the journal was opened.
    pub writes: u64,
    /// Writes that wait now.
    pub queued: usize,
    /// Mean time of the recent transactions.
    pub commit_mean: Duration,
    /// 99th percentile of the recent transactions' time.
    pub commit_p99: Duration,
    /// Mean number of writes in the recent transactions.
    pub group_mean: f64,
    /// Largest number of writes in a recent transaction.
    pub group_max: usize,
}
