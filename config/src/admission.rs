//! Who gets in: hosts, origins, credentials, sign-ins and Tailscale. Decides nothing about a request; that is the gate's work.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use crate::{Listen, TokenDigest};

mod read;

pub use read::TOKEN_VARIABLE;

/// What the gate needs to know.
#[derive(Clone, Debug)]
pub struct Admission {
    /// False lets everybody in who passes the other checks; only ever false where the host listens on loopback.
    pub auth_required: bool,
    /// Every token that is known, by its digest. Never empty while `auth_required`.
    pub credentials: Vec<Credential>,
    /// Host headers that are answered, lower-case and exact; empty stands for the address of `listen`.
    pub allowed_hosts: Vec<String>,
    /// Origins that may sign in and open sockets, lower-case and exact; empty stands for the address of `listen`.
    pub allowed_origins: Vec<String>,
    /// Which proxy's headers are read.
    pub trusted_proxy: TrustedProxy,
    /// Browsers that signed in.
    pub sign_ins: SignIns,
    /// Publication in a tailnet.
    pub tailscale: Tailscale,
}

impl Admission {
    /// The Host headers that are answered once it is known where the host really listens (port 0 becomes a real port).
    pub fn hosts(&self, bound: &Bound) -> Vec<String> {
        if self.allowed_hosts.is_empty() {
            vec![bound.host()]
        } else {
            self.allowed_hosts.clone()
        }
    }

    /// The origins that may sign in and open sockets, likewise.
    pub fn origins(&self, bound: &Bound) -> Vec<String> {
        if self.allowed_origins.is_empty() {
            vec![format!("http://{}", bound.host())]
        } else {
            self.allowed_origins.clone()
        }
    }

    /// The credential whose token was presented. Takes the same time whatever was presented, right or wrong.
    pub fn find(&self, presented: &str) -> Option<&Credential> {
        let digest = TokenDigest::of(presented);
        let mut found = None;
        for credential in &self.credentials {
            if credential.digest == digest {
                found = Some(credential);
            }
        }
        found
    }
}

/// Where the host listens, after binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The real address and port.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix,
}

impl Bound {
    /// The place without a real port, before anything is bound.
    pub fn of(listen: &Listen) -> Self {
        match listen {
            Listen::Tcp(address) => Self::Tcp(*address),
            Listen::Unix(_) => Self::Unix,
        }
    }

    /// What a client of this place sends as Host; clients of a unix socket, and Tailscale Serve in front of one, send `localhost`.
    fn host(&self) -> String {
        match self {
            Self::Tcp(address) if address.port() == 80 => {
                let ip = address.ip();
                if ip.is_ipv6() {
                    format!("[{ip}]")
                } else {
                    ip.to_string()
                }
            }
            Self::Tcp(address) => address.to_string(),
            Self::Unix => "localhost".to_owned(),
        }
    }
}

/// A token that is known, by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// `main`, or the name of a `[[tokens]]` entry; for the log and the list of sign-ins.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// The SHA-256 of the token.
    pub digest: TokenDigest,
    /// Where it came from.
    pub source: CredentialSource,
}

/// What a credential allows; each role includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Read everything, change nothing.
    View,
    /// And answer what Codex asks.
    Approve,
    /// And everything else.
    Operate,
}

impl Role {
    pub(crate) const WORDS: [(&'static str, Self); 3] = [
        ("view", Self::View),
        ("approve", Self::Approve),
        ("operate", Self::Operate),
    ];

    /// Reads a word of the configuration; `None` for anything else.
    pub fn parse(word: &str) -> Option<Self> {
        let known = Self::WORDS.iter().find(|(name, _)| *name == word);
        known.map(|(_, role)| *role)
    }

    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Approve => "approve",
            Self::Operate => "operate",
        }
    }
}

/// Where a token was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// In the configuration file.
    Config,
    /// In this file of its own.
    File(PathBuf),
    /// In this environment variable.
    Environment(String),
    /// Nowhere on this machine: only its digest is configured.
    Digest,
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config => f.write_str("in the config file"),
            Self::File(path) => write!(f, "in {}", path.display()),
            Self::Environment(name) => write!(f, "in ${name}"),
            Self::Digest => f.write_str("as its digest"),
        }
    }
}

/// Whose `X-Forwarded-*` headers are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustedProxy {
    /// Nobody's; a request with such headers is refused.
    None,
    /// Tailscale Serve's, on this machine.
    TailscaleServe,
}

impl TrustedProxy {
    pub(crate) const WORDS: [(&'static str, Self); 2] = [
        ("none", Self::None),
        ("tailscale-serve", Self::TailscaleServe),
    ];
}

/// How long a browser stays signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignIns {
    /// Without a request.
    pub idle_timeout: Duration,
    /// In any case; never below `idle_timeout`.
    pub lifetime: Duration,
    /// How long a pairing link works.
    pub pairing_lifetime: Duration,
}

/// Publication in a tailnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tailscale {
    /// Whether Tailscale Serve publishes this host.
    pub serve: bool,
    /// Login names that may come in, besides their token, lower-case; empty asks for none.
    pub allow_users: Vec<String>,
    /// Tags (`tag:...`) of devices that may.
    pub allow_tags: Vec<String>,
    /// tailscaled's own socket, absolute.
    pub localapi_socket: PathBuf,
}
