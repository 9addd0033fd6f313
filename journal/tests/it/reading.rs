//! Reading back: replay from any cursor, and every kind of row as it was written.

use bytes::Bytes;
use journal::{
    Decision, Item, ItemState, OpenTurn, Prompt, PromptState, PromptWhen, Session, Write,
};
use proptest::prelude::*;

use crate::support::{Scratch, assert_whole, commit, events, line, lines, read_all};

#[test]
fn replay_begins_at_any_cursor_whatever_the_batches_were() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let mut head = 0;
    for size in [1, 2, 700, 1, 3000, 5] {
        commit(&journal, events("a", head + 1, head + size));
        head += size;
    }
    // Another session before and after it in the file must not show through.
    commit(&journal, events("b", 1, 3));
    assert_whole(&journal, "a", head);
    for after in [0, 1, 2, 3, 350, 703, 704, 2000, head - 1] {
        assert!(read_all(&journal, "a", after, 5000) == lines("a", after + 1, head));
    }
    for after in [head, head + 1, u64::MAX] {
        assert_eq!(journal.events("a", after, 1000).unwrap(), []);
    }
    assert_eq!(journal.events("unknown", 0, 1000).unwrap(), []);
    assert_eq!(journal.head("unknown").unwrap(), 0);
}

#[test]
fn an_answer_keeps_to_its_size_but_holds_at_least_one_event() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    commit(&journal, events("a", 1, 100));
    for room in [1, 100, 999, 5000] {
        let mut cursor = 0;
        while cursor < 100 {
            let answer = journal.events("a", cursor, room).unwrap();
            assert_eq!(answer[0].first, cursor + 1);
            let bytes: usize = answer.iter().map(|batch| batch.lines.len()).sum();
            let first = line("a", cursor + 1).len();
            assert!(bytes <= room.max(first), "{bytes} bytes for {room}");
            let last = answer.last().unwrap().last;
            let next = if last < 100 {
                line("a", last + 1).len()
            } else {
                room
            };
            assert!(
                bytes + next > room,
                "one more would have fitted into {room}"
            );
            cursor = last;
        }
    }
    assert_eq!(journal.events("a", 0, 0).unwrap()[0].last, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_written_in_any_batches_is_read_in_any_portions(
        sizes in proptest::collection::vec(1u64..40, 1..12),
        after in 0u64..200,
        portion in 1usize..20_000,
    ) {
        let scratch = Scratch::new();
        let (journal, _) = scratch.open();
        let mut head = 0;
        for size in sizes {
            commit(&journal, events("a", head + 1, head + size));
            head += size;
        }
        let after = after.min(head);
        prop_assert_eq!(read_all(&journal, "a", after, portion), lines("a", after + 1, head));
    }
}

fn session(thread: &str, updated_ms: u64) -> Session {
    Session {
        thread: thread.to_owned(),
        cwd: "/home/ada/project".to_owned(),
        title: Some("Fix the flaky test".to_owned()),
        preview: "The test fails on Tuesdays".to_owned(),
        model: Some("gpt-5.2-codex".to_owned()),
        source: Some("appServer".to_owned()),
        sandbox: Some("{\"type\":\"readOnly\"}".to_owned()),
        approval_policy: Some("\"on-request\"".to_owned()),
        created_ms: 1_700_000_000_000,
        updated_ms,
        generation: 3,
        head: 0,
        open_turn: Some(OpenTurn {
            turn_id: "turn-9".to_owned(),
            first_seq: 4,
            started_ms: 1_700_000_000_123,
        }),
        phase: "parked".to_owned(),
        phase_reason: Some("idle".to_owned()),
        archived: false,
        resumable: true,
        extra: "{\"k\":[1,2]}".to_owned(),
    }
}

#[test]
fn a_session_comes_back_as_it_was_put_with_the_head_of_its_events() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let put = |session: &Session| Write {
        session: Some(session.clone()),
        ..Write::new(&session.thread)
    };
    let (old, new) = (session("old", 10), session("new", 20));
    commit(&journal, put(&new));
    commit(&journal, put(&old));
    commit(&journal, events("old", 1, 4));
    // Events alone make no session: it is listed when its row is there.
    commit(&journal, events("bare", 1, 1));
    let old = Session { head: 4, ..old };
    assert_eq!(journal.sessions().unwrap(), [new, old.clone()]);
    assert_eq!(journal.session("old").unwrap(), Some(old.clone()));
    assert_eq!(journal.session("bare").unwrap(), None);

    let changed = Session {
        open_turn: None,
        title: None,
        archived: true,
        updated_ms: 30,
        ..old
    };
    commit(&journal, put(&changed));
    assert_eq!(journal.session("old").unwrap(), Some(changed));
}

fn item(turn: &str, id: &str, seq: u64) -> Item {
    Item {
        turn: turn.to_owned(),
        id: id.to_owned(),
        seq,
        done_seq: None,
        kind: "agentMessage".to_owned(),
        state: ItemState::Open,
        json: Bytes::from(format!("{{\"id\":\"{id}\"}}")),
        text: format!("text of {id}"),
    }
}

fn items(thread: &str, items: &[Item]) -> Write {
    Write {
        items: items.to_vec(),
        ..Write::new(thread)
    }
}

#[test]
fn items_are_paged_from_the_newest_and_none_of_one_seq_is_lost() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let seqs = [1, 2, 3, 3, 3, 4, 5];
    let all: Vec<Item> = (0..)
        .zip(seqs)
        .map(|(n, seq)| item("t", &format!("i{n}"), seq))
        .collect();
    commit(&journal, items("a", &all));
    commit(&journal, items("b", &[item("t", "i0", 9)]));
    let ids = |before, limit, bytes| -> Vec<String> {
        let page = journal.items("a", before, limit, bytes).unwrap();
        page.into_iter().map(|item| item.id).collect()
    };
    assert_eq!(ids(None, 2, 10_000), ["i6", "i5"]);
    assert_eq!(ids(Some(4), 2, 10_000), ["i4", "i3", "i2"]);
    assert_eq!(ids(Some(3), 2, 10_000), ["i1", "i0"]);
    assert_eq!(ids(Some(1), 2, 10_000), Vec::<String>::new());
    assert_eq!(ids(None, 100, 1), ["i6"]);
    assert_eq!(ids(Some(u64::MAX), 100, 10_000).len(), 7);
    let mut newest_first = all;
    newest_first.reverse();
    assert_eq!(journal.items("a", None, 100, 10_000).unwrap(), newest_first);
}

#[test]
fn an_item_is_replaced_in_its_place() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    commit(
        &journal,
        items("a", &[item("t1", "x", 1), item("t2", "x", 2)]),
    );
    let done = Item {
        seq: 7,
        done_seq: Some(9),
        state: ItemState::Completed,
        json: Bytes::from_static(b"{\"whole\":true}"),
        text: "whole".to_owned(),
        ..item("t1", "x", 1)
    };
    commit(&journal, items("a", std::slice::from_ref(&done)));
    assert_eq!(
        journal.items("a", None, 10, 1000).unwrap(),
        [item("t2", "x", 2), Item { seq: 1, ..done }]
    );
}

fn prompt(id: &str, state: PromptState, position: u64) -> Prompt {
    Prompt {
        id: id.to_owned(),
        state,
        when: PromptWhen::Queue,
        input: "[{\"type\":\"text\",\"text\":\"as typed\"}]".to_owned(),
        shown: "[{\"type\":\"text\",\"text\":\"as shown\"}]".to_owned(),
        overrides: Some("{}".to_owned()),
        turn: None,
        position,
        at_ms: 1000 + position,
    }
}

fn prompts(thread: &str, prompts: &[Prompt]) -> Write {
    Write {
        prompts: prompts.to_vec(),
        ..Write::new(thread)
    }
}

#[test]
fn prompts_keep_their_order_and_the_unfinished_are_found_over_all_sessions() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let states = [
        PromptState::Done,
        PromptState::NotRun,
        PromptState::Removed,
        PromptState::Running,
        PromptState::Sending,
        PromptState::Queued,
    ];
    let all: Vec<Prompt> = (1..)
        .zip(states)
        .map(|(n, state)| prompt(&format!("p{n}"), state, n))
        .collect();
    commit(&journal, prompts("a", &all));
    commit(
        &journal,
        prompts("b", &[prompt("p1", PromptState::Queued, 1)]),
    );
    assert_eq!(journal.prompts("a").unwrap(), all);
    assert_eq!(journal.prompt("a", "p3").unwrap(), Some(all[2].clone()));
    assert_eq!(journal.prompt("b", "p3").unwrap(), None);
    let open: Vec<(String, String)> = journal
        .open_prompts()
        .unwrap()
        .into_iter()
        .map(|(thread, prompt)| (thread, prompt.id))
        .collect();
    let expected = [("a", "p4"), ("a", "p5"), ("a", "p6"), ("b", "p1")]
        .map(|(thread, id)| (thread.to_owned(), id.to_owned()));
    assert_eq!(open, expected);

    let ran = Prompt {
        state: PromptState::Done,
        turn: Some("turn-1".to_owned()),
        ..all[5].clone()
    };
    commit(&journal, prompts("a", std::slice::from_ref(&ran)));
    assert_eq!(journal.prompt("a", "p6").unwrap(), Some(ran));
    assert_eq!(journal.open_prompts().unwrap().len(), 3);
}

#[test]
fn what_a_prompt_held_before_leaves_the_file_with_it() {
    const RAW: &str = "the raw text of a prompt, as only Codex may have it";
    let scratch = Scratch::new();
    let raw_in_the_file = || {
        let bytes = std::fs::read(scratch.database()).unwrap();
        bytes.windows(10).any(|at| at == &RAW.as_bytes()[30..40])
    };
    let write = |input: &str, state| {
        let (journal, _) = scratch.open();
        for id in ["a", "b"] {
            let mut prompt = prompt(id, state, 1);
            prompt.input = input.to_owned();
            commit(&journal, prompts("a", &[prompt]));
        }
        journal.close().unwrap();
    };
    write(&RAW.repeat(5), PromptState::Queued);
    assert!(raw_in_the_file(), "a prompt that waits has to be there");
    write("[]", PromptState::Done);
    assert!(!raw_in_the_file());
}

#[test]
fn a_long_list_of_finished_prompts_is_cut_but_each_is_still_known() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let finished: Vec<Prompt> = (1..=150)
        .map(|n| prompt(&format!("p{n}"), PromptState::Done, n))
        .collect();
    commit(&journal, prompts("a", &finished));
    // One that was not run waits for a person, however many have finished since.
    let waiting = [
        prompt("next", PromptState::Queued, 0),
        prompt("unrun", PromptState::NotRun, 1),
    ];
    commit(&journal, prompts("a", &waiting));
    let listed = journal.prompts("a").unwrap();
    let ids: Vec<&str> = listed.iter().map(|prompt| &*prompt.id).collect();
    assert_eq!((ids.len(), &ids[..3]), (102, &["next", "unrun", "p51"][..]));
    assert_eq!(
        journal.prompt("a", "p1").unwrap(),
        Some(finished[0].clone())
    );
}

#[test]
fn decisions_are_kept_newest_first() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    let decision = |n: u64| Decision {
        request: format!("digest-{n}"),
        method: "item/commandExecution/requestApproval".to_owned(),
        decision: "accept".to_owned(),
        by: "browser 1".to_owned(),
        at_ms: n,
        turn: Some("t".to_owned()),
        item: None,
        extra: "{}".to_owned(),
    };
    for n in 1..=3 {
        let write = Write {
            decisions: vec![decision(n)],
            ..Write::new("a")
        };
        commit(&journal, write);
    }
    assert_eq!(
        journal.decisions("a", 2).unwrap(),
        [decision(3), decision(2)]
    );
    assert_eq!(journal.decisions("b", 2).unwrap(), []);
}
