//! The tree of actors as the [`Host`](super::Host) that sockets are served from. Words of the other side, nothing more.

use actors::{
    admission::Admission,
    host::{self, Readiness},
    tab::{self, Frame, TabInbound, TabOutbound},
};
use bytes::Bytes;

use super::{Gone, Host, Inbound, OpenTab, Outbound, TabRefused};

impl Host for host::Host {
    type Inbound = TabInbound;
    type Outbound = TabOutbound;

    fn admission(&self) -> Admission {
        host::Host::admission(self).clone()
    }

    fn readiness(&self) -> Result<(), &'static str> {
        match self.ready() {
            Readiness::Ready => Ok(()),
            Readiness::JournalStalled => Err("journal-stalled"),
            Readiness::Draining => Err("draining"),
        }
    }

    async fn open_tab(&self, open: OpenTab) -> Result<(TabInbound, TabOutbound), TabRefused> {
        let open = tab::OpenTab {
            principal: open.principal,
            framing: open.framing,
            label: open.label,
        };
        host::Host::open_tab(self, open)
            .await
            .map_err(|refused| match refused {
                actors::TabRefused::Full(_) => TabRefused::TooMany,
                actors::TabRefused::Draining => TabRefused::Draining,
            })
    }
}

impl Inbound for TabInbound {
    async fn receive(&self, text: Bytes) -> Result<(), Gone> {
        TabInbound::receive(self, text).await.map_err(|_| Gone)
    }
}

impl Outbound for TabOutbound {
    async fn next(&mut self, out: &mut Vec<Frame>) -> Result<(), Gone> {
        TabOutbound::next(self, out).await.map_err(|_| Gone)
    }
}
