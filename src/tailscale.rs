//! What Tailscale publishes of this host: read from `tailscale serve status --json` and judged. It changes nothing, and it
//! does not say who is calling; tailscaled does.

use std::{
    collections::BTreeSet,
    fmt, io,
    net::{IpAddr, SocketAddr},
    process::Stdio,
    time::Duration,
};

use config::Listen;
use serde_json::Value;
use tokio::process::Command;

/// How long the `tailscale` program may take to answer.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);
/// Configurations inside a configuration (foreground sessions, services); they do not nest further.
const NESTED: [&str; 2] = ["Foreground", "Services"];

/// One way in which Tailscale leads to the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exposure {
    /// Funnel publishes it to the internet under this `host:port`. Refused always.
    Funnel(String),
    /// A raw forward from this port of the tailnet: no header tells who calls, nor whether it is Funnel. Refused always.
    RawForward(String),
    /// Serve publishes it to the tailnet under this `host:port`.
    Serve(String),
}

/// Why it is not known what Tailscale publishes.
#[derive(Debug)]
pub enum StatusError {
    /// There is no `tailscale` program, so most likely no Tailscale.
    NotInstalled,
    /// It did not run, or did not say; the text goes on from the name of the command.
    Failed(String),
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled => f.write_str("there is no `tailscale` in PATH"),
            Self::Failed(what) => write!(f, "`tailscale serve status --json` {what}"),
        }
    }
}

impl std::error::Error for StatusError {}

/// Asks the `tailscale` program.
///
/// # Errors
/// There is none, it fails, or its answer is no JSON.
pub async fn status() -> Result<Value, StatusError> {
    let mut command = Command::new("tailscale");
    command
        .args(["serve", "status", "--json"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let output = match tokio::time::timeout(STATUS_TIMEOUT, command.output()).await {
        Err(_) => {
            return Err(StatusError::Failed(format!(
                "did not answer within {STATUS_TIMEOUT:?}"
            )));
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Err(StatusError::NotInstalled);
        }
        Ok(Err(error)) => return Err(StatusError::Failed(format!("did not start: {error}"))),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        return Err(StatusError::Failed(format!("ended with {}", output.status)));
    }
    let text = output.stdout.trim_ascii();
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(text)
        .map_err(|error| StatusError::Failed(format!("gave no JSON: {error}")))
}

/// The ways that lead to `listen`, worst first.
pub fn exposures(status: &Value, listen: &Listen) -> Vec<Exposure> {
    let nested = NESTED
        .iter()
        .filter_map(|key| status.get(key)?.as_object())
        .flat_map(|parts| parts.values());
    let parts: Vec<&Value> = std::iter::once(status).chain(nested).collect();
    let entries = |key: &'static str| {
        parts
            .iter()
            .filter_map(move |part| part.get(key)?.as_object())
            .flatten()
    };
    let funnels: BTreeSet<&str> = entries("AllowFunnel")
        .filter(|(_, on)| on.as_bool() != Some(false))
        .map(|(host, _)| host.as_str())
        .collect();
    let mut found = BTreeSet::new();
    for (port, handler) in entries("TCP") {
        let target = handler.get("TCPForward").and_then(Value::as_str);
        if target.is_some_and(|target| leads_to(target, listen)) {
            found.insert(Exposure::RawForward(port.clone()));
        }
    }
    for (host, site) in entries("Web") {
        let handlers = site
            .get("Handlers")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        let mut targets = handlers.filter_map(|(_, handler)| handler.get("Proxy")?.as_str());
        if targets.any(|target| leads_to(target, listen)) {
            let is_public = funnels.contains(host.as_str());
            found.insert(if is_public {
                Exposure::Funnel(host.clone())
            } else {
                Exposure::Serve(host.clone())
            });
        }
    }
    found.into_iter().collect()
}

/// Whether a target of Tailscale is the place where the host listens. In doubt it is.
fn leads_to(target: &str, listen: &Listen) -> bool {
    match listen {
        Listen::Unix(path) => {
            let socket = target
                .strip_prefix("unix:")
                .map(|socket| socket.trim_start_matches("//"));
            socket.is_some_and(|socket| path.as_os_str() == socket)
        }
        Listen::Tcp(address) => {
            let authority = target.split_once("://").map_or(target, |(_, rest)| rest);
            let authority = authority.split('/').next().unwrap_or(authority);
            let (host, port) = authority.rsplit_once(':').unwrap_or(("", authority));
            port.parse() == Ok(address.port()) && is_host(host, address)
        }
    }
}

fn is_host(host: &str, address: &SocketAddr) -> bool {
    let host = host.trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(ip) => {
            ip.is_unspecified()
                || ip == address.ip()
                || (ip.is_loopback() && address.ip().is_loopback())
        }
        // `localhost` and names that may mean this machine.
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn listen() -> Listen {
        Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 7433)))
    }

    #[test]
    fn serve_funnel_and_raw_forwards_to_our_port_are_told_apart() {
        let status = json!({
            "TCP": {
                "443": {"HTTPS": true},
                "8443": {"HTTPS": true},
                "9000": {"TCPForward": "127.0.0.1:7433"},
                "9001": {"TCPForward": "localhost:7433", "TerminateTLS": "dev.ts.net"},
                "9002": {"TCPForward": "127.0.0.1:22"}
            },
            "Web": {
                "dev.ts.net:443": {"Handlers": {"/": {"Proxy": "http://127.0.0.1:7433"}, "/x": {"Path": "/srv"}}},
                "dev.ts.net:8443": {"Handlers": {"/a": {"Proxy": "http://localhost:7433/deep"}}},
                "dev.ts.net:10000": {"Handlers": {"/": {"Proxy": "http://127.0.0.1:3000"}}}
            },
            "AllowFunnel": {"dev.ts.net:8443": true, "dev.ts.net:10000": true, "dev.ts.net:443": false}
        });
        assert_eq!(
            exposures(&status, &listen()),
            [
                Exposure::Funnel("dev.ts.net:8443".to_owned()),
                Exposure::RawForward("9000".to_owned()),
                Exposure::RawForward("9001".to_owned()),
                Exposure::Serve("dev.ts.net:443".to_owned()),
            ]
        );
    }

    #[test]
    fn foreground_sessions_and_services_are_looked_at_too() {
        let status = json!({
            "Foreground": {"abc": {
                "Web": {"dev.ts.net:443": {"Handlers": {"/": {"Proxy": "http://127.0.0.1:7433"}}}},
                "AllowFunnel": {"dev.ts.net:443": true}
            }},
            "Services": {"svc:x": {"TCP": {"80": {"TCPForward": "127.0.0.1:7433"}}}}
        });
        assert_eq!(
            exposures(&status, &listen()),
            [
                Exposure::Funnel("dev.ts.net:443".to_owned()),
                Exposure::RawForward("80".to_owned())
            ]
        );
    }

    #[test]
    fn sockets_are_compared_by_path_and_nothing_leads_to_another_place() {
        let status = json!({"Web": {"dev.ts.net:443": {"Handlers": {"/": {"Proxy": "unix:/run/holdfast.sock"}}}}});
        let socket = |path: &str| Listen::Unix(path.into());
        assert_eq!(
            exposures(&status, &socket("/run/holdfast.sock")),
            [Exposure::Serve("dev.ts.net:443".to_owned())]
        );
        assert_eq!(exposures(&status, &socket("/run/other.sock")), []);
        assert_eq!(exposures(&status, &listen()), []);
        for odd in [
            json!(null),
            json!({}),
            json!([]),
            json!({"Web": [], "TCP": "x", "AllowFunnel": null}),
        ] {
            assert_eq!(exposures(&odd, &listen()), []);
        }
    }

    #[test]
    fn targets_are_matched_by_port_and_by_what_may_be_this_machine() {
        for target in [
            "7433",
            "http://127.0.0.1:7433",
            "https+insecure://[::1]:7433",
            "localhost:7433",
            "0.0.0.0:7433",
            "127.0.0.2:7433",
        ] {
            assert!(leads_to(target, &listen()), "{target}");
        }
        for target in [
            "http://127.0.0.1:7434",
            "http://192.168.1.1:7433",
            "unix:/run/x",
            "text:7433x",
            "",
        ] {
            assert!(!leads_to(target, &listen()), "{target}");
        }
    }
}
