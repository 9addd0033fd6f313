//! The guard: nothing outlives its program or its host, whoever of them is killed.
//!
//! A target of its own, because a host that has the guard has no children without one.

#![allow(
    clippy::unwrap_used,
    reason = "an unwrap is how a test says that this must be so"
)]

#[path = "process/children.rs"]
mod children;

use std::{path::Path, process::Stdio};

use codex::process::{Exit, Launch, kill_leftover, start_time};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt;

use children::{LONG, Output, SHORT, Watch, guarded, launch, shell, until};

const LAUNCHER: &str = env!("CARGO_BIN_EXE_codex-launcher");

/// A script that says the pids of itself, of a child, and of an escaped orphan, and stays.
const FAMILY: &str = "echo $$; sleep 1000 & echo $!; (setsid sh -c 'trap \"\" TERM; echo $$; sleep 1000; :' &); sleep 1000";

fn raw(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed()).unwrap()
}

fn under_guard(launch: Launch) -> Launch {
    Launch {
        launcher: Some(vec![LAUNCHER.into()]),
        ..launch
    }
}

async fn family(output: &mut Output) -> [(u32, Watch); 3] {
    let mut next = async || {
        let pid = output.pid().await;
        (pid, Watch::on(pid))
    };
    [next().await, next().await, next().await]
}

async fn all_gone(family: &[(u32, Watch)]) {
    for (_, process) in family {
        process.gone().await;
    }
}

#[tokio::test]
async fn the_guard_is_not_to_be_seen() {
    let script = "echo $$; env";
    let mut launch = under_guard(shell(script));
    launch.env.push(("A".into(), "1".into()));
    let mut process = launch.spawn().unwrap();
    let mut output = Output::of(&mut process);
    let pid = output.pid().await;
    let rest = output.all().await;
    let names: Vec<_> = rest
        .iter()
        .map(|line| line.split('=').next().unwrap())
        .collect();
    assert_eq!(
        names
            .iter()
            .filter(|name| name.starts_with("HOLDFAST"))
            .count(),
        0,
        "{names:?}"
    );
    assert!(names.contains(&"A"));
    assert_eq!(guarded(process.wait()).await, Exit::Code(0));
    assert!(start_time(pid).is_none());
}

#[tokio::test]
async fn the_pid_is_that_of_the_program() {
    let mut process = under_guard(shell("echo $$; read line")).spawn().unwrap();
    assert_ne!(start_time(process.pid()), None);
    let started = guarded(process.started()).await;
    let pid = Output::of(&mut process).pid().await;
    assert_eq!(
        (process.pid(), process.start_time()),
        (pid, start_time(pid))
    );
    assert_eq!(started, pid);
}

#[tokio::test]
async fn the_exit_of_the_program_comes_through() {
    for (script, exit) in [
        ("exit 0", Exit::Code(0)),
        ("exit 7", Exit::Code(7)),
        ("kill -KILL $$", Exit::Signal(9)),
        ("kill -SEGV $$", Exit::Signal(11)),
    ] {
        let mut process = under_guard(shell(script)).spawn().unwrap();
        assert_eq!(guarded(process.wait()).await, exit, "{script}");
    }
    let mut process = under_guard(launch("no-such-codex", &[])).spawn().unwrap();
    assert_eq!(guarded(process.wait()).await, Exit::Code(127));
    let stderr = process.stderr();
    guarded(stderr.ended()).await;
    assert_eq!(
        stderr.lines(),
        ["codex-launcher: cannot start no-such-codex: No such file or directory (os error 2)"]
    );
}

#[tokio::test]
async fn a_program_that_closes_its_stdout_is_seen_to_do_so_while_it_lives() {
    let script = "echo $$; exec >&-; read line";
    let mut process = under_guard(shell(script)).spawn().unwrap();
    let mut output = Output::of(&mut process);
    let pid = output.pid().await;
    assert_eq!(output.all().await, Vec::<String>::new());
    assert_ne!(start_time(pid), None, "it lives");
    // And stdin is the program's alone: it ends when the host lets go of it.
    drop(process.stdin.take());
    assert_eq!(guarded(process.wait()).await, Exit::Code(1));
}

#[tokio::test]
async fn orphans_that_left_the_group_go_when_the_program_is_killed() {
    let mut process = under_guard(shell(FAMILY)).spawn().unwrap();
    let family = family(&mut Output::of(&mut process)).await;
    kill_process(raw(family[0].0), Signal::KILL).unwrap();
    assert_eq!(guarded(process.wait()).await, Exit::Signal(9));
    all_gone(&family).await;
}

#[tokio::test]
async fn orphans_that_left_the_group_go_when_the_program_ends_by_itself() {
    let script = "(setsid sh -c 'trap \"\" TERM; echo $$; sleep 1000' &); read line";
    let mut process = under_guard(shell(script)).spawn().unwrap();
    let orphan = Watch::on(Output::of(&mut process).pid().await);
    drop(process.stdin.take());
    guarded(process.wait()).await;
    orphan.gone().await;
}

#[tokio::test]
async fn stopping_and_dropping_take_all_along() {
    let mut process = under_guard(shell(FAMILY)).spawn().unwrap();
    let members = family(&mut Output::of(&mut process)).await;
    assert_eq!(guarded(process.stop(LONG)).await, Exit::Signal(15));
    all_gone(&members).await;

    let mut process = under_guard(shell(&format!("trap '' TERM; {FAMILY}")))
        .spawn()
        .unwrap();
    let members = family(&mut Output::of(&mut process)).await;
    assert_eq!(guarded(process.stop(SHORT)).await, Exit::Signal(9));
    all_gone(&members).await;

    let mut process = under_guard(shell(FAMILY)).spawn().unwrap();
    let members = family(&mut Output::of(&mut process)).await;
    drop(process);
    all_gone(&members).await;
}

#[tokio::test]
async fn a_leftover_is_killed_by_the_pid_of_its_program() {
    let mut process = under_guard(shell(FAMILY)).spawn().unwrap();
    let family = family(&mut Output::of(&mut process)).await;
    let (pid, started) = (
        guarded(process.started()).await,
        process.start_time().unwrap(),
    );
    assert_eq!(pid, family[0].0);
    assert!(kill_leftover(pid, started));
    all_gone(&family).await;
    guarded(process.wait()).await;
}

#[tokio::test]
async fn all_go_when_the_guard_is_killed_and_none_of_another() {
    let mut other = under_guard(shell(FAMILY)).spawn().unwrap();
    let others = family(&mut Output::of(&mut other)).await;
    let script = format!("echo $PPID; {FAMILY}");
    let mut process = under_guard(shell(&script)).spawn().unwrap();
    let mut output = Output::of(&mut process);
    let guard = output.pid().await;
    let family = family(&mut output).await;
    kill_process(raw(guard), Signal::KILL).unwrap();
    assert_eq!(guarded(process.wait()).await, Exit::Signal(9));
    assert_eq!(guarded(process.stop(LONG)).await, Exit::Signal(9));
    all_gone(&family).await;
    assert!(others.iter().all(|(_, other)| other.lives()));
}

/// A host that starts a family under guard, with this grace in milliseconds.
fn host(grace: u32, family: &str) -> (tokio::process::Child, Output) {
    let script = format!(
        "HOLDFAST_LAUNCHER_HOST=$$ HOLDFAST_LAUNCHER_GRACE={grace} {LAUNCHER} /bin/sh -c \"$FAMILY\" & wait"
    );
    let mut host = tokio::process::Command::new("/bin/sh");
    let mut host = host
        .args(["-c", &script])
        .env("FAMILY", family)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = Output(codex::lines::LineReader::new(host.stdout.take().unwrap()));
    (host, output)
}

#[tokio::test]
async fn all_go_when_the_host_is_killed() {
    let (mut host, mut output) = host(60_000, FAMILY);
    let family = family(&mut output).await;
    guarded(host.kill()).await.unwrap();
    all_gone(&family).await;
}

#[tokio::test]
async fn a_program_that_ignores_the_request_is_killed_when_the_host_was() {
    let (mut host, mut output) = host(100, &format!("trap '' TERM; {FAMILY}"));
    let family = family(&mut output).await;
    guarded(host.kill()).await.unwrap();
    all_gone(&family).await;
}

#[tokio::test]
async fn nothing_starts_when_the_host_is_gone_already() {
    let mut launcher = tokio::process::Command::new(LAUNCHER);
    launcher
        .args(["/bin/echo", "started"])
        .env("HOLDFAST_LAUNCHER_HOST", "1");
    let output = guarded(launcher.output()).await.unwrap();
    assert_eq!(
        (
            output.status.code(),
            &*String::from_utf8_lossy(&output.stdout),
            &*String::from_utf8_lossy(&output.stderr)
        ),
        (
            Some(125),
            "",
            "codex-launcher: cannot guard the program: the parent process is gone\n"
        )
    );
}

#[tokio::test]
async fn a_process_outlives_the_thread_that_asked_for_it() {
    let runtime = tokio::runtime::Handle::current();
    let (give, mut taken) = tokio::sync::mpsc::channel(1);
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let _inside = runtime.enter();
        let process = under_guard(shell("while read line; do echo \"$line\"; done"))
            .spawn()
            .unwrap();
        let thread = Path::new("/proc").join(std::fs::read_link("/proc/thread-self").unwrap());
        give.blocking_send((process, thread)).unwrap();
        ended.recv().unwrap_err();
    });
    let (mut process, thread_dir) = guarded(taken.recv()).await.unwrap();
    let mut output = Output::of(&mut process);
    let mut stdin = process.stdin.take().unwrap();
    let mut echo = async |line: &str| {
        stdin
            .write_all(format!("{line}\n").as_bytes())
            .await
            .unwrap();
        assert_eq!(output.next().await.as_deref(), Some(line));
    };
    // Guard and program have asked for their death signals by now; only then can the thread's end be felt.
    echo("ready").await;
    drop(end);
    thread.join().unwrap();
    until(|| !thread_dir.exists()).await;
    // Long enough for a signal to come through, was there one.
    for n in 0..200 {
        echo(&n.to_string()).await;
    }
    drop(stdin);
    assert_eq!(guarded(process.wait()).await, Exit::Code(0));
}
