//! The newest committed batches of one session, bounded by bytes.
//!
//! Not the source of truth: what has left the ring is read from the journal.

use std::{collections::VecDeque, time::Instant};

use bytes::Bytes;
use journal::Batch;

/// Committed batches in order, without a hole between them.
#[derive(Debug)]
pub(super) struct Ring {
    batches: VecDeque<Published>,
    bytes: usize,
    /// At the bound the oldest batches leave; the newest always stays.
    max_bytes: usize,
}

/// A batch, and when its oldest event was read from Codex.
#[derive(Debug)]
struct Published {
    batch: Batch,
    since: Option<Instant>,
}

/// What was given from the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Given {
    /// The last event.
    pub(crate) cursor: u64,
    /// When the oldest one, or one in its batch, was read from Codex; `None` when there was nothing to give.
    pub(crate) since: Option<Instant>,
}

impl Ring {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            batches: VecDeque::new(),
            bytes: 0,
            max_bytes,
        }
    }

    pub(super) fn push(&mut self, batch: Batch, since: Option<Instant>) {
        self.bytes += batch.lines.len();
        self.batches.push_back(Published { batch, since });
        while self.bytes > self.max_bytes && self.batches.len() > 1 {
            if let Some(old) = self.batches.pop_front() {
                self.bytes -= old.batch.lines.len();
            }
        }
    }

    /// The event behind which there are at most so many bytes, in whole batches; 0 when the ring does not have more.
    pub(super) fn near(&self, bytes: usize) -> u64 {
        let mut behind = 0;
        let far = self.batches.iter().rev().find(|far| {
            behind += far.batch.lines.len();
            behind > bytes
        });
        far.map_or(0, |far| far.batch.last)
    }

    /// Appends to `out` what is wanted. Returns the seq of the last event given, or `None` when the ring no longer reaches
    /// back that far.
    pub(super) fn read(&self, wanted: Wanted, out: &mut Vec<Bytes>) -> Option<Given> {
        let first = self.batches.front()?.batch.first;
        if wanted.after + 1 < first {
            return None;
        }
        let start = self
            .batches
            .partition_point(|published| published.batch.last <= wanted.after);
        let batches = self.batches.range(start..);
        let since = batches.clone().next().and_then(|first| first.since);
        let cursor = wanted.take(batches.map(|published| &published.batch), out);
        Some(Given { cursor, since })
    }
}

/// What a tab reads at once: whole events, as slices of shared batches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// The first event is the one behind this.
    pub(crate) after: u64,
    /// The last event at most.
    pub(crate) until: u64,
    /// About so many bytes, but at least one batch.
    pub(crate) budget: usize,
}

impl Wanted {
    /// Appends the slices of `batches`, which follow each other and begin with the one that holds the first event. Returns the
    /// seq of the last event given.
    pub(super) fn take<'a>(
        self,
        batches: impl Iterator<Item = &'a Batch>,
        out: &mut Vec<Bytes>,
    ) -> u64 {
        let (mut cursor, mut given) = (self.after, 0);
        for batch in batches {
            if batch.first > self.until || given > 0 && given + batch.lines.len() > self.budget {
                break;
            }
            let lines = between(batch, cursor, self.until);
            given += lines.len();
            cursor = batch.last.min(self.until);
            out.push(lines);
        }
        cursor
    }
}

/// The lines of `batch` behind the event `after` and not behind `until`; a slice of the same allocation.
pub(super) fn between(batch: &Batch, after: u64, until: u64) -> Bytes {
    let start = offset_behind(batch, after);
    let end = offset_behind(batch, until);
    batch.lines.slice(start..end.max(start))
}

/// Where in `batch` the lines behind the event `seq` begin.
fn offset_behind(batch: &Batch, seq: u64) -> usize {
    if seq < batch.first {
        return 0;
    }
    if seq >= batch.last {
        return batch.lines.len();
    }
    let skip = usize::try_from(seq - batch.first).unwrap_or(usize::MAX);
    memchr::memchr_iter(b'\n', &batch.lines)
        .nth(skip)
        .map_or(batch.lines.len(), |newline| newline + 1)
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

    fn read(ring: &Ring, after: u64, budget: usize) -> (Option<u64>, String) {
        let mut out = Vec::new();
        let wanted = Wanted {
            after,
            until: u64::MAX,
            budget,
        };
        let cursor = ring.read(wanted, &mut out).map(|given| given.cursor);
        let text = out.iter().map(|b| String::from_utf8_lossy(b).into_owned());
        (cursor, text.collect())
    }

    #[test]
    fn a_cursor_inside_a_batch_gets_the_rest_of_it() {
        let mut ring = Ring::new(1 << 20);
        ring.push(batch(1, 3), None);
        ring.push(batch(4, 4), None);
        assert_eq!(read(&ring, 0, 100), (Some(4), "1\n2\n3\n4\n".into()));
        assert_eq!(read(&ring, 2, 100), (Some(4), "3\n4\n".into()));
        assert_eq!(read(&ring, 4, 100), (Some(4), String::new()));
    }

    #[test]
    fn nothing_behind_the_given_place_is_read() {
        let mut ring = Ring::new(1 << 20);
        ring.push(batch(1, 3), None);
        ring.push(batch(4, 6), None);
        let mut out = Vec::new();
        let wanted = Wanted {
            after: 1,
            until: 4,
            budget: 100,
        };
        assert_eq!(
            ring.read(wanted, &mut out).map(|given| given.cursor),
            Some(4)
        );
        assert_eq!(out, ["2\n3\n", "4\n"]);
    }

    #[test]
    fn a_budget_gives_whole_batches_and_at_least_one() {
        let mut ring = Ring::new(1 << 20);
        ring.push(batch(1, 3), None);
        ring.push(batch(4, 4), None);
        assert_eq!(read(&ring, 0, 1), (Some(3), "1\n2\n3\n".into()));
    }

    #[test]
    fn near_is_what_has_few_bytes_behind_it() {
        let mut ring = Ring::new(100);
        ring.push(batch(1, 3), None);
        ring.push(batch(4, 5), None);
        assert_eq!([3, 4, 9, 10].map(|bytes| ring.near(bytes)), [5, 3, 3, 0]);
    }

    #[test]
    fn what_left_the_ring_is_said_to_be_gone() {
        let mut ring = Ring::new(4);
        ring.push(batch(1, 2), None);
        ring.push(batch(3, 4), None);
        assert_eq!(ring.bytes, 4);
        assert_eq!(read(&ring, 1, 100), (None, String::new()));
        assert_eq!(read(&ring, 2, 100), (Some(4), "3\n4\n".into()));
    }
}
