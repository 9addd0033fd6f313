//! Keeps the write-ahead log short: moves it into the database, and lets it begin anew.
//!
//! The log can begin anew only in a moment in which all of it is moved and synchronised and nothing is being added, and to
//! synchronise may take long on a busy disk. So a thread of its own moves the log beside running commits and reads. In a
//! pause of the writes it gets to the end by itself. Only when the log has become long without a pause does the writer do
//! the last piece, of which little is left by then.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

use crate::schema::{self, PAGE_BYTES};

/// The mover is asked to go over the log each time that it has grown by this many pages (4 MiB): long enough that pages
/// written again and again are moved once.
const MOVE_PAGES: u32 = 1024;
/// At this many pages (16 MiB) there was no pause for long, and the writer does the last piece.
const LONG_PAGES: u32 = 4 * MOVE_PAGES;
/// At this many pages (64 MiB) the writer waits for the mover and for readers, so that the log stays bounded.
const MOST_PAGES: u32 = 16 * MOVE_PAGES;
/// When the writer has found a reader in its way, it tries again after this many more pages.
const AGAIN_PAGES: u32 = MOVE_PAGES / 4;
/// How often the mover goes over what came in while it moved, before it rests until it is asked again.
const PASSES: u32 = 3;
/// With fewer pages left than this, one more pass would cost more than it moves.
const FEW_PAGES: u32 = 64;
/// A log at rest is moved after this time; so a power cut loses at most about this much.
const REST: Duration = Duration::from_secs(5);
/// A long log that could not be moved to its end is tried again after this time, to meet a pause of the writes.
const AGAIN: Duration = Duration::from_millis(200);
/// How long the writer waits for running reads when the log has reached its most pages.
const READERS_WAIT: Duration = Duration::from_millis(100);
/// What a log file that begins anew is cut to: as long as it usually becomes, so that it is rarely cut.
pub(crate) const LOG_KEPT_BYTES: u64 = (LONG_PAGES + MOVE_PAGES) as u64 * PAGE_BYTES;

/// The writer's side.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    /// Pages in the log since it last began anew, as SQLite told after the latest commit.
    pages: Arc<AtomicU32>,
    /// The log is not looked at again before it has this many pages.
    next: u32,
    mover: Mover,
}

/// Pages of the log that there are and that have been moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Progress {
    pages: u32,
    moved: u32,
}

impl Checkpoints {
    /// Begins to count the writer's log and starts the mover. `database` is the database file, for synchronising it.
    pub(crate) fn start(
        writer: &mut Connection,
        path: &Path,
        database: Arc<File>,
    ) -> rusqlite::Result<Self> {
        let pages = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&pages);
        writer.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, in_log: i32| {
            counted.store(in_log.cast_unsigned(), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self {
            pages,
            next: MOVE_PAGES,
            mover: Mover::start(schema::open_checkpointer(path)?, database),
        })
    }

    /// Before a transaction: fails when the log is as long as it may be and cannot be moved.
    pub(crate) fn make_room(&mut self, writer: &Connection) -> rusqlite::Result<()> {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < MOST_PAGES || pages < self.next {
            return Ok(());
        }
        self.mover.wait();
        writer.busy_timeout(READERS_WAIT)?;
        let result = checkpoint(writer, "RESTART");
        schema::set_busy_timeout(writer)?;
        match result? {
            Some(progress) if progress.moved == progress.pages => {
                self.pages.store(0, Ordering::Relaxed);
                self.next = MOVE_PAGES;
            }
            // Our own reads are short, so this is likely another program that reads for long. What it reads must stay.
            _ => {
                tracing::warn!(pages, "journal's log grows: a long read is under way");
                self.next = pages + MOVE_PAGES;
            }
        }
        Ok(())
    }

    /// After a commit and its calls: has the log moved when it is time.
    pub(crate) fn after_commit(&mut self, writer: &Connection) {
        self.mover.note();
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < MOVE_PAGES {
            self.next = MOVE_PAGES;
        }
        if pages < self.next {
            return;
        }
        let long = pages >= LONG_PAGES;
        match self.mover.progress() {
            MoverState::Moving => {}
            MoverState::Moved if long => {
                // Complete or not (a read may be under way), the next try is worth it only after some more pages.
                self.next = pages + AGAIN_PAGES;
                if let Err(error) = checkpoint(writer, "PASSIVE") {
                    tracing::warn!(err = %error, "could not move the end of the journal's log");
                }
            }
            MoverState::Moved | MoverState::Resting => {
                self.next = if long { pages } else { pages + MOVE_PAGES };
                self.mover.ask();
            }
        }
    }

    /// Moves everything, empties the log file, and ends the mover.
    pub(crate) fn finish(self, writer: &Connection) {
        drop(self.mover);
        match checkpoint(writer, "TRUNCATE") {
            Ok(Some(_)) => {}
            Ok(None) => tracing::debug!("journal's log is left as it is: a read is under way"),
            Err(error) => {
                tracing::warn!(err = %error, "could not move the journal's log at the end")
            }
        }
    }
}

/// `None`: something was in the way.
fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<Option<Progress>> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    connection.prepare_cached(&sql)?.query_row([], |row| {
        let (busy, pages, moved): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let count = |number: i64| u32::try_from(number).unwrap_or(0);
        Ok((!busy).then(|| Progress {
            pages: count(pages),
            moved: count(moved),
        }))
    })
}

/// The thread that moves the log, and what it and the writer tell each other.
#[derive(Debug)]
struct Mover {
    board: Arc<Board>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// When to move the log unasked; `None` while all of it is moved.
    due: Option<Instant>,
    asked: bool,
    moving: bool,
    /// It was asked and has moved all but a small rest.
    moved: bool,
    stop: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum MoverState {
    Resting,
    Moving,
    Moved,
}

impl Mover {
    fn start(connection: Connection, database: Arc<File>) -> Self {
        let board = Arc::<Board>::default();
        let theirs = Arc::clone(&board);
        let thread = std::thread::Builder::new()
            .name("journal-log".to_owned())
            .spawn(move || theirs.run(&connection, &database))
            .expect("a thread can be started");
        Self {
            board,
            thread: Some(thread),
        }
    }

    /// Something was committed.
    fn note(&self) {
        let mut state = self.board.state.lock();
        if state.due.is_none() {
            state.due = Some(Instant::now() + REST);
            self.board.changed.notify_all();
        }
    }

    fn ask(&self) {
        self.board.state.lock().asked = true;
        self.board.changed.notify_all();
    }

    fn progress(&self) -> MoverState {
        let mut state = self.board.state.lock();
        if state.asked || state.moving {
            MoverState::Moving
        } else if std::mem::take(&mut state.moved) {
            MoverState::Moved
        } else {
            MoverState::Resting
        }
    }

    /// Waits until it is not moving.
    fn wait(&self) {
        let mut state = self.board.state.lock();
        while state.asked || state.moving {
            self.board.changed.wait(&mut state);
        }
    }
}

impl Drop for Mover {
    fn drop(&mut self) {
        self.board.state.lock().stop = true;
        self.board.changed.notify_all();
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the thread that moves the journal's log has panicked");
        }
    }
}

impl Board {
    fn run(&self, connection: &Connection, database: &File) {
        let mut state = self.state.lock();
        while !state.stop {
            let wait = state.due.filter(|due| Instant::now() < *due);
            match (state.asked, wait) {
                (false, Some(due)) => {
                    self.changed.wait_until(&mut state, due);
                    continue;
                }
                (false, None) if state.due.is_none() => {
                    self.changed.wait(&mut state);
                    continue;
                }
                _ => {}
            }
            let asked = std::mem::take(&mut state.asked);
            (state.due, state.moving) = (None, true);
            drop(state);
            let left = move_log(connection, database);
            state = self.state.lock();
            (state.moving, state.moved) = (false, asked);
            match left {
                Left::Nothing => {}
                Left::OfLog(pages) if pages >= MOVE_PAGES => {
                    state.due = Some(Instant::now() + AGAIN);
                }
                Left::OfLog(_) => state.due = Some(Instant::now() + REST),
            }
            self.changed.notify_all();
        }
    }
}

/// What a move has left over.
enum Left {
    Nothing,
    /// Something of a log of so many pages.
    OfLog(u32),
}

/// Moves the log until little or nothing is left.
fn move_log(connection: &Connection, database: &File) -> Left {
    let mut left = Left::OfLog(0);
    for _ in 0..PASSES {
        let Progress { pages, moved } = match checkpoint(connection, "PASSIVE") {
            Ok(Some(progress)) => progress,
            Ok(None) => return left,
            Err(error) => {
                tracing::warn!(err = %error, "could not move the journal's log");
                return left;
            }
        };
        if pages == moved {
            return Left::Nothing;
        }
        left = Left::OfLog(pages);
        // SQLite has synchronised the database only if nothing came in meanwhile. Done here, it is not left to the
        // writer's last piece.
        if let Err(error) = rustix::fs::fdatasync(database) {
            tracing::warn!(err = %error, "could not synchronise the journal");
            return left;
        }
        if pages - moved < FEW_PAGES {
            return left;
        }
    }
    left
}
