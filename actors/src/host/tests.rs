//! A host without sockets, over a Codex of one line of shell: what happens after bugs of our own. How Codex behaves is not
//! for here.

use std::path::Path;

use super::*;
use crate::{redactor::LiveRedactor, sessions::Hang, supervisor::Fail, tab::service};

/// Answers every request, `initialize` as Codex does.
const CODEX: &str = r#"while read -r line; do
  id=$(printf %s "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
    *'"tell/started"'*) printf '%s\n' '{"method":"thread/started","params":{"thread":{"id":"0190a1b2","preview":"DB_PASSWORD=hunter2secret","cwd":"/","name":"DB_PASSWORD=hunter2secret"}}}';;
  esac
  case "$line" in
    *'"initialize"'*) result='{"userAgent":"x/0.169.0 (sh)","codexHome":"/","platformFamily":"unix","platformOs":"linux"}';;
    *) result="{\"pid\":$$}";;
  esac
  [ -z "$id" ] || printf '{"id":%s,"result":%s}\n' "$id" "$result"
done"#;

async fn host(dir: &Path, change: impl FnOnce(&mut config::Codex)) -> Host {
    let mut config = config::Config::from_toml(
        "websocket_auth_required = false",
        dir,
        &config::Environment::of([("HOME", dir.to_str().expect("a plain path"))]),
    )
    .expect("a good configuration");
    change(&mut config.codex);
    let (journal, _) =
        Journal::open(journal::Options::new(dir.join("state"))).expect("a new journal");
    let channels = Channels::open(notify::Options {
        config: config.notify.clone(),
        state_dir: dir.join("state"),
    });
    let options = HostOptions {
        notify: config.notify,
        channels: channels.expect("a new folder"),
        admission: admission::Args::from_config(&config.admission, &config.limits),
        codex: config.codex,
        limits: config.limits,
        journal,
        redactor: LiveRedactor::new(
            redaction::Redactor::builder()
                .build()
                .expect("the built-in rules"),
        ),
        launch: Launch {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), CODEX.into()],
            home: None,
            current_dir: dir.to_owned(),
            env: std::env::var_os("PATH")
                .map(|path| ("PATH".into(), path))
                .into_iter()
                .collect(),
            grace: Duration::from_millis(200),
            launcher: None,
        },
        version: "0",
        warnings: Vec::new(),
    };
    Host::start(options).await.expect("an empty journal")
}

/// The pid of the service Codex, in its own words.
async fn service_pid(host: &Host) -> String {
    let answer = service(&host.wiring, "anything", None)
        .await
        .expect("the service answers");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_service_supervisor_that_failed_is_replaced_and_leaves_no_process() {
    let dir = tempfile::tempdir().expect("a folder");
    let host = host(dir.path(), |_| ()).await;
    let before = service_pid(&host).await;
    let failed = host.wiring.service();
    let process = failed.status().borrow().link().expect("it is up").pid;
    failed.tell(Fail).await;
    failed.actor().wait_for_shutdown().await;

    assert_ne!(service_pid(&host).await, before);
    assert_eq!(host.wiring.restarts.service.restarts(), 1);
    assert!(host.shutdown(Duration::from_secs(10)).await);
    assert_eq!(
        codex::process::start_time(process),
        None,
        "its process is gone"
    );
}

#[tokio::test]
async fn a_codex_over_its_memory_is_parked_when_it_has_nothing_to_do_and_comes_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let host = host(dir.path(), |codex| {
        codex.memory_limit = Some(1);
        codex.stall_timeout = Duration::from_secs(1);
    })
    .await;
    let before = service_pid(&host).await;
    let bridge = host.wiring.service();
    let mut status = bridge.status();
    let parked = status.wait_for(|status| status.word() == "parked");
    let _ = tokio::time::timeout(Duration::from_secs(10), parked)
        .await
        .expect("it is looked at within seconds")
        .expect("its supervisor lives");
    assert_eq!(bridge.figures().last_exit_kind, Some("memory-limit"));
    assert_ne!(service_pid(&host).await, before);
    assert!(host.shutdown(Duration::from_secs(10)).await);
}

#[tokio::test]
async fn a_host_with_a_part_that_hangs_does_not_answer_until_it_works_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let host = host(dir.path(), |_| ()).await;
    assert!(host.answers(Duration::from_secs(10)).await);
    let (held, until) = tokio::sync::oneshot::channel();
    let sessions = host.wiring.refs().sessions.clone();
    sessions
        .tell(Hang(until))
        .send()
        .await
        .expect("it is there");
    assert!(!host.answers(Duration::from_millis(50)).await);
    drop(held);
    assert!(host.answers(Duration::from_secs(10)).await);
    assert!(host.shutdown(Duration::from_secs(10)).await);
}

#[tokio::test]
async fn what_lists_show_of_a_thread_is_redacted_whoever_tells_of_it_first() {
    let dir = tempfile::tempdir().expect("a folder");
    let host = host(dir.path(), |_| ()).await;
    let told = service(&host.wiring, "tell/started", None).await;
    told.expect("the service answers");
    let live = host.wiring.directory.live("0190a1b2");
    let row = live.expect("the thread is a session").feed.row();
    for text in [row.preview, row.title.expect("it has a name")] {
        assert!(
            text.starts_with("DB_PASSWORD=[REDACTED:password#"),
            "a row without a marker"
        );
    }
    assert!(host.shutdown(Duration::from_secs(10)).await);
}
