//! Handing writes in: order, groups, and what is given back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use bytes::Bytes;
use journal::{
    Batch, CloseError, Health, Item, Journal, Options, Process, ProcessChange, Rejection, Write,
};

use crate::support::{GUARD, Scratch, assert_whole, batch, commit, event, events, lines};

#[test]
fn a_call_comes_after_the_write_can_be_read() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let (told, seen) = mpsc::channel();
    let reader = journal.clone();
    journal
        .commit(events("a", 1, 3), move || {
            told.send(reader.head("a").unwrap()).unwrap();
        })
        .unwrap();
    assert_eq!(seen.recv_timeout(GUARD).unwrap(), 3);
}

#[test]
fn many_sessions_share_transactions_and_each_keeps_its_order() {
    const SESSIONS: usize = 50;
    const BATCHES: u64 = 40;
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let workers: Vec<_> = (0..SESSIONS)
        .map(|n| {
            let journal = journal.clone();
            thread::spawn(move || {
                let name = format!("session-{n}");
                let mut head = 0;
                for round in 0..BATCHES {
                    let last = head + 1 + round % 4;
                    commit(&journal, events(&name, head + 1, last));
                    head = last;
                }
                (name, head)
            })
        })
        .collect();
    for worker in workers {
        let (name, head) = worker.join().unwrap();
        assert_whole(&journal, &name, head);
    }
    let statistics = journal.statistics();
    assert_eq!(statistics.writes, SESSIONS as u64 * BATCHES);
    assert_eq!(statistics.sessions, SESSIONS as u64);
    assert!(statistics.commits < statistics.writes, "{statistics:?}");
    assert!(statistics.group_max > 1, "{statistics:?}");
}

#[test]
fn calls_of_one_session_come_in_the_order_of_its_writes() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let (told, seen) = mpsc::channel();
    for seq in 1..=500 {
        let told = told.clone();
        journal
            .commit(events("a", seq, seq), move || told.send(seq).unwrap())
            .unwrap();
    }
    let order: Vec<u64> = (0..500)
        .map(|_| seen.recv_timeout(GUARD).unwrap())
        .collect();
    assert_eq!(order, (1..=500).collect::<Vec<u64>>());
}

#[test]
fn a_hole_or_a_double_is_given_back_and_nothing_of_it_stored() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    commit(&journal, events("a", 1, 5));
    for (first, last) in [(7, 8), (5, 6), (1, 5)] {
        let write = Write {
            items: vec![Item::default()],
            ..events("a", first, last)
        };
        let rejected = journal.commit(write.clone(), || ()).unwrap_err();
        assert_eq!(
            (rejected.reason, rejected.write),
            (
                Rejection::Gap {
                    thread: "a".to_owned(),
                    expected: 6,
                    found: first
                },
                write
            )
        );
    }
    commit(&journal, events("a", 6, 6));
    assert_whole(&journal, "a", 6);
    assert_eq!(journal.items("a", None, 10, 1000).unwrap(), []);
}

#[test]
fn the_order_is_kept_over_a_restart() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    commit(&journal, events("a", 1, 5));
    journal.close().unwrap();
    let (journal, _) = scratch.open();
    assert_eq!(
        journal.commit(events("a", 1, 1), || ()).unwrap_err().reason,
        Rejection::Gap {
            thread: "a".to_owned(),
            expected: 6,
            found: 1
        }
    );
    commit(&journal, events("a", 6, 7));
    assert_whole(&journal, "a", 7);
}

#[test]
fn what_contradicts_itself_is_given_back() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let check = |thread: &str, first: u64, last: u64, lines: &'static str, what: &str| {
        let write = Write {
            batch: Some(Batch {
                first,
                last,
                lines: Bytes::from_static(lines.as_bytes()),
            }),
            ..Write::new(thread)
        };
        let reason = Rejection::Malformed {
            thread: thread.to_owned(),
            what: what.to_owned(),
        };
        assert_eq!(journal.commit(write, || ()).unwrap_err().reason, reason);
    };
    let numbers = "its batch has impossible event numbers";
    let form = "its batch does not hold one line an event";
    check("", 1, 1, "{}\n", "it names no session");
    check("a", 0, 0, "{}\n", numbers);
    check("a", 2, 1, "", numbers);
    check("a", 1, 1 << 40, "{}\n", numbers);
    check("a", 1, 1, "", form);
    check("a", 1, 1, "{}", form);
    check("a", 1, 2, "{}\n", form);
    check("a", 1, 1, "{}\n{}\n", form);
}

#[test]
fn a_full_queue_gives_the_write_back_with_its_call() {
    let scratch = Scratch::new();
    let (journal, _) = Journal::open(Options {
        queue: 2,
        ..scratch.options()
    })
    .unwrap();
    // The first call holds the writer up, so that the next writes have to wait.
    let (entered, is_held) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    journal
        .commit(events("a", 1, 1), move || {
            entered.send(()).unwrap();
            released.recv_timeout(GUARD).unwrap();
        })
        .unwrap();
    is_held.recv_timeout(GUARD).unwrap();
    let (told, seen) = mpsc::channel();
    for seq in 2..=3 {
        let told = told.clone();
        journal
            .commit(events("a", seq, seq), move || told.send(seq).unwrap())
            .unwrap();
    }
    let rejected = journal
        .commit(events("a", 4, 4), move || told.send(4).unwrap())
        .unwrap_err();
    let Rejection::Full { writes: 2, .. } = rejected.reason else {
        panic!("{rejected}");
    };
    assert_eq!(journal.statistics().queued, 2);
    release.send(()).unwrap();
    let mut order: Vec<u64> = (0..2).map(|_| seen.recv_timeout(GUARD).unwrap()).collect();
    journal.commit(rejected.write, rejected.done).unwrap();
    order.push(seen.recv_timeout(GUARD).unwrap());
    assert_eq!(order, [2, 3, 4]);
    assert_whole(&journal, "a", 4);
}

#[test]
fn a_queue_full_of_bytes_gives_the_write_back_and_has_room_again_later() {
    let scratch = Scratch::new();
    let (journal, _) = Journal::open(Options {
        queue_bytes: 2 * lines("a", 1, 1).len(),
        ..scratch.options()
    })
    .unwrap();
    for round in 0..3 {
        let (entered, is_held) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        journal
            .commit(Write::new("holds the writer up"), move || {
                entered.send(()).unwrap();
                released.recv_timeout(GUARD).unwrap();
            })
            .unwrap();
        is_held.recv_timeout(GUARD).unwrap();
        let (told, seen) = mpsc::channel();
        for n in 0..2 {
            let told = told.clone();
            let thread = format!("{round}-{n}");
            journal
                .commit(event(&thread, 1, &lines("a", 1, 1)), move || {
                    told.send(()).unwrap()
                })
                .unwrap();
        }
        let rejected = journal.commit(events("a", 1, 1), || ()).unwrap_err();
        assert!(matches!(rejected.reason, Rejection::Full { writes: 2, .. }));
        release.send(()).unwrap();
        seen.recv_timeout(GUARD).unwrap();
        seen.recv_timeout(GUARD).unwrap();
    }
}

#[test]
fn one_write_larger_than_the_queue_still_goes() {
    let scratch = Scratch::new();
    let (journal, _) = Journal::open(Options {
        queue_bytes: 10,
        group_bytes: 10,
        ..scratch.options()
    })
    .unwrap();
    commit(&journal, events("a", 1, 1000));
    assert_whole(&journal, "a", 1000);
}

#[test]
fn a_call_that_panics_harms_no_other() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    journal
        .commit(events("a", 1, 1), || panic!("on purpose"))
        .unwrap();
    commit(&journal, events("a", 2, 2));
    assert_whole(&journal, "a", 2);
    assert_eq!(journal.health(), Health::Writing);
}

#[test]
fn close_writes_what_is_queued_and_takes_no_more() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let calls = Arc::new(AtomicUsize::new(0));
    for seq in 1..=200 {
        let calls = Arc::clone(&calls);
        journal
            .commit(events("a", seq, seq), move || {
                calls.fetch_add(1, Ordering::SeqCst);
            })
            .unwrap();
    }
    let other = journal.clone();
    assert_eq!(journal.close(), Ok::<(), CloseError>(()));
    assert_eq!(calls.load(Ordering::SeqCst), 200);
    let rejected = other.commit(events("a", 201, 201), || ()).unwrap_err();
    assert_eq!(rejected.reason, Rejection::Closed);
    assert!(matches!(other.head("a"), Err(journal::ReadError::Closed)));
    drop(other);
    let (journal, _) = scratch.open();
    assert_whole(&journal, "a", 200);
}

#[test]
fn the_last_handle_may_be_dropped_in_a_call() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let (told, seen) = mpsc::channel();
    let last = journal.clone();
    let (go, gone) = mpsc::channel::<()>();
    journal
        .commit(events("a", 1, 1), move || {
            gone.recv_timeout(GUARD).unwrap();
            drop(last);
            told.send(()).unwrap();
        })
        .unwrap();
    drop(journal);
    go.send(()).unwrap();
    seen.recv_timeout(GUARD).unwrap();
}

#[test]
fn processes_are_put_and_removed_without_a_session() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let process = |pid, start_time| Process {
        pid,
        start_time,
        thread: String::new(),
        program: "codex".to_owned(),
    };
    let change = |processes| Write {
        processes,
        ..Write::default()
    };
    commit(
        &journal,
        change(vec![
            ProcessChange::Put(process(7, 100)),
            ProcessChange::Put(process(8, 100)),
        ]),
    );
    commit(
        &journal,
        change(vec![
            ProcessChange::Remove {
                pid: 7,
                start_time: 100,
            },
            ProcessChange::Put(process(7, 200)),
            // The same pid at another time is another process.
            ProcessChange::Remove {
                pid: 8,
                start_time: 99,
            },
        ]),
    );
    journal.close().unwrap();
    let (journal, _) = scratch.open();
    assert_eq!(
        journal.processes().unwrap(),
        [process(7, 200), process(8, 100)]
    );
    assert_eq!(journal.statistics().sessions, 0);
}

#[test]
fn a_write_is_all_or_nothing() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let write = Write {
        batch: Some(batch("a", 1, 2)),
        items: vec![Item {
            turn: "t".to_owned(),
            id: "i".to_owned(),
            seq: 1,
            ..Item::default()
        }],
        ..Write::new("a")
    };
    let (told, seen) = mpsc::channel();
    let reader = journal.clone();
    journal
        .commit(write, move || {
            let both = (
                reader.head("a").unwrap(),
                reader.items("a", None, 10, 10).unwrap().len(),
            );
            told.send(both).unwrap();
        })
        .unwrap();
    assert_eq!(seen.recv_timeout(GUARD).unwrap(), (2, 1));
}
