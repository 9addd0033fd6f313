//! Opening: what is found, what is refused and left alone, what is set aside, and who may read the files.

use std::fs::{self, Permissions};
use std::io::{Seek, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use journal::{Item, Journal, OpenError, Opened, Options, ReadError, Write};

use crate::support::{Scratch, assert_whole, commit, event, events, noise};

#[test]
fn a_journal_keeps_its_id_and_its_events() {
    let scratch = Scratch::new();
    let (journal, opened) = scratch.open();
    assert_eq!(opened, Opened::Fresh);
    let id = journal.id().to_owned();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    commit(&journal, events("a", 1, 9));
    journal.close().unwrap();

    let (journal, opened) = scratch.open();
    assert_eq!((opened, journal.id()), (Opened::Existing, &*id));
    assert_whole(&journal, "a", 9);
    let (other, _) = Scratch::new().open();
    assert_ne!(other.id(), id);
}

#[test]
fn a_second_host_is_refused_and_told_who_is_first() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let error = Journal::open(scratch.options()).unwrap_err();
    let OpenError::InUse { pid, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*pid, Some(std::process::id()));
    assert!(error.to_string().contains(&std::process::id().to_string()));
    journal.close().unwrap();
    assert_eq!(scratch.open().1, Opened::Existing);
}

#[test]
fn a_newer_journal_is_refused_and_not_touched() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    commit(&journal, events("a", 1, 9));
    journal.close().unwrap();
    raw(&scratch.database())
        .pragma_update(None, "user_version", 4711)
        .unwrap();
    let before = fs::read(scratch.database()).unwrap();
    let error = Journal::open(scratch.options()).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::Newer {
                found: 4711,
                known: 1,
                ..
            }
        ),
        "{error}"
    );
    assert!(fs::read(scratch.database()).unwrap() == before);
}

#[test]
fn a_database_of_something_else_is_refused_and_not_touched() {
    let scratch = Scratch::new();
    scratch.open().0.close().unwrap();
    fs::remove_file(scratch.database()).unwrap();
    raw(&scratch.database())
        .execute_batch("CREATE TABLE bookmarks (url TEXT)")
        .unwrap();
    fs::set_permissions(scratch.database(), Permissions::from_mode(0o600)).unwrap();
    let before = fs::read(scratch.database()).unwrap();
    let error = Journal::open(scratch.options()).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    assert!(fs::read(scratch.database()).unwrap() == before);
}

#[test]
fn a_damaged_journal_is_set_aside_whole_and_a_new_one_begun() {
    let check = |what: &str, damage: fn(&Path)| {
        let scratch = Scratch::new();
        let (journal, _) = scratch.open();
        let id = journal.id().to_owned();
        for first in (1..=2000).step_by(10) {
            commit(&journal, events("a", first, first + 9));
        }
        journal.close().unwrap();
        damage(&scratch.database());
        let before = fs::read(scratch.database()).unwrap();

        let (journal, opened) = scratch.open();
        let Opened::SetAside { kept } = opened else {
            panic!("{what}: {opened:?}");
        };
        assert!(fs::read(&kept).unwrap() == before, "{what}");
        assert_eq!(
            kept.parent(),
            scratch.database().canonicalize().unwrap().parent()
        );
        assert_ne!(journal.id(), id, "{what}");
        commit(&journal, events("a", 1, 3));
        assert_whole(&journal, "a", 3);
        journal.close().unwrap();
        assert_eq!(scratch.open().1, Opened::Existing, "{what}");
    };
    check("no header", |path| overwrite(path, 0, &[0xff; 100]));
    check("broken schema page", |path| {
        overwrite(path, 100, &[0xff; 3000])
    });
    check("broken pages", |path| {
        overwrite(path, 20 * 4096, &[0xff; 8 * 4096])
    });
    check("cut off", |path| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    });
    check("text", |path| {
        fs::write(path, "not a database at all".repeat(1000)).unwrap()
    });
}

#[test]
fn a_log_without_its_database_is_set_aside_too() {
    let scratch = Scratch::new();
    scratch.open().0.close().unwrap();
    let log = PathBuf::from(format!("{}-wal", scratch.database().display()));
    fs::write(&log, "what is left of a log").unwrap();
    fs::set_permissions(&log, Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(scratch.database()).unwrap();
    let (_journal, opened) = scratch.open();
    let Opened::SetAside { kept } = opened else {
        panic!("{opened:?}");
    };
    let kept_log = format!("{}-wal", kept.display());
    assert_eq!(fs::read(kept_log).unwrap(), b"what is left of a log");
}

#[test]
fn an_empty_file_is_a_fresh_journal() {
    let scratch = Scratch::new();
    scratch.open().0.close().unwrap();
    fs::write(scratch.database(), "").unwrap();
    assert_eq!(scratch.open().1, Opened::Fresh);
}

#[test]
fn damage_met_while_reading_a_large_journal_is_found_at_the_next_start() {
    const MIB: usize = 1 << 20;
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let line = noise(MIB);
    // Large enough that a start does not look at every page.
    for seq in 1..=70 {
        commit(&journal, event("a", seq, &line));
    }
    journal.close().unwrap();
    overwrite(&scratch.database(), 40 * MIB as u64, &[0xff; 4096]);

    let (journal, opened) = scratch.open();
    assert_eq!(opened, Opened::Existing);
    let failed = (0..70).find_map(|after| journal.events("a", after, 1).err());
    assert!(matches!(failed, Some(ReadError::Database(_))), "{failed:?}");
    journal.close().unwrap();
    let (_journal, opened) = scratch.open();
    assert!(matches!(opened, Opened::SetAside { .. }), "{opened:?}");
}

#[test]
fn a_damaged_search_index_is_made_anew_and_nothing_is_lost() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    for seq in 1..=50 {
        let item = Item {
            id: seq.to_string(),
            seq,
            text: format!("needle number {seq}"),
            ..Item::default()
        };
        let write = Write {
            items: vec![item],
            ..events("a", seq, seq)
        };
        commit(&journal, write);
    }
    journal.close().unwrap();
    let damaged = raw(&scratch.database())
        .execute("UPDATE search_data SET block = x'00' WHERE id > 10", [])
        .unwrap();
    assert!(damaged > 0);

    let (journal, opened) = scratch.open();
    assert_eq!(opened, Opened::Existing);
    assert_whole(&journal, "a", 50);
    let found = journal.search("needle", None, 100).unwrap();
    assert_eq!(found.len(), 50);
}

#[test]
fn files_are_private_under_any_umask() {
    const ROLE: &str = "JOURNAL_UMASK_DIR";
    if let Some(dir) = std::env::var_os(ROLE) {
        rustix::process::umask(rustix::fs::Mode::empty());
        let options = || Options::new(PathBuf::from(&dir).join("a/b/state"));
        let (journal, _) = Journal::open(options()).unwrap();
        commit(&journal, events("a", 1, 9));
        // It is killed rather than closed, so that the log and its index stay for the parent to look at.
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
            .unwrap();
        unreachable!("it is killed");
    }
    let scratch = Scratch::new();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "opening::files_are_private_under_any_umask"])
        .env(ROLE, scratch.root())
        .status()
        .unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(9)
    );
    let mode = |path: PathBuf| fs::metadata(path).unwrap().mode() & 0o7777;
    for folder in ["a", "a/b", "a/b/state"] {
        assert_eq!(mode(scratch.root().join(folder)), 0o700, "{folder}");
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(scratch.root().join("a/b/state")).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(entry.path()), 0o600, "{:?}", entry.path());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(
        names,
        [
            "journal.db",
            "journal.db-shm",
            "journal.db-wal",
            "journal.lock"
        ]
    );
}

#[test]
fn what_others_can_reach_is_refused_by_name() {
    let refused = |scratch: &Scratch, path: &Path, found: &str| {
        let error = Journal::open(scratch.options()).unwrap_err();
        let OpenError::Unsafe {
            path: named,
            found: said,
            ..
        } = &error
        else {
            panic!("{found}: {error}");
        };
        let full = |path: &Path| {
            path.parent()
                .unwrap()
                .canonicalize()
                .unwrap()
                .join(path.file_name().unwrap())
        };
        assert_eq!(full(named), full(path));
        assert!(said.contains(found), "{said}");
    };
    let made = || {
        let scratch = Scratch::new();
        scratch.open().0.close().unwrap();
        scratch
    };
    let chmod =
        |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();

    for file in ["journal.db", "journal.lock"] {
        let scratch = made();
        let path = scratch.dir().join(file);
        chmod(&path, 0o644);
        refused(&scratch, &path, "0644");
    }

    let scratch = made();
    chmod(&scratch.dir(), 0o755);
    refused(&scratch, &scratch.dir(), "0755");

    let scratch = made();
    chmod(scratch.root(), 0o777);
    refused(&scratch, scratch.root(), "0777");
    chmod(scratch.root(), 0o700);

    let scratch = made();
    fs::rename(scratch.dir(), scratch.root().join("real")).unwrap();
    symlink("real", scratch.dir()).unwrap();
    refused(&scratch, &scratch.dir(), "symbolic link");

    let scratch = made();
    fs::rename(scratch.database(), scratch.root().join("real.db")).unwrap();
    symlink(scratch.root().join("real.db"), scratch.database()).unwrap();
    refused(&scratch, &scratch.database(), "symbolic link");
}

#[test]
fn what_belongs_to_another_user_is_refused() {
    let root = rustix::process::geteuid().is_root();
    let scratch = Scratch::new();
    // Root can give a folder away; anybody else finds one that is not his.
    let dir = if root {
        scratch.open().0.close().unwrap();
        std::os::unix::fs::chown(scratch.dir(), Some(12345), None).unwrap();
        scratch.dir()
    } else {
        PathBuf::from("/")
    };
    let error = Journal::open(Options::new(dir)).unwrap_err();
    let OpenError::Unsafe { found, .. } = &error else {
        panic!("{error}");
    };
    assert!(found.contains("belongs to uid"), "{found}");
}

fn raw(path: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).unwrap()
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}
