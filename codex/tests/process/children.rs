//! Small processes to start, and ways to see what becomes of them.

use std::{ffi::OsString, time::Duration};

use codex::{
    lines::{Fill, LineReader},
    process::{Launch, Process, start_time},
};
use tokio::process::ChildStdout;

/// How long anything may take before it counts as not happening.
pub const GUARD: Duration = Duration::from_secs(5);
/// A grace that is not meant to be used up.
pub const LONG: Duration = Duration::from_secs(60);
/// A grace that is meant to be used up.
pub const SHORT: Duration = Duration::from_millis(100);

pub fn launch(program: &str, args: &[&str]) -> Launch {
    Launch {
        program: program.into(),
        args: args.iter().map(OsString::from).collect(),
        home: None,
        current_dir: "/".into(),
        env: vec![("PATH".into(), std::env::var_os("PATH").unwrap())],
        grace: LONG,
        launcher: None,
    }
}

pub fn shell(script: &str) -> Launch {
    launch("/bin/sh", &["-c", script])
}

/// The lines that a process writes, one after the other.
pub struct Output(pub LineReader<ChildStdout>);

impl Output {
    pub fn of(process: &mut Process) -> Self {
        Self(LineReader::new(process.stdout.take().unwrap()))
    }

    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.0.next_line() {
                return Some(String::from_utf8(line.unwrap().to_vec()).unwrap());
            }
            if guarded(self.0.fill()).await.unwrap() == Fill::Eof {
                let rest = self.0.next_line()?;
                return Some(String::from_utf8(rest.unwrap().to_vec()).unwrap());
            }
        }
    }

    pub async fn pid(&mut self) -> u32 {
        self.next().await.unwrap().parse().unwrap()
    }

    pub async fn all(mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.next().await {
            lines.push(line);
        }
        lines
    }
}

pub async fn guarded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(GUARD, future)
        .await
        .expect("it happens within the guard")
}

/// Waits for something in `/proc`, which tells nobody when it changes.
pub async fn until(mut condition: impl FnMut() -> bool) {
    let poll = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    guarded(poll).await;
}

/// A process that is not our child, so that nobody tells us when it ends.
pub struct Watch {
    pid: u32,
    started: Option<u64>,
}

impl Watch {
    pub fn on(pid: u32) -> Self {
        Self {
            pid,
            started: start_time(pid),
        }
    }

    pub fn lives(&self) -> bool {
        // One that nobody reaps (process 1 of a container may not) is dead all the same.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        self.started.is_some() && start_time(self.pid) == self.started && !stat.contains(") Z ")
    }

    pub async fn gone(&self) {
        until(|| !self.lives()).await;
    }
}
