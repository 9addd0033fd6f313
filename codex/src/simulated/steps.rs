//! What the steps of a scenario do in the simulated Codex. Commands and approvals are in [`super::commands`], the steps
//! that hurt the process in [`super::faults`].

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    control::{Heed, Stop},
    deltas::Deltas,
    ids,
    rollout::Record,
    shapes::{Item, TurnError},
    turn::TurnRun,
    wire::object,
};
use crate::scenario::{
    Fabricated, FailKind, Piece, Prose, Rate, Scenario, SecretKind, SecretPlace, Step, Stream,
    cut_bytes, fabricate, secret, words,
};

/// Pause between two announced retries.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

impl TurnRun {
    pub(super) fn run_steps(&mut self, scenario: &Scenario) -> Result<(), Stop> {
        for step in &scenario.steps {
            self.control.check(Heed::Everything)?;
            self.step(step, scenario.seed)?;
        }
        self.control.check(Heed::Everything)
    }

    fn step(&mut self, step: &Step, seed: u64) -> Result<(), Stop> {
        match step {
            Step::Text(stream) => self.numbered(stream, seed).map(|()| self.model_answered()),
            Step::Say { text, rate } => self.message(&words(text), *rate),
            Step::Run { cmd } => self.command(cmd, None, fabricate(cmd, &self.settings().cwd)),
            Step::Output(stream) => self.print(&step.command(seed).unwrap_or_default(), *stream),
            Step::Approve { cmd, reason } => {
                self.command(cmd, Some(reason), fabricate(cmd, &self.settings().cwd))
            }
            Step::Edit(edit) => self.edit(edit),
            Step::Ask { question, options } => self.question(question, options),
            Step::Reason { count, rate, text } => {
                let pieces = match text.as_str() {
                    "" => summaries(*count),
                    text => vec![text.to_owned()],
                };
                self.reasoning(&pieces, *rate, Duration::ZERO)
            }
            Step::Plan { text } => {
                self.plan(text);
                Ok(())
            }
            Step::Think(time) => self.reasoning(&[], Rate::UNLIMITED, *time),
            Step::Sleep(time) => self
                .control
                .wait_until(Instant::now() + *time, Heed::Everything),
            Step::Secret { kind, cut, place } => self.secret(step, *kind, *cut, *place, seed),
            Step::BigLine { mb } => {
                let mut text = Vec::new();
                Prose::new(seed, mb << 20).piece(0, mb << 20, &mut text);
                self.message(&[&String::from_utf8_lossy(&text)], Rate::UNLIMITED)
            }
            Step::Fail {
                kind,
                retries,
                before,
            } => self.fail_turn(*kind, *retries, before, seed),
            Step::Hang(before) => {
                self.open_message(before, seed)?;
                Err(self.control.wait())
            }
            Step::Env => {
                let mut names: Vec<_> = std::env::vars_os()
                    .map(|(name, _)| format!("{}\n", name.to_string_lossy()))
                    .collect();
                names.sort();
                let done = Fabricated {
                    pieces: vec![Piece::Output(names.concat())],
                    exit_code: 0,
                };
                self.command(&step.command(seed).unwrap_or_default(), None, done)
            }
            Step::Spawn { .. } => self.spawn(&step.command(seed).unwrap_or_default()),
            Step::TrapResume { times } => {
                self.thread.record(Record::TrapSet { times: *times });
                Ok(())
            }
            fault => self.fault(fault, seed),
        }
    }

    /// Agent messages of numbered deltas, the last one completed, too.
    fn numbered(&self, stream: &Stream, seed: u64) -> Result<(), Stop> {
        let prose = Prose::new(seed, stream.size);
        let every = if stream.every == 0 {
            stream.count.max(1)
        } else {
            stream.every
        };
        let began = Instant::now();
        let mut from = 0;
        loop {
            let to = stream.count.min(from + every);
            let (mut item, text) = self.stream_message(&prose, stream, from..to, began)?;
            if let Item::AgentMessage { text: shown, .. } = &mut item {
                *shown = text;
            }
            if stream.forget {
                self.announce_completed(item);
            } else {
                self.complete_item(item);
            }
            from = to;
            if from >= stream.count {
                return Ok(());
            }
        }
    }

    /// Starts a message and streams into it; it stays open.
    pub(super) fn open_message(&self, stream: &Stream, seed: u64) -> Result<(), Stop> {
        if stream.count > 0 {
            self.stream_message(
                &Prose::new(seed, stream.size),
                stream,
                0..stream.count,
                Instant::now(),
            )?;
        }
        Ok(())
    }

    fn stream_message(
        &self,
        prose: &Prose,
        stream: &Stream,
        indices: std::ops::Range<u64>,
        began: Instant,
    ) -> Result<(Item, Arc<str>), Stop> {
        let id = ids::item_id("msg");
        let item = Item::agent_message(&id, "".into(), ids::now_ms());
        self.start_item(&item);
        let mut deltas = Deltas::new(
            &self.server,
            "item/agentMessage/delta",
            &self.thread.id,
            &self.turn_id,
            &id,
        );
        let mut text = Vec::new();
        for index in indices {
            if let Err(stop) = self.pace(stream.rate, index, began, || deltas.flush()) {
                deltas.flush();
                return Err(stop);
            }
            let start = text.len();
            if stream.stamp {
                prose.stamped_piece(index, stream.size, ids::now_us(), &mut text);
            } else {
                prose.piece(index, stream.size, &mut text);
            }
            deltas.plain(&text[start..]);
        }
        deltas.flush();
        let text = String::from_utf8(text).expect("numbered pieces are ASCII");
        Ok((item, text.into()))
    }

    fn pace(
        &self,
        rate: Rate,
        index: u64,
        began: Instant,
        flush: impl FnOnce(),
    ) -> Result<(), Stop> {
        self.control
            .pace(rate.due(index), index, began, Heed::Everything, flush)
    }

    /// A whole agent message of these pieces.
    fn message(&self, pieces: &[&str], rate: Rate) -> Result<(), Stop> {
        let id = ids::item_id("msg");
        let mut item = Item::agent_message(&id, "".into(), ids::now_ms());
        self.start_item(&item);
        let began = Instant::now();
        let mut deltas = Deltas::new(
            &self.server,
            "item/agentMessage/delta",
            &self.thread.id,
            &self.turn_id,
            &id,
        );
        for (index, piece) in pieces.iter().enumerate() {
            self.pace(rate, index as u64, began, || deltas.flush())?;
            deltas.text(piece);
        }
        deltas.flush();
        if let Item::AgentMessage { text, .. } = &mut item {
            *text = pieces.concat().into();
        }
        self.complete_item(item);
        self.model_answered();
        Ok(())
    }

    /// A reasoning item of these deltas, then of silence.
    fn reasoning(&self, pieces: &[String], rate: Rate, silence: Duration) -> Result<(), Stop> {
        let id = ids::item_id("rs");
        let started_at_ms = ids::now_ms();
        let reasoning = |summary| Item::Reasoning {
            id: id.clone(),
            summary,
            content: Vec::new(),
            started_at_ms,
            completed_at_ms: None,
        };
        self.start_item(&reasoning(Vec::new()));
        if !pieces.is_empty() {
            let part = object! { thread_id: &self.thread.id, turn_id: &self.turn_id, item_id: &id, summary_index: 0 };
            self.server.notify("item/reasoning/summaryPartAdded", &part);
        }
        let method = "item/reasoning/summaryTextDelta";
        let mut deltas =
            Deltas::new(&self.server, method, &self.thread.id, &self.turn_id, &id).of_summary();
        let began = Instant::now();
        for (index, piece) in pieces.iter().enumerate() {
            self.pace(rate, index as u64, began, || deltas.flush())?;
            deltas.text(piece);
        }
        deltas.flush();
        self.control
            .wait_until(Instant::now() + silence, Heed::Everything)?;
        self.complete_item(reasoning(if pieces.is_empty() {
            Vec::new()
        } else {
            vec![pieces.concat()]
        }));
        Ok(())
    }

    fn plan(&self, text: &str) {
        let [first, explanation] = match text {
            "" => ["Look around", "three steps"],
            text => [text, text],
        };
        let step = |step, status| object! { step: step, status: status };
        let plan = [
            step(first, "completed"),
            step("Do it", "inProgress"),
            step("Check it", "pending"),
        ];
        let params = object! { thread_id: &self.thread.id, turn_id: &self.turn_id, explanation: explanation, plan: plan };
        self.server.notify("turn/plan/updated", &params);
        self.model_answered();
    }

    fn secret(
        &mut self,
        step: &Step,
        kind: SecretKind,
        cut: usize,
        place: SecretPlace,
        seed: u64,
    ) -> Result<(), Stop> {
        let secret = secret(kind, seed);
        let pieces = cut_bytes(&secret, cut);
        match place {
            SecretPlace::Text => {
                let pieces: Vec<_> = ["Found this: "]
                    .into_iter()
                    .chain(pieces)
                    .chain([" (end)\n"])
                    .collect();
                self.message(&pieces, Rate::UNLIMITED)
            }
            SecretPlace::Reasoning => {
                let pieces: Vec<_> = pieces.into_iter().map(str::to_owned).collect();
                self.reasoning(&pieces, Rate::UNLIMITED, Duration::ZERO)
            }
            SecretPlace::Output | SecretPlace::Command => {
                let command = step.command(seed).unwrap_or_default();
                let done = fabricate(&command, "/");
                self.command(&command, None, done)
            }
            SecretPlace::Stderr => {
                eprintln!("{secret}");
                Ok(())
            }
        }
    }

    fn fail_turn(
        &self,
        kind: FailKind,
        retries: u32,
        before: &Stream,
        seed: u64,
    ) -> Result<(), Stop> {
        for attempt in 0..=retries {
            if attempt > 0 {
                let info = json!({"responseStreamDisconnected": {"httpStatusCode": null}});
                self.notify_error(
                    &turn_error(format!("Reconnecting... {attempt}/{retries}"), info),
                    true,
                );
                self.control
                    .wait_until(Instant::now() + RETRY_PAUSE, Heed::Everything)?;
            }
            self.open_message(before, seed)?;
        }
        Err(self.fail(failure(kind)))
    }
}

fn summaries(count: u64) -> Vec<String> {
    (0..count).map(|index| format!("r{index} ")).collect()
}

fn turn_error(message: String, codex_error_info: Value) -> TurnError {
    TurnError {
        message,
        codex_error_info,
        additional_details: None,
        misalignment: (),
    }
}

fn failure(kind: FailKind) -> TurnError {
    let status = |name: &str, code: u16| json!({name: {"httpStatusCode": code}});
    let (message, info) = match kind {
        FailKind::UsageLimitExceeded => (
            "You've hit your usage limit. Try again later.",
            json!(kind.word()),
        ),
        FailKind::RateLimitExceeded => ("Rate limit reached", json!(kind.word())),
        FailKind::ContextWindowExceeded => (
            "Codex ran out of room in the model's context window. Start a new thread or clear earlier history before retrying.",
            json!(kind.word()),
        ),
        FailKind::InternalServerError => (
            "We're currently experiencing high demand, which may cause temporary errors.",
            json!(kind.word()),
        ),
        FailKind::ResponseTooManyFailedAttempts => (
            "exceeded retry limit, last status: 429 Too Many Requests",
            status(kind.word(), 429),
        ),
        FailKind::HttpConnectionFailed => (
            "unexpected status 401 Unauthorized",
            status(kind.word(), 401),
        ),
        FailKind::Other => (
            "stream disconnected before completion: stream closed before response.completed",
            json!(kind.word()),
        ),
    };
    turn_error(message.to_owned(), info)
}
