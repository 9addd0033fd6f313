//! Processes as `/proc` shows them: start times, descendants, groups.
//!
//! Where there is no `/proc` it finds nothing, and groups are all that can be ended.

use std::collections::HashMap;

use rustix::process::{Pid, Signal, getpgrp, kill_process, kill_process_group};

/// How often descendants are looked for again: one that forks while it is being killed leaves a child behind, which the
/// next round finds. A program that outruns this many rounds is a fork bomb, and not ended by us.
pub(super) const ROUNDS: usize = 20;

/// A process that descends from ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Descendant {
    pub(super) pid: u32,
    pub(super) group: u32,
    pub(super) start_time: u64,
}

/// All living processes at one moment, by their parents.
pub(super) struct Tree(HashMap<u32, Vec<Descendant>>);

/// A line of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    dead: bool,
    parent: u32,
    group: u32,
    start_time: u64,
}

/// When the kernel started a process, in clock ticks since boot. `None` when there is no such process.
pub fn start_time(pid: u32) -> Option<u64> {
    stat(pid).map(|stat| stat.start_time)
}

/// Whether a process is this one or descends from it, through parents that live. `None` when it, or a parent on the way,
/// is gone.
pub fn descends_from_this(pid: u32) -> Option<bool> {
    let this = std::process::id();
    let mut at = pid;
    // The first process, and one whose parent is outside of what we see, have the parent 0.
    while at != 0 {
        if at == this {
            return Some(true);
        }
        at = stat(at)?.parent;
    }
    Some(false)
}

/// Kills what an earlier host left running: the process with this pid and start time, its group, and all that descends
/// from them. Gives whether there was one. A pid that belongs to another process by now is left alone.
pub fn kill_leftover(pid: u32, started: u64) -> bool {
    let Some(found) = stat(pid).filter(|stat| stat.start_time == started && !stat.dead) else {
        return false;
    };
    // Under a launcher the pid is the program's, and the launcher leads the group.
    if raw(found.group).is_some_and(|group| group != getpgrp()) {
        end(found.group, start_time(found.group));
    }
    end(pid, Some(started));
    Descendant {
        pid,
        group: found.group,
        start_time: started,
    }
    .kill();
    true
}

/// Kills all that descends from `pid`, then its group.
///
/// The leader goes last: as long as it lives its descendants can be found, and if it is a launcher it adopts those whose
/// parents die.
pub(super) fn end(pid: u32, started: Option<u64>) {
    if start_time(pid) == started {
        for _ in 0..ROUNDS {
            let descendants = descendants(pid);
            if descendants.is_empty() {
                break;
            }
            descendants.iter().for_each(Descendant::kill);
        }
    }
    signal_group(pid, started, Signal::KILL);
}

/// All living processes that descend from `pid` at this moment, through parents that live.
pub(super) fn descendants(pid: u32) -> Vec<Descendant> {
    Tree::now().below(pid)
}

impl Tree {
    pub(super) fn now() -> Self {
        let mut children = HashMap::<u32, Vec<Descendant>>::new();
        for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = process
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            let found = pid.and_then(|pid| Some((pid, stat(pid).filter(|stat| !stat.dead)?)));
            let Some((
                pid,
                Stat {
                    parent,
                    group,
                    start_time,
                    ..
                },
            )) = found
            else {
                continue;
            };
            children.entry(parent).or_default().push(Descendant {
                pid,
                group,
                start_time,
            });
        }
        Self(children)
    }

    pub(super) fn children(&self, pid: u32) -> &[Descendant] {
        self.0.get(&pid).map_or(&[], Vec::as_slice)
    }

    pub(super) fn below(&self, pid: u32) -> Vec<Descendant> {
        let mut found = self.children(pid).to_vec();
        let mut at = 0;
        while let Some(next) = found.get(at) {
            found.extend_from_slice(self.children(next.pid));
            at += 1;
        }
        found
    }
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

pub(super) fn raw(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&std::fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// The name in parentheses may hold anything, also parentheses, spaces and bytes that are no text; the fields are
/// counted behind it.
fn parse_stat(line: &[u8]) -> Option<Stat> {
    let name_end = memchr::memrchr(b')', line)?;
    let fields: Vec<_> = std::str::from_utf8(&line[name_end + 1..])
        .ok()?
        .split_ascii_whitespace()
        .collect();
    Some(Stat {
        dead: matches!(*fields.first()?, "Z" | "X" | "x"),
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        start_time: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_name_of_the_program() {
        let fields = "S 17 16 16 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 424242 9 10";
        let stat = Stat {
            dead: false,
            parent: 17,
            group: 16,
            start_time: 424_242,
        };
        for name in ["sh", "a b", ") S 1 1", "((", "\u{fffd}"] {
            assert_eq!(
                parse_stat(format!("16 ({name}) {fields}\n").as_bytes()).as_ref(),
                Some(&stat)
            );
        }
        assert_eq!(
            parse_stat(&[b"16 (\xff) ", fields.as_bytes()].concat()),
            Some(stat)
        );
        assert_eq!(parse_stat(b"16 (sh) S 17"), None);
        assert_eq!(parse_stat(b""), None);
    }

    #[test]
    fn a_process_is_known_by_its_start_time() {
        let pid = std::process::id();
        let started = start_time(pid).unwrap();
        assert_eq!(
            stat(pid).unwrap().parent,
            std::os::unix::process::parent_id()
        );
        assert!(!kill_leftover(pid, started + 1));
        assert_eq!(start_time(u32::MAX), None);
    }
}
