//! The requests that read threads: one, all, their turns, their items. None loads a thread or takes its lock.

use serde_json::Value;

use super::{
    requests::{Reply, missing},
    rollout::History,
    server::Server,
    shapes::{ItemsView, Page, PlacedItem, ThreadStatus, TurnView},
    thread::{turn_view, view},
    thread_requests::{internal, thread_id},
    wire::{Refusal, object},
};

/// Threads, turns or items on a page when the client names no limit.
const PAGE: usize = 25;

impl Server {
    pub(super) fn thread_read(&self, id: &Value, params: &Value) -> Reply {
        let thread_id = thread_id(params)?;
        let with_turns = params["includeTurns"] == true;
        if with_turns {
            self.deprecation("omit `includeTurns` or set it to `false`, then page");
        }
        let (history, status) = self.history(thread_id)?;
        if with_turns && history.turns.is_empty() {
            return Err(Refusal::new(-32601, "list_turns is not supported yet"));
        }
        let turns = history
            .turns
            .iter()
            .filter(|_| with_turns)
            .map(|turn| turn_view(turn, ItemsView::Full))
            .collect();
        self.done(
            id,
            &object! { thread: view(&self.store, &history, status, turns) },
        )
    }

    pub(super) fn thread_list(&self, id: &Value, params: &Value) -> Reply {
        let histories = self
            .store
            .list(params["archived"] == true)
            .map_err(internal)?;
        let cwds: Vec<_> = match &params["cwd"] {
            Value::String(cwd) => vec![cwd.as_str()],
            Value::Array(cwds) => cwds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let term = params["searchTerm"].as_str().unwrap_or_default();
        let views: Vec<_> = histories
            .iter()
            .map(|history| {
                view(
                    &self.store,
                    history,
                    self.status(&history.meta.id),
                    Vec::new(),
                )
            })
            .filter(|thread| cwds.is_empty() || cwds.contains(&thread.cwd.as_str()))
            .filter(|thread| {
                thread.preview.contains(term)
                    || thread.name.as_ref().is_some_and(|name| name.contains(term))
            })
            .collect();
        self.done(id, &page(views, params, true)?)
    }

    pub(super) fn thread_loaded_list(&self, id: &Value) -> Reply {
        let loaded: Vec<_> = self.threads.lock().keys().cloned().collect();
        self.done(id, &object! { data: loaded, next_cursor: () })
    }

    pub(super) fn thread_turns_list(&self, id: &Value, params: &Value) -> Reply {
        let (history, _) = self.history(thread_id(params)?)?;
        if history.turns.is_empty() {
            return Err(Refusal::new(-32601, "list_turns is not supported yet"));
        }
        self.done(id, &turns_page(&history, params)?)
    }

    pub(super) fn thread_items_list(&self, id: &Value, params: &Value) -> Reply {
        let (history, _) = self.history(thread_id(params)?)?;
        let wanted = params["turnId"].as_str();
        let turns = history
            .turns
            .into_iter()
            .filter(|turn| wanted.is_none_or(|wanted| turn.id == wanted));
        let mut items: Vec<_> = turns
            .flat_map(|turn| {
                turn.items
                    .into_iter()
                    .map(move |item| (turn.id.clone(), item))
            })
            .map(|(turn_id, mut item)| PlacedItem {
                turn_id,
                started_at_ms: item.started_at_ms(),
                completed_at_ms: *item.completed_at_ms(),
                item,
            })
            .collect();
        if params["sortDirection"] == "desc" {
            items.reverse();
        }
        self.done(id, &page(items, params, true)?)
    }

    fn history(&self, thread_id: &str) -> Result<(History, ThreadStatus), Refusal> {
        match self.loaded(thread_id) {
            Some(thread) => Ok(thread.with(|state| (state.history.clone(), state.status.clone()))),
            None => Ok((self.stored(thread_id)?, ThreadStatus::NotLoaded)),
        }
    }

    fn status(&self, thread_id: &str) -> ThreadStatus {
        self.loaded(thread_id)
            .map_or(ThreadStatus::NotLoaded, |thread| {
                thread.with(|state| state.status.clone())
            })
    }

    pub(super) fn deprecation(&self, instead: &str) {
        let summary = format!(
            "Full-history hydration is deprecated for paginated threads; {instead} with `thread/turns/list` and `thread/items/list`."
        );
        self.notify(
            "deprecationNotice",
            &object! { summary: summary, details: () },
        );
    }
}

pub(super) fn turns_page(history: &History, params: &Value) -> Result<Page<TurnView>, Refusal> {
    let items_view = match params["itemsView"].as_str() {
        Some("full") => ItemsView::Full,
        Some("notLoaded") => ItemsView::NotLoaded,
        _ => ItemsView::Summary,
    };
    let mut turns: Vec<_> = history
        .turns
        .iter()
        .map(|turn| turn_view(turn, items_view))
        .collect();
    if params["sortDirection"] != "asc" {
        turns.reverse();
    }
    page(turns, params, true)
}

/// The page that `cursor` and `limit` ask for. Cursors are positions, which a client must not rely on.
fn page<T>(mut all: Vec<T>, params: &Value, backwards: bool) -> Result<Page<T>, Refusal> {
    let limit = params["limit"]
        .as_u64()
        .map_or(PAGE, |limit| limit.clamp(1, 1000) as usize);
    let from = match &params["cursor"] {
        Value::Null => 0,
        Value::String(cursor) => cursor
            .parse()
            .map_err(|_| Refusal::invalid(format!("invalid cursor: {cursor}")))?,
        _ => return Err(missing("cursor")),
    };
    let mut data = all.split_off(from.min(all.len()));
    let next_cursor = (data.len() > limit).then(|| (from + limit).to_string());
    data.truncate(limit);
    Ok(Page {
        data,
        next_cursor,
        backwards_cursor: backwards.then(|| Some(from.to_string())),
    })
}
