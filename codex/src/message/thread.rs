//! Threads and the answers that carry them, as far as a host reads them.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Turn;

/// A thread. Unknown fields are ignored.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Thread<'a> {
    /// The id; a UUID of version 7.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// The title that a person gave.
    #[serde(borrow, default)]
    pub name: Option<Cow<'a, str>>,
    /// The first user message, usually.
    #[serde(borrow, default)]
    pub preview: Cow<'a, str>,
    /// Whether it is never written to disk.
    #[serde(default)]
    pub ephemeral: bool,
    /// The thread that it was forked from.
    #[serde(borrow, default)]
    pub forked_from_id: Option<Cow<'a, str>>,
    /// The thread whose sub-agent it is.
    #[serde(borrow, default)]
    pub parent_thread_id: Option<Cow<'a, str>>,
    /// The model's provider.
    #[serde(borrow, default)]
    pub model_provider: Option<Cow<'a, str>>,
    /// The model.
    #[serde(borrow, default)]
    pub model: Option<Cow<'a, str>>,
    /// When it was made, in seconds since 1970.
    #[serde(default)]
    pub created_at: Option<i64>,
    /// When it last changed, in seconds since 1970.
    #[serde(default)]
    pub updated_at: Option<i64>,
    /// How it stands.
    #[serde(default)]
    pub status: ThreadStatus,
    /// The rollout file; unstable, for people.
    #[serde(borrow, default)]
    pub path: Option<Cow<'a, str>>,
    /// The working directory, absolute.
    #[serde(borrow, default)]
    pub cwd: Option<Cow<'a, str>>,
    /// The Codex version that made it.
    #[serde(borrow, default)]
    pub cli_version: Option<Cow<'a, str>>,
    /// Its turns; filled only by `thread/resume`, `thread/fork` and `thread/read` when asked for.
    #[serde(borrow, default)]
    pub turns: Vec<Turn<'a>>,
}

/// How a thread stands. Open: what is not known is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ThreadStatus {
    /// On disk only.
    #[default]
    NotLoaded,
    /// Loaded, no turn runs.
    Idle,
    /// The last turn failed in Codex itself; the next turn clears it.
    SystemError,
    /// A turn runs.
    Active {
        /// What it waits for: `waitingOnApproval`, `waitingOnUserInput`, or nothing.
        flags: Vec<Box<str>>,
    },
    /// A status of a newer Codex.
    Other(Box<str>),
}

impl<'de> Deserialize<'de> for ThreadStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            r#type: Box<str>,
            #[serde(default)]
            active_flags: Vec<Box<str>>,
        }
        let Wire {
            r#type,
            active_flags,
        } = Wire::deserialize(deserializer)?;
        Ok(match &*r#type {
            "notLoaded" => Self::NotLoaded,
            "idle" => Self::Idle,
            "systemError" => Self::SystemError,
            "active" => Self::Active {
                flags: active_flags,
            },
            _ => Self::Other(r#type),
        })
    }
}

/// The params of `thread/status/changed`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadStatusChanged<'a> {
    /// The thread.
    #[serde(borrow)]
    pub thread_id: Cow<'a, str>,
    /// How it stands now.
    pub status: ThreadStatus,
}

/// The params of `thread/started`.
#[derive(Debug, Clone, Deserialize)]
pub struct ThreadStarted<'a> {
    /// The thread.
    #[serde(borrow)]
    pub thread: Thread<'a>,
}

/// The answer to `thread/start`, `thread/resume` and `thread/fork`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadOpened<'a> {
    /// The thread.
    #[serde(borrow)]
    pub thread: Thread<'a>,
    /// The model that the next turn uses.
    #[serde(borrow, default)]
    pub model: Option<Cow<'a, str>>,
    /// The working directory, absolute.
    #[serde(borrow, default)]
    pub cwd: Option<Cow<'a, str>>,
    /// The approval policy, raw: a string or an object.
    #[serde(borrow, default)]
    pub approval_policy: Option<&'a RawValue>,
    /// The sandbox policy, raw: an object with `type`.
    #[serde(borrow, default)]
    pub sandbox: Option<&'a RawValue>,
    /// The reasoning effort.
    #[serde(borrow, default)]
    pub reasoning_effort: Option<Cow<'a, str>>,
    /// The newest turns, when `initialTurnsPage` asked for them.
    #[serde(borrow, default)]
    pub initial_turns_page: Option<TurnsPage<'a>>,
}

/// The answer to `turn/start`.
#[derive(Debug, Clone, Deserialize)]
pub struct TurnStarted<'a> {
    /// The turn; the running one when it was steered instead of started.
    #[serde(borrow)]
    pub turn: Turn<'a>,
}

/// The answer to `thread/turns/list`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnsPage<'a> {
    /// The turns, in the order that was asked for.
    #[serde(borrow)]
    pub data: Vec<Turn<'a>>,
    /// What to ask with for the following page; `None` at the end.
    #[serde(borrow, default)]
    pub next_cursor: Option<Cow<'a, str>>,
    /// What to ask with for the way back.
    #[serde(borrow, default)]
    pub backwards_cursor: Option<Cow<'a, str>>,
}
