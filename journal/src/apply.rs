//! One write as SQL: every row that it puts, inside the transaction that the writer has begun.
//!
//! It neither begins nor commits, and it does not judge: writes were checked when they were queued.

use rusqlite::{Connection, OptionalExtension, params};

use crate::ledger::{Feed, Ledger};
use crate::pack::Packer;
use crate::records::{Batch, Decision, Item, Process, ProcessChange, Prompt, Session, Write};
use crate::schema::event_key;

/// About how many bytes of lines one event row holds: the reach of LZ4. A read that begins in the middle of a row unpacks
/// all of it. A longer single event has a row of its own.
pub(crate) const ROW_BYTES: usize = 64 * 1024;

/// Puts writes into one transaction.
pub(crate) struct Apply<'a> {
    /// The writer's connection, inside a transaction.
    pub connection: &'a Connection,
    /// What is known of the feeds; brought forward with the rows.
    pub ledger: &'a mut Ledger,
    /// Packs event rows.
    pub packer: &'a mut Packer,
    /// Now, ms since the epoch.
    pub now: u64,
    /// How much of an item's text is kept.
    pub text_bytes: usize,
    /// See [`Options::discard_events`](crate::Options::discard_events).
    pub discard_events: bool,
    /// By how many bytes the items have grown.
    pub item_growth: i64,
}

impl Apply<'_> {
    /// Puts everything that `write` holds.
    pub(crate) fn write(&mut self, write: &Write) -> rusqlite::Result<()> {
        for change in &write.processes {
            self.process(change)?;
        }
        if write.thread.is_empty() {
            return Ok(());
        }
        let feed = self.feed(&write.thread)?;
        if let Some(batch) = &write.batch {
            if self.discard_events {
                self.discard(&write.thread, feed, batch)?;
            } else {
                self.batch(&write.thread, feed, batch)?;
            }
        }
        if let Some(session) = &write.session {
            self.session(feed.id, session)?;
        }
        for item in &write.items {
            self.item(feed.id, item)?;
        }
        for prompt in &write.prompts {
            self.prompt(feed.id, prompt)?;
        }
        for decision in &write.decisions {
            self.decision(feed.id, decision)?;
        }
        Ok(())
    }

    fn feed(&mut self, thread: &str) -> rusqlite::Result<Feed> {
        if let Some(feed) = self.ledger.get(thread) {
            return Ok(feed);
        }
        let feed = Feed {
            id: self.ledger.next_id(),
            ..Feed::default()
        };
        self.connection
            .prepare_cached("INSERT INTO feeds (id, thread, compacted) VALUES (?1, ?2, 0)")?
            .execute(params![feed.id, thread])?;
        self.ledger.set(thread, feed);
        Ok(feed)
    }

    fn batch(&mut self, thread: &str, mut feed: Feed, batch: &Batch) -> rusqlite::Result<()> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO events (key, count, at, start, size, lines) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for (events, lines) in pieces(&batch.lines) {
            let last = feed.head + events;
            insert.execute(params![
                event_key(feed.id, last),
                events,
                self.now,
                feed.end,
                lines.len(),
                self.packer.pack(lines),
            ])?;
            feed.head = last;
            feed.end += lines.len() as u64;
        }
        feed.oldest.get_or_insert(self.now);
        self.ledger.set(thread, feed);
        Ok(())
    }

    /// Only the head is kept.
    fn discard(&mut self, thread: &str, feed: Feed, batch: &Batch) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("UPDATE feeds SET compacted = ?2 WHERE id = ?1")?
            .execute(params![feed.id, integer(batch.last)])?;
        self.ledger.set(thread, feed.discarded(batch.last));
        Ok(())
    }

    fn session(&self, feed: i64, session: &Session) -> rusqlite::Result<()> {
        let turn = session.open_turn.as_ref();
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO sessions (feed, cwd, title, preview, model, source, sandbox, approval_policy,
                 created, updated, generation, turn, turn_first, turn_started, phase, phase_reason, archived, resumable,
                 extra) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
            )?
            .execute(params![
                feed,
                session.cwd,
                session.title,
                session.preview,
                session.model,
                session.source,
                session.sandbox,
                session.approval_policy,
                integer(session.created_ms),
                integer(session.updated_ms),
                integer(session.generation),
                turn.map(|turn| &turn.turn_id),
                turn.map(|turn| integer(turn.first_seq)),
                turn.map(|turn| integer(turn.started_ms)),
                session.phase,
                session.phase_reason,
                session.archived,
                session.resumable,
                session.extra,
            ])?;
        Ok(())
    }

    fn item(&mut self, feed: i64, item: &Item) -> rusqlite::Result<()> {
        let text = &item.text[..item.text.floor_char_boundary(self.text_bytes)];
        let known = self
            .connection
            .prepare_cached(
                "SELECT row, size, text FROM items WHERE feed = ?1 AND turn = ?2 AND id = ?3",
            )?
            .query_row(params![feed, item.turn, item.id], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, String>(2)?,
                ))
            })
            .optional()?;
        self.item_growth += length(&item.json) + length(text.as_bytes());
        let json = self.packer.pack(&item.json);
        let Some((row, json_bytes, old_text)) = known else {
            self.connection
                .prepare_cached(
                    "INSERT INTO items (feed, turn, id, seq, done, kind, state, at, size, json, text)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                )?
                .execute(params![
                    feed,
                    item.turn,
                    item.id,
                    integer(item.seq),
                    item.done_seq.map(integer),
                    item.kind,
                    item.state.as_str(),
                    integer(self.now),
                    item.json.len(),
                    json,
                    text,
                ])?;
            return index(self.connection, self.connection.last_insert_rowid(), text);
        };
        self.item_growth -= json_bytes + length(old_text.as_bytes());
        if old_text != text {
            unindex(self.connection, row, &old_text)?;
        }
        self.connection
            .prepare_cached(
                "UPDATE items SET done = ?2, kind = ?3, state = ?4, at = ?5, size = ?6, json = ?7, text = ?8
                 WHERE row = ?1",
            )?
            .execute(params![
                row,
                item.done_seq.map(integer),
                item.kind,
                item.state.as_str(),
                integer(self.now),
                item.json.len(),
                json,
                text,
            ])?;
        if old_text != text {
            index(self.connection, row, text)?;
        }
        Ok(())
    }

    fn prompt(&self, feed: i64, prompt: &Prompt) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO prompts (feed, id, state, \"when\", input, shown, overrides, turn, position, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                feed,
                prompt.id,
                prompt.state.as_str(),
                prompt.when.as_str(),
                prompt.input,
                prompt.shown,
                prompt.overrides,
                prompt.turn,
                integer(prompt.position),
                integer(prompt.at_ms),
            ])?;
        Ok(())
    }

    fn decision(&self, feed: i64, decision: &Decision) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO decisions (feed, request, method, decision, \"by\", at, turn, item, extra)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                feed,
                decision.request,
                decision.method,
                decision.decision,
                decision.by,
                integer(decision.at_ms),
                decision.turn,
                decision.item,
                decision.extra,
            ])?;
        Ok(())
    }

    fn process(&self, change: &ProcessChange) -> rusqlite::Result<()> {
        match change {
            ProcessChange::Put(Process {
                pid,
                start_time,
                thread,
                program,
            }) => self
                .connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO processes (pid, start_time, thread, program) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![pid, integer(*start_time), thread, program])?,
            ProcessChange::Remove { pid, start_time } => self
                .connection
                .prepare_cached("DELETE FROM processes WHERE pid = ?1 AND start_time = ?2")?
                .execute(params![pid, integer(*start_time)])?,
        };
        Ok(())
    }
}

/// Adds an item's words to the search. Empty text has no entry.
pub(crate) fn index(connection: &Connection, row: i64, text: &str) -> rusqlite::Result<()> {
    if !text.is_empty() {
        connection
            .prepare_cached("INSERT INTO search (rowid, text) VALUES (?1, ?2)")?
            .execute(params![row, text])?;
    }
    Ok(())
}

/// Takes an item's words out of the search; `text` must be what was indexed.
pub(crate) fn unindex(connection: &Connection, row: i64, text: &str) -> rusqlite::Result<()> {
    if !text.is_empty() {
        connection
            .prepare_cached("INSERT INTO search (search, rowid, text) VALUES ('delete', ?1, ?2)")?
            .execute(params![row, text])?;
    }
    Ok(())
}

/// SQLite's integers are signed. None of our numbers comes near the end; one that did would be stored as the end.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn length(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}

/// Cuts lines into row-sized pieces, each with its number of events.
fn pieces(mut lines: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        let mut events = 0;
        let mut end = 0;
        for newline in memchr::memchr_iter(b'\n', lines) {
            if events > 0 && newline >= ROW_BYTES {
                break;
            }
            events += 1;
            end = newline + 1;
        }
        let (piece, rest) = lines.split_at(end);
        lines = rest;
        (events > 0).then_some((events, piece))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_into_rows_between_events_only() {
        let mut lines = b"{}\n".repeat(3);
        lines.extend(vec![b'x'; ROW_BYTES]);
        lines.extend(b"\n1\n2\n");
        let found: Vec<(u64, usize)> = pieces(&lines)
            .map(|(events, piece)| (events, piece.len()))
            .collect();
        assert_eq!(found, [(3, 9), (1, ROW_BYTES + 1), (2, 4)]);
        assert_eq!(pieces(b"").next(), None);
    }
}
