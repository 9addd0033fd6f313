//! `host/decisions/list`: who answered what Codex asked, newest first. What was asked is kept as a digest and not told.

use journal::Journal;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::rpc::{INTERNAL, Refusal};

/// Decisions in one answer: by default, and at most.
const DECISIONS: (usize, usize) = (100, 500);

/// Of one session, or of all.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DecisionsParams {
    thread_id: Option<String>,
    limit: Option<usize>,
}

/// The answer.
pub(super) async fn list(params: DecisionsParams, journal: Journal) -> Result<Value, Refusal> {
    let limit = params.limit.unwrap_or(DECISIONS.0).clamp(1, DECISIONS.1);
    let read = tokio::task::spawn_blocking(move || match params.thread_id {
        Some(thread) => journal.decisions(&thread, limit).map(|found| {
            let of_thread = |decision| (thread.clone(), decision);
            found.into_iter().map(of_thread).collect::<Vec<_>>()
        }),
        None => journal.all_decisions(limit),
    });
    let failed = |err: String| Refusal::new(INTERNAL, format!("cannot read the journal: {err}"));
    let found = read
        .await
        .map_err(|err| failed(err.to_string()))?
        .map_err(|err| failed(err.to_string()))?;
    let data: Vec<_> = found
        .iter()
        .map(|(thread, one)| {
            json!({
                "threadId": thread, "turnId": one.turn, "itemId": one.item, "method": one.method,
                "decision": one.decision, "by": one.by, "atMs": one.at_ms,
            })
        })
        .collect();
    Ok(json!({"data": data}))
}
