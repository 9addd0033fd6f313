//! `holdfast check`: looks whether everything is ready to serve, and says so in a line each. It changes nothing but that it
//! makes the state folder and an empty journal, as `serve` would.

mod codex;
mod notify;
mod publication;

use std::{
    fmt::Display,
    io::{self, ErrorKind},
    net::TcpListener,
    os::unix::{fs::FileTypeExt as _, net::UnixStream},
    path::Path,
    process::ExitCode,
};

use config::{Config, CredentialSource, Environment, Listen, Source};
use journal::{Journal, OpenError, Opened};
use tokio::runtime;

use crate::{
    args::CheckArgs,
    control::{Found, Greeting, PATH_IN_STATE_DIR, Place, Request, client},
    settings,
};

/// Does all checks and prints them. Ends with 1 when one has failed.
pub fn run(args: CheckArgs) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    match Config::load(&Source::process(args.config, None)) {
        Err(error) => report.fail("config", error),
        Ok(config) => {
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(check(&config, &mut report));
        }
    }
    Ok(if report.failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

async fn check(config: &Config, report: &mut Report) {
    check_files(config, report);
    check_user(report);
    check_credentials(config, report);
    check_redaction(config, report);
    notify::check(config, report);
    let is_running = check_journal(config, report);
    check_control(config, is_running, report);
    check_listen("listen", &config.listen, is_running, report);
    if let Some(address) = config.metrics.listen {
        check_listen("metrics.listen", &Listen::Tcp(address), is_running, report);
    }
    codex::check(config, report).await;
    publication::check(config, report).await;
}

/// The lines so far.
#[derive(Debug, Default)]
struct Report {
    failed: bool,
}

impl Report {
    fn ok(&mut self, what: &str, detail: impl Display) {
        self.line("ok  ", what, &detail.to_string());
    }

    fn warn(&mut self, what: &str, detail: impl Display) {
        self.line("warn", what, &detail.to_string());
    }

    fn fail(&mut self, what: &str, detail: impl Display) {
        self.failed = true;
        self.line("fail", what, &detail.to_string());
    }

    /// One line, whatever the detail holds: it may come from another program.
    fn line(&self, verdict: &str, what: &str, detail: &str) {
        let escaped: String = detail
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        println!("{verdict}  {what}: {escaped}");
    }
}

fn check_files(config: &Config, report: &mut Report) {
    match &config.file {
        Some(file) => report.ok(
            "config",
            format_args!("{} is valid and private", file.display()),
        ),
        None => report.ok(
            "config",
            "no file; the defaults and the environment are valid",
        ),
    }
    report.ok(
        "state",
        format_args!("{} is there and private", config.state_dir.display()),
    );
    for warning in config.warnings() {
        report.warn("settings", warning);
    }
}

/// Root is warned of among the settings.
fn check_user(report: &mut Report) {
    let user = rustix::process::geteuid();
    if !user.is_root() {
        report.ok("user", format_args!("{}, not root", user.as_raw()));
    }
}

fn check_credentials(config: &Config, report: &mut Report) {
    for credential in &config.admission.credentials {
        // What can be judged was judged when it was read; it would not have loaded.
        let strength = match credential.source {
            CredentialSource::Digest => {
                "how strong it is cannot be seen, one of `holdfast token new` is"
            }
            _ => "it is long enough and no well-known one",
        };
        report.ok(
            "token",
            format_args!(
                "{} ({}, {}); {strength}",
                credential.name,
                credential.role.as_str(),
                credential.source
            ),
        );
    }
    if config.admission.credentials.is_empty() {
        // With sign-ins asked for, the configuration does not load like that.
        report.warn(
            "token",
            "none, and none is asked for; make one with `holdfast token new` and set websocket_auth_required = true",
        );
    }
}

fn check_redaction(config: &Config, report: &mut Report) {
    let known = config
        .redaction
        .known_values(&Environment::process(), config.codex.home.as_deref());
    match settings::redactor(config, &Environment::process(), [0; 32], None) {
        Ok(_) if !config.redaction.enabled => report.warn(
            "redaction",
            "off; set redaction.enabled = true to keep secrets out of journal, log and tabs",
        ),
        Ok(_) => report.ok(
            "redaction",
            format_args!(
                "on, with {} known values",
                known.map_or(0, |known| known.len())
            ),
        ),
        Err(error) => report.fail("redaction", format_args!("{error:#}")),
    }
}

/// Opens the journal and closes it again. Returns whether a host is running that has it open.
fn check_journal(config: &Config, report: &mut Report) -> bool {
    match Journal::open(settings::journal_options(config)) {
        Ok((journal, opened)) => {
            let found = match &opened {
                Opened::Existing => "opens".to_owned(),
                Opened::Fresh => "opens, it was begun just now".to_owned(),
                Opened::SetAside { kept } => format!(
                    "a damaged journal was set aside as {}, a new one begun; put a backup in its place if you have one (docs/operations.md)",
                    kept.display()
                ),
            };
            match journal.close() {
                Err(error) => report.fail("journal", error),
                Ok(()) if matches!(opened, Opened::SetAside { .. }) => {
                    report.warn("journal", found)
                }
                Ok(()) => report.ok("journal", found),
            }
            false
        }
        Err(error @ OpenError::InUse { .. }) => {
            report.warn("journal", error);
            true
        }
        Err(error) => {
            report.fail("journal", error);
            false
        }
    }
}

/// Whether commands can ask the host: what stands at the place of its control socket, and who answers there.
fn check_control(config: &Config, is_running: bool, report: &mut Report) {
    const WHAT: &str = "control";
    let found = Place::in_state_dir(&config.state_dir).and_then(|place| {
        let found = place.look();
        let path = place.path().display().to_string();
        found.map(|found| (found, path))
    });
    match found {
        Ok((Found::Nothing, path)) if is_running => {
            report.warn(
                WHAT,
                format_args!("a host is running, but there is no {path}; start it again, so that pair and reload can reach it"),
            );
        }
        Ok((Found::Nothing, path)) => report.ok(WHAT, format_args!("{path} can be made")),
        Ok((Found::Stale, path)) => report.ok(
            WHAT,
            format_args!("{path} is left from a host that was killed; the next one takes it over"),
        ),
        Ok((Found::Served, path)) => {
            match client::ask::<Greeting>(&config.state_dir, &Request::Hello {}) {
                Ok(Greeting { version, pid }) => report.ok(
                    WHAT,
                    format_args!("holdfast {version} answers on {path}, process {pid}"),
                ),
                Err(error) => report.warn(WHAT, error),
            }
        }
        Err(error) => report.fail(
            WHAT,
            format_args!(
                "{}/{PATH_IN_STATE_DIR}: {error}",
                config.state_dir.display()
            ),
        ),
    }
}

/// Whether the place to listen is free; with a running host it should not be.
fn check_listen(key: &str, listen: &Listen, is_running: bool, report: &mut Report) {
    let result = match listen {
        Listen::Tcp(address) => TcpListener::bind(address).map(drop),
        Listen::Unix(path) => probe_socket(path),
    };
    match result {
        Ok(()) => report.ok(key, format_args!("{listen} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_running => {
            report.warn(
                key,
                format_args!("{listen} is in use, as the journal is: a host is running"),
            );
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            report.fail(
                key,
                format_args!("{listen} is in use by another program; stop it or change `{key}`"),
            );
        }
        Err(error) => report.fail(
            key,
            format_args!("can not listen on {listen}: {error}; correct `{key}`"),
        ),
    }
}

/// Whether a unix socket could be made here, without making it. A socket that nobody serves does not count.
fn probe_socket(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(found) if !found.file_type().is_socket() => Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "there is something else than a socket",
        )),
        Ok(_) => match UnixStream::connect(path) {
            Ok(_) => Err(ErrorKind::AddrInUse.into()),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
            Err(error) => Err(error),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(Path::new("/"));
            rustix::fs::access(
                folder,
                rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK,
            )?;
            Ok(())
        }
        Err(error) => Err(error),
    }
}
