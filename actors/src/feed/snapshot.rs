//! A session as a tab sees it that was not there: the newest items, what is open with its text, and where it all stands.

use std::{collections::BTreeMap, sync::Arc};

use journal::{Item, ItemState, ReadError};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Feed, OpenItem, TURN_ROW};

/// Items given when the tab names no number, and at most.
pub(crate) const TAIL: (usize, usize) = (200, 1000);
/// Bytes of items in one answer; at least one item is given.
const MAX_BYTES: usize = 4 << 20;

/// A page of items, and what older ones are asked for with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page {
    pub data: Vec<Entry>,
    /// `before` of the next older page; absent at the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older_cursor: Option<u64>,
}

/// One item.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    turn_id: String,
    item_id: String,
    seq: u64,
    state: &'static str,
    item: Box<RawValue>,
    /// How its turn ended, when that stands on the same page.
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<Box<RawValue>>,
}

/// The state of a session as of the event `head`.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub head: u64,
    /// Oldest first.
    pub items: Vec<Entry>,
    pub older_cursor: Option<u64>,
}

/// Takes a snapshot: what it shows is published, and the events behind `head` continue it exactly.
pub(crate) async fn take(feed: &Arc<Feed>, tail: Option<usize>) -> Result<Snapshot, ReadError> {
    let (head, open) = feed.open_items();
    feed.flush();
    feed.published(head).await;
    let page = page(feed, None, tail, Some((head, open))).await?;
    let mut items = page.data;
    items.reverse();
    Ok(Snapshot {
        head,
        items,
        older_cursor: page.older_cursor,
    })
}

/// Items before `before`, newest first. With `at` (a place and what was open there) the page shows the session as it was
/// at that place.
pub(crate) async fn page(
    feed: &Arc<Feed>,
    before: Option<u64>,
    limit: Option<usize>,
    at: Option<(u64, Vec<OpenItem>)>,
) -> Result<Page, ReadError> {
    let limit = limit.unwrap_or(TAIL.0).clamp(1, TAIL.1);
    let (journal, thread) = (feed.journal().clone(), feed.thread().to_string());
    let read = tokio::task::spawn_blocking(move || {
        let before = at.as_ref().map_or(before, |(head, _)| Some(head + 1));
        let rows = journal.items(&thread, before, limit, MAX_BYTES)?;
        let open = at.map(|(_, open)| open).unwrap_or_default();
        Ok::<Page, ReadError>(assemble(rows, &open, limit))
    });
    match read.await {
        Ok(page) => page,
        Err(err) => std::panic::resume_unwind(err.into_panic()),
    }
}

fn assemble(rows: Vec<Item>, open: &[OpenItem], limit: usize) -> Page {
    let full =
        rows.len() >= limit || rows.iter().map(|row| row.json.len()).sum::<usize>() >= MAX_BYTES;
    let older_cursor = rows.last().map(|row| row.seq).filter(|_| full);
    let mut ends: BTreeMap<String, Box<RawValue>> = BTreeMap::new();
    let mut data = Vec::with_capacity(rows.len());
    for row in rows {
        if row.id == TURN_ROW && row.kind == TURN_ROW {
            if let Some(raw) = raw(&row.json) {
                ends.insert(row.turn, raw);
            }
            continue;
        }
        let live = open
            .iter()
            .find(|item| item.id == row.id && item.turn == row.turn);
        let json = match live {
            Some(item) => RawValue::from_string(item.json(false)).ok(),
            None => raw(&row.json),
        };
        let state = if live.is_some() {
            ItemState::Open
        } else {
            row.state
        };
        if let Some(item) = json {
            let turn = ends.get(&row.turn).cloned();
            data.push(Entry {
                turn_id: row.turn,
                item_id: row.id,
                seq: row.seq,
                state: state.as_str(),
                item,
                turn,
            });
        }
    }
    Page { data, older_cursor }
}

fn raw(json: &[u8]) -> Option<Box<RawValue>> {
    RawValue::from_string(String::from_utf8_lossy(json).into_owned()).ok()
}
