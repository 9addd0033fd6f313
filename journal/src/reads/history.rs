//! What a session is made of besides events: its row, items, prompts and decisions; and the running processes.
//!
//! Each answer is bounded by what the caller asks for or by a constant here.

use bytes::Bytes;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Readers, feed};
use crate::error::ReadError;
use crate::ledger::feed_keys;
use crate::pack::unpack;
use crate::records::{
    Decision, Item, ItemState, OpenTurn, Process, Prompt, PromptState, PromptWhen, Session,
};
use crate::schema::key_seq;

/// How many finished prompts a session's list shows besides the unfinished; older ones are found by their id only.
const FINISHED_PROMPTS: i64 = 100;

const SESSION: &str = "SELECT f.id, f.thread, f.compacted, s.cwd, s.title, s.preview, s.model, s.source, s.sandbox,
    s.approval_policy, s.created, s.updated, s.generation, s.turn, s.turn_first, s.turn_started, s.phase,
    s.phase_reason, s.archived, s.resumable, s.extra FROM sessions s JOIN feeds f ON f.id = s.feed";

const DECISION: &str = "d.request, d.method, d.decision, d.\"by\", d.at, d.turn, d.item, d.extra";
const PROMPT: &str =
    "SELECT p.id, p.state, p.\"when\", p.input, p.shown, p.overrides, p.turn, p.position, p.at";

impl Readers {
    /// All sessions, the latest changed first.
    pub(crate) fn sessions(&self) -> Result<Vec<Session>, ReadError> {
        self.snapshot(|connection| {
            let mut statement = connection
                .prepare_cached(&format!("{SESSION} ORDER BY s.updated DESC, f.id DESC"))?;
            let mut rows = statement.query([])?;
            let mut sessions = Vec::new();
            while let Some(row) = rows.next()? {
                sessions.push(session(connection, row)?);
            }
            Ok(sessions)
        })
    }

    pub(crate) fn session(&self, thread: &str) -> Result<Option<Session>, ReadError> {
        self.snapshot(|connection| {
            Ok(connection
                .prepare_cached(&format!("{SESSION} WHERE f.thread = ?1"))?
                .query_row([thread], |row| session(connection, row))
                .optional()?)
        })
    }

    /// Items before `before`, newest first. Items of one `seq` are never parted, so paging by `seq` loses none.
    pub(crate) fn items(
        &self,
        thread: &str,
        before: Option<u64>,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Item>, ReadError> {
        self.snapshot(|connection| {
            let Some((feed, _)) = feed(connection, thread)? else {
                return Ok(Vec::new());
            };
            let mut statement = connection.prepare_cached(
                "SELECT turn, id, seq, done, kind, state, size, json, text FROM items
                 WHERE feed = ?1 AND seq < ?2 ORDER BY seq DESC, row DESC",
            )?;
            let before = before.and_then(|seq| i64::try_from(seq).ok());
            let mut rows = statement.query(params![feed, before.unwrap_or(i64::MAX)])?;
            let mut items: Vec<Item> = Vec::new();
            let mut bytes = 0;
            while let Some(row) = rows.next()? {
                let item = item(thread, row)?;
                let full = items.len() >= limit.max(1) || bytes >= max_bytes;
                if full && items.last().is_some_and(|last| last.seq != item.seq) {
                    break;
                }
                bytes += item.json.len() + item.text.len();
                items.push(item);
            }
            Ok(items)
        })
    }

    /// Whether an item is complete: its last event is committed.
    pub(crate) fn is_complete(
        &self,
        thread: &str,
        turn: &str,
        item: &str,
    ) -> Result<bool, ReadError> {
        let lent = self.lend()?;
        let mut statement = lent.prepare_cached(
            "SELECT 1 FROM feeds f JOIN items i ON i.feed = f.id
             WHERE f.thread = ?1 AND i.turn = ?2 AND i.id = ?3 AND i.done IS NOT NULL",
        )?;
        Ok(statement.exists([thread, turn, item])?)
    }

    /// A session's prompts that wait for something, be it a person's word, and its latest finished ones, in the order of
    /// the queue.
    pub(crate) fn prompts(&self, thread: &str) -> Result<Vec<Prompt>, ReadError> {
        self.snapshot(|connection| {
            let Some((feed, _)) = feed(connection, thread)? else {
                return Ok(Vec::new());
            };
            let mut statement = connection.prepare_cached(&format!(
                "{PROMPT} FROM prompts p WHERE p.feed = ?1 AND p.state IN ('queued', 'sending', 'running', 'not_run')
                 UNION ALL SELECT * FROM ({PROMPT} FROM prompts p WHERE p.feed = ?1
                 AND p.state NOT IN ('queued', 'sending', 'running', 'not_run') ORDER BY p.at DESC, p.row DESC LIMIT ?2)
                 ORDER BY 8, 9"
            ))?;
            let prompts = statement.query_map(params![feed, FINISHED_PROMPTS], prompt)?;
            Ok(prompts.collect::<rusqlite::Result<_>>()?)
        })
    }

    pub(crate) fn prompt(&self, thread: &str, id: &str) -> Result<Option<Prompt>, ReadError> {
        let lent = self.lend()?;
        let mut statement = lent.prepare_cached(&format!(
            "{PROMPT} FROM feeds f JOIN prompts p ON p.feed = f.id WHERE f.thread = ?1 AND p.id = ?2"
        ))?;
        Ok(statement.query_row([thread, id], prompt).optional()?)
    }

    /// The unfinished prompts of all sessions, each with its thread, in the order of the queue.
    pub(crate) fn open_prompts(&self) -> Result<Vec<(String, Prompt)>, ReadError> {
        let lent = self.lend()?;
        let mut statement = lent.prepare_cached(&format!(
            "{PROMPT}, f.thread FROM prompts p JOIN feeds f ON f.id = p.feed
             WHERE p.state IN ('queued', 'sending', 'running') ORDER BY p.feed, p.position, p.at"
        ))?;
        let prompts = statement.query_map([], |row| Ok((row.get(9)?, prompt(row)?)))?;
        Ok(prompts.collect::<rusqlite::Result<_>>()?)
    }

    /// A session's decisions, newest first.
    pub(crate) fn decisions(&self, thread: &str, limit: usize) -> Result<Vec<Decision>, ReadError> {
        let lent = self.lend()?;
        let mut statement = lent.prepare_cached(&format!(
            "SELECT {DECISION} FROM feeds f JOIN decisions d ON d.feed = f.id WHERE f.thread = ?1 ORDER BY d.row DESC LIMIT ?2"
        ))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let decisions = statement.query_map(params![thread, limit], decision)?;
        Ok(decisions.collect::<rusqlite::Result<_>>()?)
    }

    /// The decisions of all sessions with their threads, newest first.
    pub(crate) fn all_decisions(&self, limit: usize) -> Result<Vec<(String, Decision)>, ReadError> {
        let lent = self.lend()?;
        let mut statement = lent.prepare_cached(&format!(
            "SELECT {DECISION}, f.thread FROM decisions d JOIN feeds f ON f.id = d.feed ORDER BY d.row DESC LIMIT ?1"
        ))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let decisions =
            statement.query_map(params![limit], |row| Ok((row.get(8)?, decision(row)?)))?;
        Ok(decisions.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn processes(&self) -> Result<Vec<Process>, ReadError> {
        let lent = self.lend()?;
        let mut statement =
            lent.prepare_cached("SELECT pid, start_time, thread, program FROM processes")?;
        let processes = statement.query_map([], |row| {
            Ok(Process {
                pid: row.get(0)?,
                start_time: row.get(1)?,
                thread: row.get(2)?,
                program: row.get(3)?,
            })
        })?;
        Ok(processes.collect::<rusqlite::Result<_>>()?)
    }
}

fn session(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Session> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT max(key) FROM events WHERE key BETWEEN ?1 AND ?2")?
        .query_row(feed_keys(row.get(0)?), |row| row.get(0))?;
    let turn: Option<String> = row.get(13)?;
    Ok(Session {
        thread: row.get(1)?,
        head: last.map_or_else(|| row.get(2), |key| Ok(key_seq(key)))?,
        cwd: row.get(3)?,
        title: row.get(4)?,
        preview: row.get(5)?,
        model: row.get(6)?,
        source: row.get(7)?,
        sandbox: row.get(8)?,
        approval_policy: row.get(9)?,
        created_ms: row.get(10)?,
        updated_ms: row.get(11)?,
        generation: row.get(12)?,
        open_turn: turn
            .map(|turn_id| {
                Ok::<_, rusqlite::Error>(OpenTurn {
                    turn_id,
                    first_seq: row.get(14)?,
                    started_ms: row.get(15)?,
                })
            })
            .transpose()?,
        phase: row.get(16)?,
        phase_reason: row.get(17)?,
        archived: row.get(18)?,
        resumable: row.get(19)?,
        extra: row.get(20)?,
    })
}

fn item(thread: &str, row: &Row<'_>) -> Result<Item, ReadError> {
    let stored = row.get_ref(7)?.as_blob().map_err(rusqlite::Error::from)?;
    let json = unpack(stored, row.get(6)?).ok_or_else(|| ReadError::Damaged {
        thread: thread.to_owned(),
        seq: row.get(2).unwrap_or(0),
    })?;
    Ok(Item {
        turn: row.get(0)?,
        id: row.get(1)?,
        seq: row.get(2)?,
        done_seq: row.get(3)?,
        kind: row.get(4)?,
        state: word(row, 5, ItemState::parse)?,
        json: Bytes::from(json),
        text: row.get(8)?,
    })
}

fn decision(row: &Row<'_>) -> rusqlite::Result<Decision> {
    Ok(Decision {
        request: row.get(0)?,
        method: row.get(1)?,
        decision: row.get(2)?,
        by: row.get(3)?,
        at_ms: row.get(4)?,
        turn: row.get(5)?,
        item: row.get(6)?,
        extra: row.get(7)?,
    })
}

fn prompt(row: &Row<'_>) -> rusqlite::Result<Prompt> {
    Ok(Prompt {
        id: row.get(0)?,
        state: word(row, 1, PromptState::parse)?,
        when: word(row, 2, PromptWhen::parse)?,
        input: row.get(3)?,
        shown: row.get(4)?,
        overrides: row.get(5)?,
        turn: row.get(6)?,
        position: row.get(7)?,
        at_ms: row.get(8)?,
    })
}

/// A column that holds one word of a closed list.
fn word<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| {
        let unknown = format!("unknown word {text:?}");
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, unknown.into())
    })
}
