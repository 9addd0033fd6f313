//! Who may read the metrics: whole credentials at the host, programs of this machine at the port of their own. Rows 1, 17, 25.

use crate::support::{
    TestHost,
    http::{Answer, Browser, exchange_at, get},
};

/// Asks the port of their own.
async fn ask(host: &TestHost, name: &str, path: &str, headers: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {name}\r\n{headers}\r\n");
    exchange_at(host.metrics_addr, &request).await
}

#[tokio::test]
async fn the_host_shows_its_metrics_to_a_token_and_to_nothing_less() {
    let host = TestHost::start().await;
    let browser = Browser::sign_in(&host).await;
    let cookie = format!(
        "Cookie: {}\r\nOrigin: {}\r\n",
        browser.cookie,
        host.origin()
    );
    for headers in ["", "Authorization: Bearer nonsense\r\n", &cookie] {
        let answer = get(&host, "/metrics", headers).await;
        assert_eq!(answer.status, 401, "{}", headers.len());
    }
    let answer = get(&host, "/metrics", &host.bearer()).await;
    assert_eq!(
        (
            answer.status,
            answer.header("content-type"),
            answer.header("cache-control")
        ),
        (200, actors::metrics::CONTENT_TYPE, "no-store")
    );
    // The refusals before this one, and each with its reason alone.
    assert_eq!(
        answer.text(),
        "refused not-signed-in not-signed-in not-signed-in\n"
    );
}

#[tokio::test]
async fn the_port_of_their_own_answers_to_its_own_name_alone() {
    let host = TestHost::start().await;
    let own = host.metrics_addr.to_string();
    let port = host.metrics_addr.port();
    let answer = ask(&host, &own, "/metrics", "").await;
    assert_eq!((answer.status, answer.text()), (200, "refused \n"));
    for name in [
        "evil.com",
        "127.0.0.1",
        &format!("localhost:{port}"),
        &host.addr.to_string(),
    ] {
        assert_eq!(ask(&host, name, "/metrics", "").await.status, 421, "{name}");
    }
}

#[tokio::test]
async fn the_port_of_their_own_has_nothing_else_and_nothing_for_pages() {
    let host = TestHost::start().await;
    let own = host.metrics_addr.to_string();
    let bearer = host.bearer();
    for path in ["/", "/ws", "/login", "/healthz", "/metrics/", "/Metrics"] {
        assert_eq!(ask(&host, &own, path, &bearer).await.status, 404, "{path}");
    }
    let cases = [
        (format!("Origin: http://{own}\r\n"), 403),
        ("Origin: null\r\n".to_owned(), 403),
        ("X-Forwarded-For: 127.0.0.1\r\n".to_owned(), 400),
        ("Tailscale-Funnel-Request: ?1\r\n".to_owned(), 403),
    ];
    for (headers, status) in cases {
        assert_eq!(
            ask(&host, &own, "/metrics", &headers).await.status,
            status,
            "{headers}"
        );
    }
    let post = format!("POST /metrics HTTP/1.1\r\nHost: {own}\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(exchange_at(host.metrics_addr, &post).await.status, 405);
}
