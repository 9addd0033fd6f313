//! What a request says: the scenario to play, and how much of it was played.

use serde::Deserialize;

use crate::scenario::{Rate, Scenario, Step};

/// Hex digits at the end of a call id that tell its step.
const STEP_DIGITS: usize = 4;

/// A request of Codex, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    #[serde(default)]
    input: Vec<InputItem>,
    #[serde(default)]
    client_metadata: Option<ClientMetadata>,
}

#[derive(Debug, Deserialize)]
struct InputItem {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    call_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Parts(Vec<Part>),
    Text(String),
}

#[derive(Debug, Deserialize)]
struct Part {
    #[serde(default)]
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ClientMetadata {
    #[serde(default, rename = "x-codex-turn-metadata")]
    turn: Option<String>,
}

#[derive(Debug, Deserialize)]
struct TurnMetadata {
    #[serde(default)]
    request_kind: Option<String>,
}

impl Request {
    /// The scenario and the index of its first step that is not done.
    pub(super) fn position(&self) -> (Scenario, usize) {
        if !self.is_turn() {
            // Summaries and the like are asked for by Codex itself and must not run a person's scenario again.
            let text = "A scripted model has nothing to add.\n".to_owned();
            return (
                Scenario {
                    seed: 0,
                    steps: vec![Step::Say {
                        text,
                        rate: Rate::UNLIMITED,
                    }],
                },
                0,
            );
        }
        let asked = self.input.iter().rposition(InputItem::is_prompt);
        let prompt = asked.map_or(String::new(), |at| self.input[at].text());
        let after = &self.input[asked.map_or(0, |at| at + 1)..];
        let done = after
            .iter()
            .filter(|item| item.r#type.ends_with("_call"))
            .filter_map(|item| step_of(item.call_id.as_deref()?))
            .max();
        (
            Scenario::for_prompt(&prompt),
            done.map_or(0, |step| step + 1),
        )
    }

    fn is_turn(&self) -> bool {
        let turn = self
            .client_metadata
            .as_ref()
            .and_then(|metadata| metadata.turn.as_deref());
        let metadata = turn.and_then(|turn| serde_json::from_str::<TurnMetadata>(turn).ok());
        metadata
            .and_then(|metadata| metadata.request_kind)
            .is_none_or(|kind| kind == "turn")
    }
}

impl InputItem {
    /// Whether a person wrote it; Codex speaks as the user, too, in tags.
    fn is_prompt(&self) -> bool {
        let text = self.text();
        let by_codex = [
            "<environment_context>",
            "<turn_aborted>",
            "<user_instructions>",
            "# AGENTS.md instructions",
        ];
        self.role == "user"
            && !by_codex
                .iter()
                .any(|start| text.trim_start().starts_with(start))
    }

    fn text(&self) -> String {
        match &self.content {
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => parts
                .iter()
                .filter_map(|part| part.text.as_deref())
                .collect::<Vec<_>>()
                .join("\n"),
            None => String::new(),
        }
    }
}

/// A new call id that tells its step.
pub(super) fn call_id(step: usize) -> String {
    format!("call_{:012x}{step:04x}", fastrand::u64(..1 << 48))
}

fn step_of(call_id: &str) -> Option<usize> {
    let digits = call_id.strip_prefix("call_")?;
    usize::from_str_radix(digits.get(digits.len().checked_sub(STEP_DIGITS)?..)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn position(input: serde_json::Value) -> (Scenario, usize) {
        serde_json::from_value::<Request>(json!({"input": input}))
            .unwrap()
            .position()
    }

    fn user(text: &str) -> serde_json::Value {
        json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
    }

    #[test]
    fn the_calls_after_the_last_prompt_tell_the_step() {
        let call = |step| json!({"type": "function_call", "call_id": call_id(step), "name": "exec_command", "arguments": "{}"});
        let output =
            |step| json!({"type": "function_call_output", "call_id": call_id(step), "output": "x"});
        let plan = |prompt: &str| Scenario::parse(prompt).unwrap().unwrap();
        let old = [
            user("<environment_context>"),
            user("sim: plan"),
            call(7),
            output(7),
        ];
        let with = |new: &[serde_json::Value]| position([&old[..], new].concat().into());
        assert_eq!(with(&[user("sim: env; env")]), (plan("sim: env; env"), 0));
        assert_eq!(
            with(&[user("sim: env; env"), call(0), output(0)]),
            (plan("sim: env; env"), 1)
        );
        assert_eq!(
            with(&[
                user("sim: env"),
                call(300),
                output(300),
                user("<turn_aborted>")
            ]),
            (plan("sim: env"), 301)
        );
    }

    #[test]
    fn a_request_that_is_no_turn_runs_no_scenario() {
        let metadata = json!({"x-codex-turn-metadata": "{\"request_kind\":\"compact\"}"});
        let request: Request = serde_json::from_value(
            json!({"input": [user("sim: env")], "client_metadata": metadata}),
        )
        .unwrap();
        assert!(matches!(
            request.position().0.steps.as_slice(),
            [Step::Say { .. }]
        ));
    }
}
