//! Requests that two parties could read in two ways, and heads that are too large. Rows 11, 45.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{
    TestHost,
    http::{exchange, page_headers, try_exchange, upgrade},
    soon,
};

#[tokio::test]
async fn row_45_ambiguous_requests_are_refused_and_the_connection_ends() {
    let host = TestHost::start().await;
    let own = format!("Host: {}\r\n", host.addr);
    let page = page_headers(&host);
    // A sign-in that would be right, if its body were taken.
    let body = json!({ "token": host.token.reveal() }).to_string();
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for (what, text) in [
        (
            "CL.TE",
            format!(
                "POST /login HTTP/1.1\r\n{own}{page}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}GET / HTTP/1.1\r\n{own}\r\n"
            ),
        ),
        (
            "TE.CL",
            format!(
                "POST /login HTTP/1.1\r\n{own}{page}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{chunks}GET / HTTP/1.1\r\n{own}\r\n"
            ),
        ),
        (
            "TE alone",
            format!(
                "POST /login HTTP/1.1\r\n{own}{page}Transfer-Encoding: chunked\r\n\r\n{chunks}"
            ),
        ),
        (
            "odd TE",
            format!(
                "POST /login HTTP/1.1\r\n{own}{page}Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n"
            ),
        ),
        (
            "two lengths",
            format!(
                "POST /login HTTP/1.1\r\n{own}{page}Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello"
            ),
        ),
        (
            "signed length",
            format!("POST /login HTTP/1.1\r\n{own}{page}Content-Length: +0\r\n\r\n"),
        ),
        (
            "folded line",
            format!("GET / HTTP/1.1\r\n{own}A: b\r\n c\r\n\r\n"),
        ),
        (
            "folded host",
            format!("GET / HTTP/1.1\r\nHost:\r\n {}\r\n\r\n", host.addr),
        ),
        (
            "bare LF",
            format!("GET / HTTP/1.1\nHost: {}\n\n", host.addr),
        ),
        (
            "one bare LF",
            format!("GET / HTTP/1.1\r\n{own}A: b\nC: d\r\n\r\n"),
        ),
        (
            "bare CR",
            format!("GET / HTTP/1.1\r\n{own}A: b\rC: d\r\n\r\n"),
        ),
        (
            "empty line first",
            format!("\r\nGET / HTTP/1.1\r\n{own}\r\n"),
        ),
        (
            "space before colon",
            format!("GET / HTTP/1.1\r\n{own}A : b\r\n\r\n"),
        ),
        ("no version", format!("GET /\r\n{own}\r\n")),
        ("two spaces", format!("GET  / HTTP/1.1\r\n{own}\r\n")),
        ("NUL", format!("GET / HTTP/1.1\r\n{own}A: \0\r\n\r\n")),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
    ] {
        match try_exchange(&host, text.as_bytes()).await {
            Some(answer) => assert_eq!(answer.status, 400, "{what}"),
            // It cannot be answered; that the connection ended is all that counts.
            None => assert_eq!(what, "HTTP/2"),
        }
    }
}

#[tokio::test]
async fn row_45_a_connection_has_one_request() {
    let host = TestHost::start().await;
    let one = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", host.addr);
    let mut stream = TcpStream::connect(host.addr).await.unwrap();
    soon(stream.write_all(format!("{one}{one}").as_bytes()))
        .await
        .unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(
        answer.to_ascii_lowercase().contains("connection: close"),
        "{answer}"
    );
    // A socket is no such answer: strict clients take a `close` beside the `upgrade` for a refusal.
    let socket = upgrade(&host, "/ws", &host.bearer()).await;
    assert_eq!(
        (socket.status, socket.header("connection")),
        (101, "upgrade")
    );
}

#[tokio::test]
async fn row_11_a_head_has_a_size_and_a_number_of_lines() {
    let host = TestHost::start().await;
    let with = |headers: &str| format!("GET / HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", host.addr);
    assert_eq!(
        exchange(&host, &with(&format!("A: {}\r\n", "x".repeat(15 * 1024))))
            .await
            .status,
        200
    );
    assert_eq!(
        exchange(&host, &with(&format!("A: {}\r\n", "x".repeat(17 * 1024))))
            .await
            .status,
        431
    );
    assert_eq!(
        exchange(&host, &with(&format!("A: {}\r\n", "x".repeat(200 * 1024))))
            .await
            .status,
        431
    );
    let lines = |count: usize| {
        (0..count)
            .map(|line| format!("A{line}: x\r\n"))
            .collect::<String>()
    };
    assert_eq!(exchange(&host, &with(&lines(63))).await.status, 200);
    assert_eq!(exchange(&host, &with(&lines(64))).await.status, 431);
    let long = format!(
        "GET /{} HTTP/1.1\r\nHost: {}\r\n\r\n",
        "x".repeat(17 * 1024),
        host.addr
    );
    let status = exchange(&host, &long).await.status;
    assert!([414, 431].contains(&status), "{status}");
}
