//! What the host counts about itself, for Prometheus: the instruments, and one text of all of them.
//!
//! The streamed path counts per batch, per write and per read, never per event and tab; everything that can be looked up is
//! looked up by `scrape` when somebody asks. No label holds a thread, a title, a path or a name that a client chose: each
//! has a small closed set of values.

mod histogram;
mod scrape;

use std::{
    sync::atomic::AtomicU64,
    time::{Duration, Instant},
};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

pub(crate) use histogram::Times;
pub(crate) use scrape::scrape;

/// The media type of the text: OpenMetrics, which Prometheus and its relatives read.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// One label with a word of ours.
type Word = [(&'static str, &'static str); 1];
/// One label with a word from the settings: a rule's name.
type Name = [(&'static str, String); 1];

type Counts<L> = Family<L, Counter>;
type Figures<L> = Family<L, Figure>;
type Figure = Gauge<i64>;
type Fraction = Gauge<f64, AtomicU64>;

/// All instruments of one host.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// One text at a time: what is looked up is left in shared gauges.
    scraping: tokio::sync::Mutex<()>,

    events: Counter,
    event_bytes: Counter,
    codex_bytes: Counter,
    client_bytes: Counter,
    tab_bytes: Counter,
    tab_writes: Counter,
    commit_latency: Times,
    write_latency: Times,
    resets: Counter,
    refused: Counts<Word>,
    codex_starts: Counter,
    codex_exits: Counts<Word>,
    bridge_restarts: Counts<Word>,
    journal_commit: Times,

    looked_up: LookedUp,
}

/// What is set at each scrape, from where it is known anyway.
#[derive(Debug, Default)]
struct LookedUp {
    build: Figures<Name>,
    uptime: Fraction,
    sessions: Figures<Word>,
    sessions_awake: Figure,
    tabs: Figures<Word>,
    tab_lag: Figure,
    tabs_behind: Figure,
    bridges: Figures<Word>,
    bridge_places: Figure,
    pending_requests: Figure,
    queued_prompts: Figure,
    mailbox: Figures<Word>,
    actor_restarts: Counts<Word>,
    redactions: Counts<Name>,
    journal_writing: Figure,
    journal_bytes: Figures<Word>,
    journal_events: Figure,
    journal_commits: Counter,
    journal_queue: Figure,
    codex_memory: Figure,
    memory: Figure,
    descriptors: Figure,
    cpu: Counter<f64, AtomicU64>,
}

impl Metrics {
    /// All at zero.
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("holdfast"),
            scraping: tokio::sync::Mutex::default(),
            events: Counter::default(),
            event_bytes: Counter::default(),
            codex_bytes: Counter::default(),
            client_bytes: Counter::default(),
            tab_bytes: Counter::default(),
            tab_writes: Counter::default(),
            commit_latency: Times::default(),
            write_latency: Times::default(),
            resets: Counter::default(),
            refused: Family::default(),
            codex_starts: Counter::default(),
            codex_exits: Family::default(),
            bridge_restarts: Family::default(),
            journal_commit: Times::default(),
            looked_up: LookedUp::default(),
        };
        metrics.register_streams();
        metrics.register_codex();
        metrics.looked_up.register(&mut metrics.registry);
        metrics
    }

    fn register_streams(&mut self) {
        let r = &mut self.registry;
        r.register("events", "Events published to tabs", self.events.clone());
        r.register_with_unit(
            "event",
            "Published events, encoded",
            Unit::Bytes,
            self.event_bytes.clone(),
        );
        r.register_with_unit(
            "codex_output",
            "Read from Codex's stdout",
            Unit::Bytes,
            self.codex_bytes.clone(),
        );
        r.register_with_unit(
            "tab_received",
            "Text that tabs sent",
            Unit::Bytes,
            self.client_bytes.clone(),
        );
        r.register_with_unit(
            "tab_sent",
            "Written to tabs, frames included",
            Unit::Bytes,
            self.tab_bytes.clone(),
        );
        r.register(
            "tab_writes",
            "Batches written to tabs",
            self.tab_writes.clone(),
        );
        r.register_with_unit(
            "event_commit",
            "From Codex's pipe to the journal's commit, the oldest event of each batch",
            Unit::Seconds,
            self.commit_latency.clone(),
        );
        r.register_with_unit(
            "event_write",
            "From Codex's pipe to the end of a tab's write, the oldest event of each write; catching up is not counted",
            Unit::Seconds,
            self.write_latency.clone(),
        );
        r.register(
            "tab_resets",
            "Tabs that were too far behind and got a snapshot",
            self.resets.clone(),
        );
        r.register(
            "refused",
            "Requests, sockets and connections that were refused, by reason",
            self.refused.clone(),
        );
    }

    fn register_codex(&mut self) {
        let r = &mut self.registry;
        r.register(
            "codex_starts",
            "Codex processes started for a session or the service",
            self.codex_starts.clone(),
        );
        r.register(
            "codex_exits",
            "Codex processes that ended, by cause",
            self.codex_exits.clone(),
        );
        r.register(
            "bridge_restarts",
            "Codex processes started again, by why the one before ended",
            self.bridge_restarts.clone(),
        );
        r.register_with_unit(
            "journal_commit",
            "The journal's transactions",
            Unit::Seconds,
            self.journal_commit.clone(),
        );
    }

    /// A batch is in the journal; `since` is when its oldest event was read.
    pub(crate) fn committed(&self, events: u64, bytes: usize, since: Option<Instant>) {
        self.events.inc_by(events);
        self.event_bytes.inc_by(bytes as u64);
        if let Some(since) = since {
            self.commit_latency.observe(since.elapsed());
        }
    }

    /// The journal has made a transaction.
    pub(crate) fn transacted(&self, took: Duration) {
        self.journal_commit.observe(took);
    }

    /// This much was read from a Codex.
    pub(crate) fn codex_said(&self, bytes: usize) {
        self.codex_bytes.inc_by(bytes as u64);
    }

    /// A tab sent this much.
    pub(crate) fn tab_said(&self, bytes: usize) {
        self.client_bytes.inc_by(bytes as u64);
    }

    /// A tab's socket took a batch; `since` is when its oldest event was read.
    pub(crate) fn written(&self, bytes: u64, since: Option<Instant>) {
        self.tab_writes.inc();
        self.tab_bytes.inc_by(bytes);
        if let Some(since) = since {
            self.write_latency.observe(since.elapsed());
        }
    }

    /// A tab was too far behind.
    pub(crate) fn reset(&self) {
        self.resets.inc();
    }

    /// Somebody was refused; `reason` is one of a closed set of words.
    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&[("reason", reason)]).inc();
    }

    /// A Codex is started; `after` is the kind of the end of the one before, if there was one.
    pub(crate) fn codex_started(&self, after: Option<&'static str>) {
        self.codex_starts.inc();
        if let Some(cause) = after {
            self.bridge_restarts
                .get_or_create(&[("cause", cause)])
                .inc();
        }
    }

    /// A Codex has ended.
    pub(crate) fn codex_ended(&self, cause: &'static str) {
        self.codex_exits.get_or_create(&[("cause", cause)]).inc();
    }
}

impl LookedUp {
    fn register(&self, r: &mut Registry) {
        r.register(
            "build",
            "1, with the version as a label",
            self.build.clone(),
        );
        r.register_with_unit(
            "uptime",
            "Since the host started",
            Unit::Seconds,
            self.uptime.clone(),
        );
        r.register("sessions", "Sessions by state", self.sessions.clone());
        r.register(
            "sessions_awake",
            "Sessions that are more than a row in memory",
            self.sessions_awake.clone(),
        );
        r.register("tabs", "Connected tabs by role", self.tabs.clone());
        r.register(
            "tab_lag_events",
            "Events that the tab furthest behind has not been given",
            self.tab_lag.clone(),
        );
        r.register(
            "tabs_behind",
            "Cursors that are not at the head of their session",
            self.tabs_behind.clone(),
        );
        r.register(
            "bridges",
            "Bridges by state, the service's among them",
            self.bridges.clone(),
        );
        r.register(
            "bridge_places_free",
            "Codex processes that may still be started (limits.bridges)",
            self.bridge_places.clone(),
        );
        r.register(
            "pending_requests",
            "Approvals and questions that wait for a person",
            self.pending_requests.clone(),
        );
        r.register(
            "queued_prompts",
            "Prompts that wait in sessions",
            self.queued_prompts.clone(),
        );
        r.register(
            "mailbox_messages",
            "Messages that wait for actors, by kind of actor",
            self.mailbox.clone(),
        );
        r.register(
            "actor_restarts",
            "Actors that were started again after a failure of ours",
            self.actor_restarts.clone(),
        );
        r.register(
            "redactions",
            "Secrets that were masked, by rule",
            self.redactions.clone(),
        );
        r.register(
            "journal_writing",
            "1 while the journal writes, 0 while it is stalled",
            self.journal_writing.clone(),
        );
        r.register_with_unit(
            "journal_size",
            "The journal's files",
            Unit::Bytes,
            self.journal_bytes.clone(),
        );
        r.register(
            "journal_events",
            "Events that can be replayed",
            self.journal_events.clone(),
        );
        r.register(
            "journal_transactions",
            "Transactions since the host started",
            self.journal_commits.clone(),
        );
        r.register(
            "journal_queue",
            "Writes that wait for the journal",
            self.journal_queue.clone(),
        );
        r.register_with_unit(
            "codex_memory",
            "Resident memory of all Codex processes",
            Unit::Bytes,
            self.codex_memory.clone(),
        );
        // Under the names that every exporter uses; the prefix of the host stands before them.
        r.register_with_unit(
            "process_resident_memory",
            "Resident memory of the host",
            Unit::Bytes,
            self.memory.clone(),
        );
        r.register(
            "process_open_fds",
            "Open file descriptors of the host",
            self.descriptors.clone(),
        );
        r.register_with_unit(
            "process_cpu",
            "Processor time of the host, user and system",
            Unit::Seconds,
            self.cpu.clone(),
        );
    }
}
