//! What a tab that asked for it is spared when it catches up from the journal: the deltas of items that are complete by now.
//!
//! Not for the live stream, and not for tabs that did not ask: those are sent every event.

use std::{collections::HashMap, io::Write as _};

use bytes::Bytes;
use codex::{item::TextField, message::Incoming};
use journal::{Batch, Journal, ReadError};

use super::json_string;

/// Leaves out of `batch` the deltas that their `item/completed` supersedes. Each run of them becomes one
/// `host/session/merged` with the seq of the last, so that the seqs that are left out are named.
pub(super) fn merge(journal: &Journal, thread: &str, batch: &Batch) -> Result<Bytes, ReadError> {
    let mut complete: HashMap<(&str, &str), bool> = HashMap::new();
    let mut kept = Vec::new();
    let mut run: Option<(u64, &[u8])> = None;
    for (line, seq) in batch
        .lines
        .split_inclusive(|byte| *byte == b'\n')
        .zip(batch.first..)
    {
        let superseded = match item_of_delta(line) {
            Some((turn, item)) => match complete.get(&(turn, item)) {
                Some(known) => *known,
                None => {
                    let answer = journal.is_complete(thread, turn, item)?;
                    complete.insert((turn, item), answer);
                    answer
                }
            },
            None => false,
        };
        if superseded {
            run = Some((run.map_or(seq, |(from, _)| from), line));
        } else {
            if let Some((from, last)) = run.take() {
                put_run(&mut kept, thread, from, seq - 1, last);
            }
            kept.extend_from_slice(line);
        }
    }
    if let Some((from, last)) = run {
        put_run(&mut kept, thread, from, batch.last, last);
    }
    Ok(kept.into())
}

/// The turn and the item that a line's delta belongs to; `None` for everything else.
fn item_of_delta(line: &[u8]) -> Option<(&str, &str)> {
    let Ok(Incoming::Notification(message)) = Incoming::parse(line.trim_ascii_end()) else {
        return None;
    };
    TextField::of_delta(message.method, 0)?;
    Some((message.route.turn_id?, message.route.item_id?))
}

/// One line for the events `from` to `to`, of which `last` is the last.
fn put_run(kept: &mut Vec<u8>, thread: &str, from: u64, to: u64, last: &[u8]) {
    // Every line begins with its seq and its generation, as the feed's writer has put them.
    let numbers = memchr::memchr_iter(b',', last).nth(1).unwrap_or(0);
    kept.extend_from_slice(&last[..numbers]);
    let thread = json_string(thread);
    // Writing into memory cannot fail.
    let _ = writeln!(
        kept,
        r#","method":"host/session/merged","params":{{"threadId":{thread},"from":{from},"to":{to}}}}}"#
    );
}

#[cfg(test)]
mod tests {
    use journal::{Item, ItemState, Options, Write};

    use super::*;

    fn delta(seq: u64, item: &str) -> String {
        format!(
            r#"{{"seq":{seq},"generation":7,"method":"item/agentMessage/delta","params":{{"threadId":"t","turnId":"u","itemId":"{item}","delta":"word"}}}}"#
        )
    }

    #[test]
    fn runs_of_deltas_of_complete_items_become_one_line_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(Options::new(folder.path().join("journal"))).unwrap();
        let item = |id: &str, done_seq| Item {
            turn: "u".to_owned(),
            id: id.to_owned(),
            seq: 1,
            done_seq,
            state: if done_seq.is_some() {
                ItemState::Completed
            } else {
                ItemState::Open
            },
            json: "{}".into(),
            ..Item::default()
        };
        let lines = [
            delta(11, "done"),
            delta(12, "done"),
            delta(13, "open"),
            r#"{"seq":14,"generation":7,"method":"item/other","params":{"turnId":"u","itemId":"done","delta":"x"}}"#.to_owned(),
            delta(15, "done"),
        ];
        let batch = Batch {
            first: 11,
            last: 15,
            lines: (lines.join("\n") + "\n").into(),
        };
        let (told, done) = std::sync::mpsc::channel();
        let write = Write {
            items: vec![item("done", Some(20)), item("open", None)],
            ..Write::new("t")
        };
        journal
            .commit(write, move || told.send(()).unwrap())
            .unwrap();
        done.recv().unwrap();

        let merged = merge(&journal, "t", &batch).unwrap();
        let expected = [
            r#"{"seq":12,"generation":7,"method":"host/session/merged","params":{"threadId":"t","from":11,"to":12}}"#,
            &lines[2],
            &lines[3],
            r#"{"seq":15,"generation":7,"method":"host/session/merged","params":{"threadId":"t","from":15,"to":15}}"#,
        ];
        assert_eq!(
            std::str::from_utf8(&merged)
                .unwrap()
                .lines()
                .collect::<Vec<_>>(),
            expected
        );
    }
}
