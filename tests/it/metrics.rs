//! What the host counts, scraped from a real one after work whose size is known.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use codex::scenario::{SecretKind, secret};
use serde_json::{Value, json};

use crate::support::client::Connecting;
use crate::support::http::exchange;
use crate::support::{Client, Setup, TestHost, eventually};

/// The samples of one scrape: name with labels, as it stands in the text, and value.
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    async fn of(host: &TestHost) -> Self {
        Self::read(&text(host).await)
    }

    fn read(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let parse = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        };
        Self(samples.map(parse).collect())
    }

    fn get(&self, name: &str) -> f64 {
        let known: Vec<&String> = self.0.keys().collect();
        *self
            .0
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not among {known:#?}"))
    }
}

async fn text(host: &TestHost) -> String {
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
        host.addr(),
        host.token()
    );
    let answer = exchange(host.addr(), &request).await;
    assert_eq!(answer.status, 200);
    answer.body
}

/// Names with the type and the text that explains each: what a scrape says of itself.
fn described(text: &str) -> BTreeMap<String, (String, String)> {
    let of = |kind: &str| -> BTreeMap<String, String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(kind));
        let pairs = lines.filter_map(|line| line.trim().split_once(' '));
        pairs
            .map(|(name, rest)| (name.to_owned(), rest.to_owned()))
            .collect()
    };
    let (types, helps) = (of("# TYPE"), of("# HELP"));
    let describe = |(name, kind): (String, String)| {
        let help = helps[&name].trim_end_matches('.').to_owned();
        (name, (kind, help))
    };
    types.into_iter().map(describe).collect()
}

/// The bytes of all events of a session as tabs got them, each with its line's end.
fn bytes_of(tab: &Client, thread: &str) -> usize {
    tab.feed(thread)
        .iter()
        .map(|(_, line)| line.len() + 1)
        .sum()
}

#[tokio::test]
async fn a_scrape_counts_exactly_what_was_done() {
    let host = Setup::simulated().start().await;
    let mut tab =
        Client::introduced(Connecting::to(host.addr()).bearer(host.token()).lines()).await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(
        &thread,
        "p1",
        "sim: text count=60 rate=500/s; say \"Done.\"",
    )
    .await;
    tab.turn_end().await;
    let key = secret(SecretKind::GithubPat, 3);
    tab.submit(&thread, "p2", &format!("sim: say \"a {key} b\""))
        .await;
    tab.turn_end().await;
    tab.submit(&thread, "p3", "sim: crash after=3").await;
    tab.turn_end().await;
    tab.bridge_state("up").await;
    tab.submit(&thread, "p4", "sim: approve cmd=\"touch made\"")
        .await;
    tab.next_where("the approval", |event| {
        event.is("item/commandExecution/requestApproval")
    })
    .await;
    for wrong in ["/nothing", "/ws"] {
        let request = format!("GET {wrong} HTTP/1.1\r\nHost: {}\r\n\r\n", host.addr());
        assert_eq!(exchange(host.addr(), &request).await.status, 401);
    }
    let foreign = exchange(host.addr(), "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").await;
    assert_eq!(foreign.status, 421);

    let scrape = eventually("the figures of a host at rest", async || {
        let scrape = Scrape::of(&host).await;
        // The answer comes behind what the tab has still to be given.
        tab.call("host/status", json!({})).await.expect("status");
        (scrape.get("holdfast_events_total") == tab.head(&thread) as f64).then_some(scrape)
    })
    .await;
    let expected = [
        ("holdfast_event_bytes_total", bytes_of(&tab, &thread) as f64),
        ("holdfast_sessions{state=\"needsYou\"}", 1.0),
        ("holdfast_sessions{state=\"working\"}", 0.0),
        ("holdfast_sessions_awake", 1.0),
        ("holdfast_tabs{role=\"operate\"}", 1.0),
        ("holdfast_tabs{role=\"view\"}", 0.0),
        ("holdfast_tab_lag_events", 0.0),
        ("holdfast_tab_resets_total", 0.0),
        ("holdfast_pending_requests", 1.0),
        ("holdfast_queued_prompts", 0.0),
        ("holdfast_bridges{state=\"up\"}", 1.0),
        ("holdfast_codex_exits_total{cause=\"signal\"}", 1.0),
        ("holdfast_bridge_restarts_total{cause=\"signal\"}", 1.0),
        ("holdfast_refused_total{reason=\"not-signed-in\"}", 2.0),
        ("holdfast_refused_total{reason=\"misdirected\"}", 1.0),
        ("holdfast_journal_writing", 1.0),
        ("holdfast_journal_queue", 0.0),
        ("holdfast_actor_restarts_total{actor=\"tabs\"}", 0.0),
    ];
    let found: Vec<(&str, f64)> = expected
        .iter()
        .map(|(name, _)| (*name, scrape.get(name)))
        .collect();
    assert_eq!(found, expected);

    // Each batch of events has one time to its commit, each commit one time of its own.
    let batches = scrape.get("holdfast_event_commit_seconds_count");
    assert!(
        (1.0..=scrape.get("holdfast_events_total")).contains(&batches),
        "{batches}"
    );
    let commits = scrape.get("holdfast_journal_commit_seconds_count");
    assert_eq!(commits, scrape.get("holdfast_journal_transactions_total"));
    let writes = scrape.get("holdfast_event_write_seconds_count");
    assert!(
        (1.0..=scrape.get("holdfast_tab_writes_total")).contains(&writes),
        "{writes}"
    );
    assert!(scrape.get("holdfast_tab_sent_bytes_total") > bytes_of(&tab, &thread) as f64);
    assert!(scrape.get("holdfast_redactions_total{rule=\"github-pat\"}") >= 1.0);
    assert!(scrape.get("holdfast_process_resident_memory_bytes") > 1e6);
    assert!(scrape.get("holdfast_process_open_fds") > 3.0);
}

#[tokio::test]
async fn a_port_of_their_own_shows_the_same_without_a_token() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = free.local_addr().unwrap();
    drop(free);
    let host = Setup::simulated()
        .set("metrics", &format!("listen = \"{addr}\""))
        .start()
        .await;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {addr}\r\n\r\n");
    let own = exchange(addr, &request).await;
    assert_eq!(
        (own.status, own.headers("content-type")),
        (200, vec![actors::metrics::CONTENT_TYPE])
    );
    let names = |text: &str| described(text).into_keys().collect::<BTreeSet<String>>();
    assert_eq!(names(&own.body), names(&text(&host).await));
    let page = exchange(addr, &format!("GET / HTTP/1.1\r\nHost: {addr}\r\n\r\n")).await;
    assert_eq!(page.status, 404);
}

#[tokio::test]
async fn a_scrape_names_no_session_and_no_client() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: say \"kelp-word\"").await;
    tab.turn_end().await;
    let text = text(&host).await;
    let work = host.work().display().to_string();
    for private in [thread.as_str(), "kelp-word", &work, host.token()] {
        assert!(
            !text.contains(private),
            "a scrape holds {} bytes that are private",
            private.len()
        );
    }
    assert!(text.ends_with("# EOF\n"));
}

/// Every metric name in a text, without the endings that samples have.
fn names_in(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !is_name(c));
    let names = words.filter(|word| word.starts_with("holdfast_"));
    let bare = |name: &str| {
        let ends = ["_total", "_bucket", "_count", "_sum"];
        let bare = ends.iter().find_map(|end| name.strip_suffix(end));
        bare.unwrap_or(name).to_owned()
    };
    names.map(bare).collect()
}

#[tokio::test]
async fn the_documentation_lists_each_metric_and_the_dashboard_asks_for_no_other() {
    let host = Setup::simulated().start().await;
    // What is counted by a word is shown once there is something to count.
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let key = secret(SecretKind::GithubPat, 3);
    tab.submit(&thread, "p1", &format!("sim: say \"a {key} b\"; crash"))
        .await;
    tab.bridge_state("backoff").await;
    tab.bridge_state("up").await;
    assert_eq!(
        exchange(host.addr(), "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
            .await
            .status,
        421
    );
    let described = described(&text(&host).await);
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");

    let rows = fs::read_to_string(docs.join("metrics.md")).unwrap();
    let rows: BTreeSet<String> = rows
        .lines()
        .filter(|line| line.starts_with("| `holdfast_"))
        .map(str::to_owned)
        .collect();
    let expected = described.iter().map(|(name, (kind, help))| {
        let shown = if kind == "counter" {
            format!("{name}_total")
        } else {
            name.clone()
        };
        let labels = rows.iter().find_map(|row| {
            row.strip_prefix(&format!("| `{shown}` | {kind} | "))?
                .split_once(" | ")
        });
        format!(
            "| `{shown}` | {kind} | {} | {help} |",
            labels.map_or("", |(labels, _)| labels)
        )
    });
    assert_eq!(
        expected.collect::<BTreeSet<String>>(),
        rows,
        "docs/metrics.md"
    );

    let dashboard = fs::read_to_string(docs.join("grafana-dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let queries: Vec<&str> = targets
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert!(queries.len() >= 20, "{}", queries.len());
    let known: BTreeSet<String> = described.into_keys().collect();
    for query in queries {
        let names = names_in(query);
        assert!(!names.is_empty(), "{query}");
        let unknown: Vec<&String> = names.difference(&known).collect();
        assert_eq!(unknown, Vec::<&String>::new(), "{query}");
    }
    let alerts = fs::read_to_string(docs.join("operations.md")).unwrap_or_default();
    let unknown: Vec<String> = names_in(&alerts).difference(&known).cloned().collect();
    assert_eq!(unknown, Vec::<String>::new(), "docs/operations.md");
}
