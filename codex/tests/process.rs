//! Real processes: what they get, and that nothing of them is left.
//!
//! The children are small shell scripts; Codex itself is tested elsewhere, processes under guard in `launcher.rs`.

#![allow(
    clippy::unwrap_used,
    reason = "an unwrap is how a test says that this must be so"
)]

#[path = "process/children.rs"]
mod children;

use std::{os::fd::AsRawFd, path::Path};

use codex::process::{Exit, SpawnError, kill_leftover, start_time};
use rustix::io::{FdFlags, fcntl_setfd};

use children::{LONG, Output, SHORT, Watch, guarded, launch, shell};

#[tokio::test]
async fn stdio_is_piped_and_the_exit_code_comes_back() {
    let mut process = shell("read line; echo \"got $line\"; exit 7")
        .spawn()
        .unwrap();
    assert_eq!(start_time(process.pid()), process.start_time());
    let mut stdin = process.stdin.take().unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stdin, b"this\n")
        .await
        .unwrap();
    assert_eq!(Output::of(&mut process).all().await, ["got this"]);
    assert_eq!(guarded(process.wait()).await, Exit::Code(7));
    assert_eq!(guarded(process.wait()).await, Exit::Code(7));
    assert_eq!(guarded(process.stop(LONG)).await, Exit::Code(7));
}

#[tokio::test]
async fn waiting_can_be_given_up_and_taken_up_again() {
    let mut process = shell("read line; kill -SEGV $$").spawn().unwrap();
    tokio::select! {
        biased;
        exit = process.wait() => panic!("it waits for a line, but {exit}"),
        () = std::future::ready(()) => {}
    }
    drop(process.stdin.take());
    assert_eq!(guarded(process.wait()).await, Exit::Signal(11));
}

#[tokio::test]
async fn the_child_sees_the_given_environment_and_folder_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut launch = launch("/usr/bin/env", &[]);
    launch.env = vec![("A".into(), "1".into())];
    launch.home = Some("/var/lib/codex".into());
    launch.current_dir = folder.path().into();
    let mut process = launch.spawn().unwrap();
    let mut lines = Output::of(&mut process).all().await;
    lines.sort();
    assert_eq!(lines, ["A=1", "CODEX_HOME=/var/lib/codex"]);

    launch.program = "/bin/pwd".into();
    let mut process = launch.spawn().unwrap();
    let real = folder.path().canonicalize().unwrap();
    assert_eq!(
        Output::of(&mut process).all().await,
        [real.to_str().unwrap()]
    );
}

#[tokio::test]
async fn descriptors_of_the_host_stay_with_the_host() {
    let file = std::fs::File::open("/dev/null").unwrap();
    fcntl_setfd(&file, FdFlags::empty()).unwrap();
    let script = format!(
        "test -e /proc/$$/fd/{} && echo inherited || echo closed",
        file.as_raw_fd()
    );
    let mut process = shell(&script).spawn().unwrap();
    assert_eq!(Output::of(&mut process).all().await, ["closed"]);
}

#[tokio::test]
async fn stdout_holds_a_burst_without_a_reader() {
    let mut process = shell("head -c 250000 /dev/zero; echo done >&2")
        .spawn()
        .unwrap();
    let stderr = process.stderr();
    guarded(stderr.ended()).await;
    assert_eq!(stderr.lines(), ["done"]);
    assert_eq!(guarded(process.wait()).await, Exit::Code(0));
}

#[tokio::test]
async fn stopping_takes_children_of_the_group_along() {
    let mut process = shell("sleep 1000 & echo $!; exec sleep 1000")
        .spawn()
        .unwrap();
    let child = Watch::on(Output::of(&mut process).pid().await);
    assert!(child.lives());
    assert_eq!(guarded(process.stop(LONG)).await, Exit::Signal(15));
    child.gone().await;
}

#[tokio::test]
async fn stopping_finds_children_that_left_the_group() {
    let script = "setsid sh -c 'trap \"\" TERM; echo $$; sleep 1000 & echo $!; wait' & wait";
    let mut process = shell(script).spawn().unwrap();
    let mut output = Output::of(&mut process);
    let escaped = [Watch::on(output.pid().await), Watch::on(output.pid().await)];
    assert_eq!(guarded(process.stop(LONG)).await, Exit::Signal(15));
    for process in &escaped {
        process.gone().await;
    }
}

#[tokio::test]
async fn children_that_outlive_their_parent_go_with_the_group() {
    let mut process = shell("(trap '' TERM; sleep 1000 & echo $!); exit 0")
        .spawn()
        .unwrap();
    let orphan = Watch::on(Output::of(&mut process).pid().await);
    assert_eq!(guarded(process.wait()).await, Exit::Code(0));
    assert!(orphan.lives());
    process.stop(LONG).await;
    orphan.gone().await;
}

#[tokio::test]
async fn a_process_may_end_its_own_way_within_the_grace() {
    let mut process =
        shell("trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done")
            .spawn()
            .unwrap();
    let mut output = Output::of(&mut process);
    assert_eq!(output.next().await.unwrap(), "ready");
    assert_eq!(guarded(process.stop(LONG)).await, Exit::Code(3));
    assert_eq!(output.next().await.unwrap(), "bye");
}

#[tokio::test]
async fn a_process_that_ignores_the_request_is_killed_after_the_grace() {
    let mut process = shell("trap '' TERM; echo ready; while :; do sleep 1000; done")
        .spawn()
        .unwrap();
    assert_eq!(Output::of(&mut process).next().await.unwrap(), "ready");
    assert_eq!(guarded(process.stop(SHORT)).await, Exit::Signal(9));
}

#[tokio::test]
async fn closing_stdin_is_a_request_to_end() {
    let mut process = launch("/bin/cat", &[]).spawn().unwrap();
    drop(process.stdin.take());
    assert_eq!(guarded(process.wait()).await, Exit::Code(0));
}

#[tokio::test]
async fn dropping_a_process_kills_all_of_it() {
    let mut process = shell("sleep 1000 & echo $!; setsid sleep 1000 & echo $!; wait")
        .spawn()
        .unwrap();
    let leader = Watch::on(process.pid());
    let mut output = Output::of(&mut process);
    let children = [Watch::on(output.pid().await), Watch::on(output.pid().await)];
    drop(process);
    leader.gone().await;
    for child in &children {
        child.gone().await;
    }
}

#[tokio::test]
async fn what_an_earlier_host_left_is_killed_by_pid_and_start_time() {
    let mut process = shell("setsid sleep 1000 & echo $!; sleep 1000 & echo $!; exec sleep 1000")
        .spawn()
        .unwrap();
    let (pid, started) = (process.pid(), process.start_time().unwrap());
    let mut output = Output::of(&mut process);
    let children = [Watch::on(output.pid().await), Watch::on(output.pid().await)];
    assert!(!kill_leftover(pid, started + 1));
    assert!(children[0].lives() && children[1].lives());
    assert!(kill_leftover(pid, started));
    assert_eq!(guarded(process.wait()).await, Exit::Signal(9));
    for child in &children {
        child.gone().await;
    }
    assert!(!kill_leftover(pid, started));
}

#[tokio::test]
async fn the_end_of_stderr_is_kept_without_colours_and_within_bounds() {
    let esc = "\\033";
    let script = format!(
        "printf '{esc}[2mnow{esc}[0m {esc}[31mERROR{esc}[0m bad\\tthing\\r\\n' >&2; \
         printf '{esc}]0;title\\007plain \\377\\n' >&2; printf 'no end' >&2"
    );
    let mut process = shell(&script).spawn().unwrap();
    let stderr = process.stderr();
    guarded(stderr.ended()).await;
    assert_eq!(
        stderr.lines(),
        ["now ERROR bad\tthing", "plain \u{fffd}", "no end"]
    );
    guarded(process.wait()).await;

    let process = shell("i=0; while [ $i -lt 100 ]; do echo line $i >&2; i=$((i+1)); done")
        .spawn()
        .unwrap();
    let stderr = process.stderr();
    guarded(stderr.ended()).await;
    assert_eq!(
        stderr.lines(),
        (60..100).map(|n| format!("line {n}")).collect::<Vec<_>>()
    );

    let process = shell("head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2; echo last >&2")
        .spawn()
        .unwrap();
    let stderr = process.stderr();
    guarded(stderr.ended()).await;
    assert_eq!(stderr.lines(), ["x".repeat(4096), "last".into()]);

    let script = "i=0; while [ $i -lt 10 ]; do head -c 3000 /dev/zero | tr '\\0' $i >&2; echo >&2; i=$((i+1)); done";
    let process = shell(script).spawn().unwrap();
    let stderr = process.stderr();
    guarded(stderr.ended()).await;
    assert_eq!(
        stderr.lines(),
        (5..10)
            .map(|n| n.to_string().repeat(3000))
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_start_that_fails_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let plain_file = folder.path().join("codex");
    std::fs::write(&plain_file, "text").unwrap();
    let broken = folder.path().join("broken");
    std::fs::write(&broken, "no program, no script").unwrap();
    std::fs::set_permissions(&broken, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let spawn = |program: &Path, current_dir: &Path| {
        let mut launch = launch("", &[]);
        launch.program = program.into();
        launch.current_dir = current_dir.into();
        launch.spawn().unwrap_err()
    };
    let missing = folder.path().join("missing");
    let error = spawn(&missing, folder.path());
    assert!(
        matches!(&error, SpawnError::NotFound { program } if *program == missing),
        "{error}"
    );
    let error = spawn(Path::new("no-such-codex"), folder.path());
    assert!(matches!(error, SpawnError::NotFound { .. }), "{error}");
    let error = spawn(&plain_file, folder.path());
    assert!(matches!(error, SpawnError::NotExecutable { .. }), "{error}");
    assert!(
        error
            .to_string()
            .ends_with("not an executable file; check its permissions or correct codex.path")
    );
    let error = spawn(&broken, folder.path());
    assert!(matches!(error, SpawnError::System { .. }), "{error}");
    let error = spawn(Path::new("/bin/sh"), &missing);
    assert!(
        matches!(&error, SpawnError::CurrentDir { dir } if *dir == missing),
        "{error}"
    );
}
