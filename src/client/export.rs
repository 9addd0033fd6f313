//! `holdfast export`: a session as a document, from the host, so redacted as every tab sees it. Also of sessions whose Codex
//! does not run; no Codex is woken. It follows nothing: what comes later is not in it.

mod html;
mod jsonl;
mod markdown;

use std::{
    collections::HashMap,
    io::{self, Write as _},
    path::Path,
};

use serde_json::{Value, json};

use super::{
    Stdout, door::Door, failure::Failure, find, item::text, now_ms, safe::Cleaner, socket::Socket,
};
use crate::args::{ExportArgs, Format};

/// Items asked for at once, the most that the host gives.
const PAGE: usize = 1000;

/// A session's whole history. It is in memory as a whole: what a journal keeps of one session has a bound.
#[derive(Debug, Default)]
pub struct History {
    /// The session's summary.
    pub summary: Value,
    /// The journal that it comes from.
    pub journal: String,
    /// When it was read.
    pub exported_at_ms: u64,
    /// The entries, oldest first.
    pub items: Vec<Value>,
    /// How each turn ended, by its id.
    pub turns: HashMap<String, Value>,
}

/// Reads it, and writes it.
pub async fn run(args: ExportArgs, out: &mut Stdout) -> Result<u8, Failure> {
    let mut socket = Socket::open(&Door::find(&args.door)?).await?;
    let thread = find::thread(&mut socket, &args.thread).await?;
    let history = History::read(&mut socket, &thread).await?;
    let document = match args.format {
        Format::Md => markdown::document(&history),
        Format::Jsonl => jsonl::document(&history),
        Format::Html => html::document(&history),
    };
    match &args.output {
        None => out.write(&document)?,
        Some(file) => write(file, &document)
            .map_err(|error| Failure::Other(format!("cannot write {}: {error}", file.display())))?,
    }
    Ok(0)
}

/// Puts the document in place whole or not at all, readable by its owner alone.
fn write(file: &Path, document: &str) -> io::Result<()> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut scratch = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    scratch.write_all(document.as_bytes())?;
    scratch.persist(file).map_err(|error| error.error)?;
    Ok(())
}

impl History {
    async fn read(socket: &mut Socket, thread: &str) -> Result<Self, Failure> {
        let all = find::list(socket, json!({})).await?;
        let summary = all
            .into_iter()
            .find(|session| find::id(session) == thread)
            .unwrap_or_default();
        let journal = text(&socket.terms["journalId"]).to_owned();
        let mut items: Vec<Value> = Vec::new();
        let mut params = json!({"threadId": thread, "limit": PAGE});
        loop {
            let mut page = socket.call("host/session/items", params.clone()).await?;
            if let Value::Array(data) = page["data"].take() {
                items.extend(data);
            }
            if page["olderCursor"].is_null() {
                break;
            }
            params["before"] = page["olderCursor"].take();
        }
        items.reverse();
        Ok(Self::of(summary, journal, items))
    }

    fn of(summary: Value, journal: String, items: Vec<Value>) -> Self {
        let ended = items.iter().filter(|entry| entry["turn"].is_object());
        let turns = ended
            .map(|entry| (text(&entry["turnId"]).to_owned(), entry["turn"].clone()))
            .collect();
        Self {
            summary,
            journal,
            exported_at_ms: now_ms(),
            items,
            turns,
        }
    }

    /// What the session is called.
    fn title(&self) -> String {
        let name = find::name(&self.summary);
        if name.is_empty() {
            "A session without a name".to_owned()
        } else {
            name
        }
    }

    /// What stands above the document: names and values.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let summary = &self.summary;
        let line = |key: &str| Cleaner::line(text(&summary[key]));
        let facts = [
            ("Folder", line("cwd")),
            ("Model", line("model")),
            (
                "Begun",
                summary["createdAtMs"]
                    .as_u64()
                    .map_or(String::new(), moment),
            ),
            ("Exported", moment(self.exported_at_ms)),
            ("Session", line("threadId")),
        ];
        facts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }

    /// The entries of each turn, in the order in which the turns began.
    fn by_turn(&self) -> Vec<(&str, Vec<&Value>)> {
        let mut turns: Vec<(&str, Vec<&Value>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for entry in &self.items {
            let turn = text(&entry["turnId"]);
            let place = *places.entry(turn).or_insert(turns.len());
            if place == turns.len() {
                turns.push((turn, Vec::new()));
            }
            turns[place].1.push(entry);
        }
        turns
    }

    /// How a turn ended, where that is worth a line.
    fn end(&self, turn: &str) -> Option<String> {
        let ended = self.turns.get(turn)?;
        let mut words = match text(&ended["status"]) {
            "completed" => return None,
            "failed" => "The turn failed".to_owned(),
            status => format!("The turn was {}", Cleaner::line(status)),
        };
        let error = Cleaner::line(text(&ended["error"]["message"]));
        if !error.is_empty() {
            words += &format!(": {error}");
        }
        Some(words)
    }
}

/// "2026-11-24 18:52 UTC".
fn moment(ms: u64) -> String {
    let (days, seconds) = (ms / 86_400_000, ms / 1000 % 86_400);
    // Days since 1970 as a date, by the count of days in 400 years from the first of March of the year 0.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02} UTC",
        seconds / 3600,
        seconds / 60 % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session with one of each thing.
    pub(super) fn sample(said: &str) -> History {
        let entry = |turn: &str, id: &str, item: Value| json!({"turnId": turn, "itemId": id, "seq": 1, "state": "completed", "item": item});
        let command = json!({"type": "commandExecution", "command": said, "aggregatedOutput": said, "exitCode": 1, "durationMs": 10});
        let change = json!({"type": "fileChange", "changes": [{"path": said, "kind": "add", "diff": format!("+{said}\n-{said}\n@@ {said}")}]});
        let mut items = vec![
            entry(
                "t1",
                "i1",
                json!({"type": "userMessage", "content": [{"type": "text", "text": said}]}),
            ),
            entry("t1", "i2", json!({"type": "reasoning", "summary": [said]})),
            entry("t1", "i3", command),
            entry("t1", "i4", change),
            entry("t1", "i5", json!({"type": "plan", "text": said})),
            entry(
                "t1",
                "i6",
                json!({"type": "mcpToolCall", "server": said, "tool": said, "error": {"message": said}}),
            ),
            entry("t1", "i7", json!({"type": said})),
            entry("t2", "i8", json!({"type": "agentMessage", "text": said})),
        ];
        items[7]["turn"] = json!({"status": "failed", "error": {"message": said}});
        let summary = json!({"threadId": "0199", "title": said, "cwd": said, "model": said, "createdAtMs": 1});
        History {
            exported_at_ms: 2,
            ..History::of(summary, "j".to_owned(), items)
        }
    }

    #[test]
    fn moments_are_dates() {
        assert_eq!(moment(0), "1970-01-01 00:00 UTC");
        assert_eq!(moment(951_782_400_000), "2000-02-29 00:00 UTC");
        assert_eq!(moment(1_795_545_120_000), "2026-11-24 18:32 UTC");
        assert_eq!(moment(1_735_689_599_000), "2024-12-31 23:59 UTC");
    }

    #[test]
    fn turns_keep_their_order_and_tell_a_bad_end() {
        let history = sample("x");
        let turns: Vec<(&str, usize)> = history
            .by_turn()
            .iter()
            .map(|(turn, items)| (*turn, items.len()))
            .collect();
        assert_eq!(turns, [("t1", 7), ("t2", 1)]);
        assert_eq!(history.end("t2"), Some("The turn failed: x".to_owned()));
        assert_eq!(history.end("t1"), None);
    }
}
