//! Answers to what Codex asks: the first valid one wins, and who gave it is on record.

use codex::message::ApprovalKind;
use journal::Decision;
use kameo::prelude::*;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Session;
use crate::{
    bridge::CallError,
    feed::{ServerRequest, Verdict, now_ms},
    rpc::{DECIDED, INVALID_PARAMS, OVERLOADED, Refusal},
};

/// Answer a pending request.
pub(crate) struct AnswerRequest {
    /// The host's id of the request.
    pub id: String,
    /// The result, or the error object: raw JSON as the tab sent it.
    pub answer: Result<String, String>,
    /// The name of the credential.
    pub by: String,
    /// The tab speaks plain app-server protocol: its "I cannot" counts.
    pub native: bool,
}

/// The answer has gone to Codex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Reply)]
pub(crate) struct Answered;

impl Message<AnswerRequest> for Session {
    type Reply = Result<Answered, Refusal>;

    async fn handle(
        &mut self,
        answer: AnswerRequest,
        _: &mut Context<Self, Self::Reply>,
    ) -> Self::Reply {
        let pending = self
            .feed
            .requests()
            .into_iter()
            .find(|request| request.id == answer.id);
        let Some(request) = pending else {
            return Err(decided());
        };
        judge(&request, &answer)?;
        let decision = record(&request, &answer);
        if !request.begin_answer(Verdict {
            decision: decision.decision.clone(),
            by: decision.by.clone(),
        }) {
            return Err(decided());
        }
        let sent = match &answer.answer {
            Ok(result) => request.bridge.respond(&request.codex_id, Ok(result)),
            Err(_) => request.bridge.respond(
                &request.codex_id,
                Err((-32601, "no attached client serves this request")),
            ),
        };
        match sent {
            Ok(()) => {}
            Err(err @ CallError::Full) => {
                request.take_back_answer();
                return Err(Refusal::new(OVERLOADED, err.to_string()));
            }
            // Its end withdraws the request.
            Err(CallError::Down) => {
                return Err(Refusal::new(
                    DECIDED,
                    "codex ended before the answer reached it; the request is withdrawn",
                ));
            }
        }
        self.busy_at = tokio::time::Instant::now();
        self.feed.put_decision(decision);
        self.wiring.directory.touch();
        Ok(Answered)
    }
}

fn decided() -> Refusal {
    Refusal::new(
        DECIDED,
        "this request was already decided, or was withdrawn",
    )
}

/// True answers only: a malformed decision would make Codex deny, and look as if a person had.
fn judge(request: &ServerRequest, answer: &AnswerRequest) -> Result<(), Refusal> {
    let refuse = |why: &str| {
        Err(Refusal::new(
            INVALID_PARAMS,
            format!("{} is still open: {why}", request.method),
        ))
    };
    let result = match &answer.answer {
        Ok(result) => result,
        Err(_) if request.is_interactive() => {
            return refuse("an error is no answer to it; send a result");
        }
        Err(_) if !answer.native => return refuse("another client may serve it"),
        Err(_) => return Ok(()),
    };
    let Ok(Value::Object(result)) = serde_json::from_str::<Value>(result) else {
        return refuse("its answer is a JSON object");
    };
    match ApprovalKind::of(&request.method) {
        Some(ApprovalKind::Command | ApprovalKind::FileChange) => match result.get("decision") {
            Some(Value::String(word)) if DECISIONS.contains(&word.as_str()) => Ok(()),
            Some(Value::Object(amendment)) if amendment.len() == 1 => Ok(()),
            _ => refuse("`decision` is accept, acceptForSession, decline, cancel, or an amendment"),
        },
        Some(ApprovalKind::UserInput) if !result.get("answers").is_some_and(Value::is_object) => {
            refuse("`answers` is an object by question id")
        }
        _ => Ok(()),
    }
}

const DECISIONS: [&str; 4] = ["accept", "acceptForSession", "decline", "cancel"];

/// The audit record: what was asked as a digest, never its text.
fn record(request: &ServerRequest, answer: &AnswerRequest) -> Decision {
    let digest: String = Sha256::digest(&request.params)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let result: Value = answer
        .answer
        .as_ref()
        .ok()
        .and_then(|raw| serde_json::from_str(raw).ok())
        .unwrap_or_default();
    let decision = match &result["decision"] {
        Value::String(word) => word.clone(),
        Value::Object(amendment) => amendment.keys().next().cloned().unwrap_or_default(),
        _ if answer.answer.is_err() => "refused".to_owned(),
        _ => "answered".to_owned(),
    };
    let params: Value = serde_json::from_slice(&request.params).unwrap_or_default();
    let text = |key: &str| params[key].as_str().map(str::to_owned);
    Decision {
        request: digest,
        method: request.method.clone(),
        decision,
        by: answer.by.clone(),
        at_ms: now_ms(),
        turn: text("turnId"),
        item: text("itemId"),
        extra: String::new(),
    }
}
