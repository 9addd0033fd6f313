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
pub(crate) const REPLAY: &str =
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
