//! A loaded thread: its history in memory and on disk, its settings, and the turn that runs. It sends nothing itself.

use std::{collections::BTreeSet, fs::File, io, sync::Arc, time::Duration};

use parking_lot::{Condvar, Mutex};

use super::{
    control::{Control, Heed},
    rollout::{History, Record, Rollout, Store, Turn},
    shapes::{Environment, Item, ItemsView, ThreadStatus, ThreadView, TurnStatus, TurnView},
};

/// Version that the simulated Codex imitates.
pub(super) const VERSION: &str = "0.169.0";

/// Longest wait for a turn to write its end at a clean stop.
const END_OF_TURN: Duration = Duration::from_secs(1);

/// A thread in this process.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) id: String,
    state: Mutex<State>,
    /// The running turn ended.
    ended: Condvar,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) history: History,
    /// Open from the first turn on; an ephemeral thread never has one.
    rollout: Option<Rollout>,
    /// Held as long as the thread is loaded.
    _lock: Option<File>,
    pub(super) active: Option<Active>,
    pub(super) status: ThreadStatus,
    pub(super) subscribed: bool,
    /// Commands and file changes that were accepted for the session.
    pub(super) accepted: BTreeSet<String>,
    /// Input and output tokens so far.
    pub(super) tokens: (u64, u64),
}

/// The running turn.
#[derive(Clone, Debug)]
pub(super) struct Active {
    pub(super) turn_id: String,
    pub(super) control: Arc<Control>,
    /// Its end is being written; nothing reaches it any more.
    pub(super) closing: bool,
}

impl Thread {
    pub(super) fn new(history: History, lock: Option<File>) -> Arc<Self> {
        Arc::new(Self {
            id: history.meta.id.clone(),
            state: Mutex::new(State {
                history,
                rollout: None,
                _lock: lock,
                active: None,
                status: ThreadStatus::Idle,
                subscribed: true,
                accepted: BTreeSet::new(),
                tokens: (0, 0),
            }),
            ended: Condvar::new(),
        })
    }

    /// Reads or changes the state; never across a wait.
    pub(super) fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock())
    }

    /// Opens the file; from the first record on, the thread outlives the process.
    pub(super) fn open(&self, store: &Store) -> io::Result<()> {
        let mut state = self.state.lock();
        if state.rollout.is_some() || state.history.meta.ephemeral {
            return Ok(());
        }
        let fresh = !store.path(&self.id).exists();
        let mut rollout = store.open(&self.id)?;
        if fresh {
            for record in state.history.records() {
                rollout.append(&record)?;
            }
        }
        state.rollout = Some(rollout);
        Ok(())
    }

    /// Remembers a record, in memory and in the file.
    pub(super) fn record(&self, record: Record) {
        let mut state = self.state.lock();
        if let Some(rollout) = &mut state.rollout
            && let Err(error) = rollout.append(&record)
        {
            eprintln!(
                "ERROR failed to write the rollout of thread {}: {error}",
                self.id
            );
        }
        state.history.apply(record);
    }

    /// Lets nothing more into the running turn. Refuses when something was said at the last moment, unless forced.
    pub(super) fn close_turn(&self, force: bool) -> bool {
        let mut state = self.state.lock();
        match &mut state.active {
            Some(active) if force || active.control.check(Heed::Everything).is_ok() => {
                active.closing = true
            }
            Some(_) => return false,
            None => {}
        }
        true
    }

    /// Forgets the running turn; the next one may start.
    pub(super) fn leave_turn(&self) {
        self.state.lock().active = None;
        self.ended.notify_all();
    }

    /// Waits while the running turn is writing its end. It waits for nobody meanwhile, so this is short.
    pub(super) fn settle(&self) {
        let mut state = self.state.lock();
        while state.active.as_ref().is_some_and(|active| active.closing) {
            self.ended.wait(&mut state);
        }
    }

    pub(super) fn shut_down(&self) {
        if let Some(active) = &self.state.lock().active {
            active.control.shut_down();
        }
    }

    pub(super) fn wait_for_end(&self) {
        let mut state = self.state.lock();
        let _ = self
            .ended
            .wait_while_for(&mut state, |state| state.active.is_some(), END_OF_TURN);
    }
}

/// A thread as messages show it. Only a loaded one has environments.
pub(super) fn view(
    store: &Store,
    history: &History,
    status: ThreadStatus,
    turns: Vec<TurnView>,
) -> ThreadView {
    let loaded = status != ThreadStatus::NotLoaded;
    let meta = &history.meta;
    let settings = &meta.settings;
    let environment = || Environment {
        environment_id: "local",
        cwd: settings.cwd.clone(),
        runtime_workspace_roots: vec![settings.cwd.clone()],
    };
    ThreadView {
        id: meta.id.clone(),
        environments: loaded.then(|| vec![environment()]),
        extra: (),
        session_id: meta.id.clone(),
        forked_from_id: meta.forked_from_id.clone(),
        attached_to_thread_id: (),
        parent_thread_id: (),
        preview: preview(history),
        ephemeral: meta.ephemeral,
        section: (),
        section_entered_at: (),
        project_id: (),
        history_mode: "paginated",
        model_provider: settings.model_provider.clone(),
        model: settings.model.clone(),
        reasoning_effort: (),
        created_at: meta.created_at_ms / 1000,
        updated_at: history.updated_at_ms() / 1000,
        recency_at: history.updated_at_ms() / 1000,
        status,
        path: (!meta.ephemeral).then(|| store.path(&meta.id).to_string_lossy().into_owned()),
        cwd: settings.cwd.clone(),
        cli_version: VERSION,
        originator: meta.originator.clone(),
        source: "vscode",
        can_accept_direct_input: loaded.then_some(true),
        thread_source: (),
        agent_nickname: (),
        agent_role: (),
        git_info: (),
        name: history.name.clone(),
        daybreak_enabled: (),
        turns,
    }
}

/// The first thing that the person said.
fn preview(history: &History) -> String {
    let first = history
        .turns
        .iter()
        .flat_map(|turn| &turn.items)
        .find_map(|item| match item {
            Item::UserMessage { content, .. } => Some(super::turn::plain_text(content)),
            _ => None,
        });
    first.unwrap_or_default()
}

/// A turn as messages show it.
pub(super) fn turn_view(turn: &Turn, items_view: ItemsView) -> TurnView {
    let items = match items_view {
        ItemsView::NotLoaded => Vec::new(),
        ItemsView::Full => turn.items.clone(),
        ItemsView::Summary => summary(turn),
    };
    TurnView {
        id: turn.id.clone(),
        root_turn_id: turn.id.clone(),
        items,
        items_view,
        status: turn.status,
        error: turn.error.clone(),
        started_at: Some(turn.started_at_ms / 1000),
        completed_at: turn.completed_at_ms.map(|ms| ms / 1000),
        duration_ms: turn
            .completed_at_ms
            .map(|ms| ms.saturating_sub(turn.started_at_ms)),
    }
}

/// What was asked first and what was said last.
fn summary(turn: &Turn) -> Vec<Item> {
    let asked = turn
        .items
        .iter()
        .find(|item| matches!(item, Item::UserMessage { .. }));
    asked
        .into_iter()
        .chain(last_message(turn))
        .cloned()
        .collect()
}

/// The last thing that the agent said.
pub(super) fn last_message(turn: &Turn) -> Option<&Item> {
    turn.items
        .iter()
        .rev()
        .find(|item| matches!(item, Item::AgentMessage { .. }))
}

/// A turn that was just asked for.
pub(super) fn fresh_turn_view(turn_id: &str, started_at_ms: Option<u64>) -> TurnView {
    TurnView {
        id: turn_id.to_owned(),
        root_turn_id: turn_id.to_owned(),
        items: Vec::new(),
        items_view: ItemsView::NotLoaded,
        status: TurnStatus::InProgress,
        error: None,
        started_at: started_at_ms.map(|ms| ms / 1000),
        completed_at: None,
        duration_ms: None,
    }
}
