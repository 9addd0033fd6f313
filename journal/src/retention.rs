//! Compacts away what is older or more than wanted, a small step at a time.
//!
//! It decides nothing about sessions: their rows, heads and (unless asked otherwise) items and prompts stay.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::apply::unindex;
use crate::ledger::{Feed, Ledger};
use crate::options::Retention;

/// Most rows and bytes of events removed in one step. A step stands between two commits, so it has to be short.
const STEP_ROWS: usize = 1024;
const STEP_BYTES: u64 = 2 * 1024 * 1024;
/// Items, prompts and decisions removed in one step; each item takes its words out of the search.
const STEP_RECORDS: i64 = 32;
/// Pages given back to the file system in one step.
const STEP_PAGES: i64 = 64;
/// Free pages are kept for what comes next, up to this many and a tenth of the file; only more are given back.
const FREE_PAGES: i64 = 1024;
/// Once over a size, it is compacted to this many sixteenths below, so that not every commit needs a step.
const SLACK: u64 = 16;

/// What is left to compact, and when to look for more.
#[derive(Debug)]
pub(crate) struct Compaction {
    keep: Retention,
    /// Something may be left to do.
    pending: bool,
    /// When to look whether something has come of age.
    next_look: Instant,
    /// Bytes of all items; counted only when they are limited.
    item_bytes: Option<i64>,
    /// Compacting down to the lower marks, not just below the limit.
    draining_total: bool,
}

/// A feed to compact: how many of its bytes have to go, and everything up to what age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Victim {
    excess: u64,
    cutoff: Option<u64>,
}

impl Compaction {
    /// Begins with a look at everything.
    pub(crate) fn load(keep: Retention, connection: &Connection) -> rusqlite::Result<Self> {
        let item_bytes = keep
            .items_bytes
            .map(|_| {
                connection.query_row(
                    "SELECT coalesce(sum(size + octet_length(text)), 0) FROM items",
                    [],
                    |row| row.get(0),
                )
            })
            .transpose()?;
        Ok(Self {
            keep,
            pending: true,
            next_look: Instant::now(),
            item_bytes,
            draining_total: false,
        })
    }

    /// When the writer should come by even if nothing was written.
    pub(crate) fn due(&self) -> Instant {
        if self.pending {
            Instant::now()
        } else {
            self.next_look
        }
    }

    /// Whether something may be left to do now.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending
    }

    /// After a commit: `feed` has grown, and so have the items.
    pub(crate) fn grown(&mut self, feed: &Feed, ledger: &Ledger, items: i64) {
        if let Some(bytes) = &mut self.item_bytes {
            *bytes += items;
            self.pending |= over(u64::try_from(*bytes).unwrap_or(0), self.keep.items_bytes);
        }
        self.pending |= over(feed.bytes(), self.keep.session_bytes)
            || over(ledger.totals().bytes, self.keep.total_bytes);
    }

    /// One step, if one is due. Each is a transaction of its own.
    pub(crate) fn step(
        &mut self,
        connection: &Connection,
        ledger: &mut Ledger,
        now: u64,
    ) -> rusqlite::Result<()> {
        if !self.pending && Instant::now() < self.next_look {
            return Ok(());
        }
        self.next_look = Instant::now() + self.keep.interval;
        self.pending = true;
        let did = self.compact_events(connection, ledger, now)?
            || self.remove_items(connection, now)?
            || self.remove_prompts(connection, now)?
            || self.remove_decisions(connection, now)?
            || give_back(connection)?;
        self.pending = did;
        Ok(())
    }

    /// A step has failed: not again at once.
    pub(crate) fn postpone(&mut self) {
        self.pending = false;
        self.next_look = Instant::now() + self.keep.interval;
    }

    fn compact_events(
        &mut self,
        connection: &Connection,
        ledger: &mut Ledger,
        now: u64,
    ) -> rusqlite::Result<bool> {
        let Some((thread, feed, victim)) = self.choose(ledger, now) else {
            return Ok(false);
        };
        let shorter = compact(connection, feed, victim)?;
        ledger.set(&thread, shorter);
        ledger.settle();
        tracing::debug!(session.id = %thread, seq = shorter.compacted, "events are compacted away");
        Ok(true)
    }

    /// The feed to shorten next: one that is too long or too old, else the one with the oldest events of all while there
    /// are too many in total.
    fn choose(&mut self, ledger: &Ledger, now: u64) -> Option<(String, Feed, Victim)> {
        let cutoff = self.keep.events_age.map(|age| before(now, age));
        let total = ledger.totals().bytes;
        let lower = |limit: u64| limit - limit / SLACK;
        self.draining_total = match self.keep.total_bytes {
            Some(limit) if self.draining_total => total > lower(limit),
            limit => over(total, limit),
        };
        let mut oldest: Option<(&str, &Feed)> = None;
        for (thread, feed) in ledger.iter() {
            let Some(at) = feed.oldest else {
                continue;
            };
            let aged = cutoff.is_some_and(|cutoff| at < cutoff);
            let long = over(feed.bytes(), self.keep.session_bytes);
            if aged || long {
                let excess = match self.keep.session_bytes {
                    Some(limit) if long => feed.bytes() - lower(limit),
                    _ => 0,
                };
                return Some((thread.to_owned(), *feed, Victim { excess, cutoff }));
            }
            if oldest.is_none_or(|(_, known)| Some(at) < known.oldest) {
                oldest = Some((thread, feed));
            }
        }
        let limit = self.keep.total_bytes.filter(|_| self.draining_total)?;
        let (thread, feed) = oldest?;
        let victim = Victim {
            excess: total - lower(limit),
            cutoff,
        };
        Some((thread.to_owned(), *feed, victim))
    }

    fn remove_items(&mut self, connection: &Connection, now: u64) -> rusqlite::Result<bool> {
        let cutoff = self.keep.items_age.map(|age| before(now, age));
        let held = self
            .item_bytes
            .map_or(0, |bytes| u64::try_from(bytes).unwrap_or(0));
        let mut excess = match self.keep.items_bytes {
            Some(limit) if held > limit => held - (limit - limit / SLACK),
            _ => 0,
        };
        if cutoff.is_none() && excess == 0 {
            return Ok(false);
        }
        let mut gone = Vec::new();
        {
            let mut oldest = connection.prepare_cached(
                "SELECT row, at, size + octet_length(text), text FROM items
                 WHERE state <> 'open' ORDER BY at LIMIT ?1",
            )?;
            let mut rows = oldest.query([STEP_RECORDS])?;
            while let Some(row) = rows.next()? {
                let (at, bytes): (u64, u64) = (row.get(1)?, row.get(2)?);
                if excess == 0 && cutoff.is_none_or(|cutoff| at >= cutoff) {
                    break;
                }
                excess = excess.saturating_sub(bytes);
                gone.push((row.get::<_, i64>(0)?, bytes, row.get::<_, String>(3)?));
            }
        }
        if gone.is_empty() {
            return Ok(false);
        }
        in_transaction(connection, || {
            let mut delete = connection.prepare_cached("DELETE FROM items WHERE row = ?1")?;
            for (row, _, text) in &gone {
                unindex(connection, *row, text)?;
                delete.execute([row])?;
            }
            Ok(())
        })?;
        if let Some(held) = &mut self.item_bytes {
            let bytes: u64 = gone.iter().map(|(_, bytes, _)| bytes).sum();
            *held -= i64::try_from(bytes).unwrap_or(i64::MAX);
        }
        Ok(true)
    }

    fn remove_prompts(&self, connection: &Connection, now: u64) -> rusqlite::Result<bool> {
        let Some(age) = self.keep.prompts_age else {
            return Ok(false);
        };
        let gone = connection
            .prepare_cached(
                "DELETE FROM prompts WHERE row IN (SELECT row FROM prompts
                 WHERE state NOT IN ('queued', 'sending', 'running', 'not_run') AND at < ?1 LIMIT ?2)",
            )?
            .execute(params![before(now, age), STEP_RECORDS])?;
        Ok(gone > 0)
    }

    fn remove_decisions(&self, connection: &Connection, now: u64) -> rusqlite::Result<bool> {
        let Some(age) = self.keep.decisions_age else {
            return Ok(false);
        };
        // They are written in the order of time, so only the first ones can be too old.
        let gone = connection
            .prepare_cached(
                "DELETE FROM decisions WHERE row IN (SELECT row FROM (SELECT row, at FROM decisions ORDER BY row LIMIT ?2)
                 WHERE at < ?1)",
            )?
            .execute(params![before(now, age), STEP_RECORDS])?;
        Ok(gone > 0)
    }
}

/// Removes a feed's oldest rows in one transaction, and gives the feed as it is then.
fn compact(connection: &Connection, mut feed: Feed, victim: Victim) -> rusqlite::Result<Feed> {
    let mut last = None;
    {
        let (first_key, last_key) = feed.keys();
        let mut oldest = connection.prepare_cached(
            "SELECT key, at, start, size FROM events WHERE key BETWEEN ?1 AND ?2 ORDER BY key LIMIT ?3",
        )?;
        // One row more than may go, for the age of what then is the oldest.
        let mut rows = oldest.query(params![first_key, last_key, STEP_ROWS + 1])?;
        let begin = feed.start;
        let mut seen = 0;
        feed.oldest = None;
        while let Some(row) = rows.next()? {
            let (key, at, start, bytes): (i64, u64, u64, u64) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            let removed = start - begin;
            let goes = removed < victim.excess || victim.cutoff.is_some_and(|cutoff| at < cutoff);
            if !goes || seen == STEP_ROWS || (seen > 0 && removed + bytes > STEP_BYTES) {
                (feed.oldest, feed.start) = (Some(at), start);
                break;
            }
            seen += 1;
            last = Some(key);
            feed.start = start + bytes;
        }
    }
    let Some(last) = last else {
        return Ok(feed);
    };
    feed.compacted = crate::schema::key_seq(last);
    in_transaction(connection, || {
        connection
            .prepare_cached("DELETE FROM events WHERE key BETWEEN ?1 AND ?2")?
            .execute(params![feed.keys().0, last])?;
        connection
            .prepare_cached("UPDATE feeds SET compacted = ?2 WHERE id = ?1")?
            .execute(params![feed.id, feed.compacted.cast_signed()])?;
        Ok(())
    })?;
    if feed.oldest.is_none() {
        // Without a row the next one starts the count of bytes anew.
        (feed.start, feed.end) = (0, 0);
    }
    Ok(feed)
}

/// Gives some free pages back to the file system, if there are far more than will be used again soon.
fn give_back(connection: &Connection) -> rusqlite::Result<bool> {
    let pages = |name: &str| -> rusqlite::Result<i64> {
        connection
            .prepare_cached(&format!("PRAGMA {name}"))?
            .query_row([], |row| row.get(0))
    };
    let free = pages("freelist_count")?;
    let kept = FREE_PAGES + pages("page_count")? / 10;
    if free <= kept {
        return Ok(false);
    }
    let mut vacuum =
        connection.prepare_cached(&format!("PRAGMA incremental_vacuum({STEP_PAGES})"))?;
    // Each page is one step of the statement.
    let mut rows = vacuum.query([])?;
    while rows.next()?.is_some() {}
    Ok(true)
}

fn in_transaction(
    connection: &Connection,
    body: impl FnOnce() -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    body()?;
    transaction.commit()
}

fn over(bytes: u64, limit: Option<u64>) -> bool {
    limit.is_some_and(|limit| bytes > limit)
}

fn before(now: u64, age: Duration) -> u64 {
    now.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
}
