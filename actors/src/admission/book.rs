//! What admission knows: credentials, sign-ins and the counts of wrong tries. Plain values and no waiting: the actor around
//! it may crash and be restarted, and nobody is signed out by that.

use std::{sync::Arc, time::Duration};

use config::{Credential, Role, TokenDigest};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Budget, Challenge, Denied, Lifetimes, Principal, SignInId, SignInInfo, SignedIn, Via,
    half::{CookieDigest, Half, decode},
    sign_ins::SignIns,
    store::Store,
    throttle::{Throttle, Verdict},
};

/// Invitations that wait at once. One more drops the oldest.
const MOST_INVITATIONS: usize = 16;

/// A credential in force.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) name: Arc<str>,
    pub(super) role: Role,
    pub(super) digest: TokenDigest,
    /// Ends everything that was opened with it.
    pub(super) revoked: CancellationToken,
}

/// What changed when credentials were loaded again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Credentials that are new or changed.
    pub added: usize,
    /// Credentials that are gone or changed; everything that was opened with them is closed.
    pub removed: usize,
    /// Sign-ins that ended with them.
    pub sign_ins_ended: usize,
}

/// A one-time code that stands for a credential until it is used.
#[derive(Debug)]
struct Invitation {
    code: TokenDigest,
    credential: TokenDigest,
    /// At most this, whatever the credential may do.
    role: Role,
    until: Instant,
}

/// A token as it reaches the book: never the text itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Presented {
    pub(super) digest: TokenDigest,
    /// It is a well-formed `hft_` token, so 256 random bits.
    pub(super) unguessable: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Book {
    held: Vec<Held>,
    invitations: Vec<Invitation>,
    sign_ins: SignIns,
    tokens: Throttle,
    cookies: Throttle,
    proofs: Throttle,
    store: Option<Store>,
}

impl Book {
    pub(super) fn new(credentials: Vec<Credential>, lifetimes: Lifetimes, budget: Budget) -> Self {
        Self {
            held: credentials.into_iter().map(held).collect(),
            invitations: Vec::new(),
            sign_ins: SignIns::new(lifetimes),
            tokens: Throttle::new(budget),
            cookies: Throttle::new(budget),
            proofs: Throttle::new(budget),
            store: None,
        }
    }

    /// Takes up the sign-ins of this store, and stores every change there from now on.
    pub(super) fn keep_in(&mut self, store: Store, now: Instant) {
        for record in store.load() {
            self.sign_ins.restore(&record, &self.held, now);
        }
        self.store = Some(store);
        self.store_changes();
    }

    /// Stores the sign-ins, if they have changed: a few kilobytes, when somebody signs in or out. Whether they have.
    pub(super) fn store_changes(&mut self) -> bool {
        let changed = self.sign_ins.take_changed();
        if let (Some(records), Some(store)) = (&changed, &self.store) {
            store.save(records);
        }
        changed.is_some()
    }

    /// The credential of a token.
    pub(super) fn bearer(&mut self, token: Presented, now: Instant) -> Result<Principal, Denied> {
        let (position, _) = self.position(token, now, Self::credential)?;
        let held = &self.held[position];
        Ok(Principal {
            name: held.name.clone(),
            role: held.role,
            via: Via::Bearer,
            revoked: held.revoked.child_token(),
            presence: None,
        })
    }

    /// Signs a browser in, with a token or an invitation.
    pub(super) fn sign_in(
        &mut self,
        token: Presented,
        device: &str,
        now: Instant,
    ) -> Result<SignedIn, Denied> {
        let (position, role) = self.position(token, now, Self::credential_or_invitation)?;
        let (held, sign_ins) = (&self.held[position], &mut self.sign_ins);
        let (cookie, proof) = sign_ins.add(held, role, device, now)?;
        Ok(SignedIn {
            cookie,
            proof,
            role,
            expires_in: sign_ins.lifetimes().absolute,
        })
    }

    /// What the holder of a cookie has to answer.
    pub(super) fn challenge(
        &mut self,
        cookie: CookieDigest,
        ours: bool,
        now: Instant,
    ) -> Result<Challenge, Denied> {
        let sign_in = self.known(cookie, ours, now)?;
        Ok(Challenge {
            nonce: Half::random()?.reveal(),
            sign_in,
        })
    }

    /// Checks the answer.
    pub(super) fn prove(
        &mut self,
        challenge: &Challenge,
        mac: &str,
        now: Instant,
    ) -> Result<Principal, Denied> {
        let mac = decode(mac);
        let quietly = look(self.proofs.judge(now, mac.is_some()))?;
        let sign_in = self.sign_ins.get(challenge.sign_in, now);
        let proven = sign_in.filter(|it| {
            it.proof
                .verifies(&challenge.nonce, &mac.unwrap_or_default())
        });
        let Some(sign_in) = proven else {
            return Err(count(&mut self.proofs, now, "proof", quietly));
        };
        Ok(Principal {
            name: sign_in.name.clone(),
            role: sign_in.role,
            via: Via::SignIn(sign_in.id),
            revoked: sign_in.revoked.clone(),
            presence: Some(Arc::new(sign_in.use_it())),
        })
    }

    /// Whether a cookie belongs to a living sign-in; counts as a use.
    pub(super) fn known(
        &mut self,
        cookie: CookieDigest,
        ours: bool,
        now: Instant,
    ) -> Result<SignInId, Denied> {
        let quietly = look(self.cookies.judge(now, ours))?;
        match self.sign_ins.find(&cookie, now) {
            Some(sign_in) => {
                drop(sign_in.use_it());
                Ok(sign_in.id)
            }
            None => Err(count(&mut self.cookies, now, "cookie", quietly)),
        }
    }

    /// Ends the sign-in of a cookie.
    pub(super) fn sign_out(
        &mut self,
        cookie: CookieDigest,
        ours: bool,
        now: Instant,
    ) -> Result<SignInId, Denied> {
        let id = self.known(cookie, ours, now)?;
        self.sign_ins.remove(&cookie);
        Ok(id)
    }

    pub(super) fn revoke(&mut self, id: SignInId) -> bool {
        self.sign_ins.revoke(id)
    }

    pub(super) fn revoke_others(&mut self, kept: Option<SignInId>) -> usize {
        self.sign_ins.revoke_others(kept)
    }

    pub(super) fn list(&mut self, now: Instant) -> Vec<SignInInfo> {
        self.sign_ins.list(now)
    }

    pub(super) fn drop_expired(&mut self, now: Instant) {
        self.sign_ins.drop_expired(now);
    }

    pub(super) fn next_end(&self) -> Option<Instant> {
        self.sign_ins.next_end()
    }

    /// Replaces the credentials. One that stays exactly the same keeps what was opened with it.
    pub(super) fn reload(&mut self, credentials: Vec<Credential>) -> Reloaded {
        let mut result = Reloaded::default();
        let mut old = std::mem::take(&mut self.held);
        for credential in credentials {
            let same = |it: &Held| {
                it.digest == credential.digest
                    && it.role == credential.role
                    && *it.name == *credential.name
            };
            match old.iter().position(same) {
                Some(position) => self.held.push(old.swap_remove(position)),
                None => {
                    self.held.push(held(credential));
                    result.added += 1;
                }
            }
        }
        for gone in old {
            gone.revoked.cancel();
            result.removed += 1;
            result.sign_ins_ended += self.sign_ins.drop_credential(&gone.digest);
        }
        result
    }

    /// Makes a code that signs in once with this role. `None` if no credential has it.
    pub(super) fn invite(
        &mut self,
        role: Role,
        lifetime: Duration,
        now: Instant,
    ) -> Result<Option<Half>, Denied> {
        let Some(held) = self.held.iter().find(|held| held.role >= role) else {
            return Ok(None);
        };
        let code = Half::random()?;
        self.invitations.retain(|invitation| invitation.until > now);
        if self.invitations.len() >= MOST_INVITATIONS {
            self.invitations.remove(0);
        }
        let (digest, credential) = (TokenDigest::of(&code.reveal()), held.digest);
        self.invitations.push(Invitation {
            code: digest,
            credential,
            role,
            until: now + lifetime,
        });
        Ok(Some(code))
    }

    /// Judges, looks and counts: the one path of all tokens, right, wrong or empty.
    fn position(
        &mut self,
        token: Presented,
        now: Instant,
        find: fn(&mut Self, TokenDigest, Instant) -> Option<(usize, Role)>,
    ) -> Result<(usize, Role), Denied> {
        let quietly = look(self.tokens.judge(now, token.unguessable))?;
        find(self, token.digest, now).ok_or_else(|| count(&mut self.tokens, now, "token", quietly))
    }

    /// Where the credential of a token stands, and its role. Looks at all of them, so that the time says nothing.
    fn credential(&mut self, token: TokenDigest, _: Instant) -> Option<(usize, Role)> {
        let mut found = None;
        for (position, held) in self.held.iter().enumerate() {
            if held.digest == token {
                found = Some((position, held.role));
            }
        }
        found
    }

    /// Likewise, or where the credential stands that an invitation was made for, with the role of the invitation, which is
    /// used up.
    fn credential_or_invitation(
        &mut self,
        token: TokenDigest,
        now: Instant,
    ) -> Option<(usize, Role)> {
        let direct = self.credential(token, now);
        let mut invited = None;
        for (position, invitation) in self.invitations.iter().enumerate() {
            if invitation.code == token && invitation.until > now {
                invited = Some(position);
            }
        }
        match invited {
            Some(position) => {
                let invitation = self.invitations.remove(position);
                let (position, highest) = self.credential(invitation.credential, now)?;
                Some((position, invitation.role.min(highest)))
            }
            None => direct,
        }
    }
}

fn held(credential: Credential) -> Held {
    Held {
        name: credential.name.into(),
        role: credential.role,
        digest: credential.digest,
        revoked: CancellationToken::new(),
    }
}

/// `Err` if the credential is not looked at; else what a wrong one hears, when it must not hear "wrong".
fn look(verdict: Verdict) -> Result<Option<Denied>, Denied> {
    match verdict {
        Verdict::Look => Ok(None),
        Verdict::LookQuietly(retry_after) => Ok(Some(Denied::Throttled { retry_after })),
        Verdict::Wait(retry_after) => Err(Denied::Throttled { retry_after }),
    }
}

/// Counts a wrong credential and says what its bearer hears.
fn count(
    throttle: &mut Throttle,
    now: Instant,
    kind: &'static str,
    quietly: Option<Denied>,
) -> Denied {
    if let Some(delay) = throttle.count_wrong(now) {
        // Once a wait, however many tries: a flood must not fill the log.
        tracing::warn!(kind, wait = ?delay, "too many wrong credentials, further ones have to wait");
    } else if quietly.is_none() {
        tracing::warn!(kind, "a wrong credential was shown");
    }
    quietly.unwrap_or(Denied::Wrong)
}
