//! The browsers that are signed in. Kept in memory: after a restart of the host they sign in again. Everything that a
//! lasting store would have to do stands in the methods of [`SignIns`], and nothing outside knows how they do it.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use config::{Role, TokenDigest};
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::half::{CookieDigest, Half};

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
    /// What that credential may do.
    pub role: Role,
    /// How long ago it began.
    pub age: Duration,
    /// How long ago it was last used; zero while a socket is open.
    pub idle: Duration,
    /// Sockets open with it now.
    pub sockets: usize,
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

impl Clone for Presence {
    fn clone(&self) -> Self {
        self.0.state.lock().open += 1;
        Self(self.0.clone())
    }
}

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
}

impl SignIns {
    pub(super) fn new(lifetimes: Lifetimes) -> Self {
        Self {
            lifetimes,
            by_cookie: HashMap::new(),
        }
    }

    pub(super) fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// Adds a sign-in made with a credential; returns its halves, cookie first.
    pub(super) fn add(
        &mut self,
        credential: &super::book::Held,
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
            role: credential.role,
            proof: proof.clone(),
            _end: revoked.clone().drop_guard(),
            revoked,
            device: super::device_label(device),
            began: now,
            usage: Arc::new(Usage {
                state: Mutex::new(UsageState { open: 0, last: now }),
            }),
        };
        self.by_cookie.insert(cookie.digest(), sign_in);
        Ok((cookie, proof))
    }

    /// The living sign-in of a cookie.
    pub(super) fn find(&mut self, cookie: &CookieDigest, now: Instant) -> Option<&SignIn> {
        if self.by_cookie.get(cookie)?.is_over(self.lifetimes, now) {
            self.by_cookie.remove(cookie);
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
        self.by_cookie.remove(cookie).is_some()
    }

    /// Ends one by its id; whether there was one.
    pub(super) fn revoke(&mut self, id: SignInId) -> bool {
        let before = self.by_cookie.len();
        self.by_cookie.retain(|_, sign_in| sign_in.id != id);
        self.by_cookie.len() < before
    }

    /// Ends those of a credential; returns how many.
    pub(super) fn drop_credential(&mut self, credential: &TokenDigest) -> usize {
        let before = self.by_cookie.len();
        self.by_cookie
            .retain(|_, sign_in| sign_in.credential != *credential);
        before - self.by_cookie.len()
    }

    /// Ends those whose time is over.
    pub(super) fn drop_expired(&mut self, now: Instant) {
        let lifetimes = self.lifetimes;
        self.by_cookie
            .retain(|_, sign_in| !sign_in.is_over(lifetimes, now));
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
        list.sort_by(|a, b| b.age.cmp(&a.age).then(a.id.0.cmp(&b.id.0)));
        list
    }

    fn drop_longest_unused(&mut self, now: Instant) {
        let longest = self
            .by_cookie
            .iter()
            .max_by_key(|(_, sign_in)| sign_in.idle(now).0);
        if let Some(cookie) = longest.map(|(cookie, _)| *cookie) {
            self.by_cookie.remove(&cookie);
        }
    }
}

fn info(sign_in: &SignIn, now: Instant) -> SignInInfo {
    let (idle, sockets) = sign_in.idle(now);
    SignInInfo {
        id: sign_in.id,
        device: sign_in.device.clone(),
        name: sign_in.name.clone(),
        role: sign_in.role,
        age: now.duration_since(sign_in.began),
        idle,
        sockets,
    }
}
