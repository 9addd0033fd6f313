//! What is compacted away, in which order, and what always stays.

use std::fs;
use std::time::{Duration, SystemTime};

use journal::{
    Decision, Item, ItemState, Journal, Options, Prompt, PromptState, ReadError, Retention,
    Session, Write,
};

use crate::support::{
    Scratch, commit, compacted_through, event, events, lines, noise, read_all, wait_until,
};

fn open(scratch: &Scratch, retention: Retention) -> Journal {
    let options = Options {
        retention,
        ..scratch.options()
    };
    Journal::open(options).unwrap().0
}

/// Keeps everything for ever, and looks often.
fn keep_all() -> Retention {
    Retention {
        events_age: None,
        session_bytes: None,
        total_bytes: None,
        items_age: None,
        items_bytes: None,
        prompts_age: None,
        decisions_age: None,
        interval: Duration::from_millis(10),
    }
}

fn item(id: &str, state: ItemState, text: &str) -> Item {
    Item {
        turn: "t".to_owned(),
        id: id.to_owned(),
        seq: 1,
        state,
        text: text.to_owned(),
        ..Item::default()
    }
}

#[test]
fn a_long_session_loses_its_oldest_events_and_nothing_else() {
    const LIMIT: u64 = 200_000;
    let scratch = Scratch::new();
    let journal = open(
        &scratch,
        Retention {
            session_bytes: Some(LIMIT),
            ..keep_all()
        },
    );
    commit(&journal, events("short", 1, 50));
    let with_item = Write {
        items: vec![item("i", ItemState::Completed, "words")],
        session: Some(Session::default()),
        ..events("long", 1, 100)
    };
    commit(&journal, with_item);
    for first in (101..=6000).step_by(100) {
        commit(&journal, events("long", first, first + 99));
    }
    let mut through = 0;
    wait_until("the session is short enough", || {
        through = compacted_through(&journal, "long");
        (lines("long", through + 1, 6000).len() as u64) <= LIMIT
    });
    // Not shorter than it has to be, by more than the slack and a row.
    assert!(lines("long", through + 1, 6000).len() as u64 > LIMIT / 2);
    assert_eq!(journal.first_replayable("long").unwrap(), through);
    assert!(read_all(&journal, "long", through, 10_000) == lines("long", through + 1, 6000));
    let error = journal.events("long", through - 1, 100).unwrap_err();
    assert!(
        matches!(&error, ReadError::Compacted { thread, through: told } if thread == "long" && *told == through),
        "{error}"
    );
    assert_eq!(journal.session("long").unwrap().unwrap().head, 6000);
    assert_eq!(journal.items("long", None, 10, 1000).unwrap().len(), 1);
    assert_eq!(journal.search("words", None, 10).unwrap().len(), 1);
    assert_eq!(compacted_through(&journal, "short"), 0);
}

#[test]
fn over_the_total_the_oldest_events_of_all_go_first() {
    let scratch = Scratch::new();
    let journal = open(
        &scratch,
        Retention {
            total_bytes: Some(300_000),
            ..keep_all()
        },
    );
    for thread in ["oldest", "older", "newest"] {
        for first in (1..=1000).step_by(100) {
            commit(&journal, events(thread, first, first + 99));
        }
        // Age is told in milliseconds: events of two sessions within one are equally old, and any of them may go first.
        let written = SystemTime::now();
        wait_until("a later millisecond", || {
            written
                .elapsed()
                .is_ok_and(|passed| passed > Duration::from_millis(1))
        });
    }
    wait_until("enough is compacted", || {
        journal.statistics().event_bytes <= 300_000
    });
    let through = ["oldest", "older", "newest"].map(|thread| compacted_through(&journal, thread));
    assert_eq!((through[0], through[2]), (1000, 0), "{through:?}");
}

#[test]
fn a_head_survives_the_loss_of_all_events_and_a_restart() {
    let scratch = Scratch::new();
    let aged = || Retention {
        events_age: Some(Duration::ZERO),
        ..keep_all()
    };
    let journal = open(&scratch, aged());
    commit(&journal, events("a", 1, 500));
    wait_until("all events are compacted away", || {
        journal.statistics().events == 0
    });
    journal.close().unwrap();

    let journal = open(&scratch, keep_all());
    assert_eq!(journal.head("a").unwrap(), 500);
    assert_eq!(journal.first_replayable("a").unwrap(), 500);
    assert_eq!(journal.events("a", 500, 1000).unwrap(), []);
    commit(&journal, events("a", 501, 510));
    assert!(read_all(&journal, "a", 500, 1000) == lines("a", 501, 510));
    let statistics = journal.statistics();
    assert_eq!(
        (statistics.events, statistics.event_bytes),
        (10, lines("a", 501, 510).len() as u64)
    );
}

#[test]
fn room_that_is_no_longer_needed_goes_back_to_the_disk() {
    let scratch = Scratch::new();
    let journal = open(&scratch, keep_all());
    let line = noise(1 << 20);
    for seq in 1..=40 {
        commit(&journal, event("a", seq, &line));
    }
    journal.close().unwrap();
    let before = fs::metadata(scratch.database()).unwrap().len();

    let journal = open(
        &scratch,
        Retention {
            events_age: Some(Duration::ZERO),
            ..keep_all()
        },
    );
    let reader = rusqlite::Connection::open(scratch.database()).unwrap();
    wait_until("the file has few free pages", || {
        let pages: u64 = reader
            .pragma_query_value(None, "page_count", |row| row.get(0))
            .unwrap();
        pages * 4096 < before / 4
    });
    drop(reader);
    journal.close().unwrap();
    let after = fs::metadata(scratch.database()).unwrap().len();
    assert!(after < before / 4, "{before} bytes became {after}");
}

#[test]
fn old_items_leave_history_and_search_but_open_ones_stay() {
    let scratch = Scratch::new();
    let journal = open(&scratch, keep_all());
    let mut items: Vec<Item> = (0..100)
        .map(|n| item(&format!("done-{n}"), ItemState::Completed, "needle"))
        .collect();
    items.push(item("open", ItemState::Open, "needle"));
    items.push(item("partial", ItemState::Partial, "needle"));
    commit(
        &journal,
        Write {
            items,
            ..Write::new("a")
        },
    );
    assert_eq!(journal.search("needle", None, 200).unwrap().len(), 102);
    journal.close().unwrap();

    let journal = open(
        &scratch,
        Retention {
            items_age: Some(Duration::ZERO),
            ..keep_all()
        },
    );
    wait_until("finished items are gone", || {
        journal.items("a", None, 200, 1 << 20).unwrap().len() == 1
    });
    let found = journal.search("needle", None, 200).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].item, "open");
}

#[test]
fn over_their_size_the_oldest_items_go() {
    let scratch = Scratch::new();
    let journal = open(
        &scratch,
        Retention {
            items_bytes: Some(100_000),
            ..keep_all()
        },
    );
    for n in 0..60 {
        let text = "word ".repeat(1000);
        let write = Write {
            items: vec![item(&format!("{n}"), ItemState::Completed, &text)],
            ..Write::new("a")
        };
        commit(&journal, write);
    }
    let mut left = Vec::new();
    wait_until("few enough are left", || {
        left = journal.items("a", None, 100, usize::MAX).unwrap();
        left.len() <= 20
    });
    assert!(left.len() > 10, "{} are left", left.len());
    assert_eq!(left[0].id, "59");
}

#[test]
fn old_prompts_and_decisions_go_but_unfinished_prompts_stay() {
    let scratch = Scratch::new();
    let journal = open(
        &scratch,
        Retention {
            prompts_age: Some(Duration::from_secs(1000)),
            decisions_age: Some(Duration::from_secs(1000)),
            ..keep_all()
        },
    );
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let now = u64::try_from(now.as_millis()).unwrap();
    let old = now - 2_000_000;
    let prompt = |id: &str, state, at_ms| Prompt {
        id: id.to_owned(),
        state,
        at_ms,
        ..Prompt::default()
    };
    let decision = |at_ms| Decision {
        at_ms,
        ..Decision::default()
    };
    let write = Write {
        prompts: vec![
            prompt("old", PromptState::Done, old),
            prompt("waiting", PromptState::Queued, old),
            prompt("new", PromptState::Done, now),
        ],
        decisions: vec![decision(old), decision(now)],
        ..Write::new("a")
    };
    commit(&journal, write);
    wait_until("the old prompt is gone", || {
        journal.prompt("a", "old").unwrap().is_none()
    });
    let mut left: Vec<String> = journal
        .prompts("a")
        .unwrap()
        .into_iter()
        .map(|prompt| prompt.id)
        .collect();
    left.sort();
    assert_eq!(left, ["new", "waiting"]);
    wait_until("the old decision is gone", || {
        journal.decisions("a", 10).unwrap() == [decision(now)]
    });
}
