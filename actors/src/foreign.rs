//! Threads that were begun elsewhere, with `codex` in a terminal say: found in Codex's own list, and read into the journal
//! when somebody looks at them.
//!
//! Reading takes no lock, so it works while another process holds the thread; the shared service Codex does it. Taking the
//! thread over is an ordinary resume, which waits until the other process has let go.

use std::{sync::Arc, time::Duration};

use codex::message::{Thread, Turn, TurnsPage};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    directory::Live,
    feed::{Change, Feed, json_string, now_ms},
    host::Wiring,
    rpc::Refusal,
    session::settings::{last_turn, with_rollout},
    tab::service,
};

/// Codex's list is read at most this often.
const LIST_AGE: Duration = Duration::from_secs(30);
/// Threads of one page, and pages, of Codex's list: the newest 1,000 threads.
const LIST: (usize, usize) = (100, 10);
/// Whoever a person started by hand; Codex's own default leaves scripts out.
const SOURCES: [&str; 4] = ["cli", "vscode", "exec", "appServer"];
/// Turns of one page, and pages, that are read into the journal: the newest 500 turns.
const TURNS: (usize, usize) = (50, 10);

/// The row's `source` of a thread that was begun elsewhere.
pub(crate) const ELSEWHERE: &str = "codex";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThreadsPage<'a> {
    #[serde(borrow)]
    data: Vec<Thread<'a>>,
    #[serde(default)]
    next_cursor: Option<String>,
}

/// Looks for threads that were begun elsewhere, beside the caller, unless that was done a moment ago.
pub(crate) fn refresh_list(wiring: &Arc<Wiring>) {
    {
        let mut listed_at = wiring.listed_at.lock();
        if listed_at.is_some_and(|at| at.elapsed() < LIST_AGE) {
            return;
        }
        *listed_at = Some(Instant::now());
    }
    let wiring = Arc::clone(wiring);
    let closing = wiring.closing.clone();
    wiring
        .tracker
        .clone()
        .spawn(closing.run_until_cancelled_owned(async move {
            if let Err(refusal) = read_list(&wiring).await {
                tracing::debug!(err = refusal.message(), "read codex's own list of threads");
            }
        }));
}

async fn read_list(wiring: &Arc<Wiring>) -> Result<(), Refusal> {
    let aliases = wiring.directory.aliases();
    let mut cursor: Option<String> = None;
    for _ in 0..LIST.1 {
        let params = json!({"limit": LIST.0, "cursor": cursor, "sourceKinds": SOURCES, "modelProviders": [], "sortKey": "updated_at"}).to_string();
        let answer = service(wiring, "thread/list", Some(&params)).await?;
        let Ok(page) = serde_json::from_slice::<ThreadsPage<'_>>(&answer) else {
            return Ok(()); // A Codex that lists in another way; there is nothing to show then.
        };
        let theirs = |thread: &&Thread<'_>| !thread.ephemeral && !aliases.contains(&*thread.id);
        for thread in page.data.iter().filter(theirs) {
            if wiring.directory.count() < wiring.limits.sessions {
                wiring.directory.add_foreign(row(thread));
            }
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(())
}

/// The row of a thread that the host has not seen before.
pub(crate) fn row(thread: &Thread<'_>) -> journal::Session {
    let at = |seconds: Option<i64>| {
        seconds
            .and_then(|at| u64::try_from(at).ok())
            .map_or_else(now_ms, |at| at * 1000)
    };
    journal::Session {
        thread: thread.id.to_string(),
        source: Some(ELSEWHERE.to_owned()),
        cwd: thread.cwd.as_deref().unwrap_or_default().to_owned(),
        preview: thread.preview.to_string(),
        title: thread.name.as_deref().map(str::to_owned),
        model: thread.model.as_deref().map(str::to_owned),
        created_ms: at(thread.created_at),
        updated_ms: at(thread.updated_at),
        resumable: true,
        extra: thread
            .path
            .as_deref()
            .map(|path| with_rollout("", path))
            .unwrap_or_default(),
        ..journal::Session::default()
    }
}

/// Reads turns that another process has added into the session's feed, oldest first, each once. Sessions that the host
/// runs itself, and those that were begun here, know better.
pub(crate) async fn catch_up(wiring: &Arc<Wiring>, live: &Live) {
    let feed = &live.feed;
    let hosted = live.bridge.as_ref().is_some_and(|bridge| {
        bridge
            .status()
            .borrow()
            .link()
            .is_some_and(|link| link.hosts(feed.thread()))
    });
    if hosted || feed.row().source.as_deref() != Some(ELSEWHERE) {
        return;
    }
    read_past(wiring, feed).await;
}

/// Reads the turns that Codex has of a thread and the journal has not: of another process, or from before a fork.
pub(crate) async fn read_past(wiring: &Arc<Wiring>, feed: &Arc<Feed>) {
    let _one_reader = feed.importing().await;
    match missing_turns(wiring, feed).await {
        Ok(turns) => {
            for turn in turns.iter().rev() {
                import(feed, turn);
            }
            feed.flush();
        }
        Err(refusal) => {
            tracing::warn!(session.id = %feed.thread(), err = refusal.message(), "read what codex has of a thread")
        }
    }
}

/// The turns that the journal does not have, newest first, as raw JSON.
async fn missing_turns(wiring: &Arc<Wiring>, feed: &Arc<Feed>) -> Result<Vec<String>, Refusal> {
    let last_known = last_turn(&feed.row().extra);
    let mut missing = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..TURNS.1 {
        let params = json!({
            "threadId": feed.thread().as_str(), "limit": TURNS.0, "cursor": cursor, "sortDirection": "desc", "itemsView": "full",
        });
        let answer = service(wiring, "thread/turns/list", Some(&params.to_string())).await?;
        let raw: RawPage<'_> = match serde_json::from_slice(&answer) {
            Ok(raw) => raw,
            Err(_) => break,
        };
        let Ok(page) = serde_json::from_slice::<TurnsPage<'_>>(&answer) else {
            break;
        };
        for (turn, raw) in page.data.iter().zip(raw.data) {
            if last_known.as_deref() == Some(&*turn.id) {
                return Ok(missing);
            }
            if turn.status.as_str() != "inProgress" {
                missing.push(raw.get().to_owned());
            }
        }
        cursor = page.next_cursor.map(|cursor| cursor.into_owned());
        if cursor.is_none() {
            break;
        }
    }
    Ok(missing)
}

#[derive(Deserialize)]
struct RawPage<'a> {
    #[serde(borrow)]
    data: Vec<&'a serde_json::value::RawValue>,
}

/// Appends one turn as the events that a host would have seen at the ends of its items.
fn import(feed: &Arc<Feed>, raw_turn: &str) {
    #[derive(Deserialize)]
    struct Items<'a> {
        #[serde(borrow, default)]
        items: Vec<&'a serde_json::value::RawValue>,
    }
    let (Ok(turn), Ok(items)) = (
        serde_json::from_str::<Turn<'_>>(raw_turn),
        serde_json::from_str::<Items<'_>>(raw_turn),
    ) else {
        return;
    };
    let (thread, id) = (json_string(feed.thread().as_str()), json_string(&turn.id));
    for item in items.items {
        let line = format!(
            r#"{{"method":"item/completed","params":{{"item":{},"threadId":{thread},"turnId":{id}}}}}"#,
            item.get()
        );
        let change = Change::ItemCompleted {
            turn: &turn.id,
            raw: item.get(),
        };
        feed.append(&line, change);
    }
    let head = codex::history::turn_head(raw_turn);
    let line =
        format!(r#"{{"method":"turn/completed","params":{{"threadId":{thread},"turn":{head}}}}}"#);
    let change = Change::TurnCompleted {
        turn: turn.id.as_ref().into(),
        raw: &head,
    };
    feed.append(&line, change);
}
