//! The requests about turns: starting, steering and interrupting them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    control::{Control, Said},
    ids,
    requests::{Done, Reply, missing, text},
    rollout::Record,
    server::Server,
    shapes::Content,
    thread::{Active, Thread, fresh_turn_view},
    thread_requests::{thread_id, with_overrides},
    turn::{TurnRun, plain_text},
    wire::{Refusal, object},
};

/// Characters that one input may have, as with the real one.
const MAX_INPUT_CHARS: usize = 1_048_576;

impl Server {
    pub(super) fn turn_start(self: &Arc<Self>, id: &Value, params: &Value) -> Reply {
        let thread = self.thread(params)?;
        let said = said(params)?;
        thread.settle();
        let running = thread.with(|state| state.active.clone());
        if let Some(active) = running {
            // It neither waits nor fails: what is said goes into the turn that runs.
            active.control.steer(said);
            return self.done(
                id,
                &object! { turn: fresh_turn_view(&active.turn_id, None) },
            );
        }
        self.override_settings(&thread, params)?;
        let turn_id = ids::uuid();
        let control = Arc::new(Control::default());
        let active = Active {
            turn_id: turn_id.clone(),
            control,
            closing: false,
        };
        thread.with(|state| state.active = Some(active.clone()));
        self.answer(id, Ok(&object! { turn: fresh_turn_view(&turn_id, None) }));
        let server = Arc::clone(self);
        let plan_mode = params["collaborationMode"]["mode"] == "plan";
        let run = TurnRun::new(server, thread, active, plan_mode);
        std::thread::spawn(move || run.run(said));
        Ok(Done)
    }

    fn override_settings(&self, thread: &Thread, params: &Value) -> Result<(), Refusal> {
        let old = thread.with(|state| state.history.meta.settings.clone());
        let settings = with_overrides(old.clone(), params)?;
        if settings != old {
            thread.record(Record::Settings { settings });
        }
        Ok(())
    }

    pub(super) fn turn_steer(&self, id: &Value, params: &Value) -> Reply {
        let thread = self.thread(params)?;
        let said = said(params)?;
        let expected = text(params, "expectedTurnId")?;
        thread.settle();
        let active = thread
            .with(|state| state.active.clone())
            .ok_or_else(|| Refusal::invalid("no active turn to steer"))?;
        if active.turn_id != expected {
            let message = format!(
                "expected active turn id `{expected}` but found `{}`",
                active.turn_id
            );
            return Err(Refusal::invalid(message));
        }
        self.answer(id, Ok(&object! { turn_id: &active.turn_id }));
        active.control.steer(said);
        Ok(Done)
    }

    pub(super) fn turn_interrupt(&self, id: &Value, params: &Value) -> Reply {
        let thread = self.thread(params)?;
        let turn_id = text(params, "turnId")?;
        thread.settle();
        let active = thread
            .with(|state| state.active.clone())
            .ok_or_else(|| Refusal::invalid("no active turn to interrupt"))?;
        if active.turn_id != turn_id {
            return Err(Refusal::invalid(format!(
                "expected active turn id {turn_id} but found {}",
                active.turn_id
            )));
        }
        self.answer(id, Ok(&json!({})));
        active.control.interrupt();
        Ok(Done)
    }

    fn thread(&self, params: &Value) -> Result<Arc<Thread>, Refusal> {
        let thread_id = thread_id(params)?;
        self.loaded(thread_id)
            .ok_or_else(|| Refusal::invalid(format!("thread not found: {thread_id}")))
    }
}

fn said(params: &Value) -> Result<Said, Refusal> {
    let input = params.get("input").ok_or_else(|| missing("input"))?;
    let content: Vec<Content> = serde_json::from_value(input.clone())
        .map_err(|error| Refusal::invalid(format!("Invalid request: {error}")))?;
    let chars = plain_text(&content).chars().count();
    if chars > MAX_INPUT_CHARS {
        return Err(Refusal {
            code: -32602,
            data: Some(
                json!({"input_error_code": "input_too_large", "max_chars": MAX_INPUT_CHARS, "actual_chars": chars}),
            ),
            message: format!("Input exceeds the maximum length of {MAX_INPUT_CHARS} characters."),
        });
    }
    Ok(Said {
        content,
        client_id: params["clientUserMessageId"].as_str().map(str::to_owned),
    })
}
