//! Somebody who gives one session its prompts, through all faults: each is given again until it is acknowledged.
//!
//! Not who judges what became of them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::chance::Chance;
use super::plan::Plan;
use super::record::Record;
use super::support::{GUARD, LOOK_AGAIN};
use super::watcher::Shared;
use super::wire::{Refused, Wire};

/// Prompts that are kept waiting, so that the session always streams.
const AHEAD: usize = 3;
/// A host that is busy: retry later.
const BUSY: [i64; 2] = [-32001, -32006];

/// One prompt as its giver knows it.
#[derive(Debug, Clone)]
pub struct Given {
    /// Its promptId.
    pub id: String,
    /// Its text.
    pub text: String,
    /// When it runs: `queue` or `now`.
    pub when: &'static str,
    /// How often it was submitted.
    pub times: u64,
}

/// What a prompter has done.
#[derive(Debug, Default)]
pub struct Ledger {
    /// All acknowledged prompts.
    pub acknowledged: Vec<Given>,
}

/// A prompter at work.
pub struct Prompter {
    shared: Arc<Shared>,
    record: Arc<Record>,
    chance: Chance,
    plan: Plan,
    wire: Option<Wire>,
}

impl Prompter {
    /// Nobody has said anything yet.
    pub fn new(shared: &Arc<Shared>, record: &Arc<Record>, plan: &Plan, chance: Chance) -> Self {
        Self {
            shared: Arc::clone(shared),
            record: Arc::clone(record),
            chance,
            plan: *plan,
            wire: None,
        }
    }

    /// Gives prompts until `enough` is dropped or says so.
    pub async fn run(mut self, mut enough: tokio::sync::watch::Receiver<bool>) -> Ledger {
        let mut ledger = Ledger::default();
        let mut head = self.record.head.subscribe();
        while !*enough.borrow_and_update() {
            if self.record.with(super::record::Story::open) >= AHEAD {
                tokio::select! {
                    _ = head.changed() => {}
                    _ = enough.changed() => {}
                }
                continue;
            }
            let mut given = self.think_of(ledger.acknowledged.len());
            self.give(&mut given).await;
            self.appears(&given.id).await;
            ledger.acknowledged.push(given);
        }
        ledger
    }

    fn think_of(&mut self, number: usize) -> Given {
        let most = self.plan.rate * self.plan.turn_seconds;
        // Short ones, too: then more prompts are on their way when something happens.
        let count = if self.chance.percent(30) {
            1 + self.chance.below(most / 50)
        } else {
            most / 4 + self.chance.below(most * 3 / 4)
        };
        Given {
            id: format!("prompt-{number}-{}", self.record.thread),
            text: format!(
                "sim: text count={count} size={} rate={}/s forget=yes",
                self.plan.size, self.plan.rate
            ),
            when: if self.chance.percent(15) {
                "now"
            } else {
                "queue"
            },
            times: 0,
        }
    }

    /// Submits until it is acknowledged, over as many connections as that takes; returns the acknowledgement.
    pub async fn give(&mut self, given: &mut Given) -> Value {
        let input = json!([{"type": "text", "text": given.text}]);
        let params = json!({"threadId": self.record.thread, "promptId": given.id, "input": input, "when": given.when});
        loop {
            match self
                .call("host/prompt/submit", &params, &mut given.times)
                .await
            {
                Ok(answer) => return answer,
                Err(Refused(code, _)) if BUSY.contains(&code) => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Err(refused) => {
                    let note = || format!("{}: {refused:?}", given.id);
                    self.shared.findings.add("refused prompts", note);
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        }
    }

    /// Calls until there is an answer; counts how often in `times`.
    async fn call(
        &mut self,
        method: &str,
        params: &Value,
        times: &mut u64,
    ) -> Result<Value, Refused> {
        let mut presence = self.shared.presence.subscribe();
        loop {
            presence
                .wait_for(|now| now.up)
                .await
                .expect("the sender is shared");
            if self.wire.is_none() {
                self.wire = Wire::open(&self.shared.door, true).await.ok();
            }
            if let Some(wire) = &mut self.wire {
                *times += 1;
                self.shared.submissions.send_modify(|begun| *begun += 1);
                if let Ok(answer) = wire.call(method, params).await {
                    return answer;
                }
            }
            self.wire = None;
            let _ = tokio::time::timeout(LOOK_AGAIN, presence.changed()).await;
        }
    }

    /// What is acknowledged is in the journal, and so in the feed.
    async fn appears(&self, id: &str) {
        let mut head = self.record.head.subscribe();
        let appearing = async {
            while !self.record.with(|story| story.prompts.contains_key(id)) {
                head.changed().await.expect("the record lives");
            }
        };
        if tokio::time::timeout(4 * GUARD, appearing).await.is_err() {
            let note = || format!("{id} was acknowledged, and no event shows it");
            self.shared.findings.add("lost", note);
        }
    }
}
