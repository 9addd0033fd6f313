//! What is kept and who may write when the process lives, ends or is killed.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{OUTPUT, TEXT, home, outline, peer::deltas, start};

#[test]
fn threads_of_one_process_stream_side_by_side() {
    let home = home();
    let mut peer = start(home.path());
    let threads: Vec<_> = (0..4).map(|_| peer.start_thread()).collect();
    for thread in &threads {
        peer.start_turn(thread, "sim: text count=50 rate=200/s");
    }
    for _ in &threads {
        peer.until_method("turn/completed");
    }
    let of = |thread: &str| {
        peer.messages
            .iter()
            .filter(|message| message["params"]["threadId"] == thread)
            .cloned()
            .collect::<Vec<_>>()
    };
    let texts: Vec<_> = threads
        .iter()
        .map(|thread| deltas(&of(thread), TEXT))
        .collect();
    assert_eq!(texts, vec![texts[0].clone(); 4]);
    let order: Vec<_> = peer
        .messages
        .iter()
        .filter(|message| message["method"] == TEXT)
        .map(|message| &message["params"]["threadId"])
        .collect();
    let switches = order.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(
        switches > 20,
        "the threads took turns only {switches} times"
    );
}

#[test]
fn a_killed_process_leaves_what_was_completed() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.run_turn(&thread, "sim: say one");
    peer.start_turn(&thread, "sim: text count=100000 rate=1000/s");
    peer.until_method(TEXT);
    peer.kill();
    let mut peer = start(home.path());
    let resumed = peer.request("thread/resume", json!({"threadId": thread}));
    let turns = resumed["thread"]["turns"].as_array().unwrap();
    let states: Vec<_> = turns
        .iter()
        .map(|turn| {
            let items = turn["items"].as_array().unwrap();
            let items: Vec<_> = items
                .iter()
                .map(|item| item["type"].as_str().unwrap())
                .collect();
            (
                turn["status"].as_str().unwrap(),
                turn["completedAt"].is_null(),
                items,
            )
        })
        .collect();
    assert_eq!(
        states,
        [
            ("completed", false, vec!["userMessage", "agentMessage"]),
            ("interrupted", true, vec!["userMessage"])
        ]
    );
    assert_eq!(turns[1]["items"][0]["clientId"], "c1");
    assert_eq!(deltas(&peer.run_turn(&thread, "sim: say two"), TEXT), "two");
}

#[test]
fn a_thread_before_its_first_turn_dies_with_the_process() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.kill();
    let error = start(home.path()).refusal("thread/resume", json!({"threadId": thread}));
    assert_eq!(
        error["message"],
        format!("no rollout found for thread id {thread}")
    );
}

#[test]
fn a_thread_has_one_writer_and_a_kill_frees_it() {
    let home = home();
    let mut first = start(home.path());
    let thread = first.start_thread();
    first.run_turn(&thread, "sim: say hello");
    let mut second = start(home.path());
    let error = second.refusal("thread/resume", json!({"threadId": thread}));
    assert_eq!(
        error,
        json!({"code": -32600, "message": format!("thread {thread} already has an active writer")})
    );
    let read = second.request("thread/read", json!({"threadId": thread}));
    assert_eq!(
        [&read["thread"]["status"], &read["thread"]["preview"]],
        [&json!({"type": "notLoaded"}), &json!("sim: say hello")]
    );
    first.kill();
    second.request("thread/resume", json!({"threadId": thread}));
}

#[test]
fn a_clean_end_writes_the_running_turn_as_interrupted() {
    for by_signal in [false, true] {
        let home = home();
        let mut peer = start(home.path());
        let thread = peer.start_thread();
        peer.start_turn(
            &thread,
            "sim: say before; run \"sleep 0.2; echo a; sleep 60; echo b\"",
        );
        peer.until_method(OUTPUT);
        let from = peer.messages.len();
        let status = if by_signal {
            peer.signal(Signal::TERM);
            peer.wait()
        } else {
            peer.end()
        };
        assert_eq!(
            (status.code(), outline(&peer.messages[from..])),
            (Some(0), String::new())
        );
        let turns = start(home.path()).request(
            "thread/turns/list",
            json!({"threadId": thread, "itemsView": "full"}),
        );
        let turn = &turns["data"][0];
        assert_eq!(
            (&turn["status"], turn["completedAt"].is_u64()),
            (&json!("interrupted"), true)
        );
        let command = &turn["items"][2];
        assert_eq!(
            [&command["status"], &command["aggregatedOutput"]],
            [&json!("failed"), &json!("a\n")]
        );
    }
}

#[test]
fn an_idle_or_a_waiting_process_ends_with_its_stdin() {
    let home = home();
    assert_eq!(start(home.path()).end().code(), Some(0));
    let mut peer = start(home.path());
    peer.decision = None;
    let thread = peer.start_thread();
    peer.start_turn(&thread, "sim: approve");
    peer.until_method("item/commandExecution/requestApproval");
    assert_eq!(peer.end().code(), Some(0));
}

#[test]
fn sigint_kills_it_like_the_real_one() {
    let home = home();
    let mut peer = start(home.path());
    peer.signal(Signal::INT);
    assert_eq!(peer.wait().signal(), Some(Signal::INT.as_raw()));
}

#[test]
fn a_clean_end_does_not_wait_for_a_reader() {
    let home = home();
    let mut child = Command::new(env!("CARGO_BIN_EXE_simulated-codex"))
        .arg("app-server")
        .env("CODEX_HOME", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut read_until = |wanted: &str| loop {
        let mut line = String::new();
        assert!(stdout.read_line(&mut line).unwrap() > 0);
        if line.contains(wanted) {
            return serde_json::from_str::<Value>(&line).unwrap();
        }
    };
    let info = json!({"clientInfo": {"name": "a", "version": "1"}});
    writeln!(
        stdin,
        "{}",
        json!({"method": "initialize", "id": 1, "params": info})
    )
    .unwrap();
    writeln!(
        stdin,
        "{}",
        json!({"method": "thread/start", "id": 2, "params": {}})
    )
    .unwrap();
    let thread = read_until("\"id\":2")["result"]["thread"]["id"].clone();
    let input = json!([{"type": "text", "text": "sim: text count=1000000000"}]);
    let turn = json!({"threadId": thread, "input": input});
    writeln!(
        stdin,
        "{}",
        json!({"method": "turn/start", "id": 3, "params": turn})
    )
    .unwrap();
    read_until(TEXT);
    // From here on nobody reads, so the pipe and the queue run full.
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let turns = start(home.path()).request("thread/turns/list", json!({"threadId": thread}));
    let turn = &turns["data"][0];
    assert_eq!(
        (&turn["status"], turn["completedAt"].is_u64()),
        (&json!("interrupted"), true)
    );
}
