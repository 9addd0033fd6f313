//! The control socket and the commands that use it: who may speak there, pairing, and taking up new credentials.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use config::Token;
use rustix::process::Signal;
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::support::host::{HOLDFAST, Said, command_in, write_private};
use crate::support::http::upgrade;
use crate::support::{Browser, GUARD, Setup, TestHost, eventually};

/// How soon a socket must be gone whose credential is.
const SOON: Duration = Duration::from_secs(1);

/// The link that `pair` printed.
fn link(said: &Said) -> String {
    let found = said.out.lines().find(|line| line.contains("/#pair="));
    found
        .unwrap_or_else(|| panic!("no link: {} {}", said.out, said.err))
        .to_owned()
}

/// The code in it.
fn code(said: &Said) -> String {
    let link = link(said);
    link.split_once("#pair=").expect("a code").1.to_owned()
}

/// Writes `line` to the control socket and reads until the host hangs up.
fn talk(host: &TestHost, line: &[u8]) -> String {
    let mut stream = UnixStream::connect(host.state_dir().join("control.sock")).unwrap();
    stream.set_read_timeout(Some(GUARD)).unwrap();
    // A host that refuses early hangs up while we still write.
    let _refused = stream.write_all(line);
    let mut answer = String::new();
    let _reset = stream.read_to_string(&mut answer);
    answer
}

/// The configuration with another token; gives the token.
fn rotate(host: &TestHost) -> Token {
    let token = Token::generate().unwrap();
    let text = fs::read_to_string(host.config_file()).unwrap();
    let lines = text.lines().map(|line| {
        if line.starts_with("websocket_auth_token_sha256") {
            format!(
                "websocket_auth_token_sha256 = \"{}\"",
                token.digest().to_hex()
            )
        } else {
            line.to_owned()
        }
    });
    let text: Vec<String> = lines.collect();
    write_private(&host.config_file(), &text.join("\n"));
    token
}

async fn status_of(host: &TestHost, token: &str) -> u16 {
    let headers = format!("Authorization: Bearer {token}\r\n");
    upgrade(host.addr(), "/ws", &headers).await.status
}

#[tokio::test]
async fn a_pairing_link_signs_one_device_in_once_with_its_role_and_is_never_logged() {
    let mut host = Setup::simulated()
        .set("log", "level = \"trace\"")
        .start()
        .await;
    let said = host.run(&["pair", "--role", "view"]).await;
    assert_eq!(said.status, Some(0), "{}", said.err);
    assert!(link(&said).starts_with(&format!("http://{}/#pair=", host.addr())));
    let code = code(&said);

    assert_eq!(
        status_of(&host, &code).await,
        401,
        "a code is no bearer token"
    );
    let phone = Browser::sign_in(host.addr(), &code, "it").await;
    let phone = phone.unwrap_or_else(|status| panic!("the code gives {status}"));
    assert_eq!(phone.role, "view");
    let again = Browser::sign_in(host.addr(), &code, "it").await;
    assert_eq!(again.err(), Some(401), "a second use");

    let mut tab = phone.tab().await.expect("both halves are right");
    for method in ["thread/start", "host/signIns/list", "host/signIns/revoke"] {
        let refused = tab.call(method, json!({})).await.unwrap_err();
        assert_eq!(refused.code, -32003, "{method}");
    }
    host.stop().await;
    let log = host.log();
    assert!(log.contains("a pairing link was made"));
    assert!(!log.contains(&code), "the code is in the log");
}

#[tokio::test]
async fn a_link_leads_to_the_https_origin_or_to_another_allowed_one() {
    let host = Setup::simulated()
        .set(
            "",
            "allowed_origins = [\"http://localhost:9\", \"https://dev.example.ts.net\"]",
        )
        .start()
        .await;
    let best = host.run(&["pair"]).await;
    assert!(link(&best).starts_with("https://dev.example.ts.net/#pair="));
    let chosen = host.run(&["pair", "--origin", "http://localhost:9"]).await;
    assert!(link(&chosen).starts_with("http://localhost:9/#pair="));
    let foreign = host
        .run(&["pair", "--origin", "https://evil.example"])
        .await;
    assert_eq!((foreign.status, &*foreign.out), (Some(1), ""));
    assert!(
        foreign.err.contains("https://dev.example.ts.net"),
        "it says which there are: {}",
        foreign.err
    );
}

#[tokio::test]
async fn the_control_socket_is_private_and_goes_with_the_host() {
    let mut host = Setup::simulated().start().await;
    let socket = host.state_dir().join("control.sock");
    let found = socket.symlink_metadata().unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o7777, 0o600);
    assert!(host.stop().await.success());
    assert!(!socket.exists());
    for command in ["pair", "reload", "sign-ins"] {
        let said = host.run(&[command]).await;
        assert_eq!((said.status, &*said.out), (Some(1), ""), "{command}");
        assert!(said.err.contains("holdfast serve"), "{}", said.err);
    }
}

#[tokio::test]
async fn a_socket_left_by_a_killed_host_is_taken_over_and_nothing_else_is() {
    let mut host = Setup::simulated().start().await;
    host.kill9().await;
    let socket = host.state_dir().join("control.sock");
    assert!(socket.exists(), "nobody removed it");
    host.restart().await;
    assert_eq!(host.run(&["sign-ins"]).await.status, Some(0));
    host.stop().await;

    let elsewhere = host.dir().join("elsewhere");
    drop(UnixListener::bind(&elsewhere).unwrap());
    symlink(&elsewhere, &socket).unwrap();
    let said = host.run(&["serve"]).await;
    assert_eq!(said.status, Some(1));
    assert!(said.err.contains("control.sock"), "{}", said.err);
    assert!(elsewhere.exists() && socket.is_symlink());
    fs::remove_file(&socket).unwrap();
    host.restart().await;
}

#[tokio::test]
async fn another_user_is_hung_up_on_before_a_byte_is_read() {
    if !rustix::process::geteuid().is_root() {
        return; // Only root can become somebody else.
    }
    let host = Setup::simulated().start().await;
    let socket = host.state_dir().join("control.sock");
    // As if every file permission on the way had failed.
    for (path, mode) in [
        (host.dir().to_owned(), 0o711),
        (host.state_dir(), 0o711),
        (socket.clone(), 0o666),
    ] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let nobody = 65_534;
    let answer = spawn_blocking(move || {
        // The system call changes this thread alone, which ends here.
        std::thread::spawn(move || {
            let (user, group) = (
                rustix::process::Uid::from_raw(nobody),
                rustix::process::Gid::from_raw(nobody),
            );
            rustix::thread::set_thread_res_gid(group, group, group).unwrap();
            rustix::thread::set_thread_res_uid(user, user, user).unwrap();
            let mut stream = UnixStream::connect(socket).unwrap();
            stream.set_read_timeout(Some(GUARD)).unwrap();
            let _refused = stream.write_all(b"{\"command\":\"signIns\"}\n");
            let mut answer = String::new();
            let _reset = stream.read_to_string(&mut answer);
            answer
        })
        .join()
        .unwrap()
    });
    assert_eq!(answer.await.unwrap(), "");
    let log = host.log();
    assert!(
        log.contains("a peer of the control socket is turned away") && log.contains("uid=65534"),
        "{log}"
    );
    assert_eq!(host.run(&["sign-ins"]).await.status, Some(0));
}

#[tokio::test]
async fn a_command_that_codex_runs_gets_no_pairing_link() {
    let dir = tempfile::Builder::new()
        .prefix("holdfast-it-")
        .tempdir_in("/var/tmp")
        .unwrap();
    let (codex, said) = (dir.path().join("codex"), dir.path().join("said"));
    // Codex as a program that first asks for a link, with everything that the host's own user may read.
    let script = format!(
        "#!/bin/sh\nconfig=\"$(dirname \"$CODEX_HOME\")/holdfast.toml\"\n\
         setsid {HOLDFAST} pair --config \"$config\" >{said} 2>&1\nexec {HOLDFAST} simulated-codex \"$@\"\n",
        said = said.display()
    );
    fs::write(&codex, script).unwrap();
    fs::set_permissions(&codex, fs::Permissions::from_mode(0o700)).unwrap();
    let host = Setup::simulated()
        .set("codex", &format!("path = {codex:?}"))
        .set("codex", "args = []")
        .start()
        .await;
    host.tab().await.start_session(&host.work()).await;
    let said = fs::read_to_string(&said).unwrap();
    assert!(!said.contains("#pair="), "{said}");
    assert!(said.contains("turns away"), "{said}");
    assert!(host.log().contains("started by this host"));
    assert_eq!(host.run(&["pair"]).await.status, Some(0), "its owner does");
}

#[tokio::test]
async fn requests_are_bounded_in_size_number_and_time() {
    let host = Setup::simulated().start().await;
    let long = vec![b'x'; 5_000];
    assert!(talk(&host, &long).contains("at most 4096 bytes"));
    for odd in [&b"{}\n"[..], b"\xff\n", b"GET / HTTP/1.1\n"] {
        assert!(talk(&host, odd).contains("does not understand"));
    }
    let socket = host.state_dir().join("control.sock");
    let started = Instant::now();
    let mut silent: Vec<UnixStream> = Vec::new();
    for _ in 0..8 {
        silent.push(UnixStream::connect(&socket).unwrap());
    }
    assert_eq!(talk(&host, b"{\"command\":\"signIns\"}\n"), "", "no seat");
    let ends = spawn_blocking(move || {
        for stream in &mut silent {
            stream.set_read_timeout(Some(GUARD)).unwrap();
            assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0, "hung up");
        }
    });
    ends.await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(4), "too early");
    assert_eq!(host.run(&["sign-ins"]).await.status, Some(0));
}

#[tokio::test]
async fn a_rotated_token_ends_its_sockets_and_sign_ins_and_no_codex() {
    let host = Setup::simulated().start().await;
    let mut program = host.tab().await;
    let browser = Browser::sign_in(host.addr(), host.token(), "it").await;
    let browser = browser.expect("the token is right");
    let mut page = browser.tab().await.expect("both halves are right");
    let thread = program.start_session(&host.work()).await;
    program.submit(&thread, "p1", "Hello there").await;
    program.turn_end().await;
    let pids = |status: &serde_json::Value| {
        let bridges = status["bridges"].as_array().expect("bridges").iter();
        bridges
            .map(|bridge| bridge["pid"].clone())
            .collect::<Vec<_>>()
    };
    let before = program.call("host/status", json!({})).await.unwrap();
    assert_eq!(before["reload"], json!(null));

    let token = rotate(&host);
    let said = host.run(&["reload"]).await;
    let reloaded = Instant::now();
    assert_eq!(
        (said.status, &*said.out),
        (
            Some(0),
            "tokens: 1 new, 1 gone; 1 sign-in ended with them\n"
        ),
        "{}",
        said.err
    );
    assert_eq!(program.close().await.0, 4401);
    assert_eq!(page.close().await.0, 4401);
    assert!(reloaded.elapsed() < SOON, "{:?}", reloaded.elapsed());
    assert_eq!(status_of(&host, host.token()).await, 401);
    assert_eq!(browser.tab().await.err(), Some(401));

    let mut tab = crate::support::Client::connect(host.addr(), token.reveal()).await;
    let after = tab.call("host/status", json!({})).await.unwrap();
    assert_eq!(pids(&after), pids(&before), "Codex runs on");
    assert_eq!(
        (&after["reload"]["ok"], &after["reload"]["needsRestart"]),
        (&json!(true), &json!([]))
    );
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_is_told_everywhere() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let good = fs::read_to_string(host.config_file()).unwrap();
    let config = host.config_file().display().to_string();
    let holder = host.dir().display().to_string();
    let cases = [
        (
            "a short token",
            "websocket_auth_token",
            "websocket_auth_token = \"short\"\n".to_owned()
                + &good.replace("websocket_auth_token_sha256", "#"),
        ),
        ("an unknown key", "colour", format!("colour = 1\n{good}")),
        // What an agent that may write the file would do: a workspace that holds it.
        (
            "a workspace around it",
            "codex.workspaces",
            good.replace(
                "[codex]\n",
                &format!("[codex]\nworkspaces = [{holder:?}]\n"),
            ),
        ),
        (
            "no sign-in at all",
            "websocket_auth_required",
            format!("websocket_auth_required = false\n{good}"),
        ),
    ];
    for (what, key, text) in cases {
        write_private(&host.config_file(), &text);
        let said = host.run(&["reload"]).await;
        assert_eq!((said.status, &*said.out), (Some(1), ""), "{what}");
        assert!(said.err.contains(key), "{what}: {}", said.err);
        assert!(host.log().contains(&format!("{key}: ")), "{what} is logged");
        let status = tab.call("host/status", json!({})).await.unwrap();
        assert_eq!(status["reload"]["ok"], json!(false), "{what}");
        assert_eq!(status_of(&host, host.token()).await, 101, "{what}");
    }
    fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).unwrap();
    let said = host.run(&["reload"]).await;
    assert_eq!(said.status, Some(78), "readable for others");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();

    let other = good.replace("[log]\n", "[limits]\ntabs = 7\n\n[log]\n");
    write_private(&host.config_file(), &other);
    let said = host.run(&["reload"]).await;
    assert_eq!(said.status, Some(0), "{}", said.err);
    assert!(said.out.contains("waiting for a restart: limits"));
    let status = tab.call("host/status", json!({})).await.unwrap();
    assert_eq!(status["reload"]["needsRestart"], json!(["limits"]));
}

#[tokio::test]
async fn the_hangup_signal_takes_up_new_credentials_too() {
    let host = Setup::simulated().start().await;
    let mut old = host.tab().await;
    let token = rotate(&host);
    let signalled = Instant::now();
    host.signal(Signal::HUP);
    assert_eq!(old.close().await.0, 4401);
    assert!(signalled.elapsed() < SOON, "{:?}", signalled.elapsed());
    let mut tab = crate::support::Client::connect(host.addr(), token.reveal()).await;

    fs::write(host.config_file(), "colour = 1\n").unwrap();
    host.signal(Signal::HUP);
    let reload = eventually("the failed reload shows", async || {
        let status = tab.call("host/status", json!({})).await.unwrap();
        let reload = status["reload"].clone();
        (reload["ok"] == json!(false)).then_some(reload)
    });
    let error = reload.await["error"].to_string();
    assert!(error.contains("colour"), "{error}");
    assert_eq!(status_of(&host, token.reveal()).await, 101);
}

#[tokio::test]
async fn an_unpublished_host_and_a_foreign_folder_are_told_apart() {
    let dir = tempfile::Builder::new()
        .prefix("holdfast-it-")
        .tempdir_in("/var/tmp")
        .unwrap();
    let output = command_in(dir.path())
        .args(["pair", "--config", "missing.toml"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
    let output = command_in(dir.path()).arg("pair").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("control.sock") && text.contains("--config"),
        "{text}"
    );
}

#[tokio::test]
async fn check_finds_the_running_host_at_its_control_socket() {
    let host = Setup::simulated().start().await;
    let said = host.run(&["check"]).await;
    let line = said.out.lines().find(|line| line.contains("  control: "));
    let line = line.unwrap_or_else(|| panic!("{} {}", said.out, said.err));
    assert!(
        line.starts_with("ok") && line.ends_with(&format!("process {}", host.pid())),
        "{line}"
    );
    assert_eq!(said.status, Some(0), "{}", said.out);
}

#[tokio::test]
async fn risky_settings_are_told_to_those_who_may_do_everything() {
    let host = Setup::simulated()
        .set("codex", "highest_approval_policy = \"never\"")
        .start()
        .await;
    let status = host.tab().await.call("host/status", json!({})).await;
    let warnings = status.unwrap()["warnings"].to_string();
    assert!(warnings.contains("highest_approval_policy"), "{warnings}");
    let is_root = rustix::process::geteuid().is_root();
    assert_eq!(warnings.contains("running as root"), is_root);
    assert_eq!(host.log().contains("running as root"), is_root);

    let code = code(&host.run(&["pair", "--role", "approve"]).await);
    let phone = Browser::sign_in(host.addr(), &code, "it").await;
    let phone = phone.unwrap_or_else(|status| panic!("the code gives {status}"));
    let mut tab = phone.tab().await.expect("both halves are right");
    let status = tab.call("host/status", json!({})).await.unwrap();
    assert_eq!(status["warnings"], json!(null));
}
