//! How a process is started, and why it could not be.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, sync::watch};

use super::{Identity, Process, StderrTail, launcher, orphans, spawner};

/// The wished size of the stdout pipe, in bytes: a burst of a thousand deltas goes in without a pause. Not more, because
/// larger pipes were not measurably faster, and Linux gives all pipes of an ordinary user 64 MiB together, beyond which
/// every new pipe of that user is tiny. The kernel may refuse; then the pipe stays as it is.
const STDOUT_PIPE: usize = 256 * 1024;

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
    /// The whole environment but for `CODEX_HOME`; see [`environment`](super::environment).
    pub env: Vec<(OsString, OsString)>,
    /// How long it may take to end after SIGTERM, when the host dies and nobody else says so.
    pub grace: Duration,
    /// A command that ends in [`launcher::exec`] of what follows it, such as `holdfast codex-launcher --`, put in front
    /// so that nothing outlives the host. The host then becomes a subreaper, and takes children that it does not know
    /// for orphans of a killed launcher when they are in a process group of their own: start no others like that.
    pub launcher: Option<Vec<OsString>>,
}

/// Why a process did not start.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no such program.
    #[error("cannot start {}: no such file; install codex or correct codex.path", .program.display())]
    NotFound {
        /// What was to be started.
        program: PathBuf,
    },
    /// The file is there, but may not be executed.
    #[error("cannot start {}: not an executable file; check its permissions or correct codex.path", .program.display())]
    NotExecutable {
        /// What was to be started.
        program: PathBuf,
    },
    /// The working directory is missing or closed.
    #[error("cannot start codex in {}: not a folder that can be entered; it may have been moved or deleted", .dir.display())]
    CurrentDir {
        /// Where it was to run.
        dir: PathBuf,
    },
    /// The system is out of something, or refuses.
    #[error("cannot start {}: {source}", .program.display())]
    System {
        /// What was to be started.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Launch {
    /// Starts the process in a group of its own, with piped stdio, none of our descriptors, and nothing of our
    /// environment but `env`. Needs a tokio runtime; blocks for the milliseconds that a start takes.
    ///
    /// # Errors
    /// [`SpawnError`], by what a person can do about it.
    pub fn spawn(&self) -> Result<Process, SpawnError> {
        self.check()?;
        let mut command = self.command();
        // Whatever the host itself inherited without the close-on-exec flag ends here.
        close_fds::set_fds_cloexec_threadsafe(3, &[]);
        let guarded = self.launcher().is_some();
        let start = move || orphans::start(guarded, || command.spawn());
        let (mut child, registration) =
            spawner::on_lasting_thread(start).map_err(|source| self.spawn_error(source))?;
        let pid = child.id().expect("nobody waited for the child yet");
        let stdout = child.stdout.take();
        if let Some(stdout) = &stdout {
            let _best_effort = rustix::pipe::fcntl_setpipe_size(stdout, STDOUT_PIPE);
        }
        let stderr = child.stderr.take().expect("stderr is piped");
        let leader = Identity::of(pid);
        let (say_program, program) = watch::channel((!guarded).then_some(leader));
        Ok(Process {
            stdin: child.stdin.take(),
            stdout,
            child,
            registration: Some(registration),
            leader,
            program,
            guarded,
            stderr: StderrTail::read(stderr, guarded.then_some(say_program)),
            grace: self.grace,
            exit: None,
            ended: false,
        })
    }

    fn command(&self) -> Command {
        let mut command = match self.launcher() {
            Some((launcher, args)) => {
                let mut command = Command::new(launcher);
                command.args(args).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        command
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
        if self.launcher().is_some() {
            command.env(launcher::HOST, std::process::id().to_string());
            command.env(launcher::GRACE, self.grace.as_millis().to_string());
        }
        command
    }

    fn launcher(&self) -> Option<(&OsString, &[OsString])> {
        self.launcher.as_deref()?.split_first()
    }

    /// Finds out what `spawn` would not tell apart, or a launcher too late.
    fn check(&self) -> Result<(), SpawnError> {
        if !self.current_dir.is_dir() {
            return Err(SpawnError::CurrentDir {
                dir: self.current_dir.clone(),
            });
        }
        let program = &self.program;
        // A bare name is searched in PATH by the system.
        if program.components().count() > 1 {
            let file = self.current_dir.join(program);
            if !file.exists() {
                return Err(SpawnError::NotFound {
                    program: program.clone(),
                });
            }
            if !is_executable(&file) {
                return Err(SpawnError::NotExecutable {
                    program: program.clone(),
                });
            }
        }
        Ok(())
    }

    fn spawn_error(&self, source: io::Error) -> SpawnError {
        let launcher = self.launcher().map(|(launcher, _)| launcher.into());
        let program = launcher.unwrap_or_else(|| self.program.clone());
        match source.kind() {
            io::ErrorKind::NotFound => SpawnError::NotFound { program },
            io::ErrorKind::PermissionDenied => SpawnError::NotExecutable { program },
            _ => SpawnError::System { program, source },
        }
    }
}

/// Whether this is a file that somebody may execute.
pub(crate) fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
