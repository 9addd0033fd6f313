//! What a host does about what Tailscale publishes of it, with a program in the place of `tailscale` that says it.
//!
//! Not the headers of Serve, which `web` tests; and not Tailscale itself.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use config::Token;
use serde_json::{Value, json};

use crate::support::host::{command_in, simulated_codex, write_private};

/// The port in the configuration; nothing listens there unless a test gets as far.
const PORT: u16 = 47_433;

/// A folder with a configuration, and a `tailscale` that gives `status`.
struct Published {
    dir: tempfile::TempDir,
}

impl Published {
    fn new(settings: &str, status: &Value) -> Self {
        let dir = tempfile::tempdir_in("/var/tmp").unwrap();
        let digest = Token::generate().unwrap().digest().to_hex();
        // Top-level keys first, then whatever sections the test brings.
        let text = format!(
            "state_dir = \"state\"\nwebsocket_auth_token_sha256 = \"{digest}\"\n{settings}\n[codex]\nhome = \"codex\"\n{}\n",
            simulated_codex()
        );
        write_private(&dir.path().join("holdfast.toml"), &text);
        let program = dir.path().join("tailscale");
        fs::write(&program, format!("#!/bin/sh\ncat <<'END'\n{status}\nEND\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        Self { dir }
    }

    /// `holdfast` with this command, which finds the program before any other of that name.
    fn run(&self, command: &str) -> Output {
        let mut holdfast: Command = command_in(self.dir.path());
        let path = std::env::var("PATH").unwrap_or_default();
        holdfast.env("PATH", format!("{}:{path}", self.dir.path().display()));
        let config = self.dir.path().join("holdfast.toml");
        holdfast
            .arg(command)
            .arg("--config")
            .arg(config)
            .output()
            .unwrap()
    }
}

/// A Serve configuration that leads to `target`, on Funnel or not.
fn web(target: &str, funnel: bool) -> Value {
    json!({
        "TCP": {"443": {"HTTPS": true}},
        "Web": {"dev.example.ts.net:443": {"Handlers": {"/": {"Proxy": target}}}},
        "AllowFunnel": {"dev.example.ts.net:443": funnel}
    })
}

/// The settings of a host behind Serve over loopback, as docs/tailscale.md has them.
fn over_loopback() -> String {
    format!(
        "listen = \"127.0.0.1:{PORT}\"\n{}",
        example("127.0.0.1:7433").replace("7433", &PORT.to_string())
    )
}

/// The first TOML example of docs/tailscale.md that holds `word`, without its token.
fn example(word: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tailscale.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks = page
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let block = blocks
        .into_iter()
        .find(|block| block.contains(word))
        .expect("an example");
    let kept =
        |line: &&str| !line.starts_with("websocket_auth_token") && !line.starts_with("listen");
    block
        .lines()
        .filter(kept)
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn row_24_a_host_that_the_internet_can_reach_does_not_start() {
    let target = format!("http://127.0.0.1:{PORT}");
    let raw = json!({"TCP": {"9000": {"TCPForward": format!("127.0.0.1:{PORT}")}}});
    for (status, word) in [(web(&target, true), "Funnel"), (raw, "raw")] {
        let host = Published::new(&over_loopback(), &status);
        let output = host.run("serve");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{said}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        assert!(
            said.lines().last().is_some_and(|line| line.contains(word)),
            "{said}"
        );
        let checked = host.run("check");
        assert_eq!(checked.status.code(), Some(1));
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(
            said.lines()
                .any(|line| line.starts_with("fail  tailscale: ") && line.contains(word)),
            "{said}"
        );
    }
}

#[test]
fn the_documented_ways_to_publish_pass_the_check() {
    let socket = |host: &Path| format!("unix:{}", host.join("holdfast.sock").display());
    let loopback = Published::new(
        &over_loopback(),
        &web(&format!("http://127.0.0.1:{PORT}"), false),
    );
    let unix = Published::new(
        &format!("listen = \"unix:holdfast.sock\"\n{}", example("unix:")),
        &json!(null),
    );
    let program = unix.dir.path().join("tailscale");
    let status = web(&socket(unix.dir.path()), false);
    fs::write(&program, format!("#!/bin/sh\ncat <<'END'\n{status}\nEND\n")).unwrap();
    let named = Published::new(
        &format!(
            "listen = \"127.0.0.1:{PORT}\"\n{}",
            example("allow_users").replace("7433", &PORT.to_string())
        ),
        &web(&format!("http://127.0.0.1:{PORT}"), false),
    );
    for host in [loopback, unix, named] {
        let output = host.run("check");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        let line = said.lines().find(|line| line.contains("tailscale:"));
        assert_eq!(
            line,
            Some(
                "ok    tailscale: Serve publishes this host under dev.example.ts.net, Funnel is off"
            )
        );
    }
}

#[test]
fn serve_without_the_setting_is_refused_by_the_check() {
    let settings = format!("listen = \"127.0.0.1:{PORT}\"");
    let host = Published::new(&settings, &web(&format!("http://127.0.0.1:{PORT}"), false));
    let output = host.run("check");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("set tailscale.serve = true"), "{said}");
}
