//! The one gate's memory: credentials, sign-ins, throttle, revocation.
//!
//! An actor behind a cheap handle, [`Admission`]. It knows nothing of HTTP: which requests may ask it, and with what, is
//! decided in `web`. Only digests of tokens and cookies reach it.
//!
//! A [`Principal`] is the answer. It carries a token, `revoked`, that is cancelled when its sign-in ends or its credential is
//! removed; whoever serves a principal watches that and hangs up.

mod actor;
mod book;
mod device;
mod half;
mod sign_ins;
mod store;
mod throttle;

#[cfg(test)]
mod tests;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use config::{Credential, Role, TOKEN_PREFIX, Token, TokenDigest};
use kameo::{
    Actor, Reply,
    actor::{ActorRef, Spawn},
    error::SendError,
    mailbox,
    message::Message,
};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

pub use actor::{AdmissionActor, Args};
pub use book::Reloaded;
pub use device::device_label;
pub use half::Half;
pub use sign_ins::{Lifetimes, SignInId, SignInInfo};
pub use throttle::Budget;

use actor::{
    CheckBearer, CheckCookie, CheckProof, Invite, ListSignIns, MakeChallenge, Reload, Revoke,
    RevokeOthers, SignIn, SignOut,
};
use book::{Book, Presented};
use device::device_name;
use half::CookieDigest;
use sign_ins::Presence;
use store::Store;

/// Questions that wait for the actor; each is answered in microseconds. One more waits in its own connection.
const MAILBOX: usize = 64;
/// How long a connection waits for an answer before it hears "unavailable": an answer takes longer only if the host is in
/// serious trouble.
const PATIENCE: Duration = Duration::from_secs(2);
/// Shorter tokens are in no configuration.
const LEAST_TOKEN: usize = 32;

/// Why somebody is not let in. Never says what was wrong with a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No such credential.
    #[error("the credential is not valid; sign in again")]
    Wrong,
    /// Too many wrong credentials were shown lately.
    #[error("too many wrong credentials were tried; try again in {} s", retry_after.as_secs_f32().ceil())]
    Throttled {
        /// When to try again.
        retry_after: Duration,
    },
    /// Admission did not answer.
    #[error("admission does not answer; try again")]
    Unavailable,
}

/// How a principal came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// With a token on the connection itself.
    Bearer,
    /// With the two halves of a sign-in.
    SignIn(SignInId),
    /// With nothing, since `websocket_auth_required` is false.
    Open,
}

/// Somebody who was let in. Its authority was computed here, from the credential alone.
#[derive(Clone)]
pub struct Principal {
    /// The credential's name in the configuration.
    pub name: Arc<str>,
    /// What it may do.
    pub role: Role,
    /// How it came in.
    pub via: Via,
    /// Cancelled when it may no longer stay: close what it opened, with 4401.
    pub revoked: CancellationToken,
    /// Keeps its sign-in from being idle as long as the principal is held; clones are one socket.
    presence: Option<Arc<Presence>>,
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("name", &self.name)
            .field("role", &self.role)
            .field("via", &self.via)
            .field("revoked", &self.revoked.is_cancelled())
            .field("present", &self.presence.is_some())
            .finish()
    }
}

/// A new sign-in: both halves, which the browser keeps in two different places.
#[derive(Debug)]
pub struct SignedIn {
    /// For the HttpOnly cookie. The host keeps its digest only.
    pub cookie: Half,
    /// For the page's session storage: the key of the proof.
    pub proof: Half,
    /// What the browser may do.
    pub role: Role,
    /// How long it lasts at most.
    pub expires_in: Duration,
}

/// What a browser has to answer, once.
#[derive(Debug)]
pub struct Challenge {
    /// Base64url text; its ASCII is the message under the MAC.
    pub nonce: String,
    /// The sign-in that the cookie belongs to.
    pub sign_in: SignInId,
}

impl Args {
    /// What the configuration asks for.
    pub fn from_config(admission: &config::Admission, limits: &config::Limits) -> Self {
        let config::SignIns {
            idle_timeout: idle,
            lifetime: absolute,
            ..
        } = admission.sign_ins;
        let budget = Budget {
            wrong: limits.wrong_credentials,
            window: limits.wrong_credentials_window,
        };
        let lifetimes = Lifetimes { idle, absolute };
        Self::new(
            admission.credentials.clone(),
            admission.auth_required,
            lifetimes,
            budget,
        )
    }

    /// Keeps the sign-ins in this file, so that they outlive the host, and takes up those that are there.
    #[must_use]
    pub fn stored_in(self, path: PathBuf) -> Self {
        self.book.lock().keep_in(Store::new(path), Instant::now());
        self
    }

    /// The start of an empty book. With `required` false, [`Admission::open`] lets everybody in.
    pub fn new(
        credentials: Vec<Credential>,
        required: bool,
        lifetimes: Lifetimes,
        budget: Budget,
    ) -> Self {
        Self {
            book: Arc::new(Mutex::new(Book::new(credentials, lifetimes, budget))),
            required,
            changed: Arc::default(),
        }
    }
}

/// The handle. Cheap to clone; stays good over restarts of the actor.
#[derive(Clone)]
pub struct Admission {
    actor: ActorRef<AdmissionActor>,
    /// Holds the book, so that a host that stops closes its sockets as it wants and not as revoked.
    args: Args,
    /// Of those who came in with nothing: never cancelled.
    open: CancellationToken,
}

impl Admission {
    /// Starts it on its own.
    pub fn spawn(args: Args) -> Self {
        let actor = AdmissionActor::spawn_with_mailbox(args.clone(), mailbox::bounded(MAILBOX));
        Self::new(actor, args)
    }

    /// Starts it as a supervised child, restarted after a panic.
    pub async fn spawn_under<P: Actor>(supervisor: &ActorRef<P>, args: Args) -> Self {
        let child = AdmissionActor::supervise(supervisor, args.clone());
        let actor = child.spawn_with_mailbox(mailbox::bounded(MAILBOX)).await;
        Self::new(actor, args)
    }

    fn new(actor: ActorRef<AdmissionActor>, args: Args) -> Self {
        Self {
            actor,
            args,
            open: CancellationToken::new(),
        }
    }

    /// The actor, for a list of all actors.
    pub fn actor(&self) -> &ActorRef<AdmissionActor> {
        &self.actor
    }

    /// Woken when a sign-in began or ended; one may wait.
    pub(crate) fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.args.changed)
    }

    /// Whether connections must show a credential.
    pub fn is_required(&self) -> bool {
        self.args.required
    }

    /// Lets somebody in who shows nothing; refused unless the configuration asks for no credential.
    pub fn open(&self) -> Result<Principal, Denied> {
        if self.args.required {
            return Err(Denied::Wrong);
        }
        Ok(Principal {
            name: "anyone".into(),
            role: Role::Operate,
            via: Via::Open,
            revoked: self.open.child_token(),
            presence: None,
        })
    }

    /// Checks a token.
    pub async fn bearer(&self, token: &str) -> Result<Principal, Denied> {
        self.ask(CheckBearer(presented(token))).await
    }

    /// Signs a browser in with a token. `device` is its User-Agent.
    pub async fn sign_in(&self, token: &str, device: &str) -> Result<SignedIn, Denied> {
        self.ask(SignIn(presented(token), device_name(device)))
            .await
    }

    /// Makes a challenge for the holder of a cookie.
    pub async fn challenge(&self, cookie: &str) -> Result<Challenge, Denied> {
        let (digest, ours) = CookieDigest::of_presented(cookie);
        self.ask(MakeChallenge(digest, ours)).await
    }

    /// Checks the answer to a challenge: `mac` is base64url.
    pub async fn prove(&self, challenge: Challenge, mac: &str) -> Result<Principal, Denied> {
        self.ask(CheckProof(challenge, mac.to_owned())).await
    }

    /// Whether a cookie belongs to a sign-in. Alone it opens nothing.
    pub async fn signed_in(&self, cookie: &str) -> Result<SignInId, Denied> {
        let (digest, ours) = CookieDigest::of_presented(cookie);
        self.ask(CheckCookie(digest, ours)).await
    }

    /// Ends the sign-in of a cookie; its sockets close.
    pub async fn sign_out(&self, cookie: &str) -> Result<SignInId, Denied> {
        let (digest, ours) = CookieDigest::of_presented(cookie);
        self.ask(SignOut(digest, ours)).await
    }

    /// Ends a sign-in by its id; its sockets close. Whether there was one.
    pub async fn revoke(&self, id: SignInId) -> Result<bool, Denied> {
        self.ask(Revoke(id)).await
    }

    /// Ends all sign-ins but this one; their sockets close. Returns how many there were.
    pub async fn revoke_others(&self, kept: Option<SignInId>) -> Result<usize, Denied> {
        self.ask(RevokeOthers(kept)).await
    }

    /// Makes a code that signs a browser in, once and within `lifetime`, with this role: for [`sign_in`](Self::sign_in) in
    /// place of a token. The sign-in hangs on the first credential that has the role, and ends with it. `None` if no
    /// credential has it.
    pub async fn invite(&self, role: Role, lifetime: Duration) -> Result<Option<Half>, Denied> {
        self.ask(Invite(role, lifetime)).await
    }

    /// The living sign-ins, oldest first.
    pub async fn sign_ins(&self) -> Result<Vec<SignInInfo>, Denied> {
        self.ask(ListSignIns).await
    }

    /// Replaces the credentials; what was opened with a removed one is closed.
    pub async fn reload(&self, credentials: Vec<Credential>) -> Result<Reloaded, Denied> {
        self.ask(Reload(credentials)).await
    }

    async fn ask<M, R>(&self, message: M) -> Result<R, Denied>
    where
        AdmissionActor: Message<M, Reply = Result<R, Denied>>,
        Result<R, Denied>: Reply<Ok = R, Error = Denied>,
        M: Send + 'static,
        R: Send + 'static,
    {
        let question = self
            .actor
            .ask(message)
            .mailbox_timeout(PATIENCE)
            .reply_timeout(PATIENCE);
        match question.send().await {
            Ok(answer) => Ok(answer),
            Err(SendError::HandlerError(denied)) => Err(denied),
            Err(err) => {
                tracing::error!(err = %err.map_msg(|_| ()), "admission did not answer");
                Err(Denied::Unavailable)
            }
        }
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("required", &self.args.required)
            .finish_non_exhaustive()
    }
}

/// Hashes a token whatever it looks like, so that every one takes the same path.
fn presented(token: &str) -> Presented {
    let ours = token.starts_with(TOKEN_PREFIX) && Token::parse(token).is_ok();
    // Whatever the configuration takes for a token counts: its owner must get in while somebody guesses.
    let unguessable = ours || token.len() >= LEAST_TOKEN;
    Presented {
        digest: TokenDigest::of(token),
        unguessable,
    }
}
