//! The Codex process: started in a clean room, ended with everything that it started.
//!
//! It does not restart anything and does not speak the protocol. The owner decides what an [`Exit`] means.

mod exit;
pub mod launcher;
mod stderr;
mod tree;

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::process::{Child, ChildStdin, ChildStdout, Command};

pub use exit::Exit;
pub use stderr::StderrTail;
pub use tree::{kill_leftover, start_time};

/// The wished size of the stdout pipe, in bytes: Codex writes bursts of 200 MB/s, and a full pipe costs it wake-ups.
/// The kernel may refuse; then the pipe stays as it is.
const STDOUT_PIPE: usize = 1024 * 1024;

/// How to start a process.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program; the native binary, not a wrapper that would be killed in its place.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// `CODEX_HOME`; `None` leaves it to Codex. Not under `/tmp`, where Codex refuses to put its tools.
    pub home: Option<PathBuf>,
    /// Where it runs.
    pub current_dir: PathBuf,
    /// The whole environment but for `CODEX_HOME`; see [`environment`]. Codex hands it on to every command.
    pub env: Vec<(OsString, OsString)>,
    /// How long it may take to end after SIGTERM when nobody says otherwise.
    pub grace: Duration,
    /// A command that ends in exec of what follows it, such as `holdfast codex-launcher --`, put in front so that the
    /// process dies with the host; see [`launcher`].
    pub launcher: Option<Vec<OsString>>,
}

/// Why a process did not start.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no such program.
    #[error("cannot start {program}: no such file; install codex or set codex.path")]
    NotFound {
        /// What was to be started.
        program: PathBuf,
    },
    /// The file is there, but may not be executed.
    #[error(
        "cannot start {program}: not an executable file; check its permissions or set codex.path"
    )]
    NotExecutable {
        /// What was to be started.
        program: PathBuf,
    },
    /// The working directory is missing or closed.
    #[error(
        "cannot start codex in {dir}: not a directory that can be entered; the session's folder may be gone"
    )]
    CurrentDir {
        /// Where it was to run.
        dir: PathBuf,
    },
    /// The system is out of something, or refuses.
    #[error("cannot start {program}: {source}")]
    System {
        /// What was to be started.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A running process and its group. Dropping it kills the group.
#[derive(Debug)]
pub struct Process {
    /// Its stdin; take it to write. Closing it asks Codex to end.
    pub stdin: Option<ChildStdin>,
    /// Its stdout; take it to read.
    pub stdout: Option<ChildStdout>,
    child: Child,
    pid: u32,
    start_time: Option<u64>,
    stderr: StderrTail,
    grace: Duration,
    exit: Option<Exit>,
    swept: bool,
}

impl Launch {
    /// Starts the process in a group of its own, with piped stdio and nothing of our environment but `env`.
    ///
    /// With a [`launcher`] the death signal follows the *thread* that spawned: call it from a thread that lives as long
    /// as the host (a tokio worker does, a `spawn_blocking` thread does not).
    ///
    /// # Errors
    /// [`SpawnError`], by what a person can do about it.
    pub fn spawn(&self) -> Result<Process, SpawnError> {
        self.check()?;
        let mut child = self
            .command()
            .spawn()
            .map_err(|source| self.spawn_error(source))?;
        let pid = child.id().expect("the child was not waited for yet");
        let stdout = child.stdout.take();
        if let Some(stdout) = &stdout {
            let _best_effort = rustix::pipe::fcntl_setpipe_size(stdout, STDOUT_PIPE);
        }
        let stderr = child.stderr.take().expect("stderr is piped");
        Ok(Process {
            stdin: child.stdin.take(),
            stdout,
            child,
            pid,
            start_time: start_time(pid),
            stderr: StderrTail::read(stderr),
            grace: self.grace,
            exit: None,
            swept: false,
        })
    }

    fn command(&self) -> Command {
        let mut words = self
            .launcher
            .iter()
            .flatten()
            .map(OsString::as_os_str)
            .collect::<Vec<_>>();
        words.push(self.program.as_os_str());
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .args(&self.args)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.current_dir)
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(home) = &self.home {
            command.env("CODEX_HOME", home);
        }
        if self.launcher.is_some() {
            command.env(launcher::HOST_PID, std::process::id().to_string());
        }
        command
    }

    /// What `spawn` would not tell apart, or a launcher would find out too late.
    fn check(&self) -> Result<(), SpawnError> {
        if !self.current_dir.is_dir() {
            return Err(SpawnError::CurrentDir {
                dir: self.current_dir.clone(),
            });
        }
        let program = || self.program.clone();
        if self.program.components().count() > 1 {
            let program_file = self.current_dir.join(&self.program);
            if !program_file.exists() {
                return Err(SpawnError::NotFound { program: program() });
            }
            if !is_executable(&program_file) {
                return Err(SpawnError::NotExecutable { program: program() });
            }
        }
        Ok(())
    }

    fn spawn_error(&self, source: io::Error) -> SpawnError {
        let program = self.program.clone();
        match source.kind() {
            io::ErrorKind::NotFound => SpawnError::NotFound { program },
            io::ErrorKind::PermissionDenied => SpawnError::NotExecutable { program },
            _ => SpawnError::System { program, source },
        }
    }
}

impl Process {
    /// The process id, also of its group. With a launcher the same, as that becomes the program.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// When the kernel started it, in clock ticks since boot. With the pid it names the process for ever (until the
    /// next boot); see [`kill_leftover`]. `None` where there is no `/proc`.
    pub fn start_time(&self) -> Option<u64> {
        self.start_time
    }

    /// The end of its stderr; the handle stays good after the process.
    pub fn stderr(&self) -> StderrTail {
        self.stderr.clone()
    }

    /// How long it may take to end, as the launch said.
    pub fn grace(&self) -> Duration {
        self.grace
    }

    /// Waits for the process itself, not for what it started. Cancel-safe; later calls answer at once.
    pub async fn wait(&mut self) -> Exit {
        if let Some(exit) = self.exit {
            return exit;
        }
        let exit = match self.child.wait().await {
            Ok(status) => status.into(),
            // Somebody else reaped it; how it ended is not to be known any more.
            Err(_) => Exit::Code(-1),
        };
        self.exit = Some(exit);
        exit
    }

    /// Ends the process and everything that it started: closes stdin (the owner must have dropped it, if it was taken),
    /// SIGTERM to the group, SIGKILL after `grace`, SIGKILL in any case for what is left of the group and for
    /// descendants that had left it.
    pub async fn stop(&mut self, grace: Duration) -> Exit {
        self.stdin = None;
        let mut escaped = tree::descendants(self.pid);
        tree::signal_group(self.pid, self.start_time, rustix::process::Signal::TERM);
        let exit = tokio::time::timeout(grace, self.wait()).await;
        escaped.extend(tree::descendants(self.pid));
        tree::signal_group(self.pid, self.start_time, rustix::process::Signal::KILL);
        escaped.iter().for_each(tree::Descendant::kill);
        self.swept = true;
        match exit {
            Ok(exit) => exit,
            Err(_) => self.wait().await,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.swept {
            return;
        }
        let escaped = tree::descendants(self.pid);
        tree::signal_group(self.pid, self.start_time, rustix::process::Signal::KILL);
        escaped.iter().for_each(tree::Descendant::kill);
    }
}

/// The part of our own environment that Codex gets: what a shell needs, and what `allow` names. No proxies, no keys.
pub fn environment(allow: &[String]) -> Vec<(OsString, OsString)> {
    std::env::vars_os()
        .filter(|(name, _)| name.to_str().is_some_and(|name| is_allowed(name, allow)))
        .collect()
}

fn is_allowed(name: &str, allow: &[String]) -> bool {
    const NAMES: [&str; 7] = ["PATH", "HOME", "USER", "LANG", "TERM", "TZ", "TMPDIR"];
    const PREFIXES: [&str; 2] = ["LC_", "SSL_CERT_"];
    NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || allow.iter().any(|allowed| allowed == name)
}

/// Whether this is a file that somebody may execute.
pub(crate) fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
