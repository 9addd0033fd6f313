//! A session's pending server requests: approvals and questions that Codex waits for.
//!
//! They are state, not events: a tab is given those that are pending when its cursor reaches the place where they were
//! asked. How an answer is judged is the session actor's business.

use std::sync::Arc;

use bytes::Bytes;
use codex::request_id::RequestId;
use parking_lot::Mutex;

use crate::bridge::BridgeLink;

/// How a request was answered, for the tabs that did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// `accept`, `decline`, ..., `answered` for a form, `refused` where no client serves the request.
    pub decision: String,
    /// The name of the credential.
    pub by: String,
}

/// A request of Codex that nobody has answered yet.
#[derive(Debug)]
pub struct ServerRequest {
    /// Host-unique: `threadId/generation/number`.
    pub id: String,
    /// The request stands in the stream behind this event.
    pub after: u64,
    /// `item/commandExecution/requestApproval`, ...
    pub method: String,
    /// Raw JSON, redacted.
    pub params: Bytes,
    /// The whole message as tabs get it: one line, newline included.
    pub line: Bytes,
    /// An answer is on its way to Codex; the request is gone for tabs, and is withdrawn if Codex dies before it reads it.
    pub(crate) answered: Mutex<Option<Verdict>>,
    /// What Codex called it; unique only within its process.
    pub(crate) codex_id: RequestId,
    /// The process that waits for the answer.
    pub(crate) bridge: Arc<BridgeLink>,
}

/// The requests that a person answers: they wait for as long as it takes. All others need a tab that can serve them.
const INTERACTIVE: [&str; 8] = [
    "item/commandExecution/requestApproval",
    "item/fileChange/requestApproval",
    "item/permissions/requestApproval",
    "item/tool/requestUserInput",
    "mcpServer/elicitation/request",
    "applyPatchApproval",
    "execCommandApproval",
    "tool/requestUserInput",
];

impl ServerRequest {
    /// True for the methods that a person answers.
    pub(crate) fn waits_for_people(method: &str) -> bool {
        INTERACTIVE.contains(&method)
    }

    /// True until an answer is on its way.
    pub(crate) fn is_open(&self) -> bool {
        self.answered.lock().is_none()
    }

    /// Marks it answered; false when it was already.
    pub(crate) fn begin_answer(&self, verdict: Verdict) -> bool {
        let mut answered = self.answered.lock();
        if answered.is_some() {
            return false;
        }
        *answered = Some(verdict);
        true
    }

    /// The answer could not be sent: it is open again.
    pub(crate) fn take_back_answer(&self) {
        *self.answered.lock() = None;
    }

    /// True when it may wait for a person; false when a program must serve it at once or nobody can.
    pub(crate) fn is_interactive(&self) -> bool {
        Self::waits_for_people(&self.method)
    }
}
