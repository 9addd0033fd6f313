//! Looks up what is known elsewhere, and writes the text: every figure as it is at this moment.
//!
//! It costs about what one `host/status` costs, and nothing while nobody asks.

use std::{collections::HashMap, fs, sync::Arc, sync::atomic::Ordering};

use kameo::prelude::*;
use prometheus_client::{encoding::text, metrics::counter::Counter};

use super::{Figures, LookedUp, Word};
use crate::{
    directory::{Listed, Live},
    host::{Wiring, list_tabs},
    session::summary::{self, STATES},
    supervisor::{BridgeStatus, resident},
};

/// The text of all metrics.
pub(crate) async fn scrape(wiring: &Arc<Wiring>) -> String {
    let metrics = &wiring.directory.metrics;
    let _one_at_a_time = metrics.scraping.lock().await;
    let tabs = list_tabs(wiring).await;
    let figures = &metrics.looked_up;
    set_all(
        &figures.tabs,
        "role",
        &["operate", "approve", "view"],
        tabs.iter().map(|tab| tab.role),
    );
    figures.look_at_sessions(wiring);
    figures.look_at_bridges(wiring);
    figures.look_at_actors(wiring);
    figures.look_at_journal(&wiring.journal);
    figures.look_at_process(wiring);
    let mut out = String::new();
    text::encode(&mut out, &metrics.registry).expect("writing to a string does not fail");
    out
}

/// Sets the figure of each word to how often it comes; those that do not come are 0, so that no series has holes.
fn set_all(
    family: &Figures<Word>,
    label: &'static str,
    words: &[&'static str],
    seen: impl Iterator<Item = &'static str>,
) {
    let mut counts: HashMap<&str, i64> = words.iter().map(|word| (*word, 0)).collect();
    for word in seen {
        *counts.entry(word).or_default() += 1;
    }
    for (word, count) in counts {
        family.get_or_create(&[(label, word)]).set(count);
    }
}

/// A counter that is kept elsewhere.
fn set_counter(counter: &Counter, value: u64) {
    counter.inner().store(value, Ordering::Relaxed);
}

fn figure(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

impl LookedUp {
    fn look_at_sessions(&self, wiring: &Wiring) {
        let list = wiring.directory.list();
        set_all(
            &self.sessions,
            "state",
            &STATES,
            list.iter().map(summary::state_of),
        );
        let lives: Vec<&Live> = list
            .iter()
            .filter_map(|listed| match listed {
                Listed::Live(live) => Some(live),
                Listed::Dormant(_) => None,
            })
            .collect();
        self.sessions_awake.set(figure(wiring.directory.awake()));
        let requests: usize = lives.iter().map(|live| live.feed.requests().len()).sum();
        self.pending_requests.set(figure(requests));
        let queued: usize = lives.iter().map(|live| live.feed.waiting()).sum();
        self.queued_prompts.set(figure(queued));
        let lags: Vec<u64> = lives
            .iter()
            .flat_map(|live| live.feed.lags())
            .filter(|lag| *lag > 0)
            .collect();
        self.tabs_behind.set(figure(lags.len()));
        self.tab_lag
            .set(figure(lags.into_iter().max().unwrap_or(0)));
    }

    fn look_at_bridges(&self, wiring: &Wiring) {
        let supervisors = wiring.directory.supervisors();
        let statuses: Vec<BridgeStatus> = supervisors
            .iter()
            .map(|(at, _)| at.status().borrow().clone())
            .collect();
        set_all(
            &self.bridges,
            "state",
            &BridgeStatus::WORDS,
            statuses.iter().map(BridgeStatus::word),
        );
        self.bridge_places
            .set(figure(wiring.bridges.available_permits()));
        let pids = statuses
            .iter()
            .filter_map(|status| status.link().map(|link| link.pid));
        let memory: u64 = pids.chain(wiring.spare.pid()).filter_map(resident).sum();
        self.codex_memory.set(figure(memory));
    }

    fn look_at_actors(&self, wiring: &Wiring) {
        let refs = wiring.refs();
        let lives = wiring.directory.lives();
        let sessions = lives.iter().filter_map(|live| live.actor.as_ref());
        let sessions = sessions.map(|session| waiting(&session.actor)).sum();
        let supervisors = wiring.directory.supervisors();
        let supervisors = supervisors.iter().map(|(at, _)| waiting(at.actor())).sum();
        for (actor, messages) in [
            ("sessions", waiting(&refs.sessions)),
            ("tabs", waiting(&refs.tabs)),
            ("admission", waiting(refs.admission.actor())),
            ("session", sessions),
            ("bridge_supervisor", supervisors),
        ] {
            self.mailbox
                .get_or_create(&[("actor", actor)])
                .set(figure(messages));
        }
        let restarts = &wiring.restarts;
        for (actor, starts) in [
            ("sessions", &restarts.sessions),
            ("tabs", &restarts.tabs),
            ("service", &restarts.service),
        ] {
            set_counter(
                &self.actor_restarts.get_or_create(&[("actor", actor)]),
                starts.restarts(),
            );
        }
    }

    fn look_at_journal(&self, journal: &journal::Journal) {
        let statistics = journal.statistics();
        let writes = matches!(journal.health(), journal::Health::Writing);
        self.journal_writing.set(i64::from(writes));
        for (file, bytes) in [
            ("database", statistics.file_bytes),
            ("wal", statistics.wal_bytes),
        ] {
            self.journal_bytes
                .get_or_create(&[("file", file)])
                .set(figure(bytes));
        }
        self.journal_events.set(figure(statistics.events));
        self.journal_queue.set(figure(statistics.queued));
        set_counter(&self.journal_commits, statistics.commits);
    }

    fn look_at_process(&self, wiring: &Wiring) {
        let version = [("version", wiring.version.to_owned())];
        self.build.get_or_create(&version).set(1);
        self.uptime.set(wiring.started.elapsed().as_secs_f64());
        let redactor = wiring.redactor.current();
        for (rule, count) in redactor.counts() {
            // Two hundred rules that never found anything are noise.
            if count > 0 {
                set_counter(
                    &self.redactions.get_or_create(&[("rule", rule.to_owned())]),
                    count,
                );
            }
        }
        self.memory
            .set(figure(resident(std::process::id()).unwrap_or(0)));
        self.descriptors.set(figure(descriptors().unwrap_or(0)));
        let cpu = processor_seconds().unwrap_or(0.0);
        self.cpu.inner().store(cpu.to_bits(), Ordering::Relaxed);
    }
}

/// Messages in an actor's mailbox.
fn waiting<A: Actor>(at: &ActorRef<A>) -> usize {
    let mailbox = at.mailbox_sender();
    let both = mailbox.max_capacity().zip(mailbox.capacity());
    both.map_or(0, |(most, free)| most - free)
}

/// Open file descriptors of this process, without the one that counts them.
fn descriptors() -> Option<usize> {
    Some(
        fs::read_dir("/proc/self/fd")
            .ok()?
            .count()
            .saturating_sub(1),
    )
}

fn processor_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold blanks.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_do_not_come_are_zero_and_those_gone_are_zero_again() {
        let family = Figures::<Word>::default();
        let of = |word| family.get_or_create(&[("state", word)]).get();
        set_all(
            &family,
            "state",
            &["up", "parked"],
            ["up", "up", "other"].into_iter(),
        );
        assert_eq!((of("up"), of("parked"), of("other")), (2, 0, 1));
        set_all(&family, "state", &["up", "parked"], ["parked"].into_iter());
        assert_eq!((of("up"), of("parked")), (0, 1));
    }

    #[test]
    fn this_process_has_descriptors_and_has_worked() {
        assert!(descriptors().is_some_and(|count| count >= 3));
        assert!(processor_seconds().is_some_and(|seconds| seconds >= 0.0));
    }
}
