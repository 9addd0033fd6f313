//! The `[codex]` section: which program runs, with what it may touch, and when it is stopped and restarted. Starts nothing.

use std::{path::PathBuf, time::Duration};

use toml::de::DeValue;

use crate::{
    Base,
    error::shown,
    methods::is_denied,
    reader::Section,
    value::{self, Parsed},
};

/// Entries of each list here, far above what anybody writes.
const LIST_ITEMS: usize = 256;
/// Above every machine's memory and every thread's file; it only keeps sums from overflowing.
const TIB: u64 = 1 << 40;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How Codex processes are run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codex {
    /// The program, absolute; `None` is `codex` from PATH.
    pub path: Option<PathBuf>,
    /// Arguments between the program and `app-server`.
    pub args: Vec<String>,
    /// CODEX_HOME, absolute; `None` leaves it to Codex (`~/.codex`).
    pub home: Option<PathBuf>,
    /// The only folders in which sessions may work, absolute; empty allows any.
    pub workspaces: Vec<PathBuf>,
    /// A bridge whose session has done nothing for this long is parked.
    pub idle_timeout: Duration,
    /// Exits within `restart_window` after which the next one makes the session `failed`.
    pub restart_limit: u32,
    /// The window of `restart_limit`.
    pub restart_window: Duration,
    /// The first wait before a restart.
    pub backoff_min: Duration,
    /// The longest wait before a restart, never below `backoff_min`.
    pub backoff_max: Duration,
    /// A bridge that was up this long starts at `backoff_min` again.
    pub healthy_after: Duration,
    /// From spawn to the answer of `initialize`.
    pub start_timeout: Duration,
    /// Silence of a running turn after which Codex is probed.
    pub stall_timeout: Duration,
    /// What is done about a turn that waits for its model in silence.
    pub stall_policy: StallPolicy,
    /// Resident bytes above which an idle Codex is stopped; `None` lets it grow.
    pub memory_limit: Option<u64>,
    /// Bytes of a thread's file above which it is not opened by itself.
    pub rollout_limit: u64,
    /// Whether one Codex waits, started, for the next session.
    pub warm_spare: bool,
    /// From the request to end to the kill.
    pub stop_grace: Duration,
    /// What becomes of running turns when the host stops.
    pub stop_policy: StopPolicy,
    /// Names of the environment variables that Codex gets; all others are withheld.
    pub env_allow: Vec<String>,
    /// What commands get of Codex's own environment.
    pub shell_environment: ShellEnvironment,
    /// The sandbox of sessions that ask for none.
    pub default_sandbox: Sandbox,
    /// The widest sandbox that a tab may ask for, never below `default_sandbox`.
    pub highest_sandbox: Sandbox,
    /// The approval policy of sessions that ask for none.
    pub default_approval_policy: ApprovalPolicy,
    /// The freest approval policy that a tab may ask for, never below `default_approval_policy`.
    pub highest_approval_policy: ApprovalPolicy,
    /// Denied methods that tabs may call all the same, by full name; see [`crate::DENIED_METHODS`].
    pub allowed_methods: Vec<String>,
}

impl Codex {
    /// Whether a tab may call a method.
    pub fn allows_method(&self, method: &str) -> bool {
        !is_denied(method) || self.allowed_methods.iter().any(|allowed| allowed == method)
    }

    pub(crate) fn read(mut section: Section<'_>, base: &Base<'_>) -> Self {
        let second = Duration::from_secs(1);
        let minute = Duration::from_secs(60);
        let milli = Duration::from_millis(1);
        let codex = Self {
            path: section.value("path", |value| program(value, base)),
            args: section.value("args", value::list(LIST_ITEMS, argument)),
            home: section.optional("home", |value| base.path(value)),
            workspaces: section.value(
                "workspaces",
                value::list(LIST_ITEMS, |value| base.path(value)),
            ),
            idle_timeout: section.value("idle_timeout", value::duration(second..=30 * DAY)),
            restart_limit: section.value("restart_limit", value::count(1..=1000)) as u32,
            restart_window: section.value("restart_window", value::duration(second..=DAY)),
            backoff_min: section.value("backoff_min", value::duration(milli..=60 * minute)),
            backoff_max: section.value("backoff_max", value::duration(milli..=60 * minute)),
            healthy_after: section.value("healthy_after", value::duration(milli..=DAY)),
            start_timeout: section.value("start_timeout", value::duration(second..=10 * minute)),
            stall_timeout: section.value("stall_timeout", value::duration(second..=DAY)),
            stall_policy: section.value("stall_policy", value::choice(&StallPolicy::WORDS)),
            memory_limit: section.optional("memory_limit", value::bytes(64 << 20..=TIB)),
            rollout_limit: section.value("rollout_limit", value::bytes(1 << 20..=TIB)),
            warm_spare: section.value("warm_spare", value::flag),
            stop_grace: section.value("stop_grace", value::duration(10 * milli..=10 * minute)),
            stop_policy: section.value("stop_policy", value::choice(&StopPolicy::WORDS)),
            env_allow: section.value("env_allow", value::list(LIST_ITEMS, passed_variable)),
            shell_environment: section
                .value("shell_environment", value::choice(&ShellEnvironment::WORDS)),
            default_sandbox: section.value("default_sandbox", value::choice(&Sandbox::WORDS)),
            highest_sandbox: section.value("highest_sandbox", value::choice(&Sandbox::WORDS)),
            default_approval_policy: section.value(
                "default_approval_policy",
                value::choice(&ApprovalPolicy::WORDS),
            ),
            highest_approval_policy: section.value(
                "highest_approval_policy",
                value::choice(&ApprovalPolicy::WORDS),
            ),
            allowed_methods: section
                .value("allowed_methods", value::list(LIST_ITEMS, denied_method)),
        };
        codex.judge(&section);
        section.finish();
        codex
    }

    /// What two keys say together.
    fn judge(&self, section: &Section<'_>) {
        let time = humantime::format_duration;
        if self.backoff_max < self.backoff_min {
            let (min, max) = (time(self.backoff_min), time(self.backoff_max));
            section.note(
                "backoff_max",
                format!("found {max}, which is less than backoff_min ({min}); raise it"),
            );
        }
        let pairs = [
            (
                "sandbox",
                self.default_sandbox.as_str(),
                self.highest_sandbox.as_str(),
                self.default_sandbox > self.highest_sandbox,
            ),
            (
                "approval_policy",
                self.default_approval_policy.as_str(),
                self.highest_approval_policy.as_str(),
                self.default_approval_policy > self.highest_approval_policy,
            ),
        ];
        for (what, default, highest, is_above) in pairs {
            if is_above {
                let problem = format!(
                    "is \"{default}\", which is above highest_{what} (\"{highest}\"); lower the one or raise the other"
                );
                section.note(&format!("default_{what}"), problem);
            }
        }
    }
}

/// What commands get of the environment that Codex itself has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShellEnvironment {
    /// What a shell needs, and no name that Codex got for itself.
    Core,
    /// All of it.
    All,
    /// What Codex's own configuration says.
    Codex,
}

impl ShellEnvironment {
    const WORDS: [(&'static str, Self); 3] = [
        ("core", Self::Core),
        ("all", Self::All),
        ("codex", Self::Codex),
    ];
}

/// What is done about a stalled turn that waits for its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StallPolicy {
    /// It is shown, and waits.
    Show,
    /// It is interrupted.
    Interrupt,
}

impl StallPolicy {
    const WORDS: [(&'static str, Self); 2] = [("show", Self::Show), ("interrupt", Self::Interrupt)];
}

/// What becomes of running turns when the host is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopPolicy {
    /// They end at once.
    Interrupt,
    /// They run on while there is time.
    Finish,
}

impl StopPolicy {
    const WORDS: [(&'static str, Self); 2] =
        [("interrupt", Self::Interrupt), ("finish", Self::Finish)];
}

/// What commands may write to. Ordered from the narrowest to the widest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sandbox {
    /// Nothing.
    ReadOnly,
    /// The session's folder and temporary files.
    WorkspaceWrite,
    /// Everything that the user may: no sandbox.
    DangerFullAccess,
}

impl Sandbox {
    const WORDS: [(&'static str, Self); 3] = [
        ("read-only", Self::ReadOnly),
        ("workspace-write", Self::WorkspaceWrite),
        ("danger-full-access", Self::DangerFullAccess),
    ];

    /// Codex's own word.
    pub fn as_str(self) -> &'static str {
        word(&Self::WORDS, self)
    }

    /// From Codex's own word; `None` for one that we do not know.
    pub fn from_word(text: &str) -> Option<Self> {
        from_word(&Self::WORDS, text)
    }
}

/// When Codex asks before it acts. Ordered from the one that asks most to the one that never asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApprovalPolicy {
    /// Before every command that is not known to be harmless.
    Untrusted,
    /// When the model wants to leave the sandbox.
    OnRequest,
    /// Never.
    Never,
}

impl ApprovalPolicy {
    const WORDS: [(&'static str, Self); 3] = [
        ("untrusted", Self::Untrusted),
        ("on-request", Self::OnRequest),
        ("never", Self::Never),
    ];

    /// Codex's own word.
    pub fn as_str(self) -> &'static str {
        word(&Self::WORDS, self)
    }

    /// From Codex's own word; `None` for one that we do not know, such as a granular policy.
    pub fn from_word(text: &str) -> Option<Self> {
        from_word(&Self::WORDS, text)
    }
}

fn word<T: PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    let found = words.iter().find(|(_, known)| *known == value);
    found
        .map(|(word, _)| *word)
        .expect("the table holds every variant")
}

fn from_word<T: Copy>(words: &[(&'static str, T)], text: &str) -> Option<T> {
    words
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, value)| *value)
}

fn program(value: &DeValue<'_>, base: &Base<'_>) -> Parsed<Option<PathBuf>> {
    let text = value::text(value)?;
    match text.as_str() {
        "codex" => Ok(None),
        path if path.contains('/') => base.resolve(path).map(Some),
        _ => Err(format!(
            "found {}, write a path with a \"/\" in it, or \"codex\" to search PATH",
            shown(&text)
        )),
    }
}

/// Everybody on the machine can read arguments, so one that holds a token of ours is refused.
fn argument(value: &DeValue<'_>) -> Parsed<String> {
    let text = value::text(value)?;
    if text.contains(crate::token::TOKEN_PREFIX) {
        return Err(
            "found what looks like a token; arguments can be seen by other users".to_owned(),
        );
    }
    if text.contains('\0') {
        return Err("found a zero byte, which no argument can hold".to_owned());
    }
    Ok(text)
}

/// A variable that Codex may get: not one of ours, nor one that speaks to the host's own service manager.
fn passed_variable(value: &DeValue<'_>) -> Parsed<String> {
    /// Each would hand our sockets, credentials or readiness to commands.
    const OURS: [&str; 6] = [
        "NOTIFY_SOCKET",
        "LISTEN_FDS",
        "LISTEN_PID",
        "LISTEN_FDNAMES",
        "CREDENTIALS_DIRECTORY",
        "WATCHDOG_USEC",
    ];
    let name = value::variable(value)?;
    if name.starts_with("HOLDFAST_") || OURS.contains(&name.as_str()) {
        return Err(format!(
            "found {}, which is for the host alone and never for commands; remove it",
            shown(&name)
        ));
    }
    Ok(name)
}

fn denied_method(value: &DeValue<'_>) -> Parsed<String> {
    let method = value::text(value)?;
    if method.contains('*') {
        return Err(format!(
            "found {}, write each method by its full name",
            shown(&method)
        ));
    }
    if !is_denied(&method) {
        return Err(format!(
            "found {}, which tabs may call anyway or which is misspelt; remove it",
            shown(&method)
        ));
    }
    Ok(method)
}
