//! Batches that were read from the journal a moment ago: tabs that are behind are mostly behind together, and what one of
//! them had unpacked the others need not unpack again.
//!
//! Not the ring: it may have holes, and nothing is missing when it forgets.

use std::collections::VecDeque;

use bytes::Bytes;
use journal::Batch;

use super::ring::Wanted;

/// Some batches of one session, the latest read last.
#[derive(Debug)]
pub(super) struct Replay {
    batches: VecDeque<Batch>,
    bytes: usize,
    /// At the bound those leave that were read first.
    max_bytes: usize,
}

impl Replay {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            batches: VecDeque::new(),
            bytes: 0,
            max_bytes,
        }
    }

    pub(super) fn keep(&mut self, batches: &[Batch]) {
        for batch in batches {
            if self.holding(batch.first - 1).is_some() {
                continue;
            }
            self.bytes += batch.lines.len();
            self.batches.push_back(batch.clone());
        }
        while self.bytes > self.max_bytes
            && let Some(old) = self.batches.pop_front()
        {
            self.bytes -= old.lines.len();
        }
    }

    /// Appends what is wanted; gives the last seq, or `None` when the next event is not here.
    pub(super) fn read(&self, wanted: Wanted, out: &mut Vec<Bytes>) -> Option<u64> {
        let first = self.holding(wanted.after)?;
        let batches = std::iter::successors(Some(first), |batch| self.holding(batch.last));
        Some(wanted.take(batches, out))
    }

    /// The batch that holds the event behind `cursor`.
    fn holding(&self, cursor: u64) -> Option<&Batch> {
        let mut batches = self.batches.iter().rev();
        batches.find(|batch| (batch.first..=batch.last).contains(&(cursor + 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(first: u64, last: u64) -> Batch {
        let lines: String = (first..=last).map(|seq| format!("{seq}\n")).collect();
        Batch {
            first,
            last,
            lines: lines.into(),
        }
    }

    fn read(replay: &Replay, after: u64, until: u64, budget: usize) -> (Option<u64>, String) {
        let mut out = Vec::new();
        let wanted = Wanted {
            after,
            until,
            budget,
        };
        let cursor = replay.read(wanted, &mut out);
        let text = out.iter().map(|b| String::from_utf8_lossy(b).into_owned());
        (cursor, text.collect())
    }

    #[test]
    fn what_was_read_is_given_again_from_any_cursor_in_it() {
        let mut replay = Replay::new(100);
        replay.keep(&[batch(5, 7), batch(8, 9)]);
        replay.keep(&[batch(5, 7), batch(20, 21)]);
        assert_eq!(replay.batches.len(), 3);
        assert_eq!(
            read(&replay, 4, 99, 100),
            (Some(9), "5\n6\n7\n8\n9\n".into())
        );
        assert_eq!(read(&replay, 6, 8, 100), (Some(8), "7\n8\n".into()));
        assert_eq!(read(&replay, 4, 99, 1), (Some(7), "5\n6\n7\n".into()));
        assert_eq!(read(&replay, 9, 99, 100), (None, String::new()));
        assert_eq!(read(&replay, 3, 99, 100), (None, String::new()));
    }

    #[test]
    fn at_the_bound_what_was_read_first_is_forgotten() {
        let mut replay = Replay::new(8);
        replay.keep(&[batch(1, 3), batch(4, 6)]);
        assert_eq!(read(&replay, 0, 99, 100).0, None);
        assert_eq!(read(&replay, 3, 99, 100).0, Some(6));
        replay.keep(&[batch(100, 200)]);
        assert_eq!(replay.batches.len(), 0);
    }
}
