//! A journal that is looked at and not touched, also while a host writes it: for its export, and for `verify`.
//!
//! It takes no lock and makes no file of its own; what SQLite keeps beside a database it may make.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use crate::error::{Cause, OpenError, ReadError};
use crate::folder;
use crate::reads::Readers;
use crate::records::Batch;
use crate::schema;

/// One reader is enough for one command.
const READERS: usize = 1;
/// And it never waits for another.
const READ_WAIT: Duration = Duration::from_secs(1);

/// A journal, to read.
#[derive(Debug)]
pub struct Archive {
    readers: Readers,
    database: PathBuf,
    id: String,
}

impl Archive {
    /// Opens the journal in `dir`.
    ///
    /// # Errors
    /// There is none, it is not this user's alone, it is no journal or one of a newer holdfast, or it cannot be read.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let database = folder::inspect(dir)?;
        let failed = |source| OpenError::Database {
            path: database.clone(),
            source: Cause(source),
        };
        let connection = schema::open_reader(&database).map_err(failed)?;
        schema::check_format(&connection, &database)?;
        let id = schema::journal_id(&connection).map_err(failed)?;
        drop(connection);
        Ok(Self {
            readers: Readers::new(database.clone(), READERS, READ_WAIT),
            database,
            id: id.unwrap_or_default(),
        })
    }

    /// The journal's name; empty when it has lost it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Every session that has events, or had.
    ///
    /// # Errors
    /// The database cannot be read, as for all reads.
    pub fn threads(&self) -> Result<Vec<String>, ReadError> {
        self.look(|connection| {
            let mut statement = connection.prepare("SELECT thread FROM feeds ORDER BY id")?;
            let threads = statement.query_map([], |row| row.get(0))?;
            Ok(threads.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// As [`Journal::events`](crate::Journal::events).
    ///
    /// # Errors
    /// As there.
    pub fn events(
        &self,
        thread: &str,
        after: u64,
        max_bytes: usize,
    ) -> Result<Vec<Batch>, ReadError> {
        self.readers.events(thread, after, max_bytes)
    }

    /// As [`Journal::first_replayable`](crate::Journal::first_replayable).
    ///
    /// # Errors
    /// As there.
    pub fn first_replayable(&self, thread: &str) -> Result<u64, ReadError> {
        self.readers.first_replayable(thread)
    }

    /// Bytes of the database and of its log.
    #[must_use]
    pub fn file_bytes(&self) -> (u64, u64) {
        let log = folder::wal_path(&self.database);
        (folder::file_bytes(&self.database), folder::file_bytes(&log))
    }

    /// Runs queries that see one state of the journal.
    pub(crate) fn look<T>(
        &self,
        body: impl FnOnce(&Connection) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        self.readers.snapshot(body)
    }
}
