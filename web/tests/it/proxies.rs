//! What proxies say of a request. Rows 21, 22, 23, 24, and where the cookie knows of HTTPS, 16.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixListener,
};

use crate::support::{
    Setup, TestHost,
    http::{exchange, get, upgrade},
};

const NAME: &str = "dev.tail1.ts.net";

/// Behind Tailscale Serve.
fn serve() -> Setup {
    serve_with("")
}

/// Likewise, with more lines in the section of Tailscale.
fn serve_with(lines: &str) -> Setup {
    Setup::default().config(&format!(
        "allowed_hosts = [\"{NAME}\"]\nallowed_origins = [\"https://{NAME}\"]\n\
         trusted_proxy = \"tailscale-serve\"\n[tailscale]\nserve = true\n{lines}"
    ))
}

/// What Serve sends for a request of a browser.
fn forwarded(headers: &str) -> String {
    format!(
        "Host: {NAME}\r\nX-Forwarded-Host: {NAME}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 100.64.0.7\r\n{headers}"
    )
}

async fn status(host: &TestHost, path: &str, headers: &str) -> u16 {
    exchange(host, &format!("GET {path} HTTP/1.1\r\n{headers}\r\n"))
        .await
        .status
}

#[tokio::test]
async fn row_21_without_the_setting_no_proxy_header_is_taken() {
    let host = TestHost::start().await;
    for header in [
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.com",
        "X-Real-IP: 127.0.0.1",
        "Forwarded: for=127.0.0.1",
        "X_Forwarded_For: 127.0.0.1",
        "Tailscale-User-Login: owner@example.com",
        "X-Forwarded-Prefix: /x",
        "X-Original-URL: /ws",
    ] {
        assert_eq!(
            get(&host, "/", &format!("{header}\r\n")).await.status,
            400,
            "{header}"
        );
        let with_token = format!("{header}\r\n{}", host.bearer());
        assert_eq!(
            upgrade(&host, "/ws", &with_token).await.status,
            400,
            "{header}"
        );
    }
}

#[tokio::test]
async fn row_21_with_the_setting_each_is_taken_once_and_as_serve_writes_it() {
    let host = serve().start().await;
    assert_eq!(status(&host, "/", &forwarded("")).await, 200);
    assert_eq!(status(&host, "/", &format!("Host: {NAME}\r\n")).await, 200);
    for (headers, expected) in [
        (forwarded("X-Forwarded-For: 100.64.0.8\r\n"), 400),
        (forwarded("Forwarded: for=1.2.3.4\r\n"), 400),
        (forwarded("X-Real-IP: 1.2.3.4\r\n"), 400),
        (
            forwarded("Tailscale-User-Login: a\r\nTailscale-User-Login: b\r\n"),
            400,
        ),
        (forwarded("Tailscale_User-Login: a\r\n"), 400),
        (
            format!("Host: {NAME}\r\nX-Forwarded-For: 1.2.3.4, 127.0.0.1\r\n"),
            400,
        ),
        (
            format!("Host: {NAME}\r\nX-Forwarded-For: localhost\r\n"),
            400,
        ),
        (
            format!("Host: {NAME}\r\nX-Forwarded-Proto: HTTPS, http\r\n"),
            400,
        ),
        (
            format!("Host: {NAME}\r\nX-Forwarded-Host: evil.com\r\n"),
            421,
        ),
        (
            "Host: evil.com\r\nX-Forwarded-Host: evil.com\r\n".to_owned(),
            421,
        ),
        (
            format!("Host: evil.com\r\nX-Forwarded-Host: {NAME}\r\n"),
            421,
        ),
        (
            format!("Host: localhost\r\nX-Forwarded-Host: {NAME}\r\n"),
            421,
        ),
    ] {
        assert_eq!(status(&host, "/", &headers).await, expected, "{headers}");
    }
    // None of it is a credential.
    assert_eq!(status(&host, "/api/sessions", &forwarded("")).await, 401);
}

#[tokio::test]
async fn row_21_in_front_of_a_unix_socket_the_name_is_the_forwarded_one() {
    let host = serve().unix().start().await;
    let as_serve =
        format!("Host: localhost\r\nX-Forwarded-Host: {NAME}\r\nX-Forwarded-For: 100.64.0.7\r\n");
    assert_eq!(status(&host, "/", &as_serve).await, 200);
    assert_eq!(
        status(
            &host,
            "/",
            "Host: localhost\r\nX-Forwarded-Host: evil.com\r\n"
        )
        .await,
        421
    );
    assert_eq!(status(&host, "/", "Host: localhost\r\n").await, 421);
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&host.socket).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let path = host.socket.clone();
    host.stop().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn row_22_a_forged_identity_is_no_credential() {
    let host = serve_with("allow_users = [\"owner@example.com\"]")
        .start()
        .await;
    let forged = forwarded("Tailscale-User-Login: owner@example.com\r\n");
    assert_eq!(status(&host, "/api/sessions", &forged).await, 401);
    // And with a token it is not believed without tailscaled.
    assert_eq!(
        status(
            &host,
            "/api/sessions",
            &format!("{forged}{}", host.bearer())
        )
        .await,
        403
    );
    let alone = format!(
        "Host: {NAME}\r\nTailscale-User-Login: owner@example.com\r\n{}",
        host.bearer()
    );
    assert_eq!(status(&host, "/api/sessions", &alone).await, 403);
}

/// Answers every question with `answer`, as tailscaled does.
async fn tailscaled(path: &std::path::Path, answer: String) {
    let listener = UnixListener::bind(path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut question = vec![0; 1024];
            let count = stream.read(&mut question).await.unwrap();
            assert!(
                question[..count].starts_with(b"GET /localapi/v0/whois?addr=100.64.0.7:0 HTTP/1.")
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
}

#[tokio::test]
async fn row_23_only_a_listed_user_or_tag_whom_tailscaled_knows_comes_in() {
    let node = |tags: serde_json::Value, login: &str| {
        let body = json!({ "Node": { "Tags": tags }, "UserProfile": { "LoginName": login } });
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{body}")
    };
    let owner = "owner@example.com";
    let cases = [
        (node(json!(null), owner), Some(owner), 101),
        (node(json!(null), "other@example.com"), Some(owner), 403),
        (
            node(json!(null), "other@example.com"),
            Some("other@example.com"),
            403,
        ),
        (node(json!(null), owner), None, 403),
        (node(json!(["tag:phone"]), "tagged-devices"), None, 101),
        (node(json!(["tag:server"]), "tagged-devices"), None, 403),
        (node(json!(["tag:server"]), owner), Some(owner), 403),
        (
            "HTTP/1.1 404 Not Found\r\n\r\nno match for IP:port".to_owned(),
            Some(owner),
            403,
        ),
        ("garbage".to_owned(), Some(owner), 403),
        (String::new(), Some(owner), 403),
    ];
    for (number, (answer, login, expected)) in cases.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("tailscaled.sock");
        tailscaled(&socket, answer).await;
        let host = serve_with(&format!(
            "allow_users = [\"{owner}\"]\nallow_tags = [\"tag:phone\"]\nlocalapi_socket = \"{}\"",
            socket.display()
        ))
        .start()
        .await;
        let login = login
            .map(|login| format!("Tailscale-User-Login: {login}\r\n"))
            .unwrap_or_default();
        let headers = forwarded(&format!(
            "{login}{}{}",
            crate::support::http::UPGRADE,
            host.bearer()
        ));
        assert_eq!(
            status(&host, "/ws", &headers).await,
            expected,
            "case {number}"
        );
        // Who is on this machine and does not come through Serve needs no name in the tailnet.
        let local = format!(
            "Host: {NAME}\r\n{}{}",
            crate::support::http::UPGRADE,
            host.bearer()
        );
        assert_eq!(status(&host, "/ws", &local).await, 101);
    }
}

#[tokio::test]
async fn row_24_nothing_comes_in_from_the_internet() {
    for host in [TestHost::start().await, serve().start().await] {
        let name = if host.config.admission.allowed_hosts.is_empty() {
            host.addr.to_string()
        } else {
            NAME.to_owned()
        };
        for value in ["?1", "?0", "", "x"] {
            for path in ["/", "/ws", "/healthz", "/login"] {
                let headers = format!(
                    "Host: {name}\r\nTailscale-Funnel-Request: {value}\r\n{}",
                    host.bearer()
                );
                assert_eq!(status(&host, path, &headers).await, 403, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn row_16_over_https_the_cookie_is_bound_to_the_host() {
    let host = serve().start().await;
    let body = json!({ "token": host.token.reveal() }).to_string();
    let sign_in = |extra: &str| {
        let headers = forwarded(&format!(
            "Origin: https://{NAME}\r\nContent-Type: application/json\r\n{extra}"
        ));
        format!(
            "POST /login HTTP/1.1\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let answer = exchange(&host, &sign_in("")).await;
    assert_eq!(
        (answer.status, answer.header("strict-transport-security")),
        (200, "max-age=31536000")
    );
    let cookie = answer.header("set-cookie");
    let (value, flags) = cookie
        .strip_prefix("__Host-holdfast=")
        .unwrap()
        .split_once("; ")
        .unwrap();
    assert_eq!(value.len(), 43);
    assert_eq!(
        flags,
        "Path=/; HttpOnly; SameSite=Strict; Max-Age=43200; Secure"
    );

    // The name without the prefix, which a neighbour without HTTPS could have set, is not looked at here.
    let half = |name: &str| {
        forwarded(&format!(
            "Origin: https://{NAME}\r\nCookie: {name}={value}\r\n{}",
            crate::support::http::UPGRADE
        ))
    };
    assert_eq!(status(&host, "/ws", &half("__Host-holdfast")).await, 101);
    assert_eq!(status(&host, "/ws", &half("holdfast")).await, 401);
}
