//! Everything that the protocol has, through the host: each request reaches Codex or is refused by the closed list, none
//! hangs, and whatever Codex sends arrives as it was sent.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;

use serde_json::{Value, json};

use super::schema::{Kind, kinds};
use crate::support::client::Connecting;
use crate::support::host::real_codex;
use crate::support::{Client, GUARD, RpcError, Setup, eventually};

/// A Codex without a host, to compare with.
pub struct Direct {
    process: Child,
    stdin: ChildStdin,
    lines: mpsc::Receiver<Value>,
    next_id: u64,
}

impl Direct {
    /// Starts it in a home like that of the host's.
    fn start(dir: &Path) -> Self {
        let home = dir.join("direct-home");
        fs::create_dir(&home).unwrap();
        fs::copy(dir.join("codex-home/config.toml"), home.join("config.toml")).unwrap();
        Self::in_home(dir, &home)
    }

    /// Starts it in this home.
    pub fn in_home(dir: &Path, home: &Path) -> Self {
        let mut process = Command::new(real_codex())
            .arg("app-server")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", dir)
            .env("CODEX_HOME", home)
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let messages = stdout.lines().map_while(Result::ok);
            messages
                .filter_map(|line| serde_json::from_str(&line).ok())
                .try_for_each(|message| send.send(message))
        });
        let stdin = process.stdin.take().expect("stdin is piped");
        let mut direct = Self {
            process,
            stdin,
            lines,
            next_id: 1,
        };
        let client = json!({"clientInfo": {"name": "it", "version": "0"}, "capabilities": {"experimentalApi": true}});
        direct.call("initialize", client).expect("initialize");
        direct
    }

    /// Sends a request and waits for its answer.
    pub fn call(&mut self, method: &str, params: Value) -> Result<Value, RpcError> {
        let id = self.next_id;
        self.next_id += 1;
        writeln!(
            self.stdin,
            "{}",
            json!({"id": id, "method": method, "params": params})
        )
        .unwrap();
        let answer =
            self.next_where(|message| message["id"] == json!(id) && message["method"].is_null());
        let Some(answer) = answer else {
            return Err(RpcError {
                code: 0,
                message: "no answer".to_owned(),
            });
        };
        match answer.get("error") {
            None => Ok(answer["result"].clone()),
            Some(error) => Err(RpcError {
                code: error["code"].as_i64().unwrap(),
                message: error["message"].as_str().unwrap_or_default().to_owned(),
            }),
        }
    }

    fn next_where(&self, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let until = std::time::Instant::now() + GUARD;
        loop {
            let left = until.saturating_duration_since(std::time::Instant::now());
            let message = self.lines.recv_timeout(left).ok()?;
            if wanted(&message) {
                return Some(message);
            }
        }
    }

    /// A thread that has had a turn.
    fn thread(&mut self, cwd: &Path) -> String {
        let opened = self
            .call("thread/start", json!({"cwd": cwd}))
            .expect("thread/start");
        let thread = opened["thread"]["id"].as_str().unwrap().to_owned();
        let input = json!([{"type": "text", "text": "sim: say \"One.\""}]);
        self.call("turn/start", json!({"threadId": thread, "input": input}))
            .expect("turn/start");
        self.next_where(|message| message["method"] == "turn/completed")
            .expect("the turn ends");
        thread
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// How a request was answered, as far as two Codex must agree.
fn kind(answer: &Result<Value, RpcError>) -> String {
    match answer {
        Ok(_) => "result".to_owned(),
        Err(error) => format!("error {}", error.code),
    }
}

/// What these are answered depends on whether the turn that an earlier request began still runs.
const TIMED: [&str; 2] = ["turn/interrupt", "turn/steer"];

#[tokio::test]
async fn every_request_of_the_schema_reaches_codex_or_is_on_the_closed_list() {
    let host = Setup::real().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: say \"One.\"").await;
    tab.turn_end().await;
    // Not attached yet: what `thread/resume` gives begins behind its answer, whatever a tab had before.
    let mut tab = host.tab().await;
    let mut direct = Direct::start(host.dir());
    let direct_thread = direct.thread(&host.work());

    let mut requests = kinds(host.dir(), "ClientRequest");
    // Those that end a thread come last.
    requests.sort_by_key(|kind| {
        matches!(
            kind.method.as_str(),
            "thread/archive" | "thread/unarchive" | "thread/delete"
        )
    });
    let mut wrong = Vec::new();
    for request in requests.iter().filter(|kind| kind.method != "initialize") {
        let with = |thread: &str| {
            let given = BTreeMap::from([("threadId", json!(thread)), ("cwd", json!(host.work()))]);
            request.smallest(&given)
        };
        let answer = tab.call(&request.method, with(&thread)).await;
        if config::is_denied(&request.method) {
            if !matches!(&answer, Err(error) if error.code == -32003) {
                wrong.push(format!(
                    "{} is on the list, but: {answer:?}",
                    request.method
                ));
            }
            continue;
        }
        let own = direct.call(&request.method, with(&direct_thread));
        let timed = TIMED.contains(&request.method.as_str());
        let either = |answer| ["result", "error -32600"].contains(&kind(answer).as_str());
        if timed && either(&answer) && either(&own) {
            continue;
        }
        if kind(&answer) != kind(&own) {
            wrong.push(format!(
                "{}: {answer:?}, without the host {own:?}",
                request.method
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} requests:\n{}",
        wrong.len(),
        requests.len(),
        wrong.join("\n")
    );
}

#[tokio::test]
async fn an_override_over_a_ceiling_is_refused_wherever_the_schema_lets_it_stand() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let mut tried = 0;
    for request in kinds(host.dir(), "ClientRequest") {
        let given = BTreeMap::from([("threadId", json!(thread)), ("cwd", json!(host.work()))]);
        for over in request.overrides() {
            let mut params = request.smallest(&given);
            for (key, value) in over.as_object().unwrap() {
                params[key] = value.clone();
            }
            let answer = tab.call(&request.method, params).await;
            let code = answer.as_ref().map_err(|error| error.code);
            assert_eq!(code, Err(-32003), "{} {over}: {answer:?}", request.method);
            tried += 1;
        }
    }
    assert!(tried > 15, "the schema has such places: {tried}");
}

/// The smallest params of this kind, in this thread, with something in them that nobody knows.
fn strange(kind: &Kind, thread: &str) -> Value {
    let given = BTreeMap::from([
        ("threadId", json!(thread)),
        ("conversationId", json!(thread)),
        ("delta", json!("tide ")),
        ("deltaBase64", json!("dGlkZQ==")),
    ]);
    let mut params = kind.smallest(&given);
    if params.is_null() {
        params = json!({});
    }
    if params["thread"].is_object() {
        params["thread"]["id"] = json!(thread);
    }
    params["zzNew"] = json!({"deep": [1, "two", null, {"three": 3.5}]});
    params
}

/// Lets the session's Codex say these lines.
async fn says(tab: &mut Client, thread: &str, dir: &Path, lines: &[Value]) {
    let file = dir.join("lines");
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(&file, text).unwrap();
    let prompt = format!("sim: raw {:?}; hang", file.display().to_string());
    tab.submit(thread, "raw", &prompt).await;
}

#[tokio::test]
async fn every_notification_of_the_schema_arrives_as_it_was_sent() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let kinds = kinds(host.dir(), "ServerNotification");
    // The host gives this one its own ids.
    let sent = kinds
        .iter()
        .filter(|kind| kind.method != "serverRequest/resolved");
    let sent: Vec<Value> = sent
        .map(|kind| json!({"method": kind.method, "params": strange(kind, &thread), "emittedAtMs": 17, "zzTop": {"new": true}}))
        .collect();
    says(&mut tab, &thread, host.dir(), &sent).await;
    for message in &sent {
        let method = message["method"].as_str().unwrap();
        let event = tab.next_where(method, |event| {
            event.is(method) && event.value["zzTop"].is_object()
        });
        let mut arrived = event.await.value;
        let fields = arrived.as_object_mut().unwrap();
        for own in ["seq", "generation", "threadId"] {
            fields.remove(own);
        }
        assert_eq!(&arrived, message);
    }
    assert_eq!(sent.len() + 1, kinds.len());
}

#[tokio::test]
async fn every_request_by_codex_in_the_schema_arrives_as_it_was_sent() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let kinds = kinds(host.dir(), "ServerRequest");
    let sent = kinds.iter().enumerate();
    let mut sent: Vec<Value> = sent
        .map(|(at, kind)| json!({"method": kind.method, "id": 1000 + at, "params": strange(kind, &thread)}))
        .collect();
    sent.push(
        json!({"method": "zz/unknown", "id": 2000, "params": {"threadId": thread, "zzNew": 1}}),
    );
    says(&mut tab, &thread, host.dir(), &sent).await;
    for message in &sent {
        let method = message["method"].as_str().unwrap();
        let request = tab
            .next_where(method, |event| event.is(method) && event.id().is_some())
            .await;
        assert_eq!(request.params(), &message["params"], "{method}");
        assert!(request.id().is_some_and(Value::is_string), "{method}");
    }
}

#[tokio::test]
async fn a_request_by_codex_that_no_tab_can_serve_is_answered_at_once() {
    let host = Setup::simulated().start().await;
    let mut page =
        Client::introduced(Connecting::to(host.addr()).bearer(host.token()).lines()).await;
    let thread = page.start_session(&host.work()).await;
    let request = json!({"method": "item/tool/call", "id": 1000, "params": {"threadId": thread}});
    let file = host.dir().join("lines");
    fs::write(&file, format!("{request}\n")).unwrap();
    let prompt = format!(
        "sim: raw {:?}; sleep 1s; exit code=3",
        file.display().to_string()
    );
    page.submit(&thread, "raw", &prompt).await;
    // The simulated Codex complains of an answer that it does not wait for, and its last words are kept.
    let down = page.bridge_state("down").await;
    let said = down.params()["stderr"].to_string();
    assert!(said.contains("1000"), "codex got an answer: {said}");
    assert!(
        page.events().iter().all(|event| event.id().is_none()),
        "no tab was asked"
    );
}

#[tokio::test]
async fn the_host_says_how_the_installed_codex_differs_from_the_tested_one() {
    let host = Setup::real().start().await;
    let mut tab = host.tab().await;
    let protocol = eventually("codex to have been asked", async || {
        let status = tab.call("host/status", json!({})).await.unwrap();
        (!status["protocol"].is_null()).then(|| status["protocol"].clone())
    })
    .await;
    assert_eq!(
        protocol,
        json!({"tested": "0.169.0", "new": [], "gone": []})
    );
    assert!(
        host.state_dir().join("codex-protocol.json").exists(),
        "asked once"
    );
    assert!(!host.state_dir().join("codex-schema.new").exists());
}

#[tokio::test]
async fn a_codex_without_a_schema_is_used_all_the_same() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let protocol = eventually("codex to have been asked", async || {
        let status = tab.call("host/status", json!({})).await.unwrap();
        (!status["protocol"].is_null()).then(|| status["protocol"].clone())
    })
    .await;
    assert!(protocol["unknown"].is_string(), "{protocol}");
}
