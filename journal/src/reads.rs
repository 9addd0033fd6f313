//! Reading: a small pool of connections that can read and nothing else, and the queries that run on them.
//!
//! Reads block their thread, never the writer. Each is short by its bounds, so none keeps the log from beginning anew.

mod events;
mod history;
mod search;

use std::ops::Deref;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, OptionalExtension};

use crate::error::ReadError;
use crate::schema;

/// The connections, opened when they are first needed.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    most: usize,
    wait: Duration,
    pool: Mutex<Pool>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Connection>,
    /// Connections that exist, idle or lent.
    open: usize,
    closed: bool,
}

impl Readers {
    /// A pool of at most `most` connections; who finds none waits for at most `wait`.
    pub(crate) fn new(path: PathBuf, most: usize, wait: Duration) -> Self {
        Self {
            path,
            most: most.max(1),
            wait,
            pool: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// Lends no more connections; those that are lent are closed when they come back.
    pub(crate) fn close(&self) {
        let mut pool = self.pool.lock();
        pool.closed = true;
        pool.open -= pool.idle.len();
        let idle = std::mem::take(&mut pool.idle);
        drop(pool);
        self.freed.notify_all();
        drop(idle);
    }

    /// Lends a connection.
    fn lend(&self) -> Result<Lent<'_>, ReadError> {
        let until = Instant::now() + self.wait;
        let mut pool = self.pool.lock();
        loop {
            if pool.closed {
                return Err(ReadError::Closed);
            }
            if let Some(connection) = pool.idle.pop() {
                return Ok(Lent {
                    readers: self,
                    connection: Some(connection),
                });
            }
            if pool.open < self.most {
                pool.open += 1;
                drop(pool);
                // From here on `Lent` gives the place back, also when the connection cannot be opened.
                let mut lent = Lent {
                    readers: self,
                    connection: None,
                };
                lent.connection = Some(schema::open_reader(&self.path)?);
                return Ok(lent);
            }
            if self.freed.wait_until(&mut pool, until).timed_out() {
                return Err(ReadError::Busy {
                    waited_ms: u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX),
                });
            }
        }
    }

    /// Runs queries that must see one and the same state of the journal.
    pub(crate) fn snapshot<T>(
        &self,
        body: impl FnOnce(&Connection) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let lent = self.lend()?;
        let transaction = lent.unchecked_transaction()?;
        let answer = body(&transaction)?;
        transaction.finish()?;
        Ok(answer)
    }
}

/// A lent connection; it goes back when this is dropped.
struct Lent<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Deref for Lent<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("it is there until it goes back")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.pool.lock();
        let back = self.connection.take();
        match back {
            Some(connection) if !pool.closed => pool.idle.push(connection),
            unneeded => {
                pool.open -= 1;
                drop(pool);
                drop(unneeded);
            }
        }
        self.readers.freed.notify_one();
    }
}

/// The feed of `thread`: its number and how far it is compacted.
fn feed(connection: &Connection, thread: &str) -> rusqlite::Result<Option<(i64, u64)>> {
    connection
        .prepare_cached("SELECT id, compacted FROM feeds WHERE thread = ?1")?
        .query_row([thread], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}
