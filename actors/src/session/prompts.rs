//! The prompts of one session that are not done: a value that decides what runs next.
//!
//! A prompt is journalled before it is acknowledged, and marked `sending` in the journal before Codex gets it. So after
//! any crash each one is either still queued (never sent), or was on its way: then Codex's history decides.

use journal::{Prompt, PromptState, PromptWhen};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::feed::{json_string, now_ms};

/// The prompts that are not done, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Prompts {
    open: Vec<Prompt>,
    next_position: u64,
}

/// A new prompt as a tab submits it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Submission {
    pub thread_id: String,
    pub prompt_id: String,
    pub input: Box<RawValue>,
    #[serde(default)]
    pub when: When,
    #[serde(default)]
    pub overrides: Option<Box<RawValue>>,
}

/// When a prompt runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum When {
    /// At once: a turn that runs is steered with it.
    Now,
    /// When everything before it is done.
    #[default]
    Queue,
    /// Into the running turn; without one it begins a turn.
    Steer,
}

impl From<When> for PromptWhen {
    fn from(when: When) -> Self {
        match when {
            When::Now => Self::Now,
            When::Queue => Self::Queue,
            When::Steer => Self::Steer,
        }
    }
}

/// A prompt as tabs see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PromptView<'a> {
    prompt_id: &'a str,
    state: &'static str,
    when: &'static str,
    input: &'a RawValue,
    position: u64,
    at_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    turn_id: Option<&'a str>,
}

/// The word for a state on the wire.
pub(crate) fn state_word(state: PromptState) -> &'static str {
    match state {
        PromptState::NotRun => "notRun",
        other => other.as_str(),
    }
}

impl Prompts {
    /// The prompts as the journal has them.
    pub(crate) fn restore(prompts: Vec<Prompt>) -> Self {
        let next_position = prompts
            .iter()
            .map(|prompt| prompt.position + 1)
            .max()
            .unwrap_or(1);
        let mut open: Vec<Prompt> = prompts
            .into_iter()
            .filter(|prompt| !matches!(prompt.state, PromptState::Done | PromptState::Removed))
            .collect();
        open.sort_by_key(|prompt| prompt.position);
        Self {
            open,
            next_position,
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Prompt> {
        self.open.iter().find(|prompt| prompt.id == id)
    }

    /// How many wait or run, those that were not run left out.
    pub(crate) fn waiting(&self) -> usize {
        self.open
            .iter()
            .filter(|prompt| prompt.state == PromptState::Queued)
            .count()
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// True when some prompt needs Codex.
    pub(crate) fn wants_codex(&self) -> bool {
        self.open
            .iter()
            .any(|prompt| matches!(prompt.state, PromptState::Queued | PromptState::Sending))
    }

    /// True when a prompt has been sent and Codex has not said which turn it became.
    pub(crate) fn is_sending(&self) -> bool {
        self.open
            .iter()
            .any(|prompt| prompt.state == PromptState::Sending)
    }

    /// Takes a new prompt in. `shown` is its input, redacted.
    pub(crate) fn add(&mut self, submission: &Submission, shown: String) -> Prompt {
        let prompt = Prompt {
            id: submission.prompt_id.clone(),
            state: PromptState::Queued,
            when: submission.when.into(),
            input: submission.input.get().to_owned(),
            shown,
            overrides: submission
                .overrides
                .as_ref()
                .map(|raw| raw.get().to_owned()),
            turn: None,
            position: self.next_position,
            at_ms: now_ms(),
        };
        self.next_position += 1;
        self.open.push(prompt.clone());
        prompt
    }

    /// The prompt to send now, given the state of the session. A queued one waits for the running turn and for the
    /// prompts before it; one that steers or runs at once does not.
    pub(crate) fn next(&self, turn_runs: bool) -> Option<&Prompt> {
        if self.is_sending() {
            return None;
        }
        let queued = || {
            self.open
                .iter()
                .filter(|prompt| prompt.state == PromptState::Queued)
        };
        queued()
            .find(|prompt| prompt.when != PromptWhen::Queue)
            .or_else(|| {
                if turn_runs || self.is_running() {
                    None
                } else {
                    queued().next()
                }
            })
    }

    fn is_running(&self) -> bool {
        self.open
            .iter()
            .any(|prompt| prompt.state == PromptState::Running)
    }

    /// Its turn ended before it could be steered: it begins a turn of its own, in its place in the queue.
    pub(crate) fn requeue(&mut self, id: &str) -> Option<Prompt> {
        let prompt = self.open.iter_mut().find(|prompt| prompt.id == id)?;
        prompt.state = PromptState::Queued;
        prompt.when = PromptWhen::Queue;
        Some(prompt.clone())
    }

    /// Changes a prompt; its new form for the journal. What is done or removed leaves.
    pub(crate) fn set(
        &mut self,
        id: &str,
        state: PromptState,
        turn: Option<&str>,
    ) -> Option<Prompt> {
        let index = self.open.iter().position(|prompt| prompt.id == id)?;
        let prompt = &mut self.open[index];
        prompt.state = state;
        if let Some(turn) = turn {
            prompt.turn = Some(turn.to_owned());
        }
        let mut changed = prompt.clone();
        if matches!(state, PromptState::Done | PromptState::Removed) {
            // Nobody sends it any more, so what it held of secrets goes from the journal too.
            changed.input.clone_from(&changed.shown);
            self.open.remove(index);
        }
        Some(changed)
    }

    /// Gives a prompt that has not been sent another text; it is queued again when it had not run.
    pub(crate) fn edit(&mut self, id: &str, input: &RawValue, shown: String) -> Option<Prompt> {
        let prompt = self
            .open
            .iter_mut()
            .find(|prompt| prompt.id == id && is_editable(prompt.state))?;
        prompt.input = input.get().to_owned();
        prompt.shown = shown;
        prompt.state = PromptState::Queued;
        Some(prompt.clone())
    }

    /// The running prompts whose turn has ended.
    pub(crate) fn ended(&self, has_ended: impl Fn(&str) -> bool) -> Vec<String> {
        let done = |prompt: &&Prompt| {
            prompt.state == PromptState::Running && prompt.turn.as_deref().is_some_and(&has_ended)
        };
        self.open
            .iter()
            .filter(done)
            .map(|prompt| prompt.id.clone())
            .collect()
    }

    /// The prompts that Codex took for a turn which has ended without them.
    pub(crate) fn without_message(&self, has_ended: impl Fn(&str) -> bool) -> Vec<String> {
        let lost = |prompt: &&Prompt| {
            prompt.state == PromptState::Sending && prompt.turn.as_deref().is_some_and(&has_ended)
        };
        self.open
            .iter()
            .filter(lost)
            .map(|prompt| prompt.id.clone())
            .collect()
    }

    /// The prompts whose user message has not come yet: on their way, or lost with their Codex.
    pub(crate) fn uncertain(&self) -> Vec<String> {
        self.open
            .iter()
            .filter(|prompt| prompt.state == PromptState::Sending)
            .map(|prompt| prompt.id.clone())
            .collect()
    }

    /// The prompts that ran, or were running, in a Codex that is gone.
    pub(crate) fn running(&self) -> Vec<String> {
        self.open
            .iter()
            .filter(|prompt| prompt.state == PromptState::Running)
            .map(|prompt| prompt.id.clone())
            .collect()
    }

    /// The queue as tabs see it, raw JSON array.
    pub(crate) fn view(&self) -> String {
        view(&self.open)
    }

    /// Params of `host/prompt/changed`.
    pub(crate) fn changed_params(&self, thread: &str) -> String {
        format!(
            r#"{{"threadId":{},"queue":{}}}"#,
            json_string(thread),
            self.view()
        )
    }
}

/// Prompts as tabs see them, raw JSON array.
pub(crate) fn view(prompts: &[Prompt]) -> String {
    let empty = RawValue::NULL;
    let views: Vec<PromptView<'_>> = prompts
        .iter()
        .map(|prompt| PromptView {
            prompt_id: &prompt.id,
            state: state_word(prompt.state),
            when: prompt.when.as_str(),
            input: serde_json::from_str(&prompt.shown).unwrap_or(empty),
            position: prompt.position,
            at_ms: prompt.at_ms,
            turn_id: prompt.turn.as_deref(),
        })
        .collect();
    serde_json::to_string(&views).unwrap_or_else(|_| "[]".to_owned())
}

pub(crate) fn is_editable(state: PromptState) -> bool {
    matches!(state, PromptState::Queued | PromptState::NotRun)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submission(id: &str, when: When) -> Submission {
        Submission {
            thread_id: "t".into(),
            prompt_id: id.into(),
            input: RawValue::from_string("[]".into()).expect("JSON"),
            when,
            overrides: None,
        }
    }

    fn prompts(submissions: &[(&str, When)]) -> Prompts {
        let mut prompts = Prompts::restore(Vec::new());
        for (id, when) in submissions {
            prompts.add(&submission(id, *when), "[]".into());
        }
        prompts
    }

    fn next(prompts: &Prompts, turn_runs: bool) -> Option<&str> {
        prompts.next(turn_runs).map(|prompt| prompt.id.as_str())
    }

    #[test]
    fn queued_prompts_run_in_order_one_turn_at_a_time() {
        let mut prompts = prompts(&[("a", When::Queue), ("b", When::Queue)]);
        assert_eq!(next(&prompts, true), None);
        assert_eq!(next(&prompts, false), Some("a"));
        prompts.set("a", PromptState::Sending, None);
        assert_eq!(next(&prompts, false), None, "one is on its way");
        prompts.set("a", PromptState::Running, Some("t1"));
        assert_eq!(next(&prompts, false), None, "its turn has not ended");
        assert_eq!(prompts.ended(|turn| turn == "t1"), ["a"]);
        prompts.set("a", PromptState::Done, None);
        assert_eq!(next(&prompts, false), Some("b"));
    }

    #[test]
    fn a_prompt_that_is_over_is_kept_as_people_see_it() {
        for over in [PromptState::Done, PromptState::Removed] {
            let mut prompts = prompts(&[("a", When::Now)]);
            let raw = RawValue::from_string("[\"raw\"]".into()).expect("JSON");
            prompts.edit("a", &raw, "[\"masked\"]".into());
            let input = |prompt: Option<Prompt>| prompt.map(|prompt| prompt.input);
            let running = prompts.set("a", PromptState::Running, Some("t1"));
            assert_eq!(input(running).as_deref(), Some("[\"raw\"]"));
            let ended = prompts.set("a", over, None);
            assert_eq!(input(ended).as_deref(), Some("[\"masked\"]"));
        }
    }

    #[test]
    fn what_runs_now_or_steers_passes_the_queue() {
        let prompts = prompts(&[("a", When::Queue), ("b", When::Steer)]);
        assert_eq!(next(&prompts, true), Some("b"));
    }

    #[test]
    fn a_prompt_that_was_not_run_waits_for_a_person() {
        let mut prompts = prompts(&[("a", When::Queue), ("b", When::Queue)]);
        prompts.set("a", PromptState::NotRun, None);
        assert_eq!(next(&prompts, false), Some("b"));
        let again = RawValue::from_string("[1]".into()).expect("JSON");
        assert_eq!(
            prompts
                .edit("a", &again, "[1]".into())
                .map(|prompt| prompt.state),
            Some(PromptState::Queued)
        );
        assert_eq!(next(&prompts, false), Some("a"));
    }

    #[test]
    fn the_journals_prompts_come_back_in_their_places() {
        let mut first = prompts(&[("a", When::Queue), ("b", When::Queue)]);
        first.set("a", PromptState::Sending, None);
        let mut restored = Prompts::restore(first.open.clone());
        assert_eq!(restored.uncertain(), ["a"]);
        assert_eq!(
            restored
                .add(&submission("c", When::Queue), "[]".into())
                .position,
            3
        );
    }
}
