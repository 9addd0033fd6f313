//! Signing in and out, and what each half is worth alone. Rows 4, 11, 15, 16, 17, 18.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::{
    Setup, TestHost,
    http::{Browser, exchange, get, login, login_request, page_headers, request, upgrade},
    soon,
    ws::Client,
};

#[tokio::test]
async fn row_4_only_the_page_itself_signs_in_and_only_with_json() {
    let host = TestHost::start().await;
    let origin = format!("Origin: {}\r\n", host.origin());
    let body = json!({ "token": host.token.reveal() }).to_string();
    let json_type = "Content-Type: application/json\r\n";
    let cases = [
        (format!("{origin}Content-Type: text/plain\r\n"), 415),
        (
            format!("{origin}Content-Type: application/x-www-form-urlencoded\r\n"),
            415,
        ),
        (format!("{origin}Content-Type: application/jsonp\r\n"), 415),
        (origin.clone(), 415),
        (json_type.to_owned(), 403),
        (format!("Origin: https://evil.com\r\n{json_type}"), 403),
        (format!("Origin: null\r\n{json_type}"), 403),
        (
            format!("{origin}{json_type}Sec-Fetch-Site: cross-site\r\n"),
            403,
        ),
        (
            format!("{origin}{json_type}Sec-Fetch-Site: same-site\r\n"),
            403,
        ),
        (format!("{origin}{json_type}Sec-Fetch-Site: none\r\n"), 403),
        (
            format!("{origin}{json_type}Sec-Fetch-Site: same-origin\r\n"),
            200,
        ),
        (
            format!("{origin}Content-Type: Application/JSON; charset=utf-8\r\n"),
            200,
        ),
    ];
    for (headers, expected) in cases {
        let answer = exchange(&host, &login_request(&host, &headers, &body)).await;
        assert_eq!(answer.status, expected, "{headers}");
        assert_eq!(answer.all("set-cookie").is_empty(), expected != 200);
        assert!(
            answer
                .headers
                .iter()
                .all(|(name, _)| !name.starts_with("access-control-"))
        );
    }
    let preflight = format!("{origin}Access-Control-Request-Method: POST\r\n");
    let answer = exchange(&host, &request(&host, "OPTIONS", "/login", &preflight)).await;
    assert_eq!(answer.status, 405);
    assert!(
        answer
            .headers
            .iter()
            .all(|(name, _)| !name.starts_with("access-control-"))
    );
    assert_eq!(
        get(&host, "/login", "Sec-Fetch-Site: cross-site\r\n")
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn row_11_a_sign_in_is_small_whole_and_quick() {
    let host = Setup::default()
        .limits(|limits| limits.body_timeout = Duration::from_millis(500))
        .start()
        .await;
    let head = page_headers(&host);
    let long = json!({ "token": "x".repeat(5 * 1024) }).to_string();
    assert_eq!(
        exchange(&host, &login_request(&host, &head, &long))
            .await
            .status,
        413
    );
    for body in [
        "",
        "{",
        "[]",
        "{}",
        "\"x\"",
        "{\"token\":7}",
        "{\"token\":\"a\",\"token\":\"b\"}",
    ] {
        assert_eq!(
            exchange(&host, &login_request(&host, &head, body))
                .await
                .status,
            400,
            "{body}"
        );
    }
    // A body that is announced and does not come.
    let waiting =
        login_request(&host, &head, "").replace("Content-Length: 0", "Content-Length: 10");
    assert_eq!(exchange(&host, &waiting).await.status, 408);
}

#[tokio::test]
async fn row_15_a_sign_in_is_always_new_and_foreign_ids_are_nothing() {
    let host = TestHost::start().await;
    let name = format!("holdfast-{}", host.addr.port());
    let preset = format!("{name}={}", "A".repeat(43));
    let body = json!({ "token": host.token.reveal() }).to_string();
    let sign_in = |cookie: &str| {
        login_request(
            &host,
            &format!("{}Cookie: {cookie}\r\n", page_headers(&host)),
            &body,
        )
    };

    let first = exchange(&host, &sign_in(&preset)).await;
    assert_ne!(first.cookie(), preset);
    let half = |cookie: &str| format!("Cookie: {cookie}\r\nOrigin: {}\r\n", host.origin());
    assert_eq!(upgrade(&host, "/ws", &half(&preset)).await.status, 401);
    assert_eq!(
        upgrade(&host, "/ws", &half(&first.cookie())).await.status,
        101
    );

    // Signing in again ends the old one.
    let second = exchange(&host, &sign_in(&first.cookie())).await;
    assert_ne!(second.cookie(), first.cookie());
    assert_eq!(
        upgrade(&host, "/ws", &half(&first.cookie())).await.status,
        401
    );
    assert_eq!(
        upgrade(&host, "/ws", &half(&second.cookie())).await.status,
        101
    );
}

#[tokio::test]
async fn row_16_the_cookie_is_for_the_browser_alone_and_comes_once() {
    let host = TestHost::start().await;
    let answer = login(&host, host.token.reveal()).await;
    let body = answer.json();
    assert_eq!(
        (
            body["role"].as_str(),
            body["expiresInMs"].as_u64(),
            body["proof"].as_str().map(str::len)
        ),
        (Some("operate"), Some(43_200_000), Some(43))
    );
    let cookie = answer.header("set-cookie");
    let expected = format!("holdfast-{}=", host.addr.port());
    let (value, flags) = cookie
        .strip_prefix(&expected)
        .unwrap()
        .split_once("; ")
        .unwrap();
    assert_eq!(flags, "Path=/; HttpOnly; SameSite=Strict; Max-Age=43200");
    assert!(value.len() == 43 && Some(value) != body["proof"].as_str());

    let pair = answer.cookie();
    let origin = format!("Origin: {}\r\n", host.origin());
    for cookies in [
        format!("Cookie: {pair}; {pair}\r\n"),
        format!("Cookie: {pair}\r\nCookie: {pair}\r\n"),
        format!("Cookie: {pair}\r\nCookie: other=1\r\n"),
    ] {
        assert_eq!(
            upgrade(&host, "/ws", &format!("{origin}{cookies}"))
                .await
                .status,
            400
        );
    }
    assert_eq!(
        upgrade(
            &host,
            "/ws",
            &format!("{origin}Cookie: other=1; {pair}\r\n")
        )
        .await
        .status,
        101
    );
}

#[tokio::test]
async fn row_17_the_cookie_alone_opens_nothing() {
    let host = Setup::default()
        .limits(|limits| limits.first_frame_timeout = Duration::from_secs(1))
        .start()
        .await;
    let browser = Browser::sign_in(&host).await;
    let connect = || async {
        Client::connect(&host, &browser.headers(&host))
            .await
            .unwrap()
    };
    let proof = |mac: &str| json!({ "method": "host/proof", "params": { "mac": mac } }).to_string();

    // Says nothing.
    let mut silent = connect().await;
    silent.challenge().await;
    assert_eq!(silent.next().await, Err(4408));
    // Goes on as if it were in.
    let mut eager = connect().await;
    eager.challenge().await;
    eager
        .send(&json!({ "id": 1, "method": "initialize", "params": {} }).to_string())
        .await;
    assert_eq!(eager.next().await, Err(4401));
    // Proves with the cookie, with the proof of another nonce, with nothing.
    let cookie = Browser {
        proof: browser.cookie.split_once('=').unwrap().1.to_owned(),
        cookie: String::new(),
    };
    let old = {
        let mut other = connect().await;
        browser.mac(&other.challenge().await)
    };
    for answer in [
        proof(&old),
        proof(""),
        proof("x"),
        "{}".to_owned(),
        String::new(),
    ] {
        let mut client = connect().await;
        client.challenge().await;
        client.send(&answer).await;
        assert_eq!(client.next().await, Err(4401), "{answer}");
    }
    let mut client = connect().await;
    let nonce = client.challenge().await;
    client.send(&proof(&cookie.mac(&nonce))).await;
    assert_eq!(client.next().await, Err(4401));
    assert!(!host.has_opened_a_tab().await);

    Client::browser(&host, &browser).await;
    assert!(host.has_opened_a_tab().await);
}

#[tokio::test]
async fn row_17_no_ping_keeps_an_unproven_socket_open() {
    let host = Setup::default()
        .limits(|limits| limits.first_frame_timeout = Duration::from_secs(1))
        .start()
        .await;
    let browser = Browser::sign_in(&host).await;
    let mut client = Client::connect(&host, &browser.headers(&host))
        .await
        .unwrap();
    client.challenge().await;
    client.ping().await;
    assert_eq!(client.next().await, Err(4408));
}

#[tokio::test]
async fn row_18_signing_out_in_one_tab_closes_all_of_them() {
    let host = TestHost::start().await;
    let browser = Browser::sign_in(&host).await;
    let other = Browser::sign_in(&host).await;
    let mut first = Client::browser(&host, &browser).await;
    let mut second = Client::browser(&host, &browser).await;
    let mut elsewhere = Client::browser(&host, &other).await;

    let answer = browser.sign_out(&host).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    let closed = timeout(Duration::from_secs(1), async {
        (first.closed().await, second.closed().await)
    });
    assert_eq!(closed.await, Ok((4401, 4401)));
    assert_eq!(
        upgrade(&host, "/ws", &browser.headers(&host)).await.status,
        401
    );
    assert_eq!(browser.sign_out(&host).await.status, 401);
    elsewhere.ping().await;
}

#[tokio::test]
async fn row_18_nobody_is_signed_out_by_another_page() {
    let host = TestHost::start().await;
    let browser = Browser::sign_in(&host).await;
    for origin in ["", "Origin: https://evil.com\r\n", "Origin: null\r\n"] {
        let headers = format!(
            "Content-Length: 0\r\nCookie: {}\r\n{origin}",
            browser.cookie
        );
        assert_eq!(
            exchange(&host, &request(&host, "POST", "/logout", &headers))
                .await
                .status,
            403
        );
    }
    Client::browser(&host, &browser).await.ping().await;
}

#[tokio::test]
async fn row_18_a_revoked_sign_in_closes_within_a_second_even_when_its_client_reads_nothing() {
    let host = TestHost::start().await;
    let browser = Browser::sign_in(&host).await;
    let client = Client::browser(&host, &browser).await;
    let mut tab = host.tab().await;
    tab.say(&"x".repeat(8 << 20)).await;
    let id = host.admission.sign_ins().await.unwrap()[0].id;
    assert_eq!(host.admission.revoke(id).await, Ok(true));
    let gone = timeout(Duration::from_secs(1), tab.received.recv());
    assert_eq!(gone.await.expect("within a second"), None);
    drop(client);
}

#[tokio::test]
async fn the_page_asks_whether_a_sign_in_is_needed() {
    let host = TestHost::start().await;
    let browser = Browser::sign_in(&host).await;
    assert_eq!(
        get(&host, "/login", "").await.json(),
        json!({ "required": true, "signedIn": false })
    );
    let known = get(&host, "/login", &format!("Cookie: {}\r\n", browser.cookie))
        .await
        .json();
    assert_eq!(known, json!({ "required": true, "signedIn": true }));

    let open = Setup::default().open().start().await;
    assert_eq!(
        get(&open, "/login", "").await.json(),
        json!({ "required": false, "signedIn": false })
    );
    assert_eq!(login(&open, "x").await.status, 400);
    let mut client = Client::connect(&open, "").await.unwrap();
    client.send("hello").await;
    assert_eq!(open.tab().await.heard().await, "hello");
}

#[tokio::test]
async fn a_refused_sign_in_is_read_to_its_end() {
    // The host answers before it has read all; closing then at once would reset the connection, and a client that still
    // writes would hear of that instead of the answer.
    let host = TestHost::start().await;
    let request = login_request(&host, &page_headers(&host), &"x".repeat(64 * 1024));
    let mut stream = TcpStream::connect(host.addr).await.unwrap();
    soon(stream.write_all(request.as_bytes())).await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    for _ in 0..3 {
        soon(stream.write_all(b"more"))
            .await
            .expect("the host still listens");
    }
}
