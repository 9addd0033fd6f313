//! What is open in a session: the running turn, and the items that have started but not completed, with their text.
//!
//! A pure fold over the session's events. It is what a crash would lose in Codex, so the host keeps it: it completes
//! snapshots, resume answers, and turns whose Codex died. It neither numbers nor stores anything.

use std::collections::VecDeque;

use codex::{
    history::turn_head,
    item::{ItemHead, TextField, searchable_text, with_streamed_text},
};
use journal::{Item, ItemState};

use super::Change;

/// Text kept for one open item, in bytes. More than a model writes in one item; behind it, text is only in the events.
const MAX_OPEN_TEXT: usize = 32 << 20;
/// Items open at once in a turn; a further one pushes the oldest out as partial.
const MAX_OPEN_ITEMS: usize = 512;
/// Turns remembered as ended, so that a second end of one is dropped.
const REMEMBERED_ENDS: usize = 64;
/// User messages remembered by their client's id, so that a prompt is known to have run.
const REMEMBERED_MESSAGES: usize = 256;
/// Bytes of an item that the full-text search sees.
const MAX_SEARCHABLE: usize = 64 << 10;
/// The id under which a turn's own row stands beside its items.
pub(crate) const TURN_ROW: &str = "turn";

/// The running turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenTurn {
    /// The id that `turn/started` gave.
    pub id: String,
    /// `rootTurnId`, by which a review's other messages name the same turn.
    pub root: Option<String>,
    /// Seq of its `turn/started`.
    pub first_seq: u64,
    /// Milliseconds since the epoch.
    pub started_ms: u64,
}

impl OpenTurn {
    fn is(&self, id: &str) -> bool {
        self.id == id || self.root.as_deref() == Some(id)
    }
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Went {
    /// By itself.
    Well,
    /// Somebody stopped it.
    Stopped,
    /// With an error, or its Codex died.
    Badly,
}

/// The end of a turn that ran under this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TurnEnd {
    pub turn: String,
    pub went: Went,
}

impl TurnEnd {
    /// `raw` is the `turn` object of its end.
    fn read(turn: &str, raw: &str) -> Self {
        #[derive(serde::Deserialize, Default)]
        #[serde(default)]
        struct Head {
            status: String,
            error: Option<serde::de::IgnoredAny>,
        }
        let head: Head = serde_json::from_str(raw).unwrap_or_default();
        let went = match (head.status.as_str(), head.error) {
            ("failed", _) | ("interrupted", Some(_)) => Went::Badly,
            ("interrupted", None) => Went::Stopped,
            _ => Went::Well,
        };
        let turn = turn.to_owned();
        Self { turn, went }
    }
}

/// An item between `item/started` and `item/completed`.
#[derive(Debug, Clone)]
pub(crate) struct OpenItem {
    pub turn: String,
    pub id: String,
    pub kind: String,
    /// Seq of its first event: its place in the session.
    pub seq: u64,
    /// As `item/started` gave it.
    raw: String,
    texts: Vec<(TextField, String)>,
}

impl OpenItem {
    /// The item as a reader should see it now.
    pub(crate) fn json(&self, ended: bool) -> String {
        with_streamed_text(&self.raw, &self.texts, ended)
    }

    fn extend(&mut self, field: TextField, delta: &str) {
        let held: usize = self.texts.iter().map(|(_, text)| text.len()).sum();
        if held + delta.len() > MAX_OPEN_TEXT {
            return;
        }
        match self.texts.iter_mut().find(|(own, _)| *own == field) {
            Some((_, text)) => text.push_str(delta),
            None => self.texts.push((field, delta.to_owned())),
        }
    }

    /// Its row in the journal.
    pub(crate) fn row(&self, state: ItemState, done_seq: Option<u64>) -> Item {
        row(
            &self.turn,
            &self.id,
            &self.kind,
            self.seq,
            state,
            done_seq,
            self.json(state == ItemState::Partial),
        )
    }
}

fn row(
    turn: &str,
    id: &str,
    kind: &str,
    seq: u64,
    state: ItemState,
    done_seq: Option<u64>,
    json: String,
) -> Item {
    Item {
        turn: turn.to_owned(),
        id: id.to_owned(),
        seq,
        done_seq,
        kind: kind.to_owned(),
        state,
        text: searchable_text(&json, MAX_SEARCHABLE),
        json: json.into(),
    }
}

/// What is open in one session.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    turn: Option<OpenTurn>,
    items: VecDeque<OpenItem>,
    ended: VecDeque<String>,
    last_end: Option<TurnEnd>,
    /// Client ids of user messages that have come, with their turns.
    messages: VecDeque<(String, String)>,
    /// What Codex said when it began to ask its model again, until something comes of it.
    retrying: Option<String>,
}

/// What a running turn waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Waits {
    /// The model's next word.
    Model,
    /// A command's end.
    Command,
    /// The end of a tool, a search, or an agent.
    Tool,
    /// An approval or an answer.
    Person,
}

/// Items that the model itself writes, or that are there at once.
const OF_THE_MODEL: [&str; 4] = ["agentMessage", "reasoning", "plan", "userMessage"];

impl Turns {
    pub(crate) fn open_turn(&self) -> Option<&OpenTurn> {
        self.turn.as_ref()
    }

    pub(crate) fn open_items(&self) -> impl Iterator<Item = &OpenItem> {
        self.items.iter()
    }

    /// What the running turn waits for, people left out; `None` when no turn runs.
    pub(crate) fn waits(&self) -> Option<Waits> {
        let turn = self.turn.as_ref()?;
        let mut kinds = self.items.iter().rev().filter(|item| turn.is(&item.turn));
        let tool = kinds.find(|item| !OF_THE_MODEL.contains(&item.kind.as_str()));
        Some(match tool.map(|item| item.kind.as_str()) {
            None => Waits::Model,
            Some("commandExecution") => Waits::Command,
            Some(_) => Waits::Tool,
        })
    }

    /// That Codex asks its model again, in its words.
    pub(crate) fn retrying(&self) -> Option<&str> {
        self.retrying.as_deref()
    }

    /// Anything but one more try means that the model has answered.
    pub(crate) fn note_retry(&mut self, change: &Change<'_>) {
        match change {
            Change::Retrying { message } => self.retrying = Some(message.clone()),
            Change::Nothing | Change::Named { .. } | Change::Settings { .. } => {}
            _ if self.retrying.is_some() => self.retrying = None,
            _ => {}
        }
    }

    /// True when this turn has had its one end.
    pub(crate) fn has_ended(&self, turn: &str) -> bool {
        self.ended.iter().any(|id| id == turn)
    }

    /// The turn in which the user message with this client id has come.
    pub(crate) fn turn_of_message(&self, client: &str) -> Option<&str> {
        let found = self.messages.iter().rev().find(|(id, _)| id == client);
        found.map(|(_, turn)| turn.as_str())
    }

    /// Remembers a user message.
    fn note_message(&mut self, head: &ItemHead, turn: &str) {
        let Some(client) = head
            .client_id
            .as_ref()
            .filter(|id| self.turn_of_message(id).is_none())
        else {
            return;
        };
        if self.messages.len() == REMEMBERED_MESSAGES {
            self.messages.pop_front();
        }
        self.messages.push_back((client.clone(), turn.to_owned()));
    }

    pub(crate) fn turn_started(&mut self, turn: OpenTurn) {
        self.turn = Some(turn);
    }

    /// How the last turn ended that ran under this host; one that was read in from elsewhere does not count.
    pub(crate) fn last_end(&self) -> Option<&TurnEnd> {
        self.last_end.as_ref()
    }

    /// Forgets the open items: the caller has completed each of them.
    pub(crate) fn drop_open_items(&mut self) {
        self.items.clear();
    }

    /// Ends a turn: the rows of what it left open, and of the turn itself. `raw` is its `turn` object.
    pub(crate) fn turn_completed(&mut self, turn: &str, raw: &str, seq: u64) -> Vec<Item> {
        let root = self.turn.as_ref().and_then(|open| open.root.clone());
        let is_open = self.turn.as_ref().is_some_and(|open| open.is(turn));
        let belongs =
            |item: &OpenItem| item.turn == turn || (is_open && Some(&item.turn) == root.as_ref());
        let mut rows: Vec<Item> = self
            .items
            .iter()
            .filter(|item| belongs(item))
            .map(|item| item.row(ItemState::Partial, Some(seq)))
            .collect();
        // A command outlives its turn as a background terminal: its output and its end may still come.
        self.items
            .retain(|item| !belongs(item) || item.kind == "commandExecution");
        rows.push(row(
            turn,
            TURN_ROW,
            TURN_ROW,
            seq,
            ItemState::Completed,
            Some(seq),
            turn_head(raw),
        ));
        if is_open {
            self.last_end = Some(TurnEnd::read(turn, raw));
            self.turn = None;
        }
        if self.ended.len() == REMEMBERED_ENDS {
            self.ended.pop_front();
        }
        self.ended.push_back(turn.to_owned());
        rows
    }

    /// Opens an item; its row, and that of an item which it pushed out.
    pub(crate) fn item_started(&mut self, turn: &str, raw: &str, seq: u64) -> Vec<Item> {
        let Some(head) = ItemHead::read(raw) else {
            return Vec::new();
        };
        self.note_message(&head, turn);
        let mut rows = Vec::new();
        if self.items.len() == MAX_OPEN_ITEMS
            && let Some(old) = self.items.pop_front()
        {
            rows.push(old.row(ItemState::Partial, Some(seq)));
        }
        let item = OpenItem {
            turn: turn.to_owned(),
            id: head.id,
            kind: head.kind,
            seq,
            raw: raw.to_owned(),
            texts: Vec::new(),
        };
        rows.push(item.row(ItemState::Open, None));
        self.items.push_back(item);
        rows
    }

    /// Closes an item; its row.
    pub(crate) fn item_completed(&mut self, turn: &str, raw: &str, seq: u64) -> Vec<Item> {
        let Some(head) = ItemHead::read(raw) else {
            return Vec::new();
        };
        self.note_message(&head, turn);
        let first = match self.position(turn, &head.id) {
            Some(index) => self.items.remove(index).map_or(seq, |item| item.seq),
            None => seq,
        };
        vec![row(
            turn,
            &head.id,
            &head.kind,
            first,
            ItemState::Completed,
            Some(seq),
            raw.to_owned(),
        )]
    }

    /// Extends an open item; an item whose start was never seen begins here.
    pub(crate) fn delta(
        &mut self,
        turn: &str,
        id: &str,
        field: (TextField, &'static str),
        text: &str,
        seq: u64,
    ) {
        let index = self.position(turn, id).unwrap_or_else(|| {
            self.items.push_back(OpenItem {
                turn: turn.to_owned(),
                id: id.to_owned(),
                kind: field.1.to_owned(),
                seq,
                raw: serde_json::json!({"type": field.1, "id": id}).to_string(),
                texts: Vec::new(),
            });
            self.items.len() - 1
        });
        self.items[index].extend(field.0, text);
    }

    fn position(&self, turn: &str, id: &str) -> Option<usize> {
        // From the back: deltas belong to the newest items.
        self.items
            .iter()
            .rposition(|item| item.id == id && item.turn == turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = r#"{"type":"agentMessage","id":"m1","text":""}"#;

    fn turn(id: &str) -> OpenTurn {
        OpenTurn {
            id: id.into(),
            root: None,
            first_seq: 1,
            started_ms: 0,
        }
    }

    fn text_of(rows: &[Item]) -> Vec<(String, ItemState, String)> {
        rows.iter()
            .map(|row| (row.id.clone(), row.state, row.text.clone()))
            .collect()
    }

    #[test]
    fn a_turn_that_ends_early_keeps_the_text_that_had_streamed() {
        let mut turns = Turns::default();
        turns.turn_started(turn("t1"));
        turns.item_started("t1", MESSAGE, 2);
        let field = TextField::of_delta("item/agentMessage/delta", 0).expect("a text delta");
        turns.delta("t1", "m1", field, "hel", 3);
        turns.delta("t1", "m1", field, "lo", 4);
        let rows = turns.turn_completed("t1", r#"{"id":"t1","status":"interrupted"}"#, 5);
        assert_eq!(
            text_of(&rows),
            [
                ("m1".into(), ItemState::Partial, "hello".into()),
                ("turn".into(), ItemState::Completed, String::new())
            ]
        );
        assert_eq!(turns.open_turn(), None);
        assert!(turns.has_ended("t1"));
    }

    #[test]
    fn a_turn_waits_for_what_is_open_in_it() {
        let mut turns = Turns::default();
        assert_eq!(turns.waits(), None);
        turns.turn_started(turn("t1"));
        assert_eq!(turns.waits(), Some(Waits::Model));
        turns.item_started("t1", MESSAGE, 2);
        assert_eq!(turns.waits(), Some(Waits::Model));
        let command = r#"{"type":"commandExecution","id":"c1"}"#;
        turns.item_started("t1", command, 3);
        assert_eq!(turns.waits(), Some(Waits::Command));
        turns.item_completed("t1", command, 4);
        turns.item_started("t1", r#"{"type":"mcpToolCall","id":"c2"}"#, 5);
        assert_eq!(turns.waits(), Some(Waits::Tool));
        // A terminal that an earlier turn left behind is not what this one waits for.
        turns.turn_completed("t1", "{}", 6);
        turns.turn_started(turn("t2"));
        turns.item_started("t1", r#"{"type":"commandExecution","id":"c3"}"#, 7);
        assert_eq!(turns.waits(), Some(Waits::Model));
    }

    #[test]
    fn a_retry_is_over_when_something_comes() {
        let mut turns = Turns::default();
        let retry = Change::Retrying {
            message: "Reconnecting... 1/5".into(),
        };
        turns.note_retry(&retry);
        turns.note_retry(&Change::Nothing);
        assert_eq!(turns.retrying(), Some("Reconnecting... 1/5"));
        let (turn, raw) = ("t1", MESSAGE);
        turns.note_retry(&Change::ItemStarted { turn, raw });
        assert_eq!(turns.retrying(), None);
    }

    #[test]
    fn the_end_of_another_turn_leaves_the_running_one_open() {
        let mut turns = Turns::default();
        turns.turn_started(turn("t2"));
        turns.item_started("t2", MESSAGE, 2);
        turns.turn_completed("t1", "{}", 3);
        assert_eq!(turns.open_turn().map(|turn| turn.id.as_str()), Some("t2"));
        assert_eq!(turns.open_items().count(), 1);
    }

    #[test]
    fn a_completed_item_keeps_the_place_of_its_start() {
        let mut turns = Turns::default();
        turns.item_started("t1", MESSAGE, 2);
        let rows = turns.item_completed(
            "t1",
            r#"{"type":"agentMessage","id":"m1","text":"hello"}"#,
            9,
        );
        assert_eq!(
            (rows[0].seq, rows[0].done_seq, rows[0].state),
            (2, Some(9), ItemState::Completed)
        );
        assert_eq!(turns.open_items().count(), 0);
    }
}
