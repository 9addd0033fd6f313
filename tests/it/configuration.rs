//! Bad configurations stop the start: status 78, and one line on stderr that names the key and never the value.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use config::Token;

use crate::support::host::{command_in, write_private};

/// Lines and the key that must be named. `TOKEN` and `DIGEST` become those of a good token, `WEAK` a bad one.
const TABLE: [(&str, &str); 38] = [
    ("", "websocket_auth_token"),
    ("websocket_auth_token = \"\"", "websocket_auth_token"),
    ("websocket_auth_token = \"WEAK\"", "websocket_auth_token"),
    (
        "websocket_auth_token = \"changemechangemechangemechangeme\"",
        "websocket_auth_token",
    ),
    ("websocket_auth_token = 17", "websocket_auth_token"),
    ("websocket_auth_token = \"TOKENx\"", "websocket_auth_token"),
    (
        "websocket_auth_token_sha256 = \"abc\"",
        "websocket_auth_token_sha256",
    ),
    (
        "websocket_auth_token_file = \"/nowhere/token\"",
        "websocket_auth_token_file",
    ),
    ("websocket_auth_tokne = \"TOKEN\"", "websocket_auth_tokne"),
    (
        "websocket_auth_required = \"no\"",
        "websocket_auth_required",
    ),
    ("DIGEST\nlisten = \"0.0.0.0:7433\"", "listen"),
    ("DIGEST\nlisten = \"[::]:7433\"", "listen"),
    ("DIGEST\nlisten = \"192.168.1.7:7433\"", "listen"),
    ("DIGEST\nlisten = \"localhost:7433\"", "listen"),
    ("DIGEST\nlisten = \"127.0.0.1:99999\"", "listen"),
    (
        "DIGEST\nallow_non_loopback = true\nlisten = \"0.0.0.0:7433\"",
        "listen",
    ),
    ("DIGEST\nallow_non_loopback = 1", "allow_non_loopback"),
    ("DIGEST\nallowed_origins = [\"*\"]", "allowed_origins"),
    ("DIGEST\nallowed_hosts = [\"*\"]", "allowed_hosts"),
    ("DIGEST\ntrusted_proxy = \"nginx\"", "trusted_proxy"),
    ("DIGEST\nstate_dir = \"\"", "state_dir"),
    (
        "DIGEST\nwebsocket_auth_token = \"TOKEN\"",
        "websocket_auth_token",
    ),
    (
        "DIGEST\n[codex]\nidle_timeout = \"soon\"",
        "codex.idle_timeout",
    ),
    ("DIGEST\n[codex]\nrestart_limit = 0", "codex.restart_limit"),
    (
        "DIGEST\n[codex]\nbackoff_min = \"1m\"\nbackoff_max = \"1s\"",
        "codex.backoff_m",
    ),
    (
        "DIGEST\n[codex]\nhighest_sandbox = \"everything\"",
        "codex.highest_sandbox",
    ),
    (
        "DIGEST\n[codex]\ndefault_sandbox = \"danger-full-access\"",
        "codex.default_sandbox",
    ),
    (
        "DIGEST\n[codex]\nallowed_methods = [\"fs/*\"]",
        "codex.allowed_methods",
    ),
    (
        "DIGEST\n[journal]\nmax_bytes = \"8GB\"",
        "journal.max_bytes",
    ),
    ("DIGEST\n[redaction]\nenabeld = false", "redaction.enabeld"),
    (
        "DIGEST\n[redaction]\ndisabled_rules = [\"no-such-rule\"]",
        "redaction.disabled_rules",
    ),
    (
        "DIGEST\n[[redaction.rules]]\nname = \"own\"\npattern = \"[a-z]+\"",
        "redaction.rules",
    ),
    (
        "DIGEST\n[[redaction.rules]]\nname = \"own\"\ncue = \"x\"",
        "redaction.rules",
    ),
    (
        "DIGEST\n[[redaction.rules]]\nname = \"own\"",
        "redaction.rules[1].pattern",
    ),
    ("DIGEST\n[limits]\nframe_bytes = 0", "limits.frame_bytes"),
    ("DIGEST\n[log]\nlevel = \"TOKEN\"", "log.level"),
    ("DIGEST\n[log", "log"),
    ("DIGEST\nTOKEN", "syntax"),
];

/// Obviously a bad token, and long enough to be found in a message.
const WEAK: &str = "hunter2-hunter2";

/// Runs `serve` with the file `config` and waits for its end.
fn serve(dir: &Path, config: &Path) -> Output {
    let mut command: Command = command_in(dir);
    command
        .args(["serve", "--config"])
        .arg(config)
        .output()
        .unwrap()
}

/// Asserts that a start was refused with one line that names `key`, and returns the line.
fn refusal(output: &Output, key: &str) -> String {
    let line = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{key}: {line}");
    assert_eq!(line.lines().count(), 1, "{key}: {line}");
    assert!(line.contains(key), "{key} is not named in: {line}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    line
}

#[test]
fn each_bad_configuration_ends_with_78_and_one_line_that_names_the_key() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let token = Token::generate().unwrap();
    let digest = format!(
        "websocket_auth_token_sha256 = \"{}\"",
        token.digest().to_hex()
    );
    let config = dir.path().join("holdfast.toml");
    for (lines, key) in TABLE {
        let text = lines
            .replace("DIGEST", &digest)
            .replace("TOKEN", token.reveal())
            .replace("WEAK", WEAK);
        write_private(&config, &format!("{text}\n"));
        let line = refusal(&serve(dir.path(), &config), key);
        assert!(
            !line.contains(token.reveal()) && !line.contains(WEAK),
            "the line shows a secret for {key}"
        );
        assert!(
            !line.contains(&token.digest().to_hex()),
            "the line shows a digest for {key}"
        );
    }
}

#[test]
fn files_that_others_can_reach_are_refused() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let token = Token::generate().unwrap();
    let config = dir.path().join("holdfast.toml");
    let good = format!(
        "websocket_auth_token_sha256 = \"{}\"\nlisten = \"127.0.0.1:0\"\n",
        token.digest().to_hex()
    );
    write_private(&config, &good);
    let mode = |mode: u32| fs::set_permissions(&config, fs::Permissions::from_mode(mode)).unwrap();
    for open in [0o622, 0o666] {
        mode(open);
        refusal(&serve(dir.path(), &config), "holdfast.toml");
    }
    mode(0o600);
    let link = dir.path().join("link.toml");
    std::os::unix::fs::symlink(&config, &link).unwrap();
    refusal(&serve(dir.path(), &link), "link.toml");
    refusal(
        &serve(dir.path(), &dir.path().join("missing.toml")),
        "missing.toml",
    );
}

#[test]
fn a_token_on_the_command_line_is_refused() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let token = Token::generate().unwrap();
    let output = command_in(dir.path())
        .args(["serve", "--token", token.reveal()])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(!String::from_utf8_lossy(&output.stdout).contains("listening"));
}

#[test]
fn a_bad_token_in_the_environment_is_named_and_not_shown() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let config = dir.path().join("holdfast.toml");
    write_private(&config, "listen = \"127.0.0.1:0\"\n");
    let mut command = command_in(dir.path());
    command
        .args(["serve", "--config"])
        .arg(&config)
        .env("HOLDFAST_WEBSOCKET_AUTH_TOKEN", WEAK);
    let line = refusal(&command.output().unwrap(), "websocket_auth_token");
    assert!(!line.contains(WEAK));
}
