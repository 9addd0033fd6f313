//! From an upgraded connection to a tab and back: the border between `web` and `actors`. Understands no message but the proof.
//!
//! What the host has to offer for it is [`Host`], so that tests can stand in for the tree of actors.

mod handshake;
mod incoming;
mod outgoing;
mod proof;
mod pump;
mod tree;
mod woken;

use std::{pin::pin, sync::Arc};

use actors::{
    TabRefused,
    admission::{Admission, Principal, device_label},
    tab::{Frame, Framing, Gone, OpenTab},
};
use axum::{
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
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
use pump::Pump;
use woken::Woken;

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

    /// All metrics, in the form of [`actors::metrics::CONTENT_TYPE`].
    fn metrics(&self) -> impl Future<Output = String> + Send;

    /// Counts somebody who was refused; `reason` is one of a closed set of words.
    fn note_refused(&self, reason: &'static str);

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

    /// What the last `next` gave has been written, as so many bytes.
    fn written(&mut self, bytes: u64);
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
    let tasks = link.tasks.clone();
    let opening = Opening {
        claim: admitted.into_claim(),
        framing,
        label,
        shared,
        link,
    };
    tasks.spawn(opening.until_cut(on_upgrade).instrument(span));
    Ok(response)
}

/// What is known when a socket opens. Futures on the way from here borrow: a future that is handed on by value is stored
/// once at each station, and a host has many idle sockets.
struct Opening<H> {
    claim: Claim,
    framing: Framing,
    label: String,
    shared: Arc<Shared<H>>,
    link: Arc<Link>,
}

impl<H: Host> Opening<H> {
    /// Serves the socket until it ends, or its connection has to go at once.
    async fn until_cut(self, on_upgrade: OnUpgrade) {
        let cut = pin!(self.link.seat.cut().cancelled());
        tokio::select! {
            () = self.serve(on_upgrade) => {}
            () = Woken::new(cut) => tracing::debug!("a socket was cut to make room"),
        }
    }

    /// One socket from its opening to its end.
    async fn serve(&self, on_upgrade: OnUpgrade) {
        let io = match on_upgrade.await {
            Ok(io) => io,
            Err(err) => {
                return tracing::debug!(%err, "a connection ended before it became a socket");
            }
        };
        let limits = &self.shared.limits;
        let mut socket = Socket::new(io, limits.frame_bytes).await;
        let end = match self.principal(&mut socket).await {
            Ok((principal, early)) => self.serve_tab(&mut socket, principal, early).await,
            Err(end) => {
                if end == End::REVOKED || end == End::SILENT {
                    self.shared.host.note_refused("not-proven");
                }
                end
            }
        };
        pump::close(&mut socket, end).await;
    }

    /// Who it is, proven, and what came behind the proof in its frame.
    async fn principal(&self, socket: &mut Socket) -> Result<(Principal, Option<Bytes>), End> {
        match &self.claim {
            Claim::Whole(principal) => Ok((principal.clone(), None)),
            Claim::Half(cookie) => {
                let admission = self.shared.host.admission();
                let patience = self.shared.limits.first_frame_timeout;
                // Boxed: it is large, and over when the tab begins.
                let proof = Box::pin(proof::prove(
                    socket, &admission, cookie, &self.link, patience,
                ));
                let proven = proof.await?;
                Ok((proven.principal, Some(proven.early)))
            }
        }
    }

    /// Opens a tab and moves text between it and the socket.
    async fn serve_tab(
        &self,
        socket: &mut Socket,
        principal: Principal,
        early: Option<Bytes>,
    ) -> End {
        if !self.link.seat.keep() {
            return End::Peer;
        }
        tracing::Span::current().record("who", field::display(&principal.name));
        tracing::info!(role = principal.role.as_str(), via = ?principal.via, "a tab is connected");
        let revoked = principal.revoked.clone();
        let open = OpenTab {
            principal,
            framing: self.framing,
            label: self.label.clone(),
        };
        let (inbound, mut outbound) = match self.shared.host.open_tab(open).await {
            Ok(ends) => ends,
            Err(TabRefused::Full(_)) => {
                self.shared.host.note_refused("tabs-full");
                return End::TOO_MANY;
            }
            Err(TabRefused::Draining) => return End::DRAINING,
        };
        let pump = Pump {
            limits: &self.shared.limits,
            link: &self.link,
        };
        let is_revoked = pin!(revoked.cancelled());
        let end = tokio::select! {
            biased;
            () = Woken::new(is_revoked) => End::REVOKED,
            end = pump.run(socket, &inbound, &mut outbound, early) => end,
        };
        tracing::info!(?end, "a tab is disconnected");
        end
    }
}
