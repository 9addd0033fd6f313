//! The browsers that asked for Web Push, on disk: each belongs to the sign-in that it was made with, and goes with it.
//!
//! One small file of the state folder, written whole and renamed into place, readable by its owner alone: whoever has an
//! entry and the host's key could write to that browser.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{hosts, vapid::Key};

/// The file of the key in the state folder.
pub const KEY_FILE: &str = "web-push.key";
const FILE: &str = "web-push.json";
/// Browsers at once: as many as may be signed in. One more drops the oldest.
const MOST: usize = 256;
/// Largest file that is read, in bytes: more than the most subscriptions take.
const MOST_BYTES: u64 = 2 << 20;

/// One browser.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The sign-in that it belongs to; empty on a host that asks for none.
    pub owner: String,
    /// Where its messages go.
    pub(crate) endpoint: String,
    /// The browser's public key, an uncompressed point.
    pub(super) public: [u8; 65],
    /// What only the browser and this host know.
    pub(super) auth: [u8; 16],
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

/// Why a subscription is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Its push service is none of the known and configured ones.
    #[error(
        "endpoint: its host is no push service that this host posts to (notify.web_push.hosts adds some)"
    )]
    Host,
    /// A key has another form.
    #[error("keys: takes p256dh, 65 bytes, and auth, 16 bytes, both in base64url")]
    Keys,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    owner: String,
    endpoint: String,
    p256dh: String,
    auth: String,
}

/// All of them, and the key that they were made for.
#[derive(Debug)]
pub struct Subscriptions {
    path: PathBuf,
    key: Key,
    more_hosts: Vec<String>,
    list: Mutex<Vec<Subscription>>,
}

impl Subscriptions {
    /// Reads what is in the state folder; makes the key if it is missing.
    pub(crate) fn open(state_dir: &Path, more_hosts: Vec<String>) -> io::Result<Self> {
        let key = state_dir.join(KEY_FILE);
        let failed = |error| io::Error::other(format!("{}: {error}", key.display()));
        let key = Key::read_or_make(&key).map_err(failed)?;
        let path = state_dir.join(FILE);
        let list = load(&path, &more_hosts);
        Ok(Self {
            path,
            key,
            more_hosts,
            list: Mutex::new(list),
        })
    }

    /// The host's key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Takes a browser's subscription in the form that browsers give it; an earlier one of this sign-in or of this browser
    /// goes.
    ///
    /// # Errors
    /// See [`Invalid`].
    pub fn add(
        &self,
        owner: &str,
        endpoint: &str,
        p256dh: &str,
        auth: &str,
    ) -> Result<(), Invalid> {
        let record = Record {
            owner: owner.to_owned(),
            endpoint: endpoint.to_owned(),
            p256dh: p256dh.to_owned(),
            auth: auth.to_owned(),
        };
        let new = judge(record, &self.more_hosts)?;
        self.change(|list| {
            // A host that asks for no sign-in cannot tell its browsers apart.
            let another = |one: &Subscription| new.owner.is_empty() || one.owner != new.owner;
            list.retain(|one| one.endpoint != new.endpoint && another(one));
            if list.len() >= MOST {
                list.remove(0);
            }
            list.push(new);
        });
        Ok(())
    }

    /// The subscription with this address, if this sign-in has it.
    pub fn find(&self, owner: &str, endpoint: &str) -> Option<Subscription> {
        let list = self.list.lock();
        let mut own = list.iter().filter(|one| one.owner == owner);
        own.find(|one| one.endpoint == endpoint).cloned()
    }

    /// Forgets the subscription with this address, if this sign-in has it.
    pub fn remove(&self, owner: &str, endpoint: &str) {
        self.change(|list| list.retain(|one| one.owner != owner || one.endpoint != endpoint));
    }

    /// Drops those whose sign-in `lives` does not know any more.
    pub fn retain(&self, lives: impl Fn(&str) -> bool) {
        self.change(|list| list.retain(|one| lives(&one.owner)));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.lock().is_empty()
    }

    pub(crate) fn list(&self) -> Vec<Subscription> {
        self.list.lock().clone()
    }

    pub(crate) fn holds(&self, one: &Subscription) -> bool {
        self.list.lock().contains(one)
    }

    pub(crate) fn forget(&self, gone: &Subscription) {
        self.change(|list| list.retain(|one| one != gone));
    }

    /// Changes the list, and the file when that made a difference. The lock is held over the write, so that an older list
    /// never overtakes a newer one; it is a few kilobytes, when somebody asks for Web Push or leaves.
    fn change(&self, change: impl FnOnce(&mut Vec<Subscription>)) {
        let mut list = self.list.lock();
        let before = list.clone();
        change(&mut list);
        if *list != before
            && let Err(error) = store(&self.path, &list)
        {
            tracing::warn!(path = %self.path.display(), err = %error, "the subscriptions of Web Push cannot be stored; they end with this host");
        }
    }
}

fn judge(record: Record, more_hosts: &[String]) -> Result<Subscription, Invalid> {
    if !hosts::allow(&record.endpoint, more_hosts) {
        return Err(Invalid::Host);
    }
    // Browsers write no padding, some libraries do.
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
    let public = decode(&record.p256dh).and_then(|bytes| bytes.try_into().ok());
    let auth = decode(&record.auth).and_then(|bytes| bytes.try_into().ok());
    let (Some(public), Some(auth)) = (public, auth) else {
        return Err(Invalid::Keys);
    };
    let subscription = Subscription {
        owner: record.owner,
        endpoint: record.endpoint,
        public,
        auth,
    };
    // A point that is not on the curve shows only when it is used.
    super::encryption::encrypt(&subscription, b"").map_err(|_| Invalid::Keys)?;
    Ok(subscription)
}

/// What was stored, as far as it is allowed still. A file that is missing or damaged means that browsers ask again.
fn load(path: &Path, more_hosts: &[String]) -> Vec<Subscription> {
    match try_load(path) {
        Ok(records) => records
            .into_iter()
            .filter_map(|record| judge(record, more_hosts).ok())
            .take(MOST)
            .collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            tracing::warn!(path = %path.display(), err = %error, "the subscriptions of Web Push cannot be read; browsers ask for it again");
            Vec::new()
        }
    }
}

fn try_load(path: &Path) -> io::Result<Vec<Record>> {
    if fs::metadata(path)?.len() > MOST_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the file is too large",
        ));
    }
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn store(path: &Path, list: &[Subscription]) -> io::Result<()> {
    let record = |one: &Subscription| Record {
        owner: one.owner.clone(),
        endpoint: one.endpoint.clone(),
        p256dh: URL_SAFE_NO_PAD.encode(one.public),
        auth: URL_SAFE_NO_PAD.encode(one.auth),
    };
    let records: Vec<Record> = list.iter().map(record).collect();
    let new = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(&serde_json::to_vec(&records)?)?;
    fs::rename(&new, path)
}
