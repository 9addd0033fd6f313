//! How a process ended.

use std::{fmt, os::unix::process::ExitStatusExt, process::ExitStatus};

use super::launcher;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code; 0 is a clean end.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Exit {
    /// Whether it ended by itself with code 0.
    pub fn is_clean(self) -> bool {
        self == Self::Code(0)
    }

    /// The exit of the program, as its guard reports it.
    pub(super) fn of_guarded(status: ExitStatus) -> Self {
        match status.into() {
            Self::Code(code @ 129..=192) => Self::Signal(code - launcher::BY_SIGNAL),
            exit => exit,
        }
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match status.code() {
            Some(code) => Self::Code(code),
            None => Self::Signal(status.signal().unwrap_or_default()),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(signal) => match name(signal) {
                Some(name) => write!(f, "killed by signal {signal} ({name})"),
                None => write!(f, "killed by signal {signal}"),
            },
        }
    }
}

/// The names of the signals that have the same number on every platform.
fn name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_reads_as_a_sentence() {
        for (exit, sentence) in [
            (Exit::Code(0), "exited with code 0"),
            (Exit::Code(139), "exited with code 139"),
            (Exit::Signal(9), "killed by signal 9 (SIGKILL)"),
            (Exit::Signal(64), "killed by signal 64"),
        ] {
            assert_eq!(exit.to_string(), sentence);
        }
    }

    #[test]
    fn a_status_is_either_a_code_or_a_signal() {
        assert_eq!(Exit::from(ExitStatus::from_raw(3 << 8)), Exit::Code(3));
        assert_eq!(Exit::from(ExitStatus::from_raw(9)), Exit::Signal(9));
        assert_eq!(
            Exit::of_guarded(ExitStatus::from_raw(137 << 8)),
            Exit::Signal(9)
        );
        assert_eq!(
            Exit::of_guarded(ExitStatus::from_raw(3 << 8)),
            Exit::Code(3)
        );
        assert_eq!(Exit::of_guarded(ExitStatus::from_raw(9)), Exit::Signal(9));
    }
}
