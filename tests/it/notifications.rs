//! Telling people who look at no tab, end to end: when they are told, of what, and when not. What each channel writes is tested
//! in `notify/`.

#[allow(dead_code, reason = "its own tests need more of it")]
#[path = "../../notify/tests/it/support/browser.rs"]
mod pushed;
#[path = "../../notify/tests/it/support/receiver.rs"]
mod receiver;

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::{Value, json};

use self::{
    pushed::{Browser as PushBrowser, verify},
    receiver::Receiver,
};
use crate::support::{Browser, Client, Setup, TestHost, client::Connecting, eventually};

const ASK: &str = "item/commandExecution/requestApproval";
const SECRET: &str = "not-a-secret-but-long-enough";

/// A host that tells `receiver` by a webhook, after so long.
fn telling(receiver: &Receiver, after: &str) -> Setup {
    Setup::simulated()
        .env("HOOK", SECRET)
        .set("notify", &format!("after = \"{after}\""))
        .set(
            "notify.webhook",
            &format!("url = \"{}\"", receiver.url("/hook")),
        )
        .set("notify.webhook", "secret_env = \"HOOK\"")
}

/// A tab as the page is one: what it shows, it says.
async fn page(host: &TestHost) -> Client {
    Client::introduced(Connecting::to(host.addr()).bearer(host.token()).lines()).await
}

/// Kind, session and title of the next message of the webhook.
async fn told(receiver: &mut Receiver) -> (String, String, Value) {
    let body: Value = serde_json::from_slice(&receiver.next().await.body).unwrap();
    let text = |key: &str| body[key].as_str().unwrap().to_owned();
    (text("kind"), text("threadId"), body["title"].clone())
}

/// The same, with the last two left out.
async fn kind_told(receiver: &mut Receiver) -> String {
    told(receiver).await.0
}

#[tokio::test]
async fn a_question_that_no_tab_shows_is_told_and_so_is_the_end() {
    let mut receiver = Receiver::start().await;
    let host = telling(&receiver, "300ms").start().await;
    let mut tab = page(&host).await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(
        &thread,
        "p1",
        "sim: approve cmd=\"echo made\"; say \"Done.\"",
    )
    .await;
    let asked = tab.next(ASK).await;
    let named = |kind: &str| (kind.to_owned(), thread.clone(), Value::Null);
    assert_eq!(told(&mut receiver).await, named("needs-you"));
    tab.respond(&asked, json!({"decision": "accept"})).await;
    tab.turn_end().await;
    assert_eq!(told(&mut receiver).await, named("finished"));
    tab.submit(&thread, "p2", "sim: fail usageLimitExceeded")
        .await;
    assert_eq!(told(&mut receiver).await, named("failed"));
}

#[tokio::test]
async fn an_answer_in_time_and_nobody_is_told_of_the_question() {
    let mut receiver = Receiver::start().await;
    let host = telling(&receiver, "2s").start().await;
    let mut tab = page(&host).await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(
        &thread,
        "p1",
        "sim: approve cmd=\"echo made\"; say \"Done.\"",
    )
    .await;
    let asked = tab.next(ASK).await;
    tab.respond(&asked, json!({"decision": "accept"})).await;
    tab.turn_end().await;
    assert_eq!(kind_told(&mut receiver).await, "finished");
}

#[tokio::test]
async fn what_a_tab_shows_is_told_to_nobody() {
    let mut receiver = Receiver::start().await;
    let host = telling(&receiver, "300ms").start().await;
    let mut tab = page(&host).await;
    let (seen, other) = (
        tab.start_session(&host.work()).await,
        tab.start_session(&host.work()).await,
    );
    let shows = json!({"visible": true, "threadId": seen});
    tab.call("host/tab/visible", shows).await.unwrap();
    tab.submit(&seen, "p1", "sim: say \"Seen.\"").await;
    tab.turn_end().await;
    // The other one's end comes after that of the first, and is told alone.
    tab.submit(&other, "p1", "sim: say \"Unseen.\"").await;
    assert_eq!(told(&mut receiver).await.1, other);
    // The list shows all of them.
    tab.call("host/tab/visible", json!({"visible": true}))
        .await
        .unwrap();
    tab.submit(&other, "p2", "sim: say \"Seen in the list.\"")
        .await;
    tab.turn_end().await;
    // A native client shows what it is attached to.
    tab.call("host/tab/visible", json!({"visible": false}))
        .await
        .unwrap();
    let mut native = host.tab().await;
    native.attach(&other).await;
    tab.submit(&other, "p3", "sim: say \"Seen natively.\"")
        .await;
    native.turn_end().await;
    tab.submit(&seen, "p2", "sim: say \"Unseen.\"").await;
    assert_eq!(told(&mut receiver).await.1, seen);
    assert!(receiver.rest().is_empty());

    let unknown = json!({"visible": true, "threadId": "nothing"});
    let refused = tab.call("host/tab/visible", unknown).await.unwrap_err();
    assert_eq!(refused.code, -32005);
}

#[tokio::test]
async fn a_tab_that_goes_shows_nothing_any_more() {
    let mut receiver = Receiver::start().await;
    let host = telling(&receiver, "300ms").start().await;
    let (mut tab, mut other) = (page(&host).await, page(&host).await);
    let thread = tab.start_session(&host.work()).await;
    let shows = json!({"visible": true, "threadId": thread});
    other.call("host/tab/visible", shows).await.unwrap();
    other.leave().await;
    eventually("the tab to be gone", async || {
        let status = tab.call("host/status", json!({})).await.unwrap();
        (status["tabs"].as_array()?.len() == 1).then_some(())
    })
    .await;
    tab.submit(&thread, "p1", "sim: say \"Unseen.\"").await;
    assert_eq!(kind_told(&mut receiver).await, "finished");
}

#[tokio::test]
async fn secrets_in_prompts_and_titles_are_told_to_nobody() {
    let mut receiver = Receiver::start().await;
    let key = format!("ghp_{}", "Ab3dEf6hIj".repeat(4).get(..36).unwrap());
    let host = telling(&receiver, "300ms")
        .set("notify.webhook", "content = true")
        .set(
            "notify.ntfy",
            &format!("url = \"{}\"", receiver.url("/topic")),
        )
        .set("notify.ntfy", "content = true")
        .start()
        .await;
    let mut tab = page(&host).await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", &format!("sim: say \"The key is {key}\""))
        .await;
    tab.turn_end().await;
    let name = json!({"threadId": thread, "name": format!("Use {key} here")});
    tab.call("thread/name/set", name).await.unwrap();
    for _ in 0..2 {
        let told = receiver.next().await;
        let text = String::from_utf8(told.body).unwrap();
        assert!(!text.contains(&key) && !format!("{:?}", told.headers).contains(&key));
        assert!(text.contains("[REDACTED:github"), "{text}");
    }
}

/// The subscription that a browser's page would hand over.
fn subscription(receiver: &Receiver, browser: &PushBrowser) -> Value {
    let keys = json!({"p256dh": browser.p256dh(), "auth": browser.auth()});
    json!({"endpoint": receiver.url("/push/one"), "keys": keys})
}

fn pushing(receiver: &Receiver) -> Setup {
    Setup::simulated().set("notify", "after = \"300ms\"").set(
        "notify.web_push",
        &format!("hosts = [\"{}\"]", receiver.url("")),
    )
}

/// What is stored of subscriptions.
fn stored(host: &TestHost) -> String {
    std::fs::read_to_string(host.state_dir().join("web-push.json")).unwrap_or_default()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_browser_that_asked_for_it_is_pushed_to_until_its_sign_in_ends() {
    let mut receiver = Receiver::start().await;
    let mut host = pushing(&receiver).start().await;
    let sign_in = Browser::sign_in(host.addr(), host.token(), "push")
        .await
        .unwrap();
    let mut tab = sign_in.tab().await.unwrap();
    let state = tab.call("host/push/state", json!({})).await.unwrap();
    let browser = PushBrowser::new();
    let asked = subscription(&receiver, &browser);
    tab.call("host/push/subscribe", asked.clone())
        .await
        .unwrap();
    for file in ["web-push.json", "web-push.key"] {
        assert_eq!(mode(&host.state_dir().join(file)), 0o600);
    }
    let endpoint = json!({"endpoint": asked["endpoint"]});
    tab.call("host/push/test", endpoint.clone()).await.unwrap();
    let test = receiver.next().await;
    assert_eq!(
        browser.read_json(&test.body)["text"],
        "This is a test of holdfast's notifications"
    );
    assert_eq!(
        state,
        json!({"enabled": true, "key": verify(&test.headers).1})
    );

    // The subscription outlives the host, and its browser is told without being connected.
    tab.leave().await;
    host.stop().await;
    host.restart().await;
    let mut page = page(&host).await;
    let thread = page.start_session(&host.work()).await;
    page.submit(&thread, "p1", "sim: approve cmd=\"echo made\"")
        .await;
    let told = receiver.next().await;
    assert_eq!(
        (told.path.as_str(), told.headers["urgency"].as_str()),
        ("/push/one", "high")
    );
    let said = browser.read_json(&told.body);
    let path = format!("/#session={thread}");
    assert_eq!(
        said,
        json!({"kind": "needs-you", "text": "A session needs you", "title": null, "path": path, "tag": thread})
    );

    let ended = page
        .call("host/signIns/revoke", json!({"others": true}))
        .await;
    assert_eq!(ended.unwrap(), json!({"revoked": 1}));
    eventually("the subscription to go with its sign-in", async || {
        (stored(&host) == "[]").then_some(())
    })
    .await;
    // A program has no browser, and a browser that is gone has no test.
    for method in [
        "host/push/subscribe",
        "host/push/unsubscribe",
        "host/push/test",
    ] {
        let refused = page.call(method, asked.clone()).await.unwrap_err();
        assert_eq!(refused.code, -32003, "{method}");
    }
    assert!(receiver.rest().is_empty());
}

#[tokio::test]
async fn a_browser_leaves_by_itself_by_signing_out_or_when_its_service_says_so() {
    let mut receiver = Receiver::start().await;
    let host = pushing(&receiver).start().await;
    let sign_in = Browser::sign_in(host.addr(), host.token(), "push")
        .await
        .unwrap();
    let mut tab = sign_in.tab().await.unwrap();
    let asked = subscription(&receiver, &PushBrowser::new());
    let endpoint = json!({"endpoint": asked["endpoint"]});

    tab.call("host/push/subscribe", asked.clone())
        .await
        .unwrap();
    tab.call("host/push/unsubscribe", endpoint.clone())
        .await
        .unwrap();
    assert_eq!(stored(&host), "[]");
    let none = tab
        .call("host/push/test", endpoint.clone())
        .await
        .unwrap_err();
    assert_eq!(none.code, -32602);

    tab.call("host/push/subscribe", asked.clone())
        .await
        .unwrap();
    receiver.answer(&[410]);
    let gone = tab.call("host/push/test", endpoint).await.unwrap_err();
    assert_eq!((gone.code, stored(&host).as_str()), (-32006, "[]"));
    assert_eq!(receiver.rest().len(), 1);

    let mut elsewhere = asked.clone();
    elsewhere["endpoint"] = "https://169.254.169.254/latest".into();
    let refused = tab
        .call("host/push/subscribe", elsewhere)
        .await
        .unwrap_err();
    assert_eq!(refused.code, -32602);

    tab.call("host/push/subscribe", asked).await.unwrap();
    assert!(stored(&host).contains("/push/one"));
    sign_in.sign_out().await;
    eventually("the subscription to go with its sign-in", async || {
        (stored(&host) == "[]").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_turn_that_a_dead_host_left_is_told_once_and_its_question_no_more() {
    let mut receiver = Receiver::start().await;
    let mut host = telling(&receiver, "300ms").start().await;
    let mut tab = page(&host).await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: approve cmd=\"echo made\"")
        .await;
    assert_eq!(kind_told(&mut receiver).await, "needs-you");
    host.kill9().await;
    host.restart().await;
    let failed = ("failed".to_owned(), thread, Value::Null);
    assert_eq!(told(&mut receiver).await, failed);
    host.stop().await;
    host.restart().await;
    // What comes next is the end of another session, and nothing of the first.
    let mut tab = page(&host).await;
    let other = tab.start_session(&host.work()).await;
    tab.submit(&other, "p1", "sim: say \"Done.\"").await;
    assert_eq!(
        told(&mut receiver).await,
        ("finished".to_owned(), other, Value::Null)
    );
    assert!(receiver.rest().is_empty());
}

#[tokio::test]
async fn the_command_tests_each_channel_and_says_how_it_went() {
    let mut receiver = Receiver::start().await;
    let host = telling(&receiver, "300ms").start().await;
    let good = host.run(&["notify-test"]).await;
    let said = "web_push: taken for 0 browsers\nwebhook: taken\n";
    assert_eq!(
        (good.status, good.out.as_str()),
        (Some(0), said),
        "{}",
        good.err
    );
    let body: Value = serde_json::from_slice(&receiver.next().await.body).unwrap();
    assert_eq!(body["test"], true);
    // Once, and not again: somebody waits for the answer.
    receiver.answer(&[500]);
    let bad = host.run(&["notify-test"]).await;
    assert_eq!(bad.status, Some(1));
    assert!(
        bad.out
            .contains("webhook: the receiver answers with status 500"),
        "{}",
        bad.out
    );
    assert_eq!(receiver.rest().len(), 1);
}
