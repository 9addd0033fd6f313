//! The `[journal]` section: how long and how much is kept for replay. The journal itself is another crate.

use std::time::Duration;

use crate::{reader::Section, value};

/// What the journal keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journal {
    /// Events older than this are dropped from replay.
    pub replay_age: Duration,
    /// Events of one session beyond this many bytes likewise, oldest first.
    pub replay_bytes: u64,
    /// Events of all sessions beyond this many bytes likewise; never below `replay_bytes`.
    pub replay_total_bytes: u64,
    /// Finished items untouched for this long leave the history; `None` keeps them.
    pub history_age: Option<Duration>,
    /// Bytes of the journal's file, at which writing stalls; never below `replay_total_bytes`.
    pub max_bytes: u64,
}

impl Journal {
    pub(crate) fn read(mut section: Section<'_>) -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        const YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
        /// Above every disk; it only keeps sums from overflowing.
        const MOST: u64 = 1 << 50;
        let journal = Self {
            replay_age: section.value("replay_age", value::duration(MINUTE..=YEARS)),
            replay_bytes: section.value("replay_bytes", value::bytes(64 << 10..=MOST)),
            replay_total_bytes: section.value("replay_total_bytes", value::bytes(64 << 10..=MOST)),
            history_age: section.optional("history_age", value::duration(60 * MINUTE..=YEARS)),
            max_bytes: section.value("max_bytes", value::bytes(16 << 20..=MOST)),
        };
        if journal.replay_bytes > journal.replay_total_bytes {
            section.note(
                "replay_bytes",
                "is more than replay_total_bytes, which is for all sessions together; lower it",
            );
        }
        if journal.replay_total_bytes > journal.max_bytes {
            section.note(
                "replay_total_bytes",
                "is more than max_bytes, so the file would fill up first; lower it",
            );
        }
        section.finish();
        journal
    }
}
