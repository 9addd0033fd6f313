//! How reading the credentials again went: for whoever asked, and for `host/status`. The reading itself is the composition
//! root's work.

use serde_json::{Value, json};

use crate::{admission, feed::now_ms};

/// Credentials that were taken up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenUp {
    /// What changed.
    pub changed: admission::Reloaded,
    /// Other settings that have changed and wait for a restart.
    pub needs_restart: Vec<&'static str>,
}

impl TakenUp {
    /// As it stands in answers.
    pub fn to_json(&self) -> Value {
        json!({
            "added": self.changed.added,
            "removed": self.changed.removed,
            "signInsEnded": self.changed.sign_ins_ended,
            "needsRestart": self.needs_restart,
        })
    }
}

/// One try.
#[derive(Clone, Debug)]
pub struct Outcome {
    at_ms: u64,
    result: Result<TakenUp, String>,
}

impl Outcome {
    /// It ended at this moment. The error names the key and holds no secret.
    pub fn now(result: Result<TakenUp, String>) -> Self {
        Self {
            at_ms: now_ms(),
            result,
        }
    }

    /// As it stands in `host/status`.
    pub(crate) fn to_json(&self) -> Value {
        let (mut fields, ok) = match &self.result {
            Ok(taken_up) => (taken_up.to_json(), true),
            Err(problem) => (json!({ "error": problem }), false),
        };
        fields["ok"] = ok.into();
        fields["atMs"] = self.at_ms.into();
        fields
    }
}
