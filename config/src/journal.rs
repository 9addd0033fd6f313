//! The `[journal]` section: how long and how much is kept for replay. The journal itself is another crate.

use std::time::Duration;

use crate::{reader::Section, value};

/// What the journal keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journal {
    /// Events older than this may be dropped from replay after their turn's end.
    pub replay_age: Duration,
    /// Events of one session beyond this many bytes likewise, oldest first.
    pub replay_bytes: u64,
    /// Bytes of all the journal's files.
    pub max_bytes: u64,
    /// Free bytes on the disk below which writing stalls; 0 does not look.
    pub min_free_bytes: u64,
}

impl Journal {
    pub(crate) fn read(mut section: Section<'_>) -> Self {
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        let most = 1_u64 << 50;
        let journal = Self {
            replay_age: section.value(
                "replay_age",
                value::duration(Duration::from_secs(60)..=10 * year),
            ),
            replay_bytes: section.value("replay_bytes", value::bytes(64 << 10..=most)),
            max_bytes: section.value("max_bytes", value::bytes(16 << 20..=most)),
            min_free_bytes: section.value("min_free_bytes", value::bytes(0..=most)),
        };
        if journal.replay_bytes > journal.max_bytes {
            section.note(
                "replay_bytes",
                "is more than max_bytes, which is for all sessions together; lower it",
            );
        }
        section.finish();
        journal
    }
}
