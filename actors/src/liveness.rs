//! Whether the host's tree works: each static actor is asked, and must work off its mailbox in time.
//!
//! For whoever restarts a host that hangs (systemd). It says nothing of Codex, whose silence is the watchdog's business,
//! nor of the journal: a disk that hangs does not get better by a restart.

use std::time::Duration;

use kameo::{message::Context, prelude::*};

use crate::{
    admission::AdmissionActor, host::Host, notifier::Notifier, sessions::Sessions,
    supervisor::BridgeSupervisor, tabs::Tabs,
};

/// Answer.
pub(crate) struct Ping;

macro_rules! answers {
    ($($actor:ty),+) => {$(
        impl Message<Ping> for $actor {
            type Reply = ();

            async fn handle(&mut self, _: Ping, _: &mut Context<Self, ()>) {}
        }
    )+};
}

answers!(Sessions, Tabs, AdmissionActor, Notifier, BridgeSupervisor);

impl Host {
    /// True when every static actor, and the supervisor of the service Codex, answers within `patience`.
    pub async fn answers(&self, patience: Duration) -> bool {
        let wiring = self.wiring();
        let refs = wiring.refs();
        let (service, mut silent) = (wiring.service(), Vec::new());
        let all = async {
            tokio::join!(
                ask(&refs.sessions, "sessions"),
                ask(&refs.tabs, "tabs"),
                ask(refs.admission.actor(), "admission"),
                ask(&refs.notifier, "notifier"),
                ask(service.actor(), "service"),
            )
        };
        match tokio::time::timeout(patience, all).await {
            Ok(answers) => silent.extend(<[Option<&str>; 5]>::from(answers).into_iter().flatten()),
            Err(_) => silent.push("one of sessions, tabs, admission, notifier, service"),
        }
        if !silent.is_empty() {
            tracing::error!(
                silent = silent.join(", "),
                "a part of the host does not answer"
            );
        }
        silent.is_empty()
    }

    /// One line for people: how much goes on.
    pub fn activity(&self) -> String {
        let wiring = self.wiring();
        let working = wiring
            .directory
            .lives()
            .iter()
            .filter(|live| live.feed.view().turn.is_some())
            .count();
        let running = wiring
            .limits
            .bridges
            .saturating_sub(wiring.bridges.available_permits());
        let tabs = wiring.audience.count();
        format!("{working} sessions working, {running} codex running, {tabs} tabs")
    }
}

/// The name of the actor when it does not answer.
async fn ask<A: Message<Ping, Reply = ()>>(
    actor: &ActorRef<A>,
    name: &'static str,
) -> Option<&'static str> {
    actor.ask(Ping).send().await.is_err().then_some(name)
}
