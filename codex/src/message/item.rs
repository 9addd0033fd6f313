//! Items of a turn: kind and id are read, the rest stays raw.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// An item of a turn: a message, a command, a file change, or whatever a newer Codex has.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    /// The kind, such as `agentMessage`.
    pub kind: Cow<'a, str>,
    /// The id; given by the model's provider, so unique in a thread at best.
    pub id: Cow<'a, str>,
    /// The whole item, raw JSON.
    pub raw: &'a str,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Cow<'a, str>,
}

impl<'a> Item<'a> {
    /// Reads an item.
    ///
    /// # Errors
    /// When it is no object, or `type` or `id` is no string. A missing one is empty: a new kind of item must not make
    /// its turn unreadable.
    pub fn parse(raw: &'a str) -> Result<Self, serde_json::Error> {
        let Head { kind, id } = serde_json::from_str(raw)?;
        Ok(Self { kind, id, raw })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Item<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get()).map_err(de::Error::custom)
    }
}

/// The params of `item/started` and `item/completed`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemNotification<'a> {
    /// The thread.
    #[serde(borrow)]
    pub thread_id: Cow<'a, str>,
    /// The turn.
    #[serde(borrow)]
    pub turn_id: Cow<'a, str>,
    /// The item.
    #[serde(borrow)]
    pub item: Item<'a>,
}
