//! The commands that are clients of a host: the built binary against a real host, over its real wire.

mod attaching;
mod exporting;
mod sending;

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::support::host::{Said, command_in, write_private};
use crate::support::{GUARD, Setup, TestHost};

/// A client command that is let in by a token file, pointed at the host.
fn command(host: &TestHost, args: &[&str]) -> Command {
    command_at(host, &format!("http://{}", host.addr()), args)
}

fn command_at(host: &TestHost, url: &str, args: &[&str]) -> Command {
    let file = host.dir().join("client-token");
    write_private(&file, host.token());
    let mut command = command_in(host.dir());
    command
        .args(args)
        .env("HOLDFAST_TOKEN_FILE", file)
        .env("HOLDFAST_URL", url);
    command.stdin(Stdio::null());
    let mut command = Command::from(command);
    command.kill_on_drop(true);
    command
}

/// Runs a client command to its end.
async fn run(host: &TestHost, args: &[&str]) -> Said {
    finish(command(host, args), args).await
}

async fn finish(mut command: Command, what: &[&str]) -> Said {
    let output = timeout(GUARD, command.output()).await;
    let output = output
        .unwrap_or_else(|_| panic!("{what:?} goes on for {GUARD:?}"))
        .unwrap();
    Said {
        status: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A client command that runs on while the test goes on.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What stdout said so far, with newlines.
    out: String,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        Self {
            child,
            lines,
            out: String::new(),
        }
    }

    /// Reads stdout until a line holds `wanted`.
    async fn until(&mut self, wanted: &str) {
        let found = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.out += &line;
                self.out.push('\n');
                if line.contains(wanted) {
                    return true;
                }
            }
            false
        };
        match timeout(GUARD, found).await {
            Ok(true) => {}
            Ok(false) => panic!("stdout ended without {wanted}:\n{}", self.out),
            Err(_) => panic!(
                "waited {GUARD:?} in vain for {wanted}; stdout:\n{}",
                self.out
            ),
        }
    }

    /// Presses Ctrl-C and takes everything.
    async fn leave(mut self) -> Said {
        let pid = self.child.id().expect("it runs");
        crate::support::processes::send(pid, rustix::process::Signal::INT);
        self.end().await
    }

    /// Waits for its end.
    async fn end(&mut self) -> Said {
        let rest = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.out += &line;
                self.out.push('\n');
            }
            let mut err = String::new();
            self.child
                .stderr
                .take()
                .expect("stderr is piped")
                .read_to_string(&mut err)
                .await
                .unwrap();
            (self.child.wait().await.unwrap(), err)
        };
        let (status, err) = timeout(GUARD, rest).await.expect("the command ends");
        Said {
            status: status.code(),
            out: std::mem::take(&mut self.out),
            err,
        }
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[tokio::test]
async fn sessions_and_status_are_told_to_people_and_to_programs() {
    let host = Setup::simulated().start().await;
    assert_eq!(run(&host, &["sessions"]).await.out, "no sessions\n");
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: say \"Done.\"").await;
    tab.turn_end().await;
    tab.call(
        "thread/name/set",
        json!({"threadId": thread, "name": "Reef\u{1b}]0;x\u{7} survey"}),
    )
    .await
    .unwrap();

    let json = run(&host, &["sessions", "--json"]).await;
    let list = parsed(&json.out);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(list["data"][0]["threadId"], thread.as_str());
    let told = run(&host, &["sessions"]).await;
    assert_eq!(told.status, Some(0), "{}", told.err);
    let rows: Vec<&str> = told.out.lines().collect();
    assert!(
        rows[0].starts_with("ID ") && rows[0].ends_with("FOLDER"),
        "{}",
        told.out
    );
    assert!(
        rows[1].starts_with(&thread[..8]) && rows[1].contains("Reef survey"),
        "{}",
        told.out
    );
    assert!(
        !told.out.contains('\u{1b}'),
        "no colours and no sequences into a pipe"
    );

    let status = parsed(&run(&host, &["status", "--json"]).await.out);
    for key in [
        "version", "uptimeMs", "tree", "bridges", "tabs", "sessions", "journal",
    ] {
        assert!(!status[key].is_null(), "{key} in {status}");
    }
    let told = run(&host, &["status"]).await;
    assert!(
        told.out.contains("  sessions  1, 1 awake\n") && told.out.contains("BRIDGE"),
        "{}",
        told.out
    );
}

#[tokio::test]
async fn who_is_not_let_in_or_finds_nothing_is_told_by_the_exit_status() {
    let host = Setup::simulated().start().await;
    let mut without = command(&host, &["sessions"]);
    without.env_remove("HOLDFAST_TOKEN_FILE");
    let said = finish(without, &["sessions"]).await;
    assert_eq!(said.status, Some(5), "{said:?}");
    assert!(said.err.contains("--token-file"), "{}", said.err);

    let mut wrong = command(&host, &["sessions"]);
    let other = config::Token::generate().unwrap();
    wrong
        .env_remove("HOLDFAST_TOKEN_FILE")
        .env("HOLDFAST_TOKEN", other.reveal());
    let said = finish(wrong, &["sessions"]).await;
    assert_eq!(
        (said.status, said.err.contains("does not know this token")),
        (Some(5), true),
        "{said:?}"
    );
    assert!(!said.err.contains(other.reveal()));

    assert_eq!(
        run(&host, &["attach", "nothing-begins-so"]).await.status,
        Some(3)
    );
    let elsewhere = command_at(&host, "http://dev.example.ts.net", &["sessions"]);
    let said = finish(elsewhere, &["sessions"]).await;
    assert_eq!(
        (said.status, said.err.contains("unencrypted")),
        (Some(78), true),
        "{said:?}"
    );
    let nobody = command_at(&host, "http://127.0.0.1:1", &["sessions"]);
    assert_eq!(finish(nobody, &["sessions"]).await.status, Some(4));
}

#[tokio::test]
async fn a_host_behind_a_unix_socket_is_found_by_its_configuration() {
    let host = Setup::simulated().start().await;
    let socket = host.dir().join("h.sock");
    let config = host.dir().join("unix.toml");
    let digest = config::Token::parse(host.token())
        .unwrap()
        .digest()
        .to_hex();
    write_private(
        &config,
        &format!(
            "listen = \"unix:{}\"\nallowed_hosts = [\"reef.example.ts.net\"]\nstate_dir = \"state2\"\nwebsocket_auth_token_sha256 = \"{digest}\"\n[codex]\n{}\n",
            socket.display(),
            crate::support::host::simulated_codex()
        ),
    );
    let mut serve = Command::from(command_in(host.dir()));
    serve
        .args(["serve", "--config"])
        .arg(&config)
        .kill_on_drop(true);
    let mut serve = Running::start(serve);
    serve.until("holdfast listening").await;
    let mut by_config = command(
        &host,
        &["status", "--json", "--config", config.to_str().unwrap()],
    );
    by_config.env_remove("HOLDFAST_URL");
    let said = finish(by_config, &["status"]).await;
    assert_eq!(said.status, Some(0), "{}", said.err);
    assert_eq!(parsed(&said.out)["sessions"], 0);
    let url = format!("unix:{}", socket.display());
    let by_url = command_at(
        &host,
        &url,
        &["sessions", "--config", config.to_str().unwrap()],
    );
    assert_eq!(finish(by_url, &["sessions"]).await.out, "no sessions\n");
    crate::support::processes::send(serve.child.id().unwrap(), rustix::process::Signal::TERM);
    assert_eq!(serve.end().await.status, Some(0));
}

#[tokio::test]
async fn what_waits_is_shown_whole_and_answered_once() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(
        &thread,
        "p1",
        "sim: approve cmd=\"echo made\" reason=\"May I?\"; say \"Done.\"",
    )
    .await;
    let asked = tab.next("item/commandExecution/requestApproval").await;
    let id = asked.id().unwrap().as_str().unwrap();

    let list = run(&host, &["approve"]).await;
    assert!(
        list.out.contains("echo made") && list.out.contains("May I?") && list.out.contains(id),
        "{}",
        list.out
    );
    let json = parsed(&run(&host, &["approve", "--json"]).await.out);
    assert_eq!(
        (&json["data"][0]["id"], &json["data"][0]["threadId"]),
        (&json!(id), &json!(thread))
    );
    assert_eq!(
        run(&host, &["approve", &thread, "yes"]).await.status,
        Some(2)
    );
    assert_eq!(
        run(&host, &["approve", &thread, "no-such", "accept"])
            .await
            .status,
        Some(10)
    );

    let end = id.split_once('/').expect("it begins with its session").1;
    let answered = run(&host, &["approve", &thread, end, "accept"]).await;
    assert_eq!(answered.status, Some(0), "{}", answered.err);
    let shown = answered.out.find("echo made").expect("it is shown");
    assert!(
        answered.out[shown..].contains("answered: accept by main"),
        "{}",
        answered.out
    );
    let resolved = tab.next("serverRequest/resolved").await;
    assert_eq!(resolved.params()["decision"], "accept");
    assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
    let late = run(&host, &["approve", &thread, "accept"]).await;
    assert_eq!(late.status, Some(10), "{late:?}");
    assert_eq!(run(&host, &["approve"]).await.out, "nothing waits\n");
}
