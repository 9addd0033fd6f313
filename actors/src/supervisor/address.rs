//! The address of a bridge supervisor: how others reach it, and what they may know of it without asking.
//!
//! Not the supervisor: it holds no process and decides nothing.

use std::sync::Arc;

use kameo::prelude::*;
use tokio::sync::watch;

use super::{BridgeStatus, BridgeSupervisor, MAILBOX, Park, Purpose, SupervisorArgs};
use crate::host::Wiring;

/// The address of a supervisor, and its status to watch.
#[derive(Clone)]
pub(crate) struct SupervisorRef {
    actor: ActorRef<BridgeSupervisor>,
    status: watch::Receiver<BridgeStatus>,
    figures: watch::Receiver<Figures>,
}

/// What `host/status` tells of a bridge beside its state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    pub starts: u64,
    pub restarts: u64,
    pub last_exit: Option<String>,
    pub last_exit_kind: Option<&'static str>,
}

impl std::fmt::Debug for SupervisorRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SupervisorRef")
            .field(&self.actor.id())
            .finish()
    }
}

impl SupervisorRef {
    /// Starts a supervisor without a process.
    pub(crate) fn spawn(wiring: Arc<Wiring>, purpose: Purpose) -> Self {
        let (status_tx, status) = watch::channel(BridgeStatus::recorded(&purpose));
        let (figures_tx, figures) = watch::channel(Figures::default());
        let prepared = BridgeSupervisor::prepare_with_mailbox(mailbox::bounded(MAILBOX));
        let me = Self {
            actor: prepared.actor_ref().clone(),
            status,
            figures,
        };
        wiring.directory.add_supervisor(me.clone(), &purpose);
        prepared.spawn(SupervisorArgs {
            wiring,
            purpose,
            me: me.clone(),
            status: status_tx,
            figures: figures_tx,
        });
        me
    }

    /// Sends and waits for a place in the mailbox; a stopped supervisor needs no message.
    pub(crate) async fn tell<M: Send + 'static>(&self, message: M)
    where
        BridgeSupervisor: Message<M>,
    {
        if self.actor.tell(message).send().await.is_err() {
            tracing::debug!("a bridge supervisor has stopped before a message reached it");
        }
    }

    /// Asks it to make room. Never waits: supervisors ask each other, and one with a full mailbox is not idle.
    pub(crate) fn try_park(&self) {
        let _busy = self.actor.tell(Park { for_room: true }).try_send();
    }

    pub(crate) fn status(&self) -> watch::Receiver<BridgeStatus> {
        self.status.clone()
    }

    pub(crate) fn figures(&self) -> Figures {
        self.figures.borrow().clone()
    }

    pub(crate) fn actor(&self) -> &ActorRef<BridgeSupervisor> {
        &self.actor
    }
}
