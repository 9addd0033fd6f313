//! What lists show of a session besides the columns of its row: the last line that was said, and how full the context is.
//!
//! It lives in the row's `extra`; what else stands there is kept as it is.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Characters of a last line.
const LAST_LINE: usize = 160;

/// The notes of one session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Noted {
    /// The last line that the model has said, cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_line: Option<String>,
    /// How full the model's context was at its last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<Usage>,
}

/// Tokens of the last answer with all that came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Usage {
    tokens: u64,
    /// What the model takes at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<u64>,
}

impl Noted {
    /// The notes in a row's `extra`.
    pub(crate) fn of(extra: &str) -> Self {
        serde_json::from_str(extra).unwrap_or_default()
    }
}

/// The `extra` with the last line of what the model has said, unless it has said nothing.
pub(crate) fn with_last_line(extra: &str, said: &str) -> Option<String> {
    let mut lines = said.lines().rev().map(str::trim);
    let line: String = lines
        .find(|line| !line.is_empty())?
        .chars()
        .take(LAST_LINE)
        .collect();
    Some(with(extra, "lastLine", json!(line)))
}

/// The `extra` with what the params of `thread/tokenUsage/updated` say.
pub(crate) fn with_usage(extra: &str, params: &str) -> Option<String> {
    let params: Value = serde_json::from_str(params).ok()?;
    let usage = Usage {
        tokens: params["tokenUsage"]["last"]["totalTokens"].as_u64()?,
        window: params["tokenUsage"]["modelContextWindow"].as_u64(),
    };
    Some(with(extra, "usage", json!(usage)))
}

fn with(extra: &str, key: &str, value: Value) -> String {
    let mut fields: Map<String, Value> = serde_json::from_str(extra).unwrap_or_default();
    fields.insert(key.to_owned(), value);
    Value::Object(fields).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_added_and_all_else_stays() {
        let extra = with_last_line(r#"{"codexThread":"t"}"#, "one\n  two  \n\n").unwrap();
        let params = r#"{"tokenUsage":{"last":{"totalTokens":1200},"modelContextWindow":8000}}"#;
        let extra = with_usage(&extra, params).unwrap();
        let both = json!({"codexThread": "t", "lastLine": "two", "usage": {"tokens": 1200, "window": 8000}});
        assert_eq!(serde_json::from_str::<Value>(&extra).unwrap(), both);
        assert_eq!(Noted::of(&extra).last_line.as_deref(), Some("two"));
        assert_eq!(with_last_line(&extra, " \n"), None);
        assert_eq!(with_usage(&extra, "{}"), None);
        assert_eq!(Noted::of(""), Noted::default());
    }
}
