//! After the storm: everything runs out, every tab catches up, and the books are compared.
//!
//! No faults here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Figures, Findings, Storm, summary};
use crate::chance::Chance;
use crate::prompter::{Given, Ledger, Prompter};
use crate::record::{Recovered, Story};
use crate::support::processes;
use crate::watcher::{Shared, Watcher};
use crate::wire::Wire;

/// What became of all prompts.
#[derive(Debug, Default)]
struct Books {
    acknowledged: u64,
    submissions: u64,
    ran: u64,
    /// They ran, but the events died with the host that had them.
    ran_unseen: u64,
    not_run: u64,
    turns: u64,
}

impl Storm {
    /// Lets everything come to its end and compares.
    pub(super) async fn calm(mut self) -> (Figures, Arc<Shared>) {
        let lasted = self.began.elapsed();
        let streamed = *self.shared.events.borrow();
        self.enough.send_replace(true);
        let mut ledgers = Vec::new();
        for prompter in std::mem::take(&mut self.prompters) {
            ledgers.push(prompter.await.expect("the prompter does not panic"));
        }
        self.until("all prompts to be done", |records| {
            records.iter().all(|record| record.with(Story::open) == 0)
        })
        .await;
        self.run_out().await;
        self.catch_up().await;
        let mut books = Books::default();
        let ran = prompts_in_rollouts(&self.host.dir().join("codex-home"));
        for (at, ledger) in ledgers.iter().enumerate() {
            self.compare(at, ledger, &ran, &mut books).await;
        }
        for sweep in std::mem::take(&mut self.sweeps) {
            for pid in sweep.await.unwrap() {
                self.shared
                    .findings
                    .add("orphans", || format!("{pid} outlived its killed host"));
            }
        }
        let mut figures = self.figures(&books, lasted, streamed).await;
        self.shared.presence.send_modify(|now| now.over = true);
        for watcher in std::mem::take(&mut self.watchers) {
            watcher.end().await;
        }
        let status = self.host.stop().await;
        if !status.success() {
            self.shared
                .findings
                .add("bad ends", || format!("the host ended with {status}"));
        }
        for process in processes::survivors(self.host.dir()) {
            self.shared.findings.add("orphans", || process.clone());
        }
        found(&mut figures, &self.shared.findings);
        (figures, self.shared)
    }

    /// Waits until every tab has all that the host has.
    async fn run_out(&mut self) {
        for at in 0..self.records.len() {
            let record = Arc::clone(&self.records[at]);
            let mut control = Wire::open(&self.shared.door, true).await.unwrap();
            loop {
                let head = summary(&mut control, &record.thread).await["head"]
                    .as_u64()
                    .expect("a session has a head");
                let tabs: Vec<_> = self
                    .watchers
                    .iter()
                    .filter(|tab| tab.record.thread == record.thread)
                    .map(|tab| Arc::clone(&tab.cursor))
                    .collect();
                self.until("all tabs to catch up", |_| {
                    tabs.iter().all(|cursor| *cursor.borrow() >= head)
                })
                .await;
                let now = summary(&mut control, &record.thread).await["head"].as_u64();
                if now == Some(head) {
                    break;
                }
            }
        }
    }

    /// One more tab for each session reads everything from the journal: it must be what was seen live.
    async fn catch_up(&mut self) {
        for (at, record) in self.records.iter().enumerate() {
            let last = Watcher::start(&self.shared, record, format!("late tab {at}"), true);
            self.watchers.push(last);
        }
        self.run_out().await;
    }

    /// Holds what the prompter knows against what the tabs saw, the host says and Codex wrote down.
    async fn compare(
        &mut self,
        at: usize,
        ledger: &Ledger,
        ran: &BTreeMap<String, u64>,
        books: &mut Books,
    ) {
        let record = Arc::clone(&self.records[at]);
        let story = record.story();
        for (turn, (began, ended)) in &story.turns {
            if (*began, *ended) != (1, 1) {
                self.shared.findings.add("turns without one end", || {
                    format!("{turn} began {began} times and ended {ended} times")
                });
            }
        }
        books.turns += story.turns.len() as u64;
        let mut asking = Prompter::new(&self.shared, &record, &self.plan, Chance::new(0));
        for given in &ledger.acknowledged {
            books.acknowledged += 1;
            books.submissions += given.times;
            let again = asking.give(&mut given.clone()).await;
            self.judge(
                given,
                &again,
                &story,
                ran.get(&given.id).copied().unwrap_or(0),
                books,
            );
        }
    }

    fn judge(&self, given: &Given, again: &Value, story: &Story, written: u64, books: &mut Books) {
        let findings = &self.shared.findings;
        let seen = story
            .messages
            .get(&given.id)
            .map_or(0, std::collections::BTreeSet::len);
        let shown = story.prompts.get(&given.id).cloned().unwrap_or_default();
        let facts = || {
            format!(
                "{} ({}): the host says {again}, its events {shown}, {seen} messages, Codex wrote {written}; {}",
                given.id,
                given.when,
                story.trail_of(&given.id)
            )
        };
        if seen > 1 || written > 1 {
            findings.add("twice", facts);
        }
        if again["duplicate"] != json!(true) || again["state"] != json!(shown) {
            findings.add("lost", facts);
        }
        match (shown.as_str(), seen, written) {
            ("done", 0, 0) => findings.add("lost", facts),
            ("done", 0, _) => books.ran_unseen += 1,
            ("done", _, _) => books.ran += 1,
            ("notRun", 0, 0) => books.not_run += 1,
            ("notRun", _, _) => findings.add("ran and called not run", facts),
            _ => findings.add("lost", facts),
        }
    }

    async fn figures(&mut self, books: &Books, lasted: Duration, streamed: u64) -> Figures {
        let mut figures = Figures::default();
        let (plan, done) = (self.plan, self.done);
        figures.count("seed", plan.seed);
        figures.count("sessions", plan.sessions);
        figures.count("tabs", plan.sessions * plan.tabs);
        figures.number("seconds", lasted.as_secs_f64());
        figures.count("events", *self.shared.events.borrow());
        figures.count("deliveries", self.shared.deliveries.load(Ordering::Relaxed));
        figures.number(
            "events/s, kills included",
            streamed as f64 / lasted.as_secs_f64(),
        );
        let mut windows = (&mut self.speed).await.unwrap();
        windows.sort_unstable();
        figures.count(
            "events/s, median second",
            windows.get(windows.len() / 2).copied().unwrap_or(0),
        );
        figures.count(
            "events/s, best second",
            windows.last().copied().unwrap_or(0),
        );
        figures.count("host kills", done.host_kills);
        figures.count("codex kills", done.codex_kills);
        figures.count("tab drops", done.drops);
        figures.count("tab stalls", done.stalls);
        let attached = self
            .watchers
            .iter()
            .map(|tab| tab.attached.load(Ordering::Relaxed));
        figures.count("attaches", attached.sum());
        figures.count("restarts by hand", done.restarts_by_hand);
        figures.count("turns", books.turns);
        figures.count("prompts acknowledged", books.acknowledged);
        figures.count(
            "prompts submitted again",
            books.submissions - books.acknowledged,
        );
        figures.count("prompts run", books.ran);
        figures.count("prompts run, events lost with Codex", books.ran_unseen);
        figures.count("prompts shown as not run", books.not_run);
        let mut all = Recovered::default();
        for record in &self.records {
            let one = record.recovered();
            all.feeds.extend(one.feeds);
            all.streams.extend(one.streams);
            all.codexes.extend(one.codexes);
        }
        figures.times("host kill to first event", &mut all.feeds);
        figures.times("host kill to streaming", &mut all.streams);
        figures.times("codex kill to streaming", &mut all.codexes);
        figures
    }
}

/// The figures that must be 0, also where they are.
fn found(figures: &mut Figures, findings: &Findings) {
    let kinds = [
        "gaps",
        "doubles",
        "reorders",
        "differing",
        "torn texts",
        "resets",
        "snapshots",
        "turns without one end",
        "lost",
        "twice",
        "ran and called not run",
        "orphans",
    ];
    for kind in kinds {
        figures.count(kind, findings.count(kind));
    }
    for (kind, count) in findings.counts() {
        if !kinds.contains(&kind) {
            figures.count(kind, count);
        }
    }
}

/// How often each prompt stands in Codex's own files as a message.
fn prompts_in_rollouts(folder: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            for (id, count) in prompts_in_rollouts(&path) {
                *found.entry(id).or_default() += count;
            }
        } else if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            for (at, key) in text.match_indices("\"clientId\":\"") {
                let id = text[at + key.len()..].split('"').next().unwrap_or_default();
                *found.entry(id.to_owned()).or_default() += 1;
            }
        }
    }
    found
}
