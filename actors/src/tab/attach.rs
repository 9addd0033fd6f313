//! How a tab comes into a session: exactly where it left, or with a snapshot; and how native answers are completed.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use codex::history::complete_turns;
use journal::ItemState;
use serde::Deserialize;

use super::{calls::Reply, outbound::Follow};
use crate::{
    bridge::Place,
    directory::Live,
    feed::{
        Feed, TURN_ROW, json_string,
        snapshot::{self, Snapshot},
    },
    foreign,
    host::Wiring,
    rpc::{INTERNAL, Refusal},
    session::{summary::Summary, view_prompts},
};

/// Items looked at when a native answer is completed with what interrupted turns lost.
const COMPLETED_FROM: usize = 500;

/// How long an attach waits for turns of another process, and for the journal to hold what it shows.
const FOREIGN_WAIT: Duration = Duration::from_secs(5);
const SNAPSHOT_WAIT: Duration = Duration::from_secs(10);

/// Params of `host/session/attach`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttachParams {
    pub thread_id: String,
    #[serde(default)]
    pub after: Option<u64>,
    #[serde(default)]
    pub journal_id: Option<String>,
    #[serde(default)]
    pub tail: Option<usize>,
    /// Spare this tab superseded deltas when it catches up from the journal.
    #[serde(default)]
    pub merge: bool,
}

/// Decides between exact resume and snapshot, and gives the answer with the place from which events follow.
pub(super) async fn attach(
    wiring: Arc<Wiring>,
    live: Live,
    params: AttachParams,
) -> Result<Reply, Refusal> {
    // A shared Codex that does not come up must not keep the journal's own story from the tab.
    let _late = tokio::time::timeout(FOREIGN_WAIT, foreign::catch_up(&wiring, &live)).await;
    let feed = Arc::clone(&live.feed);
    if let Some(after) = params.after
        && params
            .journal_id
            .as_deref()
            .is_none_or(|id| id == feed.journal().id())
        && after <= feed.head()
        && is_replayable(&feed, after).await
    {
        let head = feed.head();
        let fields = common_fields(&live, head).await;
        let result = format!(r#"{{"verdict":"resumed",{fields}}}"#);
        return Ok(Reply::Attach {
            result: result.into(),
            follow: Follow {
                feed,
                after,
                merged: params.merge,
            },
        });
    }
    let taken = tokio::time::timeout(SNAPSHOT_WAIT, snapshot::take(&feed, params.tail)).await;
    let stalled = || {
        Refusal::new(
            INTERNAL,
            "the journal does not write at the moment; host/status says why",
        )
    };
    let snapshot = taken
        .map_err(|_| stalled())?
        .map_err(|err| Refusal::new(INTERNAL, format!("cannot read the journal: {err}")))?;
    let fields = common_fields(&live, snapshot.head).await;
    let result = format!(
        r#"{{"verdict":"snapshot",{fields},{}}}"#,
        item_fields(&snapshot)
    );
    Ok(Reply::Attach {
        result: result.into(),
        follow: Follow {
            feed,
            after: snapshot.head,
            merged: params.merge,
        },
    })
}

async fn is_replayable(feed: &Arc<Feed>, after: u64) -> bool {
    let (journal, thread) = (feed.journal().clone(), feed.thread().to_string());
    let first = tokio::task::spawn_blocking(move || journal.first_replayable(&thread)).await;
    matches!(first, Ok(Ok(first)) if after >= first)
}

/// `journalId`, `head`, `summary`, `pending`, `queue`.
async fn common_fields(live: &Live, head: u64) -> String {
    let feed = &live.feed;
    let pending: Vec<String> = feed
        .requests()
        .iter()
        .map(|request| {
            format!(
                r#"{{"id":{},"method":{},"params":{}}}"#,
                json_string(&request.id),
                json_string(&request.method),
                String::from_utf8_lossy(&request.params)
            )
        })
        .collect();
    let summary = serde_json::to_string(&Summary::of_live(live)).unwrap_or_else(|_| "null".into());
    format!(
        r#""journalId":{},"head":{head},"summary":{summary},"pending":[{}],"queue":{}"#,
        json_string(feed.journal().id()),
        pending.join(","),
        queue(feed).await,
    )
}

/// The prompts that are not done, as the journal has them: a session that nobody drives needs no actor for that.
async fn queue(feed: &Arc<Feed>) -> String {
    let (journal, thread) = (feed.journal().clone(), feed.thread().to_string());
    let read = tokio::task::spawn_blocking(move || journal.prompts(&thread)).await;
    match read {
        Ok(Ok(mut prompts)) => {
            prompts.retain(|prompt| {
                !matches!(
                    prompt.state,
                    journal::PromptState::Done | journal::PromptState::Removed
                )
            });
            view_prompts(&prompts)
        }
        _ => "[]".to_owned(),
    }
}

fn item_fields(snapshot: &Snapshot) -> String {
    let items = serde_json::to_string(&snapshot.items).unwrap_or_else(|_| "[]".into());
    let older = snapshot
        .older_cursor
        .map(|cursor| format!(r#","olderCursor":{cursor}"#))
        .unwrap_or_default();
    format!(r#""items":{items}{older}"#)
}

/// Params of `host/session/reset`.
pub(super) async fn snapshot_fields(live: &Live, snapshot: &Snapshot) -> String {
    let fields = common_fields(live, snapshot.head).await;
    format!(
        r#"{{"threadId":{},"verdict":"snapshot",{fields},{}}}"#,
        json_string(live.feed.thread().as_str()),
        item_fields(snapshot)
    )
}

/// Puts into a native answer what Codex itself loses: the text of running items, and of turns that were interrupted.
pub(super) async fn complete(feed: &Arc<Feed>, result: Bytes, place: Option<Place>) -> Bytes {
    let open = match place {
        Some(place) => {
            // No tab sees what the journal does not hold.
            feed.flush();
            feed.published(place.after).await;
            place.open
        }
        None => Vec::new(),
    };
    let (journal, thread) = (feed.journal().clone(), feed.thread().to_string());
    let read = tokio::task::spawn_blocking(move || {
        let mut lost: Vec<(String, String)> = Vec::new();
        match journal.items(&thread, None, COMPLETED_FROM, usize::MAX) {
            Ok(rows) => {
                let partial = rows
                    .into_iter()
                    .rev()
                    .filter(|row| row.state == ItemState::Partial && row.kind != TURN_ROW);
                lost.extend(
                    partial.map(|row| (row.turn, String::from_utf8_lossy(&row.json).into_owned())),
                );
            }
            Err(err) => {
                tracing::error!(session.id = thread, err = %err, "read partial items from the journal")
            }
        }
        lost.extend(
            open.iter()
                .map(|item| (item.turn.clone(), item.json(false))),
        );
        complete_turns(&String::from_utf8_lossy(&result), &lost).map_or(result, Bytes::from)
    });
    match read.await {
        Ok(result) => result,
        Err(err) => std::panic::resume_unwind(err.into_panic()),
    }
}
