//! The requests about threads: making, finding, reading and leaving them.

use std::{io, sync::Arc};

use serde_json::{Value, json};

use super::{
    catalog, faults, ids,
    requests::{Done, Reply, current_dir, text},
    rollout::{History, Meta, Record, Settings},
    server::Server,
    shapes::{
        ItemsView, Opened, PermissionProfile, Sandbox, ThreadStatus, ThreadView, TurnStatus,
        TurnView,
    },
    thread::{Thread, turn_view, view},
    thread_reads::turns_page,
    wire::{Refusal, object},
};

impl Server {
    pub(super) fn thread_start(&self, id: &Value, params: &Value) -> Reply {
        let settings = Settings {
            model: catalog::MODEL.to_owned(),
            model_provider: catalog::PROVIDER.to_owned(),
            cwd: current_dir(),
            approval_policy: json!("on-request"),
            sandbox: Sandbox::READ_ONLY,
        };
        let meta = Meta {
            id: ids::uuid(),
            forked_from_id: None,
            created_at_ms: ids::now_ms(),
            originator: self
                .client()
                .map_or(String::new(), |client| client.name.clone()),
            ephemeral: params["ephemeral"] == true,
            settings: with_overrides(settings, params)?,
        };
        let thread = self.load(History::new(meta))?;
        self.answer(id, Ok(&self.opened(&thread, Vec::new(), false)));
        self.notify(
            "thread/started",
            &object! { thread: self.live_view(&thread, Vec::new()) },
        );
        Ok(Done)
    }

    pub(super) fn thread_resume(&self, id: &Value, params: &Value) -> Reply {
        let thread_id = thread_id(params)?;
        let with_turns = params["excludeTurns"] != true;
        if with_turns {
            self.deprecation("use `excludeTurns: true`, then page");
        }
        let thread = match self.loaded(thread_id) {
            Some(thread) => thread,
            None => self.load_from_disk(thread_id, params)?,
        };
        thread.with(|state| state.subscribed = true);
        let turns = if with_turns {
            self.turns(&thread, ItemsView::Full)
        } else {
            Vec::new()
        };
        let mut opened = self.opened(&thread, turns, true);
        if let Some(page) = params
            .get("initialTurnsPage")
            .filter(|page| !page.is_null())
        {
            opened.initial_turns_page =
                Some(Some(thread.with(|state| turns_page(&state.history, page))?));
        }
        self.answer(id, Ok(&opened));
        self.notify("thread/goal/cleared", &json!({"threadId": thread_id}));
        self.ask_again(thread_id);
        Ok(Done)
    }

    fn load_from_disk(&self, thread_id: &str, params: &Value) -> Result<Arc<Thread>, Refusal> {
        let mut history = self.stored(thread_id)?;
        // The real one forgets this sandbox, unless the client sends it again.
        if matches!(
            history.meta.settings.sandbox,
            Sandbox::WorkspaceWrite { .. }
        ) {
            history.meta.settings.sandbox = Sandbox::READ_ONLY;
        }
        history.meta.settings = with_overrides(history.meta.settings, params)?;
        let traps = history.traps;
        let thread = self.load(history)?;
        if traps > 0 {
            thread.open(&self.store).map_err(internal)?;
            thread.record(Record::TrapSprung {});
            faults::die(9);
        }
        let status = ThreadStatus::Idle;
        self.notify(
            "thread/status/changed",
            &object! { thread_id: thread_id, status: status },
        );
        Ok(thread)
    }

    pub(super) fn thread_fork(&self, id: &Value, params: &Value) -> Reply {
        let source_id = thread_id(params)?;
        let mut history = match self.loaded(source_id) {
            Some(thread) => thread.with(|state| state.history.clone()),
            None => self.stored(source_id)?,
        };
        if let Some(last) = params["lastTurnId"].as_str() {
            let at = history.turns.iter().position(|turn| turn.id == last);
            let at = at.ok_or_else(|| Refusal::invalid(format!("turn not found: {last}")))?;
            history.turns.truncate(at + 1);
        }
        for turn in history
            .turns
            .iter_mut()
            .filter(|turn| turn.status == TurnStatus::InProgress)
        {
            turn.status = TurnStatus::Interrupted;
        }
        history.meta.forked_from_id = Some(source_id.to_owned());
        history.meta.id = ids::uuid();
        history.meta.created_at_ms = ids::now_ms();
        history.meta.ephemeral = params["ephemeral"] == true;
        history.meta.settings.sandbox = Sandbox::READ_ONLY;
        history.meta.settings = with_overrides(history.meta.settings, params)?;
        history.traps = 0;
        let with_turns = params["excludeTurns"] != true;
        if with_turns {
            self.deprecation("use `excludeTurns: true`, then page");
        }
        let thread = self.load(history)?;
        thread.open(&self.store).map_err(internal)?;
        let turns = if with_turns {
            self.turns(&thread, ItemsView::Full)
        } else {
            Vec::new()
        };
        self.answer(id, Ok(&self.opened(&thread, turns, false)));
        self.notify(
            "thread/started",
            &object! { thread: self.live_view(&thread, Vec::new()) },
        );
        Ok(Done)
    }

    pub(super) fn thread_name_set(&self, id: &Value, params: &Value) -> Reply {
        let thread_id = thread_id(params)?;
        let name = params["name"].as_str().map(str::to_owned);
        let record = Record::Named { name: name.clone() };
        match self.loaded(thread_id) {
            Some(thread) => thread.record(record),
            None => {
                self.stored(thread_id)?;
                self.store
                    .open(thread_id)
                    .and_then(|mut rollout| rollout.append(&record))
                    .map_err(internal)?;
            }
        }
        self.answer(id, Ok(&json!({})));
        self.notify(
            "thread/name/updated",
            &object! { thread_id: thread_id, thread_name: name },
        );
        Ok(Done)
    }

    pub(super) fn thread_archive(&self, id: &Value, params: &Value) -> Reply {
        let thread_id = thread_id(params)?;
        self.stored(thread_id)?;
        self.unload(thread_id);
        self.store.archive(thread_id, false).map_err(internal)?;
        self.answer(id, Ok(&json!({})));
        self.notify("thread/archived", &json!({"threadId": thread_id}));
        Ok(Done)
    }

    pub(super) fn thread_unarchive(&self, id: &Value, params: &Value) -> Reply {
        let thread_id = thread_id(params)?;
        let history = self
            .store
            .read(thread_id, true)
            .map_err(internal)?
            .ok_or_else(|| no_rollout(thread_id))?;
        self.store.archive(thread_id, true).map_err(internal)?;
        self.answer(id, Ok(&object! { thread: view(&self.store, &history, ThreadStatus::NotLoaded, Vec::new()) }));
        self.notify("thread/unarchived", &json!({"threadId": thread_id}));
        Ok(Done)
    }

    pub(super) fn thread_delete(&self, id: &Value, params: &Value) -> Reply {
        let thread_id = thread_id(params)?;
        let known = self
            .store
            .read(thread_id, false)
            .and_then(|open| Ok(open.or(self.store.read(thread_id, true)?)));
        known
            .map_err(internal)?
            .ok_or_else(|| no_rollout(thread_id))?;
        self.unload(thread_id);
        self.store.delete(thread_id).map_err(internal)?;
        self.answer(id, Ok(&json!({})));
        self.notify("thread/deleted", &json!({"threadId": thread_id}));
        Ok(Done)
    }

    pub(super) fn thread_unsubscribe(&self, id: &Value, params: &Value) -> Reply {
        let status = match self.loaded(thread_id(params)?) {
            None => "notLoaded",
            Some(thread) if thread.with(|state| std::mem::take(&mut state.subscribed)) => {
                "unsubscribed"
            }
            Some(_) => "notSubscribed",
        };
        self.done(id, &json!({"status": status}))
    }

    /// Takes the writer's lock and makes the thread known. A thread that leaves no trace needs no lock.
    fn load(&self, history: History) -> Result<Arc<Thread>, Refusal> {
        let thread_id = history.meta.id.clone();
        let lock = if history.meta.ephemeral {
            None
        } else {
            let busy =
                || Refusal::invalid(format!("thread {thread_id} already has an active writer"));
            Some(
                self.store
                    .lock(&thread_id)
                    .map_err(internal)?
                    .ok_or_else(busy)?,
            )
        };
        let thread = Thread::new(history, lock);
        self.threads.lock().insert(thread_id, Arc::clone(&thread));
        Ok(thread)
    }

    /// Ends a thread's turn and forgets it here; its file stays.
    fn unload(&self, thread_id: &str) {
        let Some(thread) = self.threads.lock().remove(thread_id) else {
            return;
        };
        thread.shut_down();
        thread.wait_for_end();
        let status = ThreadStatus::NotLoaded;
        self.notify(
            "thread/status/changed",
            &object! { thread_id: thread_id, status: status },
        );
    }

    pub(super) fn loaded(&self, thread_id: &str) -> Option<Arc<Thread>> {
        self.threads.lock().get(thread_id).cloned()
    }

    pub(super) fn stored(&self, thread_id: &str) -> Result<History, Refusal> {
        self.store
            .read(thread_id, false)
            .map_err(internal)?
            .ok_or_else(|| no_rollout(thread_id))
    }

    fn turns(&self, thread: &Thread, items_view: ItemsView) -> Vec<TurnView> {
        thread.with(|state| {
            state
                .history
                .turns
                .iter()
                .map(|turn| turn_view(turn, items_view))
                .collect()
        })
    }

    fn live_view(&self, thread: &Thread, turns: Vec<TurnView>) -> ThreadView {
        thread.with(|state| view(&self.store, &state.history, state.status.clone(), turns))
    }

    fn opened(&self, thread: &Thread, turns: Vec<TurnView>, resumed: bool) -> Opened {
        let Settings {
            model,
            model_provider,
            cwd,
            approval_policy,
            sandbox,
        } = thread.with(|state| state.history.meta.settings.clone());
        let profile = PermissionProfile {
            id: ":read-only",
            extends: (),
        };
        let mode = json!({"mode": "default", "settings": {"model": model, "reasoning_effort": null, "developer_instructions": null}});
        Opened {
            thread: self.live_view(thread, turns),
            model_provider,
            service_tier: (),
            disabled_plugin_ids: Vec::new(),
            runtime_workspace_roots: vec![cwd.clone()],
            cwd,
            instruction_sources: Vec::new(),
            approval_policy,
            approvals_reviewer: "user",
            active_permission_profile: matches!(sandbox, Sandbox::ReadOnly { .. })
                .then_some(profile),
            sandbox,
            reasoning_effort: (),
            collaboration_mode: resumed.then_some(mode),
            model,
            multi_agent_mode: "explicitRequestOnly",
            initial_turns_page: resumed.then_some(None),
        }
    }
}

/// The settings with what a request overrides.
pub(super) fn with_overrides(mut settings: Settings, params: &Value) -> Result<Settings, Refusal> {
    let unknown = |value: &str, expected: &str| {
        Refusal::invalid(format!(
            "Invalid request: unknown variant `{value}`, expected one of {expected}"
        ))
    };
    for (field, target) in [
        ("model", &mut settings.model),
        ("modelProvider", &mut settings.model_provider),
        ("cwd", &mut settings.cwd),
    ] {
        if let Some(text) = params[field].as_str() {
            text.clone_into(target);
        }
    }
    match &params["approvalPolicy"] {
        Value::Null => {}
        Value::String(policy)
            if !["untrusted", "on-request", "never"].contains(&policy.as_str()) =>
        {
            return Err(unknown(
                policy,
                "`untrusted`, `on-request`, `granular`, `never`",
            ));
        }
        policy => settings.approval_policy = policy.clone(),
    }
    if let Some(mode) = params["sandbox"].as_str() {
        let expected = "`read-only`, `workspace-write`, `danger-full-access`";
        settings.sandbox = Sandbox::from_mode(mode).ok_or_else(|| unknown(mode, expected))?;
    }
    if let Some(policy) = params
        .get("sandboxPolicy")
        .filter(|policy| !policy.is_null())
    {
        settings.sandbox = serde_json::from_value(policy.clone())
            .map_err(|error| Refusal::invalid(format!("Invalid request: {error}")))?;
    }
    Ok(settings)
}

/// The thread that a request is about.
pub(super) fn thread_id(params: &Value) -> Result<&str, Refusal> {
    let id = text(params, "threadId")?;
    if ids::made_at_ms(id).is_none() {
        return Err(Refusal::invalid(format!(
            "invalid session id: `{id}` is no UUID"
        )));
    }
    Ok(id)
}

fn no_rollout(thread_id: &str) -> Refusal {
    Refusal::invalid(format!("no rollout found for thread id {thread_id}"))
}

pub(super) fn internal(error: io::Error) -> Refusal {
    Refusal::new(-32603, format!("failed to reach the thread store: {error}"))
}
