//! Processes as `/proc` shows them: start times, descendants, groups.
//!
//! Where there is no `/proc` it finds nothing, and groups are all that can be ended.

use std::collections::HashMap;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// A process that descends from ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Descendant {
    pid: u32,
    start_time: u64,
}

/// A line of `/proc/PID/stat`.
struct Stat {
    parent: u32,
    start_time: u64,
}

/// When the kernel started a process, in clock ticks since boot. `None` when there is no such process.
pub fn start_time(pid: u32) -> Option<u64> {
    stat(pid).map(|stat| stat.start_time)
}

/// Kills what an earlier host left running: the process with this pid and start time, its group and its descendants.
/// Gives whether there was one. A pid that another process has by now is left alone.
pub fn kill_leftover(pid: u32, started: u64) -> bool {
    if start_time(pid) != Some(started) {
        return false;
    }
    let descendants = descendants(pid);
    signal_group(pid, Some(started), Signal::KILL);
    Descendant {
        pid,
        start_time: started,
    }
    .kill();
    descendants.iter().for_each(Descendant::kill);
    true
}

/// All processes that descend from `pid`, at this moment, through parents that live.
pub(super) fn descendants(pid: u32) -> Vec<Descendant> {
    let mut children = HashMap::<u32, Vec<Descendant>>::new();
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    for process in processes.flatten() {
        let Some(pid) = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let Some(stat) = stat(pid) else { continue };
        children.entry(stat.parent).or_default().push(Descendant {
            pid,
            start_time: stat.start_time,
        });
    }
    let mut found = children.remove(&pid).unwrap_or_default();
    let mut at = 0;
    while let Some(next) = found.get(at) {
        found.extend(children.remove(&next.pid).unwrap_or_default());
        at += 1;
    }
    found
}

impl Descendant {
    /// Kills it, unless its pid belongs to another process by now.
    pub(super) fn kill(&self) {
        if start_time(self.pid) == Some(self.start_time)
            && let Some(pid) = raw(self.pid)
        {
            let _gone_already = kill_process(pid, Signal::KILL);
        }
    }
}

/// Signals the group that `pid` leads or led. A group keeps its number from others as long as it has members; when the
/// number is a different process by now, the group is empty and nothing is sent.
pub(super) fn signal_group(pid: u32, started: Option<u64>, signal: Signal) {
    if start_time(pid).is_some_and(|now| Some(now) != started) {
        return;
    }
    if let Some(pid) = raw(pid) {
        let _empty_already = kill_process_group(pid, signal);
    }
}

fn raw(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name in parentheses may hold anything, also parentheses and spaces; the fields are counted behind it.
fn parse_stat(line: &str) -> Option<Stat> {
    let (_, fields) = line.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let start_time = fields.nth(17)?.parse().ok()?;
    Some(Stat { parent, start_time })
}
