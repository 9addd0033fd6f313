//! Which push services may be posted to. A browser names its own, so any other address could be one that somebody wants the
//! host to reach in its place. It looks nothing up: a name is what is judged, and certificates bind names to machines.

use hyper::Uri;

/// The services of Chrome, Firefox, Edge and Safari.
const KNOWN: [&str; 4] = [
    "fcm.googleapis.com",
    "*.push.services.mozilla.com",
    "*.notify.windows.com",
    "*.push.apple.com",
];
/// Longest address of a subscription, in bytes; those of real services have less than 600.
const ENDPOINT_BYTES: usize = 2048;

/// Whether a subscription with this address may be posted to. `more` are the configured ones.
pub(super) fn allow(endpoint: &str, more: &[String]) -> bool {
    if endpoint.len() > ENDPOINT_BYTES || !endpoint.bytes().all(|b| b.is_ascii_graphic()) {
        return false;
    }
    let Ok(uri) = endpoint.parse::<Uri>() else {
        return false;
    };
    let Some(authority) = uri.authority().map(|authority| authority.as_str()) else {
        return false;
    };
    let known = KNOWN.iter().copied();
    let mut hosts = known.chain(more.iter().map(String::as_str));
    match uri.scheme_str() {
        // The whole authority is compared, so neither a user nor another port gets through.
        Some("https") => hosts.any(|host| matches(authority, host)),
        Some("http") => hosts.any(|host| host.strip_prefix("http://") == Some(authority)),
        _ => false,
    }
}

fn matches(authority: &str, host: &str) -> bool {
    match host.strip_prefix("*.") {
        None => authority == host,
        Some(parent) => authority
            .strip_suffix(parent)
            .and_then(|labels| labels.strip_suffix('.'))
            .is_some_and(|labels| {
                let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
                !labels.is_empty() && labels.bytes().all(fits)
            }),
    }
}

/// The origin of an address that was allowed.
pub(super) fn origin(endpoint: &str) -> &str {
    let start = endpoint.find("://").map_or(0, |at| at + 3);
    let end = endpoint[start..]
        .find('/')
        .map_or(endpoint.len(), |at| start + at);
    &endpoint[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_and_configured_services_are_posted_to() {
        let more = [
            "push.example.com",
            "*.push.example.org",
            "http://127.0.0.1:9999",
        ]
        .map(str::to_owned);
        for good in [
            "https://fcm.googleapis.com/fcm/send/abc:def",
            "https://updates.push.services.mozilla.com/wpush/v2/abc",
            "https://wns2-par02p.notify.windows.com/w/?token=abc",
            "https://web.push.apple.com/abc",
            "https://push.example.com/a",
            "https://eu.push.example.org/a",
            "http://127.0.0.1:9999/a",
        ] {
            assert!(allow(good, &more), "{good}");
        }
        for bad in [
            "http://fcm.googleapis.com/fcm/send/abc",
            "https://fcm.googleapis.com:8443/x",
            "https://user@fcm.googleapis.com/x",
            "https://fcm.googleapis.com@evil.example/x",
            "https://fcm.googleapis.com.evil.example/x",
            "https://evil.example/fcm.googleapis.com",
            "https://push.services.mozilla.com/x",
            "https://evilpush.services.mozilla.com/x",
            "https://x:y@a.push.apple.com/x",
            "https://127.0.0.1/x",
            "https://169.254.169.254/latest/meta-data",
            "http://127.0.0.1:9998/a",
            "http://127.0.0.1:9999@evil.example/",
            "http://localhost:9999/a",
            "https://127.0.0.1:9999/a",
            "file:///etc/passwd",
            "fcm.googleapis.com/x",
            "/x",
            "",
            "https://fcm.googleapis.com/x\r\nHost: evil",
        ] {
            assert!(!allow(bad, &more), "{bad}");
        }
        assert!(!allow(
            &format!("https://web.push.apple.com/{}", "a".repeat(3000)),
            &more
        ));
        assert_eq!(
            origin("https://web.push.apple.com/abc"),
            "https://web.push.apple.com"
        );
    }
}
