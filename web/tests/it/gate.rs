//! Where requests may come from, and what nobody gets without a credential. Rows 1, 2, 3, 5, 19, 25, 26, 33.

use std::time::Duration;

use crate::support::{
    Log, Setup, TestHost,
    http::{Browser, exchange, get, login, request, try_exchange, upgrade},
    soon,
    ws::Client,
};

#[tokio::test]
async fn row_1_only_the_configured_host_is_answered() {
    let host = TestHost::start().await;
    let port = host.addr.port();
    let own = host.addr.to_string();
    let bearer = host.bearer();
    for name in [
        "evil.com",
        "127.0.0.1",
        &format!("127.0.0.1.evil.com:{port}"),
        &format!("localhost:{port}"),
        &format!("{own}."),
        "",
        "ä",
    ] {
        let answer = exchange(
            &host,
            &format!("GET / HTTP/1.1\r\nHost: {name}\r\n{bearer}\r\n"),
        )
        .await;
        assert_eq!(
            (answer.status, answer.text(), answer.all("set-cookie").len()),
            (421, "", 0),
            "{name}"
        );
    }
    for (text, what) in [
        (format!("GET / HTTP/1.1\r\n{bearer}\r\n"), "none"),
        (
            format!("GET / HTTP/1.1\r\nHost: {own}\r\nHost: {own}\r\n{bearer}\r\n"),
            "two",
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: {own}\r\nHost: evil.com\r\n{bearer}\r\n"),
            "two different",
        ),
        (
            format!("GET http://evil.com/ HTTP/1.1\r\nHost: {own}\r\n{bearer}\r\n"),
            "absolute",
        ),
        (
            format!("GET http://{own}/ HTTP/1.1\r\nHost: {own}\r\n{bearer}\r\n"),
            "absolute and right",
        ),
    ] {
        assert_eq!(exchange(&host, &text).await.status, 400, "{what}");
    }
    let upper = Setup::default()
        .config("allowed_hosts = [\"dev.tail1.ts.net\"]")
        .start()
        .await;
    assert_eq!(
        exchange(&upper, "GET / HTTP/1.1\r\nHost: DEV.tail1.ts.net\r\n\r\n")
            .await
            .status,
        200
    );
    assert_eq!(get(&upper, "/", "").await.status, 421);
}

#[tokio::test]
async fn row_2_the_right_host_from_loopback_grants_nothing() {
    let host = TestHost::start().await;
    for path in ["/api/sessions", "/ws", "/status"] {
        let answer = get(&host, path, "").await;
        assert_eq!(
            (answer.status, answer.all("www-authenticate").len()),
            (401, 0),
            "{path}"
        );
    }
    assert_eq!(upgrade(&host, "/ws", "").await.status, 401);
}

#[tokio::test]
async fn row_3_foreign_pages_never_get_a_socket() {
    let host = TestHost::start().await;
    let browser = Browser::sign_in(&host).await;
    let port = host.addr.port();
    let own = host.origin();
    let foreign = [
        "https://evil.com".to_owned(),
        "null".to_owned(),
        "http://127.0.0.1:3000".to_owned(),
        format!("http://127.0.0.1:{port}.evil.com"),
        format!("https://127.0.0.1:{port}"),
        format!("http://localhost:{port}"),
        format!("{own}/"),
        format!("{own} "),
        String::new(),
    ];
    for origin in foreign.iter().filter(|origin| origin.trim() != own) {
        for credential in [
            format!("Cookie: {}\r\n", browser.cookie),
            host.bearer(),
            String::new(),
        ] {
            let answer = upgrade(&host, "/ws", &format!("Origin: {origin}\r\n{credential}")).await;
            assert_eq!(answer.status, 403, "{origin}");
        }
    }
    // A cookie without a page that shows it is a cookie that something else sends.
    assert_eq!(
        upgrade(&host, "/ws", &format!("Cookie: {}\r\n", browser.cookie))
            .await
            .status,
        403
    );
    let twice = format!("Origin: {own}\r\nOrigin: {own}\r\n{}", host.bearer());
    assert_eq!(upgrade(&host, "/ws", &twice).await.status, 400);
    let cross = format!("{}Sec-Fetch-Site: cross-site\r\n", browser.headers(&host));
    assert_eq!(upgrade(&host, "/ws", &cross).await.status, 403);

    assert_eq!(
        upgrade(&host, "/ws", &browser.headers(&host)).await.status,
        101
    );
    assert_eq!(upgrade(&host, "/ws", &host.bearer()).await.status, 101);
    assert_eq!(
        upgrade(&host, "/ws", &format!("Origin: {own}\r\n{}", host.bearer()))
            .await
            .status,
        101
    );
}

#[tokio::test]
async fn row_3_the_open_host_checks_pages_too() {
    let host = Setup::default().open().start().await;
    assert_eq!(
        upgrade(&host, "/ws", "Origin: https://evil.com\r\n")
            .await
            .status,
        403
    );
    assert_eq!(
        exchange(&host, "GET / HTTP/1.1\r\nHost: evil.com\r\n\r\n")
            .await
            .status,
        421
    );
    assert_eq!(
        upgrade(&host, "/ws", &format!("Origin: {}\r\n", host.origin()))
            .await
            .status,
        101
    );
}

#[tokio::test]
async fn row_5_a_credential_in_the_address_is_refused_and_never_logged() {
    let (log, _guard) = Log::start();
    let host = TestHost::start().await;
    let token = host.token.reveal();
    for key in [
        "token",
        "tkn",
        "access_token",
        "auth",
        "key",
        "api_key",
        "password",
        "secret",
        "Token",
        "%74oken",
        "x",
    ] {
        let path = format!("/ws?a=b&{key}={token}");
        assert_eq!(
            upgrade(&host, &path, &host.bearer()).await.status,
            400,
            "{key}"
        );
        assert_eq!(
            get(&host, &path.replace("/ws", "/"), "").await.status,
            400,
            "{key}"
        );
    }
    let browser = Browser::sign_in(&host).await;
    drop(Client::browser(&host, &browser).await);
    assert_eq!(login(&host, &token[..50]).await.status, 401);
    assert_eq!(get(&host, "/?next=//evil.com", "").await.status, 200);
    let log = log.text();
    assert!(
        log.contains("a request is refused"),
        "the log is listened to"
    );
    let value = browser.cookie.split_once('=').unwrap().1;
    for secret in [token, &token[4..50], value, &browser.proof] {
        assert!(!log.contains(secret));
    }
}

#[tokio::test]
async fn row_25_without_a_credential_only_the_open_routes_answer() {
    let host = TestHost::start().await;
    let paths = [
        "/",
        "/ws",
        "/login",
        "/logout",
        "/healthz",
        "/readyz",
        "/favicon.svg",
        "/index.html",
        "/api/sessions",
        "/status",
        "/metrics",
        "/admin/reload",
        "/ws/",
        "/WS",
        "/terminal/ws",
        "/.git/config",
        "/assets/",
        "/login/x",
    ];
    let methods = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW",
    ];
    let mut answered = Vec::new();
    for path in paths {
        for method in methods {
            for (upgrades, headers) in [("", ""), (" upgrade", crate::support::http::UPGRADE)] {
                let text = request(
                    &host,
                    method,
                    path,
                    &format!("Content-Length: 0\r\n{headers}"),
                );
                let Some(answer) = try_exchange(&host, text.as_bytes()).await else {
                    continue;
                };
                assert_ne!(answer.status, 101, "{method} {path}");
                assert!(
                    answer
                        .headers
                        .iter()
                        .all(|(name, _)| !name.starts_with("access-control-"))
                );
                if answer.status < 400 {
                    answered.push(format!("{method} {path}{upgrades}"));
                }
            }
        }
    }
    assert_eq!(
        answered,
        [
            "GET /",
            "HEAD /",
            "HEAD / upgrade",
            "GET /login",
            "GET /login upgrade",
            "HEAD /login",
            "HEAD /login upgrade",
            "GET /healthz",
            "GET /healthz upgrade",
            "HEAD /healthz",
            "HEAD /healthz upgrade",
            "GET /readyz",
            "GET /readyz upgrade",
            "HEAD /readyz",
            "HEAD /readyz upgrade",
            "GET /favicon.svg",
            "GET /favicon.svg upgrade",
            "HEAD /favicon.svg",
            "HEAD /favicon.svg upgrade",
        ]
    );
    assert_eq!(get(&host, "/healthz", "").await.text(), "ok");
    assert_eq!(get(&host, "/readyz", "").await.text(), "ready");
    assert!(!host.has_opened_a_tab().await);
}

#[tokio::test]
async fn row_26_no_path_leads_out_of_the_page() {
    let host = TestHost::start().await;
    for path in [
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/",
        "//etc/passwd",
        "/..\\..\\etc\\passwd",
        "/%00",
        "/%c0%ae%c0%ae/etc/passwd",
        "/../etc/passwd",
        "/assets/../../etc/passwd",
        "/./index.html",
    ] {
        for headers in [String::new(), host.bearer()] {
            let answer = try_exchange(&host, request(&host, "GET", path, &headers).as_bytes())
                .await
                .unwrap();
            assert!(
                [400, 404].contains(&answer.status),
                "{path}: {}",
                answer.status
            );
            assert!(!answer.text().contains("root:"));
        }
    }
    for path in ["/etc/passwd", "/Cargo.toml", "/index.html", "/src/main.tsx"] {
        assert_eq!(get(&host, path, "").await.status, 401, "{path}");
        assert_eq!(get(&host, path, &host.bearer()).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn row_33_what_a_client_says_of_itself_breaks_no_log_line() {
    let (log, _guard) = Log::start();
    let host = TestHost::start().await;
    let agent = format!("evil\u{202e}\u{9b}2J{}", "x".repeat(4000));
    let text = request(
        &host,
        "GET",
        "/ws",
        &format!(
            "{}{}User-Agent: {agent}\r\n",
            crate::support::http::UPGRADE,
            host.bearer()
        ),
    );
    assert_eq!(
        try_exchange(&host, text.as_bytes()).await.unwrap().status,
        101
    );
    let label = host.tab().await.open.label;
    assert!(label.starts_with(r"evil\u{202e}\u{9b}2Jxxx"), "{label}");
    assert!(label.chars().count() <= 140, "{}", label.len());
    // A line end or an escape in a header is no header at all.
    for bad in ["Origin: a\x1b[2J\r\n", "Origin: a\0b\r\n"] {
        assert_eq!(
            exchange(&host, &request(&host, "GET", "/", bad))
                .await
                .status,
            400
        );
    }
    host.stop().await;
    assert!(
        log.text()
            .lines()
            .all(|line| line.starts_with('{') && line.len() < 16_384)
    );
    assert!(!log.text().contains(&"x".repeat(200)));
}

#[tokio::test]
async fn one_request_shows_one_credential() {
    let host = TestHost::start().await;
    let browser = Browser::sign_in(&host).await;
    let both = format!("{}{}", browser.headers(&host), host.bearer());
    assert_eq!(upgrade(&host, "/ws", &both).await.status, 400);
    let twice = format!("{0}{0}", host.bearer());
    assert_eq!(upgrade(&host, "/ws", &twice).await.status, 400);
    assert!(!host.has_opened_a_tab().await);
}

#[tokio::test]
async fn row_19_a_removed_token_stops_working_and_its_sockets_close() {
    let host = TestHost::start().await;
    let mut program = Client::program(&host).await;
    let browser = Browser::sign_in(&host).await;
    let mut page = Client::browser(&host, &browser).await;
    host.admission.reload(Vec::new()).await.unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(1), async {
        (program.closed().await, page.closed().await)
    });
    assert_eq!(closed.await, Ok((4401, 4401)));
    assert_eq!(upgrade(&host, "/ws", &host.bearer()).await.status, 401);
    assert_eq!(
        upgrade(&host, "/ws", &browser.headers(&host)).await.status,
        401
    );
    soon(host.stop()).await;
}
