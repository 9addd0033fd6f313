//! The notifier: sees that a session needs somebody, has finished or has failed, waits whether a tab shows it, and else has
//! people told who look at no tab.
//!
//! It looks at the directory and the feeds, as lists do; no session tells it anything or waits for it. What it knows outlives
//! its restarts, so nobody is told twice. How people are told is the crate `notify`'s business; who looks is in `sight.rs`, and
//! what follows from that in `ledger.rs`. Its death delays news and loses none.

mod ledger;
mod sight;
mod standing;

use std::{convert::Infallible, sync::Arc, time::Duration};

use jiff::Zoned;
use kameo::{mailbox::Signal, prelude::*};
use notify::Notice;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

pub(crate) use self::sight::{Shown, Sight};
use self::{
    ledger::{Due, Ledger},
    standing::Standing,
};
use crate::{admission::Admission, feed::now_ms, host::Wiring, session::summary::title_of};

/// After a change it looks this much later: many changes are one look.
const SOON: Duration = Duration::from_millis(200);
/// It looks this often in any case: that a turn stalls is no change, and a sign-in may end by its time.
const ANYWAY: Duration = Duration::from_secs(5);
/// Bytes of an own name of a notice.
const NAME_BYTES: usize = 16;

/// The recipe.
#[derive(Clone)]
pub(crate) struct NotifierArgs {
    pub wiring: Arc<Wiring>,
    pub admission: Admission,
    pub ledger: Arc<Mutex<Ledger>>,
}

impl NotifierArgs {
    pub(crate) fn new(wiring: Arc<Wiring>, admission: Admission) -> Self {
        let ledger = Ledger::new(wiring.notify.after);
        Self {
            wiring,
            admission,
            ledger: Arc::new(Mutex::new(ledger)),
        }
    }
}

/// The actor.
pub(crate) struct Notifier {
    wiring: Arc<Wiring>,
    admission: Admission,
    signed_in: Arc<Notify>,
    ledger: Arc<Mutex<Ledger>>,
    changes: watch::Receiver<u64>,
    /// When it looks next.
    look_at: Instant,
    /// Somebody could be told when it last looked; what happened while nobody could is no news afterwards.
    reached: bool,
}

impl Actor for Notifier {
    type Args = NotifierArgs;
    type Error = Infallible;

    fn name() -> &'static str {
        "notifier"
    }

    async fn on_start(args: NotifierArgs, _: ActorRef<Self>) -> Result<Self, Infallible> {
        args.wiring.restarts.notifier.count();
        Ok(Self {
            reached: args.wiring.channels.reach_somebody(),
            changes: args.wiring.directory.changes(),
            signed_in: args.admission.changed(),
            look_at: Instant::now() + SOON,
            wiring: args.wiring,
            admission: args.admission,
            ledger: args.ledger,
        })
    }

    async fn next(
        &mut self,
        _: WeakActorRef<Self>,
        mailbox: &mut MailboxReceiver<Self>,
    ) -> Result<Option<Signal<Self>>, Infallible> {
        loop {
            let soon = Instant::now() + SOON;
            tokio::select! {
                biased;
                signal = mailbox.recv() => return Ok(signal),
                () = tokio::time::sleep_until(self.look_at) => self.look().await,
                changed = self.changes.changed() => {
                    if changed.is_err() {
                        return Ok(mailbox.recv().await);
                    }
                    self.look_at = self.look_at.min(soon);
                }
                () = self.wiring.sight.changed() => self.look_at = self.look_at.min(soon),
                () = self.signed_in.notified() => {
                    self.forget_who_left().await;
                }
            }
        }
    }
}

impl Notifier {
    /// Brings the ledger up to date, has told what is due, and decides when to look again.
    async fn look(&mut self) {
        let now = Instant::now();
        self.look_at = now + ANYWAY;
        if !self.forget_who_left().await {
            return;
        }
        let channels = &self.wiring.channels;
        let reached = std::mem::replace(&mut self.reached, channels.reach_somebody());
        if !self.reached {
            return;
        }
        let (due, next) = {
            let mut ledger = self.ledger.lock();
            let lives = self.wiring.directory.lives();
            ledger.begin_look();
            for live in lives.iter().filter(|live| !live.ephemeral) {
                let standing = Standing::of(live);
                let thread = live.feed.thread();
                let shown = live.feed.audience().1 > 0 || self.wiring.sight.shows(thread.as_str());
                ledger.note(thread, standing, shown || !reached, now);
            }
            ledger.forget_others(|thread| self.wiring.sight.shows(thread.as_str()));
            let due = ledger.take_due(now, |kind| self.quiet(kind));
            (due, ledger.next_due())
        };
        for due in due {
            channels.tell(&self.notice(&due));
        }
        if let Some(next) = next {
            self.look_at = self.look_at.min(next.max(now + SOON));
        }
    }

    /// How long nobody is told this kind from now on.
    fn quiet(&self, kind: config::NoticeKind) -> Option<Duration> {
        let notify = &self.wiring.notify;
        let hours = notify.quiet_hours?;
        if notify.quiet_lets.contains(&kind) {
            return None;
        }
        notify::quiet_ends_in(hours, &Zoned::now())
    }

    fn notice(&self, due: &Due) -> Notice {
        let row = self.wiring.directory.row(due.thread.as_str());
        let title = row.map(title_of).unwrap_or_default();
        Notice {
            id: name(),
            kind: due.kind,
            thread: due.thread.to_string(),
            // What is in the row was redacted already, perhaps by rules of long ago.
            title: self.wiring.redactor.current().redact(&title).into_owned(),
            origin: self.wiring.origin.get().cloned().unwrap_or_default(),
            at_ms: due.at_ms,
            test: false,
        }
    }

    /// Drops the browsers whose sign-in has ended. False when that could not be seen: then nobody is told for now.
    async fn forget_who_left(&self) -> bool {
        let Some(subscriptions) = self.wiring.channels.subscriptions() else {
            return true;
        };
        if subscriptions.is_empty() {
            return true;
        }
        if !self.admission.is_required() {
            subscriptions.retain(str::is_empty);
            return true;
        }
        let Ok(sign_ins) = self.admission.sign_ins().await else {
            return false;
        };
        let living: Vec<String> = sign_ins.iter().map(|one| one.id.to_string()).collect();
        subscriptions.retain(|owner| living.iter().any(|id| id == owner));
        true
    }
}

/// A notice that says of itself that it is a test.
pub(crate) fn test_notice(wiring: &Wiring) -> Notice {
    Notice {
        id: name(),
        kind: config::NoticeKind::NeedsYou,
        thread: String::new(),
        title: String::new(),
        origin: wiring.origin.get().cloned().unwrap_or_default(),
        at_ms: now_ms(),
        test: true,
    }
}

/// A name that no other notice has; it says nothing.
fn name() -> String {
    let mut bytes = [0; NAME_BYTES];
    // Without random bytes a name of the time is as good: it opens nothing.
    if getrandom::fill(&mut bytes).is_err() {
        return now_ms().to_string();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
