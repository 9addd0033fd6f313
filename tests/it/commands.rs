//! The commands beside `serve`, as somebody at a terminal uses them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use codex::scenario::{SecretKind, secret};
use config::Token;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::host::{command_in, write_private};
use crate::support::{Client, processes};

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("holdfast-it-")
        .tempdir_in("/var/tmp")
        .unwrap()
}

/// Runs `command` with `input` as its stdin.
fn fed(mut command: Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .expect("stdin is piped")
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_new_token_is_printed_once_with_its_digest_and_kept_private() {
    let dir = folder();
    let file = dir.path().join("token");
    let output = command_in(dir.path())
        .args(["token", "new", "--write"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    let token = words
        .iter()
        .find(|word| word.starts_with("hft_"))
        .expect("the token is printed");
    let digest = Token::parse(token)
        .expect("it is a good one")
        .digest()
        .to_hex();
    assert!(text.contains(&digest), "with its digest");
    assert_eq!(text.matches(token).count(), 1);
    assert_eq!(fs::read_to_string(&file).unwrap().trim(), *token);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn redact_is_a_filter_and_gives_each_jsonl_line_a_stream_of_its_own() {
    let dir = folder();
    let key = secret(SecretKind::GithubPat, 99);
    let mut command = command_in(dir.path());
    command.arg("redact");
    let output = fed(command, &format!("before {key} after\n"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("before [REDACTED:github-pat#") && text.ends_with("] after\n"),
        "{text}"
    );

    let chunks: Vec<String> = key.chars().map(String::from).collect();
    let lines = [
        json!({"id": "cut", "known": [], "chunks": chunks}),
        json!({"id": "known", "known": ["limpet-on-the-rock"], "chunks": ["a limpet-on", "-the-rock b"]}),
        json!({"id": "plain", "known": [], "chunks": ["nothing ", "here"]}),
    ];
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let mut command = command_in(dir.path());
    command.args(["redact", "--jsonl"]);
    let output = fed(command, &input);
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        answers
            .iter()
            .map(|answer| answer["id"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["cut", "known", "plain"]
    );
    assert!(
        answers[0]["text"]
            .as_str()
            .unwrap()
            .starts_with("[REDACTED:github-pat#")
    );
    assert!(!answers[1]["text"].as_str().unwrap().contains("limpet"));
    assert_eq!(answers[2]["text"], "nothing here");
}

#[test]
fn check_goes_through_everything_and_says_by_its_status_whether_all_is_well() {
    let dir = folder();
    let token = Token::generate().unwrap();
    let config = dir.path().join("holdfast.toml");
    let written = |codex: &str| {
        format!(
            "listen = \"127.0.0.1:0\"\nstate_dir = \"state\"\nwebsocket_auth_token_sha256 = \"{}\"\n\
             [codex]\n{codex}\nhome = \"codex-home\"\n",
            token.digest().to_hex()
        )
    };
    fs::create_dir(dir.path().join("codex-home")).unwrap();
    let check = || {
        command_in(dir.path())
            .args(["check", "--config"])
            .arg(&config)
            .output()
            .unwrap()
    };
    write_private(&config, &written(&crate::support::host::simulated_codex()));
    let good = check();
    let text =
        String::from_utf8_lossy(&good.stdout).into_owned() + &String::from_utf8_lossy(&good.stderr);
    assert_eq!(good.status.code(), Some(0), "{text}");
    let findings: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| Some(line.get(6..)?.split_once(':')?.0))
        .collect();
    let mut expected = BTreeSet::from([
        "config",
        "state",
        "token",
        "redaction",
        "journal",
        "control",
        "listen",
        "codex",
        "protocol",
        "web push",
        "webhook",
        "ntfy",
        "tailscale",
    ]);
    let is_root = rustix::process::geteuid().is_root();
    expected.insert(if is_root { "settings" } else { "user" });
    assert_eq!(findings, expected, "a line for each thing: {text}");
    assert_eq!(text.contains("running as root"), is_root, "{text}");

    let socket = dir.path().join("state/control.sock");
    fs::write(&socket, "").unwrap();
    let taken = check();
    assert_eq!(
        taken.status.code(),
        Some(1),
        "something in the socket's place"
    );
    assert!(String::from_utf8_lossy(&taken.stdout).contains("fail  control: "));
    fs::remove_file(&socket).unwrap();

    write_private(&config, &written("path = \"/nowhere/codex\""));
    let bad = check();
    assert_eq!(bad.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&bad.stdout).contains("/nowhere/codex"));
}

/// A running `demo`.
struct Demo {
    child: Child,
    addr: std::net::SocketAddr,
}

impl Demo {
    fn start(dir: &Path, state: &Path) -> Self {
        let mut command = command_in(dir);
        command
            .args([
                "demo",
                "--agent",
                "simulated",
                "--listen",
                "127.0.0.1:0",
                "--dir",
            ])
            .arg(state);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let mut lines = lines.map_while(Result::ok);
        let addr = lines.find_map(|line| {
            line.strip_prefix("holdfast listening on http://")?
                .trim()
                .parse()
                .ok()
        });
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            addr: addr.expect("the demo says where it listens"),
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        processes::send(self.child.id(), Signal::TERM);
        self.child.wait().expect("the child is ours to wait for");
    }
}

#[tokio::test]
async fn demo_makes_all_it_needs_in_its_folder_and_keeps_it() {
    let dir = folder();
    let state = dir.path().join("demo");
    let mut token = String::new();
    let mut thread = String::new();
    for round in 0..2 {
        let demo = Demo::start(dir.path(), &state);
        let kept = fs::read_to_string(state.join("token"))
            .unwrap()
            .trim()
            .to_owned();
        if round == 1 {
            assert_eq!(kept, token, "the second start keeps the token");
        }
        token = kept;
        let mut tab = Client::connect(demo.addr, &token).await;
        if round == 0 {
            let begun = tab.call("thread/start", json!({})).await.unwrap();
            let workspace = state.join("workspace");
            assert_eq!(
                begun["cwd"],
                json!(workspace),
                "it begins in the folder of the demo"
            );
            thread = begun["thread"]["id"].as_str().unwrap().to_owned();
            tab.submit(&thread, "p1", "Hello there").await;
            assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
        }
        let list = tab.call("host/sessions/list", json!({})).await.unwrap();
        assert_eq!(list["data"][0]["threadId"], json!(thread));
    }
    for file in ["token", "holdfast.toml"] {
        assert_eq!(
            state.join(file).metadata().unwrap().permissions().mode() & 0o077,
            0,
            "{file}"
        );
    }
    assert_eq!(processes::survivors(dir.path()), Vec::<String>::new());
}
