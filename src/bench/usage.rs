//! What a process has used, as `/proc` tells it.

use std::{fs, time::Duration};

/// CPU time and memory of one process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// In user and kernel mode, of all its threads.
    pub cpu: Duration,
    /// Resident bytes.
    pub resident: u64,
    /// Calls of `write` and its like.
    pub writes: u64,
}

impl Usage {
    /// Of `pid` now; zero for one that is gone.
    pub(crate) fn of(pid: u32) -> Self {
        Self {
            cpu: cpu(pid).unwrap_or_default(),
            resident: resident(pid).unwrap_or_default(),
            writes: writes(pid).unwrap_or_default(),
        }
    }
}

fn cpu(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold blanks.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

fn writes(pid: u32) -> Option<u64> {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    let line = io.lines().find_map(|line| line.strip_prefix("syscw:"))?;
    line.trim().parse().ok()
}
