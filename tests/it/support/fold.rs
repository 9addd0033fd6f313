//! What a person would see of a session: turns and items, folded from the events that a tab was sent.
//!
//! Not how the page does it; an independent reading of the protocol, to compare with.

use serde_json::Value;

use super::Event;

/// A session as one tab has it.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Folded {
    /// In the order in which they began.
    pub turns: Vec<Turn>,
}

/// One turn.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Turn {
    /// Codex's id.
    pub id: String,
    /// Of `turn/completed`; empty while it runs.
    pub status: String,
    /// How often `turn/completed` came: 1 when all is well.
    pub ends: usize,
    /// In the order in which they began.
    pub items: Vec<Item>,
}

/// One item.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Item {
    /// Codex's id.
    pub id: String,
    /// Codex's `type`.
    pub kind: String,
    /// Text or output as the deltas make it.
    pub streamed: String,
    /// The item of `item/completed`, or as a snapshot has it.
    pub whole: Option<Value>,
}

impl Item {
    /// What a person reads: the text or output of the whole item, else what has streamed.
    pub fn text(&self) -> String {
        let whole = self.whole.as_ref().map(text_of).unwrap_or_default();
        if whole.is_empty() {
            self.streamed.clone()
        } else {
            whole
        }
    }
}

impl Folded {
    /// Folds events of one session, from its first one on.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut folded = Self::default();
        for event in events {
            folded.apply(event);
        }
        folded
    }

    /// Starts from the snapshot in an attach result.
    pub fn from_snapshot(attached: &Value) -> Self {
        let mut folded = Self::default();
        for entry in attached["items"].as_array().expect("a snapshot has items") {
            let turn = folded.turn(entry["turnId"].as_str().expect("an entry has a turn"));
            if let Some(status) = entry["turn"]["status"]
                .as_str()
                .filter(|status| *status != "inProgress")
            {
                turn.status = status.to_owned();
                turn.ends = 1;
            }
            let item = turn.item(entry["itemId"].as_str().expect("an entry has an item"));
            item.kind = entry["item"]["type"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            item.streamed = text_of(&entry["item"]);
            if entry["state"] != "open" {
                item.whole = Some(entry["item"].clone());
            }
        }
        folded
    }

    /// Adds one event.
    pub fn apply(&mut self, event: &Event) {
        let params = event.params();
        match event.method.as_str() {
            "turn/started" => {
                self.turn(params["turn"]["id"].as_str().expect("a turn has an id"));
            }
            "turn/completed" => {
                let turn = self.turn(params["turn"]["id"].as_str().expect("a turn has an id"));
                turn.status = params["turn"]["status"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                turn.ends += 1;
            }
            "item/started" | "item/completed" => {
                let id = params["item"]["id"].as_str().expect("an item has an id");
                let item = self
                    .turn(params["turnId"].as_str().expect("an item has a turn"))
                    .item(id);
                item.kind = params["item"]["type"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                if event.is("item/completed") {
                    item.whole = Some(params["item"].clone());
                }
            }
            _ => {
                if let (Some(delta), Some(turn), Some(item)) = (
                    params["delta"].as_str(),
                    params["turnId"].as_str(),
                    params["itemId"].as_str(),
                ) {
                    self.turn(turn).item(item).streamed.push_str(delta);
                }
            }
        }
    }

    /// The turn `id`, made if it is new.
    pub fn turn(&mut self, id: &str) -> &mut Turn {
        let at = self
            .turns
            .iter()
            .position(|turn| turn.id == id)
            .unwrap_or_else(|| {
                self.turns.push(Turn {
                    id: id.to_owned(),
                    ..Turn::default()
                });
                self.turns.len() - 1
            });
        &mut self.turns[at]
    }
}

impl Turn {
    fn item(&mut self, id: &str) -> &mut Item {
        let at = self
            .items
            .iter()
            .position(|item| item.id == id)
            .unwrap_or_else(|| {
                self.items.push(Item {
                    id: id.to_owned(),
                    ..Item::default()
                });
                self.items.len() - 1
            });
        &mut self.items[at]
    }

    /// The text of all agent messages, one after the other.
    pub fn agent_text(&self) -> String {
        self.text_of_kind("agentMessage")
    }

    /// The output of all commands, one after the other.
    pub fn command_output(&self) -> String {
        self.text_of_kind("commandExecution")
    }

    fn text_of_kind(&self, kind: &str) -> String {
        self.items
            .iter()
            .filter(|item| item.kind == kind)
            .map(Item::text)
            .collect()
    }
}

/// The text of an agent message or the output of a command.
fn text_of(item: &Value) -> String {
    let text = item["text"]
        .as_str()
        .or_else(|| item["aggregatedOutput"].as_str());
    text.unwrap_or_default().to_owned()
}
