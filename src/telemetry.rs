//! Where log lines go: stderr or a file, as text or JSON, through the redactor as their last step. Decides nothing about what is
//! logged; no code logs prompts, output, headers or tokens in the first place.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    cell::Cell,
    io::{self, Write as _},
    panic::{self, PanicHookInfo},
    sync::Arc,
};

use actors::redactor::LiveRedactor;
use config::{Log, LogFormat};
use parking_lot::Mutex;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::log_file::LogFile;

/// Takes redacted lines.
type Sink = Arc<dyn Fn(&str) + Send + Sync>;

/// Starts logging. The second call in a process does nothing.
///
/// # Errors
/// The log file can not be written.
pub fn start(log: &Log, redactor: Arc<LiveRedactor>) -> anyhow::Result<()> {
    let out: Sink = match &log.file {
        None => Arc::new(to_stderr),
        Some(path) => to_file(LogFile::open(path, log.max_bytes, log.keep)?),
    };
    // kameo and hyper say what only their authors need.
    let filter = EnvFilter::new(format!(
        "{},kameo=warn,hyper=warn,hyper_util=warn,tungstenite=warn",
        log.level.as_str()
    ));
    let lines = fmt::layer().with_writer(Redacting {
        redactor,
        out: move |line: &str| out(line),
    });
    let lines = match log.format {
        LogFormat::Json => lines.json().boxed(),
        LogFormat::Pretty => lines.with_ansi(false).compact().boxed(),
    };
    let all = tracing_subscriber::registry().with(lines.with_filter(filter));
    #[cfg(feature = "tokio-console")]
    let all = all.with(console_layer());
    if let Err(error) = all.try_init() {
        eprintln!("holdfast: logging has started before: {error}");
    }
    panic::set_hook(Box::new(report_panic));
    Ok(())
}

/// What `tokio-console` connects to, for this machine alone whatever the environment says. It shows the names and the times
/// of tasks, and nothing that they work on.
#[cfg(feature = "tokio-console")]
fn console_layer<S>() -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    console_subscriber::ConsoleLayer::builder()
        .server_addr((
            std::net::Ipv4Addr::LOCALHOST,
            console_subscriber::Server::DEFAULT_PORT,
        ))
        .spawn()
}

thread_local! {
    /// Set while a panic is being reported: a second one inside the log itself must not come here again.
    static REPORTING: Cell<bool> = const { Cell::new(false) };
}

/// Puts a panic into the log like everything else. Its message may quote what the code was working on (a slice that is out of
/// bounds shows the whole text), so it must not go past the redactor as it would by itself.
fn report_panic(info: &PanicHookInfo<'_>) {
    let place = info
        .location()
        .map_or_else(String::new, ToString::to_string);
    if REPORTING.replace(true) {
        eprintln!("holdfast: a second panic at {place}, while the first was being reported");
        return;
    }
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        tracing::error!(%place, "panic: {message}\n{backtrace}");
    } else {
        tracing::error!(%place, "panic: {message}");
    }
    REPORTING.set(false);
}

/// Writes a whole line; nobody is left to tell when stderr is gone.
fn to_stderr(line: &str) {
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Writes to the file. When it takes no line, stderr says so once, and gets the lines until it does again.
fn to_file(file: LogFile) -> Sink {
    let file = Mutex::new((file, false));
    Arc::new(move |line| {
        let (file, is_lost) = &mut *file.lock();
        match file.line(line) {
            Ok(()) => *is_lost = false,
            Err(error) => {
                if !std::mem::replace(is_lost, true) {
                    eprintln!(
                        "holdfast: the log file takes nothing ({error}); the log goes on here"
                    );
                }
                to_stderr(line);
            }
        }
    })
}

/// Makes a writer for each line.
struct Redacting<W> {
    redactor: Arc<LiveRedactor>,
    /// Takes a redacted line.
    out: W,
}

impl<'a, W: Fn(&str) + Clone + 'a> MakeWriter<'a> for Redacting<W> {
    type Writer = Line<W>;

    fn make_writer(&'a self) -> Line<W> {
        Line {
            text: Vec::new(),
            redactor: Arc::clone(&self.redactor),
            out: self.out.clone(),
        }
    }
}

/// One log line, written whole when it is dropped.
struct Line<W: Fn(&str)> {
    text: Vec<u8>,
    redactor: Arc<LiveRedactor>,
    out: W,
}

impl<W: Fn(&str)> io::Write for Line<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Fn(&str)> Drop for Line<W> {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        (self.out)(&self.redactor.current().redact(&text));
    }
}

#[cfg(test)]
mod tests {
    use codex::scenario::{SecretKind, secret};

    use super::*;

    #[test]
    fn a_panic_is_logged_once_and_without_the_secret_that_it_quotes() {
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        let redactor = redaction::Redactor::builder()
            .build()
            .expect("the built-in rules are sound");
        let lines = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(Redacting {
                redactor: LiveRedactor::new(redactor),
                out: move |line: &str| heard.lock().push_str(line),
            })
            .finish();
        let _listening = tracing::subscriber::set_default(lines);
        let key = secret(SecretKind::GithubPat, 5);
        let text = format!("an answer with {key} \u{e9}");
        let before = panic::take_hook();
        panic::set_hook(Box::new(report_panic));
        let inside_a_letter = text.len() - 1;
        let caught = panic::catch_unwind(|| text[..inside_a_letter].len());
        panic::set_hook(before);
        assert!(caught.is_err());
        let said = said.lock();
        assert!(said.contains("[REDACTED:github-pat#"), "{}", said.len());
        assert!(!said.contains(&key[8..24]), "the key stands in the log");
        assert_eq!(said.matches("panic: ").count(), 1);
    }
}
