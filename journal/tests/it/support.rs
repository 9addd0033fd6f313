//! What the tests share: a folder of their own, lines that can be checked, and waiting with a guard.
//!
//! Nothing here judges the journal except `assert_whole`.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use journal::{Batch, Journal, Opened, Options, ReadError, Write};

/// How long anything may take before a test fails.
pub const GUARD: Duration = Duration::from_secs(5);

/// A folder that is removed at the end. The journal makes its own folder in it.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn dir(&self) -> PathBuf {
        self.0.path().join("state")
    }

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    pub fn database(&self) -> PathBuf {
        self.dir().join("journal.db")
    }

    pub fn options(&self) -> Options {
        Options::new(self.dir())
    }

    pub fn open(&self) -> (Journal, Opened) {
        Journal::open(self.options()).unwrap()
    }
}

/// An event line that tells where it belongs, of a length that depends on its number.
pub fn line(thread: &str, seq: u64) -> String {
    let text = "lorem ipsum ".repeat(usize::try_from(seq * 7 % 23).unwrap());
    format!("{{\"seq\":{seq},\"thread\":\"{thread}\",\"text\":\"{text}\"}}\n")
}

pub fn lines(thread: &str, first: u64, last: u64) -> Bytes {
    (first..=last)
        .map(|seq| line(thread, seq))
        .collect::<String>()
        .into()
}

pub fn batch(thread: &str, first: u64, last: u64) -> Batch {
    Batch {
        first,
        last,
        lines: lines(thread, first, last),
    }
}

pub fn events(thread: &str, first: u64, last: u64) -> Write {
    Write {
        batch: Some(batch(thread, first, last)),
        ..Write::new(thread)
    }
}

/// An event line of about `bytes` bytes that cannot be packed, so that all of it goes through the log.
pub fn noise(bytes: usize) -> Bytes {
    let mut line = vec![0; bytes];
    getrandom::fill(&mut line).unwrap();
    // No byte of it is a newline.
    line.iter_mut().for_each(|byte| *byte |= 0x80);
    line.push(b'\n');
    line.into()
}

/// A write of one event.
pub fn event(thread: &str, seq: u64, line: &Bytes) -> Write {
    Write {
        batch: Some(Batch {
            first: seq,
            last: seq,
            lines: line.clone(),
        }),
        ..Write::new(thread)
    }
}

/// Hands a write in and waits until it is committed.
pub fn commit(journal: &Journal, write: Write) {
    let (committed, told) = mpsc::channel();
    journal
        .commit(write, move || committed.send(()).unwrap())
        .unwrap();
    told.recv_timeout(GUARD).unwrap();
}

/// Asks again and again until the answer is yes.
pub fn wait_until(what: &str, mut answer: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !answer() {
        assert!(begun.elapsed() < GUARD, "not within the guard: {what}");
        std::thread::yield_now();
    }
}

/// Reads a session from `after` to its end in small portions, and checks that they follow each other.
pub fn read_all(journal: &Journal, thread: &str, after: u64, portion: usize) -> Bytes {
    let mut all = Vec::new();
    let mut cursor = after;
    loop {
        let batches = journal.events(thread, cursor, portion).unwrap();
        if batches.is_empty() {
            return all.into();
        }
        for batch in batches {
            assert_eq!(batch.first, cursor + 1);
            cursor = batch.last;
            all.extend_from_slice(&batch.lines);
        }
    }
}

/// A session's events are exactly 1 to `head`, each as it was written.
pub fn assert_whole(journal: &Journal, thread: &str, head: u64) {
    assert_eq!(journal.head(thread).unwrap(), head);
    assert!(
        read_all(journal, thread, 0, 100_000) == lines(thread, 1, head),
        "the events of {thread} are not what was written"
    );
}

/// The smallest cursor of a session that still works.
pub fn compacted_through(journal: &Journal, thread: &str) -> u64 {
    match journal.events(thread, 0, 1) {
        Ok(_) => 0,
        Err(ReadError::Compacted { through, .. }) => through,
        Err(error) => panic!("{error}"),
    }
}
