//! The stretches of a text that are secret, in order of their beginning.
//!
//! Not for finding them: the lanes of the scan do.

use crate::marker::Digits;

/// An interval whose end is known.
pub(crate) const SHUT: u8 = 0;
/// An interval that the lane of the tokens is swallowing.
pub(crate) const OPEN_TOKEN: u8 = 1;
/// An interval that the lane of the context rules is swallowing.
pub(crate) const OPEN_CONTEXT: u8 = 2;

/// A stretch of text that is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) start: usize,
    /// Where it ends; while it is open, where it has got to and where the intervals that it took in end.
    pub(crate) end: usize,
    /// Which lanes are still swallowing it: a union of the constants above.
    pub(crate) open: u8,
    /// Index of the label in the redactor.
    pub(crate) label: u32,
    /// The highest rank among overlapping intervals names the marker; the earliest among equals.
    pub(crate) rank: u8,
    pub(crate) digits: Digits,
    /// The lane that will know the digits once it has swallowed the secret to its end.
    pub(crate) awaits: u8,
}

impl Interval {
    /// Takes in an interval that begins inside this one.
    pub(crate) fn unite(&mut self, later: &Interval) {
        self.end = self.end.max(later.end);
        self.open |= later.open;
        if later.rank > self.rank {
            let (end, open) = (self.end, self.open);
            *self = Interval {
                start: self.start,
                end,
                open,
                ..*later
            };
        }
    }
}

/// Intervals in order of their beginning; they may still overlap.
#[derive(Debug, Default)]
pub(crate) struct Intervals(Vec<Interval>);

impl Intervals {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those from the `index`-th on.
    pub(crate) fn from(&self, index: usize) -> &[Interval] {
        &self.0[index..]
    }

    /// Adds an interval.
    pub(crate) fn enter(&mut self, interval: Interval) {
        match self.0.last_mut() {
            Some(last) if last.start > interval.start => {}
            Some(last) if interval.start < last.end && interval.open == SHUT => {
                last.unite(&interval);
                return;
            }
            _ => {
                self.0.push(interval);
                return;
            }
        }
        let at = self
            .0
            .partition_point(|other| other.start <= interval.start);
        self.0.insert(at, interval);
    }

    /// Moves the end of the interval that the lane `open` is swallowing.
    pub(crate) fn extend(&mut self, open: u8, end: usize) {
        if let Some(interval) = self.swallowed(open) {
            interval.end = interval.end.max(end);
        }
    }

    /// The interval that the lane `open` is swallowing has come to its end.
    pub(crate) fn shut(&mut self, open: u8, digits: Digits) {
        if let Some(interval) = self.swallowed(open) {
            interval.open &= !open;
            if interval.awaits == open {
                interval.digits = digits;
                interval.awaits = SHUT;
            }
        }
    }

    /// The interval that the lane `open` is swallowing; it is among the last ones.
    fn swallowed(&mut self, open: u8) -> Option<&mut Interval> {
        self.0
            .iter_mut()
            .rev()
            .find(|interval| interval.open & open != 0)
    }

    /// The first `count` are one, `group`, from now on: its text is being dropped, and with it what shows that they
    /// overlap.
    pub(crate) fn join_first(&mut self, count: usize, group: Interval) {
        self.0.splice(..count, [group]);
    }

    /// The first `count` have been written.
    pub(crate) fn drop_first(&mut self, count: usize) {
        self.0.drain(..count);
    }

    /// The first `bytes` of the text are gone.
    pub(crate) fn rebase(&mut self, bytes: usize) {
        for interval in &mut self.0 {
            interval.start = interval.start.saturating_sub(bytes);
            interval.end = interval.end.saturating_sub(bytes);
        }
    }
}
