//! Where the host is, and the token that lets this client in. It decides where a token may go; it connects to nothing.

use std::path::PathBuf;

use config::{Config, Listen, Source, Token};
use tokio_tungstenite::tungstenite::http::Uri;

use super::failure::Failure;
use crate::args::DoorArgs;

/// Names the host when `--url` does not.
const URL_VARIABLE: &str = "HOLDFAST_URL";
/// Names the file of the token when `--token-file` does not.
const TOKEN_FILE_VARIABLE: &str = "HOLDFAST_TOKEN_FILE";
/// Holds the token when no file does.
const TOKEN_VARIABLE: &str = "HOLDFAST_TOKEN";

/// How the host is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Plain, to an address of this machine, which is looked up as loopback or refused.
    Loopback { name: String, port: u16 },
    /// TLS, to any name.
    Tls { name: String, port: u16 },
    /// A unix socket.
    Unix(PathBuf),
}

/// A host and a credential for it.
#[derive(Clone, Debug)]
pub struct Door {
    /// How to get there.
    pub way: Way,
    /// The name to call the host by: the Host header.
    pub host: String,
    /// Sent as a header, and only there.
    pub token: Option<Token>,
}

impl Door {
    /// Finds both from arguments, environment and configuration, in this order.
    ///
    /// # Errors
    /// They say nothing usable; the text never holds a token.
    pub fn find(args: &DoorArgs) -> Result<Self, Failure> {
        let token = token(args)?;
        let given = args.url.clone().or_else(|| variable(URL_VARIABLE));
        let (way, host) = match given {
            Some(url) => parse(&url, unix_host(args))?,
            None => configured(args)?,
        };
        Ok(Self { way, host, token })
    }

    /// The address of the upgrade.
    pub fn address(&self) -> String {
        let scheme = match self.way {
            Way::Tls { .. } => "wss",
            Way::Loopback { .. } | Way::Unix(_) => "ws",
        };
        format!("{scheme}://{}/ws", self.host)
    }

    /// For messages.
    pub fn shown(&self) -> String {
        match &self.way {
            Way::Loopback { .. } => format!("http://{}", self.host),
            Way::Tls { .. } => format!("https://{}", self.host),
            Way::Unix(path) => format!("unix:{}", path.display()),
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn token(args: &DoorArgs) -> Result<Option<Token>, Failure> {
    let file = args
        .token_file
        .clone()
        .or_else(|| variable(TOKEN_FILE_VARIABLE).map(PathBuf::from));
    if let Some(file) = file {
        return Token::from_file(&file)
            .map(Some)
            .map_err(|problem| Failure::Setting(format!("the token: {problem}")));
    }
    match variable(TOKEN_VARIABLE) {
        None => Ok(None),
        Some(text) => Token::parse(text.trim_ascii())
            .map(Some)
            .map_err(|problem| Failure::Setting(format!("${TOKEN_VARIABLE}: {problem}"))),
    }
}

fn configured(args: &DoorArgs) -> Result<(Way, String), Failure> {
    let source = Source::process(args.config.clone(), None);
    let (listen, hosts) =
        Config::find_listen(&source).map_err(|error| Failure::Setting(error.to_string()))?;
    let first = hosts.into_iter().next();
    match listen {
        Listen::Tcp(address) if address.port() == 0 => Err(Failure::Setting(
            "`listen` takes any free port, so the configuration does not say where the host is; name it with --url".to_owned(),
        )),
        Listen::Tcp(address) if !address.ip().to_canonical().is_loopback() => Err(plain(&address.to_string())),
        Listen::Tcp(address) => {
            let way = Way::Loopback { name: address.ip().to_string(), port: address.port() };
            Ok((way, first.unwrap_or_else(|| address.to_string())))
        }
        Listen::Unix(path) => Ok((Way::Unix(path), first.unwrap_or_else(|| "localhost".to_owned()))),
    }
}

/// The name that a host behind a unix socket answers to, if the configuration here is that host's.
fn unix_host(args: &DoorArgs) -> String {
    let source = Source::process(args.config.clone(), None);
    let hosts = Config::find_listen(&source).map(|(_, hosts)| hosts);
    hosts
        .ok()
        .and_then(|hosts| hosts.into_iter().next())
        .unwrap_or_else(|| "localhost".to_owned())
}

fn plain(name: &str) -> Failure {
    Failure::Setting(format!(
        "http://{name} would send the token unencrypted over a network, which is refused; publish the host with Tailscale Serve and \
         use https://, or run this command on its machine"
    ))
}

/// Reads a `--url`.
fn parse(text: &str, unix_host: String) -> Result<(Way, String), Failure> {
    let wrong = |why: &str| {
        // The address itself is not repeated: somebody may have put a token into it.
        Failure::Usage(format!(
            "--url {why}; write http://127.0.0.1:7433, https://NAME.ts.net or unix:PATH"
        ))
    };
    if let Some(path) = text.strip_prefix("unix:") {
        if path.is_empty() {
            return Err(wrong("names no socket"));
        }
        let path = std::path::absolute(path).map_err(|_| wrong("names no socket"))?;
        return Ok((Way::Unix(path), unix_host));
    }
    let uri: Uri = text.parse().map_err(|_| wrong("is no address"))?;
    let authority = uri.authority().ok_or_else(|| wrong("is no address"))?;
    if authority.as_str().contains('@') || uri.query().is_some() || text.contains('#') {
        return Err(wrong("may hold a name and a port, and no credential"));
    }
    if !matches!(uri.path(), "" | "/") {
        return Err(wrong("has a path"));
    }
    let name = authority.host().trim_matches(['[', ']']).to_owned();
    let host = authority.as_str().to_ascii_lowercase();
    match uri.scheme_str() {
        Some("https" | "wss") => {
            let port = authority.port_u16().unwrap_or(443);
            Ok((Way::Tls { name, port }, host))
        }
        Some("http" | "ws") => {
            let port = authority.port_u16().unwrap_or(80);
            let address = name.parse::<std::net::IpAddr>();
            let local = match address {
                Ok(ip) => ip.to_canonical().is_loopback(),
                Err(_) => name.eq_ignore_ascii_case("localhost"),
            };
            if !local {
                return Err(plain(&host));
            }
            Ok((Way::Loopback { name, port }, host))
        }
        _ => Err(wrong("is neither http, https nor unix")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Way, String), String> {
        parse(text, "localhost".to_owned()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn loopback_is_plain_everything_else_is_encrypted() {
        let loopback = |name: &str, port| Way::Loopback {
            name: name.to_owned(),
            port,
        };
        assert_eq!(
            read("http://127.0.0.1:7433"),
            Ok((loopback("127.0.0.1", 7433), "127.0.0.1:7433".to_owned()))
        );
        assert_eq!(
            read("ws://[::1]:9/"),
            Ok((loopback("::1", 9), "[::1]:9".to_owned()))
        );
        assert_eq!(
            read("http://localhost"),
            Ok((loopback("localhost", 80), "localhost".to_owned()))
        );
        let tls = Way::Tls {
            name: "Dev.example.ts.net".to_owned(),
            port: 443,
        };
        assert_eq!(
            read("https://Dev.example.ts.net"),
            Ok((tls, "dev.example.ts.net".to_owned()))
        );
        assert_eq!(
            read("unix:/run/h.sock"),
            Ok((
                Way::Unix(PathBuf::from("/run/h.sock")),
                "localhost".to_owned()
            ))
        );
    }

    #[test]
    fn plain_http_beyond_loopback_is_refused() {
        for url in [
            "http://dev.example.ts.net",
            "http://100.64.0.1:7433",
            "http://192.168.0.2:7433",
            "ws://0.0.0.0:7433",
            "http://localhost.example.net",
            "http://127.0.0.1.example.net",
        ] {
            assert!(read(url).unwrap_err().contains("unencrypted"), "{url}");
        }
    }

    #[test]
    fn an_address_with_a_credential_is_refused_and_not_repeated() {
        for url in [
            "https://made-up-secret@dev.example.ts.net",
            "http://u:made-up-secret@127.0.0.1:7433",
            "https://dev.example.ts.net/?token=made-up-secret",
            "https://dev.example.ts.net/#made-up-secret",
            "https://dev.example.ts.net/made-up-secret",
            "made-up-secret",
            "ftp://made-up-secret",
            "unix:",
            "",
        ] {
            let error = read(url).unwrap_err();
            assert!(!error.contains("made-up"), "{error}");
        }
    }
}
