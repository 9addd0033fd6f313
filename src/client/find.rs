//! Finds the session that a person means by a beginning of its id or title. Not a search through what was said.

use serde_json::{Value, json};

use super::{failure::Failure, safe::Cleaner, socket::Socket};

/// Sessions asked for at once, the most that the host gives.
const PAGE: usize = 500;
/// Sessions named when several fit.
const NAMED: usize = 8;

/// Every session that fits, newest activity first.
pub async fn list(socket: &mut Socket, mut params: Value) -> Result<Vec<Value>, Failure> {
    params["limit"] = PAGE.into();
    let mut all = Vec::new();
    loop {
        let mut page = socket.call("host/sessions/list", params.clone()).await?;
        if let Value::Array(data) = page["data"].take() {
            all.extend(data);
        }
        if page["nextCursor"].is_null() {
            return Ok(all);
        }
        params["cursor"] = page["nextCursor"].take();
    }
}

/// The id of the session that `wanted` names.
pub async fn thread(socket: &mut Socket, wanted: &str) -> Result<String, Failure> {
    let all = list(socket, json!({})).await?;
    pick(&all, wanted).map(|session| id(session).to_owned())
}

/// The id of a summary.
pub fn id(summary: &Value) -> &str {
    summary["threadId"].as_str().unwrap_or_default()
}

/// What a session is called: its title, else how it began.
pub fn name(summary: &Value) -> String {
    let title = summary["title"].as_str().filter(|title| !title.is_empty());
    Cleaner::line(title.or(summary["preview"].as_str()).unwrap_or_default())
}

/// An exact id, else the one id that begins so, else the one title that does.
fn pick<'a>(all: &'a [Value], wanted: &str) -> Result<&'a Value, Failure> {
    if wanted.trim().is_empty() {
        return Err(Failure::Usage(
            "name a session: `holdfast sessions` lists them".to_owned(),
        ));
    }
    let folded = wanted.to_lowercase();
    if let Some(exact) = all.iter().find(|session| id(session) == wanted) {
        return Ok(exact);
    }
    let by_id = |session: &&Value| id(session).starts_with(&folded);
    let by_title = |session: &&Value| {
        session["title"]
            .as_str()
            .unwrap_or_default()
            .to_lowercase()
            .starts_with(&folded)
    };
    let mut found: Vec<&Value> = all.iter().filter(by_id).collect();
    if found.is_empty() {
        found = all.iter().filter(by_title).collect();
    }
    let shown = Cleaner::line(wanted);
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::NoSession(format!(
            "no session's id or title begins with \"{shown}\"; `holdfast sessions` lists them"
        ))),
        several => {
            let names = several
                .iter()
                .take(NAMED)
                .map(|session| format!("\n  {}  {}", id(session), name(session)));
            Err(Failure::NoSession(format!(
                "{} sessions begin with \"{shown}\", write more of it:{}",
                several.len(),
                names.collect::<String>()
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(wanted: &str) -> Result<String, String> {
        let all = [
            json!({"threadId": "0199-aa01", "title": "Fix the build"}),
            json!({"threadId": "0199-aa02", "title": "Fix the docs"}),
            json!({"threadId": "0199-bb", "title": null, "preview": "0199-aa"}),
            json!({"threadId": "0199", "title": "0199-b as a title"}),
        ];
        pick(&all, wanted)
            .map(|session| id(session).to_owned())
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_session_is_named_by_the_beginning_of_its_id_or_title() {
        for (wanted, expected) in [
            ("0199-aa02", "0199-aa02"),
            ("0199-b", "0199-bb"),
            ("0199-BB", "0199-bb"),
            ("fix the d", "0199-aa02"),
            ("0199", "0199"),
        ] {
            assert_eq!(found(wanted), Ok(expected.to_owned()), "{wanted}");
        }
    }

    #[test]
    fn what_fits_none_or_several_is_refused_with_the_names() {
        assert!(found("nothing").unwrap_err().contains("no session"));
        assert!(found("  ").unwrap_err().contains("name a session"));
        let several = found("fix").unwrap_err();
        assert!(
            several.starts_with("2 sessions") && several.contains("0199-aa01  Fix the build"),
            "{several}"
        );
    }
}
