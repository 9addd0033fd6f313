//! How a session's thread runs: what Codex said when it was opened, and what it must be told when it is opened again.
//!
//! Codex silently drops `workspace-write` to read-only when a new process resumes a thread, so sandbox and approval
//! policy are sent every time.

use std::sync::Arc;

use codex::message::ThreadOpened;
use config::{ApprovalPolicy, Sandbox};
use journal::Session;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::noted::Noted;
use crate::feed::Feed;

/// What to open a thread with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionSettings {
    cwd: String,
    model: Option<String>,
    /// `read-only`, `workspace-write` or `danger-full-access`.
    sandbox: Option<String>,
    /// A string or an object, raw JSON.
    approval_policy: Option<String>,
    /// Codex's id of the thread, when Codex lost the first one and began it anew.
    pub(crate) codex_thread: Option<String>,
    last_turn: Option<String>,
    rollout: Option<String>,
    noted: Noted,
}

/// The journal's `extra` of a session.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Extra {
    #[serde(skip_serializing_if = "Option::is_none")]
    codex_thread: Option<String>,
    /// The newest turn that the journal has of a thread which other processes work on, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_turn: Option<String>,
    /// The thread's file, as Codex named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout: Option<String>,
    #[serde(flatten)]
    noted: Noted,
}

/// The thread's file that a session's `extra` names.
pub(crate) fn rollout_path(extra: &str) -> Option<String> {
    serde_json::from_str::<Extra>(extra).ok()?.rollout
}

/// The `extra` that names this file of the thread.
pub(crate) fn with_rollout(extra: &str, path: &str) -> String {
    let mut extra: Extra = serde_json::from_str(extra).unwrap_or_default();
    extra.rollout = Some(path.to_owned());
    json!(extra).to_string()
}

/// The newest turn that a session's `extra` names.
pub(crate) fn last_turn(extra: &str) -> Option<String> {
    serde_json::from_str::<Extra>(extra).ok()?.last_turn
}

/// The `extra` that names this turn as the newest.
pub(crate) fn with_last_turn(extra: &str, turn: &str) -> String {
    let mut extra: Extra = serde_json::from_str(extra).unwrap_or_default();
    extra.last_turn = Some(turn.to_owned());
    json!(extra).to_string()
}

impl SessionSettings {
    pub(crate) fn of(row: &Session) -> Self {
        let extra: Extra = serde_json::from_str(&row.extra).unwrap_or_default();
        Self {
            cwd: row.cwd.clone(),
            model: row.model.clone(),
            sandbox: row.sandbox.clone(),
            approval_policy: row.approval_policy.clone(),
            codex_thread: extra.codex_thread,
            last_turn: extra.last_turn,
            rollout: extra.rollout,
            noted: extra.noted,
        }
    }

    /// The same, under the ceilings of the configuration: they may have been lowered since, and a thread that was begun
    /// elsewhere never knew them.
    pub(crate) fn under(mut self, codex: &config::Codex) -> Self {
        let sandbox = self.sandbox.as_deref().and_then(Sandbox::from_word);
        let sandbox = sandbox
            .unwrap_or(codex.default_sandbox)
            .min(codex.highest_sandbox);
        self.sandbox = Some(sandbox.as_str().to_owned());
        if codex.highest_approval_policy < ApprovalPolicy::Never {
            let word = self
                .approval_policy
                .as_deref()
                .and_then(|raw| serde_json::from_str::<String>(raw).ok());
            let policy = word.as_deref().and_then(ApprovalPolicy::from_word);
            let policy = policy
                .unwrap_or(codex.default_approval_policy)
                .min(codex.highest_approval_policy);
            self.approval_policy = Some(json!(policy.as_str()).to_string());
        }
        self
    }

    pub(crate) fn to_extra(&self) -> String {
        let extra = Extra {
            codex_thread: self.codex_thread.clone(),
            last_turn: self.last_turn.clone(),
            rollout: self.rollout.clone(),
            noted: self.noted.clone(),
        };
        json!(extra).to_string()
    }

    /// Params of `thread/resume`: the settings, and no history, which the host has itself.
    pub(crate) fn resume_params(&self, thread: &str) -> String {
        let mut params = json!({"threadId": thread, "excludeTurns": true});
        self.policies(&mut params);
        params.to_string()
    }

    /// Params of `thread/start` for a thread that Codex lost before its first turn.
    pub(crate) fn start_params(&self) -> String {
        let mut params = json!({"cwd": self.cwd});
        if let Some(model) = &self.model {
            params["model"] = model.as_str().into();
        }
        self.policies(&mut params);
        params.to_string()
    }

    fn policies(&self, params: &mut Value) {
        if let Some(sandbox) = &self.sandbox {
            params["sandbox"] = sandbox.as_str().into();
        }
        if let Some(policy) = &self.approval_policy
            && let Ok(policy) = serde_json::from_str::<Value>(policy)
        {
            params["approvalPolicy"] = policy;
        }
    }
}

/// Notes in the session's row what Codex answered to `thread/start`, `thread/resume` or `thread/fork`.
pub(crate) fn note_opened(feed: &Arc<Feed>, result: &[u8]) {
    let Ok(opened) = serde_json::from_slice::<ThreadOpened<'_>>(result) else {
        return;
    };
    feed.update(|row| {
        if let Some(cwd) = opened.cwd.as_deref().or(opened.thread.cwd.as_deref()) {
            row.cwd = cwd.to_owned();
        }
        if let Some(model) = opened.model.as_deref() {
            row.model = Some(model.to_owned());
        }
        if let Some(policy) = opened.approval_policy {
            row.approval_policy = Some(policy.get().to_owned());
        }
        if let Some(sandbox) = opened.sandbox.and_then(|raw| sandbox_mode(raw.get())) {
            row.sandbox = Some(sandbox.to_owned());
        }
        if let Some(path) = opened.thread.path.as_deref() {
            row.extra = with_rollout(&row.extra, path);
        }
        if row.preview.is_empty() {
            row.preview = opened.thread.preview.to_string();
        }
        if row.title.is_none() {
            row.title = opened.thread.name.as_deref().map(str::to_owned);
        }
    });
}

/// The mode word for a sandbox policy object.
pub(crate) fn sandbox_mode(raw: &str) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Policy<'a> {
        r#type: &'a str,
    }
    match serde_json::from_str::<Policy<'_>>(raw).ok()?.r#type {
        "readOnly" => Some("read-only"),
        "workspaceWrite" => Some("workspace-write"),
        "dangerFullAccess" => Some("danger-full-access"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resume_says_sandbox_and_approval_policy_again() {
        let row = Session {
            cwd: "/src".into(),
            sandbox: Some("workspace-write".into()),
            approval_policy: Some(r#""on-request""#.into()),
            ..Session::default()
        };
        assert_eq!(
            SessionSettings::of(&row).resume_params("t1"),
            r#"{"approvalPolicy":"on-request","excludeTurns":true,"sandbox":"workspace-write","threadId":"t1"}"#
        );
    }

    #[test]
    fn codexs_own_id_survives_in_the_row() {
        let mut settings = SessionSettings::of(&Session::default());
        settings.codex_thread = Some("other".into());
        let row = Session {
            extra: settings.to_extra(),
            ..Session::default()
        };
        assert_eq!(
            SessionSettings::of(&row).codex_thread.as_deref(),
            Some("other")
        );
    }
}
