//! A client of an app-server process, for tests: it speaks over pipes, keeps every message, and waits with a guard.
//! It is not the product's client, so that a fault there cannot hide a fault here.

#![allow(dead_code, reason = "each test program uses its part")]

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// Longest wait for anything; only a failing test waits so long.
const GUARD: Duration = Duration::from_secs(20);

/// A running app-server and everything it has said.
pub struct Peer {
    pub child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Receiver<String>,
    /// All messages so far, in order.
    pub messages: Vec<Value>,
    /// The last message as it was sent.
    pub last_line: String,
    /// Lines that were no messages.
    pub garbage: Vec<String>,
    next_id: i64,
    /// What approvals are answered with; `None` leaves them open.
    pub decision: Option<Value>,
}

impl Peer {
    /// Starts the program with CODEX_HOME there, and HOME too: what a login shell of the developer says is not to be seen.
    pub fn start(program: impl AsRef<OsStr>, args: &[&str], home: &Path) -> Self {
        let mut child = Command::new(program)
            .args(args)
            .env("CODEX_HOME", home)
            .env("HOME", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = read_lines(child.stdout.take().unwrap());
        let stderr = read_lines(child.stderr.take().unwrap());
        let stdin = child.stdin.take();
        Self {
            child,
            stdin,
            lines,
            stderr,
            messages: Vec::new(),
            last_line: String::new(),
            garbage: Vec::new(),
            next_id: 0,
            decision: Some(json!("accept")),
        }
    }

    /// Sends `initialize` and `initialized`; the answer is the result.
    pub fn initialize(&mut self) -> Value {
        let info = json!({"name": "test", "title": "Test", "version": "0.1.0"});
        let result = self.request("initialize", json!({"clientInfo": info}));
        self.send(&json!({"method": "initialized"}));
        result
    }

    pub fn send(&mut self, message: &Value) {
        self.send_raw(format!("{message}\n").as_bytes());
    }

    pub fn send_raw(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(bytes).unwrap();
        stdin.flush().unwrap();
    }

    /// Sends a request without waiting; the answer is its id.
    pub fn post(&mut self, method: &str, params: Value) -> i64 {
        self.next_id += 1;
        self.send(&json!({"method": method, "id": self.next_id, "params": params}));
        self.next_id
    }

    /// The result of a request, which must not be refused.
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let answer = self.call(method, params);
        assert_eq!(answer.get("error"), None, "{method} was refused");
        answer["result"].clone()
    }

    /// The error of a request, which must be refused.
    pub fn refusal(&mut self, method: &str, params: Value) -> Value {
        self.call(method, params)["error"].clone()
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.post(method, params);
        self.until(|message| message["id"] == id && message.get("method").is_none())
    }

    /// Reads on until this message, which is the answer. Approvals on the way are answered.
    pub fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        match self.try_until(wanted) {
            Some(message) => message,
            None => panic!("stdout ended first; stderr: {:?}", self.stderr_lines()),
        }
    }

    /// The same; `None` when stdout ends first.
    pub fn try_until(&mut self, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let deadline = Instant::now() + GUARD;
        loop {
            let line = match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => line,
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("nothing came in time; last: {:?}", self.messages.last())
                }
            };
            let Ok(message) = serde_json::from_str::<Value>(&line) else {
                self.garbage.push(line);
                continue;
            };
            self.last_line = line;
            self.messages.push(message.clone());
            self.answer_approval(&message);
            if wanted(&message) {
                return Some(message);
            }
        }
    }

    fn answer_approval(&mut self, message: &Value) {
        let Some(decision) = self.decision.clone() else {
            return;
        };
        if message.get("method").is_some() && message.get("id").is_some() {
            let result = if message["method"] == "item/tool/requestUserInput" {
                json!({"answers": {"q1": {"answers": ["A"]}}})
            } else {
                json!({"decision": decision})
            };
            self.send(&json!({"id": message["id"], "result": result}));
        }
    }

    pub fn until_method(&mut self, method: &str) -> Value {
        self.until(|message| message["method"] == method)
    }

    /// Starts a thread that may write in its folder and asks when it must; the answer is its id.
    pub fn start_thread(&mut self) -> String {
        let params =
            json!({"cwd": "/src", "sandbox": "workspace-write", "approvalPolicy": "on-request"});
        self.start_thread_with(params)
    }

    pub fn start_thread_with(&mut self, params: Value) -> String {
        let result = self.request("thread/start", params);
        self.until_method("thread/started");
        result["thread"]["id"].as_str().unwrap().to_owned()
    }

    /// Starts a turn without waiting for its end; the answer is its id.
    pub fn start_turn(&mut self, thread_id: &str, prompt: &str) -> String {
        let input = json!([{"type": "text", "text": prompt}]);
        let params = json!({"threadId": thread_id, "input": input, "clientUserMessageId": "c1"});
        self.request("turn/start", params)["turn"]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Runs a turn; the answer is everything from `turn/started` to `turn/completed`.
    pub fn run_turn(&mut self, thread_id: &str, prompt: &str) -> Vec<Value> {
        let from = self.messages.len();
        self.start_turn(thread_id, prompt);
        self.finish_turn(from)
    }

    /// Everything from `turn/started`, not before `from`, to `turn/completed`.
    pub fn finish_turn(&mut self, from: usize) -> Vec<Value> {
        self.until_method("turn/completed");
        let new = &self.messages[from..];
        let start = new
            .iter()
            .position(|message| message["method"] == "turn/started")
            .unwrap_or(0);
        new[start..].to_vec()
    }

    /// Closes stdin and waits for the end.
    pub fn end(&mut self) -> ExitStatus {
        self.stdin = None;
        self.wait()
    }

    pub fn wait(&mut self) -> ExitStatus {
        while self.lines.recv_timeout(GUARD).is_ok() {}
        self.child.wait().unwrap()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// What stderr said so far; all of it once the process has ended.
    pub fn stderr_lines(&self) -> Vec<String> {
        self.stderr.try_iter().collect()
    }

    /// Waits for a line of stderr.
    pub fn stderr_line(&self) -> String {
        self.stderr.recv_timeout(GUARD).unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let mut pipe = BufReader::with_capacity(1 << 20, pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text =
                String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line)).into_owned();
            if sender.send(text).is_err() {
                break;
            }
            line.clear();
        }
    });
    lines
}

/// The text of all deltas with this method, in order.
pub fn deltas(messages: &[Value], method: &str) -> String {
    let deltas = messages
        .iter()
        .filter(|message| message["method"] == method);
    deltas
        .map(|message| message["params"]["delta"].as_str().unwrap())
        .collect()
}

/// The items that were completed.
pub fn completed_items(messages: &[Value]) -> Vec<Value> {
    let completed = messages
        .iter()
        .filter(|message| message["method"] == "item/completed");
    completed
        .map(|message| message["params"]["item"].clone())
        .collect()
}

/// Messages with everything that differs from run to run replaced: ids by the order of their appearance, times by `T`,
/// and answers to requests left out.
pub fn normalized(messages: &[Value]) -> Vec<Value> {
    let mut names = Vec::new();
    let notifications = messages
        .iter()
        .filter(|message| message.get("method").is_some());
    notifications
        .map(|message| normalize(message, "", &mut names))
        .collect()
}

fn normalize(value: &Value, key: &str, names: &mut Vec<String>) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), normalize(value, key, names)))
            .collect(),
        Value::Array(values) => values
            .iter()
            .map(|value| normalize(value, key, names))
            .collect(),
        Value::Number(_) if key.ends_with("Ms") || key.ends_with("At") => json!("T"),
        Value::String(_) if key == "processId" || key == "revision" => json!("T"),
        Value::String(text) if is_id(text) => {
            let at = names
                .iter()
                .position(|name| name == text)
                .unwrap_or_else(|| {
                    names.push(text.clone());
                    names.len() - 1
                });
            json!(format!("id{at}"))
        }
        other => other.clone(),
    }
}

fn is_id(text: &str) -> bool {
    let hex = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    };
    let uuid = text.len() == 36 && hex(text);
    let item = ["msg_", "call_", "rs_"]
        .iter()
        .filter_map(|prefix| text.strip_prefix(prefix))
        .any(|rest| rest.len() == 16 && hex(rest));
    uuid || item
}
