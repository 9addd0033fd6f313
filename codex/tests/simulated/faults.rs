//! The steps and options that hurt the process.

use std::{os::unix::process::ExitStatusExt, time::Instant};

use rustix::process::{Pid, Signal, test_kill_process};
use serde_json::json;

use crate::{
    TEXT, home,
    peer::{Peer, completed_items, deltas},
    start,
};

#[test]
fn a_crash_comes_after_the_asked_deltas_and_by_the_asked_signal() {
    for (prompt, code, signal) in [
        ("sim: crash after=20", None, Some(9)),
        ("sim: crash signal=6", None, Some(6)),
        ("sim: exit code=3 after=20", Some(3), None),
    ] {
        let home = home();
        let mut peer = start(home.path());
        let thread = peer.start_thread();
        peer.start_turn(&thread, prompt);
        assert_eq!(peer.try_until(|_| false), None);
        let sent = peer
            .messages
            .iter()
            .filter(|message| message["method"] == TEXT)
            .count();
        let status = peer.wait();
        let asked = if prompt.contains("after") { 20 } else { 0 };
        assert_eq!(
            (sent, status.code(), status.signal()),
            (asked, code, signal),
            "{prompt}"
        );
    }
}

#[test]
fn a_frozen_process_goes_on_when_it_is_woken() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.start_turn(&thread, "sim: freeze; say awake");
    let pid = Pid::from_child(&peer.child);
    let stopped = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::UNTRACED)
        .unwrap()
        .unwrap()
        .1;
    assert!(stopped.stopped());
    peer.signal(Signal::CONT);
    peer.until_method("turn/completed");
    assert_eq!(deltas(&peer.messages, TEXT), "awake");
}

#[test]
fn a_stalled_stdin_is_read_again_after_its_time() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.start_turn(&thread, "sim: say before; stall-stdin for=300ms; say after");
    peer.until(|message| message["method"] == "thread/tokenUsage/updated");
    let id = peer.post("model/list", json!({}));
    peer.until(|message| message["id"] == id);
}

#[test]
fn garbage_and_stderr_stand_between_the_messages() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.run_turn(&thread, "sim: garbage; stderr \"a line\" count=2; say done");
    let broken = "\u{fffd}\u{fffd} broken UTF-8 \u{fffd}(";
    let cut = "{\"method\":\"item/agentMessage/delta\",\"params\":{\"threadId\":\"";
    assert_eq!(
        peer.garbage,
        [
            "warning: this line is prose and not a message",
            cut,
            broken,
            ""
        ]
    );
    assert_eq!(
        [peer.stderr_line(), peer.stderr_line()],
        ["a line", "a line"]
    );
}

#[test]
fn a_closed_stdout_does_not_end_the_process() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.start_turn(&thread, "sim: close-stdout; say unheard; stderr end");
    assert_eq!(peer.try_until(|_| false), None);
    assert_eq!(peer.stderr_line(), "end");
    assert_eq!(peer.child.try_wait().unwrap(), None);
    assert_eq!(peer.end().code(), Some(0));
    let turns = start(home.path()).request("thread/turns/list", json!({"threadId": thread}));
    assert_eq!(turns["data"][0]["items"][1]["text"], "unheard");
}

#[test]
fn a_trap_kills_so_many_resumes() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.run_turn(&thread, "sim: trap resume times=2");
    peer.end();
    for _ in 0..2 {
        let mut peer = start(home.path());
        let id = peer.post("thread/resume", json!({"threadId": thread}));
        assert_eq!(peer.try_until(|message| message["id"] == id), None);
        assert_eq!(peer.wait().signal(), Some(9));
    }
    start(home.path()).request("thread/resume", json!({"threadId": thread}));
}

#[test]
fn a_spawned_sleep_outlives_its_command_and_the_process() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    let turn = peer.run_turn(&thread, "sim: spawn sleep=60; spawn sleep=60 setsid=yes");
    let pids: Vec<i32> = completed_items(&turn)[1..]
        .iter()
        .map(|item| {
            item["aggregatedOutput"]
                .as_str()
                .unwrap()
                .trim()
                .parse()
                .unwrap()
        })
        .collect();
    peer.kill();
    for pid in pids {
        let pid = Pid::from_raw(pid).unwrap();
        test_kill_process(pid).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
    }
}

#[test]
fn it_tells_its_version_and_can_fail_at_the_start() {
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_simulated-codex"));
        let output = command
            .args(args)
            .env("CODEX_HOME", "/nonexistent")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    assert_eq!(
        run(&["--version"]),
        (Some(0), "codex-cli 0.169.0 (simulated)\n".to_owned())
    );
    assert_eq!(
        run(&["app-server", "--fault", "exit=7"]),
        (Some(7), String::new())
    );
    assert_eq!(
        run(&["app-server", "--fault", "dance"]),
        (Some(2), String::new())
    );
    assert_eq!(run(&[]), (Some(2), String::new()));
    let home = home();
    let mut peer = Peer::start(
        env!("CARGO_BIN_EXE_simulated-codex"),
        &["app-server", "--fault", "slow=200"],
        home.path(),
    );
    let began = Instant::now();
    peer.initialize();
    assert!(began.elapsed().as_millis() >= 150);
}

#[test]
fn an_overloaded_server_refuses_so_many_requests() {
    let home = home();
    let args = ["app-server", "--fault", "overload=2"];
    let mut peer = Peer::start(env!("CARGO_BIN_EXE_simulated-codex"), &args, home.path());
    peer.initialize();
    let refused = json!({"code": -32001, "message": "Server overloaded; retry later."});
    assert_eq!(peer.refusal("thread/start", json!({})), refused);
    assert_eq!(peer.refusal("thread/start", json!({})), refused);
    peer.start_thread();
}
