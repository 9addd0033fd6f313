//! The list of sign-ins and their end: by a tab, by the command, one or all others.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Browser, Client, Setup, TestHost};

/// How soon a socket must be gone whose sign-in is.
const SOON: Duration = Duration::from_secs(1);
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                     Version/18.0 Mobile/15E148 Safari/604.1";

async fn browser(host: &TestHost, user_agent: &str) -> Browser {
    Browser::sign_in(host.addr(), host.token(), user_agent)
        .await
        .expect("the token is right")
}

async fn list(tab: &mut Client) -> Vec<Value> {
    let answer = tab.call("host/signIns/list", json!({})).await.unwrap();
    answer["data"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn the_list_says_who_is_signed_in_since_when_and_which_one_asks() {
    let host = Setup::simulated().start().await;
    let phone = browser(&host, PHONE).await;
    let other = browser(&host, &format!("curl\u{202e}{}", "x".repeat(400))).await;
    let mut tab = phone.tab().await.unwrap();
    let _open = other.tab().await.unwrap();
    let entries = list(&mut tab).await;
    assert_eq!(entries.len(), 2);
    let own = entries.iter().find(|entry| entry["current"] == json!(true));
    let own = own.expect("one's own is marked");
    assert_eq!(
        json!([own["device"], own["role"], own["name"], own["sockets"]]),
        json!(["Safari on iPhone", "operate", "main", 1])
    );
    let (created, used) = (own["createdAtMs"].as_u64(), own["lastUsedAtMs"].as_u64());
    assert!(
        created > Some(1_700_000_000_000) && used >= created,
        "{own}"
    );
    let foreign = entries
        .iter()
        .find(|entry| entry["current"] == json!(false));
    let device = foreign.unwrap()["device"].as_str().unwrap().to_owned();
    assert!(
        device.chars().count() <= 130 && !device.contains('\u{202e}'),
        "{device}"
    );

    let mut program = host.tab().await;
    let currents: Vec<Value> = list(&mut program)
        .await
        .iter()
        .map(|entry| entry["current"].clone())
        .collect();
    assert_eq!(currents, [json!(false), json!(false)]);
}

#[tokio::test]
async fn a_revoked_sign_in_loses_its_sockets_at_once_and_others_nothing() {
    let host = Setup::simulated().start().await;
    let (own, phone) = (browser(&host, "own").await, browser(&host, PHONE).await);
    let mut tab = own.tab().await.unwrap();
    let mut gone = [phone.tab().await.unwrap(), phone.tab().await.unwrap()];
    let entries = list(&mut tab).await;
    let id = entries
        .iter()
        .find(|entry| entry["current"] == json!(false))
        .map(|entry| entry["id"].clone())
        .unwrap();

    let asked = Instant::now();
    let answer = tab.call("host/signIns/revoke", json!({"id": id})).await;
    assert_eq!(answer.unwrap(), json!({"revoked": 1}));
    for socket in &mut gone {
        assert_eq!(socket.close().await.0, 4401);
    }
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    assert_eq!(phone.tab().await.err(), Some(401), "the cookie is replayed");
    assert_eq!(list(&mut tab).await.len(), 1);

    let again = tab.call("host/signIns/revoke", json!({"id": id})).await;
    assert_eq!(again.unwrap(), json!({"revoked": 0}));
    for params in [
        json!({}),
        json!({"id": "no id"}),
        json!({"id": id, "others": true}),
        json!({"id": 7}),
    ] {
        let refused = tab.call("host/signIns/revoke", params.clone()).await;
        assert_eq!(refused.unwrap_err().code, -32602, "{params}");
    }
}

#[tokio::test]
async fn signing_out_everywhere_else_keeps_ones_own_tabs() {
    let host = Setup::simulated().start().await;
    let own = browser(&host, "own").await;
    let (mut tab, mut second) = (own.tab().await.unwrap(), own.tab().await.unwrap());
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(browser(&host, PHONE).await.tab().await.unwrap());
    }
    let answer = tab.call("host/signIns/revoke", json!({"others": true}));
    assert_eq!(answer.await.unwrap(), json!({"revoked": 3}));
    for other in &mut others {
        assert_eq!(other.close().await.0, 4401);
    }
    assert_eq!(list(&mut second).await.len(), 1);
}

#[tokio::test]
async fn the_command_lists_and_ends_sign_ins_also_over_a_restart() {
    let mut host = Setup::simulated().start().await;
    let said = host.run(&["sign-ins"]).await;
    assert_eq!(
        (said.status, &*said.out),
        (Some(0), "nobody is signed in\n")
    );
    let (phone, own) = (browser(&host, PHONE).await, browser(&host, "own").await);
    host.stop().await;
    host.restart().await;
    let (mut gone, mut kept) = (phone.tab().await.unwrap(), own.tab().await.unwrap());
    let said = host.run(&["sign-ins"]).await;
    let line = said
        .out
        .lines()
        .find(|line| line.contains("Safari on iPhone"))
        .unwrap_or_else(|| panic!("{}", said.out));
    let id = line.split_whitespace().next().unwrap().to_owned();

    let revoked = host.run(&["sign-ins", "--revoke", &id]).await;
    let asked = Instant::now();
    assert_eq!(
        (revoked.status, &*revoked.out),
        (Some(0), "ended 1 sign-in\n")
    );
    assert_eq!(gone.close().await.0, 4401);
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    assert_eq!(
        host.run(&["sign-ins", "--revoke", &id]).await.status,
        Some(1)
    );
    let all = host.run(&["sign-ins", "--all"]).await;
    assert_eq!((all.status, &*all.out), (Some(0), "ended 1 sign-in\n"));
    assert_eq!(kept.close().await.0, 4401);
    host.stop().await;
    host.restart().await;
    assert_eq!(own.tab().await.err(), Some(401), "it stays ended");
}
