//! Under which name the host was called, and whether through Tailscale Serve: Host and the headers of proxies. None of it
//! grants anything; a wrong one refuses.

use std::{net::IpAddr, time::Duration};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use config::TrustedProxy;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::Gate;
use crate::error::Refusal;

/// What Tailscale Serve sets, each once. It drops these from what it forwards, so over Serve they are not the caller's.
const SERVE_HEADERS: [&str; 8] = [
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "tailscale-user-login",
    "tailscale-user-name",
    "tailscale-user-profile-pic",
    "tailscale-app-capabilities",
    "tailscale-headers-info",
];
/// Set by Serve when the request comes from the internet.
const FUNNEL: HeaderName = HeaderName::from_static("tailscale-funnel-request");

/// The internet has many visitors and the log has not: one line in this time.
const ALARM_EVERY: Duration = Duration::from_secs(60);

const UNTRUSTED: Refusal = Refusal::Malformed(
    "this request comes through a proxy that the configuration does not trust (trusted_proxy)",
);

/// Under which name the host was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// `name` or `name:port`, one of the allowed hosts.
    pub(crate) authority: String,
    /// Whether the browser speaks HTTPS, to Serve.
    pub(crate) is_https: bool,
    /// What Serve says of the caller, if it came through it.
    pub(crate) forwarded: Option<Forwarded>,
}

/// What a request claims to be forwarded from. Any local process can claim it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forwarded {
    /// The caller's address in the tailnet.
    pub(crate) address: Option<IpAddr>,
    /// The caller's login name, lower-case.
    pub(crate) login: Option<String>,
}

/// When the log last heard of Funnel.
#[derive(Debug, Default)]
pub(super) struct FunnelAlarm(Mutex<Option<Instant>>);

impl FunnelAlarm {
    fn is_due(&self, now: Instant) -> bool {
        let mut last = self.0.lock();
        let is_due = last.is_none_or(|last| now.duration_since(last) >= ALARM_EVERY);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

impl Place {
    /// The port, if the browser's address shows one.
    pub(crate) fn port(&self) -> Option<&str> {
        let after_name = self.authority.rsplit(']').next()?;
        Some(after_name.split_once(':')?.1)
    }
}

impl Gate {
    /// The name that the Host header calls us by, if it is one of ours.
    pub(super) fn host(&self, uri: &Uri, headers: &HeaderMap) -> Result<String, Refusal> {
        if uri.authority().is_some() || uri.scheme().is_some() {
            return Err(Refusal::Malformed(
                "ask for a path, not for a whole address",
            ));
        }
        let host = only(headers, &header::HOST)?.ok_or(Refusal::Malformed("send a Host header"))?;
        let host = host
            .to_str()
            .map_err(|_| Refusal::Misdirected)?
            .to_ascii_lowercase();
        // In front of a unix socket Serve says `localhost` and puts the name into X-Forwarded-Host, judged later.
        let is_serve =
            self.is_unix && self.proxy == TrustedProxy::TailscaleServe && host == "localhost";
        if self.hosts.contains(&host) || (is_serve && headers.contains_key("x-forwarded-host")) {
            return Ok(host);
        }
        Err(Refusal::Misdirected)
    }

    /// Refuses what comes from the internet, also with a right credential.
    pub(super) fn check_funnel(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if !headers.contains_key(FUNNEL) {
            return Ok(());
        }
        if self.funnel_alarm.is_due(Instant::now()) {
            tracing::error!(
                "the internet reaches this host through Tailscale Funnel and was refused: switch Funnel off"
            );
        }
        Err(Refusal::Forbidden(
            "this host is not for the internet: Tailscale Funnel has to be off",
        ))
    }

    /// Reads the headers of proxies, or refuses them.
    pub(super) fn place(
        &self,
        host: String,
        headers: &HeaderMap,
        is_local: bool,
    ) -> Result<Place, Refusal> {
        let is_trusted = self.proxy == TrustedProxy::TailscaleServe && is_local;
        for name in headers
            .keys()
            .map(HeaderName::as_str)
            .filter(|name| is_proxy_header(name))
        {
            if !is_trusted || !SERVE_HEADERS.contains(&name) {
                return Err(UNTRUSTED);
            }
        }
        let mut place = Place {
            authority: host,
            is_https: false,
            forwarded: None,
        };
        if let Some(name) = text(headers, "x-forwarded-host")? {
            place.authority = name.to_ascii_lowercase();
            if !self.hosts.contains(&place.authority) {
                return Err(Refusal::Misdirected);
            }
        }
        place.is_https = match text(headers, "x-forwarded-proto")? {
            None | Some("http") => false,
            Some("https") => true,
            Some(_) => {
                return Err(Refusal::Malformed(
                    "X-Forwarded-Proto has to be http or https",
                ));
            }
        };
        let address = text(headers, "x-forwarded-for")?
            .map(str::parse)
            .transpose();
        let address =
            address.map_err(|_| Refusal::Malformed("X-Forwarded-For has to be one address"))?;
        let login = text(headers, "tailscale-user-login")?.map(str::to_ascii_lowercase);
        if address.is_some() || login.is_some() {
            place.forwarded = Some(Forwarded { address, login });
        }
        for name in SERVE_HEADERS {
            only(headers, &HeaderName::from_static(name))?;
        }
        Ok(place)
    }
}

/// Whether a header speaks of a proxy or of an identity. `_` counts as `-`, since some proxies take one for the other.
fn is_proxy_header(name: &str) -> bool {
    let name = name.replace('_', "-");
    [
        "x-forwarded",
        "x-real-ip",
        "x-original-",
        "forwarded",
        "tailscale-",
    ]
    .iter()
    .any(|start| name.starts_with(start))
}

/// The value of a header that must not be there twice.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Refusal::Malformed(
            "a header is there twice that must be there once",
        )),
    }
}

/// Likewise, as text.
fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Refusal> {
    let value = only(headers, &HeaderName::from_static(name))?;
    let text = value.map(HeaderValue::to_str).transpose();
    text.map_err(|_| Refusal::Malformed("a proxy's header holds characters that it must not hold"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_a_place_is_what_stands_behind_the_name() {
        let port = |authority: &str| {
            let place = Place {
                authority: authority.to_owned(),
                is_https: false,
                forwarded: None,
            };
            place.port().map(str::to_owned)
        };
        assert_eq!(port("127.0.0.1:7433").as_deref(), Some("7433"));
        assert_eq!(port("[::1]:7433").as_deref(), Some("7433"));
        assert_eq!((port("[::1]"), port("dev.tail1.ts.net")), (None, None));
    }

    #[test]
    fn underscores_hide_no_proxy_header() {
        assert!(
            [
                "x-forwarded-for",
                "x_forwarded_for",
                "tailscale_user-login",
                "forwarded",
                "x-real-ip"
            ]
            .into_iter()
            .all(is_proxy_header)
        );
        assert!(
            !["x-request-id", "host", "forward"]
                .into_iter()
                .any(is_proxy_header)
        );
    }
}
