//! The gate as a whole: who is let in, who is not, and that nothing of an unadmitted request shows anywhere.

use serde_json::json;

use crate::support::client::Connecting;
use crate::support::http::{exchange, get, upgrade};
use crate::support::{Setup, TestHost};

/// `Authorization` with the right token.
fn bearer(host: &TestHost) -> String {
    format!("Authorization: Bearer {}\r\n", host.token())
}

#[tokio::test]
async fn only_the_token_opens_a_socket() {
    let host = Setup::simulated().start().await;
    let wrong = config::Token::generate().unwrap();
    let cases = [
        (String::new(), 401),
        (format!("Authorization: Bearer {}\r\n", wrong.reveal()), 401),
        (format!("Authorization: Basic {}\r\n", host.token()), 401),
        (format!("Authorization: Bearer {}x\r\n", host.token()), 401),
        (bearer(&host), 101),
    ];
    for path in ["/ws", "/"] {
        for (headers, status) in &cases {
            let got = upgrade(host.addr(), path, headers).await.status;
            assert_eq!(got, *status, "{path} {}", headers.len());
        }
    }
}

#[tokio::test]
async fn a_credential_in_the_query_is_refused_even_when_it_is_right() {
    let mut host = Setup::simulated().start().await;
    for key in [
        "token",
        "access_token",
        "auth",
        "key",
        "api_key",
        "password",
        "secret",
    ] {
        let path = format!("/ws?{key}={}", host.token());
        assert_eq!(
            upgrade(host.addr(), &path, &bearer(&host)).await.status,
            400,
            "{key}"
        );
        let path = format!("/?{key}={}", host.token());
        assert_eq!(get(host.addr(), &path, "").await.status, 400, "{key}");
    }
    host.stop().await;
    assert!(!host.log().contains(host.token()), "the log holds no token");
}

#[tokio::test]
async fn a_foreign_host_header_is_misdirected_whatever_else_is_right() {
    let host = Setup::simulated().start().await;
    let port = host.addr().port();
    for name in [
        "evil.example",
        &format!("127.0.0.1.evil.example:{port}"),
        "localhost",
        &format!("localhost:{port}"),
        "127.0.0.1",
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\n{}\r\n", bearer(&host));
        let response = exchange(host.addr(), &request).await;
        assert_eq!(response.status, 421, "{name}");
        assert_eq!(response.headers("set-cookie"), Vec::<&str>::new());
    }
    let twice = format!(
        "GET / HTTP/1.1\r\nHost: {0}\r\nHost: {0}\r\n\r\n",
        host.addr()
    );
    assert!((400..500).contains(&exchange(host.addr(), &twice).await.status));
    assert!((400..500).contains(&exchange(host.addr(), "GET / HTTP/1.1\r\n\r\n").await.status));
}

#[tokio::test]
async fn a_foreign_origin_never_gets_a_socket() {
    let host = Setup::simulated().start().await;
    let port = host.addr().port();
    let near = format!("http://127.0.0.1:{port}.evil.example");
    for origin in [
        "https://evil.example",
        "null",
        "http://127.0.0.1:3000",
        &near,
    ] {
        let headers = format!("Origin: {origin}\r\n{}", bearer(&host));
        assert_eq!(
            upgrade(host.addr(), "/ws", &headers).await.status,
            403,
            "{origin}"
        );
    }
}

#[tokio::test]
async fn signing_in_takes_json_from_the_page_itself_and_gives_two_halves() {
    let host = Setup::simulated().start().await;
    let login = |kind: &str, origin: &str, token: &str| {
        let body = json!({"token": token}).to_string();
        format!(
            "POST /login HTTP/1.1\r\nHost: {}\r\nContent-Type: {kind}\r\nOrigin: {origin}\r\n\
             Sec-Fetch-Site: same-origin\r\nContent-Length: {}\r\n\r\n{body}",
            host.addr(),
            body.len()
        )
    };
    let page = format!("http://{}", host.addr());
    let json = "application/json";
    assert_eq!(
        exchange(host.addr(), &login("text/plain", &page, host.token()))
            .await
            .status,
        415
    );
    assert_eq!(
        exchange(
            host.addr(),
            &login(json, "https://evil.example", host.token())
        )
        .await
        .status,
        403
    );
    assert_eq!(
        exchange(host.addr(), &login(json, &page, "hft_wrong"))
            .await
            .status,
        401
    );

    let response = exchange(host.addr(), &login(json, &page, host.token())).await;
    assert_eq!(response.status, 200);
    let cookie = response.headers("set-cookie").join("");
    for flag in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(
            cookie.contains(flag),
            "{flag} in {}",
            cookie.split('=').next().unwrap_or_default()
        );
    }
    let body: serde_json::Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!(
        (body["role"].as_str(), body["proof"].as_str().map(str::len)),
        (Some("operate"), Some(43))
    );

    // The cookie alone opens nothing: the first message must prove the other half.
    let pair = cookie.split(';').next().unwrap();
    let connecting = Connecting::to(host.addr())
        .header("cookie", pair)
        .header("origin", &page);
    let mut half = connecting
        .open()
        .await
        .expect("the proof comes in the first message");
    assert!(half.next("host/challenge").await.params()["nonce"].is_string());
    half.send_raw("{\"method\":\"host/proof\",\"params\":{\"mac\":\"bm90IHRoZSBtYWM\"}}")
        .await;
    assert_eq!(half.close().await.0, 4401);
    assert_eq!(
        Connecting::to(host.addr())
            .header("cookie", pair)
            .open()
            .await
            .err(),
        Some(403),
        "no Origin"
    );
}

#[tokio::test]
async fn only_the_page_and_health_answer_without_a_credential() {
    let host = Setup::simulated().start().await;
    assert_eq!(get(host.addr(), "/", "").await.status, 200);
    let health = get(host.addr(), "/healthz", "").await;
    assert_eq!(health.status, 200);
    assert!(health.body.len() < 20, "{}", health.body);
    for path in [
        "/status",
        "/metrics",
        "/api/sessions",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/",
        "//etc/passwd",
        "/%00",
    ] {
        let status = get(host.addr(), path, "").await.status;
        assert!([400, 401, 404].contains(&status), "{path}: {status}");
    }
    let page = get(host.addr(), "/", "").await;
    assert_eq!(
        page.headers("access-control-allow-origin"),
        Vec::<&str>::new()
    );
    let policy = page.headers("content-security-policy").join("");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
}

#[tokio::test]
async fn guessing_is_slowed_and_the_right_token_still_works() {
    let host = Setup::simulated().start().await;
    let mut statuses = Vec::new();
    for number in 0..40 {
        let headers =
            format!("Authorization: Bearer wrong-but-long-enough-to-be-a-token-{number}\r\n");
        statuses.push(upgrade(host.addr(), "/ws", &headers).await.status);
    }
    let evaluated = statuses.iter().filter(|status| **status == 401).count();
    assert!(
        (1..=15).contains(&evaluated),
        "{evaluated} of 40 were looked at"
    );
    assert!(statuses.contains(&429));
    host.tab()
        .await
        .call("host/status", json!({}))
        .await
        .expect("the right token still gets in");
}

#[tokio::test]
async fn nothing_an_unadmitted_connection_sends_reaches_the_host() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let before = tab.call("host/status", json!({})).await.unwrap();
    for _ in 0..10 {
        upgrade(host.addr(), "/ws", "").await;
    }
    let after = tab.call("host/status", json!({})).await.unwrap();
    let tabs = |status: &serde_json::Value| status["tabs"].as_array().map(Vec::len);
    assert_eq!(tabs(&before), tabs(&after));
}
