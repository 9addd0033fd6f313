//! What the writer knows of every feed without asking the disk: its number, its head, its size.
//!
//! A cache of the database, never ahead of it: what a failed transaction changed here is taken back.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use crate::schema::{event_key, key_seq};

/// One feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Feed {
    /// Its integer in the database.
    pub id: i64,
    /// `seq` of its newest event.
    pub head: u64,
    /// `seq` of the newest event that is compacted away.
    pub compacted: u64,
    /// Bytes of the feed before its oldest row.
    pub start: u64,
    /// Bytes of the feed up to its end.
    pub end: u64,
    /// When its oldest row was written, ms since the epoch; `None` while it has no row.
    pub oldest: Option<u64>,
}

impl Feed {
    /// Event bytes that can be replayed.
    pub(crate) fn bytes(&self) -> u64 {
        self.end - self.start
    }

    /// Events that can be replayed.
    pub(crate) fn events(&self) -> u64 {
        self.head - self.compacted
    }

    /// The same feed after events up to `head` were discarded.
    pub(crate) fn discarded(self, head: u64) -> Self {
        Self {
            head,
            compacted: head,
            ..self
        }
    }

    /// Keys of its event rows: none is outside.
    pub(crate) fn keys(&self) -> (i64, i64) {
        feed_keys(self.id)
    }
}

/// First and last possible key of a feed's event rows.
pub(crate) fn feed_keys(feed: i64) -> (i64, i64) {
    (event_key(feed, 0), event_key(feed, crate::schema::SEQ_MAX))
}

/// All feeds.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    feeds: HashMap<String, Feed>,
    totals: Totals,
    last_id: i64,
    /// How the feeds were before the running transaction touched them, in the order of the changes.
    before: Vec<(String, Option<Feed>)>,
}

/// Sums over all feeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Events that can be replayed.
    pub events: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Ledger {
    /// Reads every feed: three seeks each, whatever its length is.
    pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut ledger = Self::default();
        let mut feeds = connection.prepare("SELECT id, thread, compacted FROM feeds")?;
        let mut first = connection.prepare(
            "SELECT at, start FROM events WHERE key BETWEEN ?1 AND ?2 ORDER BY key LIMIT 1",
        )?;
        let mut last = connection.prepare(
            "SELECT key, start + size FROM events WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC LIMIT 1",
        )?;
        let mut rows = feeds.query([])?;
        while let Some(row) = rows.next()? {
            let (id, thread, compacted): (i64, String, u64) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            let mut feed = Feed {
                id,
                head: compacted,
                compacted,
                ..Feed::default()
            };
            let oldest: Option<(u64, u64)> = first
                .query_row(feed.keys(), |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            if let Some((at, start)) = oldest {
                let (key, end) =
                    last.query_row(feed.keys(), |row| Ok((row.get(0)?, row.get(1)?)))?;
                feed.head = key_seq(key);
                (feed.oldest, feed.start, feed.end) = (Some(at), start, end);
            }
            ledger.last_id = ledger.last_id.max(id);
            ledger.totals.add(&feed);
            ledger.feeds.insert(thread, feed);
        }
        Ok(ledger)
    }

    /// The feed of `thread`.
    pub(crate) fn get(&self, thread: &str) -> Option<Feed> {
        self.feeds.get(thread).copied()
    }

    /// A number that no feed has yet.
    pub(crate) fn next_id(&self) -> i64 {
        self.last_id + 1
    }

    /// Every thread with its feed.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Feed)> {
        self.feeds
            .iter()
            .map(|(thread, feed)| (thread.as_str(), feed))
    }

    /// Number of feeds.
    pub(crate) fn len(&self) -> usize {
        self.feeds.len()
    }

    /// Sums over all feeds.
    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    /// Sets a feed; until `settle` it can be taken back.
    pub(crate) fn set(&mut self, thread: &str, feed: Feed) {
        self.last_id = self.last_id.max(feed.id);
        self.totals.add(&feed);
        let before = match self.feeds.get_mut(thread) {
            Some(known) => Some(std::mem::replace(known, feed)),
            None => self.feeds.insert(thread.to_owned(), feed),
        };
        if let Some(before) = &before {
            self.totals.subtract(before);
        }
        self.before.push((thread.to_owned(), before));
    }

    /// The transaction was committed.
    pub(crate) fn settle(&mut self) {
        self.before.clear();
    }

    /// The transaction has failed: everything since the last `settle` is as it was.
    pub(crate) fn take_back(&mut self) {
        while let Some((thread, before)) = self.before.pop() {
            let after = match before {
                Some(feed) => {
                    self.totals.add(&feed);
                    self.feeds.insert(thread, feed)
                }
                None => self.feeds.remove(&thread),
            };
            self.totals
                .subtract(&after.expect("a feed that was set is there"));
        }
    }
}

impl Totals {
    fn add(&mut self, feed: &Feed) {
        self.events += feed.events();
        self.bytes += feed.bytes();
    }

    fn subtract(&mut self, feed: &Feed) {
        self.events -= feed.events();
        self.bytes -= feed.bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failed_transaction_changed_is_taken_back() {
        let mut ledger = Ledger::default();
        let one = Feed {
            id: 1,
            head: 5,
            end: 50,
            oldest: Some(7),
            ..Feed::default()
        };
        ledger.set("a", one);
        ledger.settle();
        let before = ledger.totals();

        ledger.set(
            "a",
            Feed {
                head: 9,
                end: 90,
                ..one
            },
        );
        ledger.set(
            "b",
            Feed {
                id: 2,
                head: 3,
                end: 30,
                ..one
            },
        );
        ledger.set(
            "a",
            Feed {
                head: 10,
                end: 99,
                ..one
            },
        );
        assert_eq!(
            ledger.totals(),
            Totals {
                events: 13,
                bytes: 129
            }
        );

        ledger.take_back();
        assert_eq!(ledger.totals(), before);
        assert_eq!((ledger.get("a"), ledger.get("b")), (Some(one), None));
    }
}
