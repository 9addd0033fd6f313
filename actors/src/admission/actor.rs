//! The actor behind [`Admission`](super::Admission): one message a question, so that all answers have one order. Not for
//! events: a revocation reaches sockets through their cancellation tokens, not through messages.

use std::{convert::Infallible, sync::Arc, time::Duration};

use config::{Credential, Role};
use kameo::{
    Actor,
    actor::{ActorRef, WeakActorRef},
    mailbox::{MailboxReceiver, Signal},
    message::{Context, Message},
};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use super::{
    Challenge, Denied, Principal, SignInId, SignInInfo, SignedIn,
    book::{Book, Presented, Reloaded},
    half::{CookieDigest, Half},
};

/// What the actor is (re)started with. The book is shared, so a restart signs nobody out.
#[derive(Clone, Debug)]
pub struct Args {
    pub(super) book: Arc<Mutex<Book>>,
    /// Whether connections must show a credential at all.
    pub(super) required: bool,
    /// Woken when a sign-in began or ended.
    pub(super) changed: Arc<Notify>,
}

/// The actor. Others hold an [`Admission`](super::Admission).
#[derive(Debug)]
pub struct AdmissionActor {
    /// Only this actor locks it; the lock is what lets it survive the actor.
    book: Arc<Mutex<Book>>,
    changed: Arc<Notify>,
}

impl Actor for AdmissionActor {
    type Args = Args;
    type Error = Infallible;

    fn name() -> &'static str {
        "admission"
    }

    async fn on_start(args: Args, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(Self {
            book: args.book,
            changed: args.changed,
        })
    }

    async fn next(
        &mut self,
        _: WeakActorRef<Self>,
        mailbox: &mut MailboxReceiver<Self>,
    ) -> Result<Option<Signal<Self>>, Infallible> {
        loop {
            let end = self.book.lock().next_end();
            let expiry = async {
                match end {
                    Some(end) => tokio::time::sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                signal = mailbox.recv() => return Ok(signal),
                () = expiry => {
                    let mut book = self.book.lock();
                    book.drop_expired(Instant::now());
                    if book.store_changes() {
                        self.changed.notify_one();
                    }
                }
            }
        }
    }
}

/// Check a token.
pub(super) struct CheckBearer(pub(super) Presented);
/// Sign a browser in with a token.
pub(super) struct SignIn(pub(super) Presented, pub(super) String);
/// Make a challenge for a cookie; the flag says whether it has the form of ours.
pub(super) struct MakeChallenge(pub(super) CookieDigest, pub(super) bool);
/// Check the answer to a challenge.
pub(super) struct CheckProof(pub(super) Challenge, pub(super) String);
/// Say whether a cookie is good.
pub(super) struct CheckCookie(pub(super) CookieDigest, pub(super) bool);
/// End the sign-in of a cookie.
pub(super) struct SignOut(pub(super) CookieDigest, pub(super) bool);
/// End a sign-in by its id.
pub(super) struct Revoke(pub(super) SignInId);
/// End all sign-ins but this one.
pub(super) struct RevokeOthers(pub(super) Option<SignInId>);
/// Make a one-time code for a sign-in with this role.
pub(super) struct Invite(pub(super) Role, pub(super) Duration);
/// List the sign-ins.
pub(super) struct ListSignIns;
/// Replace the credentials.
pub(super) struct Reload(pub(super) Vec<Credential>);

/// Implements a message whose answer comes straight from the book. Handlers return `Result`, so that no answer can be
/// mistaken for a crash.
macro_rules! answer {
    ($message:ty => $answer:ty, |$book:ident, $it:ident, $now:ident| $body:expr) => {
        impl Message<$message> for AdmissionActor {
            type Reply = Result<$answer, Denied>;

            async fn handle(
                &mut self,
                $it: $message,
                _: &mut Context<Self, Self::Reply>,
            ) -> Self::Reply {
                let $now = Instant::now();
                let mut book = self.book.lock();
                let $book = &mut *book;
                let reply = $body;
                if book.store_changes() {
                    self.changed.notify_one();
                }
                reply
            }
        }
    };
}

answer!(CheckBearer => Principal, |book, it, now| book.bearer(it.0, now));
answer!(SignIn => SignedIn, |book, it, now| book.sign_in(it.0, &it.1, now));
answer!(MakeChallenge => Challenge, |book, it, now| book.challenge(it.0, it.1, now));
answer!(CheckProof => Principal, |book, it, now| book.prove(&it.0, &it.1, now));
answer!(CheckCookie => SignInId, |book, it, now| book.known(it.0, it.1, now));
answer!(SignOut => SignInId, |book, it, now| book.sign_out(it.0, it.1, now));
answer!(Revoke => bool, |book, it, _now| Ok(book.revoke(it.0)));
answer!(RevokeOthers => usize, |book, it, _now| Ok(book.revoke_others(it.0)));
answer!(Invite => Option<Half>, |book, it, now| book.invite(it.0, it.1, now));
answer!(ListSignIns => Vec<SignInInfo>, |book, _it, now| Ok(book.list(now)));
answer!(Reload => Reloaded, |book, it, _now| Ok(book.reload(it.0)));
