//! Whether Codex is there, new enough, and shakes hands. Starts it once and ends it again; runs no turn.

use std::path::PathBuf;

use codex::{
    Incoming, RequestId,
    handshake::{ServerInfo, initialize_line, initialized_line},
    lines::{Fill, LineReader},
    process::{Launch, Process},
    protocol::{self, Drift},
    version::{TESTED, Verdict, Version},
};
use config::Config;
use tokio::io::AsyncWriteExt as _;

use super::Report;
use crate::{serve::SCHEMA_TIMEOUT, settings};

pub(super) async fn check(config: &Config, report: &mut Report) {
    let found = match settings::locate_codex(config) {
        Err(error) => return report.fail("codex", error),
        Ok(found) => found,
    };
    report.ok("codex", found.program.display());
    let launch = settings::codex_launch(config, found.program, config.state_dir.clone());
    let mut process = match launch.spawn() {
        Err(error) => return report.fail("codex", error),
        Ok(process) => process,
    };
    let answer = tokio::time::timeout(
        config.codex.start_timeout,
        shake_hands(&mut process, config.limits.line_bytes),
    )
    .await;
    let said = process.stderr();
    process.stop(config.codex.stop_grace).await;
    let error = match answer {
        Ok(Ok(info)) => {
            judge(&info, report);
            return check_protocol(config, &launch, report).await;
        }
        Ok(Err(error)) => error,
        Err(_) => format!(
            "does not answer `initialize` within codex.start_timeout ({:?}); is it the right program?",
            config.codex.start_timeout
        ),
    };
    // Codex says why it does not start on stderr, and only there.
    match said.lines().last() {
        Some(line) => report.fail("codex", format_args!("{error}; it says: {line}")),
        None => report.fail("codex", error),
    }
}

/// What the installed Codex speaks, beside what the tested one does.
async fn check_protocol(config: &Config, launch: &Launch, report: &mut Report) {
    match protocol::names(launch, &config.state_dir, SCHEMA_TIMEOUT).await {
        Ok(names) => match names.drift() {
            drift if drift.is_none() => report.ok("protocol", format_args!("as in codex {TESTED}")),
            Drift { new, gone } => report.warn(
                "protocol",
                format_args!(
                    "differs from codex {TESTED}; new: {}; gone: {}; what is new passes through, for what is gone look for a newer holdfast",
                    words(&new),
                    words(&gone)
                ),
            ),
        },
        Err(why) => report.ok("protocol", format_args!("not known: {why}")),
    }
}

fn words(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.join(", ")
}

fn judge(info: &ServerInfo, report: &mut Report) {
    let home: &PathBuf = &info.codex_home;
    match Version::of_user_agent(&info.user_agent).map(Version::verdict) {
        Err(error) => report.warn(
            "codex",
            format_args!("shakes hands, but its version is not known: {error}; `codex --version` should say it"),
        ),
        Ok(verdict @ Verdict::TooOld(_)) => report.fail("codex", verdict),
        Ok(verdict @ Verdict::Newer(_)) => report.warn("codex", verdict),
        Ok(verdict @ Verdict::Supported(_)) => report.ok(
            "codex",
            format_args!("{verdict}, shakes hands, home {}", home.display()),
        ),
    }
}

/// The handshake: `initialize`, its answer, `initialized`.
async fn shake_hands(process: &mut Process, line_bytes: usize) -> Result<ServerInfo, String> {
    let mut stdin = process.stdin.take().ok_or("has no stdin")?;
    let stdout = process.stdout.take().ok_or("has no stdout")?;
    let id = RequestId::text("holdfast-check");
    let request = initialize_line(&id, env!("CARGO_PKG_VERSION"));
    // A process that ended at once is told by its closed stdout, with a better text.
    let _ended = stdin.write_all(&request).await;
    let mut lines = LineReader::with_max_line(stdout, line_bytes);
    loop {
        let fill = lines
            .fill()
            .await
            .map_err(|error| format!("can not be read: {error}"))?;
        while let Some(line) = lines.next_line() {
            let Ok(Ok(Incoming::Response(response))) = line.map(Incoming::parse) else {
                continue;
            };
            if response.id == id {
                let result = response
                    .result
                    .map_err(|_| "refuses `initialize`".to_owned())?;
                let info = ServerInfo::parse(result);
                let _ended = stdin.write_all(&initialized_line()).await;
                return info.map_err(|error| {
                    format!("answers `initialize` as no Codex does that we know: {error}")
                });
            }
        }
        if fill == Fill::Eof {
            return Err(
                "ended before it answered `initialize`; run `codex app-server` by hand to see why"
                    .to_owned(),
            );
        }
    }
}
