//! Settings: one read, validated, no secret printable.
//!
//! [`Config::load`] finds the file, checks who may read and write it, lays it over `default.toml`, and gives back one value
//! whose parts go to the components that they are for. Whatever is wrong stops it with an [`Error`]: one line that names the
//! key and says what to do, and never holds a secret. Nothing is read later, nothing is looked up in the network, and a
//! token is never made up. After load the plaintext of our own tokens is nowhere; the host knows them by their digests.
//!
//! It is not a watcher (whoever reloads calls `load` again), and it judges no request.

mod admission;
mod authority;
mod codex;
mod environment;
mod error;
mod journal;
mod limits;
mod listen;
mod log;
mod methods;
mod metrics;
mod notify;
mod paths;
mod reader;
mod redaction;
mod rules;
mod secret;
mod source;
mod token;
mod value;

use std::path::PathBuf;

pub use admission::{
    Admission, Bound, Credential, CredentialSource, Role, SignIns, TOKEN_VARIABLE, Tailscale,
    TrustedProxy,
};
pub use codex::{ApprovalPolicy, Codex, Sandbox, ShellEnvironment, StallPolicy, StopPolicy};
pub use environment::Environment;
pub use error::{EX_CONFIG, Error};
pub use journal::Journal;
pub use limits::Limits;
pub use listen::Listen;
pub use log::{Log, LogFormat, LogLevel};
pub use methods::{DENIED_METHODS, is_denied};
pub use metrics::Metrics;
pub use notify::{ChannelRules, NoticeKind, Notify, Ntfy, QuietHours, WebPush, Webhook};
pub use redaction::{KnownValue, OwnRule, OwnRuleFinds, Redaction};
pub use secret::Secret;
pub use source::{CONFIG_VARIABLE, Source};
pub use token::{TOKEN_PREFIX, Token, TokenDigest, TokenError};

pub(crate) use source::Base;

/// Every key with its default and its meaning, in TOML: the documentation of the settings, and the source of the defaults.
pub const DEFAULT_TOML: &str = include_str!("../default.toml");

/// The settings of a host. Each part is given by value to the component that it is for.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that was read; `None` if there was none and the defaults and the environment were enough.
    pub file: Option<PathBuf>,
    /// Where to listen. Judged: loopback, a unix socket, or a tailnet address that was allowed.
    pub listen: Listen,
    /// Who gets in.
    pub admission: Admission,
    /// The folder of journal, sign-ins and control socket: absolute, and after [`Config::load`] present and private.
    pub state_dir: PathBuf,
    /// How Codex processes are run.
    pub codex: Codex,
    /// What the journal keeps.
    pub journal: Journal,
    /// Who is told when no tab shows that a session needs somebody.
    pub notify: Notify,
    /// What is masked.
    pub redaction: Redaction,
    /// How much of everything there may be.
    pub limits: Limits,
    /// Where the metrics are, besides behind admission.
    pub metrics: Metrics,
    /// How the log is written.
    pub log: Log,
    warnings: Vec<String>,
}

impl Config {
    /// What is allowed but should be known to the owner: one sentence each, without a secret, for log, `check` and page.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The keys and sections in which `newer` differs from this one, credentials aside: a running host takes up
    /// credentials alone, everything else with its next start.
    pub fn changed_besides_credentials(&self, newer: &Self) -> Vec<&'static str> {
        // Taken apart, so that a new part is not forgotten here.
        let Self {
            file: _,
            listen,
            admission,
            state_dir,
            codex,
            journal,
            notify,
            redaction,
            limits,
            metrics,
            log,
            warnings: _,
        } = self;
        let Admission {
            auth_required,
            credentials: _,
            allowed_hosts,
            allowed_origins,
            trusted_proxy,
            sign_ins,
            tailscale,
        } = admission;
        let new = &newer.admission;
        let same = [
            ("listen", *listen == newer.listen),
            (
                "websocket_auth_required",
                *auth_required == new.auth_required,
            ),
            ("allowed_hosts", *allowed_hosts == new.allowed_hosts),
            ("allowed_origins", *allowed_origins == new.allowed_origins),
            ("trusted_proxy", *trusted_proxy == new.trusted_proxy),
            ("sign_ins", *sign_ins == new.sign_ins),
            ("tailscale", *tailscale == new.tailscale),
            ("state_dir", *state_dir == newer.state_dir),
            ("codex", *codex == newer.codex),
            ("journal", *journal == newer.journal),
            ("notify", *notify == newer.notify),
            ("redaction", *redaction == newer.redaction),
            ("limits", *limits == newer.limits),
            ("metrics", *metrics == newer.metrics),
            ("log", *log == newer.log),
        ];
        let changed = same.into_iter().filter(|(_, same)| !same);
        changed.map(|(key, _)| key).collect()
    }
}
