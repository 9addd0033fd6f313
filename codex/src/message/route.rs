//! Where a message belongs, and where its delta stands.
//!
//! It reads ids and places out of `params`; it does not know which method has which.

use std::ops::Range;

use super::json::{Malformed, Scanner};

/// What a host reads of `params`. Ids are the text between the quotes as it stands on the wire: Codex writes one id
/// always the same way, so they compare, and none that it makes holds an escape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route<'a> {
    /// The thread: `threadId`, else `thread.id`, else the older `conversationId`.
    pub thread_id: Option<&'a str>,
    /// The turn: `turnId`, else `turn.id`.
    pub turn_id: Option<&'a str>,
    /// The item: `itemId`, else `item.id`. Given by the model's provider, so unique in a thread at best.
    pub item_id: Option<&'a str>,
    /// The kind of the item, `item.type`.
    pub item_type: Option<&'a str>,
    /// How the turn stands, `turn.status`.
    pub turn_status: Option<&'a str>,
    /// Which part of the item a delta continues: `summaryIndex` or `contentIndex`, raw.
    pub part: Option<&'a str>,
    /// The request that was resolved, `requestId`, raw JSON.
    pub request_id: Option<&'a str>,
    /// The delta: `delta` or `deltaBase64`.
    pub delta: Option<Delta>,
}

/// The place of a delta in the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// The JSON string literal with its quotes, in bytes of the line.
    pub span: Range<usize>,
    /// Whether the literal holds escapes. Without, the text between the quotes is the value.
    pub escaped: bool,
    /// What the value is.
    pub encoding: Encoding,
}

/// What the text of a delta is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Text as it is shown.
    Text,
    /// Bytes in base64, such as the output of `command/exec`.
    Base64,
}

impl<'a> Route<'a> {
    /// Reads the value of `params` at the scanner, and gives it as it stands.
    pub(super) fn read(&mut self, scanner: &mut Scanner<'a>) -> Result<&'a str, Malformed> {
        if !scanner.at_object() {
            return scanner.raw_value(1);
        }
        let start = scanner.value_start();
        let mut nested = Nested::default();
        scanner.object(2, |scanner, key| self.field(&mut nested, scanner, key))?;
        self.thread_id = self
            .thread_id
            .or(nested.thread_id)
            .or(nested.conversation_id);
        self.turn_id = self.turn_id.or(nested.turn_id);
        self.item_id = self.item_id.or(nested.item_id);
        Ok(scanner.since(start))
    }

    fn field(
        &mut self,
        nested: &mut Nested<'a>,
        scanner: &mut Scanner<'a>,
        key: &str,
    ) -> Result<(), Malformed> {
        match key {
            "threadId" => self.thread_id = scanner.text_or_skip(2)?,
            "turnId" => self.turn_id = scanner.text_or_skip(2)?,
            "itemId" => self.item_id = scanner.text_or_skip(2)?,
            "delta" => self.delta = delta(scanner, Encoding::Text)?,
            "deltaBase64" => self.delta = delta(scanner, Encoding::Base64)?,
            "summaryIndex" | "contentIndex" => self.part = Some(scanner.raw_value(2)?),
            "requestId" => self.request_id = Some(scanner.raw_value(2)?),
            "conversationId" => nested.conversation_id = scanner.text_or_skip(2)?,
            "thread" if scanner.at_object() => scanner.object(3, |scanner, key| match key {
                "id" => scanner.text_or_skip(3).map(|id| nested.thread_id = id),
                _ => scanner.skip_value(3),
            })?,
            "turn" if scanner.at_object() => scanner.object(3, |scanner, key| match key {
                "id" => scanner.text_or_skip(3).map(|id| nested.turn_id = id),
                "status" => scanner
                    .text_or_skip(3)
                    .map(|status| self.turn_status = status),
                _ => scanner.skip_value(3),
            })?,
            "item" if scanner.at_object() => scanner.object(3, |scanner, key| match key {
                "id" => scanner.text_or_skip(3).map(|id| nested.item_id = id),
                "type" => scanner.text_or_skip(3).map(|kind| self.item_type = kind),
                _ => scanner.skip_value(3),
            })?,
            _ => scanner.skip_value(2)?,
        }
        Ok(())
    }
}

/// Ids that count only when the plain field is missing.
#[derive(Default)]
struct Nested<'a> {
    thread_id: Option<&'a str>,
    turn_id: Option<&'a str>,
    item_id: Option<&'a str>,
    conversation_id: Option<&'a str>,
}

fn delta(scanner: &mut Scanner<'_>, encoding: Encoding) -> Result<Option<Delta>, Malformed> {
    let literal = scanner.string_or_skip(2)?;
    Ok(literal.map(|(span, escaped)| Delta {
        span,
        escaped,
        encoding,
    }))
}
