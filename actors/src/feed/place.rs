//! Where a tab is in a feed, as the feed sees it: how far, and whether the host or the client keeps it from being further.
//!
//! Written by the tab, read by the bridge; it wakes nobody.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// A client that has not taken one write (of `limits.write_batch_bytes`) by then is slow by itself.
const SLOW: Duration = Duration::from_millis(250);

/// A tab's cursor, and its write under way.
#[derive(Debug)]
pub(crate) struct Place {
    cursor: AtomicU64,
    /// When the write began, in ms of [`now`]; 0: none is under way.
    writing: AtomicU64,
    /// The write before took too long.
    was_slow: AtomicBool,
}

impl Place {
    pub(crate) fn new(cursor: u64) -> Self {
        Self {
            cursor: AtomicU64::new(cursor),
            writing: AtomicU64::new(0),
            was_slow: AtomicBool::new(false),
        }
    }

    /// The tab has written everything up to this event; gives where it was.
    pub(super) fn reached(&self, cursor: u64) -> u64 {
        self.cursor.swap(cursor, Ordering::Relaxed)
    }

    /// The last event that it has written.
    pub(super) fn cursor(&self) -> u64 {
        self.cursor.load(Ordering::Relaxed)
    }

    /// The tab begins to write what it has taken.
    pub(crate) fn writes(&self) {
        self.writing.store(now(), Ordering::Relaxed);
    }

    /// It has written.
    pub(crate) fn has_written(&self) {
        self.ends_write(now());
    }

    fn ends_write(&self, now: u64) {
        self.was_slow
            .store(self.has_taken_long(now), Ordering::Relaxed);
        self.writing.store(0, Ordering::Relaxed);
    }

    /// True when it is not at `seq` yet, and its client is not why.
    pub(super) fn is_kept_before(&self, seq: u64) -> bool {
        self.cursor() < seq && !self.is_slow(now())
    }

    /// One slow write is enough until a quick one: the client of a slow line is waited for once, not in each write.
    fn is_slow(&self, now: u64) -> bool {
        self.was_slow.load(Ordering::Relaxed) || self.has_taken_long(now)
    }

    fn has_taken_long(&self, now: u64) -> bool {
        let writing = self.writing.load(Ordering::Relaxed);
        writing != 0 && Duration::from_millis(now.saturating_sub(writing)) >= SLOW
    }
}

/// Milliseconds since some time before the first call, never 0.
fn now() -> u64 {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    let begin = BEGIN.get_or_init(Instant::now);
    u64::try_from(begin.elapsed().as_millis()).map_or(u64::MAX, |millis| millis.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_is_waited_for_until_it_is_there_unless_its_client_is_slow() {
        let place = Place::new(4);
        assert!(place.is_kept_before(5) && !place.is_kept_before(4));
        place.writes();
        let began = place.writing.load(Ordering::Relaxed);
        assert!(!place.is_slow(began + 249) && place.is_slow(began + 250));
        place.ends_write(began + 250);
        place.writes();
        let began = place.writing.load(Ordering::Relaxed);
        assert!(place.is_slow(began), "it was slow before");
        place.ends_write(began + 1);
        assert!(!place.is_slow(began + 1), "it was quick");
        assert_eq!(place.reached(5), 4);
        assert!(!place.is_kept_before(5));
    }
}
