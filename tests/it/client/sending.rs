//! `holdfast send`: once, whatever breaks, and an exit status that says how it ended.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpStream, UnixListener, UnixStream};

use super::{Running, command, command_at, finish, parsed, run};
use crate::bridges::folded;
use crate::support::{Setup, TestHost};

/// Passes connections on to the host, under the host's name, and hangs up the first one instead of passing on what holds
/// `word`: an acknowledgement that is lost.
fn losing(word: &'static str, socket: &Path, host: SocketAddr) -> tokio::task::JoinHandle<()> {
    let listener = UnixListener::bind(socket).unwrap();
    tokio::spawn(async move {
        let has_lost = Arc::new(AtomicBool::new(false));
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass(client, host, word, Arc::clone(&has_lost)));
        }
    })
}

async fn pass(client: UnixStream, host: SocketAddr, word: &str, has_lost: Arc<AtomicBool>) {
    let mut upstream = TcpStream::connect(host).await.unwrap();
    let (read, mut to_client) = client.into_split();
    let mut read = BufReader::new(read);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if read.read_line(&mut line).await.unwrap() == 0 {
            return;
        }
        if line.to_ascii_lowercase().starts_with("host:") {
            line = format!("Host: {host}\r\n");
        }
        upstream.write_all(line.as_bytes()).await.unwrap();
    }
    let (mut from_host, mut to_host) = upstream.into_split();
    let up = async move {
        let _gone = tokio::io::copy(&mut read, &mut to_host).await;
        let _gone = to_host.shutdown().await;
        std::future::pending::<()>().await;
    };
    let down = async {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from_host.read(&mut buffer).await {
            let text = String::from_utf8_lossy(&buffer[..length]);
            if text.contains(word) && !has_lost.swap(true, Ordering::Relaxed) {
                break;
            }
            if to_client.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

async fn turns(host: &TestHost, thread: &str) -> usize {
    let mut tab = host.tab().await;
    let journal = crate::feeds::journal_of(&mut tab).await;
    let attached = tab.attach_after(thread, 0, &journal).await;
    let head = attached["head"].as_u64().unwrap();
    tab.next_where("the head", |event| event.seq == Some(head))
        .await;
    folded(&tab, thread).turns.len()
}

#[tokio::test]
async fn a_prompt_whose_acknowledgement_is_lost_runs_once() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let socket = host.dir().join("lossy.sock");
    let proxy = losing("\"duplicate\":false", &socket, host.addr());
    let args = ["send", &thread, "sim: say \"Once.\"", "--wait", "--json"];
    let said = finish(
        command_at(&host, &format!("unix:{}", socket.display()), &args),
        &args,
    )
    .await;
    proxy.abort();
    assert_eq!(said.status, Some(0), "{}", said.err);
    let report = parsed(&said.out);
    assert_eq!(
        report["duplicate"], true,
        "the second connection found it there: {report}"
    );
    assert_eq!(
        (&report["turn"]["status"], &report["answer"]),
        (&json!("completed"), &json!("Once."))
    );
    let id = report["promptId"].as_str().unwrap();
    assert!(
        said.err.contains(id),
        "told before it was sent: {}",
        said.err
    );

    let again = run(
        &host,
        &["send", &thread, "sim: say \"Once.\"", "--id", id, "--wait"],
    )
    .await;
    assert_eq!(
        (again.status, again.out.as_str()),
        (Some(0), "Once.\n"),
        "{}",
        again.err
    );
    assert_eq!(turns(&host, &thread).await, 1);
}

#[tokio::test]
async fn a_prompt_waits_for_a_host_that_is_away_and_its_end_over_a_kill() {
    let mut host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p0", "sim: say \"First.\"").await;
    tab.turn_end().await;
    host.kill9().await;
    let sending = Running::start(command(
        &host,
        &[
            "send",
            &thread,
            "sim: text count=4000 rate=200/s",
            "--wait",
            "--id",
            "p1",
        ],
    ));
    host.restart().await;
    let mut tab = host.tab().await;
    tab.attach(&thread).await;
    tab.deltas(5).await;
    host.kill9().await;
    host.restart().await;
    let said = { sending }.end().await;
    assert_eq!(said.status, Some(7), "{said:?}");
    assert!(
        said.err.contains("the turn is interrupted")
            && said.err.contains("the link tab-host is back"),
        "{}",
        said.err
    );
    assert_eq!(turns(&host, &thread).await, 2);
}

#[tokio::test]
async fn the_exit_status_tells_how_the_turn_ended() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let good = run(
        &host,
        &[
            "send",
            &thread,
            "sim: say \"Part one.\"; run cmd=\"echo x\"; say \"The answer.\"",
            "--wait",
        ],
    )
    .await;
    assert_eq!(
        (good.status, good.out.as_str()),
        (Some(0), "The answer.\n"),
        "{}",
        good.err
    );
    let failed = run(
        &host,
        &["send", &thread, "sim: fail usageLimitExceeded", "--wait"],
    )
    .await;
    assert_eq!(failed.status, Some(6), "{failed:?}");
    let sent = run(&host, &["send", &thread, "sim: hang after=3", "--id", "h1"]).await;
    assert_eq!(
        (sent.status, sent.out.as_str()),
        (Some(0), "h1 queued\n"),
        "{}",
        sent.err
    );
    tab.deltas(3).await;

    let removed = Running::start(command(
        &host,
        &[
            "send",
            &thread,
            "sim: say \"Never.\"",
            "--wait",
            "--id",
            "gone",
        ],
    ));
    tab.next_where("the prompt in the queue", |event| {
        event.is("host/prompt/changed") && event.raw.contains("\"gone\"")
    })
    .await;
    tab.call(
        "host/prompt/remove",
        json!({"threadId": thread, "promptId": "gone"}),
    )
    .await
    .unwrap();
    let removed = { removed }.end().await;
    assert_eq!(removed.status, Some(8), "{removed:?}");
    let empty = run(&host, &["send", &thread, "--wait"]).await;
    assert_eq!(
        (empty.status, empty.err.contains("the prompt is empty")),
        (Some(2), true),
        "{empty:?}"
    );
}
