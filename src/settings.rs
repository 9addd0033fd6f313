//! Turns the configuration into what the leaf crates take, which know nothing of it. It judges nothing any more.

use std::{ffi::OsString, path::PathBuf};

use anyhow::Context as _;
use codex::{
    locate::{self, NotFound},
    process::{self, Launch},
};
use config::{Config, Environment, OwnRuleFinds, ShellEnvironment};
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
    Launch {
        program,
        args: codex_args(&config.codex),
        home: config.codex.home.clone(),
        current_dir,
        env: process::environment(&config.codex.env_allow),
        grace: config.codex.stop_grace,
        launcher: None,
    }
}

/// What Codex itself keeps from its commands, unless the owner's own arguments decide it.
fn codex_args(codex: &config::Codex) -> Vec<OsString> {
    let policy = match codex.shell_environment {
        ShellEnvironment::Core => Some("shell_environment_policy.inherit=\"core\""),
        ShellEnvironment::All => Some("shell_environment_policy.inherit=\"all\""),
        ShellEnvironment::Codex => None,
    };
    let decided = |what: &str| codex.args.iter().any(|arg| arg.contains(what));
    let policy = policy.filter(|_| !decided("shell_environment_policy"));
    // A snapshot is a file that holds the whole environment, and a killed Codex leaves it behind.
    let snapshot = Some("features.shell_snapshot=false").filter(|_| !decided("shell_snapshot"));
    let ours = policy.into_iter().chain(snapshot);
    let theirs = codex.args.iter().map(String::as_str);
    let args = theirs
        .chain(ours.flat_map(|setting| ["-c", setting]))
        .chain(["app-server"]);
    args.map(OsString::from).collect()
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

/// The redactor of the configuration, with every known value; `key` is the host's own, for the digits
/// of the markers, and the counts of `older` go on.
///
/// # Errors
/// A file can not be read, or the rules make no sense.
pub fn redactor(
    config: &Config,
    environment: &Environment,
    key: [u8; 32],
    older: Option<&Redactor>,
) -> anyhow::Result<Redactor> {
    let mut builder = Redactor::builder().key(key);
    if let Some(older) = older {
        builder = builder.continues(older);
    }
    if !config.redaction.enabled {
        builder = builder.off();
    }
    for rule in &config.redaction.rules {
        let added = match &rule.finds {
            OwnRuleFinds::Pattern(pattern) => builder.custom(&rule.name, pattern),
            OwnRuleFinds::Cue(cue) => builder.custom_cue(&rule.name, cue),
        };
        builder = added.context("redaction.rules")?;
    }
    for known in config
        .redaction
        .known_values(environment, config.codex.home.as_deref())?
    {
        builder = builder.known(&known.name, known.value.reveal());
    }
    for (name, secret) in config.notify.secrets() {
        builder = builder.known(name, secret.reveal());
    }
    for rule in &config.redaction.disabled_rules {
        builder = builder.disable(rule);
    }
    builder.build().context("redaction.disabled_rules")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args_with(codex: &str) -> Vec<String> {
        let toml = format!("websocket_auth_required = false\n[codex]\n{codex}");
        let config = Config::from_toml(
            &toml,
            std::path::Path::new("/var/lib/holdfast"),
            &Environment::of([("HOME", "/home/kelp")]),
        )
        .expect("a good configuration");
        let args = codex_args(&config.codex);
        args.into_iter()
            .map(|arg| arg.into_string().unwrap())
            .collect()
    }

    #[test]
    fn codex_keeps_its_environment_from_commands_unless_the_owner_decides() {
        const CORE: &str = "shell_environment_policy.inherit=\"core\"";
        const NO_SNAPSHOT: &str = "features.shell_snapshot=false";
        assert_eq!(args_with(""), ["-c", CORE, "-c", NO_SNAPSHOT, "app-server"]);
        assert_eq!(
            args_with("shell_environment = \"all\""),
            [
                "-c",
                "shell_environment_policy.inherit=\"all\"",
                "-c",
                NO_SNAPSHOT,
                "app-server"
            ]
        );
        assert_eq!(
            args_with("shell_environment = \"codex\""),
            ["-c", NO_SNAPSHOT, "app-server"]
        );
        let own = "shell_environment_policy.inherit='all'";
        assert_eq!(
            args_with(&format!(
                "args = [\"-c\", \"{own}\", \"--enable\", \"shell_snapshot\"]"
            )),
            ["-c", own, "--enable", "shell_snapshot", "app-server"]
        );
    }
}
