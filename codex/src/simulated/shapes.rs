//! The objects of the protocol as the real Codex 0.169 writes them: the same fields in the same order. Fields that it
//! always sends as null are [`Null`]. Not for reading foreign messages; see [`crate::message`] for that.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A field that is always null.
pub(super) type Null = ();

/// An item of a turn.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(super) enum Item {
    UserMessage {
        id: String,
        client_id: Option<String>,
        content: Vec<Content>,
        started_at_ms: u64,
        completed_at_ms: Option<u64>,
    },
    AgentMessage {
        moderation: Null,
        id: String,
        text: Arc<str>,
        phase: Null,
        memory_citation: Null,
        delivery: Null,
        questions: Null,
        started_at_ms: u64,
        completed_at_ms: Option<u64>,
    },
    Reasoning {
        id: String,
        summary: Vec<String>,
        content: Vec<String>,
        started_at_ms: u64,
        completed_at_ms: Option<u64>,
    },
    CommandExecution {
        id: String,
        plugin_id: Null,
        script_path: Null,
        command: String,
        cwd: String,
        process_id: Option<String>,
        source: String,
        status: ItemStatus,
        command_actions: Vec<CommandAction>,
        aggregated_output: Option<String>,
        exit_code: Option<i32>,
        duration_ms: Option<u64>,
        started_at_ms: u64,
        completed_at_ms: Option<u64>,
    },
    FileChange {
        id: String,
        changes: Vec<Change>,
        status: ItemStatus,
        started_at_ms: u64,
        completed_at_ms: Option<u64>,
    },
}

impl Item {
    pub(super) fn agent_message(id: &str, text: Arc<str>, started_at_ms: u64) -> Self {
        Self::AgentMessage {
            moderation: (),
            id: id.to_owned(),
            text,
            phase: (),
            memory_citation: (),
            delivery: (),
            questions: (),
            started_at_ms,
            completed_at_ms: None,
        }
    }

    pub(super) fn started_at_ms(&self) -> u64 {
        match self {
            Self::UserMessage { started_at_ms, .. }
            | Self::AgentMessage { started_at_ms, .. }
            | Self::Reasoning { started_at_ms, .. }
            | Self::CommandExecution { started_at_ms, .. }
            | Self::FileChange { started_at_ms, .. } => *started_at_ms,
        }
    }

    pub(super) fn completed_at_ms(&mut self) -> &mut Option<u64> {
        match self {
            Self::UserMessage {
                completed_at_ms, ..
            }
            | Self::AgentMessage {
                completed_at_ms, ..
            }
            | Self::Reasoning {
                completed_at_ms, ..
            }
            | Self::CommandExecution {
                completed_at_ms, ..
            }
            | Self::FileChange {
                completed_at_ms, ..
            } => completed_at_ms,
        }
    }
}

/// A part of what the person sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text {
        r#type: TextTag,
        text: String,
        #[serde(default)]
        text_elements: Vec<Value>,
    },
    Other(Value),
}

/// The word `text`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum TextTag {
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ItemStatus {
    InProgress,
    Completed,
    Failed,
    Declined,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CommandAction {
    pub(super) r#type: String,
    pub(super) command: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) path: String,
    pub(super) kind: ChangeKind,
    pub(super) diff: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ChangeKind {
    pub(super) r#type: String,
}

/// A turn, with as many items as the view asks for.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TurnView {
    pub(super) id: String,
    pub(super) root_turn_id: String,
    pub(super) items: Vec<Item>,
    pub(super) items_view: ItemsView,
    pub(super) status: TurnStatus,
    pub(super) error: Option<TurnError>,
    /// Seconds since 1970, as the next one.
    pub(super) started_at: Option<u64>,
    pub(super) completed_at: Option<u64>,
    pub(super) duration_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ItemsView {
    NotLoaded,
    Summary,
    Full,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum TurnStatus {
    InProgress,
    Completed,
    Interrupted,
    Failed,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TurnError {
    pub(super) message: String,
    pub(super) codex_error_info: Value,
    pub(super) additional_details: Option<String>,
    pub(super) misalignment: Null,
}

/// A thread as answers and notifications show it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThreadView {
    pub(super) id: String,
    pub(super) environments: Option<Vec<Environment>>,
    pub(super) extra: Null,
    pub(super) session_id: String,
    pub(super) forked_from_id: Option<String>,
    pub(super) attached_to_thread_id: Null,
    pub(super) parent_thread_id: Null,
    pub(super) preview: String,
    pub(super) ephemeral: bool,
    pub(super) section: Null,
    pub(super) section_entered_at: Null,
    pub(super) project_id: Null,
    pub(super) history_mode: &'static str,
    pub(super) model_provider: String,
    pub(super) model: String,
    pub(super) reasoning_effort: Null,
    /// Seconds since 1970, as the next two.
    pub(super) created_at: u64,
    pub(super) updated_at: u64,
    pub(super) recency_at: u64,
    pub(super) status: ThreadStatus,
    pub(super) path: Option<String>,
    pub(super) cwd: String,
    pub(super) cli_version: &'static str,
    pub(super) originator: String,
    pub(super) source: &'static str,
    pub(super) can_accept_direct_input: Option<bool>,
    pub(super) thread_source: Null,
    pub(super) agent_nickname: Null,
    pub(super) agent_role: Null,
    pub(super) git_info: Null,
    pub(super) name: Option<String>,
    pub(super) daybreak_enabled: Null,
    pub(super) turns: Vec<TurnView>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Environment {
    pub(super) environment_id: &'static str,
    pub(super) cwd: String,
    pub(super) runtime_workspace_roots: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(super) enum ThreadStatus {
    NotLoaded,
    Idle,
    Active { active_flags: Vec<&'static str> },
    SystemError,
}

/// The answer to `thread/start`, `thread/resume` and `thread/fork`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Opened {
    pub(super) thread: ThreadView,
    pub(super) model: String,
    pub(super) model_provider: String,
    pub(super) service_tier: Null,
    pub(super) disabled_plugin_ids: Vec<String>,
    pub(super) cwd: String,
    pub(super) runtime_workspace_roots: Vec<String>,
    pub(super) instruction_sources: Vec<String>,
    pub(super) approval_policy: Value,
    pub(super) approvals_reviewer: &'static str,
    pub(super) sandbox: Sandbox,
    pub(super) active_permission_profile: Option<PermissionProfile>,
    pub(super) reasoning_effort: Null,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) collaboration_mode: Option<Value>,
    pub(super) multi_agent_mode: &'static str,
    /// Only `thread/resume` has it; null there unless it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) initial_turns_page: Option<Option<Page<TurnView>>>,
}

#[derive(Debug, Serialize)]
pub(super) struct PermissionProfile {
    pub(super) id: &'static str,
    pub(super) extends: Null,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(super) enum Sandbox {
    ReadOnly {
        #[serde(default)]
        network_access: bool,
    },
    WorkspaceWrite {
        #[serde(default)]
        writable_roots: Vec<String>,
        #[serde(default)]
        network_access: bool,
        #[serde(default)]
        exclude_tmpdir_env_var: bool,
        #[serde(default)]
        exclude_slash_tmp: bool,
    },
    DangerFullAccess,
}

impl Sandbox {
    pub(super) const READ_ONLY: Self = Self::ReadOnly {
        network_access: false,
    };

    /// The sandbox of a `sandbox` parameter.
    pub(super) fn from_mode(mode: &str) -> Option<Self> {
        match mode {
            "read-only" => Some(Self::READ_ONLY),
            "workspace-write" => Some(Self::WorkspaceWrite {
                writable_roots: Vec::new(),
                network_access: false,
                exclude_tmpdir_env_var: false,
                exclude_slash_tmp: false,
            }),
            "danger-full-access" => Some(Self::DangerFullAccess),
            _ => None,
        }
    }
}

/// A page of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
    pub(super) next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) backwards_cursor: Option<Option<String>>,
}

/// An item with its turn, as `thread/items/list` gives it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlacedItem {
    pub(super) turn_id: String,
    pub(super) item: Item,
    pub(super) started_at_ms: u64,
    pub(super) completed_at_ms: Option<u64>,
}
