//! The write-ahead log: moved in pauses, bounded without one, patient with other programs.
//!
//! What is in it is for the other tests.

use std::sync::mpsc;
use std::thread;

use journal::Health;

use crate::support::{Scratch, commit, event, events, noise, wait_until};

#[test]
fn a_log_does_not_grow_without_bound_under_load_with_readers() {
    // What the log may have when the writer waits for the mover, and a little more for the transaction after that.
    const LOG: u64 = 70 * 1024 * 1024;
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let (stop, stopped) = mpsc::channel::<()>();
    let reader = {
        let journal = journal.clone();
        thread::spawn(move || {
            let mut reads = 0;
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                journal.events("a", 0, 200_000).unwrap();
                reads += 1;
            }
            reads
        })
    };
    let line = noise(1 << 20);
    let mut largest = 0;
    for seq in 1..=110 {
        commit(&journal, event("a", seq, &line));
        largest = largest.max(journal.statistics().wal_bytes);
    }
    drop(stop);
    assert!(reader.join().unwrap() > 0);
    assert!(largest < LOG, "the log had {largest} bytes");
}

/// Pages in the log, and how many of them are in the database already.
fn log_pages(scratch: &Scratch) -> (i64, i64) {
    let connection = rusqlite::Connection::open(scratch.database()).unwrap();
    connection
        .query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| {
            Ok((row.get(1)?, row.get(2)?))
        })
        .unwrap()
}

#[test]
fn in_a_pause_the_log_is_moved_and_a_later_commit_begins_it_anew() {
    /// A log of fewer pages may wait longer for its move.
    const SHORT: i64 = 1024;
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let line = noise(1 << 20);
    for seq in 1..=8 {
        commit(&journal, event("a", seq, &line));
    }
    wait_until("the log is moved", || {
        let (pages, moved) = log_pages(&scratch);
        pages < SHORT || pages == moved
    });
    // A commit goes on with the log as it is while anybody still reads it, and that may be the look above.
    let mut seq = 0;
    wait_until("the log is short", || {
        seq += 1;
        commit(&journal, events("b", seq, seq));
        log_pages(&scratch).0 < SHORT
    });
}

#[test]
fn another_program_that_reads_for_long_only_lets_the_log_grow() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    commit(&journal, events("b", 1, 9));
    let other = rusqlite::Connection::open(scratch.database()).unwrap();
    other
        .execute_batch("BEGIN; SELECT count(*) FROM events")
        .unwrap();
    let line = noise(1 << 20);
    for seq in 1..=70 {
        commit(&journal, event("a", seq, &line));
    }
    let (pages, moved) = log_pages(&scratch);
    assert!(
        pages > 16_384 && moved < 100,
        "{moved} of {pages} pages are moved"
    );
    assert_eq!(journal.health(), Health::Writing);
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    let mut seq = 70;
    wait_until("the log is short again", || {
        seq += 1;
        commit(&journal, event("a", seq, &line));
        log_pages(&scratch).0 < 16_384
    });
}
