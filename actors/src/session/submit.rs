//! How prompts come in, go to Codex, and are accounted for: the messages of the prompt queue.
//!
//! The queue itself is the value in `prompts`; here it meets journal, Codex and clock.

use std::{collections::HashSet, sync::Arc, time::Duration};

use codex::message::TurnStarted;
use journal::{PromptState, PromptWhen};
use kameo::prelude::*;
use serde_json::{Value, json, value::RawValue};
use tokio::sync::oneshot;

pub(crate) use super::prompts::Submission;
use super::{
    Session,
    prompts::{is_editable, state_word},
};
use crate::{
    bridge::{Answer, BridgeLink, CallError, redact_json},
    rpc::{INVALID_PARAMS, OVERLOADED, Refusal, error_message},
};

/// Turns of the history in which a prompt that was on its way is looked for.
const HISTORY_TURNS: usize = 50;

/// How long a prompt waits that found Codex with too much to read.
const RESEND: Duration = Duration::from_millis(250);

/// What became of a submission.
#[derive(Debug)]
pub(crate) struct Submitted {
    /// `queued`, `sending`, `running`, `done` or `notRun`.
    pub state: &'static str,
    /// This promptId was submitted before; nothing new will run.
    pub duplicate: bool,
}

/// Take a prompt in; answered when it is durable.
pub(crate) struct SubmitPrompt {
    pub submission: Submission,
    pub reply: oneshot::Sender<Result<Submitted, Refusal>>,
}

impl Message<SubmitPrompt> for Session {
    type Reply = ();

    async fn handle(&mut self, submit: SubmitPrompt, _: &mut Context<Self, ()>) {
        let SubmitPrompt { submission, reply } = submit;
        match self.known(&submission.prompt_id).await {
            Ok(Some(state)) => {
                let submitted = Submitted {
                    state: state_word(state),
                    duplicate: true,
                };
                // The first submission may still be on its way to the disk.
                self.reply_when_durable(reply, submitted);
            }
            Ok(None) if self.prompts.len() >= self.wiring.limits.queued_prompts => {
                let limit = self.wiring.limits.queued_prompts;
                let message = format!(
                    "{limit} prompts wait in this session already (limits.queued_prompts); remove some"
                );
                let _ = reply.send(Err(Refusal::new(OVERLOADED, message)));
            }
            Ok(None) => {
                let shown = redact_json(&self.wiring.redactor.current(), submission.input.get())
                    .into_owned();
                let prompt = self.prompts.add(&submission, shown);
                let _durable = self.write(vec![prompt]);
                let submitted = Submitted {
                    state: state_word(PromptState::Queued),
                    duplicate: false,
                };
                self.reply_when_durable(reply, submitted);
            }
            Err(refusal) => {
                let _ = reply.send(Err(refusal));
            }
        }
    }
}

/// Change the text of a prompt that has not been sent; answered with its state when that is durable.
pub(crate) struct EditPrompt {
    pub prompt_id: String,
    pub input: Box<RawValue>,
    pub reply: oneshot::Sender<Result<&'static str, Refusal>>,
}

impl Message<EditPrompt> for Session {
    type Reply = ();

    async fn handle(&mut self, edit: EditPrompt, _: &mut Context<Self, ()>) {
        let shown = redact_json(&self.wiring.redactor.current(), edit.input.get()).into_owned();
        match self.prompts.edit(&edit.prompt_id, &edit.input, shown) {
            Some(prompt) => {
                let _durable = self.write(vec![prompt]);
                self.reply_when_durable(edit.reply, state_word(PromptState::Queued));
            }
            None => {
                // The tab may have gone.
                let _ = edit.reply.send(Err(self.not_editable(&edit.prompt_id)));
            }
        }
    }
}

/// Drop a prompt that has not been sent; answered when that is durable.
pub(crate) struct RemovePrompt {
    pub prompt_id: String,
    pub reply: oneshot::Sender<Result<(), Refusal>>,
}

impl Message<RemovePrompt> for Session {
    type Reply = ();

    async fn handle(&mut self, remove: RemovePrompt, _: &mut Context<Self, ()>) {
        let found = self.prompts.get(&remove.prompt_id);
        if !found.is_some_and(|prompt| is_editable(prompt.state)) {
            // The tab may have gone.
            let _ = remove.reply.send(Err(self.not_editable(&remove.prompt_id)));
            return;
        }
        self.put(&[remove.prompt_id], PromptState::Removed, None);
        self.reply_when_durable(remove.reply, ());
    }
}

impl Session {
    /// Answers when everything that has been written so far is durable. A host that goes down before answers nothing.
    fn reply_when_durable<T: Send + 'static>(
        &self,
        reply: oneshot::Sender<Result<T, Refusal>>,
        answer: T,
    ) {
        let feed = Arc::clone(&self.feed);
        let closing = self.wiring.closing.clone();
        self.wiring.tracker.spawn(async move {
            let durable = async {
                feed.flush();
                feed.published(feed.view().staged_head).await;
            };
            if closing.run_until_cancelled(durable).await.is_some() {
                // The tab may have gone.
                let _ = reply.send(Ok(answer));
            }
        });
    }

    fn not_editable(&self, id: &str) -> Refusal {
        let found = match self.prompts.get(id) {
            Some(prompt) => format!("it is {}", state_word(prompt.state)),
            None => "there is no such prompt in the queue".to_owned(),
        };
        Refusal::new(
            INVALID_PARAMS,
            format!("only a prompt that is queued or was not run can be changed; {found}"),
        )
    }

    /// The state of a promptId that was submitted before, however long ago.
    async fn known(&self, id: &str) -> Result<Option<PromptState>, Refusal> {
        if let Some(prompt) = self.prompts.get(id) {
            return Ok(Some(prompt.state));
        }
        let (journal, thread, id) = (
            self.feed.journal().clone(),
            self.feed.thread().to_string(),
            id.to_owned(),
        );
        let read = tokio::task::spawn_blocking(move || journal.prompt(&thread, &id)).await;
        match read {
            Ok(Ok(prompt)) => Ok(prompt.map(|prompt| prompt.state)),
            Ok(Err(err)) => Err(Refusal::new(
                crate::rpc::INTERNAL,
                format!("cannot look the prompt up in the journal: {err}"),
            )),
            Err(err) => Err(Refusal::new(
                crate::rpc::INTERNAL,
                format!("cannot look the prompt up in the journal: {err}"),
            )),
        }
    }

    /// Sends the prompt that is due, once it is durable that it is being sent.
    pub(super) fn send_next_prompt(&mut self, link: &Arc<BridgeLink>) {
        // A host that goes down begins nothing; the next one sends what waits.
        if self.wiring.closing.is_cancelled() {
            return;
        }
        let turn = self.feed.view().turn;
        let Some(prompt) = self.prompts.next(turn.is_some()).cloned() else {
            return;
        };
        let (method, params) = match (&turn, prompt.when) {
            (Some(turn), PromptWhen::Steer) => (
                "turn/steer",
                steer_params(self.feed.thread().as_str(), &prompt, &turn.id),
            ),
            _ => (
                "turn/start",
                start_params(self.feed.thread().as_str(), &prompt),
            ),
        };
        let Some(sending) = self.prompts.set(&prompt.id, PromptState::Sending, None) else {
            return;
        };
        let durable = self.write(vec![sending]);
        let (me, link) = (self.me.clone(), Arc::clone(link));
        self.wiring.tracker.spawn(async move {
            if durable.await.is_err() {
                return; // The host goes down; the journal says queued.
            }
            let outcome = match link.call(method, Some(&params), None) {
                Ok(answer) => match answer.await {
                    Ok(Answer {
                        result: Ok(result), ..
                    }) => Outcome::Accepted(turn_of(&result)),
                    Ok(Answer {
                        result: Err(error), ..
                    }) => Outcome::Refused(error_message(&error)),
                    Err(_) => Outcome::Unknown,
                },
                Err(CallError::Full) => Outcome::NotSent,
                Err(CallError::Down) => Outcome::NotSent,
            };
            if matches!(outcome, Outcome::NotSent) {
                tokio::time::sleep(RESEND).await;
            }
            // The session may be gone with the host.
            let _ = me
                .tell(PromptSent {
                    id: prompt.id,
                    outcome,
                })
                .send()
                .await;
        });
    }

    /// Codex is up again: what was on its way when it died is looked up in Codex's own history, once.
    pub(super) fn reconcile(&mut self, link: Arc<BridgeLink>) {
        let incarnation = link.incarnation;
        self.reconciled = Some(incarnation);
        let running = self.prompts.running();
        if !running.is_empty() && self.feed.view().turn.is_none() {
            self.put(&running, PromptState::Done, None);
        }
        let uncertain = self.prompts.uncertain();
        if uncertain.is_empty() {
            self.me_again();
            return;
        }
        if !self.feed.row().resumable {
            // No turn was ever durable in Codex: the thread was begun anew, and the prompt is the one to begin with.
            self.put(&uncertain, PromptState::Queued, None);
            self.me_again();
            return;
        }
        self.reading_history = true;
        let params =
            json!({"threadId": self.feed.thread().as_str(), "limit": HISTORY_TURNS, "itemsView": "full"}).to_string();
        let (me, call) = (
            self.me.clone(),
            link.call("thread/turns/list", Some(&params), None),
        );
        self.wiring.tracker.spawn(async move {
            let history = match call {
                Ok(answer) => answer.await.ok().and_then(|answer| answer.result.ok()),
                Err(_) => None,
            };
            let history = history.map(|raw| String::from_utf8_lossy(&raw).into_owned());
            let read = HistoryRead {
                incarnation,
                uncertain,
                history,
            };
            let _ = me.tell(read).send().await;
        });
    }

    /// Runs `drive` once more.
    fn me_again(&self) {
        self.feed.poke();
    }
}

/// What became of a prompt that was sent.
enum Outcome {
    /// Codex made it this turn.
    Accepted(Option<String>),
    /// Codex said no.
    Refused(String),
    /// It never left the host.
    NotSent,
    /// Codex ended before it answered.
    Unknown,
}

struct PromptSent {
    id: String,
    outcome: Outcome,
}

impl Message<PromptSent> for Session {
    type Reply = ();

    async fn handle(&mut self, sent: PromptSent, _: &mut Context<Self, ()>) {
        let id = [sent.id];
        match sent.outcome {
            // `drive` sees it run.
            Outcome::Accepted(turn) => self.put(&id, PromptState::Sending, turn.as_deref()),
            // Its turn ended in between.
            Outcome::Refused(why)
                if why.contains("no active turn") || why.contains("expected active turn") =>
            {
                if let Some(prompt) = self.prompts.requeue(&id[0]) {
                    let _not_awaited = self.write(vec![prompt]);
                }
            }
            Outcome::Refused(why) => {
                tracing::warn!(session.id = %self.feed.thread(), "codex refused a prompt");
                let params = json!({"threadId": self.feed.thread().as_str(), "error": {"message": format!("codex refused the prompt: {why}")}, "willRetry": false});
                self.feed.append_host("error", &params.to_string());
                self.put(&id, PromptState::NotRun, None);
            }
            Outcome::NotSent => self.put(&id, PromptState::Queued, None),
            // Settled by `reconcile` when Codex is up again.
            Outcome::Unknown => {}
        }
    }
}

struct HistoryRead {
    incarnation: u64,
    uncertain: Vec<String>,
    /// The answer to `thread/turns/list`; `None` when there was none.
    history: Option<String>,
}

/// How long to wait before the history is asked for again.
const HISTORY_RETRY: Duration = Duration::from_secs(1);

impl Message<HistoryRead> for Session {
    type Reply = ();

    async fn handle(&mut self, read: HistoryRead, _: &mut Context<Self, ()>) {
        if self.reconciled != Some(read.incarnation) {
            return; // That Codex is gone; the next one is asked.
        }
        let Some(history) = read.history else {
            // Nothing is proven, so nothing is decided: ask again.
            let (me, link) = (self.me.clone(), read.incarnation);
            self.wiring.tracker.spawn(async move {
                tokio::time::sleep(HISTORY_RETRY).await;
                let _gone = me.tell(ReconcileAgain { incarnation: link }).send().await;
            });
            return;
        };
        self.reading_history = false;
        let ran = client_ids(&history);
        for id in read.uncertain {
            if self
                .prompts
                .get(&id)
                .is_none_or(|prompt| prompt.state != PromptState::Sending)
            {
                continue;
            }
            let state = if ran.contains(&id) {
                PromptState::Done
            } else {
                PromptState::NotRun
            };
            self.put(&[id], state, None);
        }
    }
}

/// From the timer: the history could not be read.
struct ReconcileAgain {
    incarnation: u64,
}

impl Message<ReconcileAgain> for Session {
    type Reply = ();

    async fn handle(&mut self, again: ReconcileAgain, _: &mut Context<Self, ()>) {
        if self.reconciled == Some(again.incarnation) {
            self.reconciled = None; // `drive` asks again.
        }
    }
}

/// The ids that clients gave to the user messages of a history.
fn client_ids(history: &str) -> HashSet<String> {
    #[derive(serde::Deserialize)]
    struct Page {
        data: Vec<Turn>,
    }
    #[derive(serde::Deserialize)]
    struct Turn {
        #[serde(default)]
        items: Vec<Item>,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Item {
        #[serde(default)]
        client_id: Option<String>,
    }
    let page = serde_json::from_str::<Page>(history);
    let turns = page.map(|page| page.data).unwrap_or_default();
    turns
        .into_iter()
        .flat_map(|turn| turn.items)
        .filter_map(|item| item.client_id)
        .collect()
}

/// Params of `turn/start`: the overrides that a tab gave, and over them what makes the prompt this one.
fn start_params(thread: &str, prompt: &journal::Prompt) -> String {
    let overrides = prompt
        .overrides
        .as_deref()
        .and_then(|raw| serde_json::from_str::<Value>(raw).ok());
    let mut params = match overrides {
        Some(Value::Object(fields)) => Value::Object(fields),
        _ => json!({}),
    };
    params["threadId"] = thread.into();
    params["input"] = serde_json::from_str(&prompt.input).unwrap_or(Value::Null);
    params["clientUserMessageId"] = prompt.id.as_str().into();
    params.to_string()
}

fn steer_params(thread: &str, prompt: &journal::Prompt, turn: &str) -> String {
    let input: Value = serde_json::from_str(&prompt.input).unwrap_or(Value::Null);
    json!({"threadId": thread, "input": input, "expectedTurnId": turn, "clientUserMessageId": prompt.id}).to_string()
}

/// The turn of an answer to `turn/start` or `turn/steer`.
fn turn_of(result: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Steered {
        turn_id: String,
    }
    if let Ok(started) = serde_json::from_slice::<TurnStarted<'_>>(result) {
        return Some(started.turn.id.into_owned());
    }
    serde_json::from_slice::<Steered>(result)
        .ok()
        .map(|steered| steered.turn_id)
}
