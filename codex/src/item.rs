//! What the host reads of a Codex item, and how streamed text is put back into one that never completed.
//!
//! Not a model of all item kinds: everything that is not named here stays as Codex wrote it.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
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
    let all = Texts {
        are_wanted: false,
        max,
        found: &mut found,
    };
    // Of what is no JSON, what came before the fault is found.
    let _ = all.deserialize(&mut serde_json::Deserializer::from_str(raw));
    found
}

/// Gathers texts as they are read: an item may be a megabyte, most of it one text.
struct Texts<'a> {
    /// Strings here are among what is searched.
    are_wanted: bool,
    max: usize,
    found: &'a mut String,
}

impl Texts<'_> {
    const FIELDS: [&'static str; 9] = [
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

    fn inner(&mut self, are_wanted: bool) -> Texts<'_> {
        Texts {
            are_wanted,
            max: self.max,
            found: self.found,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.found.len() < self.max {
            true => deserializer.deserialize_any(self),
            false => IgnoredAny::deserialize(deserializer).map(drop),
        }
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.are_wanted {
            if !self.found.is_empty() {
                self.found.push('\n');
            }
            let room = self.max.saturating_sub(self.found.len());
            self.found.push_str(&text[..text.floor_char_boundary(room)]);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut values: A) -> Result<(), A::Error> {
        let are_wanted = self.are_wanted;
        while values.next_element_seed(self.inner(are_wanted))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<(), A::Error> {
        while let Some(key) = fields.next_key::<String>()? {
            let are_wanted = Self::FIELDS.contains(&key.as_str());
            fields.next_value_seed(self.inner(are_wanted))?;
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
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
