//! What lists show of a session: its true state in one word, and the figures beside it.

use journal::Session as Row;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::{
    directory::{Listed, Live},
    feed::{Feed, Waits},
    session::noted::{Noted, Usage},
    supervisor::BridgeStatus,
};

/// A session as lists show it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    pub thread_id: String,
    pub title: Option<String>,
    pub preview: String,
    pub cwd: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// `read-only`, `workspace-write` or `danger-full-access`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// When Codex asks: a word or an object, as Codex has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_policy: Option<Box<RawValue>>,
    /// `host`, or `codex` for a thread begun elsewhere.
    pub source: String,
    /// The last line that the model has said, cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_line: Option<String>,
    /// How full the model's context was at its last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    pub state: &'static str,
    pub bridge: BridgeView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnView>,
    pub pending: usize,
    pub queued: usize,
    pub head: u64,
    pub archived: bool,
    pub created_at_ms: u64,
    pub updated_at_ms: u64,
    pub last_event_at_ms: u64,
}

/// The bridge of a session.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BridgeView {
    pub state: &'static str,
    pub generation: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_in_ms: Option<u64>,
}

/// The running turn.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TurnView {
    pub id: String,
    pub started_at_ms: u64,
    pub waits_for: Waits,
    /// Codex asks its model again, and says this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrying: Option<String>,
}

impl Summary {
    /// Of any session in the directory.
    pub(crate) fn of(listed: &Listed) -> Self {
        match listed {
            Listed::Dormant(row) => Self::of_row(row),
            Listed::Live(live) => Self::of_live(live),
        }
    }

    /// Of a session that nobody has touched since the start.
    fn of_row(row: &Row) -> Self {
        let bridge = BridgeView {
            state: resting(row),
            generation: row.generation,
            pid: None,
            reason: row.phase_reason.clone(),
            attempt: None,
            retry_in_ms: None,
        };
        Self::build(row, bridge, None, false, 0, 0)
    }

    /// Of a session in memory.
    pub(crate) fn of_live(live: &Live) -> Self {
        let row = live.feed.row();
        let bridge = match &live.bridge {
            Some(bridge) => BridgeView::of(&bridge.status().borrow(), &row, live),
            None => BridgeView {
                state: resting(&row),
                generation: row.generation,
                pid: None,
                reason: row.phase_reason.clone(),
                attempt: None,
                retry_in_ms: None,
            },
        };
        let turn = TurnView::of(&live.feed);
        let (pending, queued) = (live.feed.requests().len(), live.feed.waiting());
        Self::build(&row, bridge, turn, live.feed.is_stalled(), pending, queued)
    }

    fn build(
        row: &Row,
        bridge: BridgeView,
        turn: Option<TurnView>,
        stalled: bool,
        pending: usize,
        queued: usize,
    ) -> Self {
        let noted = Noted::of(&row.extra);
        Self {
            state: state(bridge.state, turn.is_some(), stalled, pending, queued),
            thread_id: row.thread.clone(),
            title: row.title.clone(),
            preview: row.preview.clone(),
            cwd: row.cwd.clone(),
            model: row.model.clone(),
            sandbox: row.sandbox.clone(),
            approval_policy: row
                .approval_policy
                .clone()
                .and_then(|raw| RawValue::from_string(raw).ok()),
            last_line: noted.last_line,
            usage: noted.usage,
            source: row.source.clone().unwrap_or_else(|| "host".to_owned()),
            bridge,
            turn,
            pending,
            queued,
            head: row.head,
            archived: row.archived,
            created_at_ms: row.created_ms,
            updated_at_ms: row.updated_ms,
            last_event_at_ms: row.updated_ms,
        }
    }
}

impl TurnView {
    fn of(feed: &Feed) -> Option<Self> {
        let turn = feed.view().turn?;
        Some(Self {
            id: turn.id,
            started_at_ms: turn.started_ms,
            waits_for: feed.waits().unwrap_or(Waits::Model),
            retrying: feed.retrying(),
        })
    }
}

impl BridgeView {
    fn of(status: &BridgeStatus, row: &Row, live: &Live) -> Self {
        // A process that runs, but not this thread, leaves this session parked.
        let hosted = status
            .link()
            .is_none_or(|link| link.hosts(live.feed.thread()));
        let (attempt, retry_in_ms) = match status {
            BridgeStatus::Backoff { attempt, until, .. } => {
                let left = until.saturating_duration_since(Instant::now());
                (Some(*attempt), u64::try_from(left.as_millis()).ok())
            }
            _ => (None, None),
        };
        Self {
            state: if hosted { status.word() } else { "parked" },
            generation: row.generation,
            pid: status.link().filter(|_| hosted).map(|link| link.pid),
            reason: status.cause().map(ToString::to_string),
            attempt,
            retry_in_ms,
        }
    }
}

/// What a session is called: by its title, else by its first prompt.
pub(crate) fn title_of(row: Row) -> String {
    row.title
        .filter(|title| !title.is_empty())
        .unwrap_or(row.preview)
}

/// The state of a session without a process.
fn resting(row: &Row) -> &'static str {
    match row.phase.as_str() {
        "failed" => "failed",
        "quarantined" => "quarantined",
        _ => "parked",
    }
}

/// All words for a session.
pub(crate) const STATES: [&str; 10] = [
    "failed",
    "quarantined",
    "backoff",
    "needsYou",
    "stalled",
    "working",
    "starting",
    "queued",
    "idle",
    "parked",
];

/// The word alone, for figures over many sessions.
pub(crate) fn state_of(listed: &Listed) -> &'static str {
    let live = match listed {
        Listed::Dormant(row) => return state(resting(row), false, false, 0, 0),
        Listed::Live(live) => live,
    };
    let feed = &live.feed;
    let bridge = match &live.bridge {
        Some(bridge) => bridge.status().borrow().word(),
        None => resting(&feed.row()),
    };
    let turn = feed.view().turn.is_some();
    state(
        bridge,
        turn,
        feed.is_stalled(),
        feed.requests().len(),
        feed.waiting(),
    )
}

/// One word for it all. What needs a person comes before what works by itself.
fn state(
    bridge: &'static str,
    turn: bool,
    stalled: bool,
    pending: usize,
    queued: usize,
) -> &'static str {
    match bridge {
        "failed" | "quarantined" | "backoff" => bridge,
        _ if pending > 0 => "needsYou",
        _ if turn && stalled => "stalled",
        _ if turn => "working",
        "starting" => "starting",
        _ if queued > 0 => "queued",
        "up" => "idle",
        _ => "parked",
    }
}

#[cfg(test)]
mod tests {
    use super::state;

    #[test]
    fn the_word_for_a_session_is_the_most_pressing_truth() {
        let cases = [
            (("up", false, false, 0, 0), "idle"),
            (("up", true, false, 0, 0), "working"),
            (("up", true, true, 0, 0), "stalled"),
            (("up", true, true, 1, 0), "needsYou"),
            (("backoff", false, false, 0, 1), "backoff"),
            (("failed", false, false, 0, 3), "failed"),
            (("starting", false, false, 0, 1), "starting"),
            (("parked", false, false, 0, 1), "queued"),
            (("parked", false, false, 0, 0), "parked"),
        ];
        for ((bridge, turn, stalled, pending, queued), word) in cases {
            assert_eq!(
                state(bridge, turn, stalled, pending, queued),
                word,
                "{bridge} {turn} {stalled} {pending} {queued}"
            );
        }
    }
}
