//! `host/status`: the live tree, the bridges, the tabs and the journal, as they are at this moment.

use std::{cmp::Reverse, sync::Arc};

use codex::version::TESTED;
use config::Role;
use kameo::prelude::*;
use redaction::Redactor;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    directory::{Listed, Live},
    feed::now_ms,
    host::{Wiring, list_tabs},
    reload::Outcome,
    supervisor::{SupervisorRef, resident},
};

/// Sessions shown in the tree, the most recent ones; the rest is a number.
const MAX_NODES: usize = 500;

/// Rules whose counts are shown, the busiest ones.
const RULES_SHOWN: usize = 64;

/// An actor in the tree.
#[derive(Debug, Serialize)]
struct Node {
    actor: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    state: String,
    restarts: u64,
    /// Messages that wait, and how many may.
    #[serde(skip_serializing_if = "Option::is_none")]
    mailbox: Option<[usize; 2]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    children: Vec<Node>,
}

fn node<A: Actor>(
    actor: &'static str,
    name: Option<String>,
    at: &ActorRef<A>,
    restarts: u64,
) -> Node {
    let mailbox = at.mailbox_sender();
    let waiting = mailbox
        .max_capacity()
        .zip(mailbox.capacity())
        .map(|(most, free)| [most - free, most]);
    Node {
        actor,
        name,
        state: if at.is_alive() { "running" } else { "stopped" }.to_owned(),
        restarts,
        mailbox: waiting,
        children: Vec::new(),
    }
}

/// Whether secrets are kept back, and how many were, the busiest rules first.
fn redaction(redactor: &Redactor) -> Value {
    let mut counts = redactor.counts();
    counts.retain(|(_, count)| *count > 0);
    counts.sort_by_key(|(rule, count)| (Reverse(*count), *rule));
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let shown = counts.iter().take(RULES_SHOWN);
    let by_rule: Vec<Value> = shown
        .map(|(rule, count)| json!({"rule": rule, "count": count}))
        .collect();
    json!({"enabled": !redactor.is_off(), "total": total, "byRule": by_rule})
}

/// The answer, raw JSON. Warnings name files of the machine, which is for those alone who could read them anyway.
pub(crate) async fn report(wiring: &Arc<Wiring>, role: Role) -> String {
    let warnings = (role == Role::Operate).then_some(&wiring.warnings);
    let tabs = list_tabs(wiring).await;
    let statistics = wiring.journal.statistics();
    let health = wiring.journal.health();
    json!({
        "version": wiring.version,
        "uptimeMs": u64::try_from(wiring.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "nowMs": now_ms(),
        "codex": wiring.directory.codex().map(|info| &info.user_agent),
        "protocol": protocol(wiring),
        "memoryBytes": resident(std::process::id()),
        "tree": tree(wiring, tabs.len()),
        "bridges": bridges(wiring),
        "sparePid": wiring.spare.pid(),
        "tabs": tabs,
        "sessions": wiring.directory.count(),
        "sessionsAwake": wiring.directory.awake(),
        "eventsTotal": events_total(wiring),
        "redaction": redaction(&wiring.redactor.current()),
        "warnings": warnings,
        "reload": wiring.reloaded.lock().as_ref().map(Outcome::to_json),
        "journal": {
            "id": wiring.journal.id(),
            "health": health_word(&health),
            "fileBytes": statistics.file_bytes,
            "walBytes": statistics.wal_bytes,
            "sessions": statistics.sessions,
            "events": statistics.events,
            "commits": statistics.commits,
        },
    })
    .to_string()
}

/// Events that sessions have had; two looks make a rate.
fn events_total(wiring: &Wiring) -> u64 {
    let head = |listed: &Listed| match listed {
        Listed::Live(live) => live.feed.head(),
        Listed::Dormant(row) => row.head,
    };
    wiring.directory.list().iter().map(head).sum()
}

fn tree(wiring: &Arc<Wiring>, tabs: usize) -> Node {
    let refs = wiring.refs();
    let mut root = node("host", None, &refs.root, 0);
    let mut sessions = node(
        "sessions",
        None,
        &refs.sessions,
        wiring.restarts.sessions.restarts(),
    );
    let mut lives = wiring.directory.lives();
    lives.sort_by_key(|live| std::cmp::Reverse(live.feed.head()));
    sessions.children = lives.iter().take(MAX_NODES).filter_map(session).collect();
    let mut tabs_node = node("tabs", None, &refs.tabs, wiring.restarts.tabs.restarts());
    tabs_node.name = Some(format!("{tabs} connected"));
    let journal = Node {
        actor: "journal",
        name: None,
        state: health_word(&wiring.journal.health()),
        restarts: 0,
        mailbox: None,
        children: Vec::new(),
    };
    root.children = vec![
        sessions,
        tabs_node,
        node("admission", None, refs.admission.actor(), 0),
        node(
            "notifier",
            None,
            &refs.notifier,
            wiring.restarts.notifier.restarts(),
        ),
        journal,
        service(wiring),
    ];
    root
}

/// `host/journal/state`, without newline: whether what Codex says reaches the disk, and if not, why.
pub(crate) fn journal_state(health: &journal::Health) -> String {
    let params = match health {
        journal::Health::Writing => json!({"state": "writing"}),
        journal::Health::Stalled { reason, .. } => {
            json!({"state": "stalled", "reason": reason.to_string()})
        }
    };
    json!({"method": "host/journal/state", "params": params}).to_string()
}

/// What the installed Codex's protocol has more or less than the tested one; `null` as long as it has not been asked.
fn protocol(wiring: &Wiring) -> Value {
    let tested = TESTED.to_string();
    match wiring.protocol.get() {
        None => Value::Null,
        Some(Ok(drift)) => json!({"tested": tested, "new": drift.new, "gone": drift.gone}),
        Some(Err(why)) => json!({"tested": tested, "unknown": why}),
    }
}

/// The service Codex: its process may have been restarted, and so may its supervisor.
fn service(wiring: &Arc<Wiring>) -> Node {
    let mut own = supervisor(&wiring.service(), "service".into());
    own.restarts += wiring.restarts.service.restarts();
    own
}

fn health_word(health: &journal::Health) -> String {
    match health {
        journal::Health::Writing => "writing".to_owned(),
        journal::Health::Stalled { reason, .. } => format!("stalled: {reason}"),
    }
}

fn session(live: &Live) -> Option<Node> {
    let actor = live.actor.as_ref()?;
    let mut own = node(
        "session",
        Some(live.feed.thread().to_string()),
        &actor.actor,
        0,
    );
    own.children = live
        .bridge
        .iter()
        .map(|bridge| supervisor(bridge, live.feed.thread().to_string()))
        .collect();
    Some(own)
}

fn supervisor(at: &SupervisorRef, name: String) -> Node {
    let mut own = node("bridge", Some(name), at.actor(), at.figures().restarts);
    at.status().borrow().word().clone_into(&mut own.state);
    own
}

fn bridges(wiring: &Wiring) -> Vec<Value> {
    let view = |(supervisor, what): (SupervisorRef, String)| {
        let status = supervisor.status().borrow().clone();
        let figures = supervisor.figures();
        let pid = status.link().map(|link| link.pid);
        let generation = wiring.directory.generation(&what);
        json!({
            "for": what,
            "threadId": generation.is_some().then_some(&what),
            "state": status.word(),
            "pid": pid,
            "generation": generation.unwrap_or(figures.starts),
            "restarts": figures.restarts,
            "lastExit": figures.last_exit,
            "lastExitKind": figures.last_exit_kind,
            "memoryBytes": pid.and_then(resident),
        })
    };
    wiring
        .directory
        .supervisors()
        .into_iter()
        .map(view)
        .collect()
}
