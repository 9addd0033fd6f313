//! Where the log goes, and what is in it then.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use codex::scenario::{SecretKind, secret};
use serde_json::Value;

use crate::support::http::get;
use crate::support::{Setup, eventually};

#[tokio::test]
async fn a_log_file_gets_every_line_redacted_and_stderr_none() {
    let mut host = Setup::simulated()
        .set("log", "file = \"own-log\"")
        .set("log", "format = \"json\"")
        .start()
        .await;
    let file = host.dir().join("own-log");
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let key = secret(SecretKind::GithubPat, 4);
    // Its last words stand in the log.
    let prompt = format!("sim: stderr \"with {key}\"; exit code=3");
    tab.submit(&thread, "p1", &prompt).await;
    tab.bridge_state("backoff").await;
    eventually("the end of Codex in the log", async || {
        let text = fs::read_to_string(&file).unwrap();
        text.contains("codex ended").then_some(())
    })
    .await;
    host.stop().await;
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let said = |what: &str| {
        lines
            .iter()
            .filter(|line| line["fields"]["message"] == what)
            .count()
    };
    assert_eq!((said("stop on SIGTERM"), said("journal is open")), (1, 1));
    assert!(!text.contains(&key[8..]), "the key stands in the log");
    assert_eq!(host.log(), "");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[tokio::test]
async fn a_log_file_turns_at_its_size_while_the_host_runs() {
    let host = Setup::simulated()
        .set("log", "file = \"own-log\"")
        .set("log", "max_bytes = \"64KiB\"")
        .set("log", "keep = 2")
        .start()
        .await;
    let at = |name: &str| host.dir().join(name);
    let mut asked = 0;
    while !at("own-log.2").exists() {
        // A line each, as long as a refusal is short.
        asked += 1;
        assert_eq!(get(host.addr(), "/nothing", "").await.status, 401);
        assert!(asked < 5_000, "{asked} refusals make no 128 KiB of log");
    }
    for name in ["own-log", "own-log.1", "own-log.2"] {
        assert!(fs::metadata(at(name)).unwrap().len() <= 64 << 10, "{name}");
    }
    assert!(!at("own-log.3").exists());
}
