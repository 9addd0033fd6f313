//! What Codex may know of our environment.
//!
//! Codex hands its whole environment on to every command, so everything that is not named here stays with the host:
//! keys, tokens, and proxies with passwords in their addresses.

use std::ffi::OsString;

/// Names that a shell and a terminal program need.
const NAMES: [&str; 7] = ["PATH", "HOME", "USER", "LANG", "TERM", "TZ", "TMPDIR"];
/// Beginnings of names: the locale, and where the certificates are.
const PREFIXES: [&str; 2] = ["LC_", "SSL_CERT_"];

/// The part of our own environment that Codex gets: what a shell needs, and what `allow` names.
pub fn environment(allow: &[String]) -> Vec<(OsString, OsString)> {
    select(std::env::vars_os(), allow)
}

fn select(
    vars: impl Iterator<Item = (OsString, OsString)>,
    allow: &[String],
) -> Vec<(OsString, OsString)> {
    let allowed = |name: &str| {
        NAMES.contains(&name)
            || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            || allow.iter().any(|allowed| allowed == name)
    };
    vars.filter(|(name, _)| name.to_str().is_some_and(allowed))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codex_gets_what_a_shell_needs_and_what_is_named() {
        let names = [
            "PATH",
            "HOME",
            "USER",
            "LANG",
            "LC_ALL",
            "TERM",
            "TZ",
            "TMPDIR",
            "SSL_CERT_FILE",
            "OPENAI_API_KEY",
            "HOLDFAST_WEBSOCKET_AUTH_TOKEN",
            "HTTPS_PROXY",
            "http_proxy",
            "LD_PRELOAD",
            "PATHS",
            "SSL",
            "EXTRA",
            "EXTRA2",
        ];
        let vars = names
            .iter()
            .map(|name| (OsString::from(name), OsString::from("value")));
        let selected = select(vars, &["EXTRA".into(), "MISSING".into()]);
        let selected: Vec<_> = selected
            .iter()
            .map(|(name, _)| name.to_str().unwrap())
            .collect();
        let expected = [
            "PATH",
            "HOME",
            "USER",
            "LANG",
            "LC_ALL",
            "TERM",
            "TZ",
            "TMPDIR",
            "SSL_CERT_FILE",
            "EXTRA",
        ];
        assert_eq!(selected, expected);
    }
}
