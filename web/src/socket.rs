//! From an upgraded connection to a tab and back: the border between `web` and `actors`. Understands no message but the proof.
//!
//! What the host has to offer for it is [`Host`], so that tests can stand in for the tree of actors.

mod handshake;
mod incoming;
mod outgoing;
mod proof;
mod pump;
mod tree;

use std::sync::Arc;

use actors::{
    TabRefused,
    admission::{Admission, device_label},
    tab::{Frame, Framing, Gone, OpenTab},
};
use axum::{
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tracing::{Instrument as _, field};

use crate::{
    Shared,
    connection::Link,
    error::Refusal,
    gate::{Admitted, Claim},
    sign_in::user_agent,
};

pub(crate) use handshake::asks_for_socket;

use handshake::Handshake;
use incoming::Incoming;
use outgoing::Outgoing;

/// The subprotocol in which a text frame may hold several messages, one a line.
const LINES: &str = "holdfast.v1";

/// What `web` needs of the tree of actors.
pub trait Host: Clone + Send + Sync + 'static {
    /// Takes what a tab sends.
    type Inbound: Inbound;
    /// Gives what a tab gets.
    type Outbound: Outbound;

    /// Who may come.
    fn admission(&self) -> Admission;

    /// Whether tabs can work; else why not, in one word that anybody may read.
    fn readiness(&self) -> Result<(), &'static str>;

    /// Opens a tab for somebody who was admitted.
    fn open_tab(
        &self,
        open: OpenTab,
    ) -> impl Future<Output = Result<(Self::Inbound, Self::Outbound), TabRefused>> + Send;
}

/// Takes what a tab sends.
pub trait Inbound: Send + Sync + 'static {
    /// Hands over the text of one frame. Waits while the tab has too much to do, which slows its client down.
    fn receive(&self, text: Bytes) -> impl Future<Output = Result<(), Gone>> + Send;
}

/// Gives what a tab gets.
pub trait Outbound: Send + 'static {
    /// Appends the next batch, once there is one. Nothing is lost when the future is dropped before.
    fn next(&mut self, out: &mut Vec<Frame>) -> impl Future<Output = Result<(), Gone>> + Send;
}

/// How a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The peer has closed it, or cannot be reached any more.
    Peer,
    /// We close it, with this code and reason.
    Close(u16, &'static str),
}

impl End {
    const DRAINING: Self = Self::Close(1001, "the host is stopping");
    const NOT_A_FRAME: Self = Self::Close(1002, "this is not the WebSocket protocol");
    const BINARY: Self = Self::Close(1003, "send text frames");
    const NOT_UTF8: Self = Self::Close(1007, "a text is not UTF-8");
    const TOO_LARGE: Self = Self::Close(1009, "a message is too large");
    const BROKEN: Self = Self::Close(1011, "the host lost this tab, connect again");
    const REVOKED: Self = Self::Close(4401, "signed out, expired or revoked");
    const SILENT: Self = Self::Close(4408, "nothing was sent or proven in time");
    const TOO_MANY: Self = Self::Close(4429, "too many tabs are open");
}

type ReadHalf = Incoming<tokio::io::ReadHalf<TokioIo<Upgraded>>>;
type WriteHalf = Outgoing<tokio::io::WriteHalf<TokioIo<Upgraded>>>;

/// An open socket.
struct Socket {
    incoming: ReadHalf,
    outgoing: WriteHalf,
}

impl Socket {
    /// Takes over a connection; messages have at most `most` bytes.
    async fn new(io: Upgraded, most: usize) -> Self {
        let (read, write) = tokio::io::split(TokioIo::new(io));
        let (incoming, replies) = Incoming::new(read, most).await;
        Self {
            incoming,
            outgoing: Outgoing::new(write, replies),
        }
    }
}

/// `GET /ws`, or an upgrade on `/`. Nobody comes here but through the gate.
pub(crate) async fn upgrade<H: Host>(
    admitted: Admitted,
    State(shared): State<Arc<Shared<H>>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (mut parts, _) = request.into_parts();
    let handshake = Handshake::of(&mut parts, LINES)?;
    let link: Arc<Link> = parts.extensions.remove().ok_or(Refusal::UpgradeNeeded)?;
    let framing = if handshake.has_protocol() {
        Framing::Lines
    } else {
        Framing::Messages
    };
    let label = device_label(&user_agent(&parts.headers));
    let span = tracing::info_span!("ws", conn = link.seat.number(), who = field::Empty);
    let (response, on_upgrade) = handshake.accept();
    let cut = link.seat.cut().clone();
    let tasks = link.tasks.clone();
    let serve = async move {
        match on_upgrade.await {
            Ok(io) => serve(io, admitted.into_claim(), framing, label, shared, link).await,
            Err(err) => tracing::debug!(%err, "a connection ended before it became a socket"),
        }
    };
    let until_cut = async move {
        if cut.run_until_cancelled_owned(serve).await.is_none() {
            tracing::debug!("a socket was cut to make room");
        }
    };
    tasks.spawn(until_cut.instrument(span));
    Ok(response)
}

/// One socket from its opening to its end.
async fn serve<H: Host>(
    io: Upgraded,
    claim: Claim,
    framing: Framing,
    label: String,
    shared: Arc<Shared<H>>,
    link: Arc<Link>,
) {
    let limits = shared.limits;
    let mut socket = Socket::new(io, limits.frame_bytes).await;
    let (principal, early) = match claim {
        Claim::Whole(principal) => (principal, None),
        Claim::Half(cookie) => {
            let admission = shared.host.admission();
            let patience = limits.first_frame_timeout;
            match proof::prove(&mut socket, &admission, &cookie, &link, patience).await {
                Ok(proven) => (proven.principal, Some(proven.early)),
                Err(end) => return pump::close(&mut socket, end).await,
            }
        }
    };
    if !link.seat.keep() {
        return;
    }
    tracing::Span::current().record("who", field::display(&principal.name));
    tracing::info!(role = principal.role.as_str(), via = ?principal.via, "a tab is connected");
    let revoked = principal.revoked.clone();
    let end = match shared
        .host
        .open_tab(OpenTab {
            principal,
            framing,
            label,
        })
        .await
    {
        Ok((inbound, outbound)) => {
            let pump = pump::Pump {
                limits,
                link,
                revoked,
                early,
            };
            return pump.run(socket, inbound, outbound).await;
        }
        Err(TabRefused::Full(_)) => End::TOO_MANY,
        Err(TabRefused::Draining) => End::DRAINING,
    };
    pump::close(&mut socket, end).await;
}
