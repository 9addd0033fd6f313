//! The handle through which the host writes and reads the journal.
//!
//! It only hands over: to the queue and so to the writer thread, or to the readers.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use crate::error::{Cause, CloseError, OpenError, ReadError, Rejected};
use crate::folder::{self, Folder};
use crate::health::{Health, HealthBoard};
use crate::ledger::Ledger;
use crate::options::Options;
use crate::queue::{Limits, Queue};
use crate::reads::Readers;
use crate::records::{Batch, Decision, Hit, Item, Process, Prompt, Session, Write};
use crate::schema::{self, Found};
use crate::statistics::{Meter, Statistics};
use crate::writer::{Desk, Writer};

/// A database of at most this size is checked page by page at every start, which takes well under a second. A larger one
/// is checked only after damage was met in it.
const CHECK_BYTES: u64 = 64 * 1024 * 1024;

/// How much longer than its time to close the writer may take to notice that it is over.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// The journal. Clones are handles of one and the same; when the last one is dropped, the journal is closed as by `close`.
#[derive(Clone, Debug)]
pub struct Journal {
    handle: Arc<Handle>,
}

/// What `open` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// A journal to go on with.
    Existing,
    /// Nothing; a new journal was begun.
    Fresh,
    /// A damaged journal, which was set aside; a new one was begun.
    SetAside {
        /// Where the damaged file lies now.
        kept: PathBuf,
    },
}

#[derive(Debug)]
struct Handle {
    id: String,
    desk: Arc<Desk>,
    readers: Readers,
    database: PathBuf,
    suspect: PathBuf,
    close_wait: Duration,
    writer: ThreadId,
}

impl Journal {
    /// Opens the journal in `options.dir`, or begins one there, and starts its writer.
    ///
    /// # Errors
    /// Another host has it open, it is not safe from others, a newer holdfast has written it, or the disk refuses.
    pub fn open(options: Options) -> Result<(Self, Opened), OpenError> {
        let folder = Folder::open(&options.dir)?;
        let database = folder.database();
        let begun = begin(&folder, &options)?;
        let heads = begun
            .ledger
            .iter()
            .map(|(thread, feed)| (thread.to_owned(), feed.head))
            .collect();
        let limits = Limits {
            writes: options.queue.max(1),
            bytes: options.queue_bytes,
            group: options.group.max(1),
            group_bytes: options.group_bytes,
        };
        let desk = Arc::new(Desk {
            queue: Queue::new(limits, heads),
            health: HealthBoard::new(),
            meter: Meter::default(),
        });
        let readers = Readers::new(database.clone(), options.readers, options.read_wait);
        let (suspect, close_wait) = (folder.suspect(), options.close_wait);
        let writer = Writer::new(
            Arc::clone(&desk),
            options,
            begun.connection,
            begun.ledger,
            folder,
        )?;
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(|| writer.run())
            .map_err(|source| OpenError::Io {
                attempt: "start the writer of",
                path: database.clone(),
                source,
            })?;
        let handle = Handle {
            id: begun.id,
            desk,
            readers,
            database,
            suspect,
            close_wait,
            writer: thread.thread().id(),
        };
        tracing::info!(opened = ?begun.opened, "journal is open");
        let journal = Self {
            handle: Arc::new(handle),
        };
        Ok((journal, begun.opened))
    }

    /// The journal's random name (`journalId`), 32 hex digits, made with the file. Cursors are valid for one journal only.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.handle.id
    }

    /// Queues one atomic write. `done` is called on the writer's thread right after the transaction that holds the write
    /// was committed; it must not block. Never waits.
    ///
    /// # Errors
    /// The write is given back when the queue is full, the journal is closed, or the write does not fit what came before.
    pub fn commit(
        &self,
        write: Write,
        done: impl FnOnce() + Send + 'static,
    ) -> Result<(), Box<Rejected>> {
        self.handle.desk.queue.push(write, Box::new(done))
    }

    /// Whether writes reach the disk.
    #[must_use]
    pub fn health(&self) -> Health {
        self.handle.desk.health.current()
    }

    /// Has `listener` called on the writer's thread at each change of health. It must not block, nor
    /// hold a handle of this journal, which would then never be dropped.
    pub fn on_health(&self, listener: impl Fn(&Health) + Send + Sync + 'static) {
        self.handle.desk.health.listen(listener);
    }

    /// Has `listener` called on the writer's thread after each commit with the time that it took. The same holds for it;
    /// there is one, and a later one is not heard.
    pub fn on_commit(&self, listener: impl Fn(Duration) + Send + Sync + 'static) {
        self.handle.desk.meter.listen(listener);
    }

    /// All sessions, the latest changed first.
    ///
    /// # Errors
    /// The database cannot be read, as for all reads.
    pub fn sessions(&self) -> Result<Vec<Session>, ReadError> {
        self.read(|readers| readers.sessions())
    }

    /// One session.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn session(&self, thread: &str) -> Result<Option<Session>, ReadError> {
        self.read(|readers| readers.session(thread))
    }

    /// `seq` of a session's newest committed event, 0 when there is none.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn head(&self, thread: &str) -> Result<u64, ReadError> {
        self.read(|readers| readers.head(thread))
    }

    /// Whole event lines after `after`, in order, at most `max_bytes` of them but at least one event. Empty: there is none.
    ///
    /// # Errors
    /// [`ReadError::Compacted`] when events after `after` are gone; or the database cannot be read.
    pub fn events(
        &self,
        thread: &str,
        after: u64,
        max_bytes: usize,
    ) -> Result<Vec<Batch>, ReadError> {
        self.read(|readers| readers.events(thread, after, max_bytes))
    }

    /// The smallest `after` with which `events` works: events up to it are compacted away. 0 when all are there.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn first_replayable(&self, thread: &str) -> Result<u64, ReadError> {
        self.read(|readers| readers.first_replayable(thread))
    }

    /// Items whose `seq` is below `before` (`None`: from the newest), newest first: about `limit` and `max_bytes` of them,
    /// at least one. Items of one `seq` come together, so the last item's `seq` is the next `before`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn items(
        &self,
        thread: &str,
        before: Option<u64>,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Item>, ReadError> {
        self.read(|readers| readers.items(thread, before, limit, max_bytes))
    }

    /// Whether the event that completed an item is committed, so that its row holds everything its deltas said.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn is_complete(&self, thread: &str, turn: &str, item: &str) -> Result<bool, ReadError> {
        self.read(|readers| readers.is_complete(thread, turn, item))
    }

    /// A session's unfinished prompts and its latest hundred finished ones, in the order of the queue.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn prompts(&self, thread: &str) -> Result<Vec<Prompt>, ReadError> {
        self.read(|readers| readers.prompts(thread))
    }

    /// One prompt, however old.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn prompt(&self, thread: &str, prompt_id: &str) -> Result<Option<Prompt>, ReadError> {
        self.read(|readers| readers.prompt(thread, prompt_id))
    }

    /// The unfinished prompts of all sessions, each with its thread.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn open_prompts(&self) -> Result<Vec<(String, Prompt)>, ReadError> {
        self.read(|readers| readers.open_prompts())
    }

    /// The processes that were started and are not known to be gone.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn processes(&self) -> Result<Vec<Process>, ReadError> {
        self.read(|readers| readers.processes())
    }

    /// Items whose text holds all words of `query`, newest first; words between double quotes are one phrase, and the last
    /// word may be the begin of a longer one. `cwd` leaves only sessions in that folder or below it.
    ///
    /// # Errors
    /// The database cannot be read. No query is an error; one without a word finds nothing.
    pub fn search(
        &self,
        query: &str,
        cwd: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Hit>, ReadError> {
        self.read(|readers| readers.search(query, cwd, limit))
    }

    /// A session's decisions, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn decisions(&self, thread: &str, limit: usize) -> Result<Vec<Decision>, ReadError> {
        self.read(|readers| readers.decisions(thread, limit))
    }

    /// The decisions of all sessions with their threads, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn all_decisions(&self, limit: usize) -> Result<Vec<(String, Decision)>, ReadError> {
        self.read(|readers| readers.all_decisions(limit))
    }

    /// Figures about the journal now.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let handle = &self.handle;
        Statistics {
            file_bytes: folder::file_bytes(&handle.database),
            wal_bytes: folder::file_bytes(&folder::wal_path(&handle.database)),
            queued: handle.desk.queue.len(),
            ..handle.desk.meter.read()
        }
    }

    /// Takes no more writes from any handle, writes what is queued, moves the log into the database, and waits for all that,
    /// at most [`Options::close_wait`]. Not for the writer's own thread.
    ///
    /// # Errors
    /// The disk did not take what was queued in time; none of that was acknowledged.
    pub fn close(self) -> Result<(), CloseError> {
        self.handle.close()
    }

    fn read<T>(
        &self,
        query: impl FnOnce(&Readers) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let answer = query(&self.handle.readers);
        let damaged = match &answer {
            Err(ReadError::Damaged { .. }) => true,
            Err(ReadError::Database(Cause(error))) => schema::is_damage(error),
            _ => false,
        };
        if damaged {
            folder::note_suspect(&self.handle.suspect);
        }
        answer
    }
}

impl Handle {
    fn close(&self) -> Result<(), CloseError> {
        let until = Instant::now() + self.close_wait;
        self.desk.queue.close(until);
        self.readers.close();
        if std::thread::current().id() == self.writer {
            // Waiting here would be waiting for ourselves; the writer ends when it comes back to its queue.
            return Ok(());
        }
        let unwritten = match self.desk.queue.wait_ended(until + CLOSE_GRACE) {
            Some(0) => return Ok(()),
            Some(unwritten) => unwritten,
            None => self.desk.queue.len(),
        };
        Err(CloseError {
            unwritten,
            waited_ms: u64::try_from(self.close_wait.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(err = %error, "journal could not be closed");
        }
    }
}

/// A database that was found well.
pub(crate) struct Begun {
    pub(crate) connection: rusqlite::Connection,
    id: String,
    pub(crate) ledger: Ledger,
    opened: Opened,
}

/// Opens what lies in the folder, or sets it aside and begins a new one.
fn begin(folder: &Folder, options: &Options) -> Result<Begun, OpenError> {
    let mut kept = None;
    if folder.has_stray_log() {
        kept = Some(folder.set_aside()?);
    }
    loop {
        let damage = match open_database(folder, options)? {
            Ok(mut begun) => {
                if let Some(kept) = kept {
                    begun.opened = Opened::SetAside { kept };
                }
                return Ok(begun);
            }
            Err(damage) => damage,
        };
        let path = folder.set_aside()?;
        tracing::error!(err = %damage, kept = %path.display(), "journal is damaged and set aside; a new one is begun");
        kept = Some(path);
    }
}

/// `Ok(Err(..))`: it is damaged.
pub(crate) fn open_database(
    folder: &Folder,
    options: &Options,
) -> Result<Result<Begun, String>, OpenError> {
    let database = folder.database();
    let failed = |source| OpenError::Database {
        path: database.clone(),
        source: Cause(source),
    };
    let check_all = folder.suspect().exists() || folder.database_bytes() <= CHECK_BYTES;
    folder.create_database()?;
    let (connection, id, fresh) = match schema::open_writer(&database, options, check_all)? {
        Found::Ready {
            connection,
            id,
            fresh,
        } => (connection, id, fresh),
        Found::Damaged(what) => return Ok(Err(what)),
    };
    folder.clear_suspect()?;
    let ledger = match Ledger::load(&connection) {
        Ok(ledger) => ledger,
        Err(error) if schema::is_damage(&error) => return Ok(Err(error.to_string())),
        Err(error) => return Err(failed(error)),
    };
    schema::keep_log_on_close(&connection, false).map_err(failed)?;
    let opened = if fresh {
        Opened::Fresh
    } else {
        Opened::Existing
    };
    Ok(Ok(Begun {
        connection,
        id,
        ledger,
        opened,
    }))
}
