//! `kill -9` of a process that writes, again and again: what it was told is committed is there, whole and once.
//!
//! The process is this test binary, started again with the role of the writer.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use journal::{Item, ItemState, Journal, Options, Write};

use crate::support::{Scratch, assert_whole, batch, lines};

/// Set for the process that writes: where.
const ROLE: &str = "JOURNAL_CRASH_DIR";
const SESSIONS: usize = 8;
const ROUNDS: usize = 12;

#[test]
fn kill_minus_nine_loses_doubles_and_tears_nothing() {
    if let Some(dir) = std::env::var_os(ROLE) {
        write_until_killed(dir.into());
    }
    let scratch = Scratch::new();
    let mut acknowledged = HashMap::new();
    let mut kills_in_the_middle = 0;
    for _ in 0..ROUNDS {
        kill_after(&scratch, random(300), &mut acknowledged);
        let (journal, _) = scratch.open();
        for (thread, &told) in &acknowledged {
            let head = journal.head(thread).unwrap();
            assert!(head >= told, "{thread} was told {told} and has {head}");
            kills_in_the_middle += usize::from(head > told);
            assert_whole(&journal, thread, head);
            assert_items_match(&journal, thread, head);
        }
        journal.close().unwrap();
    }
    assert_eq!(acknowledged.len(), SESSIONS);
    // Otherwise the kills came when nothing was under way, and the test has shown nothing.
    assert!(kills_in_the_middle > 0);
}

/// Starts the writer, reads some of its acknowledgements, and kills it.
fn kill_after(scratch: &Scratch, acks: usize, acknowledged: &mut HashMap<String, u64>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "crash::kill_minus_nine_loses_doubles_and_tears_nothing",
            "--nocapture",
        ])
        .env(ROLE, scratch.dir())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut note = |line: &str| {
        let mut words = line.split(' ');
        if words.next() != Some("ack") {
            return false;
        }
        let (thread, seq) = (words.next().unwrap(), words.next().unwrap());
        acknowledged.insert(thread.to_owned(), seq.parse().unwrap());
        true
    };
    let mut seen = 0;
    while seen <= acks {
        seen += usize::from(note(&output.next().unwrap().unwrap()));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had said before it died counts too; only a last line that was cut off is no acknowledgement.
    for line in output.map_while(Result::ok) {
        if line.ends_with('.') {
            note(line.trim_end_matches('.'));
        }
    }
}

/// Each write puts one item that names the events of its batch, so the items tell whether a write was torn.
fn assert_items_match(journal: &Journal, thread: &str, head: u64) {
    let mut items = journal.items(thread, None, usize::MAX, usize::MAX).unwrap();
    items.reverse();
    let mut expected = 1;
    for item in items {
        assert_eq!(item.seq, expected);
        let last = item.done_seq.unwrap();
        assert_eq!(item.json, lines(thread, last, last));
        expected = last + 1;
    }
    assert_eq!(expected, head + 1);
}

fn write_until_killed(dir: PathBuf) -> ! {
    let (journal, _) = Journal::open(Options::new(dir)).unwrap();
    let (told, committed) = mpsc::channel();
    let mut heads = HashMap::new();
    for n in 0..SESSIONS {
        let thread = format!("session-{n}");
        heads.insert(thread.clone(), journal.head(&thread).unwrap());
        told.send(thread).unwrap();
    }
    loop {
        let thread = committed.recv().unwrap();
        let head = heads.get_mut(&thread).unwrap();
        let first = *head + 1;
        *head += 1 + random(20) as u64;
        let last = *head;
        let item = Item {
            turn: "t".to_owned(),
            id: last.to_string(),
            seq: first,
            done_seq: Some(last),
            kind: "agentMessage".to_owned(),
            state: ItemState::Completed,
            json: lines(&thread, last, last),
            text: format!("words of {last}"),
        };
        let write = Write {
            batch: Some(batch(&thread, first, last)),
            items: vec![item],
            ..Write::new(&thread)
        };
        let told = told.clone();
        journal
            .commit(write, move || {
                println!("ack {thread} {last} .");
                told.send(thread).unwrap();
            })
            .unwrap();
    }
}

fn random(below: usize) -> usize {
    let number = getrandom::u64().unwrap();
    usize::try_from(number % below as u64).unwrap()
}
