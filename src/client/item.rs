//! Items of a turn as text: what stands above one, what it says, what stands below. Shared by `attach` and `export`; the
//! looks are theirs, and so is cleaning the text.

use serde_json::Value;

/// Shorter runs of a command are not told.
const WORTH_TELLING_MS: u64 = 500;

/// Whose voice an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// A person's prompt.
    Person,
    /// What the model says, in Markdown.
    Model,
    /// What the model thinks, in Markdown.
    Thought,
    /// A plan, in Markdown.
    Plan,
    /// A command; its output is plain text.
    Command,
    /// Changed files; a unified diff.
    Files,
    /// Anything else, in a line.
    Other,
}

/// Whose it is.
pub fn voice(item: &Value) -> Voice {
    match text(&item["type"]) {
        "userMessage" => Voice::Person,
        "agentMessage" => Voice::Model,
        "reasoning" => Voice::Thought,
        "plan" => Voice::Plan,
        "commandExecution" => Voice::Command,
        "fileChange" => Voice::Files,
        _ => Voice::Other,
    }
}

/// What stands above it: the command, or what it is called.
pub fn title(item: &Value) -> String {
    match voice(item) {
        Voice::Person => "You".to_owned(),
        Voice::Model => "Codex".to_owned(),
        Voice::Thought => "Thought".to_owned(),
        Voice::Plan => "Plan".to_owned(),
        Voice::Command => text(&item["command"]).to_owned(),
        Voice::Files => {
            let paths: Vec<&str> = changes(item).map(|change| text(&change["path"])).collect();
            format!("Changed {}", paths.join(", "))
        }
        Voice::Other => other_title(item),
    }
}

fn other_title(item: &Value) -> String {
    let name = match text(&item["type"]) {
        "mcpToolCall" | "dynamicToolCall" => "Tool",
        "webSearch" => "Web search",
        "imageView" => "Looked at an image",
        "imageGeneration" => "Made an image",
        "contextCompaction" => "The conversation was summed up to make room",
        "enteredReviewMode" => "Review started",
        "exitedReviewMode" => "Review ended",
        "" => "Item",
        other => other,
    };
    let parts = ["server", "tool", "query", "path", "review", "name"].map(|key| text(&item[key]));
    let mut title = name.to_owned();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        title += " · ";
        title += part;
    }
    title
}

/// What it says. Streamed text appends to this, so what streamed before is its beginning.
pub fn body(item: &Value) -> String {
    match voice(item) {
        Voice::Person => content(item),
        Voice::Model | Voice::Plan => text(&item["text"]).to_owned(),
        Voice::Thought => {
            let parts = |key: &str| -> Vec<&str> {
                let parts = item[key].as_array().into_iter().flatten();
                parts
                    .filter_map(Value::as_str)
                    .filter(|part| !part.is_empty())
                    .collect()
            };
            let summary = parts("summary");
            if summary.is_empty() {
                parts("content")
            } else {
                summary
            }
            .join("\n\n")
        }
        Voice::Command => text(&item["aggregatedOutput"]).to_owned(),
        Voice::Files => changes(item).map(diff).collect::<Vec<_>>().join("\n"),
        Voice::Other => text(&item["error"]["message"]).to_owned(),
    }
}

/// The text of a prompt; what is not text is named.
fn content(item: &Value) -> String {
    let parts = item["content"].as_array().into_iter().flatten();
    let part = |part: &Value| match text(&part["type"]) {
        "text" => text(&part["text"]).to_owned(),
        kind => format!("[{kind}]"),
    };
    parts.map(part).collect::<Vec<_>>().join("\n")
}

fn changes(item: &Value) -> impl Iterator<Item = &Value> {
    item["changes"].as_array().into_iter().flatten()
}

/// One changed file: how and which, then its diff.
pub fn diff(change: &Value) -> String {
    let kind = change["kind"]
        .as_str()
        .or(change["kind"]["type"].as_str())
        .unwrap_or("update");
    let mut diff = format!(
        "{kind} {}\n{}",
        text(&change["path"]),
        text(&change["diff"])
    );
    if !diff.ends_with('\n') {
        diff.push('\n');
    }
    diff
}

/// How it ended, where that says something: an exit code, a failure, a cut.
pub fn outcome(item: &Value, state: &str) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(code) = item["exitCode"].as_i64() {
        parts.push(format!("exit {code}"));
    } else if let status @ ("failed" | "declined") = text(&item["status"]) {
        parts.push(status.to_owned());
    }
    if voice(item) == Voice::Command
        && let Some(ms) = item["durationMs"]
            .as_u64()
            .filter(|ms| *ms >= WORTH_TELLING_MS)
    {
        parts.push(super::paint::span(ms));
    }
    if state == "partial" && voice(item) != Voice::Person {
        parts.push("interrupted here".to_owned());
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What a streaming notification adds to the body of its item, and the type of item that it belongs to.
pub fn growth(method: &str, params: &Value) -> Option<(&'static str, String)> {
    let kind = match method {
        "item/agentMessage/delta" => "agentMessage",
        "item/plan/delta" => "plan",
        "item/commandExecution/outputDelta" => "commandExecution",
        "item/reasoning/summaryTextDelta" => "reasoning",
        "item/reasoning/summaryPartAdded" => {
            let first = params["summaryIndex"].as_u64().unwrap_or(0) == 0;
            return Some(("reasoning", if first { "" } else { "\n\n" }.to_owned()));
        }
        _ => return None,
    };
    Some((kind, text(&params["delta"]).to_owned()))
}

/// A text of the wire; empty when it is none.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_are_told_in_words() {
        let command = json!({"type": "commandExecution", "command": "seq 2", "aggregatedOutput": "1\n2\n", "exitCode": 0, "durationMs": 2100});
        assert_eq!(
            (title(&command), body(&command)),
            ("seq 2".to_owned(), "1\n2\n".to_owned())
        );
        assert_eq!(
            outcome(&command, "completed"),
            Some("exit 0, 2 s".to_owned())
        );
        let said = json!({"type": "userMessage", "content": [{"type": "text", "text": "Look"}, {"type": "image", "url": "data:"}]});
        assert_eq!(body(&said), "Look\n[image]");
        let thought = json!({"type": "reasoning", "summary": ["a", "b"], "content": ["c"]});
        assert_eq!(
            (body(&thought), outcome(&thought, "partial")),
            ("a\n\nb".to_owned(), Some("interrupted here".to_owned()))
        );
        let files = json!({"type": "fileChange", "changes": [{"path": "a.txt", "kind": {"type": "add"}, "diff": "+hello"}]});
        assert_eq!(
            (title(&files), body(&files)),
            ("Changed a.txt".to_owned(), "add a.txt\n+hello\n".to_owned())
        );
        let tool = json!({"type": "mcpToolCall", "server": "docs", "tool": "find", "error": {"message": "no"}, "status": "failed"});
        assert_eq!(
            (title(&tool), body(&tool), outcome(&tool, "completed")),
            (
                "Tool · docs · find".to_owned(),
                "no".to_owned(),
                Some("failed".to_owned())
            )
        );
    }
}
