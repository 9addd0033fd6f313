//! Turns, as far as a host reads them.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::Item;

/// A turn. Unknown fields are ignored.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Turn<'a> {
    /// The id; a UUID of version 7.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// The first turn of the chain that led here; in a review the id that all other messages carry.
    #[serde(borrow, default)]
    pub root_turn_id: Option<Cow<'a, str>>,
    /// How it stands.
    pub status: TurnStatus,
    /// The items that Codex put in; see `itemsView`.
    #[serde(borrow, default)]
    pub items: Vec<Item<'a>>,
    /// How much of `items` is there: `notLoaded`, `summary` or `full`.
    #[serde(borrow, default)]
    pub items_view: Option<Cow<'a, str>>,
    /// Why it failed.
    #[serde(borrow, default)]
    pub error: Option<TurnError<'a>>,
    /// When it began, in seconds since 1970.
    #[serde(default)]
    pub started_at: Option<i64>,
    /// When it ended, in seconds since 1970.
    #[serde(default)]
    pub completed_at: Option<i64>,
    /// How long it ran, in milliseconds.
    #[serde(default)]
    pub duration_ms: Option<i64>,
}

/// How a turn stands. Open: what is not known is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnStatus {
    /// It runs.
    InProgress,
    /// It ended by itself.
    Completed,
    /// It was stopped, or Codex died.
    Interrupted,
    /// It ended with an error.
    Failed,
    /// A status of a newer Codex.
    Other(Box<str>),
}

impl TurnStatus {
    /// Reads the wire form, such as `inProgress`.
    pub fn from_wire(status: &str) -> Self {
        match status {
            "inProgress" => Self::InProgress,
            "completed" => Self::Completed,
            "interrupted" => Self::Interrupted,
            "failed" => Self::Failed,
            other => Self::Other(other.into()),
        }
    }

    /// The wire form.
    pub fn as_str(&self) -> &str {
        match self {
            Self::InProgress => "inProgress",
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Other(other) => other,
        }
    }
}

impl fmt::Display for TurnStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TurnStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer).map(|status| Self::from_wire(&status))
    }
}

impl Serialize for TurnStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Why a turn failed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnError<'a> {
    /// For people.
    #[serde(borrow)]
    pub message: Cow<'a, str>,
    /// The kind, raw: a string such as `"usageLimitExceeded"`, or an object with one key.
    #[serde(borrow, default)]
    pub codex_error_info: Option<&'a RawValue>,
    /// More, for people.
    #[serde(borrow, default)]
    pub additional_details: Option<Cow<'a, str>>,
}

impl TurnError<'_> {
    /// The name of the kind, `usageLimitExceeded` or `httpConnectionFailed`, whichever shape it came in.
    pub fn kind(&self) -> Option<String> {
        let raw = self.codex_error_info?.get();
        let name = super::string_literals(raw).next()?;
        Some(super::string_value(&raw[name.span]).into_owned())
    }
}

/// The params of `error`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorNotification<'a> {
    /// What went wrong.
    #[serde(borrow)]
    pub error: TurnError<'a>,
    /// Whether Codex tries again by itself; if not, the turn has failed.
    pub will_retry: bool,
    /// The thread.
    #[serde(borrow)]
    pub thread_id: Cow<'a, str>,
    /// The turn.
    #[serde(borrow)]
    pub turn_id: Cow<'a, str>,
}

/// The params of `turn/started` and `turn/completed`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnNotification<'a> {
    /// The thread.
    #[serde(borrow)]
    pub thread_id: Cow<'a, str>,
    /// The turn.
    #[serde(borrow)]
    pub turn: Turn<'a>,
}
