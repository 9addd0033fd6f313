//! The tables, their forward migrations, and how a connection is set up.
//!
//! What the rows mean is for `apply` (writes) and `reads`.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

use crate::error::{Cause, OpenError};
use crate::options::Options;

/// "HFJ1": marks the file as a journal of holdfast.
const APPLICATION_ID: i32 = 0x4846_4a31;

/// Pages of 4 KiB: a lone event's commit writes one or two of them, so larger pages would cost latency and log.
pub(crate) const PAGE_BYTES: u64 = 4096;

/// One entry a format; `user_version` counts the entries that a file has. Entries are never changed once released.
const MIGRATIONS: [&str; 1] = [include_str!("schema/0001.sql")];

/// Statements kept prepared on a connection; more than there are different ones.
const STATEMENTS: usize = 64;

/// Page cache of the writer and of one reader, in KiB. Batches are written once and read in order, so little is reused.
const WRITER_CACHE_KIB: i64 = 4096;
const READER_CACHE_KIB: i64 = 1024;

/// How long a statement waits for a lock of another program (a backup, a shell) before the try counts as failed.
const BUSY: Duration = Duration::from_millis(500);

/// Bits of an event row's key that hold the `seq`; the bits above hold the feed.
const SEQ_BITS: u32 = 40;
/// Largest `seq` (a million events a second would take twelve days, a thousand thirty-four years).
pub(crate) const SEQ_MAX: u64 = (1 << SEQ_BITS) - 1;
/// Largest number of feeds.
pub(crate) const FEED_MAX: i64 = (1 << (63 - SEQ_BITS)) - 1;

/// Key of the event row of `feed` whose last event is `seq`.
pub(crate) fn event_key(feed: i64, seq: u64) -> i64 {
    debug_assert!(feed <= FEED_MAX && seq <= SEQ_MAX);
    (feed << SEQ_BITS) | (seq.min(SEQ_MAX).cast_signed())
}

/// The `seq` in an event row's key.
pub(crate) fn key_seq(key: i64) -> u64 {
    key.cast_unsigned() & SEQ_MAX
}

/// What SQLite's check names when only the search index is damaged, which holds nothing that the items do not.
const SEARCH_DAMAGE: &str = "fts5";

/// What a file turned out to be.
pub(crate) enum Found {
    /// A journal, now in the newest format.
    Ready {
        /// The writer's connection.
        connection: Connection,
        /// Its random name.
        id: String,
        /// Whether it was empty.
        fresh: bool,
    },
    /// Damaged; it has to be set aside.
    Damaged(String),
}

/// Opens the database for writing, brings it to the newest format and reads its id. The file must exist.
pub(crate) fn open_writer(
    path: &Path,
    options: &Options,
    check_all: bool,
) -> Result<Found, OpenError> {
    let database = |source| OpenError::Database {
        path: path.to_owned(),
        source: Cause(source),
    };
    match try_open_writer(path, options, check_all) {
        Ok(found) => Ok(found),
        Err(Failure::Sqlite(error)) if is_damage(&error) => Ok(Found::Damaged(error.to_string())),
        Err(Failure::Sqlite(error)) => Err(database(error)),
        Err(Failure::Open(error)) => Err(error),
    }
}

/// Opens one more connection, which can read and nothing else.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    set_up(&connection, READER_CACHE_KIB)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Opens the connection of the thread that moves the log into the database.
pub(crate) fn open_checkpointer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, writing())?;
    set_up(&connection, READER_CACHE_KIB)?;
    set_up_writing(&connection)?;
    Ok(connection)
}

/// Whether closing the connection leaves the log as it is.
pub(crate) fn keep_log_on_close(connection: &Connection, keep: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)?;
    Ok(())
}

/// Size of the database as of the latest commit.
pub(crate) fn file_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pages: u64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    Ok(pages * PAGE_BYTES)
}

/// How long the writer's statements wait for a lock.
pub(crate) fn set_busy_timeout(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)
}

/// Whether SQLite said that the file's content, rather than the disk or a lock, is the trouble.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

enum Failure {
    Sqlite(rusqlite::Error),
    Open(OpenError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn try_open_writer(path: &Path, options: &Options, check_all: bool) -> Result<Found, Failure> {
    let mut connection = Connection::open_with_flags(path, writing())?;
    // Until all is found well, closing must leave the files as they are, log included.
    keep_log_on_close(&connection, true)?;
    set_up(&connection, WRITER_CACHE_KIB)?;
    // These reads come before anything that writes: a file of somebody else, or of a newer holdfast, stays as it is.
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let fresh = is_fresh(&connection)?;
    check_application(&connection, path, fresh)?;
    check_version(path, version)?;
    let mut rebuild_search = false;
    if check_all && let Some(found) = check_pages(&connection)? {
        if !found.to_ascii_lowercase().contains(SEARCH_DAMAGE) {
            return Ok(Found::Damaged(found));
        }
        rebuild_search = true;
    }
    if fresh {
        // Both must be set before the first table.
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    set_up_writing(&connection)?;
    if let Some(bytes) = options.file_bytes {
        connection.pragma_update(None, "max_page_count", bytes.div_ceil(PAGE_BYTES).max(1))?;
    }
    migrate(&mut connection, version)?;
    if rebuild_search {
        tracing::warn!("journal's search index is damaged; it is made anew from the items");
        connection.execute("INSERT INTO search (search) VALUES ('rebuild')", [])?;
        if let Some(found) = check_pages(&connection)? {
            return Ok(Found::Damaged(found));
        }
    }
    match journal_id(&connection)? {
        Some(id) => Ok(Found::Ready {
            connection,
            id,
            fresh,
        }),
        None => Ok(Found::Damaged("it has no id".to_owned())),
    }
}

/// Whether a file is a journal of a format that this build knows.
pub(crate) fn check_format(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let check = || -> Result<(), Failure> {
        let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        check_application(connection, path, false)?;
        check_version(path, version)
    };
    check().map_err(|failure| match failure {
        Failure::Open(error) => error,
        Failure::Sqlite(error) => OpenError::Database {
            path: path.to_owned(),
            source: Cause(error),
        },
    })
}

fn is_fresh(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0)
}

fn check_application(connection: &Connection, path: &Path, fresh: bool) -> Result<(), Failure> {
    let application: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if !fresh && application != APPLICATION_ID {
        return Err(Failure::Open(OpenError::Foreign {
            path: path.to_owned(),
        }));
    }
    Ok(())
}

fn check_version(path: &Path, version: u32) -> Result<(), Failure> {
    let known = u32::try_from(MIGRATIONS.len()).expect("a handful of migrations");
    if version > known {
        return Err(Failure::Open(OpenError::Newer {
            path: path.to_owned(),
            found: version,
            known,
        }));
    }
    Ok(())
}

/// The journal's name.
pub(crate) fn journal_id(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection
        .query_row(
            "SELECT value FROM meta WHERE name = 'journal_id'",
            [],
            |row| row.get(0),
        )
        .optional()
}

fn writing() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
}

fn set_up(connection: &Connection, cache_kib: i64) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}

fn set_up_writing(connection: &Connection) -> rusqlite::Result<()> {
    // NORMAL: the log is synchronised before it is moved into the database, never at a commit. A killed process loses
    // nothing, a power cut at most what came after the last checkpoint, and neither damages the file.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // What a row no longer says is overwritten where its page is written anyway: a prompt's raw text, for one.
    connection.pragma_update(None, "secure_delete", "FAST")?;
    // `checkpoint` decides when; SQLite's own rule would run inside some unlucky commit.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(
        None,
        "journal_size_limit",
        crate::checkpoint::LOG_KEPT_BYTES,
    )
}

/// The first finding of SQLite's own check of all pages, `None` when it has none.
fn check_pages(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

fn migrate(connection: &mut Connection, from: u32) -> Result<(), Failure> {
    for (version, sql) in (1u32..).zip(MIGRATIONS).skip(from as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        if version == 1 {
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.execute(
                "INSERT INTO meta (name, value) VALUES ('journal_id', ?1)",
                [new_id()],
            )?;
        }
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

/// 32 random hex digits.
fn new_id() -> String {
    use std::fmt::Write as _;

    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("the system has a random source");
    random
        .iter()
        .fold(String::with_capacity(32), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
            text
        })
}
