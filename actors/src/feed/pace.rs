//! When tabs are told of new events: at once while there are few tabs or little is new, else several events together. With
//! many tabs a write for each event and tab is what costs most, so writes must become fewer, not more, as the load grows.
//!
//! A plain value with the time given from outside. It knows no events; the feed keeps the clock and wakes the tabs.

use std::time::{Duration, Instant};

/// How long events are gathered at most. It is added to their delay when many tabs follow.
const LONGEST: Duration = Duration::from_millis(5);
/// What each tab adds to it: about the CPU that a wake-up and a write of a few events cost, three times over.
const A_TAB: Duration = Duration::from_micros(50);
/// Less is not worth a timer, whose steps are so long.
const SHORTEST: Duration = Duration::from_millis(1);
/// So many new bytes are a good write for each tab: they wait no longer.
const ENOUGH: usize = 128 * 1024;

/// What the feed does now that events are new.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Tell the tabs.
    Now,
    /// Tell them then, with what comes meanwhile.
    At(Instant),
    /// They will be told without that.
    Already,
}

/// When the tabs of one feed were told last.
#[derive(Debug, Default)]
pub(super) struct Pace {
    told: Option<Instant>,
    /// A time is set.
    is_set: bool,
    /// Bytes that the tabs have not been told of.
    gathered: usize,
}

impl Pace {
    /// Some bytes are new for so many tabs.
    pub(super) fn grown(&mut self, bytes: usize, tabs: usize, now: Instant) -> Due {
        self.gathered += bytes;
        let pause = LONGEST.min(A_TAB * u32::try_from(tabs).unwrap_or(u32::MAX));
        let next = self.told.map_or(now, |told| told + pause);
        if self.gathered >= ENOUGH || pause < SHORTEST || next <= now {
            Due::Now
        } else if self.is_set {
            Due::Already
        } else {
            self.is_set = true;
            Due::At(next)
        }
    }

    /// The tabs are told of everything; `timed`: because the time that was set has come.
    pub(super) fn told(&mut self, timed: bool, now: Instant) {
        if timed {
            self.is_set = false;
        }
        self.told = Some(now);
        self.gathered = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn few_tabs_are_told_of_each_event() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        for _ in 0..3 {
            assert_eq!(pace.grown(100, 19, now), Due::Now);
            pace.told(false, now);
        }
    }

    #[test]
    fn many_tabs_are_told_at_once_after_a_calm_and_then_of_several_events_together() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert_eq!(pace.grown(100, 60, now), Due::Now);
        pace.told(false, now);
        assert_eq!(pace.grown(100, 60, now + ms(1)), Due::At(now + ms(3)));
        assert_eq!(pace.grown(100, 60, now + ms(2)), Due::Already);
        pace.told(true, now + ms(3));
        assert_eq!(pace.grown(100, 60, now + ms(4)), Due::At(now + ms(6)));
        pace.told(true, now + ms(6));
        assert_eq!(pace.grown(100, 60, now + ms(9)), Due::Now);
    }

    #[test]
    fn nobody_waits_longer_than_the_bound() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.told(false, now);
        assert_eq!(pace.grown(1, 1_000_000, now), Due::At(now + LONGEST));
    }

    #[test]
    fn a_good_write_does_not_wait_and_the_time_that_was_set_still_holds() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.told(false, now);
        assert_eq!(pace.grown(ENOUGH - 1, 500, now), Due::At(now + ms(5)));
        assert_eq!(pace.grown(1, 500, now), Due::Now);
        pace.told(false, now);
        assert_eq!(pace.grown(1, 500, now + ms(1)), Due::Already);
        pace.told(true, now + ms(5));
        assert_eq!(pace.grown(1, 500, now + ms(6)), Due::At(now + ms(10)));
    }
}
