//! What the host reads of a Codex item, and how streamed text is put back into one that never completed.
//!
//! Not a model of all item kinds: everything that is not named here stays as Codex wrote it.

use serde::Deserialize;
use serde_json::{Map, Value, map::Entry};

/// The two fields that every item has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ItemHead {
    /// Unique within its thread at best: it comes from the model provider.
    pub id: String,
    /// `agentMessage`, `commandExecution`, ...; open ended.
    #[serde(rename = "type")]
    pub kind: String,
    /// The id that the client gave to a user message (`clientUserMessageId`).
    #[serde(default, rename = "clientId")]
    pub client_id: Option<String>,
}

impl ItemHead {
    /// Reads the head of a raw item; `None` when it is not an item.
    pub fn read(raw: &str) -> Option<Self> {
        serde_json::from_str(raw).ok()
    }
}

/// Where in an item the text of a delta belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextField {
    /// `text` of an agent message or a plan.
    Text,
    /// `aggregatedOutput` of a command or of a file change.
    Output,
    /// `summary[n]` of a reasoning item.
    Summary(usize),
    /// `content[n]` of a reasoning item.
    Content(usize),
}

/// More parts than any model sends; a higher index goes to the last one.
const MAX_PARTS: usize = 256;

impl TextField {
    /// The field that deltas of this notification extend, and the kind of item they belong to. `index` is the delta's
    /// `summaryIndex` or `contentIndex`. `None` for notifications that carry no item text.
    pub fn of_delta(method: &str, index: usize) -> Option<(Self, &'static str)> {
        let index = index.min(MAX_PARTS - 1);
        Some(match method {
            "item/agentMessage/delta" => (Self::Text, "agentMessage"),
            "item/plan/delta" => (Self::Text, "plan"),
            "item/commandExecution/outputDelta" => (Self::Output, "commandExecution"),
            "item/fileChange/outputDelta" => (Self::Output, "fileChange"),
            "item/reasoning/summaryTextDelta" => (Self::Summary(index), "reasoning"),
            "item/reasoning/textDelta" => (Self::Content(index), "reasoning"),
            _ => return None,
        })
    }
}

/// The item with the text that has streamed so far in its place. With `ended`, a status `inProgress` becomes `failed`:
/// the process behind it is gone. Text that the item itself already holds wins over a shorter stream.
pub fn with_streamed_text(raw: &str, texts: &[(TextField, String)], ended: bool) -> String {
    let mut item: Map<String, Value> = serde_json::from_str(raw).unwrap_or_default();
    for (field, text) in texts {
        match field {
            TextField::Text => put_text(&mut item, "text", text),
            TextField::Output => put_text(&mut item, "aggregatedOutput", text),
            TextField::Summary(index) => put_part(&mut item, "summary", *index, text),
            TextField::Content(index) => put_part(&mut item, "content", *index, text),
        }
    }
    if ended && item.get("status").and_then(Value::as_str) == Some("inProgress") {
        item.insert("status".into(), "failed".into());
    }
    Value::Object(item).to_string()
}

fn put_text(item: &mut Map<String, Value>, key: &str, text: &str) {
    match item.entry(key) {
        Entry::Occupied(entry)
            if entry
                .get()
                .as_str()
                .is_some_and(|own| own.len() > text.len()) => {}
        Entry::Occupied(mut entry) => *entry.get_mut() = text.into(),
        Entry::Vacant(entry) => {
            entry.insert(text.into());
        }
    }
}

fn put_part(item: &mut Map<String, Value>, key: &str, index: usize, text: &str) {
    let parts = item.entry(key).or_insert_with(|| Value::Array(Vec::new()));
    if !parts.is_array() {
        *parts = Value::Array(Vec::new());
    }
    if let Value::Array(parts) = parts {
        while parts.len() <= index {
            parts.push("".into());
        }
        parts[index] = text.into();
    }
}

/// What a person would search an item by: its texts, command, output, paths, at most `max` bytes.
pub fn searchable_text(raw: &str, max: usize) -> String {
    let mut found = String::new();
    if let Ok(item) = serde_json::from_str::<Value>(raw) {
        gather(&item, None, max, &mut found);
    }
    found
}

fn gather(value: &Value, key: Option<&str>, max: usize, found: &mut String) {
    const TEXTS: [&str; 9] = [
        "text",
        "command",
        "aggregatedOutput",
        "path",
        "diff",
        "query",
        "summary",
        "content",
        "review",
    ];
    match value {
        Value::String(text) if key.is_some_and(|key| TEXTS.contains(&key)) && found.len() < max => {
            if !found.is_empty() {
                found.push('\n');
            }
            let mut end = text.len().min(max - found.len().min(max));
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            found.push_str(&text[..end]);
        }
        Value::Array(values) => values
            .iter()
            .for_each(|value| gather(value, key, max, found)),
        Value::Object(fields) => {
            for (key, value) in fields {
                gather(value, Some(key), max, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streamed_text_fills_an_item_that_never_completed() {
        let raw = r#"{"type":"commandExecution","id":"c1","status":"inProgress","aggregatedOutput":null}"#;
        assert_eq!(
            with_streamed_text(raw, &[(TextField::Output, "hi\n".into())], true),
            r#"{"aggregatedOutput":"hi\n","id":"c1","status":"failed","type":"commandExecution"}"#
        );
        let raw = r#"{"type":"reasoning","id":"r1"}"#;
        let texts = [
            (TextField::Summary(1), "b".into()),
            (TextField::Content(0), "c".into()),
        ];
        assert_eq!(
            with_streamed_text(raw, &texts, false),
            r#"{"content":["c"],"id":"r1","summary":["","b"],"type":"reasoning"}"#
        );
    }

    #[test]
    fn an_item_is_searched_by_what_a_person_sees() {
        let raw = r#"{"type":"userMessage","id":"u1","content":[{"type":"text","text":"look for kelp"}]}"#;
        assert_eq!(searchable_text(raw, 100), "look for kelp");
        assert_eq!(searchable_text(raw, 4), "look");
        assert_eq!(searchable_text("garbage", 100), "");
    }
}
