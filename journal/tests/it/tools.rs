//! What is done to a journal besides serving it: verifying it, compacting it at once.

use std::fs;

use crate::support::{Scratch, assert_whole, commit, event, events, line, noise};
use journal::{
    Archive, Extent, Item, ItemState, Judge, OpenError, ShrinkError, Verdict, Write, shrink,
};

/// Verifies with a judge that knows the lines of these tests.
fn verify(scratch: &Scratch, thread: &str) -> Verdict {
    let archive = Archive::open(&scratch.dir()).unwrap();
    let mut judge = Judge {
        event: &mut |seq, found| {
            (found != line(thread, seq).trim_end().as_bytes()).then(|| "it is another".to_owned())
        },
        item: &mut |json| (json != b"{}").then(|| "it is another".to_owned()),
    };
    archive.verify(&mut judge).unwrap()
}

/// A journal with 600 events of one session and an item, closed.
fn filled() -> Scratch {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    for first in (1..600).step_by(100) {
        commit(&journal, events("a", first, first + 99));
    }
    let item = Item {
        turn: "t".to_owned(),
        id: "i".to_owned(),
        seq: 1,
        state: ItemState::Completed,
        json: "{}".into(),
        text: "words".to_owned(),
        ..Item::default()
    };
    commit(
        &journal,
        Write {
            items: vec![item],
            ..Write::new("a")
        },
    );
    journal.close().unwrap();
    scratch
}

#[test]
fn a_sound_journal_is_told_so_also_while_it_is_written() {
    let scratch = filled();
    let (journal, _) = scratch.open();
    commit(&journal, events("a", 601, 605));
    let verdict = verify(&scratch, "a");
    assert_eq!(verdict.findings, Vec::<String>::new());
    let [extent] = verdict.sessions.as_slice() else {
        panic!("one session: {verdict:?}")
    };
    let bytes: usize = (1..=605).map(|seq| line("a", seq).len()).sum();
    let expected = Extent {
        thread: "a".to_owned(),
        compacted: 0,
        head: 605,
        bytes: bytes as u64,
        stored_bytes: extent.stored_bytes,
    };
    assert_eq!((extent, verdict.items), (&expected, 1));
    assert!(extent.stored_bytes < extent.bytes / 2);
    commit(&journal, events("a", 606, 606));
    assert_whole(&journal, "a", 606);
}

#[test]
fn each_damage_is_found_by_its_kind() {
    const ROW: &str = "WHERE key & 0xffffffffff";
    let cases = [
        (
            format!("DELETE FROM events {ROW} = 300"),
            "event 201 should follow",
        ),
        (
            format!("UPDATE events SET lines = zeroblob(length(lines)) {ROW} = 200"),
            "events 101 to 200 cannot be unpacked",
        ),
        (
            format!("UPDATE events SET count = 99 {ROW} = 200"),
            "has 100 lines, not 99",
        ),
        (
            // "shorty" and a newline.
            format!("UPDATE events SET lines = x'73686f7274790a', size = 7, count = 1 {ROW} = 600"),
            "event 600: it is another",
        ),
        (
            "UPDATE items SET json = x'5b5d'".to_owned(),
            "item t/i: it is another",
        ),
        ("DELETE FROM meta".to_owned(), "has lost its id"),
        (
            format!("UPDATE events SET key = key + (7 << 40) {ROW} = 600"),
            "1 rows of events belong to no session",
        ),
    ];
    for (harm, expected) in cases {
        let scratch = filled();
        rusqlite::Connection::open(scratch.database())
            .unwrap()
            .execute_batch(&harm)
            .unwrap();
        let verdict = verify(&scratch, "a");
        assert!(!verdict.is_sound());
        assert!(
            verdict
                .findings
                .iter()
                .any(|finding| finding.contains(expected)),
            "{expected}: {:?}",
            verdict.findings
        );
    }
}

#[test]
fn verifying_makes_no_journal_where_there_is_none() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.dir()).unwrap();
    fs::set_permissions(
        scratch.dir(),
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    assert!(matches!(
        Archive::open(&scratch.dir()),
        Err(OpenError::Io { .. })
    ));
    assert!(matches!(
        shrink(&scratch.options(), 0),
        Err(ShrinkError::Open(OpenError::Io { .. }))
    ));
    assert_eq!(fs::read_dir(scratch.dir()).unwrap().count(), 0);
}

#[test]
fn shrinking_applies_the_retention_gives_space_back_and_keeps_the_rest() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    for seq in 1..=400 {
        commit(&journal, event("a", seq, &noise(16 * 1024)));
    }
    commit(&journal, events("b", 1, 9));
    let mut options = scratch.options();
    options.retention.session_bytes = Some(1024 * 1024);
    let refused = shrink(&options, 0).unwrap_err();
    assert!(
        matches!(
            refused,
            ShrinkError::Open(OpenError::InUse { pid: Some(_), .. })
        ),
        "{refused}"
    );
    journal.close().unwrap();

    let done = shrink(&options, 0).unwrap();
    assert!(
        done.before > 6 * 1024 * 1024 && done.after < 2 * 1024 * 1024,
        "{done:?}"
    );
    assert_eq!(done.events + done.events_kept, 409);
    assert!((55..75).contains(&done.events_kept), "{done:?}");
    let again = shrink(&options, 0).unwrap();
    assert_eq!((again.events, again.after), (0, done.after));

    let (journal, _) = scratch.open();
    assert_whole(&journal, "b", 9);
    assert_eq!(journal.head("a").unwrap(), 400);
    let first = journal.first_replayable("a").unwrap();
    assert_eq!(first, 409 - done.events_kept);
    let kept: u64 = journal
        .events("a", first, usize::MAX)
        .unwrap()
        .iter()
        .map(|batch| batch.last - batch.first + 1)
        .sum();
    assert_eq!(kept, 400 - first);
}

#[test]
fn a_damaged_journal_is_not_compacted_and_not_set_aside() {
    let scratch = filled();
    let bytes = fs::read(scratch.database()).unwrap();
    let mut damaged = bytes.clone();
    let half = damaged.len() / 2;
    damaged[half..].iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(scratch.database(), &damaged).unwrap();
    let refused = shrink(&scratch.options(), 0).unwrap_err();
    assert!(matches!(refused, ShrinkError::Damaged(_)), "{refused}");
    assert_eq!(fs::read(scratch.database()).unwrap(), damaged);
}
