//! Turns the configuration into what the leaf crates take, which know nothing of it. It judges nothing any more.

use std::{ffi::OsString, path::PathBuf};

use anyhow::Context as _;
use codex::{
    locate::{self, NotFound},
    process::{self, Launch},
};
use config::{Config, Environment};
use redaction::Redactor;

/// What the journal takes. It lies in the state folder.
pub fn journal_options(config: &Config) -> journal::Options {
    let keep = config.journal;
    let mut options = journal::Options::new(&config.state_dir);
    // Each session has at most one batch with the journal and bounds what it stages; the queue need not refuse any of them.
    options.queue = config.limits.sessions * 2 + 4096;
    options.queue_bytes = usize::MAX;
    options.file_bytes = Some(keep.max_bytes);
    options.retention.events_age = Some(keep.replay_age);
    options.retention.session_bytes = Some(keep.replay_bytes);
    options.retention.total_bytes = Some(keep.replay_total_bytes);
    options.retention.items_age = keep.history_age;
    options
}

/// The Codex of the configuration, or the one in PATH.
///
/// # Errors
/// There is none; the text says where it was looked for.
pub fn locate_codex(config: &Config) -> Result<locate::Codex, NotFound> {
    locate::find(
        config.codex.path.as_deref(),
        &std::env::var_os("PATH").unwrap_or_default(),
    )
}

/// How a Codex is started that works in `current_dir`.
pub fn codex_launch(config: &Config, program: PathBuf, current_dir: PathBuf) -> Launch {
    let args = config
        .codex
        .args
        .iter()
        .map(String::as_str)
        .chain(["app-server"]);
    Launch {
        program,
        args: args.map(OsString::from).collect(),
        home: config.codex.home.clone(),
        current_dir,
        env: process::environment(&config.codex.env_allow),
        grace: config.codex.stop_grace,
        launcher: None,
    }
}

/// What stands before Codex, so that neither outlives the host: this program itself.
///
/// # Errors
/// The system does not tell where this program is.
pub fn launcher() -> anyhow::Result<Vec<OsString>> {
    let program = std::env::current_exe().context("find this program")?;
    Ok(vec![program.into(), "codex-launcher".into(), "--".into()])
}

/// Where a Codex works that belongs to no folder.
pub fn home_folder() -> PathBuf {
    std::env::var_os("HOME")
        .map(PathBuf::from)
        .filter(|home| home.is_dir())
        .unwrap_or_else(|| PathBuf::from("/"))
}

/// The redactor of the configuration, with every known value; `key` is the host's own, for the digits of the markers.
///
/// # Errors
/// A file can not be read, or the rules make no sense.
pub fn redactor(
    config: &Config,
    environment: &Environment,
    key: [u8; 32],
) -> anyhow::Result<Redactor> {
    let mut builder = Redactor::builder().key(key);
    for known in config
        .redaction
        .known_values(environment, config.codex.home.as_deref())?
    {
        builder = builder.known(&known.name, known.value.reveal());
    }
    for rule in &config.redaction.disabled_rules {
        builder = builder.disable(rule);
    }
    builder.build().context("redaction")
}
