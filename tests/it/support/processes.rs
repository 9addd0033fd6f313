//! Processes as `/proc` shows them: who descends from a host, and who is left when it is gone.
//!
//! Not a way to find processes by name: everything is found through one test's own folder.

use std::fs;
use std::path::Path;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use super::{GUARD, LOOK_AGAIN};

/// Sends `signal` to `pid`, if it still is.
pub fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Whether `pid` is a process that has not ended; one that nobody has reaped yet has ended.
pub fn is_alive(pid: u32) -> bool {
    state(pid).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Living processes that carry `folder` in their environment or command line, as everything that one test started does.
pub fn belonging_to(folder: &Path) -> Vec<u32> {
    let needle = folder.as_os_str().as_encoded_bytes();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let carries = |file: &str| {
            let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
            bytes.windows(needle.len()).any(|window| window == needle)
        };
        if (carries("environ") || carries("cmdline")) && is_alive(pid) {
            found.push(pid);
        }
    }
    found
}

/// Looks until no process belongs to `folder`; returns those that stay, with their command lines.
pub fn survivors(folder: &Path) -> Vec<String> {
    let started = Instant::now();
    loop {
        let left = belonging_to(folder);
        if left.is_empty() || started.elapsed() > GUARD {
            return left
                .into_iter()
                .map(|pid| format!("{pid}: {}", command_line(pid)))
                .collect();
        }
        // Nothing tells when a process that is not our child ends.
        std::thread::park_timeout(LOOK_AGAIN);
    }
}

/// The command line of `pid`, for messages.
fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// The one-letter state of `pid`.
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, also blanks and parentheses.
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}
