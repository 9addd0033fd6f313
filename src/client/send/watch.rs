//! What becomes of one prompt, read from the events of its session: which turn it is, and how that ends. A pure value.

use serde_json::{Value, json};

use crate::client::{item::text, socket::Heard};

/// Turns whose ends and last answers are kept while it is not known which of them is the prompt's.
const TURNS: usize = 16;

/// How a prompt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Its turn ended.
    Turn {
        /// Codex's id of the turn.
        id: String,
        /// `completed`, `failed` or `interrupted`.
        status: String,
        /// What Codex said of a failure.
        error: Option<String>,
    },
    /// It was not run, or a person removed it.
    NotRun,
    /// It has ended; how is not told any more.
    Unknown,
}

impl End {
    /// The exit status of `send --wait`.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Turn { status, .. } if status == "completed" => 0,
            Self::Turn { status, .. } if status == "failed" => 6,
            Self::Turn { .. } => 7,
            Self::NotRun => 8,
            Self::Unknown => 9,
        }
    }

    /// The prompt's state on the wire.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Turn { .. } | Self::Unknown => "done",
            Self::NotRun => "notRun",
        }
    }

    /// For `--json`.
    pub fn turn(&self) -> Value {
        match self {
            Self::Turn { id, status, error } => json!({"id": id, "status": status, "error": error}),
            Self::NotRun | Self::Unknown => Value::Null,
        }
    }

    /// For people.
    pub fn words(&self) -> String {
        match self {
            Self::Turn {
                status,
                error: Some(error),
                ..
            } => {
                format!(
                    "the turn is {status}: {}",
                    crate::client::safe::Cleaner::line(error)
                )
            }
            Self::Turn {
                status,
                error: None,
                ..
            } => format!("the turn is {status}"),
            Self::NotRun => "the prompt was not run".to_owned(),
            Self::Unknown => "the prompt has run; the host no longer has how it ended".to_owned(),
        }
    }
}

/// Looks out for the end of one prompt.
pub struct Watch {
    prompt: String,
    /// Its latest known state; empty before the first.
    state: String,
    turn: Option<String>,
    /// It was in a queue since it was submitted.
    listed: bool,
    /// It is in no queue any more.
    gone: bool,
    /// And events that would tell more do not follow.
    final_word: bool,
    ends: Vec<(String, Value)>,
    answers: Vec<(String, String)>,
}

impl Watch {
    /// For the prompt with this id.
    pub fn new(prompt: &str) -> Self {
        Self {
            prompt: prompt.to_owned(),
            state: String::new(),
            turn: None,
            listed: false,
            gone: false,
            final_word: false,
            ends: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// The host has it.
    pub fn acknowledged(&mut self, state: &str) {
        state.clone_into(&mut self.state);
    }

    /// The session as it is now. An exact resume tells nothing: the events that follow do.
    pub fn attached(&mut self, result: &Value) {
        if result["verdict"] == "resumed" {
            return;
        }
        for entry in result["items"].as_array().into_iter().flatten() {
            let turn = text(&entry["turnId"]);
            if entry["item"]["type"] == "agentMessage" {
                keep(
                    &mut self.answers,
                    turn,
                    text(&entry["item"]["text"]).to_owned(),
                );
            }
            if !matches!(text(&entry["turn"]["status"]), "" | "inProgress") {
                keep(&mut self.ends, turn, entry["turn"].clone());
            }
        }
        // The queue of the time before it was submitted does not have it.
        if !self.state.is_empty() {
            self.listed = true;
            self.queue(&result["queue"]);
            self.final_word = self.gone;
        }
    }

    /// The next event.
    pub fn event(&mut self, heard: &Heard) {
        let params = heard.params();
        match heard.method() {
            "host/prompt/changed" => self.queue(&params["queue"]),
            "turn/completed" => keep(
                &mut self.ends,
                text(&params["turn"]["id"]),
                params["turn"].clone(),
            ),
            "item/completed" if params["item"]["type"] == "agentMessage" => {
                keep(
                    &mut self.answers,
                    text(&params["turnId"]),
                    text(&params["item"]["text"]).to_owned(),
                );
            }
            _ => {}
        }
    }

    fn queue(&mut self, queue: &Value) {
        let prompts = queue.as_array().into_iter().flatten();
        match prompts
            .into_iter()
            .find(|prompt| prompt["promptId"] == self.prompt.as_str())
        {
            Some(prompt) => {
                text(&prompt["state"]).clone_into(&mut self.state);
                (self.listed, self.gone) = (true, false);
                if let Some(turn) = prompt["turnId"].as_str() {
                    self.turn = Some(turn.to_owned());
                }
            }
            None => self.gone = self.listed,
        }
    }

    /// How it ended, once it has.
    pub fn end(&self) -> Option<End> {
        if self.state == "notRun" {
            return Some(End::NotRun);
        }
        if let Some(turn) = &self.turn {
            let ended = self.ends.iter().find(|(id, _)| id == turn);
            if let Some((_, ended)) = ended {
                return Some(End::Turn {
                    id: turn.clone(),
                    status: text(&ended["status"]).to_owned(),
                    error: ended["error"]["message"].as_str().map(str::to_owned),
                });
            }
        }
        match (self.gone, self.state.as_str()) {
            (false, _) => None,
            // A turn that began has an end, which comes.
            (true, _) if self.turn.is_some() && !self.final_word => None,
            (true, "queued") => Some(End::NotRun),
            (true, _) => Some(End::Unknown),
        }
    }

    /// The last thing that the model said in its turn.
    pub fn answer(&self) -> Option<&str> {
        let turn = self.turn.as_ref()?;
        let answer = self.answers.iter().find(|(id, _)| id == turn);
        answer.map(|(_, answer)| answer.as_str())
    }
}

fn keep<T>(list: &mut Vec<(String, T)>, turn: &str, value: T) {
    list.retain(|(id, _)| id != turn);
    if list.len() >= TURNS {
        list.remove(0);
    }
    list.push((turn.to_owned(), value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(state: &str, turn: Option<&str>) -> (&'static str, Value) {
        let mut prompt = json!({"promptId": "p", "state": state});
        if let Some(turn) = turn {
            prompt["turnId"] = turn.into();
        }
        (
            "host/prompt/changed",
            json!({"queue": [{"promptId": "other", "state": "queued"}, prompt]}),
        )
    }

    fn absent() -> (&'static str, Value) {
        ("host/prompt/changed", json!({"queue": []}))
    }

    fn ended(turn: &str, status: &str) -> (&'static str, Value) {
        (
            "turn/completed",
            json!({"turn": {"id": turn, "status": status, "error": null}}),
        )
    }

    fn watched(events: &[(&str, Value)]) -> Option<End> {
        let mut watch = Watch::new("p");
        watch.attached(&json!({"verdict": "snapshot", "queue": []}));
        watch.acknowledged("queued");
        for (method, params) in events {
            let value = json!({"method": method, "params": params});
            watch.event(&Heard {
                line: String::new(),
                value,
            });
        }
        watch.end()
    }

    fn turn(status: &str) -> Option<End> {
        Some(End::Turn {
            id: "t".to_owned(),
            status: status.to_owned(),
            error: None,
        })
    }

    #[test]
    fn the_end_of_its_own_turn_counts_in_whatever_order_it_is_told() {
        let running = changed("running", Some("t"));
        assert_eq!(
            watched(&[absent(), changed("queued", None), ended("u", "failed")]),
            None
        );
        assert_eq!(
            watched(&[running.clone(), ended("u", "failed"), absent()]),
            None
        );
        assert_eq!(
            watched(&[running.clone(), absent(), ended("t", "completed")]),
            turn("completed")
        );
        assert_eq!(
            watched(&[ended("t", "interrupted"), running]),
            turn("interrupted")
        );
    }

    #[test]
    fn a_prompt_that_does_not_run_is_told_from_one_that_ran_unseen() {
        assert_eq!(
            watched(&[changed("queued", None), absent()]),
            Some(End::NotRun)
        );
        assert_eq!(watched(&[changed("notRun", None)]), Some(End::NotRun));
        assert_eq!(
            watched(&[changed("sending", None), absent()]),
            Some(End::Unknown)
        );
    }

    #[test]
    fn a_snapshot_has_the_last_word() {
        let mut watch = Watch::new("p");
        watch.acknowledged("running");
        let entry = json!({"turnId": "t", "item": {"type": "agentMessage", "text": "Done."}, "turn": {"status": "completed", "error": null}});
        watch.turn = Some("t".to_owned());
        watch.attached(&json!({"verdict": "snapshot", "queue": [], "items": [entry]}));
        assert_eq!(
            (watch.end(), watch.answer()),
            (turn("completed"), Some("Done."))
        );
        watch.ends.clear();
        assert_eq!(watch.end(), Some(End::Unknown));
    }

    #[test]
    fn each_end_has_its_own_exit_status() {
        let all = [
            turn("completed"),
            turn("failed"),
            turn("interrupted"),
            Some(End::NotRun),
            Some(End::Unknown),
        ];
        assert_eq!(all.map(|end| end.unwrap().exit_status()), [0, 6, 7, 8, 9]);
    }
}
