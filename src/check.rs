//! `holdfast check`: looks whether everything is ready to serve, and says so in a line each. It changes nothing but that it
//! makes the state folder and an empty journal, as `serve` would.

mod codex;
mod publication;

use std::{
    fmt::Display,
    io::{self, ErrorKind},
    net::TcpListener,
    os::unix::{fs::FileTypeExt as _, net::UnixStream},
    path::Path,
    process::ExitCode,
};

use config::{Config, Environment, Listen, Source};
use journal::{Journal, OpenError, Opened};
use tokio::runtime;

use crate::{args::CheckArgs, settings};

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
    check_credentials(config, report);
    check_redaction(config, report);
    let is_running = check_journal(config, report);
    check_listen(&config.listen, is_running, report);
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

fn check_credentials(config: &Config, report: &mut Report) {
    let credentials = config.admission.credentials.iter();
    let known: Vec<String> = credentials
        .map(|credential| {
            format!(
                "{} ({}, {})",
                credential.name,
                credential.role.as_str(),
                credential.source
            )
        })
        .collect();
    match (known.is_empty(), config.admission.auth_required) {
        (false, _) => report.ok("token", known.join(", ")),
        (true, false) => report.warn("token", "none, and none is asked for"),
        // The configuration does not load like that.
        (true, true) => report.fail("token", "none"),
    }
}

fn check_redaction(config: &Config, report: &mut Report) {
    let known = config
        .redaction
        .known_values(&Environment::process(), config.codex.home.as_deref());
    match settings::redactor(config, &Environment::process(), [0; 32]) {
        Ok(_) if !config.redaction.enabled => report.warn("redaction", "off"),
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
                    "a damaged journal was set aside as {}, a new one begun",
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

/// Whether the place to listen is free; with a running host it should not be.
fn check_listen(listen: &Listen, is_running: bool, report: &mut Report) {
    let result = match listen {
        Listen::Tcp(address) => TcpListener::bind(address).map(drop),
        Listen::Unix(path) => probe_socket(path),
    };
    match result {
        Ok(()) => report.ok("listen", format_args!("{listen} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_running => {
            report.warn(
                "listen",
                format_args!("{listen} is in use, as the journal is: a host is running"),
            );
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            report.fail(
                "listen",
                format_args!("{listen} is in use by another program; stop it or change `listen`"),
            );
        }
        Err(error) => report.fail(
            "listen",
            format_args!("can not listen on {listen}: {error}"),
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
