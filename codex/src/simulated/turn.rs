//! The life of one turn: what is announced before its steps, what ends it, and what is said around each item.
//! What the steps do is in [`super::steps`].

use std::{cell::Cell, io, sync::Arc};

use serde::Serialize;

use super::{
    control::{Control, Heed, Said, Stop},
    ids,
    rollout::Record,
    server::Server,
    shapes::{Content, Item, ItemsView, ThreadStatus, TurnError, TurnStatus, TurnView},
    thread::{Active, Thread, fresh_turn_view, last_message},
    wire::object,
};
use crate::scenario::Scenario;

/// A running turn, on a system thread of its own.
#[derive(Debug)]
pub(super) struct TurnRun {
    pub(super) server: Arc<Server>,
    pub(super) thread: Arc<Thread>,
    pub(super) control: Arc<Control>,
    pub(super) turn_id: String,
    /// Whether the person asked for a plan, in which questions block.
    pub(super) plan_mode: bool,
    /// The diff of all changes so far, empty before the first.
    pub(super) diff: String,
    /// A command that goes on after the turn was interrupted.
    pub(super) background: Option<super::commands::Background>,
    /// A request that was open when the turn was interrupted.
    pub(super) withdrawn: Cell<Option<i64>>,
    started_at_ms: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemStarted<'a> {
    item: &'a Item,
    thread_id: &'a str,
    turn_id: &'a str,
    started_at_ms: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemCompleted<'a> {
    item: &'a Item,
    thread_id: &'a str,
    turn_id: &'a str,
    content_token_count: Option<u64>,
    completed_at_ms: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TurnNotice<'a> {
    thread_id: &'a str,
    turn: TurnView,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusChanged<'a> {
    thread_id: &'a str,
    status: ThreadStatus,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorNotice<'a> {
    error: &'a TurnError,
    will_retry: bool,
    thread_id: &'a str,
    turn_id: &'a str,
}

impl TurnRun {
    /// A turn that is the thread's active one already.
    pub(super) fn new(
        server: Arc<Server>,
        thread: Arc<Thread>,
        active: Active,
        plan_mode: bool,
    ) -> Self {
        Self {
            server,
            thread,
            control: active.control,
            turn_id: active.turn_id,
            plan_mode,
            diff: String::new(),
            background: None,
            withdrawn: Cell::new(None),
            started_at_ms: ids::now_ms(),
        }
    }

    /// Runs the turn to its end.
    pub(super) fn run(mut self, said: Said) {
        if let Err(error) = self.begin() {
            eprintln!(
                "ERROR failed to create the rollout of thread {}: {error}",
                self.thread.id
            );
        }
        match self.talk(said) {
            Ok(()) => self.end(TurnStatus::Completed, None),
            Err(Stop::ShutDown) => self.end_silently(),
            Err(Stop::Interrupted | Stop::Steered) => self.end(TurnStatus::Interrupted, None),
            Err(Stop::Ended) => {}
        }
        if let Some(background) = self.background.take() {
            self.finish_background(background);
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        let opened = self.thread.open(&self.server.store);
        self.thread.record(Record::TurnStarted {
            turn_id: self.turn_id.clone(),
            started_at_ms: self.started_at_ms,
        });
        self.change_status(ThreadStatus::Active {
            active_flags: Vec::new(),
        });
        let turn = fresh_turn_view(&self.turn_id, Some(self.started_at_ms));
        self.server.notify(
            "turn/started",
            &TurnNotice {
                thread_id: &self.thread.id,
                turn,
            },
        );
        opened
    }

    pub(super) fn settings(&self) -> super::rollout::Settings {
        self.thread
            .with(|state| state.history.meta.settings.clone())
    }

    /// Answers what was said, and whatever is said during that.
    fn talk(&mut self, said: Said) -> Result<(), Stop> {
        let mut next = Some(said);
        loop {
            let Some(said) = next.take().or_else(|| self.control.next_steer()) else {
                // Nothing more was said: end, unless something is said at this very moment.
                if self.thread.close_turn(false) {
                    return Ok(());
                }
                match self.control.check(Heed::Everything) {
                    Err(Stop::Steered) | Ok(()) => continue,
                    Err(stop) => return Err(stop),
                }
            };
            let scenario = Scenario::for_prompt(&plain_text(&said.content));
            self.user_message(said);
            match self.run_steps(&scenario) {
                Ok(()) | Err(Stop::Steered) => {}
                Err(stop) => return Err(stop),
            }
        }
    }

    fn user_message(&self, said: Said) {
        let item = Item::UserMessage {
            id: ids::uuid(),
            client_id: said.client_id,
            content: said.content,
            started_at_ms: ids::now_ms(),
            completed_at_ms: None,
        };
        self.start_item(&item);
        self.complete_item(item);
    }

    pub(super) fn start_item(&self, item: &Item) {
        let started_at_ms = item.started_at_ms();
        let started = ItemStarted {
            item,
            thread_id: &self.thread.id,
            turn_id: &self.turn_id,
            started_at_ms,
        };
        self.server.notify("item/started", &started);
    }

    /// Writes the item down and announces it.
    pub(super) fn complete_item(&self, mut item: Item) {
        *item.completed_at_ms() = Some(ids::now_ms());
        self.thread.record(Record::ItemCompleted {
            turn_id: self.turn_id.clone(),
            item: item.clone(),
        });
        self.announce_completed(item);
    }

    /// Announces the item only.
    pub(super) fn announce_completed(&self, mut item: Item) {
        let completed_at_ms = *item.completed_at_ms().get_or_insert_with(ids::now_ms);
        self.server.notify(
            "item/completed",
            &ItemCompleted {
                item: &item,
                thread_id: &self.thread.id,
                turn_id: &self.turn_id,
                content_token_count: None,
                completed_at_ms,
            },
        );
    }

    pub(super) fn send_diff(&self) {
        let params =
            object! { thread_id: &self.thread.id, turn_id: &self.turn_id, diff: &self.diff };
        self.server.notify("turn/diff/updated", &params);
    }

    pub(super) fn change_status(&self, status: ThreadStatus) {
        self.thread.with(|state| state.status = status.clone());
        self.server.notify(
            "thread/status/changed",
            &StatusChanged {
                thread_id: &self.thread.id,
                status,
            },
        );
    }

    pub(super) fn notify_error(&self, error: &TurnError, will_retry: bool) {
        let notice = ErrorNotice {
            error,
            will_retry,
            thread_id: &self.thread.id,
            turn_id: &self.turn_id,
        };
        self.server.notify("error", &notice);
    }

    /// Ends the turn by an error.
    pub(super) fn fail(&self, error: TurnError) -> Stop {
        self.end(TurnStatus::Failed, Some(error));
        Stop::Ended
    }

    /// Ends the turn as interrupted, from inside.
    pub(super) fn give_up(&self) -> Stop {
        self.end(TurnStatus::Interrupted, None);
        Stop::Ended
    }

    fn end(&self, status: TurnStatus, error: Option<TurnError>) {
        self.thread.close_turn(true);
        let (turn_id, completed_at_ms) = (self.turn_id.clone(), ids::now_ms());
        self.thread.record(Record::TurnEnded {
            turn_id,
            status,
            error,
            completed_at_ms,
        });
        if status == TurnStatus::Completed {
            self.announce_unread();
        }
        let failed = status == TurnStatus::Failed;
        self.change_status(if failed {
            ThreadStatus::SystemError
        } else {
            ThreadStatus::Idle
        });
        let turn = self.ended_view();
        if let Some(error) = &turn.error {
            self.notify_error(error, false);
        }
        self.server.notify(
            "turn/completed",
            &TurnNotice {
                thread_id: &self.thread.id,
                turn,
            },
        );
        if let Some(request_id) = self.withdrawn.get() {
            self.resolved(request_id);
        }
        self.thread.leave_turn();
    }

    /// The turn as its end shows it: a completed one with the last thing that was said.
    fn ended_view(&self) -> TurnView {
        self.thread.with(|state| {
            let turn = state
                .history
                .turns
                .iter()
                .rev()
                .find(|turn| turn.id == self.turn_id);
            let turn = turn.expect("a turn that ends was recorded at its start");
            let mut view = super::thread::turn_view(turn, ItemsView::NotLoaded);
            if turn.status == TurnStatus::Completed
                && let Some(message) = last_message(turn)
            {
                view.items = vec![message.clone()];
                view.items_view = ItemsView::Summary;
            }
            view
        })
    }

    fn announce_unread(&self) {
        if self
            .server
            .client()
            .is_some_and(|client| client.experimental)
        {
            let first = self
                .thread
                .with(|state| state.history.turns.first().map(|turn| turn.id.clone()));
            let first_unread = object! { r#type: "turn", turn_id: first };
            let read_state = object! { first_unread: first_unread, revision: ids::uuid() };
            let params = object! { thread_id: &self.thread.id, read_state: read_state };
            self.server.notify("thread/readState/changed", &params);
        }
    }

    /// Tells that a request to the client is over.
    pub(super) fn resolved(&self, request_id: i64) {
        let params = object! { thread_id: &self.thread.id, request_id: request_id };
        self.server.notify("serverRequest/resolved", &params);
    }

    /// The end at a clean stop: in the file only.
    fn end_silently(&self) {
        let (turn_id, completed_at_ms) = (self.turn_id.clone(), ids::now_ms());
        self.thread.record(Record::TurnEnded {
            turn_id,
            status: TurnStatus::Interrupted,
            error: None,
            completed_at_ms,
        });
        self.thread.leave_turn();
    }
}

/// The text of what the person sent, its parts a line each.
pub(super) fn plain_text(content: &[Content]) -> String {
    let texts = content.iter().filter_map(|part| match part {
        Content::Text { text, .. } => Some(text.as_str()),
        Content::Other(_) => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}
