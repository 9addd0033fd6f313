//! The history for programs: one JSON object a line, the session first, then its items, oldest first. docs/client.md says
//! what is in them.

use serde_json::json;

use super::History;

/// Counts what a reader may rely on; new fields do not raise it.
const FORMAT: u32 = 1;

/// The document.
pub fn document(history: &History) -> String {
    let head = json!({
        "type": "session", "format": FORMAT, "threadId": history.summary["threadId"], "journalId": history.journal,
        "exportedAtMs": history.exported_at_ms, "items": history.items.len(), "summary": history.summary,
    });
    let mut text = head.to_string() + "\n";
    for entry in &history.items {
        let mut line = entry.clone();
        line["type"] = "item".into();
        if let Some(turn) = entry["turnId"]
            .as_str()
            .and_then(|turn| history.turns.get(turn))
        {
            line["turn"] = turn.clone();
        }
        text += &line.to_string();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::client::export::tests::sample;

    #[test]
    fn each_line_is_an_object_and_the_items_are_whole() {
        let history = sample("a\nb \u{2028} \u{1b}");
        let text = document(&history);
        let lines: Vec<Value> = text
            .split_terminator('\n')
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            (&lines[0]["type"], &lines[0]["items"], &lines[0]["format"]),
            (&json!("session"), &json!(8), &json!(1))
        );
        assert_eq!(lines.len(), 9);
        for (line, entry) in lines[1..].iter().zip(&history.items) {
            assert_eq!(
                (&line["type"], &line["item"]),
                (&json!("item"), &entry["item"])
            );
        }
        assert_eq!(lines[8]["turn"]["status"], "failed");
    }
}
