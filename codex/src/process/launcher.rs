//! The step between host and Codex that ties their lives: it asks for the parent-death signal, then becomes Codex.
//!
//! It exists because that signal must be asked for inside the child, between fork and exec, which needs `unsafe`; a
//! small program in between needs none. It does not outlive its exec.

use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    process::{Command, exit},
};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// The variable that tells the launcher who must still be its parent; it does not reach Codex.
pub(super) const HOST_PID: &str = "HOLDFAST_HOST_PID";

/// Exit code when the program is missing, as a shell has it.
const NOT_FOUND: i32 = 127;
/// Exit code when the program cannot be executed, as a shell has it.
const NOT_EXECUTABLE: i32 = 126;
/// Exit code when the host was gone before the program could start.
const HOST_GONE: i32 = 125;

/// Becomes the program in `args` (its path, then its arguments), which is then killed when the host dies. It returns
/// only by ending the process, with 125, 126 or 127 and a line on stderr when the program did not start.
///
/// The kernel sends the signal when the *thread* that spawned this process ends, so the host must spawn on a thread that
/// lives as long as itself.
pub fn exec(args: impl IntoIterator<Item = OsString>) -> ! {
    let mut args = args.into_iter();
    let Some(program) = args.next() else {
        eprintln!("codex-launcher: no program given; usage: codex-launcher -- PROGRAM [ARGS]");
        exit(NOT_FOUND);
    };
    if let Err(e) = set_parent_process_death_signal(Some(Signal::KILL)) {
        eprintln!("codex-launcher: cannot ask for the parent-death signal: {e}");
        exit(NOT_EXECUTABLE);
    }
    // The host may have died before the signal was asked for; then nobody would ever send it.
    let host = std::env::var(HOST_PID)
        .ok()
        .and_then(|pid| pid.parse().ok())
        .and_then(Pid::from_raw);
    if host.is_some() && getppid() != host {
        exit(HOST_GONE);
    }
    let error = Command::new(&program)
        .args(args)
        .env_remove(HOST_PID)
        .exec();
    eprintln!(
        "codex-launcher: cannot start {}: {error}",
        program.display()
    );
    exit(if error.kind() == io::ErrorKind::NotFound {
        NOT_FOUND
    } else {
        NOT_EXECUTABLE
    });
}
