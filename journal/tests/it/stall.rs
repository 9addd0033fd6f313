//! When writes do not reach the disk: the journal says so, drops nothing, and goes on when it can.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use journal::{CloseError, Health, Journal, Options, Retention, Stall};

use crate::support::{GUARD, Scratch, assert_whole, commit, event, events, noise, wait_until};

/// Has each change of health told.
fn watch(journal: &Journal) -> mpsc::Receiver<Health> {
    let (told, seen) = mpsc::channel();
    journal.on_health(move |health| {
        // A test that has seen enough is not told more.
        let _ = told.send(health.clone());
    });
    seen
}

fn quick(options: Options) -> Options {
    Options {
        retry_min: Duration::from_millis(5),
        retry_max: Duration::from_millis(20),
        close_wait: Duration::from_millis(300),
        ..options
    }
}

fn stall_of(health: Health) -> Stall {
    match health {
        Health::Stalled { reason, .. } => reason,
        Health::Writing => panic!("it writes"),
    }
}

/// Commits noise until the journal stalls, and gives the reason, the number of acknowledged events and the call to come.
fn fill(
    journal: &Journal,
    health: &mpsc::Receiver<Health>,
    bytes: usize,
) -> (Stall, u64, mpsc::Receiver<()>) {
    let line = noise(bytes);
    for seq in 1.. {
        let (told, committed) = mpsc::channel();
        journal
            .commit(event("a", seq, &line), move || {
                // The call comes in vain when the test has gone on.
                let _ = told.send(());
            })
            .unwrap();
        loop {
            if committed.recv_timeout(Duration::from_millis(1)).is_ok() {
                break;
            }
            if let Ok(health) = health.try_recv() {
                return (stall_of(health), seq - 1, committed);
            }
        }
    }
    unreachable!("events do not end")
}

#[test]
fn another_program_that_holds_the_lock_only_delays() {
    let scratch = Scratch::new();
    let (journal, _) = Journal::open(quick(scratch.options())).unwrap();
    let health = watch(&journal);
    commit(&journal, events("a", 1, 1));
    let intruder = rusqlite::Connection::open(scratch.database()).unwrap();
    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (told, committed) = mpsc::channel();
    for seq in 2..=4 {
        let told = told.clone();
        journal
            .commit(events("a", seq, seq), move || told.send(seq).unwrap())
            .unwrap();
    }
    assert_eq!(stall_of(health.recv_timeout(GUARD).unwrap()), Stall::Locked);
    assert_eq!(stall_of(journal.health()), Stall::Locked);
    assert_eq!(committed.try_recv(), Err(mpsc::TryRecvError::Empty));
    // Reading goes on.
    assert_whole(&journal, "a", 1);
    intruder.execute_batch("ROLLBACK").unwrap();
    let order: Vec<u64> = (0..3)
        .map(|_| committed.recv_timeout(GUARD).unwrap())
        .collect();
    assert_eq!(order, [2, 3, 4]);
    assert_eq!(health.recv_timeout(GUARD).unwrap(), Health::Writing);
    assert_whole(&journal, "a", 4);
}

#[test]
fn at_its_ceiling_the_journal_stalls_and_what_was_acknowledged_stays() {
    let scratch = Scratch::new();
    stall_at_the_ceiling(&scratch);
}

fn stall_at_the_ceiling(scratch: &Scratch) {
    let limited = Options {
        file_bytes: Some(1024 * 1024),
        ..quick(scratch.options())
    };
    let (journal, _) = Journal::open(limited).unwrap();
    let health = watch(&journal);
    let (reason, acknowledged, committed) = fill(&journal, &health, 10_000);
    assert_eq!(reason, Stall::SizeLimit);
    assert!(acknowledged > 50, "{acknowledged}");
    let error = journal.close().unwrap_err();
    assert_eq!(
        error,
        CloseError {
            unwritten: 1,
            waited_ms: 300
        }
    );
    // Its call is never made.
    assert_eq!(
        committed.recv_timeout(GUARD),
        Err(mpsc::RecvTimeoutError::Disconnected)
    );
    let (journal, _) = scratch.open();
    assert_eq!(journal.head("a").unwrap(), acknowledged);
    commit(&journal, events("a", acknowledged + 1, acknowledged + 9));
}

#[test]
fn at_its_ceiling_the_journal_goes_on_when_old_events_are_compacted_away() {
    let scratch = Scratch::new();
    let (journal, _) = Journal::open(Options {
        file_bytes: Some(1024 * 1024),
        retention: Retention {
            events_age: Some(Duration::from_secs(1)),
            interval: Duration::from_millis(10),
            ..Retention::default()
        },
        ..quick(scratch.options())
    })
    .unwrap();
    let health = watch(&journal);
    let (reason, acknowledged, committed) = fill(&journal, &health, 100_000);
    assert_eq!(reason, Stall::SizeLimit);
    committed.recv_timeout(GUARD).unwrap();
    assert_eq!(health.recv_timeout(GUARD).unwrap(), Health::Writing);
    assert_eq!(journal.head("a").unwrap(), acknowledged + 1);
}

#[test]
fn a_full_disk_stalls_and_room_on_it_lets_the_journal_go_on() {
    let scratch = Scratch::new();
    let Some(disk) = SmallDisk::mount(scratch.root(), "24m") else {
        eprintln!(
            "no file system can be mounted here: the journal's own ceiling stands for the full disk"
        );
        return stall_at_the_ceiling(&scratch);
    };
    let ballast = disk.0.join("ballast");
    fs::write(&ballast, vec![0; 8 << 20]).unwrap();
    let (journal, _) = Journal::open(quick(Options::new(disk.0.join("state")))).unwrap();
    let health = watch(&journal);
    let (reason, acknowledged, committed) = fill(&journal, &health, 50_000);
    assert_eq!(reason, Stall::DiskFull);
    assert!(acknowledged > 50, "{acknowledged}");
    // Other sessions wait too, and none is dropped.
    let (told, others) = mpsc::channel();
    for n in 0..20 {
        let told = told.clone();
        journal
            .commit(events(&format!("other-{n}"), 1, 5), move || {
                told.send(()).unwrap()
            })
            .unwrap();
    }
    assert_eq!(others.try_recv(), Err(mpsc::TryRecvError::Empty));
    assert_eq!(journal.head("a").unwrap(), acknowledged);

    fs::remove_file(&ballast).unwrap();
    committed.recv_timeout(GUARD).unwrap();
    for _ in 0..20 {
        others.recv_timeout(GUARD).unwrap();
    }
    wait_until("it writes again", || journal.health() == Health::Writing);
    assert_eq!(journal.head("a").unwrap(), acknowledged + 1);
    assert_whole(&journal, "other-19", 5);
    journal.close().unwrap();
    let (journal, _) = Journal::open(Options::new(disk.0.join("state"))).unwrap();
    assert_eq!(journal.head("a").unwrap(), acknowledged + 1);
    journal.close().unwrap();
}

/// A memory file system of a few MiB; unmounted at the end.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// `None`: not allowed here.
    fn mount(root: &Path, size: &str) -> Option<Self> {
        let at = root.join("disk");
        fs::create_dir(&at).unwrap();
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={size},mode=700"))
            .arg("tmpfs")
            .arg(&at)
            .status();
        status
            .is_ok_and(|status| status.success())
            .then_some(Self(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let status = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(status.is_ok_and(|status| status.success()));
    }
}
