//! When the next transaction may begin, so that a stream of small events does not cost a transaction an event.
//!
//! Each transaction writes whole pages and wakes threads, whatever it holds. At a low rate that is the price of being at
//! once; at a high rate some events share it, and none waits long.

use std::time::{Duration, Instant};

/// Events a second above which transactions are spaced.
const HIGH_RATE: f64 = 2000.0;
/// The time over which the rate is seen. Shorter would take a burst for a stream, longer would space what has ended.
const MEMORY: Duration = Duration::from_millis(50);
/// From one transaction's end to the next one's begin at a high rate.
const SPACE: Duration = Duration::from_micros(600);

/// The rate of events as the writer sees it.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Events a second at `last`; older ones count less and less.
    rate: f64,
    /// When the latest transaction ended.
    last: Instant,
}

impl Pace {
    /// Nothing has come yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            rate: 0.0,
            last: now,
        }
    }

    /// A transaction with so many events has ended.
    pub(crate) fn committed(&mut self, now: Instant, events: u64) {
        self.rate = self.rate_at(now) + events as f64 / MEMORY.as_secs_f64();
        self.last = now;
    }

    /// Until when small groups wait for more; `None`: not at all.
    pub(crate) fn gather_until(&self, now: Instant) -> Option<Instant> {
        let until = self.last + SPACE;
        (until > now && self.rate_at(now) > HIGH_RATE).then_some(until)
    }

    fn rate_at(&self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.last).as_secs_f64();
        self.rate * (-passed / MEMORY.as_secs_f64()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commits an event each `interval` for a second, and says how many of them were to wait for more.
    fn spaced(interval: Duration) -> usize {
        let begin = Instant::now();
        let mut pace = Pace::new(begin);
        let count = (1.0 / interval.as_secs_f64()) as u32;
        (1..=count)
            .map(|n| begin + interval * n)
            .filter(|&now| {
                let waits = pace.gather_until(now).is_some();
                pace.committed(now, 1);
                waits
            })
            .count()
    }

    #[test]
    fn a_thousand_events_a_second_never_wait_and_ten_thousand_nearly_always() {
        assert_eq!(spaced(Duration::from_millis(1)), 0);
        assert_eq!(spaced(Duration::from_micros(700)), 0);
        assert!(spaced(Duration::from_micros(100)) > 9500);
    }

    #[test]
    fn after_a_stream_has_ended_a_lone_event_does_not_wait() {
        let begin = Instant::now();
        let mut pace = Pace::new(begin);
        pace.committed(begin, 100_000);
        let soon = begin + SPACE / 2;
        assert_eq!(pace.gather_until(soon), Some(begin + SPACE));
        assert_eq!(pace.gather_until(begin + SPACE), None);
        let later = begin + MEMORY * 10;
        pace.committed(later, 1);
        assert_eq!(pace.gather_until(later), None);
    }
}
