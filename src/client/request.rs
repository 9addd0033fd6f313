//! What Codex asks a person, in words, and the answers that the terminal can give. Questions with answers of one's own are
//! for the page and the official TUI.

use serde_json::{Value, json};

use super::{item, item::text, safe::Cleaner};

const COMMAND: &str = "item/commandExecution/requestApproval";
const FILES: &str = "item/fileChange/requestApproval";
const PERMISSIONS: &str = "item/permissions/requestApproval";
const QUESTIONS: &str = "item/tool/requestUserInput";
const ELICITATION: &str = "mcpServer/elicitation/request";

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Accept,
    AcceptForSession,
    Decline,
    Cancel,
}

impl Decision {
    /// Reads the word of the command line.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "accept" => Self::Accept,
            "accept-for-session" => Self::AcceptForSession,
            "decline" => Self::Decline,
            "cancel" => Self::Cancel,
            _ => return None,
        })
    }

    /// The word of the wire.
    fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::AcceptForSession => "acceptForSession",
            Self::Decline => "decline",
            Self::Cancel => "cancel",
        }
    }
}

/// The result to send for a decision on `request`; `Err` says why there is none.
pub fn result(request: &Value, decision: Decision) -> Result<Value, String> {
    match text(&request["method"]) {
        COMMAND | FILES => Ok(json!({"decision": decision.as_str()})),
        PERMISSIONS => {
            let granted = match decision {
                Decision::Accept | Decision::AcceptForSession => {
                    request["params"]["permissions"].clone()
                }
                Decision::Decline => json!({}),
                Decision::Cancel => {
                    return Err(
                        "a question for more rights can be declined, not cancelled".to_owned()
                    );
                }
            };
            let scope = if decision == Decision::AcceptForSession {
                "session"
            } else {
                "turn"
            };
            let granted = if granted.is_null() {
                json!({})
            } else {
                granted
            };
            Ok(json!({"permissions": granted, "scope": scope}))
        }
        ELICITATION if matches!(decision, Decision::Decline | Decision::Cancel) => {
            Ok(json!({"action": decision.as_str(), "content": null, "_meta": null}))
        }
        ELICITATION => Err(
            "it wants more than a yes: answer it in the page or the Codex terminal, or decline it"
                .to_owned(),
        ),
        QUESTIONS => {
            Err("it wants an answer in words: give it in the page or the Codex terminal".to_owned())
        }
        method => Err(format!(
            "this holdfast knows no answer to {}",
            Cleaner::line(method)
        )),
    }
}

/// What it is, in a few words.
pub fn title(request: &Value) -> String {
    let params = &request["params"];
    match text(&request["method"]) {
        COMMAND if params["networkApprovalContext"].is_object() => "reach the network".to_owned(),
        COMMAND if params["kind"] == "stdin" => "type into a running command".to_owned(),
        COMMAND => "run a command".to_owned(),
        FILES => "change files".to_owned(),
        PERMISSIONS => "have more rights".to_owned(),
        QUESTIONS => "know something".to_owned(),
        ELICITATION => format!("answer {}", Cleaner::line(text(&params["serverName"]))),
        other => Cleaner::line(other),
    }
}

/// Everything that is decided on, whole: nothing of it is cut, and nothing in it can hide. `items` are those of the session
/// that are at hand: a file change is shown from its item.
pub fn lines(request: &Value, items: &[Value]) -> String {
    let params = &request["params"];
    let mut out = String::new();
    let mut put = |name: &str, value: &str| {
        let value = Cleaner::plain(value);
        let mut lines = value.trim_end_matches('\n').split('\n');
        out += &format!("    {name:8} {}\n", lines.next().unwrap_or_default());
        for line in lines {
            out += &format!("    {:8} {line}\n", "");
        }
    };
    for (name, key) in [
        ("command", "command"),
        ("reason", "reason"),
        ("folder", "cwd"),
        ("under", "grantRoot"),
        ("message", "message"),
        ("url", "url"),
    ] {
        if !text(&params[key]).is_empty() {
            put(name, text(&params[key]));
        }
    }
    let network = &params["networkApprovalContext"];
    if network.is_object() {
        put(
            "host",
            &format!(
                "{}://{}",
                text(&network["protocol"]),
                text(&network["host"])
            ),
        );
    }
    for key in ["permissions", "additionalPermissions"] {
        if !params[key].is_null() {
            put("rights", &pretty(&params[key]));
        }
    }
    if text(&request["method"]) == FILES {
        let wanted = text(&params["itemId"]);
        let found = items
            .iter()
            .rev()
            .find(|entry| text(&entry["itemId"]) == wanted && !wanted.is_empty());
        match found {
            Some(entry) => put("change", &item::body(&entry["item"])),
            None => put(
                "change",
                "it is not in the history that is at hand: decline it unless you know it",
            ),
        }
    }
    for question in params["questions"].as_array().into_iter().flatten() {
        put("question", text(&question["question"]));
        for option in question["options"].as_array().into_iter().flatten() {
            put("", &format!("- {}", text(&option["label"])));
        }
    }
    out
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_whole_and_cannot_hide_a_part_of_it() {
        let long = "x".repeat(5000);
        let command = format!("echo ok\u{1b}[2K\rrm -rf /\n{long} \u{202e}fed");
        let request = json!({"method": COMMAND, "params": {"command": command, "cwd": "/src", "reason": "May I?"}});
        assert_eq!(
            lines(&request, &[]),
            format!(
                "    command  echo ok\n             rm -rf /\n             {long} <U+202E>fed\n    reason   May I?\n    folder   /src\n"
            )
        );
    }

    #[test]
    fn a_file_change_is_shown_from_its_item() {
        let request = json!({"method": FILES, "params": {"itemId": "i1"}});
        let items = [
            json!({"itemId": "i1", "item": {"type": "fileChange", "changes": [{"path": "a", "kind": "add", "diff": "+x"}]}}),
        ];
        assert_eq!(
            lines(&request, &items),
            "    change   add a\n             +x\n"
        );
        assert!(lines(&request, &[]).contains("decline it unless you know it"));
    }

    #[test]
    fn each_kind_of_question_gets_its_own_form_of_answer() {
        let ask =
            |method: &str| json!({"method": method, "params": {"permissions": {"network": true}}});
        let given = |method: &str, word: &str| result(&ask(method), Decision::parse(word).unwrap());
        assert_eq!(
            given(COMMAND, "accept-for-session"),
            Ok(json!({"decision": "acceptForSession"}))
        );
        assert_eq!(given(FILES, "cancel"), Ok(json!({"decision": "cancel"})));
        assert_eq!(
            given(PERMISSIONS, "accept"),
            Ok(json!({"permissions": {"network": true}, "scope": "turn"}))
        );
        assert_eq!(
            given(PERMISSIONS, "decline"),
            Ok(json!({"permissions": {}, "scope": "turn"}))
        );
        assert_eq!(
            given(ELICITATION, "decline"),
            Ok(json!({"action": "decline", "content": null, "_meta": null}))
        );
        assert!(
            given(ELICITATION, "accept").is_err()
                && given(QUESTIONS, "accept").is_err()
                && given("x/y", "accept").is_err()
        );
        assert_eq!(Decision::parse("yes"), None);
    }
}
