//! The sign-ins on disk, so that browsers stay signed in when the host is restarted.
//!
//! One small file in the state folder, written whole and renamed into place. It holds digests of cookies, never a cookie:
//! with this file alone nobody signs in. What it says about lifetimes is judged by `sign_ins`.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

/// Largest file that is read, in bytes: far more than the most sign-ins take.
const MOST_BYTES: u64 = 1 << 20;

/// One sign-in as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Record {
    /// Its name in lists.
    pub(super) id: String,
    /// SHA-256 of the cookie half, base64url.
    pub(super) cookie: String,
    /// The proof half, base64url; worthless without the cookie.
    pub(super) proof: String,
    /// SHA-256 of the credential, hex.
    pub(super) credential: String,
    /// What it may do, if that was said.
    #[serde(default)]
    pub(super) role: Option<String>,
    pub(super) device: String,
    /// Milliseconds since the epoch.
    pub(super) began_ms: u64,
}

/// Where they are stored.
#[derive(Clone, Debug)]
pub(super) struct Store {
    path: PathBuf,
}

impl Store {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What was stored. A file that is missing or damaged means that browsers sign in again.
    pub(super) fn load(&self) -> Vec<Record> {
        match self.try_load() {
            Ok(records) => records,
            Err(err) if err.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(err) => {
                tracing::warn!(path = %self.path.display(), %err, "the sign-ins cannot be read; browsers sign in again");
                Vec::new()
            }
        }
    }

    fn try_load(&self) -> io::Result<Vec<Record>> {
        if fs::metadata(&self.path)?.len() > MOST_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the file is too large",
            ));
        }
        Ok(serde_json::from_slice(&fs::read(&self.path)?)?)
    }

    /// Stores these and no others. What cannot be stored lasts until the next restart.
    pub(super) fn save(&self, records: &[Record]) {
        if let Err(err) = self.try_save(records) {
            tracing::warn!(path = %self.path.display(), %err, "the sign-ins cannot be stored; they end with this host");
        }
    }

    fn try_save(&self, records: &[Record]) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(&serde_json::to_vec(records)?)?;
        fs::rename(&new, &self.path)
    }
}
