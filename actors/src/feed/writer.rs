//! The side of a feed that writes: numbers each message, encodes it, folds it into the session's state, and hands over what
//! the next commit will hold.
//!
//! A plain value behind the feed's lock: it waits for nothing and publishes nothing.

use std::{io::Write as _, time::Instant};

use bytes::BytesMut;
use journal::{Batch, Decision, Item, Prompt, Session, Write};
use tokio::sync::{Notify, oneshot};

use super::{
    change::Change,
    json_string, now_ms,
    turns::{OpenItem, OpenTurn, Turns},
};
use crate::{
    foreign::ELSEWHERE,
    ids::ThreadId,
    session::{noted::with_last_line, settings::with_last_turn},
};

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) next_seq: u64,
    pub(super) staged: Staged,
    pub(super) in_flight: bool,
    pub(super) turns: Turns,
    pub(super) row: Session,
    /// The row differs from the journal's.
    pub(super) dirty: bool,
}

/// What the next commit will hold.
#[derive(Debug, Default)]
pub(super) struct Staged {
    pub(super) first: u64,
    pub(super) lines: BytesMut,
    /// When the first of them was read from Codex, or made by the host.
    pub(super) since: Option<Instant>,
    pub(super) items: Vec<Item>,
    pub(super) prompts: Vec<Prompt>,
    pub(super) decisions: Vec<Decision>,
    pub(super) acks: Vec<oneshot::Sender<()>>,
}

/// What goes to the journal at once, and who waits for it.
pub(super) struct Taken {
    pub(super) write: Write,
    pub(super) acks: Vec<oneshot::Sender<()>>,
    pub(super) since: Option<Instant>,
}

impl Writer {
    pub(super) fn has_staged(&self) -> bool {
        self.dirty
            || !self.staged.lines.is_empty()
            || !self.staged.prompts.is_empty()
            || !self.staged.decisions.is_empty()
            || !self.staged.items.is_empty()
    }

    pub(super) fn append(
        &mut self,
        line: &str,
        change: Change<'_>,
        control: &Notify,
    ) -> Option<u64> {
        if let Change::TurnCompleted { turn, .. } = &change
            && self.turns.has_ended(turn)
        {
            return None;
        }
        let seq = self.next_seq;
        self.next_seq += 1;
        let lines = &mut self.staged.lines;
        if lines.is_empty() {
            self.staged.first = seq;
            self.staged.since = Some(Instant::now());
        }
        lines.reserve(line.len() + 48);
        let mut number = [0_u8; 64];
        let mut rest = &mut number[..];
        // 64 bytes hold both words and two 20-digit numbers.
        let _ = write!(
            rest,
            r#"{{"seq":{seq},"generation":{},"#,
            self.row.generation
        );
        let unused = rest.len();
        lines.extend_from_slice(&number[..number.len() - unused]);
        lines.extend_from_slice(&line.as_bytes()[1..]);
        lines.extend_from_slice(b"\n");
        self.fold(seq, change, control);
        Some(seq)
    }

    pub(super) fn fold(&mut self, seq: u64, change: Change<'_>, control: &Notify) {
        self.turns.note_retry(&change);
        match change {
            Change::Nothing | Change::Retrying { .. } => {}
            Change::TurnStarted { turn, root } => {
                // Replayed after a restart, it began when the row says.
                let known = self.row.open_turn.as_ref();
                let known = known.filter(|known| known.turn_id == turn && known.first_seq == seq);
                let open = OpenTurn {
                    id: turn.into_owned(),
                    root: root.map(|id| id.into_owned()),
                    first_seq: seq,
                    started_ms: known.map_or_else(now_ms, |known| known.started_ms),
                };
                self.row.open_turn = Some(journal::OpenTurn {
                    turn_id: open.id.clone(),
                    first_seq: seq,
                    started_ms: open.started_ms,
                });
                self.row.resumable = true;
                self.turns.turn_started(open);
                control.notify_one();
            }
            Change::TurnCompleted { turn, raw } => {
                self.staged
                    .items
                    .extend(self.turns.turn_completed(&turn, raw, seq));
                if self.turns.open_turn().is_none() {
                    self.row.open_turn = None;
                }
                if self.row.source.as_deref() == Some(ELSEWHERE) {
                    self.row.extra = with_last_turn(&self.row.extra, &turn);
                }
                control.notify_one();
            }
            Change::ItemStarted { turn, raw } => {
                self.staged
                    .items
                    .extend(self.turns.item_started(turn, raw, seq));
                // It may be a prompt of ours.
                control.notify_one();
            }
            Change::ItemCompleted { turn, raw } => {
                let rows = self.turns.item_completed(turn, raw, seq);
                if self.row.preview.is_empty()
                    && let Some(user) = rows.iter().find(|row| row.kind == "userMessage")
                {
                    self.row.preview = user.text.chars().take(PREVIEW_CHARS).collect();
                }
                let said = rows.iter().rev().find(|row| row.kind == "agentMessage");
                if let Some(extra) = said.and_then(|row| with_last_line(&self.row.extra, &row.text))
                {
                    self.row.extra = extra;
                }
                self.staged.items.extend(rows);
            }
            Change::Delta {
                turn,
                item,
                field,
                text,
            } => self.turns.delta(turn, item, field, text, seq),
            Change::Named { title } => self.row.title = title,
            Change::Settings { model } => {
                if model.is_some() {
                    self.row.model = model;
                }
            }
        }
    }

    pub(super) fn interrupt_open_turn(&mut self, thread: &ThreadId, cause: &str, control: &Notify) {
        let open: Vec<OpenItem> = self.turns.open_items().cloned().collect();
        let at = now_ms();
        for item in open {
            let raw = item.json(true);
            let line = format!(
                r#"{{"method":"item/completed","params":{{"item":{raw},"threadId":{},"turnId":{},"completedAtMs":{at},"partial":true}}}}"#,
                json_string(thread.as_str()),
                json_string(&item.turn),
            );
            let seq = self
                .append(&line, Change::Nothing, control)
                .unwrap_or(self.next_seq);
            self.staged
                .items
                .push(item.row(journal::ItemState::Partial, Some(seq)));
        }
        self.turns.drop_open_items();
        let Some(turn) = self.turns.open_turn().cloned() else {
            return;
        };
        let raw = format!(
            r#"{{"id":{},"rootTurnId":{},"items":[],"itemsView":"notLoaded","status":"interrupted","error":{{"message":{},"codexErrorInfo":null,"additionalDetails":null}},"startedAt":{},"completedAt":{},"durationMs":{}}}"#,
            json_string(&turn.id),
            json_string(turn.root.as_deref().unwrap_or(&turn.id)),
            json_string(cause),
            turn.started_ms / 1000,
            at / 1000,
            at.saturating_sub(turn.started_ms),
        );
        let line = format!(
            r#"{{"method":"turn/completed","params":{{"threadId":{},"turn":{raw}}}}}"#,
            json_string(thread.as_str())
        );
        let change = Change::TurnCompleted {
            turn: turn.id.as_str().into(),
            raw: &raw,
        };
        self.append(&line, change, control);
    }

    pub(super) fn take(&mut self) -> Taken {
        let staged = std::mem::take(&mut self.staged);
        let mut write = Write::new(self.row.thread.clone());
        if !staged.lines.is_empty() {
            write.batch = Some(Batch {
                first: staged.first,
                last: self.next_seq - 1,
                lines: staged.lines.freeze(),
            });
            self.row.updated_ms = now_ms();
        }
        self.row.head = self.next_seq - 1;
        write.items = staged.items;
        write.prompts = staged.prompts;
        write.decisions = staged.decisions;
        write.session = Some(self.row.clone());
        self.dirty = false;
        Taken {
            write,
            acks: staged.acks,
            since: staged.since,
        }
    }
}

/// Characters of the first prompt shown in lists.
const PREVIEW_CHARS: usize = 200;
