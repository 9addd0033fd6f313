//! Putting back into Codex's history what Codex does not keep: items of running and of interrupted turns.
//!
//! Codex stores completed items only. Which items are missing is the caller's knowledge; this file knows where turns
//! stand in the answers of `thread/resume`, `thread/read` and `thread/turns/list`.

use serde_json::Value;

/// The answer with each of `lost` (turn id, raw item) appended to its turn, unless the turn has that item. `None` when
/// nothing was missing.
pub fn complete_turns(result: &str, lost: &[(String, String)]) -> Option<String> {
    if lost.is_empty() {
        return None;
    }
    let mut answer: Value = serde_json::from_str(result).ok()?;
    let mut changed = false;
    for path in ["/thread/turns", "/data", "/initialTurnsPage/data"] {
        if let Some(Value::Array(turns)) = answer.pointer_mut(path) {
            for turn in turns {
                changed |= complete_turn(turn, lost);
            }
        }
    }
    changed.then(|| answer.to_string())
}

/// A raw turn object without its items, which repeat the text of each: what stays of a turn beside them.
pub fn turn_head(raw: &str) -> String {
    match serde_json::from_str::<Value>(raw) {
        Ok(Value::Object(mut turn)) => {
            turn.remove("items");
            turn.remove("itemsView");
            Value::Object(turn).to_string()
        }
        _ => "{}".to_owned(),
    }
}

fn complete_turn(turn: &mut Value, lost: &[(String, String)]) -> bool {
    let Some(id) = turn.get("id").and_then(Value::as_str).map(str::to_owned) else {
        return false;
    };
    let Some(Value::Array(items)) = turn.get_mut("items") else {
        return false;
    };
    let mut changed = false;
    for (_, raw) in lost.iter().filter(|(turn, _)| *turn == id) {
        let Ok(item) = serde_json::from_str::<Value>(raw) else {
            continue;
        };
        if items.iter().all(|own| own.get("id") != item.get("id")) {
            items.push(item);
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_that_codex_lost_stand_at_the_end_of_their_turn() {
        let answer =
            r#"{"thread":{"turns":[{"id":"t1","items":[{"id":"u1"}]},{"id":"t2","items":[]}]}}"#;
        let lost = [
            ("t1".to_owned(), r#"{"id":"m1","text":"hel"}"#.to_owned()),
            ("t1".to_owned(), r#"{"id":"u1"}"#.to_owned()),
        ];
        assert_eq!(
            complete_turns(answer, &lost).as_deref(),
            Some(
                r#"{"thread":{"turns":[{"id":"t1","items":[{"id":"u1"},{"id":"m1","text":"hel"}]},{"id":"t2","items":[]}]}}"#
            )
        );
    }

    #[test]
    fn a_turns_head_tells_how_it_ended() {
        let raw = r#"{"id":"t1","items":[{"id":"m1"}],"itemsView":"summary","status":"completed"}"#;
        assert_eq!(turn_head(raw), r#"{"id":"t1","status":"completed"}"#);
    }

    #[test]
    fn an_answer_that_lacks_nothing_is_left_alone() {
        assert_eq!(
            complete_turns(
                r#"{"data":[{"id":"t1","items":[{"id":"m1"}]}]}"#,
                &[("t1".into(), r#"{"id":"m1"}"#.into())]
            ),
            None
        );
        assert_eq!(complete_turns(r#"{"data":[]}"#, &[]), None);
    }
}
