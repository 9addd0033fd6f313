//! Why a client command did not do what it was asked, and the exit status that says so. Not for the host's side.

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments make no sense.
    #[error("{0}")]
    Usage(String),
    /// The configuration, or the token, does not say what is needed.
    #[error("{0}")]
    Setting(String),
    /// There is no such session, or more than one.
    #[error("{0}")]
    NoSession(String),
    /// Nobody answers there, or the connection broke: trying again may help.
    #[error("{0}")]
    Unreachable(String),
    /// The host answers, and does not let this client in.
    #[error("{0}")]
    NotLetIn(String),
    /// The host answered a request with an error.
    #[error("the host refused {method}: {message}")]
    Refused {
        /// What was asked.
        method: String,
        /// The code of the protocol.
        code: i64,
        /// In the host's words.
        message: String,
    },
    /// Nothing waits, or it was decided by somebody else.
    #[error("{0}")]
    Decided(String),
    /// The reader of stdout has gone: not worth a word.
    #[error("the output is closed")]
    OutputClosed,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// The exit status, as `--help` lists them.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::OutputClosed => 0,
            Self::Refused { .. } | Self::Other(_) => 1,
            Self::Usage(_) => 2,
            Self::NoSession(_) => 3,
            Self::Unreachable(_) => 4,
            Self::NotLetIn(_) => 5,
            Self::Decided(_) => 10,
            Self::Setting(_) => config::EX_CONFIG,
        }
    }
}

impl From<std::io::Error> for Failure {
    /// Of writing what was asked for.
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Other(format!("cannot write the output: {error}")),
        }
    }
}
