//! What a host does for sessions whose turn was running when the last host died: the turn gets its one end, with what had
//! streamed, from the journal alone.

use std::{borrow::Cow, sync::Arc};

use codex::{
    message::{Encoding, Incoming, string_value},
    process::kill_leftover,
};
use journal::{Journal, ReadError, Session};

use crate::{
    directory::Directory,
    feed::{Change, Feed, text_field},
    supervisor::Cause,
};

/// Bytes of events read at once.
const CHUNK: usize = 4 << 20;

/// Ends the processes that the last host started and could not end itself. A process is known by its id and its start
/// time, so that no stranger with the same id is hit.
pub(crate) fn sweep_processes(directory: &Directory, journal: &Journal) -> Result<(), ReadError> {
    for process in journal.processes()? {
        if kill_leftover(process.pid, process.start_time) {
            tracing::warn!(
                pid = process.pid,
                program = process.program,
                "ended a process that the last host left behind"
            );
        }
        directory.forget_process(process.pid, Some(process.start_time));
    }
    Ok(())
}

/// Closes the turns that the rows say were open. No session may keep the host from starting.
pub(crate) fn close_open_turns(directory: &Arc<Directory>, journal: &Journal, rows: &[Session]) {
    for row in rows {
        let Some(turn) = &row.open_turn else {
            continue;
        };
        let Some(live) = directory.live(&row.thread) else {
            continue;
        };
        // Retention may have taken the beginning of a long turn; it ends all the same.
        live.feed.seed_turn(turn);
        if let Err(err) = refold(&live.feed, journal, turn.first_seq.saturating_sub(1)) {
            tracing::error!(session.id = row.thread, err = %err, "read the events of the turn that was running");
        }
        tracing::info!(
            session.id = row.thread,
            "close the turn that ran when the last host stopped"
        );
        live.feed
            .interrupt_open_turn(&Cause::HostStopped.to_string());
    }
}

/// Replays the stored events behind `after` into the feed's state.
fn refold(feed: &Arc<Feed>, journal: &Journal, after: u64) -> Result<(), ReadError> {
    let thread = feed.thread().as_str();
    let mut after = after.max(journal.first_replayable(thread)?);
    loop {
        let batches = journal.events(thread, after, CHUNK)?;
        let Some(last) = batches.last().map(|batch| batch.last) else {
            break;
        };
        for batch in &batches {
            let lines = batch.lines.split(|byte| *byte == b'\n');
            for (line, seq) in lines.zip(batch.first..=batch.last) {
                refold_line(feed, seq, line);
            }
        }
        after = last;
    }
    feed.refolded();
    Ok(())
}

fn refold_line(feed: &Feed, seq: u64, line: &[u8]) {
    let Ok(Incoming::Notification(notification)) = Incoming::parse(line) else {
        return;
    };
    let route = &notification.route;
    if let Some(field) = text_field(notification.method, notification.params)
        && let (Some(turn), Some(item), Some(delta)) = (route.turn_id, route.item_id, &route.delta)
        && delta.encoding == Encoding::Text
        && let Ok(literal) = std::str::from_utf8(&line[delta.span.clone()])
    {
        let text: Cow<'_, str> = string_value(literal);
        let change = Change::Delta {
            turn,
            item,
            field,
            text: &text,
        };
        return feed.refold(seq, change);
    }
    feed.refold(seq, Change::of(&notification));
}
