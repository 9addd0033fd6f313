//! What the host tells whoever runs it, and how it stops: in order, with what was promised kept.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use serde_json::json;
use tokio::task::spawn_blocking;

use crate::bridges::folded;
use crate::feeds::indices;
use crate::support::{Folded, GUARD, Setup, eventually};

/// The service manager's end of the socket.
struct Manager(UnixDatagram);

impl Manager {
    /// Waits until the host has said `wanted`; returns all that it said up to there.
    async fn hears(&self, wanted: &'static str) -> Vec<String> {
        let socket = self.0.try_clone().unwrap();
        let listening = spawn_blocking(move || {
            let (mut said, mut buffer) = (Vec::new(), [0; 1024]);
            while !said.iter().any(|line: &String| line.starts_with(wanted)) {
                let read = socket
                    .recv(&mut buffer)
                    .unwrap_or_else(|err| panic!("{wanted}: {err}"));
                let text = String::from_utf8_lossy(&buffer[..read]);
                said.extend(text.lines().map(str::to_owned));
            }
            said
        });
        listening.await.unwrap()
    }
}

#[tokio::test]
async fn systemd_hears_when_the_host_listens_lives_and_stops_and_codex_knows_nothing_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).unwrap());
    manager.0.set_read_timeout(Some(GUARD)).unwrap();
    let setup = Setup::simulated().env("NOTIFY_SOCKET", path.to_str().unwrap());
    let mut host = setup.env("WATCHDOG_USEC", "200000").start().await;
    manager.hears("READY=1").await;
    manager.hears("WATCHDOG=1").await;

    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: env").await;
    tab.turn_end().await;
    let names = folded(&tab, &thread).turns[0].command_output();
    assert!(names.contains("PATH"), "{names}");
    assert!(
        !names.contains("NOTIFY_SOCKET") && !names.contains("WATCHDOG"),
        "{names}"
    );
    manager
        .hears("STATUS=0 sessions working, 1 codex running, 1 tabs")
        .await;

    assert!(host.stop().await.success());
    let last = manager.hears("STOPPING=1").await;
    assert!(last.contains(&"STOPPING=1".to_owned()));
}

#[tokio::test]
async fn a_host_that_stops_interrupts_turns_and_says_so_before_it_hangs_up() {
    let mut host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: text count=6000 rate=100/s")
        .await;
    tab.deltas(5).await;
    let (stopped, ()) = tokio::join!(host.stop(), async {
        tab.next("host/draining").await;
        let end = tab.turn_end().await;
        assert_eq!(end.params()["turn"]["status"], "interrupted");
        assert_eq!(tab.close().await.0, 1001);
    });
    assert!(stopped.success());
}

#[tokio::test]
async fn a_host_that_may_finish_turns_does_so_begins_nothing_new_and_leaves_the_queue_to_the_next()
{
    let setup = Setup::simulated().set("codex", "stop_policy = \"finish\"");
    let mut host = setup.start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: text count=150 rate=100/s")
        .await;
    tab.submit_when(&thread, "p2", "sim: say \"Later.\"", "queue")
        .await
        .expect("queue a prompt");
    tab.deltas(5).await;
    let (stopped, ()) = tokio::join!(host.stop(), async {
        tab.next("host/draining").await;
        let refused = tab.call("thread/start", json!({})).await.unwrap_err();
        assert_eq!(refused.code, -32006, "{}", refused.message);
        assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
        assert_eq!(tab.close().await.0, 1001);
    });
    assert!(stopped.success());
    let text = folded(&tab, &thread).turns[0].agent_text();
    assert_eq!(indices(&text), (0..150).collect::<Vec<_>>());

    host.restart().await;
    eventually("the queued prompt to have run", async || {
        let snapshot = host.tab().await.attach(&thread).await;
        let turns = Folded::from_snapshot(&snapshot).turns;
        (turns.len() == 2 && turns[1].agent_text().trim() == "Later.").then_some(())
    })
    .await;
}

#[tokio::test]
async fn turns_that_do_not_finish_are_interrupted_when_the_time_is_over() {
    let setup = Setup::simulated().set("codex", "stop_policy = \"finish\"");
    let mut host = setup
        .set("limits", "shutdown_timeout = \"2s\"")
        .start()
        .await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: text count=5; hang").await;
    tab.deltas(5).await;
    let began = std::time::Instant::now();
    assert!(host.stop().await.success());
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(
        tab.turn_end().await.params()["turn"]["status"],
        "interrupted"
    );
}
