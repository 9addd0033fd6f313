//! The scripted model with the real Codex 0.169.0, and the simulated Codex beside it: the same prompts must give the same
//! messages. What only the simulated one can do is tested in `simulated.rs`.
//!
//! The real Codex is looked for at `$HOLDFAST_CODEX`, in `tests/node_modules` and on PATH. Without it these tests say so
//! and pass, except where `CI=true` promises that it is there.

#![allow(
    clippy::unwrap_used,
    reason = "an unwrap is how a test says that this must be so"
)]

#[path = "support/peer.rs"]
mod peer;

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    thread::JoinHandle,
};

use expect_test::expect;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use peer::{Peer, completed_items, deltas, normalized};

const TEXT: &str = "item/agentMessage/delta";

/// A scripted model on a free port, served by a thread of its own.
struct Model {
    base_url: String,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl Model {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let serving = std::thread::spawn(move || {
            runtime
                .block_on(codex::scripted_model::serve(listener, shutdown))
                .unwrap()
        });
        Self {
            base_url,
            stop: Some(stop),
            serving: Some(serving),
        }
    }

    /// Sends one request by hand; the answer is status line, headers and body.
    fn http(&self, request_line: &str, body: &str) -> String {
        let address = self
            .base_url
            .strip_prefix("http://")
            .unwrap()
            .strip_suffix("/v1")
            .unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let length = body.len();
        write!(stream, "{request_line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

/// The real Codex; `None` when there is none and none is promised.
fn real_codex() -> Option<PathBuf> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/node_modules/.bin/codex");
    let configured = std::env::var_os("HOLDFAST_CODEX")
        .map(PathBuf::from)
        .or(installed.exists().then_some(installed));
    let path = std::env::var_os("PATH").unwrap_or_default();
    match codex::locate::find(configured.as_deref(), &path) {
        Ok(found) => Some(found.program),
        Err(missing) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => {
            panic!("{missing}")
        }
        Err(missing) => {
            eprintln!("SKIPPED, because there is no real Codex: {missing}");
            None
        }
    }
}

/// A folder that is not under /tmp, where Codex refuses to live.
fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// The real and the simulated Codex, in the same working directory.
struct Pair {
    real: Peer,
    simulated: Peer,
    /// The homes.
    folder: TempDir,
    /// Where the threads work: in no git repository, because that changes paths in diffs and the trust in the folder, and
    /// not in /tmp, where the sandbox of Codex leaves an empty `.git` behind.
    work: TempDir,
    _model: Model,
}

impl Pair {
    fn start() -> Option<Self> {
        let program = real_codex()?;
        let (folder, model) = (folder(), Model::start());
        for name in ["real", "simulated"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let config = codex::scripted_model::codex_config(&model.base_url);
        std::fs::write(folder.path().join("real/config.toml"), config).unwrap();
        let mut real = Peer::start(program, &["app-server"], &folder.path().join("real"));
        let simulated = env!("CARGO_BIN_EXE_simulated-codex");
        let mut simulated =
            Peer::start(simulated, &["app-server"], &folder.path().join("simulated"));
        for peer in [&mut real, &mut simulated] {
            peer.initialize();
        }
        Some(Self {
            real,
            simulated,
            folder,
            work: tempfile::tempdir_in("/var/tmp").unwrap(),
            _model: model,
        })
    }

    fn start_threads(&mut self) -> [String; 2] {
        let params = json!({"cwd": self.work.path(), "sandbox": "workspace-write", "approvalPolicy": "on-request"});
        [&mut self.real, &mut self.simulated].map(|peer| peer.start_thread_with(params.clone()))
    }

    /// Runs the prompt in new threads of both and compares all messages.
    fn compare(&mut self, prompt: &str, decision: &Value) {
        let threads = self.start_threads();
        let [real, simulated] = [
            (&mut self.real, &threads[0]),
            (&mut self.simulated, &threads[1]),
        ]
        .map(|(peer, thread)| {
            peer.decision = Some(decision.clone());
            comparable(&peer.run_turn(thread, prompt))
        });
        assert_alike(&real, &simulated, prompt);
    }
}

/// Compares message by message, so that a failure shows the first difference only.
fn assert_alike(real: &[String], simulated: &[String], prompt: &str) {
    for (at, (real, simulated)) in real.iter().zip(simulated).enumerate() {
        assert_eq!(
            simulated, real,
            "the simulated Codex differs in message {at} for {prompt}"
        );
    }
    assert_eq!(
        simulated.len(),
        real.len(),
        "the simulated Codex sends another number of messages for {prompt}: {real:#?}"
    );
}

/// Messages without what may differ: how often usage and diffs are repeated, the shell's options, the words of errors,
/// git's object ids, and what depends on timing in the real Codex, which is the deltas of outputs and the moment at which
/// a thread is said to wait no longer.
fn comparable(messages: &[Value]) -> Vec<String> {
    let no_longer_waiting = json!({"type": "active", "activeFlags": []});
    let mut kept: Vec<Value> = Vec::new();
    for mut message in normalized(messages) {
        let method = message["method"].as_str().unwrap_or_default().to_owned();
        match method.as_str() {
            "thread/tokenUsage/updated"
            | "account/rateLimits/updated"
            | "item/commandExecution/outputDelta" => continue,
            "thread/status/changed" if message["params"]["status"] == no_longer_waiting => continue,
            "turn/diff/updated" if kept.iter().any(|kept| kept["method"] == method) => continue,
            _ => {}
        }
        for error in ["/params/error", "/params/turn/error"] {
            if let Some(error) = message.pointer_mut(error).filter(|error| error.is_object()) {
                error["additionalDetails"].take();
                if !error["message"]
                    .as_str()
                    .is_some_and(|text| text.starts_with("Reconnecting"))
                {
                    error["message"].take();
                }
            }
        }
        kept.push(message);
    }
    kept.iter()
        .map(|message| message.to_string().replace("bash -lc", "bash -c"))
        .map(without_object_id)
        .collect()
}

fn without_object_id(line: String) -> String {
    let Some((before, rest)) = line.split_once("\\nindex ") else {
        return line;
    };
    let rest = rest.split_once("\\n").map_or("", |(_, rest)| rest);
    format!("{before}\\n{rest}")
}

#[test]
fn real_and_simulated_codex_send_the_same_messages_for_steps_of_the_model() {
    let Some(mut pair) = Pair::start() else {
        return;
    };
    for prompt in [
        "sim: text count=40 every=15",
        "sim: seed 9; text count=3 size=100 rate=50/s; say \"# Title\\n\\n- one\\n- two\\n\"",
        "sim: reason count=3; think 10ms; say done",
        "sim: secret kind=private-key cut=7; secret where=reasoning kind=jwt cut=5; say done",
        "sim: dance",
        "sim: ask \"Which one?\" A|B; say thanks",
    ] {
        pair.compare(prompt, &json!("accept"));
    }
}

#[test]
fn real_and_simulated_codex_send_the_same_messages_for_commands() {
    let Some(mut pair) = Pair::start() else {
        return;
    };
    for prompt in [
        "sim: run \"seq 1 5\"; say between; run \"echo early; sleep 0.4; echo late; exit 3\"; say after",
        "sim: output lines=200 size=40",
        "sim: secret where=output cut=9; secret kind=slack-token where=command",
        "sim: edit path=new.txt text=\"one\\ntwo\"; say done",
    ] {
        pair.compare(prompt, &json!("accept"));
    }
    assert_eq!(
        std::fs::read_to_string(pair.work.path().join("new.txt")).unwrap(),
        "one\ntwo\n"
    );
}

#[test]
fn real_and_simulated_codex_send_the_same_messages_for_each_decision() {
    let Some(mut pair) = Pair::start() else {
        return;
    };
    for decision in ["accept", "acceptForSession", "decline", "cancel", "bogus"] {
        pair.compare(
            "sim: approve cmd=\"echo made\" reason=\"Why not?\"; say after",
            &json!(decision),
        );
    }
    for decision in ["decline", "cancel"] {
        pair.compare(
            "sim: edit path=/holdfast/outside.txt; say after",
            &json!(decision),
        );
    }
}

#[test]
fn real_and_simulated_codex_send_the_same_messages_for_failures() {
    let Some(mut pair) = Pair::start() else {
        return;
    };
    for prompt in [
        "sim: fail usageLimitExceeded",
        "sim: fail rateLimitExceeded retries=2",
        "sim: fail internalServerError retries=2",
        "sim: fail responseTooManyFailedAttempts",
        "sim: fail other retries=2 after=3",
        "sim: text count=2; fail usageLimitExceeded",
        "sim: fail contextWindowExceeded",
    ] {
        pair.compare(prompt, &json!("accept"));
    }
}

#[test]
fn real_and_simulated_codex_keep_the_same_after_kill_9() {
    let Some(mut pair) = Pair::start() else {
        return;
    };
    let threads = pair.start_threads();
    let homes = ["real", "simulated"].map(|name| pair.folder.path().join(name));
    let programs = [
        real_codex().unwrap(),
        PathBuf::from(env!("CARGO_BIN_EXE_simulated-codex")),
    ];
    let mut kept = Vec::new();
    for (at, peer) in [&mut pair.real, &mut pair.simulated]
        .into_iter()
        .enumerate()
    {
        let thread = &threads[at];
        peer.run_turn(thread, "sim: say one; run \"echo x\"; say two");
        peer.start_turn(thread, "sim: say three; run \"echo y\"; hang after=20");
        peer.until(|message| {
            message["params"]["delta"]
                .as_str()
                .is_some_and(|delta| delta.starts_with("t000019 "))
        });
        peer.kill();
        let mut peer = Peer::start(&programs[at], &["app-server"], &homes[at]);
        peer.initialize();
        let turns = peer.request(
            "thread/turns/list",
            json!({"threadId": thread, "itemsView": "full"}),
        )["data"]
            .clone();
        let resumed = peer.request("thread/resume", json!({"threadId": thread}));
        peer.until_method("thread/goal/cleared");
        let message = json!({
            "method": "kept",
            "turns": turns, "resumed": resumed["thread"]["turns"], "sandbox": resumed["sandbox"], "policy": resumed["approvalPolicy"],
            "preview": resumed["thread"]["preview"], "status": resumed["thread"]["status"],
        });
        kept.push(comparable(&[message]));
        // Both know the thread well enough to go on.
        assert_eq!(
            deltas(&peer.run_turn(thread, "sim: say four"), TEXT),
            "four"
        );
    }
    assert_alike(&kept[0], &kept[1], "what is kept after kill -9");
}

#[test]
fn real_and_simulated_codex_take_interrupts_and_steering_alike() {
    let Some(mut pair) = Pair::start() else {
        return;
    };
    let threads = pair.start_threads();
    let [real, simulated] = [(&mut pair.real, &threads[0]), (&mut pair.simulated, &threads[1])].map(|(peer, thread)| {
        let from = peer.messages.len();
        let turn = peer.start_turn(thread, "sim: hang after=5");
        peer.until(|message| message["params"]["delta"].as_str().is_some_and(|delta| delta.starts_with("t000004 ")));
        let input = json!([{"type": "text", "text": "sim: say second; hang after=1"}]);
        peer.request("turn/steer", json!({"threadId": thread, "input": input, "expectedTurnId": turn, "clientUserMessageId": "s1"}));
        peer.until(|message| message["params"]["delta"].as_str().is_some_and(|delta| delta.starts_with("t000000 ")));
        peer.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
        comparable(&peer.finish_turn(from))
    });
    assert_alike(&real, &simulated, "an interrupt after steering");
}

#[test]
fn outputs_reach_the_client_as_deltas_in_both() {
    let Some(mut pair) = Pair::start() else {
        return;
    };
    let threads = pair.start_threads();
    let prompt = "sim: run \"echo early; sleep 0.5; echo late\"; output lines=50 size=40; secret where=output cut=9";
    for (peer, thread) in [
        (&mut pair.real, &threads[0]),
        (&mut pair.simulated, &threads[1]),
    ] {
        let turn = peer.run_turn(thread, prompt);
        let items = &completed_items(&turn)[1..];
        let outputs: Vec<_> = items
            .iter()
            .map(|item| item["aggregatedOutput"].as_str().unwrap())
            .collect();
        let deltas = deltas(&turn, "item/commandExecution/outputDelta");
        let expected = format!("late\n{}{}", outputs[1], outputs[2]);
        assert_eq!(
            (
                outputs[0],
                deltas.strip_prefix("early\n").unwrap_or(&deltas)
            ),
            ("early\nlate\n", &*expected)
        );
    }
}

#[test]
fn the_greeting_works_with_the_real_codex_without_an_account() {
    let Some(mut pair) = Pair::start() else {
        return;
    };
    let threads = pair.start_threads();
    let turn = pair.real.run_turn(&threads[0], "hello");
    let kinds: Vec<_> = completed_items(&turn)
        .iter()
        .map(|item| item["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        kinds,
        [
            "userMessage",
            "reasoning",
            "agentMessage",
            "commandExecution",
            "agentMessage"
        ]
    );
    assert_eq!(
        pair.real.request("account/read", json!({}))["requiresOpenaiAuth"],
        false
    );
}

#[test]
fn what_a_model_cannot_do_is_said_in_a_message() {
    let Some(mut pair) = Pair::start() else {
        return;
    };
    let threads = pair.start_threads();
    let turn = pair
        .real
        .run_turn(&threads[0], "sim: crash signal=9; say after");
    assert_eq!(
        deltas(&turn, TEXT),
        "This step exists only in the simulated Codex.\nafter"
    );
}

#[test]
fn an_answer_is_a_stream_of_events() {
    let model = Model::start();
    let input = json!([{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "sim: text count=2 size=16"}]}]);
    let answer = model.http("POST /v1/responses", &json!({"input": input}).to_string());
    let events: Vec<_> = answer
        .lines()
        .filter(|line| line.starts_with("event: "))
        .collect();
    expect![[r#"
        [
            "event: response.created",
            "event: response.output_item.added",
            "event: response.output_text.delta",
            "event: response.output_text.delta",
            "event: response.output_item.done",
            "event: response.completed",
        ]
    "#]]
    .assert_debug_eq(&events);
}

#[test]
fn other_requests_are_answered_plainly() {
    let model = Model::start();
    let status = |request_line: &str, body: &str| {
        model
            .http(request_line, body)
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(status("GET /v1/models", ""), "HTTP/1.1 200 OK");
    assert_eq!(status("GET /", ""), "HTTP/1.1 404 Not Found");
    assert_eq!(
        status("POST /v1/responses", "rubbish"),
        "HTTP/1.1 400 Bad Request"
    );
}
