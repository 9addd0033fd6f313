//! The keeper of all tabs: starts one for each admitted connection, up to the limit, and ends those whose connection is
//! over. It tells all tabs when the list of sessions has changed.

use std::{collections::HashMap, convert::Infallible, ops::ControlFlow, sync::Arc, time::Duration};

use kameo::prelude::*;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    host::Wiring,
    sessions::Sessions,
    tab::{OpenTab, Outbox, Tab, TabArgs, TabInbound, TabOutbound},
};

/// `host/sessions/changed` goes out at most this often.
const CHANGES: Duration = Duration::from_millis(100);

/// The recipe.
#[derive(Clone)]
pub(crate) struct TabsArgs {
    pub wiring: Arc<Wiring>,
    pub sessions: ActorRef<Sessions>,
}

/// All tabs.
pub(crate) struct Tabs {
    wiring: Arc<Wiring>,
    sessions: ActorRef<Sessions>,
    me: ActorRef<Self>,
    tabs: HashMap<ActorId, (u64, OpenTab)>,
    changes: watch::Receiver<u64>,
    /// When this actor ends, so do the tabs that it started: nobody else would know them.
    over: CancellationToken,
    /// News may go out from here on.
    quiet_until: Instant,
    /// Tabs that do not read the list are told then what they have not been told yet.
    owed_at: Option<Instant>,
}

/// Why a connection gets no tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TabRefused {
    /// At the limit.
    #[error("this host serves {0} tabs already, which is its limit (limits.tabs)")]
    Full(usize),
    /// The host goes down.
    #[error("the host is going down")]
    Draining,
}

impl Actor for Tabs {
    type Args = TabsArgs;
    type Error = Infallible;

    fn name() -> &'static str {
        "tabs"
    }

    async fn on_start(args: TabsArgs, me: ActorRef<Self>) -> Result<Self, Infallible> {
        args.wiring.restarts.tabs.count();
        Ok(Self {
            changes: args.wiring.directory.changes(),
            over: args.wiring.hangup.child_token(),
            wiring: args.wiring,
            sessions: args.sessions,
            me,
            tabs: HashMap::new(),
            quiet_until: Instant::now(),
            owed_at: None,
        })
    }

    async fn next(
        &mut self,
        _: WeakActorRef<Self>,
        mailbox: &mut MailboxReceiver<Self>,
    ) -> Result<Option<kameo::mailbox::Signal<Self>>, Infallible> {
        loop {
            let news = self.changes.has_changed().unwrap_or(false);
            tokio::select! {
                biased;
                signal = mailbox.recv() => return Ok(signal),
                () = sleep_until(self.quiet_until), if news => {
                    self.changes.mark_unchanged();
                    self.quiet_until = Instant::now() + CHANGES;
                    self.tell_changes(true);
                }
                () = sleep_until(self.owed_at.unwrap_or(self.quiet_until)), if self.owed_at.is_some() => {
                    self.tell_changes(false);
                }
                changed = self.changes.changed(), if !news => {
                    if changed.is_err() {
                        return Ok(mailbox.recv().await);
                    }
                    self.changes.mark_changed();
                }
            }
        }
    }

    async fn on_link_died(
        &mut self,
        _: WeakActorRef<Self>,
        id: ActorId,
        reason: ActorStopReason,
    ) -> Result<ControlFlow<ActorStopReason>, Infallible> {
        if self.tabs.remove(&id).is_some() && matches!(reason, ActorStopReason::Panicked(_)) {
            tracing::error!(err = ?reason, "a tab failed");
        }
        Ok(ControlFlow::Continue(()))
    }

    async fn on_stop(
        &mut self,
        _: WeakActorRef<Self>,
        _: ActorStopReason,
    ) -> Result<(), Infallible> {
        self.over.cancel();
        Ok(())
    }
}

impl Tabs {
    fn tell_changes(&mut self, is_new: bool) {
        self.owed_at = self.wiring.audience.tell_changes(is_new, Instant::now());
    }
}

/// Start a tab for an admitted connection.
pub(crate) struct Start(pub OpenTab);

impl Message<Start> for Tabs {
    type Reply = Result<Box<(TabInbound, TabOutbound)>, TabRefused>;

    async fn handle(
        &mut self,
        Start(open): Start,
        _: &mut Context<Self, Self::Reply>,
    ) -> Self::Reply {
        if self.wiring.closing.is_cancelled() {
            return Err(TabRefused::Draining);
        }
        if self.tabs.len() >= self.wiring.limits.tabs {
            return Err(TabRefused::Full(self.wiring.limits.tabs));
        }
        let id = self.wiring.next_tab();
        let (outbox, over) = (Outbox::new(), self.over.child_token());
        let outbound = TabOutbound::new(
            Arc::clone(&outbox),
            open.framing,
            self.wiring.limits.write_batch_bytes,
            Arc::clone(&self.wiring.directory),
        );
        let args = TabArgs {
            id,
            open: open.clone(),
            outbox,
            wiring: Arc::clone(&self.wiring),
            sessions: self.sessions.clone(),
            over: over.clone(),
        };
        let actor = Tab::spawn_link_with_mailbox(
            &self.me,
            args,
            mailbox::bounded(self.wiring.limits.tab_mailbox),
        )
        .await;
        self.tabs.insert(actor.id(), (id, open));
        // The connection holds the guard; when it goes, the tab ends, whatever the tab is doing.
        let ending = actor.clone();
        let gone = over.clone();
        self.wiring.tracker.spawn(async move {
            gone.cancelled().await;
            ending.kill();
        });
        let inbound = TabInbound {
            actor,
            _over: over.drop_guard(),
        };
        Ok(Box::new((inbound, outbound)))
    }
}

/// A tab in `host/status`.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct TabView {
    pub id: u64,
    pub name: String,
    pub role: &'static str,
    pub label: String,
}

/// List the tabs.
pub(crate) struct ListTabs;

impl Message<ListTabs> for Tabs {
    type Reply = Result<Vec<TabView>, kameo::error::Infallible>;

    async fn handle(&mut self, _: ListTabs, _: &mut Context<Self, Self::Reply>) -> Self::Reply {
        let view = |(id, open): &(u64, OpenTab)| TabView {
            id: *id,
            name: open.principal.name.to_string(),
            role: open.principal.role.as_str(),
            label: open.label.clone(),
        };
        let mut tabs: Vec<TabView> = self.tabs.values().map(view).collect();
        tabs.sort_by_key(|tab| tab.id);
        Ok(tabs)
    }
}
