//! No secret that Codex shows reaches a tab, the log or the disk, however it was cut.

use std::fs;
use std::path::Path;

use codex::scenario::{SecretKind, secret};

use crate::bridges::folded;
use crate::support::{Setup, processes};

/// Every kind with the word that the scenario language has for it.
const KINDS: [(SecretKind, &str); 8] = [
    (SecretKind::GithubPat, "github-pat"),
    (SecretKind::OpenaiKey, "openai-key"),
    (SecretKind::AnthropicKey, "anthropic-key"),
    (SecretKind::AwsKeyId, "aws-key-id"),
    (SecretKind::SlackToken, "slack-token"),
    (SecretKind::NpmToken, "npm-token"),
    (SecretKind::PrivateKey, "private-key"),
    (SecretKind::UrlPassword, "url-password"),
];

/// Where a secret may show, and into pieces of how many bytes it is cut there. Output of commands comes slowly, and the
/// last two are not cut at all.
const PLACES: [(&str, &[usize]); 5] = [
    ("text", &[0, 1, 7]),
    ("reasoning", &[0, 1, 7]),
    ("output", &[0, 20]),
    ("command", &[0]),
    ("stderr", &[0]),
];

/// The part of a secret that must show nowhere: its middle, without what is only form.
fn core(secret: &str) -> &str {
    let line = secret.lines().nth(1).unwrap_or(secret);
    let line = line
        .split_once(":app:")
        .map_or(line, |(_, rest)| rest.split('@').next().unwrap_or(rest));
    &line[line.len() / 3..line.len() * 2 / 3]
}

/// All files under `folder` whose bytes hold `needle`.
fn files_with(folder: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
        } else if fs::read(&path)
            .unwrap_or_default()
            .windows(needle.len())
            .any(|window| window == needle.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn streamed_secrets_reach_no_tab_no_log_and_no_file() {
    let mut host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let mut cores = Vec::new();
    let mut steps = Vec::new();
    for (at, (kind, word)) in KINDS.into_iter().enumerate() {
        for (number, (place, cuts)) in PLACES.into_iter().enumerate() {
            let seed = (100 * at + number + 1) as u64;
            cores.push((
                format!("{word} in {place}"),
                core(&secret(kind, seed)).to_owned(),
            ));
            for cut in cuts {
                steps.push(format!(
                    "sim: seed {seed}; secret kind={word} cut={cut} where={place}"
                ));
            }
        }
    }
    for (number, step) in steps.iter().enumerate() {
        tab.submit(&thread, &format!("p{number}"), step).await;
        assert_eq!(
            tab.turn_end().await.params()["turn"]["status"],
            "completed",
            "{step}"
        );
    }
    let wire: String = tab
        .events()
        .iter()
        .map(|event| event.raw.as_str())
        .collect();
    let markers = wire.matches("[REDACTED:").count();
    assert!(
        markers >= steps.len(),
        "each secret left a marker, {markers} of {}",
        steps.len()
    );
    host.stop().await;
    let log = host.log();
    let mut leaks = Vec::new();
    for (name, core) in &cores {
        if wire.contains(core) {
            leaks.push(format!("a tab was shown {name}"));
        }
        if log.contains(core) {
            leaks.push(format!("the log holds {name}"));
        }
        let files = files_with(&host.state_dir(), core);
        leaks.extend(files.into_iter().map(|file| format!("{file} holds {name}")));
    }
    assert_eq!(leaks, Vec::<String>::new());
}

#[tokio::test]
async fn deltas_and_the_finished_item_are_masked_alike() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    for (number, cut) in [1, 3, 10].into_iter().enumerate() {
        tab.submit(
            &thread,
            &format!("p{number}"),
            &format!("sim: seed 7; secret kind=github-pat cut={cut} where=text"),
        )
        .await;
        tab.turn_end().await;
    }
    for turn in folded(&tab, &thread).turns {
        let message = turn
            .items
            .iter()
            .find(|item| item.kind == "agentMessage")
            .expect("the agent spoke");
        assert!(
            message.streamed.contains("[REDACTED:github-pat#"),
            "{}",
            message.streamed
        );
        assert_eq!(message.streamed, message.text());
    }
}

#[tokio::test]
async fn a_secret_in_a_prompt_reaches_codex_and_is_masked_everywhere_else() {
    let mut host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let key = secret(SecretKind::GithubPat, 4711);
    tab.submit(&thread, "p1", &format!("Use {key} please\nsim: say \"ok\""))
        .await;
    tab.turn_end().await;
    let later = host.tab().await.attach(&thread).await.to_string();
    let wire: String = tab
        .events()
        .iter()
        .map(|event| event.raw.as_str())
        .collect();
    host.stop().await;
    assert!(!wire.contains(core(&key)) && !later.contains(core(&key)));
    assert!(later.contains("[REDACTED:github-pat#"));
    assert!(!host.log().contains(core(&key)));
}

#[tokio::test]
async fn codex_gets_no_secret_of_the_hosts_environment() {
    let host = Setup::simulated()
        .env("SOME_API_KEY", "not-for-codex-1234567890")
        .start()
        .await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: env").await;
    tab.turn_end().await;
    let names = folded(&tab, &thread).turns[0].command_output();
    assert!(names.contains("PATH"), "{names}");
    assert!(
        !names.contains("SOME_API_KEY") && !names.contains("HOLDFAST"),
        "{names}"
    );
}

#[tokio::test]
async fn no_process_shows_the_token_in_its_command_line_or_environment() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: say \"Up.\"").await;
    tab.turn_end().await;
    let processes = processes::belonging_to(host.dir());
    assert!(
        processes.contains(&host.pid()) && processes.len() > 1,
        "the host and its Codex: {processes:?}"
    );
    for pid in processes {
        for file in ["cmdline", "environ"] {
            let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            assert!(
                !String::from_utf8_lossy(&bytes).contains(host.token()),
                "/proc/{pid}/{file}"
            );
        }
    }
}
