//! Replay: the lines of a feed after a cursor, in order and without a hole.
//!
//! Lines come back as they were written; nothing here looks into one.

use bytes::Bytes;
use rusqlite::{Connection, params};

use super::{Readers, feed};
use crate::error::ReadError;
use crate::ledger::feed_keys;
use crate::pack::unpack;
use crate::records::Batch;
use crate::schema::{event_key, key_seq};

/// One seek to the row that holds the event, then rows in order.
const REPLAY: &str =
    "SELECT key, count, size, lines FROM events WHERE key > ?1 AND key <= ?2 ORDER BY key";

impl Readers {
    pub(crate) fn events(
        &self,
        thread: &str,
        after: u64,
        max_bytes: usize,
    ) -> Result<Vec<Batch>, ReadError> {
        self.snapshot(|connection| {
            let Some((feed, compacted)) = feed(connection, thread)? else {
                return Ok(Vec::new());
            };
            if after < compacted {
                return Err(ReadError::Compacted {
                    thread: thread.to_owned(),
                    through: compacted,
                });
            }
            replay(connection, thread, feed, after, max_bytes)
        })
    }

    pub(crate) fn first_replayable(&self, thread: &str) -> Result<u64, ReadError> {
        let lent = self.lend()?;
        Ok(feed(&lent, thread)?.map_or(0, |(_, compacted)| compacted))
    }

    pub(crate) fn head(&self, thread: &str) -> Result<u64, ReadError> {
        self.snapshot(|connection| {
            let Some((feed, compacted)) = feed(connection, thread)? else {
                return Ok(0);
            };
            let last: Option<i64> = connection
                .prepare_cached("SELECT max(key) FROM events WHERE key BETWEEN ?1 AND ?2")?
                .query_row(feed_keys(feed), |row| row.get(0))?;
            Ok(last.map_or(compacted, key_seq))
        })
    }
}

fn replay(
    connection: &Connection,
    thread: &str,
    feed: i64,
    after: u64,
    max_bytes: usize,
) -> Result<Vec<Batch>, ReadError> {
    let mut batches = Vec::new();
    let mut left = max_bytes;
    let mut statement = connection.prepare_cached(REPLAY)?;
    // No event is beyond the last key, and a cursor that claims to be finds nothing.
    let from = event_key(feed, after.min(crate::schema::SEQ_MAX));
    let mut rows = statement.query(params![from, feed_keys(feed).1])?;
    while (left > 0 || batches.is_empty())
        && let Some(row) = rows.next()?
    {
        let (key, count, size): (i64, u64, usize) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let last = key_seq(key);
        let stored = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
        let lines = unpack(stored, size).ok_or_else(|| ReadError::Damaged {
            thread: thread.to_owned(),
            seq: last,
        })?;
        let whole = Batch {
            first: last + 1 - count,
            last,
            lines: Bytes::from(lines),
        };
        let fitting = cut_end(cut_begin(whole, after), left, batches.is_empty());
        let Some(batch) = fitting else {
            break;
        };
        left = left.saturating_sub(batch.lines.len());
        let complete = batch.last == last;
        batches.push(batch);
        if !complete {
            break;
        }
    }
    Ok(batches)
}

/// Leaves out the events up to `after`.
fn cut_begin(mut batch: Batch, after: u64) -> Batch {
    if batch.first <= after {
        let skipped = after + 1 - batch.first;
        let end = line_end(&batch.lines, skipped);
        batch.lines = batch.lines.slice(end..);
        batch.first = after + 1;
    }
    batch
}

/// Leaves out what does not fit into `room`; `None` when nothing does. The first event of an answer always fits.
fn cut_end(mut batch: Batch, room: usize, first: bool) -> Option<Batch> {
    if batch.lines.len() <= room {
        return Some(batch);
    }
    let fitting = memchr::memrchr(b'\n', &batch.lines[..room]).map_or(0, |newline| newline + 1);
    let end = match fitting {
        0 if first => line_end(&batch.lines, 1),
        0 => return None,
        end => end,
    };
    batch.lines.truncate(end);
    batch.last = batch.first + memchr::memchr_iter(b'\n', &batch.lines).count() as u64 - 1;
    Some(batch)
}

/// Where the first `count` lines end.
fn line_end(lines: &[u8], count: u64) -> usize {
    let nth = usize::try_from(count.saturating_sub(1)).unwrap_or(usize::MAX);
    memchr::memchr_iter(b'\n', lines)
        .nth(nth)
        .map_or(lines.len(), |newline| newline + 1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::ledger::Ledger;
    use crate::options::Options;
    use crate::records::Write;
    use crate::schema::{self, Found};

    /// A database with `batches` batches of ten events in one session, between two other sessions.
    fn filled(path: &std::path::Path, batches: u64) -> Connection {
        std::fs::write(path, "").unwrap();
        let options = Options::new(path.parent().unwrap());
        let Found::Ready { connection, .. } = schema::open_writer(path, &options, false).unwrap()
        else {
            panic!("a new file is not damaged");
        };
        let mut apply = crate::apply::Apply {
            connection: &connection,
            ledger: &mut Ledger::default(),
            packer: &mut crate::pack::Packer::default(),
            now: 0,
            text_bytes: 0,
            discard_events: false,
            item_growth: 0,
        };
        connection.execute_batch("BEGIN").unwrap();
        for (thread, batches) in [("before", 10), ("long", batches), ("after", 10)] {
            for n in 0..batches {
                let batch = Batch {
                    first: n * 10 + 1,
                    last: n * 10 + 10,
                    lines: Bytes::from_static(&[b'\n'; 10]),
                };
                let write = Write {
                    batch: Some(batch),
                    ..Write::new(thread)
                };
                apply.write(&write).unwrap();
            }
        }
        connection.execute_batch("COMMIT").unwrap();
        connection
    }

    /// Steps of SQLite's machine for a replay of 100 events after `after`.
    fn steps(connection: &mut Connection, after: u64) -> u64 {
        let counted = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&counted);
        let count = move || {
            counter.fetch_add(1, Ordering::Relaxed);
            false
        };
        connection.progress_handler(1, Some(count)).unwrap();
        let (feed, _) = feed(connection, "long").unwrap().unwrap();
        let batches = replay(connection, "long", feed, after, 100).unwrap();
        connection
            .progress_handler(1, None::<fn() -> bool>)
            .unwrap();
        let (first, last) = (batches[0].first, batches.last().unwrap().last);
        assert_eq!((first, last), (after + 1, after + 100));
        counted.load(Ordering::Relaxed)
    }

    #[test]
    fn a_replay_costs_the_same_anywhere_in_ten_thousand_and_in_a_million_events() {
        let scratch = tempfile::tempdir().unwrap();
        let mut short = filled(&scratch.path().join("short.db"), 1000);
        let mut long = filled(&scratch.path().join("long.db"), 100_000);
        // The first run prepares the statements, which has steps of its own.
        steps(&mut short, 0);
        steps(&mut long, 0);
        let expected = steps(&mut short, 0);
        assert!(expected > 10, "{expected}");
        for after in [0, 100, 500_000, 999_900] {
            assert_eq!(steps(&mut long, after), expected, "after {after}");
        }
    }

    #[test]
    fn the_key_finds_the_first_row_of_a_replay() {
        let scratch = tempfile::tempdir().unwrap();
        let connection = filled(&scratch.path().join("plan.db"), 1);
        let plan: Vec<String> = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {REPLAY}"))
            .unwrap()
            .query_map([0, 1], |row| row.get(3))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        assert_eq!(
            plan,
            ["SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]
        );
    }
}
