//! Which Codex this is, and whether it will do.
//!
//! A newer Codex is used and named; only what is known not to work is refused.

use std::{fmt, str::FromStr};

/// The version that this host was tested with.
pub const TESTED: Version = Version::new(0, 169, 0);

/// The oldest version whose protocol has what the host sends: `clientUserMessageId`, `thread/turns/list`, `excludeTurns`.
/// (0.134 lacks the first; the handshake and the thread methods of 0.137 were tried.)
pub const MINIMUM: Version = Version::new(0, 137, 0);

/// A Codex version. A pre-release counts as the version that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Major.
    pub major: u32,
    /// Minor; Codex raises it with every release.
    pub minor: u32,
    /// Patch.
    pub patch: u32,
}

/// Whether a version will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Tested, or between the oldest that works and the tested one.
    Supported(Version),
    /// Newer than the tested one: it is used, and what is unknown passes through.
    Newer(Version),
    /// Too old to be used.
    TooOld(Version),
}

/// The text holds no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no version of the form 1.2.3 found; is this codex?")]
pub struct NoVersion;

impl Version {
    /// A version from its parts.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Reads the output of `codex --version`, `codex-cli 0.169.0`.
    ///
    /// # Errors
    /// [`NoVersion`] when the output is something else.
    pub fn of_output(output: &str) -> Result<Self, NoVersion> {
        output
            .split_ascii_whitespace()
            .find_map(|word| word.parse().ok())
            .ok_or(NoVersion)
    }

    /// Reads the `userAgent` of the handshake, `holdfast/0.169.0 (...)`.
    ///
    /// # Errors
    /// [`NoVersion`] when it does not begin like that.
    pub fn of_user_agent(user_agent: &str) -> Result<Self, NoVersion> {
        let product = user_agent
            .split_ascii_whitespace()
            .next()
            .ok_or(NoVersion)?;
        product.rsplit_once('/').ok_or(NoVersion)?.1.parse()
    }

    /// Judges it.
    pub fn verdict(self) -> Verdict {
        match self {
            version if version < MINIMUM => Verdict::TooOld(version),
            version if version > TESTED => Verdict::Newer(version),
            version => Verdict::Supported(version),
        }
    }
}

impl FromStr for Version {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let release = text.split(['-', '+']).next().unwrap_or(text);
        let mut parts = release
            .split('.')
            .map(|part| part.parse().map_err(|_| NoVersion));
        let mut part = || parts.next().unwrap_or(Err(NoVersion));
        let version = Self::new(part()?, part()?, part()?);
        if parts.next().is_some() {
            Err(NoVersion)
        } else {
            Ok(version)
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Supported(version) => write!(f, "codex {version} is supported"),
            Self::Newer(version) => write!(
                f,
                "codex {version} is newer than {TESTED}, the version that holdfast was tested with; it is used, and what \
                 is new in it passes through"
            ),
            Self::TooOld(version) => write!(
                f,
                "codex {version} is too old, holdfast needs {MINIMUM} or newer; update it with `npm install -g @openai/codex`"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_where_codex_says_them() {
        for (text, version) in [
            ("codex-cli 0.169.0\n", Ok(TESTED)),
            ("codex-cli 0.170.0-alpha.2", Ok(Version::new(0, 170, 0))),
            (
                "WARNING: something\ncodex-cli 1.2.3",
                Ok(Version::new(1, 2, 3)),
            ),
            ("v20.1.0", Ok(Version::new(20, 1, 0))),
            ("codex-cli 0.169", Err(NoVersion)),
            ("", Err(NoVersion)),
        ] {
            assert_eq!(Version::of_output(text), version, "{text}");
        }
        for (text, version) in [
            (
                "drive/0.169.0 (Debian 12.0.0; x86_64) xterm (drive; 0.1.0)",
                Ok(TESTED),
            ),
            ("a/b/0.1.2", Ok(Version::new(0, 1, 2))),
            ("Debian 12.0.0", Err(NoVersion)),
            ("", Err(NoVersion)),
        ] {
            assert_eq!(Version::of_user_agent(text), version, "{text}");
        }
    }

    #[test]
    fn old_is_refused_new_is_used_and_both_are_said() {
        assert_eq!(TESTED.verdict(), Verdict::Supported(TESTED));
        assert_eq!(MINIMUM.verdict(), Verdict::Supported(MINIMUM));
        let old = Version::new(0, 9, 999);
        assert_eq!(old.verdict(), Verdict::TooOld(old));
        assert!(
            old.verdict()
                .to_string()
                .contains("npm install -g @openai/codex")
        );
        let new = Version::new(0, 169, 1);
        assert_eq!(new.verdict(), Verdict::Newer(new));
        assert!(
            new.verdict()
                .to_string()
                .contains("0.169.1 is newer than 0.169.0")
        );
    }
}
