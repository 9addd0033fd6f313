//! The accept loop and one task a connection, on hyper itself: `axum::serve` has no time limit for a request's head, no
//! limit of connections and no size of a head. Decides nothing about requests; that is the gate's work.
//!
//! One request a connection. The page needs five of them, so nothing is lost; and then there is no second request whose
//! beginning two parties could see in different places, and no idle connection to keep.

mod seats;
mod wire;

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header::CONNECTION},
    response::Response,
};
use config::Limits;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{sleep, timeout};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use crate::listener::{Bytestream, Listener};

pub(crate) use seats::{Capacity, Seat, Seats};
pub(crate) use wire::{Meter, Wire};

/// How long accepting rests when the system has no more file descriptors.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);
/// What hyper reads ahead of one request, beyond its head; its own least size.
const READ_AHEAD: usize = 8 * 1024;

/// One connection, as those see it who serve its request or its socket.
#[derive(Debug)]
pub(crate) struct Link {
    /// Held as long as anybody serves the connection.
    pub(crate) seat: Seat,
    /// Its bytes.
    pub(crate) meter: Meter,
    /// Whether the peer is on this machine. Grants nothing.
    pub(crate) is_local: bool,
    /// Cancelled when the host stops: sockets say goodbye.
    pub(crate) closing: CancellationToken,
    /// Where a socket's task is spawned.
    pub(crate) tasks: TaskTracker,
    /// The host waits for everybody who holds this.
    _task: TaskTrackerToken,
}

/// Answers one request of a connection.
pub(crate) trait Answer: Clone + Send + Sync + 'static {
    /// Never fails: a refusal is an answer too.
    fn answer(&self, request: Request, link: Arc<Link>) -> impl Future<Output = Response> + Send;

    /// A connection is closed at once, since all seats belong to admitted tabs.
    fn has_no_seat(&self);
}

/// Accepts until `shutdown`, then lets the open connections end, for at most `limits.shutdown_timeout`.
pub(crate) async fn accept<A: Answer>(
    listener: Listener,
    limits: Limits,
    answer: A,
    shutdown: impl Future<Output = ()>,
) {
    let tasks = TaskTracker::new();
    let (closing, cut) = (CancellationToken::new(), CancellationToken::new());
    let capacity = Capacity {
        connections: limits.connections,
        unadmitted: limits.unauthenticated_connections,
    };
    let seats = Seats::new(capacity, cut.clone());
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            // All seats belong to admitted tabs. Dropping closes it.
            Ok(accepted) => match seats.take() {
                Some(seat) => {
                    let link = Link {
                        seat,
                        meter: Meter::default(),
                        is_local: accepted.is_local,
                        closing: closing.clone(),
                        tasks: tasks.clone(),
                        _task: tasks.token(),
                    };
                    tasks.spawn(serve(
                        accepted.stream,
                        Arc::new(link),
                        limits,
                        answer.clone(),
                    ));
                }
                None => {
                    tracing::debug!("no seat is free, the connection is closed");
                    answer.has_no_seat();
                }
            },
            Err(err) => recover(&err).await,
        }
    }
    drop(listener);
    closing.cancel();
    tasks.close();
    if timeout(limits.shutdown_timeout, tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            connections = tasks.len(),
            "connections did not end in time and are cut"
        );
        cut.cancel();
        tasks.wait().await;
    }
}

/// A peer that is gone again is no trouble; a lack of descriptors passes when others leave.
async fn recover(err: &io::Error) {
    let gone = [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionRefused,
    ];
    if gone.contains(&err.kind()) {
        return;
    }
    tracing::warn!(%err, "a connection could not be accepted");
    sleep(OUT_OF_DESCRIPTORS).await;
}

/// Ends the connection with this answer, unless it becomes a socket: hyper's own switch for that would put `close` beside
/// the `upgrade` of a 101, and strict clients, Codex's terminal UI among them, take that for no upgrade at all.
fn last_of_its_connection(mut answer: Response) -> Response {
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(CONNECTION, close);
    }
    answer
}

/// Serves one connection until its request is answered, and its socket, if it became one.
async fn serve<A: Answer>(stream: Box<dyn Bytestream>, link: Arc<Link>, limits: Limits, answer: A) {
    let wire = Wire::new(stream, link.clone());
    let service = service_fn(|request: hyper::Request<Incoming>| {
        link.meter.note_request();
        let answered = answer.answer(request.map(Body::new), link.clone());
        async { Ok::<_, Infallible>(last_of_its_connection(answered.await)) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(limits.head_lines)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes + READ_AHEAD)
        .serve_connection(TokioIo::new(wire), service)
        .with_upgrades();
    tokio::pin!(connection);
    // Head, body, and an answer that is read: together no longer than this. A socket leaves this future when it opens.
    let patience = limits.header_timeout + limits.body_timeout + limits.send_stall_timeout;
    let expired = sleep(patience);
    tokio::pin!(expired);
    let mut is_closing = false;
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(err) = result {
                    tracing::debug!(%err, "a connection ended early");
                }
                return;
            }
            () = &mut expired => return tracing::debug!("a connection took too long"),
            () = link.seat.cut().cancelled() => return tracing::debug!("a connection was cut to make room"),
            () = link.closing.cancelled(), if !is_closing => {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
