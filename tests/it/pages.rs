//! Reading what is there: the list of sessions, older items, search, and the state of the host.

use serde_json::{Value, json};

use crate::support::Setup;

#[tokio::test]
async fn sessions_are_listed_in_pages_newest_activity_first() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let mut threads = Vec::new();
    for number in 0..5 {
        let thread = tab.start_session(&host.work()).await;
        tab.submit(
            &thread,
            &format!("p{number}"),
            &format!("Prompt {number}\nsim: say \"ok\""),
        )
        .await;
        tab.turn_end().await;
        threads.insert(0, thread);
    }
    let mut listed = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let page = tab
            .call("host/sessions/list", json!({"limit": 2, "cursor": cursor}))
            .await
            .unwrap();
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= 2);
        listed.extend(
            data.iter()
                .map(|summary| summary["threadId"].as_str().unwrap().to_owned()),
        );
        cursor = page["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(listed, threads);

    let found = tab
        .call("host/sessions/list", json!({"search": "Prompt 3"}))
        .await
        .unwrap();
    let found: Vec<&Value> = found["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|summary| &summary["threadId"])
        .collect();
    assert_eq!(found, [&json!(threads[1])]);
    let elsewhere = tab
        .call("host/sessions/list", json!({"cwd": "/nowhere"}))
        .await
        .unwrap();
    assert_eq!(elsewhere["data"], json!([]));
}

#[tokio::test]
async fn a_summary_says_what_the_session_is_doing() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(
        &thread,
        "p1",
        "Count to fifty\nsim: text count=50 rate=100/s",
    )
    .await;
    tab.deltas(2).await;
    let working = crate::bridges::summary(&mut tab, &thread).await;
    assert_eq!(working["state"], "working");
    assert!(
        working["preview"]
            .as_str()
            .unwrap()
            .starts_with("Count to fifty"),
        "{working}"
    );
    assert_eq!(working["cwd"], json!(host.work()));
    assert_eq!(working["bridge"]["state"], "up");
    assert_eq!(working["bridge"]["generation"], 1);
    assert!(working["turn"]["startedAtMs"].is_u64() && working["lastEventAtMs"].is_u64());
    tab.turn_end().await;
    let idle = crate::bridges::summary(&mut tab, &thread).await;
    assert_eq!(idle["state"], "idle");
    assert_eq!(idle.get("turn").unwrap_or(&Value::Null), &Value::Null);
    let last = idle["lastLine"].as_str().unwrap();
    assert!(last.contains("t000049"), "{last}");
    assert!(idle["usage"]["tokens"].is_u64(), "{idle}");
    tab.submit(&thread, "p2", "sim: say \"First.\\n\\nThe last line.\\n\"")
        .await;
    tab.turn_end().await;
    let after = crate::bridges::summary(&mut tab, &thread).await;
    assert_eq!(after["lastLine"], "The last line.");
}

#[tokio::test]
async fn older_items_are_read_in_pages_without_gap_or_double() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: say \"item\"; repeat 30")
        .await;
    tab.turn_end().await;
    let id = |entry: &Value| entry["itemId"].as_str().unwrap().to_owned();
    let mut all: Vec<String> = Vec::new();
    for event in tab
        .events()
        .iter()
        .filter(|event| event.is("item/completed"))
    {
        all.push(event.params()["item"]["id"].as_str().unwrap().to_owned());
    }

    let attached = tab
        .call(
            "host/session/attach",
            json!({"threadId": thread, "tail": 10}),
        )
        .await
        .unwrap();
    let newest: Vec<String> = attached["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(id)
        .collect();
    assert!(
        (1..=10).contains(&newest.len()),
        "a tail of at most ten: {newest:?}"
    );
    let mut read: Vec<String> = newest.into_iter().rev().collect();
    let mut before = attached["olderCursor"].clone();
    while !before.is_null() {
        let params = json!({"threadId": thread, "before": before, "limit": 7});
        let page = tab.call("host/session/items", params).await.unwrap();
        read.extend(page["data"].as_array().unwrap().iter().map(id));
        before = page["olderCursor"].clone();
    }
    read.reverse();
    assert_eq!(read, all);
}

#[tokio::test]
async fn search_finds_a_word_in_all_history() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    for (number, word) in ["limpet", "periwinkle"].into_iter().enumerate() {
        let thread = tab.start_session(&host.work()).await;
        tab.submit(
            &thread,
            &format!("p{number}"),
            &format!("sim: say \"A {word} on the rock.\""),
        )
        .await;
        tab.turn_end().await;
    }
    let found = tab
        .call("host/search", json!({"query": "periwinkle"}))
        .await
        .unwrap();
    let hits = found["data"].as_array().unwrap();
    assert!(!hits.is_empty());
    for hit in hits {
        assert!(
            hit["snippet"].as_str().unwrap().contains("periwinkle"),
            "{hit}"
        );
        assert!(
            hit["threadId"].is_string() && hit["itemId"].is_string() && hit["seq"].is_u64(),
            "{hit}"
        );
    }
    // Words that mean something to a search engine are only words here.
    for query in ["\"", "NEAR(", "a AND", "*", "col:x", "-"] {
        tab.call("host/search", json!({"query": query}))
            .await
            .unwrap_or_else(|error| panic!("{query}: {error:?}"));
    }
}

#[tokio::test]
async fn status_shows_the_live_tree_the_bridges_the_tabs_and_the_journal() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let status = tab.call("host/status", json!({})).await.unwrap();
    assert!(
        status["version"].is_string() && status["uptimeMs"].is_u64(),
        "{status}"
    );
    let tree = status["tree"].to_string().to_lowercase();
    for actor in [
        "sessions",
        "tabs",
        "admission",
        "notifier",
        "journal",
        "bridge",
    ] {
        assert!(tree.contains(actor), "the tree names {actor}: {tree}");
    }
    assert!(tree.contains(&thread), "and the session");
    assert!(!status["bridges"].as_array().unwrap().is_empty());
    assert!(!status["tabs"].is_null() && !status["journal"].is_null());
    let before = status["eventsTotal"].as_u64().unwrap();
    tab.submit(&thread, "p1", "sim: text count=20").await;
    let end = tab.turn_end().await.seq.unwrap();
    let after = tab.call("host/status", json!({})).await.unwrap();
    assert!(after["eventsTotal"].as_u64().unwrap() >= end.max(before + 20));
}

#[tokio::test]
async fn a_fork_has_the_past_of_its_session_and_goes_its_own_way() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: say \"Said before.\"").await;
    tab.turn_end().await;
    let fork = tab
        .call(
            "thread/fork",
            json!({"threadId": thread, "excludeTurns": true}),
        )
        .await
        .unwrap();
    let fork = fork["thread"]["id"].as_str().unwrap().to_owned();
    assert_ne!(fork, thread);

    let texts = |attached: &Value| {
        let items = attached["items"].as_array().unwrap().clone();
        let text = |entry: Value| entry["item"]["text"].as_str().map(str::to_owned);
        items.into_iter().filter_map(text).collect::<Vec<_>>()
    };
    let attached = tab.attach(&fork).await;
    assert_eq!(texts(&attached), ["Said before."]);
    tab.submit(&fork, "p2", "sim: say \"Said in the fork.\"")
        .await;
    tab.turn_end().await;
    let (own, old) = (tab.attach(&fork).await, tab.attach(&thread).await);
    assert_eq!(texts(&own), ["Said before.", "Said in the fork."]);
    assert_eq!(texts(&old), ["Said before."]);
}

#[tokio::test]
async fn a_name_and_the_archive_show_in_the_list() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: say \"ok\"").await;
    tab.turn_end().await;
    let name = json!({"threadId": thread, "name": "Tide tables"});
    tab.call("thread/name/set", name).await.unwrap();
    tab.next("thread/name/updated").await;
    for (method, archived) in [("thread/archive", true), ("thread/unarchive", false)] {
        tab.call(method, json!({"threadId": thread})).await.unwrap();
        let list = tab.call("host/sessions/list", json!({})).await.unwrap();
        let summary = &list["data"][0];
        assert_eq!(
            (&summary["title"], &summary["archived"]),
            (&json!("Tide tables"), &json!(archived))
        );
    }
}
