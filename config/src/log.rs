//! The `[log]` section. Sets no logger up.

use std::path::PathBuf;

use crate::{Base, reader::Section, value};

/// How the log is written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least level that is written.
    pub level: LogLevel,
    /// For people or for machines.
    pub format: LogFormat,
    /// Where it goes; `None`: stderr.
    pub file: Option<PathBuf>,
    /// Bytes of that file, at which the next one is begun.
    pub max_bytes: u64,
    /// How many full ones are kept beside it.
    pub keep: u64,
}

/// How much is logged, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Only what somebody has to act on.
    Error,
    /// And what the host recovered from.
    Warn,
    /// And each change in the life of a session, bridge or tab.
    Info,
    /// And each message, without its content.
    Debug,
    /// And each read and write, without its content.
    Trace,
}

impl LogLevel {
    const WORDS: [(&'static str, Self); 5] = [
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];

    /// The word that tracing's filters take.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    const WORDS: [(&'static str, Self); 2] = [("pretty", Self::Pretty), ("json", Self::Json)];
}

impl Log {
    pub(crate) fn read(mut section: Section<'_>, base: &Base<'_>) -> Self {
        let log = Self {
            level: section.value("level", value::choice(&LogLevel::WORDS)),
            format: section.value("format", value::choice(&LogFormat::WORDS)),
            file: section.optional("file", |value| base.path(value)),
            max_bytes: section.value("max_bytes", value::bytes(64 << 10..=1 << 40)),
            keep: section.value("keep", value::count(0..=100)),
        };
        section.finish();
        log
    }
}
