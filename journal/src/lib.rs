//! The durable event log of all sessions, in SQLite.
//!
//! The host hands in [`Write`]s: a batch of a session's events, already numbered and encoded, and the rows that go with
//! them. It publishes a batch to its tabs when the call that it gave along is made, and not before, so no tab ever sees an
//! event that a killed host would not know any more. Everything here is rows and bytes: this crate reads no JSON, knows no
//! actor, and has no async runtime.
//!
//! # How it works
//!
//! - **One writer.** A thread of its own takes all writes that wait, of all sessions, up to [`Options::group`] and
//!   [`Options::group_bytes`], makes one transaction of them, commits, and makes their calls. While it commits, the next
//!   group gathers: at a low rate a write is committed at once, at a high rate the groups grow, and small ones are given
//!   some hundred microseconds to. Callers never wait; a full queue gives the write back.
//! - **No synchronising at a commit.** A commit is a write into SQLite's log, which the system keeps when the process is
//!   killed. The log is synchronised before it is moved into the database, at the latest some seconds after a commit. So a
//!   power cut may cost the last seconds, never the file.
//! - **No hole.** The queue knows the newest event of each session. A batch that does not follow it is given back before
//!   it waits, loudly: it is a bug of the caller.
//! - **Nothing is dropped.** When the disk does not take a transaction, the writer tries the same one again until it does,
//!   and [`Journal::health`] says since when and why. Callers see it in full queues.
//! - **A short log.** A second thread moves the log into the database beside running commits and reads; see `checkpoint`.
//! - **Replay by a seek.** A row of events lies under the key (session, last `seq`), so the cost of a replay is that of
//!   the events it gives, wherever they are. Rows are packed with LZ4.
//! - **Compaction in steps.** What the [`Retention`] does not keep goes in small transactions between commits. What is
//!   compacted away is told ([`ReadError::Compacted`]), so that a tab takes a snapshot instead.
//! - **Tools beside the host.** [`Archive`] reads and verifies a journal that a host may be writing; [`shrink`] compacts one
//!   that no host has open.
//! - **Readers beside the writer.** A few connections that can only read; reads block their caller and nobody else.
//!
//! # Files
//!
//! `journal.db` with `-wal` and `-shm` beside it, `journal.lock` that holds the owner's pid, all 0600 in a folder of 0700.
//! A damaged database is renamed to `journal.damaged-TIME.db` and kept. `journal.suspect` notes that damage was met while
//! the journal was open, so that the next start looks at every page.
//!
//! ```
//! # let scratch = tempfile::tempdir()?;
//! # let dir = scratch.path().join("state");
//! use journal::{Batch, Journal, Options, Write};
//!
//! let (journal, _) = Journal::open(Options::new(dir))?;
//! let write = Write {
//!     batch: Some(Batch {
//!         first: 1,
//!         last: 2,
//!         lines: "{\"seq\":1}\n{\"seq\":2}\n".into(),
//!     }),
//!     ..Write::new("thread-1")
//! };
//! let (committed, told) = std::sync::mpsc::channel();
//! journal.commit(write, move || committed.send(()).expect("it is waited for"))?;
//! told.recv()?;
//! let batches = journal.events("thread-1", 1, 64 * 1024)?;
//! assert_eq!(batches[0].lines, "{\"seq\":2}\n");
//! journal.close()?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod apply;
mod archive;
mod checkpoint;
mod error;
mod folder;
mod health;
mod journal;
mod ledger;
mod options;
mod pace;
mod pack;
mod queue;
mod reads;
mod records;
mod retention;
mod schema;
mod shrink;
mod statistics;
mod verify;
mod writer;

pub use archive::Archive;
pub use error::{Cause, CloseError, OpenError, ReadError, Rejected, Rejection};
pub use health::{Health, Stall};
pub use journal::{Journal, Opened};
pub use options::{Options, Retention};
pub use records::{
    Batch, Decision, HIT_END, HIT_START, Hit, Item, ItemState, OpenTurn, Process, ProcessChange,
    Prompt, PromptState, PromptWhen, Session, Write,
};
pub use shrink::{ShrinkError, Shrunk, shrink};
pub use statistics::Statistics;
pub use verify::{Extent, Judge, Verdict};
