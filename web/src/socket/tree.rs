//! The tree of actors as the [`Host`](super::Host) that sockets are served from. Words of the other side, nothing more.

use actors::{
    TabRefused,
    admission::Admission,
    host::{self, Readiness},
    tab::{Frame, Gone, OpenTab, TabInbound, TabOutbound},
};
use bytes::Bytes;

use super::{Host, Inbound, Outbound};

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

    async fn metrics(&self) -> String {
        host::Host::metrics(self).await
    }

    fn note_refused(&self, reason: &'static str) {
        host::Host::note_refused(self, reason);
    }

    async fn open_tab(&self, open: OpenTab) -> Result<(TabInbound, TabOutbound), TabRefused> {
        host::Host::open_tab(self, open).await
    }
}

impl Inbound for TabInbound {
    async fn receive(&self, text: Bytes) -> Result<(), Gone> {
        TabInbound::receive(self, text).await
    }
}

impl Outbound for TabOutbound {
    async fn next(&mut self, out: &mut Vec<Frame>) -> Result<(), Gone> {
        TabOutbound::next(self, out).await
    }

    fn written(&mut self, bytes: u64) {
        TabOutbound::written(self, bytes);
    }
}
