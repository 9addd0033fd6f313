//! The embedded page and the headers of every answer. Rows 6, 29, 30, 31, 43.

use crate::support::{
    TestHost,
    http::{Answer, exchange, get, login, request, upgrade},
};

/// The files that a page names.
fn files(page: &str) -> Vec<String> {
    let named = page
        .split('"')
        .filter(|part| part.starts_with("/assets/") || *part == "/favicon.svg");
    named.map(str::to_owned).collect()
}

#[tokio::test]
async fn row_43_no_answer_sends_the_browser_elsewhere() {
    let host = TestHost::start().await;
    for path in [
        "/?next=//evil.example",
        "/login?next=https://evil.example",
        "/login?redirect=//evil.example&url=https://evil.example",
        "//evil.example/",
        "/%2f%2fevil.example",
        "/https://evil.example",
        "/logout?next=//evil.example",
    ] {
        for headers in [String::new(), host.bearer()] {
            let answer = get(&host, path, &headers).await;
            assert!(!(300..400).contains(&answer.status), "{path}");
            assert!(
                answer
                    .headers
                    .iter()
                    .all(|(name, _)| name != "location" && name != "refresh")
            );
            assert!(!answer.text().contains("evil.example"), "{path}");
        }
    }
}

#[tokio::test]
async fn the_page_and_its_files_are_served_with_types_and_caching() {
    let host = TestHost::start().await;
    let page = get(&host, "/", "").await;
    assert_eq!(
        (
            page.status,
            page.header("content-type"),
            page.header("cache-control")
        ),
        (200, "text/html; charset=utf-8", "no-store")
    );
    let files = files(page.text());
    assert!(
        files.iter().any(|name| name.ends_with(".js"))
            && files.iter().any(|name| name.ends_with(".css")),
        "{files:?}"
    );
    for name in files {
        let file = get(&host, &name, "").await;
        let expected = match name.rsplit('.').next().unwrap() {
            "js" => (
                "text/javascript; charset=utf-8",
                "public, max-age=31536000, immutable",
            ),
            "css" => (
                "text/css; charset=utf-8",
                "public, max-age=31536000, immutable",
            ),
            _ => ("image/svg+xml", "no-cache"),
        };
        assert_eq!(
            (file.header("content-type"), file.header("cache-control")),
            expected,
            "{name}"
        );
        assert_eq!(file.header("content-length"), file.body.len().to_string());
        let tag = file.header("etag");
        let again = get(&host, &name, &format!("If-None-Match: \"x\", {tag}\r\n")).await;
        assert_eq!(
            (again.status, again.body.len(), again.header("etag")),
            (304, 0, tag)
        );
        assert_eq!(
            get(&host, &name, "If-None-Match: \"x\"\r\n").await.status,
            200
        );
        let head = exchange(&host, &request(&host, "HEAD", &name, "")).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
    }
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere_and_runs_nothing_inline() {
    let host = TestHost::start().await;
    let page = get(&host, "/", "").await;
    let text = page.text();
    assert!(
        !text.contains("http://") && !text.contains("https://") && !text.contains("src=\"//"),
        "{text}"
    );
    let mut attributes = text
        .split_whitespace()
        .filter_map(|word| word.split_once('='))
        .map(|(name, _)| name);
    assert!(
        attributes.all(|name| name != "style" && !name.starts_with("on")),
        "{text}"
    );
    assert!(!text.contains("<style"), "{text}");
    for script in text.split("<script").skip(1) {
        assert!(
            script.split('>').nth(1).unwrap().starts_with("</script"),
            "{script}"
        );
    }
}

fn check_headers(answer: &Answer, what: &str) {
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
        connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
        require-trusted-types-for 'script'; trusted-types dompurify holdfast-worker";
    for (name, value) in [
        ("content-security-policy", policy),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), value, "{what}");
    }
    let permissions = answer.header("permissions-policy");
    assert!(
        permissions.split(", ").all(|one| one.ends_with("=()"))
            && permissions.contains("camera=()"),
        "{what}"
    );
    for name in [
        "server",
        "x-powered-by",
        "location",
        "strict-transport-security",
        "access-control-allow-origin",
    ] {
        assert!(answer.all(name).is_empty(), "{what}: {name}");
    }
}

#[tokio::test]
async fn row_31_every_answer_carries_the_protecting_headers() {
    let host = TestHost::start().await;
    let page = get(&host, "/", "").await;
    let script = files(page.text())
        .into_iter()
        .find(|name| name.ends_with(".js"))
        .unwrap();
    check_headers(&page, "page");
    check_headers(&get(&host, &script, "").await, "script");
    for (what, answer) in [
        ("health", get(&host, "/healthz", "").await),
        ("ready", get(&host, "/readyz", "").await),
        ("state", get(&host, "/login", "").await),
        ("sign-in", login(&host, host.token.reveal()).await),
        ("wrong", login(&host, "x").await),
        (
            "sign-out",
            exchange(
                &host,
                &request(
                    &host,
                    "POST",
                    "/logout",
                    &format!("Origin: {}\r\n", host.origin()),
                ),
            )
            .await,
        ),
        ("socket", upgrade(&host, "/ws", &host.bearer()).await),
        ("no socket", get(&host, "/ws", &host.bearer()).await),
        ("unauthorised", upgrade(&host, "/ws", "").await),
        ("nothing", get(&host, "/nothing", &host.bearer()).await),
        ("odd", get(&host, "/%00", "").await),
        (
            "method",
            exchange(&host, &request(&host, "PUT", "/", "")).await,
        ),
        (
            "misdirected",
            exchange(&host, "GET / HTTP/1.1\r\nHost: evil.com\r\n\r\n").await,
        ),
        ("query", get(&host, "/?token=x", "").await),
        ("proxy", get(&host, "/", "X-Real-IP: 1.2.3.4\r\n").await),
        (
            "foreign",
            get(&host, "/", "Origin: https://evil.com\r\n").await,
        ),
        // What cannot be read at all is answered below us.
        ("no request", exchange(&host, "nonsense\r\n\r\n").await),
        ("HTTP/2", exchange(&host, "GET / HTTP/2.0\r\n\r\n").await),
        (
            "too large",
            get(&host, "/", &format!("A: {}\r\n", "x".repeat(20_000))).await,
        ),
    ] {
        check_headers(&answer, what);
        assert_eq!(answer.header("cache-control"), "no-store", "{what}");
        assert!(answer.all("content-length").len() <= 1, "{what}");
    }
}

#[tokio::test]
async fn a_socket_address_without_an_upgrade_says_what_it_is() {
    let host = TestHost::start().await;
    let answer = get(&host, "/ws", &host.bearer()).await;
    assert_eq!(
        (answer.status, answer.header("upgrade")),
        (426, "websocket")
    );
    assert!(
        answer.json()["error"]
            .as_str()
            .unwrap()
            .contains("WebSocket")
    );
    let whole = crate::support::http::UPGRADE;
    for (part, broken) in [
        ("Version: 13", "Version: 8"),
        ("AAAAAAAAAAAAAAAAAAAAAA==", "AAAA"),
        ("Upgrade: websocket", "Upgrade: h2c"),
        ("Connection: Upgrade", "Connection: close"),
    ] {
        let headers = format!("{}{}", whole.replace(part, broken), host.bearer());
        assert_eq!(get(&host, "/ws", &headers).await.status, 426, "{broken}");
    }
}
