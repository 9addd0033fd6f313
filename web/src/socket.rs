//! From an upgraded connection to a tab and back: the border between `web` and `actors`. Understands no message but the proof.
//!
//! What the host has to offer for it is [`Host`], so that tests can stand in for the tree of actors.

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
    extract::{
        Extension, State,
        ws::{WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, HeaderValue},
    response::Response,
};
use bytes::Bytes;
use tracing::{Instrument as _, field};

use crate::{
    Shared,
    connection::Link,
    error::Refusal,
    gate::{Admitted, Claim},
    sign_in::user_agent,
};

/// The subprotocol in which a text frame may hold several messages, one a line.
const LINES: &str = "holdfast.v1";
/// What is read from a socket at once. Every open socket holds one such buffer, and what tabs send is small.
const READ_BUFFER: usize = 8 * 1024;
/// What is gathered before it is written: one batch of a tab, more or less.
const WRITE_BUFFER: usize = 128 * 1024;
/// The largest write that may wait. The largest single message is a snapshot of a session with long outputs; a tab that does
/// not take it is closed, and nothing waits for it.
const MOST_UNWRITTEN: usize = 128 * 1024 * 1024;

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
    const BINARY: Self = Self::Close(1003, "send text frames");
    const BROKEN: Self = Self::Close(1011, "the host lost this tab, connect again");
    const REVOKED: Self = Self::Close(4401, "signed out, expired or revoked");
    const SILENT: Self = Self::Close(4408, "nothing was sent or proven in time");
    const TOO_MANY: Self = Self::Close(4429, "too many tabs are open");
}

/// `GET /ws`, or an upgrade on `/`. Nobody comes here but through the gate.
pub(crate) async fn upgrade<H: Host>(
    admitted: Admitted,
    State(shared): State<Arc<Shared<H>>>,
    Extension(link): Extension<Arc<Link>>,
    headers: HeaderMap,
    ws: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let ws = ws.map_err(|_| Refusal::UpgradeNeeded)?;
    let most = shared.limits.frame_bytes;
    let ws = ws
        .protocols([LINES])
        .max_message_size(most)
        .max_frame_size(most)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MOST_UNWRITTEN);
    let framing = match ws.selected_protocol().map(HeaderValue::as_bytes) {
        Some(_) => Framing::Lines,
        None => Framing::Messages,
    };
    let label = device_label(&user_agent(&headers));
    let span = tracing::info_span!("ws", conn = link.seat.number(), who = field::Empty);
    Ok(ws.on_upgrade(move |socket| {
        let cut = link.seat.cut().clone();
        let serve =
            async move { serve(socket, admitted.into_claim(), framing, label, shared, link).await };
        async move {
            if cut.run_until_cancelled_owned(serve).await.is_none() {
                tracing::debug!("a socket was cut to make room");
            }
        }
        .instrument(span)
    }))
}

/// One socket from its opening to its end.
async fn serve<H: Host>(
    mut socket: WebSocket,
    claim: Claim,
    framing: Framing,
    label: String,
    shared: Arc<Shared<H>>,
    link: Arc<Link>,
) {
    let limits = shared.limits;
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
