//! Secrets in every place that a host touches, at the loudest log level; then everything that the host wrote or said is
//! searched for them in every usual form.
//!
//! `secrets.rs` is about what tabs see of streamed secrets; this is about what stays.

mod search;

use codex::scenario::{SecretKind, secret};
use serde_json::{Value, json};

use self::search::{Canaries, files_under, plant, rows_of};
use crate::support::client::Connecting;
use crate::support::http::exchange;
use crate::support::{Client, Setup, TestHost};

/// A value that the host knows from its environment, with characters that every encoding treats in its own way.
const KNOWN: &str = "wet kelp+\"anchor\"\\under=tide/42%";

/// What a scenario takes as one value.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Signs a browser in; the cookie and the proof.
async fn sign_in(host: &TestHost) -> (String, String) {
    let body = json!({"token": host.token()}).to_string();
    let page = format!("http://{}", host.addr());
    let request = format!(
        "POST /login HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nOrigin: {page}\r\n\
         Sec-Fetch-Site: same-origin\r\nContent-Length: {}\r\n\r\n{body}",
        host.addr(),
        body.len()
    );
    let response = exchange(host.addr(), &request).await;
    assert_eq!(response.status, 200);
    let cookie = response.headers("set-cookie").join("");
    let pair = cookie.split(';').next().unwrap().to_owned();
    let proof: Value = serde_json::from_str(&response.body).unwrap();
    (pair, proof["proof"].as_str().unwrap().to_owned())
}

/// Opens a socket with the cookie and fails at the proof.
async fn fail_the_proof(host: &TestHost, cookie: &str) {
    let page = format!("http://{}", host.addr());
    let connecting = Connecting::to(host.addr())
        .header("cookie", cookie)
        .header("origin", &page);
    let mut half = connecting.open().await.unwrap();
    half.next("host/challenge").await;
    half.send_raw("{\"method\":\"host/proof\",\"params\":{\"mac\":\"bm90IHRoZSBtYWM\"}}")
        .await;
    assert_eq!(half.close().await.0, 4401);
}

/// Answers whatever is asked in this turn and waits for its end.
async fn finish(tab: &mut Client) {
    loop {
        let event = tab
            .next_where("a question or the end", |event| {
                event.is("turn/completed") || event.id().is_some()
            })
            .await;
        match event.method.as_str() {
            "turn/completed" => return,
            "item/tool/requestUserInput" => tab.respond(&event, json!({"answers": {}})).await,
            _ => tab.respond(&event, json!({"decision": "accept"})).await,
        }
    }
}

/// Prompts whose scenario makes a secret up by itself, so that the prompt does not hold it.
fn made_up(canaries: &mut Canaries) -> Vec<String> {
    let places = ["text", "output", "command", "reasoning", "stderr"];
    let mut prompts = Vec::new();
    for (at, place) in places.into_iter().enumerate() {
        let seed = 8_000 + at as u64;
        canaries.add(place, &secret(SecretKind::GithubPat, seed)[6..32]);
        prompts.push(format!(
            "sim: seed {seed}; secret kind=github-pat cut=5 where={place}"
        ));
    }
    prompts
}

/// Prompts that hold the secret that they show.
fn told(canaries: &mut Canaries) -> Vec<String> {
    let mut key = |place: &str| {
        let key = secret(SecretKind::GithubPat, 7_000 + canaries.len() as u64);
        canaries.add(place, &key[6..32]);
        key
    };
    let mut prompts = vec![
        format!("Use {} please.\nsim: say \"ok\"", key("prompt")),
        format!("sim: plan text={}", quoted(&key("plan"))),
        format!(
            "sim: run cmd={}",
            quoted(&format!("echo {}", key("command and its output")))
        ),
        format!(
            "sim: edit path={} text={}",
            quoted(&key("file name")),
            quoted(&key("diff"))
        ),
        format!(
            "sim: approve cmd={} reason={}",
            quoted(&format!("touch {}", key("approval"))),
            quoted(&key("reason"))
        ),
        format!(
            "sim: ask {} {}",
            quoted(&key("question")),
            quoted(&format!("{}|no", key("option")))
        ),
        format!("sim: say {}; crash", quoted(&key("text before a crash"))),
    ];
    for written in search::writings(KNOWN) {
        prompts.push(format!(
            "sim: say {}",
            quoted(&format!("It is {written} there."))
        ));
    }
    prompts
}

#[tokio::test]
async fn at_trace_level_nothing_that_the_host_keeps_or_says_holds_a_secret() {
    let mut host = Setup::simulated()
        .set("log", "level = \"trace\"")
        .set("log", "format = \"json\"")
        .set("codex", "backoff_min = \"10ms\"")
        .env("RUST_LOG", "trace")
        .env("DEPLOY_PASSWORD", KNOWN)
        .start()
        .await;
    let mut canaries = Canaries::default();
    canaries.add("token", host.token());
    canaries.add("known value", KNOWN);
    let (cookie, proof) = sign_in(&host).await;
    canaries.add("cookie", cookie.split_once('=').unwrap().1);
    canaries.add("proof", &proof);
    fail_the_proof(&host, &cookie).await;
    exchange(
        host.addr(),
        &format!(
            "GET /?token={} HTTP/1.1\r\nHost: {}\r\n\r\n",
            host.token(),
            host.addr()
        ),
    )
    .await;

    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    for (number, prompt) in made_up(&mut canaries).iter().enumerate() {
        tab.submit(&thread, &format!("a{number}"), prompt).await;
        finish(&mut tab).await;
    }
    // As a kill would leave it, with the log of the database.
    let mut found = canaries.in_files("running", &host.state_dir());

    // A prompt is on disk as it was given until it has run, and in the database's log until that is reused.
    for (number, prompt) in told(&mut canaries).iter().enumerate() {
        tab.submit(&thread, &format!("b{number}"), prompt).await;
        finish(&mut tab).await;
    }
    let title = secret(SecretKind::GithubPat, 6_999);
    canaries.add("title", &title[6..32]);
    let named = json!({"threadId": thread, "name": format!("About {title}")});
    tab.call("thread/name/set", named).await.unwrap();
    let mut said = String::new();
    for method in ["host/status", "host/sessions/list"] {
        said += &tab.call(method, json!({})).await.unwrap().to_string();
    }
    said += &host.tab().await.attach(&thread).await.to_string();
    let events = tab.events().iter().map(|event| event.raw.as_str());
    said.extend(events);
    found.extend(canaries.in_bytes("what tabs were told", said.as_bytes()));
    host.stop().await;
    found.extend(canaries.in_files("stopped", &host.state_dir()));
    found.extend(canaries.in_bytes("the log", host.log().as_bytes()));
    // The host has to check the proof of a browser, so it keeps that half, and of the cookie the digest alone.
    found.retain(|hit| !(hit.starts_with("proof in ") && hit.contains(" in sign-ins.json ")));
    assert_eq!(found, Vec::<String>::new());

    // The search is worth something: there was plenty to find it in, and it finds what is there.
    assert!(host.log().lines().count() > 10 && host.log().contains("\"DEBUG\""));
    assert!(said.matches("[REDACTED:").count() > 40);
    assert!(
        rows_of(&host.state_dir())
            .iter()
            .any(|row| row.windows(10).any(|at| at == b"[REDACTED:"))
    );
    assert!(
        files_under(&host.state_dir())
            .iter()
            .any(|path| path.ends_with("sign-ins.json"))
    );
    let planted = plant(&host.state_dir(), &canaries);
    let seen = canaries.in_files("planted", &host.state_dir());
    for place in [" in planted ", " in rows of the journal "] {
        let seen = seen.iter().filter(|hit| hit.contains(place)).count();
        assert_eq!(seen, planted, "each form of each canary{place}");
    }
}
