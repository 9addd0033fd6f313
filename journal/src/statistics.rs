//! Figures about the journal for status pages and benches.
//!
//! They steer nothing.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use parking_lot::Mutex;

use crate::ledger::{Ledger, Totals};

/// How many of the latest transactions the means and percentiles speak of.
const RECENT: usize = 1024;

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
    /// Writes that wait now or are being written.
    pub queued: usize,
    /// Mean time of the latest transactions.
    pub commit_mean: Duration,
    /// 99th percentile of the latest transactions' times.
    pub commit_p99: Duration,
    /// Longest of the latest transactions' times.
    pub commit_max: Duration,
    /// Mean number of writes in the latest transactions.
    pub group_mean: f64,
    /// Largest number of writes in one of the latest transactions.
    pub group_max: usize,
    /// Longest time that the writer has spent between two transactions on upkeep, since the journal was opened.
    pub upkeep_max: Duration,
}

/// Where the writer leaves its figures.
#[derive(Default)]
pub(crate) struct Meter {
    figures: Mutex<Figures>,
    /// Called with the time of each commit.
    listener: OnceLock<Box<dyn Fn(Duration) + Send + Sync>>,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Meter").field(&self.figures).finish()
    }
}

#[derive(Debug, Default)]
struct Figures {
    sessions: usize,
    totals: Totals,
    commits: u64,
    writes: u64,
    /// Time and number of writes of the latest transactions, a ring.
    recent: Vec<(Duration, usize)>,
    upkeep_max: Duration,
}

impl Meter {
    /// What is stored now.
    pub(crate) fn stored(&self, ledger: &Ledger) {
        let mut figures = self.figures.lock();
        (figures.sessions, figures.totals) = (ledger.len(), ledger.totals());
    }

    /// Calls `listener` with the time of each commit from here on, if nobody has been called so far.
    pub(crate) fn listen(&self, listener: impl Fn(Duration) + Send + Sync + 'static) {
        let _first = self.listener.set(Box::new(listener));
    }

    /// A transaction was committed.
    pub(crate) fn committed(&self, took: Duration, writes: usize) {
        if let Some(listener) = self.listener.get() {
            listener(took);
        }
        let mut figures = self.figures.lock();
        let place = usize::try_from(figures.commits % RECENT as u64).unwrap_or(0);
        match figures.recent.get_mut(place) {
            Some(old) => *old = (took, writes),
            None => figures.recent.push((took, writes)),
        }
        figures.commits += 1;
        figures.writes += writes as u64;
    }

    /// Upkeep was done between two transactions.
    pub(crate) fn kept_up(&self, took: Duration) {
        let mut figures = self.figures.lock();
        figures.upkeep_max = figures.upkeep_max.max(took);
    }

    /// Everything that the writer has left; the rest is zero.
    pub(crate) fn read(&self) -> Statistics {
        let figures = self.figures.lock();
        let mut times: Vec<Duration> = figures.recent.iter().map(|&(took, _)| took).collect();
        times.sort_unstable();
        let count = u32::try_from(times.len()).unwrap_or(u32::MAX).max(1);
        let writes: usize = figures.recent.iter().map(|&(_, writes)| writes).sum();
        Statistics {
            sessions: figures.sessions as u64,
            events: figures.totals.events,
            event_bytes: figures.totals.bytes,
            commits: figures.commits,
            writes: figures.writes,
            commit_mean: times.iter().sum::<Duration>() / count,
            commit_p99: times
                .get(times.len() * 99 / 100)
                .copied()
                .unwrap_or_default(),
            commit_max: times.last().copied().unwrap_or_default(),
            group_mean: writes as f64 / f64::from(count),
            group_max: figures
                .recent
                .iter()
                .map(|&(_, writes)| writes)
                .max()
                .unwrap_or(0),
            upkeep_max: figures.upkeep_max,
            ..Statistics::default()
        }
    }
}
