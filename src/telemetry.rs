//! Where log lines go: stderr, as text or JSON, through the redactor as their last step. Decides nothing about what is
//! logged; no code logs prompts, output, headers or tokens in the first place.

use std::{
    io::{self, Write as _},
    sync::Arc,
};

use config::{Log, LogFormat};
use redaction::Redactor;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// Starts logging. The second call in a process does nothing.
pub fn start(log: &Log, redactor: Arc<Redactor>) {
    // kameo and hyper say what only their authors need.
    let filter = EnvFilter::new(format!(
        "{},kameo=warn,hyper=warn,hyper_util=warn,tungstenite=warn",
        log.level.as_str()
    ));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Redacting(redactor));
    let started = match log.format {
        LogFormat::Json => lines.json().try_init(),
        LogFormat::Pretty => lines.with_ansi(false).compact().try_init(),
    };
    if let Err(error) = started {
        eprintln!("holdfast: logging has started before: {error}");
    }
}

/// Makes a writer for each line.
struct Redacting(Arc<Redactor>);

impl<'a> MakeWriter<'a> for Redacting {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line {
            text: Vec::new(),
            redactor: Arc::clone(&self.0),
        }
    }
}

/// One log line, written whole when it is dropped.
struct Line {
    text: Vec<u8>,
    redactor: Arc<Redactor>,
}

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        // Nobody is left to tell when stderr is gone.
        let _ = io::stderr().write_all(self.redactor.redact(&text).as_bytes());
    }
}
