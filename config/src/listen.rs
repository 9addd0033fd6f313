//! Where the host listens, and which addresses are safe to listen on. Not the listener: nothing is bound or looked up here.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use crate::error::shown;

/// Longest path of a unix socket that Linux takes, in bytes (`sun_path` without its end).
const SOCKET_PATH_BYTES: usize = 107;

/// A place to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address of this machine; port 0 takes any free port.
    Tcp(SocketAddr),
    /// A unix socket at this absolute path, reachable by its owner alone.
    Unix(PathBuf),
}

impl Listen {
    /// Reads `ADDRESS:PORT` or `unix:PATH`; a relative path is relative to `base`. Judges no address.
    pub(crate) fn parse(text: &str, base: &Path, home: Option<&Path>) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Self::parse_unix(path, base, home);
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self::Tcp(address));
        }
        let shown = shown(text);
        let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
        if host.eq_ignore_ascii_case("localhost") {
            return Err(format!(
                "found {shown}, write \"127.0.0.1:{}\"; names are not looked up",
                port_or_default(port)
            ));
        }
        if text.parse::<IpAddr>().is_ok() {
            return Err(format!(
                "found {shown} without a port, write \"127.0.0.1:7433\" or \"[::1]:7433\""
            ));
        }
        Err(format!(
            "found {shown}, write \"127.0.0.1:PORT\", \"[::1]:PORT\" or \"unix:PATH\"; names are not looked up"
        ))
    }

    fn parse_unix(path: &str, base: &Path, home: Option<&Path>) -> Result<Self, String> {
        if path.is_empty() || path.contains('\0') {
            return Err(
                "found \"unix:\" without a path, write \"unix:/run/holdfast/holdfast.sock\""
                    .to_owned(),
            );
        }
        let path = crate::paths::resolve(path, base, home)?;
        let length = path.as_os_str().len();
        if length > SOCKET_PATH_BYTES {
            return Err(format!(
                "the path of the socket has {length} bytes, {SOCKET_PATH_BYTES} are the most; choose a shorter one"
            ));
        }
        Ok(Self::Unix(path))
    }

    /// Whether only this machine can connect.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }

    /// Says why the address may not be listened on, if so.
    pub(crate) fn judge(&self, allow_non_loopback: bool) -> Result<(), String> {
        let Self::Tcp(address) = self else {
            return Ok(());
        };
        let ip = address.ip().to_canonical();
        if ip.is_unspecified() {
            return Err(format!(
                "{address} would listen on every network and is always refused, write \"127.0.0.1:{}\" and publish it with Tailscale Serve",
                address.port()
            ));
        }
        if ip.is_loopback() {
            return Ok(());
        }
        if !is_tailnet(ip) {
            return Err(format!(
                "{address} is neither loopback nor a tailnet address (100.64.0.0/10, fd7a:115c:a1e0::/48) and is always refused, \
                 write \"127.0.0.1:{}\"",
                address.port()
            ));
        }
        if !allow_non_loopback {
            return Err(format!(
                "{address} can be reached from other machines, write \"127.0.0.1:{}\" or set allow_non_loopback = true",
                address.port()
            ));
        }
        Ok(())
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The ranges from which Tailscale gives addresses: the shared address space and its own local IPv6 prefix.
fn is_tailnet(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.octets()[0] == 100 && (64..128).contains(&ip.octets()[1]),
        IpAddr::V6(ip) => {
            ip.segments()[..3]
                == Ipv6Addr::new(0xfd7a, 0x115c, 0xa1e0, 0, 0, 0, 0, 0).segments()[..3]
        }
    }
}

fn port_or_default(port: &str) -> &str {
    if port.parse::<u16>().is_ok() {
        port
    } else {
        "7433"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str, allow: bool) -> Result<Listen, String> {
        let listen = Listen::parse(text, Path::new("/base"), Some(Path::new("/home/me")))?;
        listen.judge(allow)?;
        Ok(listen)
    }

    #[test]
    fn loopback_and_sockets_are_taken() {
        for text in ["127.0.0.1:7433", "127.0.0.1:0", "[::1]:7433", "127.8.9.1:1"] {
            assert_eq!(judged(text, false).unwrap().to_string(), text);
        }
        assert_eq!(
            judged("unix:/run/h.sock", false),
            Ok(Listen::Unix(PathBuf::from("/run/h.sock")))
        );
        assert_eq!(
            judged("unix:h.sock", false),
            Ok(Listen::Unix(PathBuf::from("/base/h.sock")))
        );
        assert_eq!(
            judged("unix:~/h.sock", false),
            Ok(Listen::Unix(PathBuf::from("/home/me/h.sock")))
        );
    }

    #[test]
    fn tailnet_addresses_need_the_switch_and_all_others_are_refused_with_it() {
        for text in ["100.64.0.1:1", "100.127.255.254:1", "[fd7a:115c:a1e0::1]:1"] {
            assert!(
                judged(text, false)
                    .unwrap_err()
                    .contains("allow_non_loopback"),
                "{text}"
            );
            assert!(judged(text, true).is_ok(), "{text}");
        }
        for text in [
            "0.0.0.0:7433",
            "[::]:7433",
            "[::ffff:0.0.0.0]:1",
            "192.168.0.2:1",
            "100.63.0.1:1",
            "100.128.0.1:1",
            "8.8.8.8:1",
            "[fd7a:115c:a1e1::1]:1",
            "[fe80::1]:1",
        ] {
            assert!(judged(text, true).is_err(), "{text}");
        }
    }

    #[test]
    fn names_and_half_addresses_are_refused_with_advice() {
        for text in ["localhost:8080", "LOCALHOST:8080"] {
            assert!(
                judged(text, true)
                    .unwrap_err()
                    .contains("\"127.0.0.1:8080\""),
                "{text}"
            );
        }
        for text in [
            "localhost",
            "127.0.0.1",
            "::1",
            ":7433",
            "7433",
            "127.0.0.1:99999",
            "host.example:1",
            "unix:",
            "127.1:80",
            "",
        ] {
            assert!(judged(text, true).is_err(), "{text}");
        }
        assert!(judged(&format!("unix:/{}", "x".repeat(107)), false).is_err());
    }
}
