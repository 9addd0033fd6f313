//! The guard between host and Codex: it sees to it that nothing that Codex started outlives Codex or the host.
//!
//! A process that leaves the group (`setsid`) and whose parent dies is lost to a plain parent: it belongs to process 1,
//! and nobody knows any more who started it. The guard is a *subreaper*, so such orphans come to it. It ends when its
//! program ends or when the host dies (the kernel tells it: parent-death signal), and takes all that is left with it.
//! Both are asked for with `prctl` inside the child, which a program of its own can do without `unsafe`.
//!
//! It speaks no protocol: stdio is inherited and goes past it; stdin and stdout it lets go of at once.

use std::{
    env,
    ffi::OsString,
    fs::File,
    io,
    os::unix::process::CommandExt,
    process::{Command, exit},
    time::Duration,
};

use rustix::process::{
    Pid, Signal, WaitOptions, getpid, getppid, kill_process, set_child_subreaper,
    set_parent_process_death_signal, wait,
};
use tokio::{
    signal::unix::{Signal as Signals, SignalKind, signal},
    time::{Instant, sleep_until, timeout},
};

use super::tree;

/// The variable that tells the guard who must be its parent.
pub(super) const HOST: &str = "HOLDFAST_LAUNCHER_HOST";
/// The variable that tells how long the program may take to end after SIGTERM, in milliseconds.
pub(super) const GRACE: &str = "HOLDFAST_LAUNCHER_GRACE";
/// The variable that tells the second step who must be its parent: the guard.
const GUARD: &str = "HOLDFAST_LAUNCHER_GUARD";

/// How the second step tells the host, on stderr and before it becomes the program, which process the program will be.
const SAYS: &str = "codex-launcher: the program is process ";

/// The grace when nothing is said.
const DEFAULT_GRACE: Duration = Duration::from_secs(5);
/// How long killed processes may take to be gone. One that hangs in the kernel must not keep the guard.
const SWEEP: Duration = Duration::from_secs(2);
/// How often it is looked whether they are gone, should the news of it get lost.
const SWEEP_STEP: Duration = Duration::from_millis(20);

/// Exit code when the program is missing, as a shell has it.
const NOT_FOUND: i32 = 127;
/// Exit code when the program cannot be executed, as a shell has it.
const NOT_EXECUTABLE: i32 = 126;
/// Exit code when the parent was gone before the program could start, or the guard could not do its work.
const NOT_GUARDED: i32 = 125;
/// What a signal's number is added to in an exit code, as a shell has it.
pub(super) const BY_SIGNAL: i32 = 128;

/// Runs the program in `args` (its path, then its arguments) under guard, and ends this process with its exit code, or
/// 128 and the number of the signal that killed it. It never returns.
///
/// SIGTERM, SIGINT and SIGHUP, and the death of the host, end the program with SIGTERM, and after the grace with SIGKILL.
pub fn exec(args: impl IntoIterator<Item = OsString>) -> ! {
    let args: Vec<_> = args.into_iter().collect();
    let code = match parent(GUARD) {
        Some(guard) => become_program(guard, &args),
        // A thread of its own, because the caller may be inside a runtime already. It lives as long as the process, as
        // the death signal of the program wants it.
        None => std::thread::spawn(guard).join().unwrap_or(NOT_GUARDED),
    };
    exit(code)
}

/// The second step: ties this process to the guard and becomes the program. Returns only when that failed.
fn become_program(guard: Pid, args: &[OsString]) -> i32 {
    let Some((program, args)) = args.split_first() else {
        eprintln!("codex-launcher: no program given; usage: codex-launcher -- PROGRAM [ARGS]");
        return NOT_FOUND;
    };
    if let Err(e) = tie_to(Some(guard), Signal::KILL) {
        eprintln!("codex-launcher: cannot tie the program to its guard: {e}");
        return NOT_GUARDED;
    }
    if env::var_os(HOST).is_some() {
        eprintln!("{SAYS}{}", std::process::id());
    }
    let error = Command::new(program)
        .args(args)
        .env_remove(HOST)
        .env_remove(GRACE)
        .env_remove(GUARD)
        .exec();
    eprintln!(
        "codex-launcher: cannot start {}: {error}",
        program.display()
    );
    if error.kind() == io::ErrorKind::NotFound {
        NOT_FOUND
    } else {
        NOT_EXECUTABLE
    }
}

/// The first step: guards the second.
fn guard() -> i32 {
    let guarded = || {
        tie_to(parent(HOST), Signal::TERM)?;
        set_child_subreaper(Some(getpid()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async { Guard::start()?.run().await })
    };
    guarded().unwrap_or_else(|e| {
        eprintln!("codex-launcher: cannot guard the program: {e}");
        NOT_GUARDED
    })
}

/// Asks for `signal` when `parent` dies, and makes sure that it has not died before.
fn tie_to(parent: Option<Pid>, signal: Signal) -> io::Result<()> {
    set_parent_process_death_signal(Some(signal))?;
    if parent.is_some() && getppid() != parent {
        return Err(io::Error::other("the parent process is gone"));
    }
    Ok(())
}

fn parent(variable: &str) -> Option<Pid> {
    env::var(variable)
        .ok()?
        .parse()
        .ok()
        .and_then(Pid::from_raw)
}

/// What a line of stderr says of the program's process id.
pub(super) fn said_pid(line: &str) -> Option<u32> {
    line.strip_prefix(SAYS)?.parse().ok()
}

struct Guard {
    program: Pid,
    grace: Duration,
    child: Signals,
    stops: [Signals; 3],
}

impl Guard {
    fn start() -> io::Result<Self> {
        // Before the program runs, or its end could be missed.
        let child = signal(SignalKind::child())?;
        let stops = [
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        ];
        // This very program with the same arguments, even if its file was replaced meanwhile.
        let second_step = Command::new("/proc/self/exe")
            .args(env::args_os().skip(1))
            .env(GUARD, getpid().as_raw_nonzero().to_string())
            .spawn()?;
        // A pipe to the host must end when the program closes its end, and not only when the guard is gone.
        let nowhere = File::options().read(true).write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdin(&nowhere)?;
        rustix::stdio::dup2_stdout(&nowhere)?;
        let grace = env::var(GRACE).ok().and_then(|millis| millis.parse().ok());
        Ok(Self {
            program: Pid::from_child(&second_step),
            grace: grace.map_or(DEFAULT_GRACE, Duration::from_millis),
            child,
            stops,
        })
    }

    async fn run(mut self) -> io::Result<i32> {
        let mut deadline = None;
        let code = loop {
            if let Some(code) = self.reap()? {
                break code;
            }
            let [terminate, interrupt, hangup] = &mut self.stops;
            let signal = tokio::select! {
                _ = self.child.recv() => continue,
                _ = terminate.recv() => Signal::TERM,
                _ = interrupt.recv() => Signal::TERM,
                _ = hangup.recv() => Signal::TERM,
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Signal::KILL,
            };
            deadline = match signal {
                Signal::KILL => None,
                _ => deadline.or(Some(Instant::now() + self.grace)),
            };
            let _gone_already = kill_process(self.program, signal);
        };
        self.sweep().await;
        Ok(code)
    }

    /// Takes in all children that have ended; gives the exit code when the program is among them.
    fn reap(&self) -> io::Result<Option<i32>> {
        let mut code = None;
        while let Some((pid, status)) = wait(WaitOptions::NOHANG)? {
            if pid == self.program {
                let signal = status.terminating_signal().map(|signal| BY_SIGNAL + signal);
                code = status.exit_status().or(signal);
            }
            if code.is_some() {
                break;
            }
        }
        Ok(code)
    }

    /// Kills what the program left behind, until no child is left. Mostly there is none, and nothing is searched.
    async fn sweep(&mut self) {
        let pid = getpid().as_raw_nonzero().get().unsigned_abs();
        let deadline = Instant::now() + SWEEP;
        while Instant::now() < deadline {
            loop {
                match wait(WaitOptions::NOHANG) {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_no_child) => return,
                }
            }
            tree::descendants(pid)
                .iter()
                .for_each(tree::Descendant::kill);
            let _news_or_time = timeout(SWEEP_STEP, self.child.recv()).await;
        }
    }
}
