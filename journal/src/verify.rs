//! Looks at everything that a journal holds, and says what of it is not as it was written. It changes nothing, also not
//! what it finds: a damaged journal is set aside by the next start of the host.

use rusqlite::{Connection, params};

use crate::archive::Archive;
use crate::error::ReadError;
use crate::ledger::feed_keys;
use crate::pack::unpack;
use crate::schema::key_seq;

/// Findings that are kept; what is beyond is counted.
const FINDINGS: usize = 100;
/// Hex digits of a journal's name.
const ID_DIGITS: usize = 32;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What is wrong, in words; the first hundred.
    pub findings: Vec<String>,
    /// How much is wrong, the findings that were not kept too.
    pub wrong: u64,
    /// Each session's events, in the order in which the sessions began.
    pub sessions: Vec<Extent>,
    /// Items of all sessions.
    pub items: u64,
}

/// The events of one session that can be replayed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// The session.
    pub thread: String,
    /// `seq` of the newest event that is compacted away.
    pub compacted: u64,
    /// `seq` of the newest event.
    pub head: u64,
    /// Bytes of the events as tabs get them.
    pub bytes: u64,
    /// Bytes of them in the file.
    pub stored_bytes: u64,
}

/// Judges what only the host can read: an event's line by its `seq`, and an item's JSON. `Some` says what is wrong.
pub struct Judge<'a> {
    /// For each event line, without its newline.
    pub event: &'a mut dyn FnMut(u64, &[u8]) -> Option<String>,
    /// For each item.
    pub item: &'a mut dyn FnMut(&[u8]) -> Option<String>,
}

impl Verdict {
    /// Whether all is as it was written.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.wrong == 0
    }

    fn note(&mut self, finding: String) {
        self.wrong += 1;
        if self.findings.len() < FINDINGS {
            self.findings.push(finding);
        }
    }
}

impl Archive {
    /// Looks at every page, every event and every item. Each session is seen in one state; a host may write meanwhile.
    ///
    /// # Errors
    /// The database cannot be read at all; damage that can be read around is a finding.
    pub fn verify(&self, judge: &mut Judge<'_>) -> Result<Verdict, ReadError> {
        let mut verdict = Verdict::default();
        if self.id().len() != ID_DIGITS || !self.id().bytes().all(|byte| byte.is_ascii_hexdigit()) {
            verdict.note("the journal has lost its id".to_owned());
        }
        self.look(|connection| Ok(pages(connection, &mut verdict)?))?;
        self.look(|connection| Ok(strays(connection, &mut verdict)?))?;
        for thread in self.threads()? {
            let read =
                self.look(|connection| Ok(events(connection, &thread, judge, &mut verdict)?));
            if let Err(error) = read {
                verdict.note(format!(
                    "session {thread}: its events cannot be read: {error}"
                ));
            }
        }
        let read = self.look(|connection| Ok(items(connection, judge, &mut verdict)?));
        if let Err(error) = read {
            verdict.note(format!("not all items can be read: {error}"));
        }
        Ok(verdict)
    }
}

/// SQLite's own check of all pages, indexes and the search.
fn pages(connection: &Connection, verdict: &mut Verdict) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({FINDINGS})"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let found: String = row.get(0)?;
        if found != "ok" {
            verdict.note(format!("the file: {}", found.replace('\n', "; ")));
        }
    }
    Ok(())
}

/// Rows that belong to no session.
fn strays(connection: &Connection, verdict: &mut Verdict) -> rusqlite::Result<()> {
    for (what, feed) in [
        ("events", "key >> 40"),
        ("items", "feed"),
        ("prompts", "feed"),
        ("sessions", "feed"),
    ] {
        let sql = format!("SELECT count(*) FROM {what} WHERE {feed} NOT IN (SELECT id FROM feeds)");
        let count: u64 = connection.query_row(&sql, [], |row| row.get(0))?;
        if count > 0 {
            verdict.note(format!("{count} rows of {what} belong to no session"));
        }
    }
    Ok(())
}

/// One session's rows: no number is missing or doubled, each row unpacks to as many lines as it says.
fn events(
    connection: &Connection,
    thread: &str,
    judge: &mut Judge<'_>,
    verdict: &mut Verdict,
) -> rusqlite::Result<()> {
    let (feed, compacted): (i64, u64) = connection
        .prepare_cached("SELECT id, compacted FROM feeds WHERE thread = ?1")?
        .query_row([thread], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut extent = Extent {
        thread: thread.to_owned(),
        compacted,
        head: compacted,
        ..Extent::default()
    };
    let mut statement = connection.prepare_cached(
        "SELECT key, count, size, start, lines FROM events WHERE key BETWEEN ?1 AND ?2 ORDER BY key",
    )?;
    let (first, last) = feed_keys(feed);
    let mut rows = statement.query(params![first, last])?;
    let mut end: Option<u64> = None;
    while let Some(row) = rows.next()? {
        let (key, count, size, start): (i64, u64, u64, u64) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let last = key_seq(key);
        let begins = (last + 1).saturating_sub(count);
        if begins != extent.head + 1 {
            verdict.note(format!(
                "session {thread}: event {} should follow, but the next row has {begins} to {last}",
                extent.head + 1
            ));
        }
        if end.is_some_and(|end| end != start) {
            verdict.note(format!(
                "session {thread}: the sizes before event {begins} do not add up"
            ));
        }
        let stored = row.get_ref(4)?.as_blob().map_err(rusqlite::Error::from)?;
        (extent.head, end) = (last, Some(start + size));
        extent.bytes += size;
        extent.stored_bytes += stored.len() as u64;
        let lines = usize::try_from(size)
            .ok()
            .and_then(|size| unpack(stored, size));
        match lines {
            None => verdict.note(format!(
                "session {thread}: events {begins} to {last} cannot be unpacked"
            )),
            Some(lines) => judge_lines(thread, begins, count, &lines, judge, verdict),
        }
    }
    verdict.sessions.push(extent);
    Ok(())
}

fn judge_lines(
    thread: &str,
    begins: u64,
    count: u64,
    lines: &[u8],
    judge: &mut Judge<'_>,
    verdict: &mut Verdict,
) {
    let found = memchr::memchr_iter(b'\n', lines).count() as u64;
    if found != count || !lines.ends_with(b"\n") {
        verdict.note(format!(
            "session {thread}: the row of event {begins} has {found} lines, not {count}"
        ));
        return;
    }
    for (seq, line) in (begins..).zip(
        lines
            .split(|byte| *byte == b'\n')
            .take(usize::try_from(count).unwrap_or(0)),
    ) {
        if let Some(wrong) = (judge.event)(seq, line) {
            verdict.note(format!("session {thread}: event {seq}: {wrong}"));
        }
    }
}

fn items(
    connection: &Connection,
    judge: &mut Judge<'_>,
    verdict: &mut Verdict,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT f.thread, i.turn, i.id, i.size, i.json FROM items i JOIN feeds f ON f.id = i.feed ORDER BY i.row",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        verdict.items += 1;
        let size: usize = row.get(3)?;
        let stored = row.get_ref(4)?.as_blob().map_err(rusqlite::Error::from)?;
        let wrong = match unpack(stored, size) {
            None => Some("it cannot be unpacked".to_owned()),
            Some(json) => (judge.item)(&json),
        };
        if let Some(wrong) = wrong {
            let (thread, turn, id): (String, String, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            verdict.note(format!("session {thread}: item {turn}/{id}: {wrong}"));
        }
    }
    Ok(())
}
