//! How the steps of a scenario become an answer of the model.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    events::{Broken, Events},
    request::call_id,
};
use crate::scenario::{
    FailKind, Prose, Rate, Scenario, SecretPlace, Step, Stream, cut_bytes, secret, words,
};

/// Longest that Codex lets a command run before it goes on without it.
const YIELD_TIME_MS: u64 = 30_000;

/// How a step ends the answer; most do not.
enum Ending {
    /// Codex carries a tool call out and asks again.
    ToolCall,
    /// The turn fails.
    Failure(FailKind),
    /// Nothing more comes.
    Silence,
}

/// Plays the steps from `first` up to the next tool call.
pub(super) async fn play(
    scenario: Scenario,
    first: usize,
    mut events: Events,
) -> Result<(), Broken> {
    let id = random_id("resp");
    events.created(&id).await?;
    for (index, step) in scenario.steps.iter().enumerate().skip(first) {
        match step_events(step, index, scenario.seed, &mut events).await? {
            None => {}
            Some(Ending::ToolCall) => break,
            Some(Ending::Silence) => {
                events.hang().await;
                return Err(Broken);
            }
            Some(Ending::Failure(kind)) => return fail(kind, &id, events).await,
        }
    }
    events.completed(&id).await
}

/// The HTTP status and body of an answer that fails before it begins; `None` when the scenario's next step is another.
pub(super) fn immediate_failure(scenario: &Scenario, first: usize) -> Option<(u16, Value)> {
    let Some(Step::Fail { kind, before, .. }) = scenario.steps.get(first) else {
        return None;
    };
    if before.count > 0 {
        return None;
    }
    let error = |kind: &str, message: &str| json!({"error": {"type": kind, "message": message}});
    match kind {
        FailKind::UsageLimitExceeded => Some((
            429,
            error("usage_limit_reached", "the scripted usage limit is reached"),
        )),
        FailKind::ResponseTooManyFailedAttempts => {
            Some((429, error("requests", "scripted: too many requests")))
        }
        FailKind::InternalServerError => Some((
            500,
            error("server_error", "scripted: internal server error"),
        )),
        FailKind::HttpConnectionFailed => Some((
            401,
            error("invalid_request_error", "scripted: unauthorized"),
        )),
        FailKind::RateLimitExceeded | FailKind::ContextWindowExceeded | FailKind::Other => None,
    }
}

async fn fail(kind: FailKind, id: &str, events: Events) -> Result<(), Broken> {
    let message = "the script says so";
    match kind {
        FailKind::RateLimitExceeded => events.failed(id, "rate_limit_exceeded", message).await,
        FailKind::ContextWindowExceeded => {
            events.failed(id, "context_length_exceeded", message).await
        }
        FailKind::UsageLimitExceeded => events.failed(id, "insufficient_quota", message).await,
        FailKind::InternalServerError
        | FailKind::ResponseTooManyFailedAttempts
        | FailKind::HttpConnectionFailed
        | FailKind::Other => {
            events.break_off().await;
            Ok(())
        }
    }
}

async fn step_events(
    step: &Step,
    index: usize,
    seed: u64,
    events: &mut Events,
) -> Result<Option<Ending>, Broken> {
    match step {
        Step::Text(stream) => numbered(stream, seed, events).await?,
        Step::Say { text, rate } => message(&words(text), *rate, events).await?,
        Step::Reason { count, rate, text } => {
            let pieces: Vec<_> = match text.as_str() {
                "" => (0..*count).map(|index| format!("r{index} ")).collect(),
                text => vec![text.to_owned()],
            };
            reasoning(&pieces, *rate, Duration::ZERO, events).await?;
        }
        Step::Think(time) => reasoning(&[], Rate::UNLIMITED, *time, events).await?,
        Step::Sleep(time) => events.wait_until(Instant::now() + *time).await?,
        Step::Plan { text } if text.is_empty() => {
            message(
                &["1. Look around\n", "2. Do it\n", "3. Check it\n"],
                Rate::UNLIMITED,
                events,
            )
            .await?
        }
        Step::Plan { text } => message(&[text], Rate::UNLIMITED, events).await?,
        Step::BigLine { mb } => {
            let mut text = Vec::new();
            Prose::new(seed, mb << 20).piece(0, mb << 20, &mut text);
            message(&[&String::from_utf8_lossy(&text)], Rate::UNLIMITED, events).await?;
        }
        Step::Secret {
            kind,
            cut,
            place: SecretPlace::Text,
        } => {
            let secret = secret(*kind, seed);
            let pieces: Vec<_> = ["Found this: "]
                .into_iter()
                .chain(cut_bytes(&secret, *cut))
                .chain([" (end)\n"])
                .collect();
            message(&pieces, Rate::UNLIMITED, events).await?;
        }
        Step::Secret {
            kind,
            cut,
            place: SecretPlace::Reasoning,
        } => {
            let secret = secret(*kind, seed);
            let pieces: Vec<_> = cut_bytes(&secret, *cut)
                .into_iter()
                .map(str::to_owned)
                .collect();
            reasoning(&pieces, Rate::UNLIMITED, Duration::ZERO, events).await?;
        }
        Step::Fail { kind, before, .. } => {
            leave_open(before, seed, events).await?;
            return Ok(Some(Ending::Failure(*kind)));
        }
        Step::Hang(before) => {
            leave_open(before, seed, events).await?;
            return Ok(Some(Ending::Silence));
        }
        step => match tool_call(step, index, seed) {
            Some(call) => {
                let output_index = events.next_item();
                events
                    .send(
                        "response.output_item.done",
                        json!({"output_index": output_index, "item": call}),
                    )
                    .await?;
                return Ok(Some(Ending::ToolCall));
            }
            None => {
                message(
                    &["This step exists only in the simulated Codex.\n"],
                    Rate::UNLIMITED,
                    events,
                )
                .await?
            }
        },
    }
    Ok(None)
}

/// The tool call that makes Codex do this step; `None` for a step that no model can do.
fn tool_call(step: &Step, index: usize, seed: u64) -> Option<Value> {
    let function = |name: &str, arguments: Value| {
        let id = random_id("fc");
        json!({"type": "function_call", "id": id, "call_id": call_id(index), "name": name, "arguments": arguments.to_string()})
    };
    match step {
        Step::Edit(edit) => {
            let lines: String = edit.text.lines().map(|line| format!("+{line}\n")).collect();
            let patch = format!(
                "*** Begin Patch\n*** Add File: {}\n{lines}*** End Patch\n",
                edit.path
            );
            let id = random_id("ctc");
            Some(
                json!({"type": "custom_tool_call", "id": id, "call_id": call_id(index), "name": "apply_patch", "input": patch}),
            )
        }
        Step::Ask { question, options } => {
            let options: Vec<_> = options
                .iter()
                .map(|label| json!({"label": label, "description": label}))
                .collect();
            let question =
                json!({"id": "q1", "header": "Question", "question": question, "options": options});
            Some(function(
                "request_user_input",
                json!({"questions": [question]}),
            ))
        }
        Step::Approve { cmd, reason } => Some(function(
            "exec_command",
            json!({
                "cmd": cmd, "login": false, "yield_time_ms": YIELD_TIME_MS,
                "sandbox_permissions": "require_escalated", "justification": reason,
            }),
        )),
        step => {
            let cmd = step.command(seed)?;
            Some(function(
                "exec_command",
                json!({"cmd": cmd, "login": false, "yield_time_ms": YIELD_TIME_MS}),
            ))
        }
    }
}

async fn numbered(stream: &Stream, seed: u64, events: &mut Events) -> Result<(), Broken> {
    let prose = Prose::new(seed, stream.size);
    let every = if stream.every == 0 {
        stream.count.max(1)
    } else {
        stream.every
    };
    let began = Instant::now();
    let mut from = 0_u64;
    loop {
        let to = stream.count.min(from.saturating_add(every));
        let message = open_message(stream, from..to, &prose, began, events).await?;
        message.close(events).await?;
        from = to;
        if from >= stream.count {
            return Ok(());
        }
    }
}

/// An agent message that is not completed yet.
struct OpenMessage {
    id: String,
    output_index: usize,
    text: String,
}

impl OpenMessage {
    async fn start(events: &mut Events) -> Result<Self, Broken> {
        let (id, output_index) = (random_id("msg"), events.next_item());
        let item = json!({"type": "message", "id": id, "role": "assistant", "content": []});
        events
            .send(
                "response.output_item.added",
                json!({"output_index": output_index, "item": item}),
            )
            .await?;
        Ok(Self {
            id,
            output_index,
            text: String::new(),
        })
    }

    async fn delta(&mut self, delta: &str, events: &mut Events) -> Result<(), Broken> {
        self.text.push_str(delta);
        let fields = json!({"item_id": self.id, "output_index": self.output_index, "content_index": 0, "delta": delta});
        events.send("response.output_text.delta", fields).await
    }

    async fn close(self, events: &mut Events) -> Result<(), Broken> {
        let content = [json!({"type": "output_text", "text": self.text})];
        let item =
            json!({"type": "message", "id": self.id, "role": "assistant", "content": content});
        events
            .send(
                "response.output_item.done",
                json!({"output_index": self.output_index, "item": item}),
            )
            .await?;
        events.flush().await
    }
}

async fn open_message(
    stream: &Stream,
    indices: std::ops::Range<u64>,
    prose: &Prose,
    began: Instant,
    events: &mut Events,
) -> Result<OpenMessage, Broken> {
    let mut message = OpenMessage::start(events).await?;
    for index in indices {
        events.pace(began, stream.rate.due(index)).await?;
        let mut piece = Vec::new();
        if stream.stamp {
            prose.stamped_piece(index, stream.size, now_us(), &mut piece);
        } else {
            prose.piece(index, stream.size, &mut piece);
        }
        message
            .delta(&String::from_utf8_lossy(&piece), events)
            .await?;
    }
    events.flush().await?;
    Ok(message)
}

/// A message that breaks off, if anything shall stream at all.
async fn leave_open(stream: &Stream, seed: u64, events: &mut Events) -> Result<(), Broken> {
    if stream.count > 0 {
        let prose = Prose::new(seed, stream.size);
        open_message(stream, 0..stream.count, &prose, Instant::now(), events).await?;
    }
    Ok(())
}

async fn message(pieces: &[&str], rate: Rate, events: &mut Events) -> Result<(), Broken> {
    let mut message = OpenMessage::start(events).await?;
    let began = Instant::now();
    for (index, piece) in pieces.iter().enumerate() {
        events.pace(began, rate.due(index as u64)).await?;
        message.delta(piece, events).await?;
    }
    message.close(events).await
}

async fn reasoning(
    pieces: &[String],
    rate: Rate,
    silence: Duration,
    events: &mut Events,
) -> Result<(), Broken> {
    let (id, output_index) = (random_id("rs"), events.next_item());
    let part = |text: &str| json!({"type": "summary_text", "text": text});
    let item = json!({"type": "reasoning", "id": id, "summary": []});
    events
        .send(
            "response.output_item.added",
            json!({"output_index": output_index, "item": item}),
        )
        .await?;
    let place = json!({"item_id": id, "output_index": output_index, "summary_index": 0});
    let with = |key: &str, value: Value| {
        let mut fields = place.clone();
        fields[key] = value;
        fields
    };
    if !pieces.is_empty() {
        events
            .send(
                "response.reasoning_summary_part.added",
                with("part", part("")),
            )
            .await?;
    }
    let began = Instant::now();
    for (index, piece) in pieces.iter().enumerate() {
        events.pace(began, rate.due(index as u64)).await?;
        events
            .send(
                "response.reasoning_summary_text.delta",
                with("delta", json!(piece)),
            )
            .await?;
    }
    events.wait_until(Instant::now() + silence).await?;
    let summary: Vec<_> = Some(pieces.concat())
        .filter(|text| !text.is_empty())
        .iter()
        .map(|text| part(text))
        .collect();
    let item = json!({"type": "reasoning", "id": id, "summary": summary});
    events
        .send(
            "response.output_item.done",
            json!({"output_index": output_index, "item": item}),
        )
        .await?;
    events.flush().await
}

fn random_id(prefix: &str) -> String {
    format!("{prefix}_{:016x}", fastrand::u64(..))
}

fn now_us() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_micros() as u64)
}
