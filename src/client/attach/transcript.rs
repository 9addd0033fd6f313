//! A session as text that grows: items under headings, deltas as they come, each character once. It reads no clock and
//! writes nowhere; what it gives is for stdout.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::client::{
    item::{self, Voice, text},
    paint::{Paint, span},
    safe::Cleaner,
    socket::Heard,
};

/// Items that are open at once: Codex runs a handful. What is beyond is shown when it is complete.
const OPEN_ITEMS: usize = 256;
/// Text of an open item that is kept to know what was printed; behind it the item counts as printed whole.
const KEPT_BYTES: usize = 32 << 20;

/// What was printed, as far as it matters for what comes.
pub struct Transcript {
    paint: Paint,
    /// How many items a first snapshot shows.
    tail: usize,
    /// The last event that was taken in; items that began before it were printed.
    seen: u64,
    journal: String,
    open: HashMap<String, Open>,
    /// The same items as the host has them, for questions about them.
    items: Vec<Value>,
    /// The item that the last character belongs to.
    current: Option<String>,
    at_line_start: bool,
}

/// An item that may grow.
struct Open {
    turn: String,
    voice: Voice,
    /// What of its body was printed.
    printed: String,
    cleaner: Cleaner,
}

impl Transcript {
    /// Nothing was printed.
    pub fn new(paint: Paint, tail: usize) -> Self {
        Self {
            paint,
            tail,
            seen: 0,
            journal: String::new(),
            open: HashMap::new(),
            items: Vec::new(),
            current: None,
            at_line_start: true,
        }
    }

    /// The entries of items that are open.
    pub fn open_items(&self) -> &[Value] {
        &self.items
    }

    /// Ends the line that is being written; what follows begins under a heading again.
    pub fn leave(&mut self) -> String {
        let mut out = String::new();
        self.end_line(&mut out);
        self.current = None;
        out
    }

    /// Takes a snapshot in: what of it was not printed yet.
    pub fn attached(&mut self, result: &Value) -> String {
        let mut out = String::new();
        let journal = text(&result["journalId"]);
        let first = self.journal.is_empty();
        if self.journal != journal {
            journal.clone_into(&mut self.journal);
            self.open.clear();
            self.seen = 0;
        }
        let entries = result["items"].as_array().map_or(&[][..], Vec::as_slice);
        for entry in entries {
            let key = key(text(&entry["turnId"]), text(&entry["itemId"]));
            let is_new = entry["seq"].as_u64().unwrap_or(0) > self.seen;
            if is_new && first && self.tail == 0 {
                self.skip(&key, entry);
            } else if is_new || self.open.contains_key(&key) {
                self.entry(&key, entry, &mut out);
            }
        }
        if result["verdict"] != "resumed" {
            self.seen = self.seen.max(result["head"].as_u64().unwrap_or(0));
        }
        out
    }

    /// An event: what it adds.
    pub fn event(&mut self, heard: &Heard) -> String {
        let mut out = String::new();
        let params = heard.params();
        let turn = text(&params["turnId"]);
        if let Some(seq) = heard.value["seq"].as_u64() {
            self.seen = seq;
        }
        match heard.method() {
            "item/started" => {
                let entry = json!({"turnId": turn, "itemId": params["item"]["id"], "state": "open", "item": params["item"]});
                self.entry(&key(turn, text(&params["item"]["id"])), &entry, &mut out);
            }
            "item/completed" => {
                let state = if params["partial"] == true {
                    "partial"
                } else {
                    "completed"
                };
                let entry = json!({"turnId": turn, "itemId": params["item"]["id"], "state": state, "item": params["item"]});
                self.entry(&key(turn, text(&params["item"]["id"])), &entry, &mut out);
            }
            "turn/completed" => self.turn_ended(&params["turn"], &mut out),
            "error" if params["willRetry"] != true => {
                self.aside(
                    &self.paint.bad(&format!(
                        "error: {}",
                        Cleaner::line(text(&params["error"]["message"]))
                    )),
                    &mut out,
                );
            }
            "warning" | "guardianWarning" => {
                self.aside(
                    &self.paint.warn(&format!(
                        "warning: {}",
                        Cleaner::line(text(&params["message"]))
                    )),
                    &mut out,
                );
            }
            method => {
                if let Some((kind, more)) = item::growth(method, params) {
                    let key = key(turn, text(&params["itemId"]));
                    if !self.open.contains_key(&key) {
                        let item = json!({"type": kind, "id": params["itemId"]});
                        let entry = json!({"turnId": turn, "itemId": params["itemId"], "state": "open", "item": item});
                        self.entry(&key, &entry, &mut out);
                    }
                    self.print(&key, &more, &mut out);
                }
            }
        }
        out
    }

    /// An item as it is now: its heading if it is new, what it says more than before, and its end if it has one.
    fn entry(&mut self, key: &str, entry: &Value, out: &mut String) {
        let (item, state) = (&entry["item"], text(&entry["state"]));
        let voice = item::voice(item);
        let is_open = state == "open";
        if !self.open.contains_key(key) {
            if self.open.len() >= OPEN_ITEMS && is_open {
                return;
            }
            self.heading(key, item, false, out);
            self.put(key, entry, voice);
        }
        let body = item::body(item);
        let printed = self.open.get(key).map_or("", |open| open.printed.as_str());
        let more = match body.strip_prefix(printed) {
            Some(more) => more.to_owned(),
            // A command's stream and its end may be cut differently, and a thought has several forms: the stream was it.
            None if is_open || matches!(voice, Voice::Command | Voice::Thought) => String::new(),
            None => format!("\n{body}"),
        };
        self.print(key, &more, out);
        if !is_open {
            self.finish(key, item::outcome(item, state), out);
        }
    }

    /// Takes an item as printed.
    fn skip(&mut self, key: &str, entry: &Value) {
        if entry["state"] == "open" {
            self.put(key, entry, item::voice(&entry["item"]));
            if let Some(open) = self.open.get_mut(key) {
                open.printed = item::body(&entry["item"]);
            }
        }
    }

    fn put(&mut self, key: &str, entry: &Value, voice: Voice) {
        let colours = self.paint.on && voice == Voice::Command;
        let open = Open {
            turn: text(&entry["turnId"]).to_owned(),
            voice,
            printed: String::new(),
            cleaner: Cleaner::new(colours),
        };
        self.open.insert(key.to_owned(), open);
        self.items.push(entry.clone());
    }

    fn print(&mut self, key: &str, more: &str, out: &mut String) {
        if more.is_empty() {
            return;
        }
        if self.current.as_deref() != Some(key) {
            let item = self
                .items
                .iter()
                .find(|entry| is(entry, key))
                .map(|entry| entry["item"].clone());
            self.heading(key, &item.unwrap_or_default(), true, out);
        }
        let Some(open) = self.open.get_mut(key) else {
            return;
        };
        if open.printed.len() < KEPT_BYTES {
            open.printed.push_str(more);
        }
        let mut clean = String::with_capacity(more.len());
        open.cleaner.push(more, &mut clean);
        if let Some(last) = clean.chars().last() {
            self.at_line_start = last == '\n';
        }
        *out += &match open.voice {
            Voice::Thought => self.paint.dim(&clean),
            _ => clean,
        };
    }

    /// Ends an item.
    fn finish(&mut self, key: &str, outcome: Option<String>, out: &mut String) {
        let Some(mut open) = self.open.remove(key) else {
            return;
        };
        self.items.retain(|entry| !is(entry, key));
        open.cleaner.finish(out);
        if self.current.as_deref() == Some(key) {
            self.end_line(out);
        }
        if let Some(outcome) = outcome {
            self.end_line(out);
            *out += &self.paint.dim(&format!("→ {}", Cleaner::line(&outcome)));
            out.push('\n');
        }
    }

    fn heading(&mut self, key: &str, item: &Value, again: bool, out: &mut String) {
        self.end_line(out);
        out.push('\n');
        let title = Cleaner::plain(&item::title(item))
            .trim_end()
            .replace('\n', "\n  ");
        let more = if again {
            self.paint.dim(" (goes on)")
        } else {
            String::new()
        };
        *out += &match item::voice(item) {
            Voice::Person => self.paint.bold(&format!("› {title}")),
            Voice::Command => self.paint.bold(&format!("$ {title}")),
            Voice::Model | Voice::Plan | Voice::Files => self.paint.bold(&format!("● {title}")),
            Voice::Thought | Voice::Other => self.paint.dim(&format!("∴ {title}")),
        };
        *out += &more;
        out.push('\n');
        self.current = Some(key.to_owned());
        self.at_line_start = true;
    }

    fn turn_ended(&mut self, turn: &Value, out: &mut String) {
        let id = text(&turn["id"]);
        let left: Vec<String> = self
            .open
            .iter()
            .filter(|(_, open)| open.turn == id)
            .map(|(key, _)| key.clone())
            .collect();
        for key in left {
            self.finish(&key, Some("interrupted here".to_owned()), out);
        }
        let status = Cleaner::line(text(&turn["status"]));
        let mut words = format!("── turn {}", self.paint.state(&status));
        if let Some(ms) = turn["durationMs"].as_u64() {
            words += &format!(", {}", span(ms));
        }
        let error = Cleaner::line(text(&turn["error"]["message"]));
        if !error.is_empty() {
            words += &format!(": {error}");
        }
        self.aside(&words, out);
    }

    /// A line of its own between items.
    fn aside(&mut self, words: &str, out: &mut String) {
        self.end_line(out);
        *out += &format!("\n{words}\n");
        self.current = None;
    }

    fn end_line(&mut self, out: &mut String) {
        if !std::mem::replace(&mut self.at_line_start, true) {
            out.push('\n');
        }
    }
}

fn key(turn: &str, item: &str) -> String {
    format!("{turn}/{item}")
}

fn is(entry: &Value, key: &str) -> bool {
    key.strip_prefix(text(&entry["turnId"]))
        .and_then(|rest| rest.strip_prefix('/'))
        == Some(text(&entry["itemId"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript() -> Transcript {
        Transcript::new(Paint { on: false }, 20)
    }

    fn event(seq: u64, method: &str, params: Value) -> Heard {
        let value = json!({"seq": seq, "method": method, "params": params});
        Heard {
            line: value.to_string(),
            value,
        }
    }

    fn delta(seq: u64, item: &str, text: &str) -> Heard {
        event(
            seq,
            "item/agentMessage/delta",
            json!({"turnId": "t", "itemId": item, "delta": text}),
        )
    }

    fn message(state: &str, seq: u64, text: &str) -> Value {
        json!({"turnId": "t", "itemId": "a", "seq": seq, "state": state, "item": {"type": "agentMessage", "id": "a", "text": text}})
    }

    fn snapshot(head: u64, items: &[Value]) -> Value {
        json!({"verdict": "snapshot", "journalId": "j", "head": head, "items": items})
    }

    #[test]
    fn a_message_streams_and_its_end_adds_only_what_was_not_said() {
        let mut shown = transcript();
        let mut text = shown.attached(&snapshot(5, &[message("open", 3, "one ")]));
        text += &shown.event(&delta(6, "a", "two "));
        text += &shown.event(&event(7, "item/completed", json!({"turnId": "t", "item": {"type": "agentMessage", "id": "a", "text": "one two three"}})));
        text += &shown.event(&event(
            8,
            "turn/completed",
            json!({"turn": {"id": "t", "status": "completed", "durationMs": 2000}}),
        ));
        assert_eq!(text, "\n● Codex\none two three\n\n── turn completed, 2 s\n");
    }

    #[test]
    fn a_snapshot_behind_a_break_prints_what_is_new_and_nothing_twice() {
        let mut shown = transcript();
        let mut text = shown.attached(&snapshot(5, &[message("open", 3, "one ")]));
        text += &shown.event(&delta(6, "a", "two "));
        let later = json!({"turnId": "t", "itemId": "b", "seq": 30, "state": "completed", "item": {"type": "commandExecution", "id": "b", "command": "seq 1", "aggregatedOutput": "1\n", "exitCode": 0}});
        text += &shown.attached(&snapshot(
            40,
            &[message("completed", 3, "one two three"), later.clone()],
        ));
        text += &shown.attached(&snapshot(
            41,
            &[message("completed", 3, "one two three"), later],
        ));
        assert_eq!(text, "\n● Codex\none two three\n\n$ seq 1\n1\n→ exit 0\n");
    }

    #[test]
    fn two_items_that_stream_at_once_are_kept_apart() {
        let mut shown = transcript();
        let mut text = String::new();
        for (seq, item, piece) in [(1, "a", "one"), (2, "b", "uno"), (3, "a", " two")] {
            text += &shown.event(&delta(seq, item, piece));
        }
        assert_eq!(
            text,
            "\n● Codex\none\n\n● Codex\nuno\n\n● Codex (goes on)\n two"
        );
        assert_eq!(shown.leave(), "\n");
    }

    #[test]
    fn without_a_tail_an_open_item_goes_on_where_it_is() {
        let mut shown = Transcript::new(Paint { on: false }, 0);
        assert_eq!(shown.attached(&snapshot(5, &[message("completed", 1, "old"), json!({"turnId": "t", "itemId": "z", "seq": 2, "state": "open", "item": {"type": "agentMessage", "id": "z", "text": "begun "}})])), "");
        assert_eq!(
            shown.event(&delta(6, "z", "now")),
            "\n● Codex (goes on)\nnow"
        );
    }

    #[test]
    fn output_can_not_drive_the_terminal_and_a_dead_turn_ends_its_items() {
        let mut shown = transcript();
        let mut text = String::new();
        for (seq, piece) in [(1, "a\x1b]52;c;"), (2, "cm0=\x07b\x1b[2"), (3, "Jc\rd")] {
            text += &shown.event(&event(
                seq,
                "item/commandExecution/outputDelta",
                json!({"turnId": "t", "itemId": "c", "delta": piece}),
            ));
        }
        text += &shown.event(&event(4, "turn/completed", json!({"turn": {"id": "t", "status": "interrupted", "error": {"message": "codex died"}}})));
        assert_eq!(
            text,
            "\n$ \nabc\nd\n→ interrupted here\n\n── turn interrupted: codex died\n"
        );
        assert!(shown.open.is_empty() && shown.items.is_empty());
    }
}
