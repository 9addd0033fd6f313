//! What Codex asks of people: approvals and user input, as far as a host reads them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Which server requests are for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalKind {
    /// `item/commandExecution/requestApproval`.
    Command,
    /// `item/fileChange/requestApproval`.
    FileChange,
    /// `item/permissions/requestApproval`.
    Permissions,
    /// `item/tool/requestUserInput`.
    UserInput,
    /// `mcpServer/elicitation/request`.
    Elicitation,
}

impl ApprovalKind {
    /// The kind of a method; `None` when the method is not for people, or not known.
    pub fn of(method: &str) -> Option<Self> {
        match method {
            "item/commandExecution/requestApproval" => Some(Self::Command),
            "item/fileChange/requestApproval" => Some(Self::FileChange),
            "item/permissions/requestApproval" => Some(Self::Permissions),
            "item/tool/requestUserInput" => Some(Self::UserInput),
            "mcpServer/elicitation/request" => Some(Self::Elicitation),
            _ => None,
        }
    }
}

/// The params of `item/commandExecution/requestApproval`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandApproval<'a> {
    /// The thread.
    #[serde(borrow)]
    pub thread_id: Cow<'a, str>,
    /// The turn that waits.
    #[serde(borrow)]
    pub turn_id: Cow<'a, str>,
    /// The command's item.
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    /// Why the model asks.
    #[serde(borrow, default)]
    pub reason: Option<Cow<'a, str>>,
    /// The command as it would run.
    #[serde(borrow, default)]
    pub command: Option<Cow<'a, str>>,
    /// Where it would run, absolute.
    #[serde(borrow, default)]
    pub cwd: Option<Cow<'a, str>>,
    /// The decisions to offer, raw. Others are accepted too.
    #[serde(borrow, default)]
    pub available_decisions: Option<Vec<&'a RawValue>>,
}

/// The params of `item/fileChange/requestApproval`. The change itself is in the item.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileChangeApproval<'a> {
    /// The thread.
    #[serde(borrow)]
    pub thread_id: Cow<'a, str>,
    /// The turn that waits.
    #[serde(borrow)]
    pub turn_id: Cow<'a, str>,
    /// The change's item.
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    /// Why the model asks.
    #[serde(borrow, default)]
    pub reason: Option<Cow<'a, str>>,
    /// The folder that would stay writable for the session.
    #[serde(borrow, default)]
    pub grant_root: Option<Cow<'a, str>>,
}

/// The params of `item/tool/requestUserInput`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserInputRequest<'a> {
    /// The thread.
    #[serde(borrow)]
    pub thread_id: Cow<'a, str>,
    /// The turn that waits.
    #[serde(borrow)]
    pub turn_id: Cow<'a, str>,
    /// The question's item.
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    /// The questions, raw.
    #[serde(borrow)]
    pub questions: Vec<&'a RawValue>,
    /// Whether the turn waits.
    #[serde(default)]
    pub is_blocking: bool,
}
