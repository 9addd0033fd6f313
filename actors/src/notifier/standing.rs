//! What of a session is worth telling, as it stands now. Only a look; what is news is the ledger's business.

use crate::{
    directory::Live,
    feed::{TurnEnd, Waits},
    supervisor::{BridgeStatus, Cause},
};

/// How a session stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The oldest request that waits for a person, by its host-unique id.
    pub asks: Option<String>,
    /// How the last turn ended that ran under this host.
    pub end: Option<TurnEnd>,
    /// What is wrong, named so that the same trouble has the same name and another has another.
    pub trouble: Option<String>,
    /// A turn runs, or a prompt waits for its turn.
    pub works: bool,
}

impl Standing {
    pub(crate) fn of(live: &Live) -> Self {
        let feed = &live.feed;
        let requests = feed.requests();
        let asks = requests.iter().find(|request| request.is_interactive());
        let turn = feed.view().turn;
        let stalls = feed.is_stalled() && feed.waits() != Some(Waits::Person);
        let stalled = turn.as_ref().filter(|_| stalls);
        let broken = live
            .bridge
            .as_ref()
            .and_then(|bridge| broken(&bridge.status().borrow(), feed.row().generation));
        Self {
            asks: asks.map(|request| request.id.clone()),
            end: feed.last_end(),
            trouble: broken.or_else(|| stalled.map(|turn| format!("stalled/{}", turn.id))),
            works: turn.is_some() || feed.waiting() > 0,
        }
    }
}

/// A bridge that waits for a person to restart it. One that the last host left so was told by that host.
fn broken(status: &BridgeStatus, generation: u64) -> Option<String> {
    match status {
        BridgeStatus::Failed(Cause::Recorded(_))
        | BridgeStatus::Quarantined(Cause::Recorded(_)) => None,
        BridgeStatus::Failed(_) | BridgeStatus::Quarantined(_) => {
            Some(format!("{}/{generation}", status.word()))
        }
        _ => None,
    }
}
