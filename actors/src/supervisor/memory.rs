//! Memory as the kernel counts it: what a process holds, and how often the kernel has killed for want of it.
//!
//! Only reads `/proc` and the cgroup; where they say nothing, nothing is known. It stops nobody.

use std::{fs, path::Path};

/// Resident memory of a process in bytes.
pub(crate) fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kib: u64 = counter(&status, "VmRSS:")?;
    Some(kib * 1024)
}

/// Processes that the kernel has killed since memory ran out: in our own cgroup where that is counted, else on the whole
/// machine.
pub(super) fn kills() -> Option<u64> {
    let own = || {
        let cgroups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let folder = Path::new("/sys/fs/cgroup").join(own_cgroup(&cgroups)?);
        counter(
            &fs::read_to_string(folder.join("memory.events")).ok()?,
            "oom_kill",
        )
    };
    own().or_else(|| counter(&fs::read_to_string("/proc/vmstat").ok()?, "oom_kill"))
}

/// The folder of our cgroup (version 2) under the mount.
fn own_cgroup(cgroups: &str) -> Option<&str> {
    let path = cgroups.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(path.trim_start_matches('/'))
}

/// The number behind `name` at the beginning of a line.
fn counter(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().map(str::split_whitespace);
    lines.find_map(|mut words| {
        (words.next()? == name)
            .then(|| words.next()?.parse().ok())
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_their_whole_names() {
        let events = "low 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n";
        assert_eq!(counter(events, "oom_kill"), Some(2));
        assert_eq!(counter("nr_free 7\noom_kill 41\n", "oom_kill"), Some(41));
        assert_eq!(
            counter("VmHWM:\t  9 kB\nVmRSS:\t  8 kB\n", "VmRSS:"),
            Some(8)
        );
        assert_eq!(counter("oom_kills 2\n", "oom_kill"), None);
    }

    #[test]
    fn the_cgroup_of_version_two_is_ours() {
        let both = "12:memory:/old\n0::/system.slice/holdfast.service\n";
        assert_eq!(own_cgroup(both), Some("system.slice/holdfast.service"));
        assert_eq!(own_cgroup("0::/\n"), Some(""));
        assert_eq!(own_cgroup("1:name=systemd:/\n"), None);
    }

    #[test]
    fn this_process_holds_memory() {
        assert!(resident(std::process::id()).is_some_and(|bytes| bytes > 1 << 20));
        assert_eq!(resident(u32::MAX), None);
    }
}
