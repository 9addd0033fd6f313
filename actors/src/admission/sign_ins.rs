//! The browsers that are signed in, and what of them is stored: who they are and when they began. That somebody used one
//! is not written each time; after a restart of the host each counts as just used, and the absolute lifetime goes on.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use config::{Role, TokenDigest};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    book::Held,
    half::{CookieDigest, Half},
    store::Record,
};

/// Signed-in browsers at once. One more drops the one that has been unused longest.
const MOST_SIGN_INS: usize = 256;

/// The name of a sign-in in lists and logs. No secret: it opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignInId(u64);

impl SignInId {
    /// Reads what `Display` writes; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for SignInId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// How long a sign-in lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// It ends so long after its last use; an open socket counts as use.
    pub idle: Duration,
    /// It ends so long after it began, whatever happens.
    pub absolute: Duration,
}

/// What a list shows of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInInfo {
    /// Names it for `revoke`.
    pub id: SignInId,
    /// The browser as it calls itself, cut and escaped.
    pub device: String,
    /// The credential that it was made with.
    pub name: Arc<str>,
    /// What it may do: at most what that credential may.
    pub role: Role,
    /// When it began, in milliseconds since the epoch.
    pub began_ms: u64,
    /// How long ago it was last used; zero while a socket is open.
    pub idle: Duration,
    /// Sockets open with it now.
    pub sockets: usize,
}

impl SignInInfo {
    /// As it stands in answers.
    pub fn to_json(&self) -> Value {
        let idle = u64::try_from(self.idle.as_millis()).unwrap_or(u64::MAX);
        json!({
            "id": self.id.to_string(),
            "device": self.device,
            "name": &*self.name,
            "role": self.role.as_str(),
            "createdAtMs": self.began_ms,
            "lastUsedAtMs": wall_ms().saturating_sub(idle),
            "sockets": self.sockets,
        })
    }
}

/// One signed-in browser. Dropping it revokes it.
#[derive(Debug)]
pub(super) struct SignIn {
    pub(super) id: SignInId,
    pub(super) credential: TokenDigest,
    pub(super) name: Arc<str>,
    pub(super) role: Role,
    pub(super) proof: Half,
    pub(super) revoked: CancellationToken,
    device: String,
    began: Instant,
    /// The same by the clock on the wall, for the store.
    began_ms: u64,
    usage: Arc<Usage>,
    _end: DropGuard,
}

impl SignIn {
    /// Marks that somebody uses it, until the returned value is dropped.
    pub(super) fn use_it(&self) -> Presence {
        self.usage.state.lock().open += 1;
        Presence(self.usage.clone())
    }

    fn is_over(&self, lifetimes: Lifetimes, now: Instant) -> bool {
        let usage = self.usage.state.lock();
        let idle = usage.open == 0 && now.duration_since(usage.last) >= lifetimes.idle;
        idle || now.duration_since(self.began) >= lifetimes.absolute
    }

    fn idle(&self, now: Instant) -> (Duration, usize) {
        let usage = self.usage.state.lock();
        let idle = if usage.open == 0 {
            now.duration_since(usage.last)
        } else {
            Duration::ZERO
        };
        (idle, usage.open)
    }
}

/// When a sign-in was used; shared with those who use it now.
#[derive(Debug)]
struct Usage {
    state: Mutex<UsageState>,
}

#[derive(Debug)]
struct UsageState {
    open: usize,
    last: Instant,
}

/// One use of a sign-in. It ends when this is dropped.
pub(super) struct Presence(Arc<Usage>);

impl Drop for Presence {
    fn drop(&mut self) {
        let mut usage = self.0.state.lock();
        usage.open -= 1;
        usage.last = Instant::now();
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct SignIns {
    lifetimes: Lifetimes,
    by_cookie: HashMap<CookieDigest, SignIn>,
    /// Different from what was last stored.
    changed: bool,
}

impl SignIns {
    pub(super) fn new(lifetimes: Lifetimes) -> Self {
        Self {
            lifetimes,
            by_cookie: HashMap::new(),
            changed: false,
        }
    }

    pub(super) fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// Adds a sign-in made with a credential, of which it may have less than the role; returns its halves, cookie first.
    pub(super) fn add(
        &mut self,
        credential: &Held,
        role: Role,
        device: &str,
        now: Instant,
    ) -> Result<(Half, Half), super::Denied> {
        self.drop_expired(now);
        if self.by_cookie.len() >= MOST_SIGN_INS {
            self.drop_longest_unused(now);
        }
        let (cookie, proof) = (Half::random()?, Half::random()?);
        let id = Half::random()?;
        let revoked = credential.revoked.child_token();
        let sign_in = SignIn {
            id: SignInId(id.first_u64()),
            credential: credential.digest,
            name: credential.name.clone(),
            role,
            proof: proof.clone(),
            _end: revoked.clone().drop_guard(),
            revoked,
            device: device.to_owned(),
            began: now,
            began_ms: wall_ms(),
            usage: Arc::new(Usage {
                state: Mutex::new(UsageState { open: 0, last: now }),
            }),
        };
        self.by_cookie.insert(cookie.digest(), sign_in);
        self.changed = true;
        Ok((cookie, proof))
    }

    /// The living sign-in of a cookie.
    pub(super) fn find(&mut self, cookie: &CookieDigest, now: Instant) -> Option<&SignIn> {
        if self.by_cookie.get(cookie)?.is_over(self.lifetimes, now) {
            self.remove(cookie);
        }
        self.by_cookie.get(cookie)
    }

    /// The living sign-in of this id.
    pub(super) fn get(&mut self, id: SignInId, now: Instant) -> Option<&SignIn> {
        let (cookie, _) = self
            .by_cookie
            .iter()
            .find(|(_, sign_in)| sign_in.id == id)?;
        let cookie = *cookie;
        self.find(&cookie, now)
    }

    /// Ends one by its cookie; whether there was one.
    pub(super) fn remove(&mut self, cookie: &CookieDigest) -> bool {
        let removed = self.by_cookie.remove(cookie).is_some();
        self.changed |= removed;
        removed
    }

    /// Ends one by its id; whether there was one.
    pub(super) fn revoke(&mut self, id: SignInId) -> bool {
        self.retain(|sign_in| sign_in.id != id) > 0
    }

    /// Ends all but one; returns how many.
    pub(super) fn revoke_others(&mut self, kept: Option<SignInId>) -> usize {
        self.retain(|sign_in| Some(sign_in.id) == kept)
    }

    /// Ends those of a credential; returns how many.
    pub(super) fn drop_credential(&mut self, credential: &TokenDigest) -> usize {
        self.retain(|sign_in| sign_in.credential != *credential)
    }

    /// Ends those whose time is over.
    pub(super) fn drop_expired(&mut self, now: Instant) {
        let lifetimes = self.lifetimes;
        self.retain(|sign_in| !sign_in.is_over(lifetimes, now));
    }

    /// Ends all that `keep` does not keep; returns how many.
    fn retain(&mut self, keep: impl Fn(&SignIn) -> bool) -> usize {
        let before = self.by_cookie.len();
        self.by_cookie.retain(|_, sign_in| keep(sign_in));
        let ended = before - self.by_cookie.len();
        self.changed |= ended > 0;
        ended
    }

    /// What to store, when that has changed since the last call.
    pub(super) fn take_changed(&mut self) -> Option<Vec<Record>> {
        let record = |(cookie, sign_in): (&CookieDigest, &SignIn)| Record {
            id: sign_in.id.to_string(),
            cookie: cookie.to_text(),
            proof: sign_in.proof.reveal(),
            credential: sign_in.credential.to_hex(),
            role: Some(sign_in.role.as_str().to_owned()),
            device: sign_in.device.clone(),
            began_ms: sign_in.began_ms,
        };
        std::mem::take(&mut self.changed).then(|| self.by_cookie.iter().map(record).collect())
    }

    /// Takes up a stored sign-in, if its credential is still in force and its time is not over.
    pub(super) fn restore(&mut self, record: &Record, held: &[Held], now: Instant) {
        let credential = held
            .iter()
            .find(|held| held.digest.to_hex() == record.credential);
        let age = Duration::from_millis(wall_ms().saturating_sub(record.began_ms));
        let parts = (
            credential,
            CookieDigest::stored(&record.cookie),
            Half::stored(&record.proof),
            SignInId::parse(&record.id),
            now.checked_sub(age),
        );
        let (Some(credential), Some(cookie), Some(proof), Some(id), Some(began)) = parts else {
            self.changed = true;
            return;
        };
        // One that was stored without a role has its credential's.
        let role = match record.role.as_deref().map(Role::parse) {
            None => credential.role,
            Some(Some(role)) => role.min(credential.role),
            Some(None) => {
                self.changed = true;
                return;
            }
        };
        if age >= self.lifetimes.absolute || self.by_cookie.len() >= MOST_SIGN_INS {
            self.changed = true;
            return;
        }
        let revoked = credential.revoked.child_token();
        let sign_in = SignIn {
            id,
            credential: credential.digest,
            name: credential.name.clone(),
            role,
            proof,
            _end: revoked.clone().drop_guard(),
            revoked,
            device: record.device.clone(),
            began,
            began_ms: record.began_ms,
            usage: Arc::new(Usage {
                state: Mutex::new(UsageState { open: 0, last: now }),
            }),
        };
        self.by_cookie.insert(cookie, sign_in);
    }

    /// When the first of them ends at the latest. An idle end needs no alarm: nothing is open then that would notice.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.by_cookie
            .values()
            .map(|sign_in| sign_in.began + self.lifetimes.absolute)
            .min()
    }

    /// All living ones, oldest first.
    pub(super) fn list(&mut self, now: Instant) -> Vec<SignInInfo> {
        self.drop_expired(now);
        let mut list: Vec<_> = self
            .by_cookie
            .values()
            .map(|sign_in| info(sign_in, now))
            .collect();
        list.sort_by_key(|info| (info.began_ms, info.id.0));
        list
    }

    fn drop_longest_unused(&mut self, now: Instant) {
        let longest = self
            .by_cookie
            .iter()
            .max_by_key(|(_, sign_in)| sign_in.idle(now).0);
        if let Some(cookie) = longest.map(|(cookie, _)| *cookie) {
            self.remove(&cookie);
        }
    }
}

/// Milliseconds since the epoch.
fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

fn info(sign_in: &SignIn, now: Instant) -> SignInInfo {
    let (idle, sockets) = sign_in.idle(now);
    SignInInfo {
        id: sign_in.id,
        device: sign_in.device.clone(),
        name: sign_in.name.clone(),
        role: sign_in.role,
        began_ms: sign_in.began_ms,
        idle,
        sockets,
    }
}
