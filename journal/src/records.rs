//! What the journal stores and gives back: rows and bytes.
//!
//! Nothing here looks into JSON; text marked "raw JSON" is stored and returned as it came.

use bytes::Bytes;

/// Consecutive events of one session, encoded once: what tabs get is byte for byte what is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// `seq` of the first event; exactly the session's head plus one.
    pub first: u64,
    /// `seq` of the last event.
    pub last: u64,
    /// One newline-terminated line an event, `last - first + 1` of them.
    pub lines: Bytes,
}

/// One atomic change of one session: all of it is in the journal or none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Write {
    /// The session (Codex `threadId`) that all parts belong to. May be empty when only `processes` are written.
    pub thread: String,
    /// New events.
    pub batch: Option<Batch>,
    /// Items to put or replace.
    pub items: Vec<Item>,
    /// Prompts to put or replace.
    pub prompts: Vec<Prompt>,
    /// The session's row, to put or replace; `thread` and `head` in it are not read.
    pub session: Option<Session>,
    /// Decisions to add to the audit trail.
    pub decisions: Vec<Decision>,
    /// Processes that were started or are gone.
    pub processes: Vec<ProcessChange>,
}

/// A session as the host knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// The Codex `threadId`.
    pub thread: String,
    /// Working directory.
    pub cwd: String,
    /// Name that a person or Codex gave it.
    pub title: Option<String>,
    /// First words of the session, for lists.
    pub preview: String,
    /// Model name.
    pub model: Option<String>,
    /// What made the session (`cli`, `vscode`, ...), as Codex names it.
    pub source: Option<String>,
    /// Sandbox policy, raw JSON or text.
    pub sandbox: Option<String>,
    /// Approval policy, raw JSON or text.
    pub approval_policy: Option<String>,
    /// When it was made, milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// When it last changed, milliseconds since the Unix epoch; lists are ordered by it.
    pub updated_ms: u64,
    /// How many bridges it has had.
    pub generation: u64,
    /// `seq` of its newest event, 0 before the first. Kept by the journal: filled by reads, ignored by writes.
    pub head: u64,
    /// The turn that has begun and not yet ended.
    pub open_turn: Option<OpenTurn>,
    /// The host's word for its state (`parked`, `failed`, `quarantined`, ...).
    pub phase: String,
    /// Why it is in this phase.
    pub phase_reason: Option<String>,
    /// Hidden from lists by the user.
    pub archived: bool,
    /// Whether Codex can resume it.
    pub resumable: bool,
    /// Whatever else the host keeps, raw JSON.
    pub extra: String,
}

/// A turn that has begun and not yet ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenTurn {
    /// Codex's id of the turn.
    pub turn_id: String,
    /// `seq` of its first event.
    pub first_seq: u64,
    /// When it began, milliseconds since the Unix epoch.
    pub started_ms: u64,
}

/// One item of a turn: a message, a command, a patch. Its key is (thread, turn, id).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Codex's id of its turn.
    pub turn: String,
    /// Codex's id of the item, unique in its turn.
    pub id: String,
    /// `seq` of its first event, which is its place in the history. A later write of the same item does not move it.
    pub seq: u64,
    /// `seq` of the event that completed it.
    pub done_seq: Option<u64>,
    /// Codex's name of its type (`agentMessage`, `commandExecution`, ...).
    pub kind: String,
    /// How whole it is.
    pub state: ItemState,
    /// The item, raw JSON.
    pub json: Bytes,
    /// Its words, for the full-text search; kept up to [`Options::search_text_bytes`](crate::Options::search_text_bytes).
    pub text: String,
}

/// How whole an item is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ItemState {
    /// Still streaming.
    #[default]
    Open,
    /// Codex completed it.
    Completed,
    /// Its turn ended before it was complete; what had streamed is kept.
    Partial,
}

/// One prompt that a person gave, from acknowledgement to end. Its key is (thread, id).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// The id that the tab chose; the same id never runs twice.
    pub id: String,
    /// How far it has come.
    pub state: PromptState,
    /// When it was meant to run.
    pub when: PromptWhen,
    /// What Codex gets, raw JSON, unredacted; the same as `shown` once nobody sends it any more.
    pub input: String,
    /// What people see, raw JSON, redacted.
    pub shown: String,
    /// Settings for this prompt only, raw JSON.
    pub overrides: Option<String>,
    /// Codex's id of the turn that it became.
    pub turn: Option<String>,
    /// Its place in the queue; lower runs first.
    pub position: u64,
    /// When it was acknowledged, milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// How far a prompt has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PromptState {
    /// Waiting.
    #[default]
    Queued,
    /// Handed to Codex; not known yet whether it arrived.
    Sending,
    /// Codex has begun its turn.
    Running,
    /// Its turn has ended.
    Done,
    /// It will not run, and the person is told so.
    NotRun,
    /// A person removed it.
    Removed,
}

/// When a prompt was meant to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PromptWhen {
    /// At once, as a turn of its own.
    #[default]
    Now,
    /// After the prompts before it.
    Queue,
    /// Into the running turn.
    Steer,
}

/// One answered server request (an approval, an input), for the audit trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Digest of what was asked, as it was shown.
    pub request: String,
    /// The request's method.
    pub method: String,
    /// What was decided.
    pub decision: String,
    /// Who decided: a sign-in, a token's name, or the host itself.
    pub by: String,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Codex's id of the turn that asked.
    pub turn: Option<String>,
    /// Codex's id of the item that asked.
    pub item: Option<String>,
    /// Whatever else the host keeps, raw JSON.
    pub extra: String,
}

/// A running Codex process, so that the next host finds it after a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Start time as the system counts it (clock ticks since boot); with `pid` it names one process.
    pub start_time: u64,
    /// The session it serves; empty for the service bridge.
    pub thread: String,
    /// The program that was started.
    pub program: String,
}

/// A change of the list of running processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessChange {
    /// It was started.
    Put(Process),
    /// It is gone.
    Remove {
        /// Process id.
        pid: u32,
        /// Start time as in [`Process::start_time`].
        start_time: u64,
    },
}

/// What stands before a found word in [`Hit::snippet`].
pub const HIT_START: char = '\u{2}';
/// What stands after a found word in [`Hit::snippet`].
pub const HIT_END: char = '\u{3}';

/// One item that a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hit {
    /// The session it is in.
    pub thread: String,
    /// The session's working directory.
    pub cwd: String,
    /// The session's title.
    pub title: Option<String>,
    /// The item's turn.
    pub turn: String,
    /// The item's id.
    pub item: String,
    /// The item's type.
    pub kind: String,
    /// The item's place in the history.
    pub seq: u64,
    /// Some words around the find; found words stand between [`HIT_START`] and [`HIT_END`].
    pub snippet: String,
}

impl Write {
    /// A write for `thread` with nothing in it yet.
    #[must_use]
    pub fn new(thread: impl Into<String>) -> Self {
        Self {
            thread: thread.into(),
            ..Self::default()
        }
    }

    /// Whether it holds a batch and nothing else.
    pub(crate) fn is_events_only(&self) -> bool {
        self.batch.is_some()
            && self.session.is_none()
            && self.items.is_empty()
            && self.prompts.is_empty()
            && self.decisions.is_empty()
            && self.processes.is_empty()
    }

    /// Number of its events.
    pub(crate) fn events(&self) -> u64 {
        self.batch
            .as_ref()
            .map_or(0, |batch| batch.last - batch.first + 1)
    }
}

impl ItemState {
    const ALL: [Self; 3] = [Self::Open, Self::Completed, Self::Partial];

    /// The word that stands for it on disk.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Completed => "completed",
            Self::Partial => "partial",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl PromptState {
    const ALL: [Self; 6] = [
        Self::Queued,
        Self::Sending,
        Self::Running,
        Self::Done,
        Self::NotRun,
        Self::Removed,
    ];

    /// The word that stands for it on disk.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Running => "running",
            Self::Done => "done",
            Self::NotRun => "not_run",
            Self::Removed => "removed",
        }
    }

    /// Whether nothing more will happen to the prompt.
    #[must_use]
    pub fn is_finished(self) -> bool {
        match self {
            Self::Queued | Self::Sending | Self::Running => false,
            Self::Done | Self::NotRun | Self::Removed => true,
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl PromptWhen {
    const ALL: [Self; 3] = [Self::Now, Self::Queue, Self::Steer];

    /// The word that stands for it on disk and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Queue => "queue",
            Self::Steer => "steer",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|when| when.as_str() == word)
    }
}
