//! `holdfast sessions`: what the host has, as a table or as the host's own summaries.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    Stdout,
    door::Door,
    failure::Failure,
    find, now_ms,
    paint::{Paint, columns, cut, span},
    safe::Cleaner,
    socket::Socket,
};
use crate::args::SessionsArgs;

/// Shortest beginning of an id that is shown: ids that were made in the same minute begin alike.
const ID_CHARS: usize = 8;
/// Widest title and folder of the table.
const TITLE_COLUMNS: usize = 48;
const FOLDER_COLUMNS: usize = 40;

/// Lists them.
pub async fn run(args: SessionsArgs, out: &mut Stdout) -> Result<u8, Failure> {
    let mut socket = Socket::open(&Door::find(&args.door)?).await?;
    let mut params = json!({});
    for (key, value) in [("search", args.search), ("state", args.state)] {
        if let Some(value) = value {
            params[key] = value.into();
        }
    }
    let mut sessions = find::list(&mut socket, params).await?;
    sessions.retain(|session| args.all || session["archived"] != true);
    if args.json {
        out.line(&json!({"data": sessions}).to_string())?;
    } else if sessions.is_empty() {
        out.write("no sessions\n")?;
    } else {
        out.write(&table(&sessions, now_ms(), out.paint))?;
    }
    Ok(0)
}

fn table(sessions: &[Value], now_ms: u64, paint: Paint) -> String {
    let ids: BTreeSet<&str> = sessions.iter().map(find::id).collect();
    let heading = ["ID", "STATE", "ACTIVE", "TITLE", "FOLDER"]
        .map(str::to_owned)
        .to_vec();
    let row = |session: &Value| {
        let active = now_ms.saturating_sub(session["lastEventAtMs"].as_u64().unwrap_or(now_ms));
        vec![
            short(find::id(session), &ids),
            Cleaner::line(session["state"].as_str().unwrap_or_default()),
            span(active),
            cut(&find::name(session), TITLE_COLUMNS),
            cut(
                &Cleaner::line(session["cwd"].as_str().unwrap_or_default()),
                FOLDER_COLUMNS,
            ),
        ]
    };
    let rows: Vec<Vec<String>> = std::iter::once(heading)
        .chain(sessions.iter().map(row))
        .collect();
    columns(&rows, paint, |column, cell| match column {
        1 => paint.state(cell),
        2 | 4 => paint.dim(cell),
        _ => cell.to_owned(),
    })
}

/// The shortest beginning of an id that fits no other one.
fn short(id: &str, ids: &BTreeSet<&str>) -> String {
    let fits = |length: usize| {
        id.get(..length)
            .is_some_and(|start| ids.iter().filter(|other| other.starts_with(start)).count() == 1)
    };
    let length = (ID_CHARS..id.len())
        .find(|length| fits(*length))
        .unwrap_or(id.len());
    Cleaner::line(id.get(..length).unwrap_or(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_ids_that_are_enough_and_nothing_that_drives_the_terminal() {
        let session = |id: &str, title: Value| json!({"threadId": id, "state": "needsYou", "title": title, "preview": "Hello\nthere", "cwd": "/src", "lastEventAtMs": 1000});
        let sessions = [
            session("0199aaaa-1111-x", json!("Build \u{1b}]0;gotcha\u{7}it")),
            session("0199aaaa-1112-x", Value::Null),
            session("0200aaaa-1112-x", Value::Null),
        ];
        assert_eq!(
            table(&sessions, 63_000, Paint { on: false }),
            "ID             STATE     ACTIVE  TITLE        FOLDER\n\
             0199aaaa-1111  needsYou  1 min   Build it     /src\n\
             0199aaaa-1112  needsYou  1 min   Hello there  /src\n\
             0200aaaa       needsYou  1 min   Hello there  /src\n"
        );
    }
}
