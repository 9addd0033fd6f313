//! `holdfast export` and `holdfast journal`: a session as a document, and the journal file itself.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::{parsed, run};
use crate::feeds::indices;
use crate::support::{Setup, TestHost};

async fn talked(host: &TestHost) -> String {
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(
        &thread,
        "p1",
        "sim: say \"Look: `a < b`.\"; run cmd=\"seq 1 3\"; secret kind=github-pat",
    )
    .await;
    tab.turn_end().await;
    // More items than a page has.
    tab.submit(&thread, "p2", "sim: text count=1200 every=1 size=16")
        .await;
    tab.turn_end().await;
    thread
}

#[tokio::test]
async fn a_session_is_written_out_whole_and_redacted_in_every_form() {
    let mut host = Setup::simulated().start().await;
    let thread = talked(&host).await;
    let file = host.dir().join("out.html");
    let wrote = run(
        &host,
        &[
            "export",
            &thread,
            "--format",
            "html",
            "--output",
            file.to_str().unwrap(),
        ],
    )
    .await;
    assert_eq!(
        (wrote.status, wrote.out.as_str()),
        (Some(0), ""),
        "{}",
        wrote.err
    );
    let page = std::fs::read_to_string(&file).unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let live = run(&host, &["export", &thread, "--format", "md"]).await.out;
    // Nobody drives it any more: the same from the journal alone, and no Codex is woken.
    host.stop().await;
    host.restart().await;
    let parked = run(&host, &["export", &thread, "--format", "md"]).await.out;
    let without_time = |text: &str| {
        text.lines()
            .filter(|line| !line.starts_with("- Exported"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(without_time(&live), without_time(&parked));
    let lines = run(&host, &["export", &thread, "--format", "jsonl"])
        .await
        .out;

    let (_, items) = lines.split_once('\n').unwrap();
    for document in [&page, &live, items] {
        assert!(document.contains("[REDACTED:github-pat#"), "{document}");
        let said: Vec<u64> = indices(document);
        assert_eq!(said, (0..1200).collect::<Vec<_>>());
    }
    assert!(
        live.contains("> Look: `a < b`.\n") && live.contains("```text\n1\n2\n3\n```"),
        "{live}"
    );
    assert!(
        page.contains("<p>Look: <code>a &lt; b</code>.</p>") && page.contains("style-src 'sha256-"),
        "{page}"
    );
    let lines: Vec<Value> = lines.lines().map(parsed).collect();
    assert_eq!(
        (&lines[0]["threadId"], &lines[0]["items"]),
        (&json!(thread), &json!(lines.len() - 1))
    );
    let said = lines
        .iter()
        .filter(|line| line["item"]["type"] == "agentMessage")
        .count();
    assert!(said > 1200, "{said}");
    assert!(
        lines[1..]
            .iter()
            .all(|line| line["type"] == "item" && line["turn"]["status"] == "completed")
    );
    let mut tab = host.tab().await;
    let list = tab.call("host/sessions/list", json!({})).await.unwrap();
    assert_eq!(list["data"][0]["state"], "parked");
}

#[tokio::test]
async fn the_journal_is_verified_written_out_and_compacted() {
    let mut host = Setup::simulated()
        .set("journal", "replay_bytes = \"2MiB\"")
        .start()
        .await;
    let thread = talked(&host).await;
    let mut tab = host.tab().await;
    tab.attach(&thread).await;

    let sound = host.run(&["journal", "verify"]).await;
    assert_eq!(sound.status, Some(0), "{sound:?}");
    assert!(
        sound.out.contains("all is as it was written"),
        "{}",
        sound.out
    );
    let events = host.run(&["journal", "export", &thread[..13]]).await.out;
    let events: Vec<Value> = events.lines().map(parsed).collect();
    let head = tab.call("host/sessions/list", json!({})).await.unwrap()["data"][0]["head"].clone();
    assert_eq!(events.len() as u64, head.as_u64().unwrap());
    assert_eq!(
        (&events[4]["threadId"], &events[4]["event"]["seq"]),
        (&json!(thread), &json!(5))
    );
    let whole = host.run(&["journal", "export"]).await;
    assert!(!whole.out.contains("ghp_") && whole.out.contains("[REDACTED:github-pat#"));
    let refused = host.run(&["journal", "compact"]).await;
    assert_eq!(refused.status, Some(1));
    assert!(
        refused
            .err
            .contains(&format!("in use by process {}", host.pid())),
        "{}",
        refused.err
    );

    host.stop().await;
    let database = host.state_dir().join("journal.db");
    grow(&database, &thread);
    let done = host.run(&["journal", "compact", "--json"]).await;
    assert_eq!(done.status, Some(0), "{}", done.err);
    let done = parsed(&done.out);
    let (before, after) = (
        done["bytesBefore"].as_u64().unwrap(),
        done["bytesAfter"].as_u64().unwrap(),
    );
    assert!(before > 6 << 20 && after < 4 << 20, "{done}");
    assert_eq!(host.run(&["journal", "verify"]).await.status, Some(0));

    let raw = rusqlite::Connection::open(&database).unwrap();
    raw.execute_batch("UPDATE items SET json = zeroblob(3), size = 3 WHERE row = 2")
        .unwrap();
    drop(raw);
    let damaged = host.run(&["journal", "verify", "--json"]).await;
    assert_eq!(damaged.status, Some(1), "{damaged:?}");
    let verdict = parsed(&damaged.out);
    assert_eq!(
        (&verdict["sound"], &verdict["wrong"]),
        (&json!(false), &json!(1))
    );
    assert!(
        verdict["findings"][0]
            .as_str()
            .unwrap()
            .contains("it is no JSON"),
        "{verdict}"
    );
    host.restart().await;
}

/// Adds events to a session that the limit does not keep.
fn grow(database: &std::path::Path, thread: &str) {
    let raw = rusqlite::Connection::open(database).unwrap();
    let (feed, mut seq, mut start): (i64, i64, i64) = raw
        .query_row(
            "SELECT f.id, max(e.key) & 0xffffffffff, max(e.start + e.size) FROM feeds f JOIN events e ON e.key >> 40 = f.id WHERE f.thread = ?1",
            [thread],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    let mut word = 7_u64;
    for _ in 0..100 {
        seq += 1;
        // Hardly packable, as the file would hold it.
        let noise: String = (0..64 << 10)
            .map(|_| {
                word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b'a' + (word >> 60) as u8)
            })
            .collect();
        let line = format!(
            "{{\"seq\":{seq},\"generation\":1,\"method\":\"x/y\",\"params\":{{\"threadId\":\"{thread}\",\"noise\":\"{noise}\"}}}}\n"
        );
        let size = i64::try_from(line.len()).unwrap();
        raw.execute(
            "INSERT INTO events (key, count, at, start, size, lines) VALUES (?1, 1, ?2, ?3, ?4, ?5)",
            rusqlite::params![feed << 40 | seq, i64::MAX / 1_000_000, start, size, line.as_bytes()],
        )
        .unwrap();
        start += size;
    }
}
