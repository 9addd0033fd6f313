//! The host: the root of the supervisor tree, and what its parts share.
//!
//! ```text
//! Host ── Sessions ── Session ── BridgeSupervisor ── Bridge (one running Codex)
//!      ├─ Tabs ───── Tab (one connection)
//!      ├─ Admission
//!      ├─ Notifier
//!      └─ service BridgeSupervisor ── Bridge          the journal's writer is a thread of its own
//! ```
//! Static children are supervised by kameo; when one of them fails too often, the host says so and ends: whoever runs it
//! (systemd) starts it again, and everything is in the journal. It listens to no socket.

use std::{
    convert::Infallible,
    ops::ControlFlow,
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use codex::{handshake::ServerInfo, process::Launch, protocol::Drift, version::TESTED};
use config::StopPolicy;
use journal::{Journal, PromptState};
use kameo::{error::SendError, prelude::*};
use notify::{Channels, Outcome};
use serde_json::json;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admission::{self, Admission},
    directory::Directory,
    feed::{FeedLimits, Waits},
    metrics,
    notifier::{self, Notifier, NotifierArgs, Sight},
    recovery,
    redactor::LiveRedactor,
    reload,
    sessions::{Open, Sessions, SessionsArgs},
    status,
    supervisor::{Purpose, RestartPolicy, Shutdown, Spare, SupervisorRef},
    tab::{Audience, GOING_AWAY, OpenTab, TabInbound, TabOutbound},
    tabs::{ListTabs, Start, TabRefused, TabView, Tabs, TabsArgs},
};

/// Encoded bytes of one session that wait for their commit, and so about the largest batch: what a tab takes at once when
/// it catches up, and what a commit makes the others wait.
const MAX_STAGED: usize = 1 << 20;
/// Restarts of a static child within the window, after which the host ends.
const CHILD_RESTARTS: (u32, Duration) = (5, Duration::from_secs(30));

/// How often it is looked whether turns are over, when the host waits for them.
const TURN_LOOK: Duration = Duration::from_millis(50);
/// Time for everything that comes after the turns of a stopping host, beside the grace of each Codex.
const AFTER_TURNS: Duration = Duration::from_secs(2);

/// What a host is made of.
pub struct HostOptions {
    /// `[codex]`.
    pub codex: config::Codex,
    /// `[limits]`.
    pub limits: config::Limits,
    /// Credentials and sign-ins.
    pub admission: admission::Args,
    /// `[notify]`.
    pub notify: config::Notify,
    /// How people are told who look at no tab.
    pub channels: Channels,
    /// Open, and this host's alone.
    pub journal: Journal,
    /// Compiled rules and known values.
    pub redactor: Arc<LiveRedactor>,
    /// How a Codex is started; each session's runs in the session's folder.
    pub launch: Launch,
    /// The host's own version.
    pub version: &'static str,
    /// What its owner should know about its settings, a sentence each.
    pub warnings: Vec<String>,
}

/// A running host. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    wiring: Arc<Wiring>,
    root: ActorRef<Root>,
    tabs: ActorRef<Tabs>,
    admission: Admission,
}

/// Whether the host takes tabs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It does.
    Ready,
    /// The journal cannot write; streaming stands still until it can.
    JournalStalled,
    /// It goes down.
    Draining,
}

/// What all actors share. Holds no state of any of them.
pub(crate) struct Wiring {
    pub codex: config::Codex,
    pub limits: config::Limits,
    pub notify: config::Notify,
    pub channels: Channels,
    /// What tabs show to people.
    pub sight: Sight,
    /// Where links lead that leave the host; set when it listens.
    pub origin: OnceLock<String>,
    pub journal: Journal,
    pub redactor: Arc<LiveRedactor>,
    pub directory: Arc<Directory>,
    pub audience: Arc<Audience>,
    /// Every task and process that outlives its maker; the shutdown waits for it.
    pub tracker: TaskTracker,
    /// Places for running Codex processes.
    pub bridges: Arc<Semaphore>,
    /// The host goes down: nothing new begins.
    pub closing: CancellationToken,
    /// All tabs hang up.
    pub hangup: CancellationToken,
    /// A static child failed for good: the process must end.
    pub fatal: CancellationToken,
    pub restart_policy: RestartPolicy,
    pub restarts: Restarts,
    pub version: &'static str,
    pub warnings: Vec<String>,
    pub started: Instant,
    launch: Launch,
    /// `None` until the host is built.
    service: parking_lot::Mutex<Option<SupervisorRef>>,
    refs: OnceLock<Refs>,
    /// A Codex that waits for whoever needs one next.
    pub spare: Spare,
    /// How the installed Codex's protocol differs from the tested one, or why that is not known.
    pub protocol: OnceLock<Result<Drift, String>>,
    next_tab: AtomicU64,
    /// When Codex's own list of threads was last read.
    pub listed_at: parking_lot::Mutex<Option<Instant>>,
    /// The last time that the credentials were read again.
    pub reloaded: parking_lot::Mutex<Option<reload::Outcome>>,
}

/// The static actors, for `host/status`.
pub(crate) struct Refs {
    pub root: ActorRef<Root>,
    pub sessions: ActorRef<Sessions>,
    pub tabs: ActorRef<Tabs>,
    pub admission: Admission,
    pub notifier: ActorRef<Notifier>,
}

/// How often static children, and the supervisor of the service Codex, were started.
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    pub sessions: Starts,
    pub tabs: Starts,
    pub notifier: Starts,
    pub service: Starts,
}

/// Counts the starts of one actor.
#[derive(Debug, Default)]
pub(crate) struct Starts(AtomicU64);

impl Starts {
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn restarts(&self) -> u64 {
        self.0.load(Ordering::Relaxed).saturating_sub(1)
    }
}

impl std::fmt::Debug for Wiring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wiring").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

impl Wiring {
    /// How Codex is started; in the session's folder when that still exists.
    pub(crate) fn launch(&self, cwd: Option<&str>) -> Launch {
        let mut launch = self.launch.clone();
        if let Some(cwd) = cwd.map(PathBuf::from).filter(|cwd| cwd.is_dir()) {
            launch.current_dir = cwd;
        }
        launch
    }

    /// The Codex that serves what belongs to no thread. A supervisor that failed by a bug is replaced here, by whoever
    /// needs it first: its end has stopped its process.
    pub(crate) fn service(self: &Arc<Self>) -> SupervisorRef {
        let mut service = self.service.lock();
        match &*service {
            Some(running) if running.actor().is_alive() || self.closing.is_cancelled() => {
                return running.clone();
            }
            Some(_) => tracing::error!(
                "the supervisor of the service codex failed; another takes its place"
            ),
            None => {}
        }
        self.restarts.service.count();
        let fresh = SupervisorRef::spawn(Arc::clone(self), Purpose::Service);
        service.insert(fresh).clone()
    }

    pub(crate) fn refs(&self) -> &Refs {
        self.refs.get().expect("set before the first tab can exist")
    }

    pub(crate) fn next_tab(&self) -> u64 {
        self.next_tab.fetch_add(1, Ordering::Relaxed)
    }

    /// The result of `initialize`, as Codex would give it to a client of this name.
    pub(crate) fn introduce(&self, client: &str) -> String {
        let known = self.directory.codex();
        let fallback = ServerInfo {
            user_agent: format!("holdfast/{TESTED}"),
            codex_home: self.codex.home.clone().unwrap_or_default(),
            platform_family: "unix".into(),
            platform_os: std::env::consts::OS.into(),
        };
        let info = known.unwrap_or(&fallback);
        let name: String = client
            .chars()
            .filter(|c| c.is_ascii_graphic())
            .take(64)
            .collect();
        let rest = info
            .user_agent
            .split_once('/')
            .map_or(info.user_agent.as_str(), |(_, rest)| rest);
        json!({
            "userAgent": format!("{}/{rest}", if name.is_empty() { "client" } else { &name }),
            "codexHome": info.codex_home,
            "platformFamily": info.platform_family,
            "platformOs": info.platform_os,
            "holdfast": {
                "version": self.version,
                "journalId": self.journal.id(),
                "highestSandbox": self.codex.highest_sandbox.as_str(),
                "highestApprovalPolicy": self.codex.highest_approval_policy.as_str(),
                "defaultSandbox": self.codex.default_sandbox.as_str(),
                "defaultApprovalPolicy": self.codex.default_approval_policy.as_str(),
                "workspaces": self.codex.workspaces,
                "redactionEnabled": !self.redactor.current().is_off(),
            },
        })
        .to_string()
    }
}

impl Host {
    /// Starts the tree: closes what the last host left open, then lets sessions with waiting prompts go on.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn start(options: HostOptions) -> Result<Self, journal::ReadError> {
        let journal = options.journal.clone();
        let rows = journal.sessions()?;
        let audience = Arc::new(Audience::default());
        let told = Arc::clone(&audience);
        journal.on_health(move |health| told.broadcast(&status::journal_state(health)));
        let limits = FeedLimits {
            ring: options.limits.ring_bytes,
            staged: MAX_STAGED.min(options.limits.ring_bytes),
            stall: options.codex.stall_timeout,
        };
        let directory =
            Directory::new(journal.clone(), limits, rows.clone(), Arc::clone(&audience));
        let metrics = Arc::clone(&directory.metrics);
        journal.on_commit(move |took| metrics.transacted(took));
        let wiring = Arc::new(Wiring {
            restart_policy: RestartPolicy {
                min: options.codex.backoff_min,
                max: options.codex.backoff_max,
                limit: options.codex.restart_limit,
                window: options.codex.restart_window,
                healthy_after: options.codex.healthy_after,
            },
            codex: options.codex,
            limits: options.limits,
            notify: options.notify,
            channels: options.channels,
            sight: Sight::default(),
            origin: OnceLock::new(),
            journal,
            redactor: options.redactor,
            directory,
            audience,
            tracker: TaskTracker::new(),
            bridges: Arc::new(Semaphore::new(options.limits.bridges)),
            closing: CancellationToken::new(),
            hangup: CancellationToken::new(),
            fatal: CancellationToken::new(),
            restarts: Restarts::default(),
            version: options.version,
            warnings: options.warnings,
            started: Instant::now(),
            launch: options.launch,
            service: parking_lot::Mutex::default(),
            refs: OnceLock::new(),
            spare: Spare::default(),
            protocol: OnceLock::new(),
            next_tab: AtomicU64::new(1),
            listed_at: parking_lot::Mutex::default(),
            reloaded: parking_lot::Mutex::default(),
        });
        recovery::sweep_processes(&wiring.directory, &wiring.journal)?;
        recovery::close_open_turns(&wiring.directory, &wiring.journal, &rows);
        let unfinished = wiring.journal.open_prompts()?;

        let root = Root::spawn(Arc::clone(&wiring));
        wiring.service();
        let sessions_args = SessionsArgs {
            wiring: Arc::clone(&wiring),
        };
        let sessions = Sessions::supervise(&root, sessions_args)
            .restart_limit(CHILD_RESTARTS.0, CHILD_RESTARTS.1)
            .spawn()
            .await;
        let tabs_args = TabsArgs {
            wiring: Arc::clone(&wiring),
            sessions: sessions.clone(),
        };
        let tabs = Tabs::supervise(&root, tabs_args)
            .restart_limit(CHILD_RESTARTS.0, CHILD_RESTARTS.1)
            .spawn()
            .await;
        let admission = Admission::spawn_under(&root, options.admission).await;
        wiring.channels.start(&wiring.tracker, &wiring.closing);
        let notifier_args = NotifierArgs::new(Arc::clone(&wiring), admission.clone());
        let notifier = Notifier::supervise(&root, notifier_args)
            .restart_limit(CHILD_RESTARTS.0, CHILD_RESTARTS.1)
            .spawn()
            .await;
        let refs = Refs {
            root: root.clone(),
            sessions: sessions.clone(),
            tabs: tabs.clone(),
            admission: admission.clone(),
            notifier,
        };
        let _first = wiring.refs.set(refs);

        let mut threads: Vec<String> = unfinished
            .into_iter()
            .filter(|(_, prompt)| prompt.state != PromptState::NotRun)
            .map(|(thread, _)| thread)
            .collect();
        threads.sort_unstable();
        threads.dedup();
        for thread in threads {
            if let Err(SendError::HandlerError(refusal)) =
                sessions.ask(Open { thread }).send().await
            {
                tracing::warn!(
                    err = refusal.message(),
                    "a waiting prompt belongs to no session"
                );
            }
        }
        let spare = Arc::clone(&wiring);
        wiring
            .tracker
            .spawn(async move { spare.spare.prepare(&spare).await });
        Ok(Self {
            wiring,
            root,
            tabs,
            admission,
        })
    }

    /// Who gets in.
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Keeps how the last reload went, for `host/status`.
    pub fn note_reload(&self, outcome: reload::Outcome) {
        *self.wiring.reloaded.lock() = Some(outcome);
    }

    /// All metrics as a text, see [`metrics::CONTENT_TYPE`].
    pub async fn metrics(&self) -> String {
        metrics::scrape(&self.wiring).await
    }

    /// Counts somebody who was refused before there was a tab; `reason` is one of a closed set of words.
    pub fn note_refused(&self, reason: &'static str) {
        self.wiring.directory.metrics.refused(reason);
    }

    /// Whether the host takes tabs.
    pub fn ready(&self) -> Readiness {
        if self.wiring.closing.is_cancelled() {
            Readiness::Draining
        } else if matches!(self.wiring.journal.health(), journal::Health::Writing) {
            Readiness::Ready
        } else {
            Readiness::JournalStalled
        }
    }

    /// Starts a tab for an admitted connection.
    ///
    /// # Errors
    /// At the limit of tabs, or when the host goes down.
    pub async fn open_tab(&self, open: OpenTab) -> Result<(TabInbound, TabOutbound), TabRefused> {
        match self.tabs.ask(Start(open)).send().await {
            Ok(sides) => Ok(*sides),
            Err(SendError::HandlerError(refused)) => Err(refused),
            Err(_) => Err(TabRefused::Draining),
        }
    }

    /// Notes where the page is, as links lead there that leave the host: `https://name`.
    pub fn note_origin(&self, origin: String) {
        let _first = self.wiring.origin.set(origin);
    }

    /// Tells everybody that this is a test, and says how that went in each channel.
    pub async fn test_notifications(&self) -> Vec<Outcome> {
        let notice = notifier::test_notice(&self.wiring);
        self.wiring.channels.test(&notice).await
    }

    /// Notes what `host/status` tells of the installed Codex's protocol.
    pub fn note_protocol(&self, found: Result<Drift, String>) {
        let _first = self.wiring.protocol.set(found);
    }

    /// Resolves when a part of the host failed for good and the process should end.
    pub async fn failed(&self) {
        self.wiring.fatal.cancelled().await;
    }

    /// Goes down in order within `deadline`: no new tabs, tabs are told, turns end (or finish, as `codex.stop_policy` says),
    /// every Codex is stopped, everything is flushed, tabs hang up. False when something did not end in time. The journal is closed by its owner afterwards.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        let until = Instant::now() + deadline;
        self.wiring.closing.cancel();
        self.wiring
            .audience
            .broadcast(r#"{"method":"host/draining","params":{}}"#);
        if self.wiring.codex.stop_policy == StopPolicy::Finish {
            // What comes after it needs its time, too.
            let last = until - (self.wiring.codex.stop_grace + AFTER_TURNS).min(deadline / 2);
            let _run_on = tokio::time::timeout_at(last, self.turns_over()).await;
        }
        let stopped = async {
            self.wiring.spare.discard(&self.wiring).await;
            // One that was made a moment before is told in the next round.
            loop {
                let supervisors = self.wiring.directory.supervisors();
                if supervisors.is_empty() {
                    return;
                }
                for (supervisor, _) in &supervisors {
                    supervisor.tell(Shutdown).await;
                }
                for (supervisor, _) in &supervisors {
                    supervisor.actor().wait_for_shutdown().await;
                    self.wiring
                        .directory
                        .remove_supervisor(supervisor.actor().id());
                }
            }
        };
        let in_time = tokio::time::timeout_at(until, stopped).await.is_ok();
        for live in self.wiring.directory.lives() {
            live.feed.flush();
            let head = live.feed.view().staged_head;
            let _late = tokio::time::timeout_at(until, live.feed.published(head)).await;
            live.feed.show_all();
        }
        self.wiring
            .audience
            .close(GOING_AWAY, "the host is going down");
        self.root.kill();
        self.wiring.tracker.close();
        // Tabs get a moment to write what they were given, then their tasks are ended with them.
        let last_words = self.wiring.audience.drained();
        let _slow_readers = tokio::time::timeout_at(
            until.min(Instant::now() + Duration::from_secs(1)),
            last_words,
        )
        .await;
        self.wiring.hangup.cancel();
        tokio::time::timeout_at(
            until.max(Instant::now() + Duration::from_millis(200)),
            self.wiring.tracker.wait(),
        )
        .await
        .is_ok()
            && in_time
    }
}

impl Host {
    pub(crate) fn wiring(&self) -> &Arc<Wiring> {
        &self.wiring
    }

    /// Resolves when no turn runs but those that wait for a person.
    async fn turns_over(&self) {
        let works = |live: &crate::directory::Live| {
            live.feed
                .waits()
                .is_some_and(|waits| waits != Waits::Person)
        };
        while self.wiring.directory.lives().iter().any(works) {
            tokio::time::sleep(TURN_LOOK).await;
        }
    }
}

/// The root actor: nothing but a supervisor.
pub(crate) struct Root {
    wiring: Arc<Wiring>,
}

impl Actor for Root {
    type Args = Arc<Wiring>;
    type Error = Infallible;

    fn name() -> &'static str {
        "host"
    }

    async fn on_start(wiring: Arc<Wiring>, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(Self { wiring })
    }

    async fn on_link_died(
        &mut self,
        _: WeakActorRef<Self>,
        _: ActorId,
        reason: ActorStopReason,
    ) -> Result<ControlFlow<ActorStopReason>, Infallible> {
        // kameo calls this only when a supervised child is not restarted any more.
        if !self.wiring.closing.is_cancelled() {
            tracing::error!(err = ?reason, "a part of the host failed too often; the host ends");
            self.wiring.fatal.cancel();
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// All tabs, for `host/status`.
pub(crate) async fn list_tabs(wiring: &Wiring) -> Vec<TabView> {
    wiring
        .refs()
        .tabs
        .ask(ListTabs)
        .send()
        .await
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
