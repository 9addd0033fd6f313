//! Compacts a journal that no host has open, all at once: what the retention does not keep goes, and so does free space. A
//! running host does the same in small steps, and keeps some free space for what comes.

use rusqlite::Connection;

use crate::error::{Cause, OpenError};
use crate::folder::{self, Folder};
use crate::journal::{Begun, open_database};
use crate::options::Options;
use crate::retention::Compaction;

/// What it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// Bytes of the database and its log before.
    pub before: u64,
    /// And after.
    pub after: u64,
    /// Events that cannot be replayed any more.
    pub events: u64,
    /// Events that still can.
    pub events_kept: u64,
}

/// Why it did not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShrinkError {
    /// The journal cannot be opened; a host that has it open is named.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is damaged; nothing was changed.
    #[error(
        "the journal is damaged ({0}); `holdfast journal verify` says more, and the next start of the host sets it aside"
    )]
    Damaged(String),
    /// SQLite failed on the way; what was done until then is whole.
    #[error("cannot compact the journal: {0}")]
    Database(Cause),
}

impl From<rusqlite::Error> for ShrinkError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Cause(error))
    }
}

/// Does it to the journal in `options.dir`, by `options.retention` at the time `now`, in ms since the epoch.
///
/// # Errors
/// A host has it open, it is damaged, or the disk refuses.
pub fn shrink(options: &Options, now: u64) -> Result<Shrunk, ShrinkError> {
    // Nothing is made where nothing is.
    folder::inspect(&options.dir)?;
    let folder = Folder::open(&options.dir)?;
    let before = bytes(&folder);
    let Begun {
        connection,
        mut ledger,
        ..
    } = open_database(&folder, options)?.map_err(ShrinkError::Damaged)?;
    let had = ledger.totals().events;
    let mut compaction = Compaction::load(options.retention.clone(), &connection)?;
    while compaction.is_pending() {
        compaction.step(&connection, &mut ledger, now)?;
    }
    connection.execute("INSERT INTO search (search) VALUES ('optimize')", [])?;
    give_back_all(&connection)?;
    checkpoint(&connection)?;
    let events_kept = ledger.totals().events;
    drop(connection);
    Ok(Shrunk {
        before,
        after: bytes(&folder),
        events: had - events_kept,
        events_kept,
    })
}

fn bytes(folder: &Folder) -> u64 {
    let database = folder.database();
    folder::file_bytes(&database) + folder::file_bytes(&folder::wal_path(&database))
}

/// Gives all free pages back. Not VACUUM, which would need as much space again as the journal has.
fn give_back_all(connection: &Connection) -> rusqlite::Result<()> {
    let mut vacuum = connection.prepare("PRAGMA incremental_vacuum")?;
    // Each page is one step of the statement.
    let mut rows = vacuum.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}
