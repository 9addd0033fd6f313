//! Which sessions there are, where each of them lives, and who is told when that changes.
//!
//! Shared state behind one short lock, since bridges must find a session's feed in the middle of a line without asking an
//! actor. It starts no actor and knows no policy. All sessions of the journal are here as rows; feeds and actors exist
//! for those that somebody has touched.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::{Arc, OnceLock},
};

use codex::{handshake::ServerInfo, message::ThreadStarted};
use journal::{Journal, Process, ProcessChange, Session as Row, Write};
use kameo::actor::{ActorId, ActorRef};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    bridge::BridgeLink,
    feed::{Feed, FeedLimits, now_ms},
    ids::ThreadId,
    metrics::Metrics,
    session::{Session, SessionRef, settings::SessionSettings},
    supervisor::{Purpose, SupervisorRef},
    tab::Audience,
};

/// All sessions of the host.
pub(crate) struct Directory {
    journal: Journal,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    limits: FeedLimits,
    inner: Mutex<Inner>,
    supervisors: Mutex<HashMap<ActorId, (SupervisorRef, String)>>,
    audience: Arc<Audience>,
    /// Counts changes of what `host/sessions/list` shows.
    version: watch::Sender<u64>,
    codex: OnceLock<ServerInfo>,
}

#[derive(Default)]
struct Inner {
    /// Sessions that nobody has touched since the start.
    dormant: HashMap<ThreadId, Row>,
    live: HashMap<ThreadId, Live>,
}

/// A session that is in memory.
#[derive(Clone)]
pub(crate) struct Live {
    pub feed: Arc<Feed>,
    /// The supervisor whose process runs, or ran, the thread.
    pub bridge: Option<SupervisorRef>,
    pub actor: Option<SessionRef>,
    /// Never on Codex's disk: not listed, gone with its process.
    pub ephemeral: bool,
}

/// A session as lists see it.
pub(crate) enum Listed {
    Dormant(Box<Row>),
    Live(Live),
}

impl Directory {
    pub(crate) fn new(
        journal: Journal,
        limits: FeedLimits,
        rows: Vec<Row>,
        audience: Arc<Audience>,
    ) -> Arc<Self> {
        let dormant = rows
            .into_iter()
            .map(|row| (ThreadId::from(row.thread.as_str()), row))
            .collect();
        Arc::new(Self {
            journal,
            metrics: Arc::new(Metrics::new()),
            limits,
            inner: Mutex::new(Inner {
                dormant,
                live: HashMap::new(),
            }),
            supervisors: Mutex::default(),
            audience,
            version: watch::Sender::new(0),
            codex: OnceLock::new(),
        })
    }

    /// A session in memory, brought there when it was dormant. `None`: there is no such session.
    pub(crate) fn live(&self, thread: &str) -> Option<Live> {
        let mut inner = self.inner.lock();
        if let Some(live) = inner.live.get(thread) {
            return Some(live.clone());
        }
        let row = inner.dormant.remove(thread)?;
        Some(inner.wake(row, self))
    }

    /// The feed of a thread that runs in this process; a thread that is not known becomes a session.
    pub(crate) fn adopt(&self, thread: &str, link: &BridgeLink) -> Arc<Feed> {
        let mut inner = self.inner.lock();
        let feed = match inner.live.get(thread) {
            Some(live) => Arc::clone(&live.feed),
            None => {
                let row = inner.dormant.remove(thread).unwrap_or_else(|| Row {
                    thread: thread.to_owned(),
                    source: Some("host".to_owned()),
                    created_ms: now_ms(),
                    updated_ms: now_ms(),
                    ..Row::default()
                });
                inner.wake(row, self).feed
            }
        };
        if let Some(live) = inner.live.get_mut(thread) {
            // A thread that turns up in a process is run by it from now on: a new generation for the session.
            let moved = live
                .bridge
                .as_ref()
                .is_none_or(|bridge| bridge.actor().id() != link.supervisor.actor().id());
            live.bridge = Some(link.supervisor.clone());
            if moved {
                feed.next_generation();
            }
        }
        drop(inner);
        self.touch();
        feed
    }

    /// Notes a thread that Codex knows and the host does not: begun elsewhere.
    pub(crate) fn add_foreign(&self, row: Row) {
        let mut inner = self.inner.lock();
        let thread = ThreadId::from(row.thread.as_str());
        let is_new = !inner.live.contains_key(&thread) && !inner.dormant.contains_key(&thread);
        if is_new {
            inner.dormant.insert(thread, row);
            drop(inner);
            self.touch();
        }
    }

    /// Codex's own ids of the threads that it lost and that were begun anew: they are sessions already, by another id.
    pub(crate) fn aliases(&self) -> HashSet<String> {
        let inner = self.inner.lock();
        let live = inner.live.values().map(|live| live.feed.row());
        let rows = live.chain(inner.dormant.values().cloned());
        rows.filter_map(|row| SessionSettings::of(&row).codex_thread)
            .collect()
    }

    /// `thread/started`: what Codex says of the new thread.
    pub(crate) fn thread_started(&self, feed: &Arc<Feed>, params: &str) {
        let Ok(started) = serde_json::from_str::<ThreadStarted<'_>>(params) else {
            return;
        };
        let thread = started.thread;
        feed.update(|row| {
            if let Some(cwd) = thread.cwd.as_deref() {
                row.cwd = cwd.to_owned();
            }
            if row.preview.is_empty() {
                row.preview = thread.preview.to_string();
            }
            if row.title.is_none() {
                row.title = thread.name.as_deref().map(str::to_owned);
            }
        });
        if thread.ephemeral
            && let Some(live) = self.inner.lock().live.get_mut(feed.thread())
        {
            live.ephemeral = true;
        }
        self.touch();
    }

    /// A thread that is on no disk is gone with its process.
    pub(crate) fn forget_ephemeral(&self, thread: &ThreadId) {
        let mut inner = self.inner.lock();
        if inner.live.get(thread).is_some_and(|live| live.ephemeral) {
            inner.live.remove(thread);
        }
    }

    /// Notes which actor and which supervisor serve a session.
    pub(crate) fn set_actor(&self, thread: &str, actor: SessionRef) {
        if let Some(live) = self.inner.lock().live.get_mut(thread) {
            live.actor = Some(actor);
        }
    }

    /// This actor has ended. Another may serve the session already; it is made to look, as the first may have taken a
    /// sign that was for it.
    pub(crate) fn forget_actor(&self, thread: &ThreadId, id: ActorId) {
        if let Some(live) = self.inner.lock().live.get_mut(thread) {
            match &live.actor {
                Some(actor) if actor.actor.id() != id => live.feed.poke(),
                _ => live.actor = None,
            }
        }
    }

    pub(crate) fn set_bridge(&self, thread: &str, bridge: SupervisorRef) {
        if let Some(live) = self.inner.lock().live.get_mut(thread) {
            live.bridge = Some(bridge);
        }
    }

    /// Lets go of the actor of a session that has nothing to do. False when somebody else holds it, or has left a message.
    pub(crate) fn retire(&self, feed: &Arc<Feed>, actor: &ActorRef<Session>) -> bool {
        /// This table's ref and the actor's own.
        const OWN_REFS: usize = 2;
        let mut inner = self.inner.lock();
        let Some(live) = inner.live.get_mut(feed.thread()) else {
            return false;
        };
        // Whoever is about to send has a ref, and gets one only from here.
        let mailbox = actor.mailbox_sender();
        let unwanted = actor.strong_count() == OWN_REFS
            && mailbox.capacity() == mailbox.max_capacity()
            && live
                .actor
                .as_ref()
                .is_some_and(|own| own.actor.id() == actor.id())
            && !live.ephemeral
            && feed.is_at_rest();
        if unwanted {
            live.actor = None;
        }
        unwanted
    }

    /// Makes sessions that nobody drives or looks at dormant again: a row each is all that stays in memory of them.
    pub(crate) fn rest(&self) {
        let undriven = self.lives().into_iter().filter(|live| live.actor.is_none());
        undriven.for_each(|live| live.feed.flush());
        let mut inner = self.inner.lock();
        let resting = |live: &Live| {
            let stands = |bridge: &SupervisorRef| {
                !bridge.actor().is_alive() || bridge.status().borrow().is_at_rest()
            };
            live.actor.is_none()
                && !live.ephemeral
                && live.bridge.as_ref().is_none_or(stands)
                && live.feed.is_at_rest()
                // Nobody can take another feed of this session before the table is free again.
                && Arc::strong_count(&live.feed) == 1
        };
        let Inner { live, dormant } = &mut *inner;
        live.retain(|thread, session| {
            let rests = resting(session);
            if rests {
                dormant.insert(thread.clone(), session.feed.row());
            }
            !rests
        });
        live.shrink_to(live.len() * 2);
    }

    /// How many sessions are more than a row in memory.
    pub(crate) fn awake(&self) -> usize {
        self.inner.lock().live.len()
    }

    /// True when this supervisor was made for this session.
    pub(crate) fn is_own_supervisor(&self, bridge: &SupervisorRef, thread: &ThreadId) -> bool {
        let supervisors = self.supervisors.lock();
        let own = supervisors.get(&bridge.actor().id());
        own.is_some_and(|(_, what)| what == thread.as_str())
    }

    /// All sessions.
    pub(crate) fn list(&self) -> Vec<Listed> {
        let inner = self.inner.lock();
        let live = inner
            .live
            .values()
            .filter(|live| !live.ephemeral)
            .cloned()
            .map(Listed::Live);
        let dormant = inner
            .dormant
            .values()
            .cloned()
            .map(|row| Listed::Dormant(Box::new(row)));
        live.chain(dormant).collect()
    }

    /// The sessions that are in memory.
    pub(crate) fn lives(&self) -> Vec<Live> {
        self.inner.lock().live.values().cloned().collect()
    }

    /// The row of a session, which stays as dormant as it is.
    pub(crate) fn row(&self, thread: &str) -> Option<Row> {
        let inner = self.inner.lock();
        match inner.live.get(thread) {
            Some(live) => Some(live.feed.row()),
            None => inner.dormant.get(thread).cloned(),
        }
    }

    /// The generation of a session in memory.
    pub(crate) fn generation(&self, thread: &str) -> Option<u64> {
        let feed = self
            .inner
            .lock()
            .live
            .get(thread)
            .map(|live| Arc::clone(&live.feed))?;
        Some(feed.row().generation)
    }

    pub(crate) fn count(&self) -> usize {
        let inner = self.inner.lock();
        inner.live.len() + inner.dormant.len()
    }

    pub(crate) fn add_supervisor(&self, supervisor: SupervisorRef, purpose: &Purpose) {
        let what = match purpose {
            Purpose::Service => "service".to_owned(),
            Purpose::Birth { .. } => "birth".to_owned(),
            Purpose::Session(feed) => feed.thread().to_string(),
        };
        self.supervisors
            .lock()
            .insert(supervisor.actor().id(), (supervisor, what));
    }

    /// Asks the idle bridge that has been quiet longest to stop.
    pub(crate) fn park_quietest(&self) {
        let idle = |supervisor: &SupervisorRef| {
            let link = supervisor.status().borrow().link().cloned()?;
            let idle = !link.is_busy() && !link.has_requests();
            idle.then(|| link.silence())
        };
        let supervisors = self.supervisors();
        let quietest = supervisors
            .iter()
            .filter_map(|(supervisor, _)| Some((idle(supervisor)?, supervisor)))
            .max_by_key(|(silence, _)| *silence);
        if let Some((_, supervisor)) = quietest {
            supervisor.try_park();
        }
    }

    pub(crate) fn name_supervisor(&self, id: ActorId, thread: &str) {
        if let Some((_, what)) = self.supervisors.lock().get_mut(&id) {
            thread.clone_into(what);
        }
    }

    pub(crate) fn remove_supervisor(&self, id: ActorId) {
        self.supervisors.lock().remove(&id);
    }

    /// All supervisors with what they are for: `service`, `birth`, or a thread id.
    pub(crate) fn supervisors(&self) -> Vec<(SupervisorRef, String)> {
        self.supervisors.lock().values().cloned().collect()
    }

    /// Notes a process that this host has started, so that the next host can end it if this one dies.
    pub(crate) fn note_process(&self, pid: u32, start_time: Option<u64>, program: &Path) {
        if let Some(start_time) = start_time {
            self.put_process(ProcessChange::Put(Process {
                pid,
                start_time,
                thread: String::new(),
                program: program.display().to_string(),
            }));
        }
    }

    /// The process is gone.
    pub(crate) fn forget_process(&self, pid: u32, start_time: Option<u64>) {
        if let Some(start_time) = start_time {
            self.put_process(ProcessChange::Remove { pid, start_time });
        }
    }

    fn put_process(&self, change: ProcessChange) {
        let write = Write {
            processes: vec![change],
            ..Write::default()
        };
        if let Err(rejected) = self.journal.commit(write, || {}) {
            tracing::warn!(err = %rejected, "note a process in the journal");
        }
    }

    /// Something that lists show has changed.
    pub(crate) fn touch(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Gives a message that belongs to no session to every tab.
    pub(crate) fn broadcast(&self, line: &str) {
        self.audience.broadcast(line);
    }

    /// A Codex has introduced itself.
    pub(crate) fn met(&self, info: ServerInfo) {
        let _known_already = self.codex.set(info);
    }

    /// What Codex said of itself, once one has been up.
    pub(crate) fn codex(&self) -> Option<&ServerInfo> {
        self.codex.get()
    }
}

impl Inner {
    fn wake(&mut self, row: Row, shared: &Directory) -> Live {
        let (journal, metrics) = (shared.journal.clone(), Arc::clone(&shared.metrics));
        let feed = Feed::new(row, journal, metrics, shared.limits);
        let live = Live {
            feed: Arc::clone(&feed),
            bridge: None,
            actor: None,
            ephemeral: false,
        };
        self.live.insert(feed.thread().clone(), live.clone());
        live
    }
}
