//! Many connections, slow ones and the end of the host. Rows 9, 10.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::support::{
    Setup, TestHost,
    http::{Browser, get},
    resident, soon,
    ws::{Bare, Client},
};

/// Waits until the host hangs up.
async fn hung_up(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset is an end too.
    let _ = soon(stream.read_to_end(&mut rest)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_9_a_flood_of_idle_connections_keeps_nobody_out() {
    let host = TestHost::start().await;
    let mut admitted = Client::program(&host).await;
    admitted.send("first").await;
    let before = resident();
    let mut flood = Vec::new();
    for _ in 0..2000 {
        flood.push(soon(TcpStream::connect(host.addr)).await.unwrap());
    }
    let start = Instant::now();
    let browser = Browser::sign_in(&host).await;
    let mut page = Client::browser(&host, &browser).await;
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    for _ in 0..20 {
        let start = Instant::now();
        admitted.ping().await;
        assert!(
            start.elapsed() < Duration::from_millis(250),
            "{:?}",
            start.elapsed()
        );
    }
    page.ping().await;
    assert!(
        resident() - before < 32 * 1024,
        "{} KiB more",
        resident() - before
    );

    // The oldest had to go, one of the newest is still waited for.
    hung_up(&mut flood[0]).await;
    let newest = flood.last_mut().unwrap();
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", host.addr);
    soon(newest.write_all(request.as_bytes())).await.unwrap();
    let mut answer = String::new();
    soon(newest.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn row_9_a_full_house_turns_the_next_one_away_and_not_the_admitted() {
    let host = Setup::default()
        .limits(|limits| (limits.connections, limits.unauthenticated_connections) = (2, 1))
        .start()
        .await;
    let mut first = Client::program(&host).await;
    let mut second = Client::program(&host).await;
    let mut third = TcpStream::connect(host.addr).await.unwrap();
    hung_up(&mut third).await;
    first.ping().await;
    second.ping().await;
    second.close().await;
    drop(second);
    // Its seat is free as soon as the host has seen the end.
    soon(async {
        while Client::connect_or_end(&host).await.is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    first.ping().await;
}

#[tokio::test]
async fn row_9_sockets_without_a_proof_are_not_admitted_ones() {
    let host = Setup::default()
        .limits(|limits| limits.unauthenticated_connections = 2)
        .start()
        .await;
    let browser = Browser::sign_in(&host).await;
    let mut unproven = Client::connect(&host, &browser.headers(&host))
        .await
        .unwrap();
    unproven.challenge().await;
    let _flood = [
        TcpStream::connect(host.addr).await.unwrap(),
        TcpStream::connect(host.addr).await.unwrap(),
    ];
    assert_eq!(unproven.next().await, Err(1006));
}

#[tokio::test]
async fn row_10_a_head_that_does_not_end_is_not_waited_for() {
    let host = Setup::default()
        .limits(|limits| limits.header_timeout = Duration::from_millis(300))
        .start()
        .await;
    let mut silent = TcpStream::connect(host.addr).await.unwrap();
    let mut half = TcpStream::connect(host.addr).await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
    let mut slow = TcpStream::connect(host.addr).await.unwrap();
    let drip = async {
        loop {
            if slow.write_all(b"G").await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let all = async { tokio::join!(hung_up(&mut silent), hung_up(&mut half), drip) };
    timeout(Duration::from_secs(3), all)
        .await
        .expect("all three are closed");
    assert_eq!(get(&host, "/healthz", "").await.status, 200);
    let defaults = TestHost::start().await;
    assert_eq!(
        defaults.config.limits.header_timeout,
        Duration::from_secs(5)
    );
}

#[tokio::test]
async fn a_stop_says_goodbye_to_sockets_and_waits_for_nobody_idle() {
    let mut host = TestHost::start().await;
    let mut client = Client::program(&host).await;
    let browser = Browser::sign_in(&host).await;
    let mut unproven = Client::connect(&host, &browser.headers(&host))
        .await
        .unwrap();
    unproven.challenge().await;
    let mut idle = TcpStream::connect(host.addr).await.unwrap();
    // So that it is surely accepted.
    assert_eq!(get(&host, "/healthz", "").await.status, 200);
    let addr = host.addr;
    host.begin_stop();
    assert_eq!(
        (client.closed().await, unproven.closed().await),
        (1001, 1001)
    );
    hung_up(&mut idle).await;
    host.stop().await;
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn a_stop_cuts_what_does_not_end_by_itself() {
    let host = Setup::default()
        .limits(|limits| limits.shutdown_timeout = Duration::from_millis(100))
        .start()
        .await;
    // A client that has sent half a body, and one that reads nothing.
    let mut half = TcpStream::connect(host.addr).await.unwrap();
    let head = crate::support::http::page_headers(&host);
    let text = format!(
        "POST /login HTTP/1.1\r\nHost: {}\r\n{head}Content-Length: 10\r\n\r\n{{",
        host.addr
    );
    half.write_all(text.as_bytes()).await.unwrap();
    let stalled = Bare::open(&host).await;
    let tab = host.tab().await;
    tab.say(&"x".repeat(8 << 20)).await;
    timeout(Duration::from_secs(2), host.stop())
        .await
        .expect("the host ends");
    hung_up(&mut half).await;
    drop(stalled);
}
