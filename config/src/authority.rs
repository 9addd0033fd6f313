//! Exact Host and Origin values: what a browser sends, letter by letter. No patterns, no look-ups, no judging of requests.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::error::shown;

/// Reads `name` or `name:port` as it stands in a Host header; lower-cased.
pub(crate) fn host(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    match split(&lower) {
        Some(_) => Ok(lower),
        None => Err(format!(
            "found {}, write exactly what stands in the browser's address, such as \"dev.example.ts.net\" or \"127.0.0.1:7433\"; no scheme, path or pattern",
            shown(text)
        )),
    }
}

/// Reads `scheme://host[:port]` as it stands in an Origin header; lower-cased.
pub(crate) fn origin(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    let parts = lower
        .split_once("://")
        .and_then(|(scheme, host)| Some((scheme, split(host)?)));
    match parts {
        Some(("https", (_, Some(443))) | ("http", (_, Some(80)))) => Err(format!(
            "found {}, leave out the port: browsers never send the usual port of a scheme",
            shown(text)
        )),
        Some(("http" | "https", _)) => Ok(lower),
        _ => Err(format!(
            "found {}, write exactly \"https://HOST\" or \"http://HOST:PORT\"; no pattern, path, final slash or \"null\"",
            shown(text)
        )),
    }
}

/// The host of an origin that `origin` has accepted.
pub(crate) fn host_of_origin(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

/// Whether a host that `host` has accepted can only be this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let Some((name, _)) = split(host) else {
        return false;
    };
    name == "localhost"
        || name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || name
            .trim_matches(['[', ']'])
            .parse::<Ipv6Addr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// Name and port of a lower-case authority, if it is one.
fn split(text: &str) -> Option<(&str, Option<u16>)> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            address.parse::<Ipv6Addr>().ok()?;
            let port = if after.is_empty() {
                None
            } else {
                Some(after.strip_prefix(':')?)
            };
            (&text[..address.len() + 2], port)
        }
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        None => None,
        Some(port) if port.starts_with('0') || port.starts_with('+') => return None,
        Some(port) => Some(port.parse::<u16>().ok()?),
    };
    (name.starts_with('[') || is_name(name)).then_some((name, port))
}

/// A DNS name or IPv4 address: labels of letters, digits, `-` and `_`, none of them empty, at most 253 bytes.
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_hosts_are_taken_and_everything_else_is_refused() {
        for text in [
            "127.0.0.1:7433",
            "[::1]:7433",
            "[::1]",
            "dev.tail1.ts.net",
            "localhost:1",
        ] {
            assert_eq!(host(text).as_deref(), Ok(text));
        }
        assert_eq!(host("DEV.ts.net").as_deref(), Ok("dev.ts.net"));
        for text in [
            "", "*", "*.ts.net", "http://a", "a/b", "a:", "a:x", "a:0", "a:+1", "a:70000", "a..b",
            "a.", "user@a", "a b", "[::1", "::1", "[x]:1", "ä", "a,b",
        ] {
            assert!(host(text).is_err(), "{text}");
        }
    }

    #[test]
    fn exact_origins_are_taken_and_everything_else_is_refused() {
        for text in [
            "http://127.0.0.1:7433",
            "https://dev.tail1.ts.net",
            "http://[::1]:7433",
            "https://dev.tail1.ts.net:8443",
        ] {
            assert_eq!(origin(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            "*",
            "null",
            "https://",
            "https://*",
            "https://*.ts.net",
            "https://a/",
            "https://a/b",
            "https://a?x",
            "https://a#x",
            "ftp://a",
            "a",
            "//a",
            "https://u@a",
            "https://a:443",
            "http://a:80",
            "http:///a",
            "file://x",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
        assert_eq!(host_of_origin("https://a:8443"), "a:8443");
    }

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        assert!(
            ["127.0.0.1:7433", "localhost", "[::1]:1"]
                .into_iter()
                .all(is_loopback)
        );
        assert!(
            ![
                "127.0.0.1.evil.com",
                "dev.ts.net",
                "[::2]:1",
                "localhost.evil.com"
            ]
            .into_iter()
            .any(is_loopback)
        );
    }
}
