//! The one thread that writes: takes what waits, makes one transaction of it, commits, makes the calls.
//!
//! It judges nothing: every write that it gets was accepted, and it tries until the disk takes it.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

use crate::apply::{Apply, ROW_BYTES};
use crate::checkpoint::Checkpoints;
use crate::error::{Cause, OpenError};
use crate::folder::{self, Folder};
use crate::health::{HealthBoard, Stall};
use crate::ledger::Ledger;
use crate::options::Options;
use crate::pace::Pace;
use crate::pack::Packer;
use crate::queue::{Queue, Queued, Taken};
use crate::retention::Compaction;
use crate::schema;
use crate::statistics::Meter;

/// Within this of the ceiling, a full database means that the ceiling is reached: tables grow by some pages at once.
const CEILING_SLACK: u64 = 64 * schema::PAGE_BYTES;

/// What the buffer for packing keeps: enough for rows of the usual size.
const PACKER_BYTES: usize = 2 * ROW_BYTES;

/// What the writer shares with the handles.
#[derive(Debug)]
pub(crate) struct Desk {
    /// Where writes wait.
    pub queue: Queue,
    /// Whether they reach the disk.
    pub health: HealthBoard,
    /// What is measured.
    pub meter: Meter,
}

/// What the writer thread owns.
#[derive(Debug)]
pub(crate) struct Writer {
    desk: Arc<Desk>,
    options: Options,
    connection: Connection,
    ledger: Ledger,
    checkpoints: Checkpoints,
    compaction: Compaction,
    pace: Pace,
    packer: Packer,
    suspect: PathBuf,
    /// Closed after the connections are, for the sake of SQLite's locks.
    _file: Arc<File>,
    /// Held until the last connection of the writer is closed.
    _folder: Folder,
}

impl Writer {
    /// Makes a writer ready to run. Its connection is the only one that changes rows.
    pub(crate) fn new(
        desk: Arc<Desk>,
        options: Options,
        mut connection: Connection,
        ledger: Ledger,
        folder: Folder,
    ) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Database {
            path: folder.database(),
            source: Cause(source),
        };
        let compaction =
            Compaction::load(options.retention.clone(), &connection).map_err(failed)?;
        let file = Arc::new(folder.open_database().map_err(|source| OpenError::Io {
            attempt: "open",
            path: folder.database(),
            source,
        })?);
        let checkpoints =
            Checkpoints::start(&mut connection, &folder.database(), Arc::clone(&file))
                .map_err(failed)?;
        desk.meter.stored(&ledger);
        Ok(Self {
            desk,
            options,
            connection,
            ledger,
            checkpoints,
            compaction,
            pace: Pace::new(Instant::now()),
            packer: Packer::default(),
            suspect: folder.suspect(),
            _file: file,
            _folder: folder,
        })
    }

    /// Runs until the queue is closed and empty, or closed and out of time.
    pub(crate) fn run(self) {
        // Dropped after `self` is: the connections are closed and the lock is free, so the journal can be opened again.
        let _end = EndOnDrop(Arc::clone(&self.desk));
        let mut writer = self;
        loop {
            let gather_until = writer.pace.gather_until(Instant::now());
            match writer
                .desk
                .queue
                .take(writer.compaction.due(), gather_until)
            {
                Taken::Group(group) => {
                    if !writer.write(group) {
                        break;
                    }
                }
                Taken::Nothing => {}
                Taken::Closed => break,
            }
            writer.upkeep();
        }
        writer.checkpoints.finish(&writer.connection);
    }

    /// Writes a group, trying until it is committed. `false`: the time to close ran out first.
    fn write(&mut self, group: Vec<Queued>) -> bool {
        let mut pause = self.options.retry_min;
        loop {
            let begun = Instant::now();
            match self.commit(&group) {
                Ok(growth) => {
                    self.committed(group, growth, begun.elapsed());
                    return true;
                }
                Err(error) => self.failed(&error, &group),
            }
            // On a full disk, room comes from outside or from what is old enough to go.
            self.compact();
            if !self.desk.queue.pause(Instant::now() + pause) {
                return false;
            }
            pause = (pause * 2).min(self.options.retry_max);
        }
    }

    /// One transaction with all writes of the group; says by how many bytes the items have grown.
    fn commit(&mut self, group: &[Queued]) -> rusqlite::Result<i64> {
        self.checkpoints.make_room(&self.connection)?;
        let result = self.transact(group);
        if result.is_ok() {
            self.ledger.settle();
        } else {
            self.ledger.take_back();
        }
        result
    }

    fn transact(&mut self, group: &[Queued]) -> rusqlite::Result<i64> {
        if self.options.discard_events && self.discard(group) {
            return Ok(0);
        }
        // Rolls back when it is dropped without a commit.
        let transaction = Begun::immediate(&self.connection)?;
        let mut apply = Apply {
            connection: &self.connection,
            ledger: &mut self.ledger,
            packer: &mut self.packer,
            now: now(),
            text_bytes: self.options.search_text_bytes,
            discard_events: self.options.discard_events,
            item_growth: 0,
        };
        for queued in group {
            apply.write(&queued.write)?;
        }
        let growth = apply.item_growth;
        transaction.commit()?;
        Ok(growth)
    }

    /// Without the disk, where nothing but events of known feeds is written. `false`: something has to be stored.
    fn discard(&mut self, group: &[Queued]) -> bool {
        let discardable = |queued: &Queued| {
            queued.write.is_events_only() && self.ledger.get(&queued.write.thread).is_some()
        };
        if !group.iter().all(discardable) {
            return false;
        }
        for Queued { write, .. } in group {
            if let (Some(feed), Some(batch)) = (self.ledger.get(&write.thread), &write.batch) {
                self.ledger.set(&write.thread, feed.discarded(batch.last));
            }
        }
        true
    }

    fn committed(&mut self, group: Vec<Queued>, item_growth: i64, took: Duration) {
        self.desk.health.writing();
        let bytes = group.iter().map(|queued| queued.bytes).sum();
        self.desk.queue.written(group.len(), bytes);
        self.desk.meter.committed(took, group.len());
        self.desk.meter.stored(&self.ledger);
        let events = group.iter().map(|queued| queued.write.events()).sum();
        self.pace.committed(Instant::now(), events);
        let mut growth = item_growth;
        for Queued { write, done, .. } in group {
            if catch_unwind(AssertUnwindSafe(done)).is_err() {
                // The hook has logged where; the writer serves all sessions and goes on.
                tracing::error!(session.id = %write.thread, "a call after a commit has panicked");
            }
            if let Some(feed) = self.ledger.get(&write.thread) {
                self.compaction
                    .grown(&feed, &self.ledger, std::mem::take(&mut growth));
            }
        }
    }

    fn failed(&self, error: &rusqlite::Error, group: &[Queued]) {
        if schema::is_damage(error) {
            folder::note_suspect(&self.suspect);
        }
        let bytes: usize = group.iter().map(|queued| queued.bytes).sum();
        let at_ceiling = self.options.file_bytes.is_some_and(|most| {
            // What the failed transaction had taken is given back by now, so it is counted once more.
            schema::file_bytes(&self.connection)
                .is_ok_and(|held| held + bytes as u64 + CEILING_SLACK >= most)
        });
        self.desk
            .health
            .stalled(Stall::from_error(error, at_ceiling));
    }

    /// Between commits: the log, the retention, the figures.
    fn upkeep(&mut self) {
        let begun = Instant::now();
        self.checkpoints.after_commit(&self.connection);
        self.compact();
        self.packer.shrink(PACKER_BYTES);
        self.desk.meter.kept_up(begun.elapsed());
    }

    /// One step of the retention, if one is due.
    fn compact(&mut self) {
        let step = self
            .compaction
            .step(&self.connection, &mut self.ledger, now());
        self.desk.meter.stored(&self.ledger);
        if let Err(error) = step {
            if schema::is_damage(&error) {
                folder::note_suspect(&self.suspect);
            }
            tracing::warn!(err = %error, "could not compact the journal; it is tried again later");
            self.compaction.postpone();
        }
    }
}

/// Says that the writer has ended, also when it ends by a panic.
struct EndOnDrop(Arc<Desk>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let reason = Stall::Other("its writer has panicked, which is a bug".to_owned());
            self.0.health.stalled(reason);
        }
        self.0.queue.end();
    }
}

/// A transaction whose two statements stay prepared.
struct Begun<'a>(&'a Connection);

impl<'a> Begun<'a> {
    fn immediate(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Self(connection))
    }

    fn commit(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        // Some errors have rolled back already; then there is no transaction left.
        if !self.0.is_autocommit()
            && let Err(error) = self.0.execute_batch("ROLLBACK")
        {
            tracing::error!(err = %error, "could not roll a failed transaction back");
        }
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}
