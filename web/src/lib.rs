//! axum: admission, the socket, HTTP routes, embedded UI.
//!
//! A connection comes in through [`Listener`] and `connection`, on hyper itself, so that every limit is ours. Its one request
//! meets the `gate` before anything else, also when it wants to become a WebSocket. What has passed is answered by `routes`:
//! the embedded page, signing in and out, two health words, and the socket, which is handed to a tab of the tree of actors.
//!
//! This crate understands HTTP and WebSocket frames. It does not understand the messages in them, keeps no session and asks
//! for no role: tabs do.

mod assets;
mod connection;
mod cookie;
mod error;
mod gate;
mod headers;
mod listener;
mod metrics;
mod routes;
mod sign_in;
mod socket;

use std::{io, sync::Arc};

use axum::{
    extract::Request,
    response::{IntoResponse as _, Response},
};
use config::Limits;
use tokio_util::sync::CancellationToken;

pub use listener::Listener;
pub use socket::{Host, Inbound, Outbound};

use connection::{Answer, Link};
use error::Reason;
use gate::{Gate, Passed};
use routes::Route;

/// What is served, and to whom.
#[derive(Debug)]
pub struct App<H> {
    /// The tree of actors.
    pub host: H,
    /// Who may come.
    pub admission: config::Admission,
    /// How much of everything.
    pub limits: Limits,
    /// Where the metrics have a port of their own, if they have one.
    pub metrics: Option<Listener>,
}

/// What every request sees.
struct Shared<H> {
    host: H,
    gate: Gate,
    limits: Limits,
}

/// Serves until `shutdown`, then waits for the open connections, for at most `limits.shutdown_timeout`. Fails only if the
/// listener cannot say where it listens.
pub async fn serve<H: Host>(
    listener: Listener,
    app: App<H>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let gate = Gate::new(&app.admission, &listener.bound()?, app.host.admission());
    let stopped = CancellationToken::new();
    let own_port = match app.metrics {
        None => None,
        Some(own) => {
            let port = metrics::Port::new(app.host.clone(), &app.admission, &own.bound()?);
            let limits = metrics::limits(&app.limits);
            Some(connection::accept(
                own,
                limits,
                port,
                stopped.clone().cancelled_owned(),
            ))
        }
    };
    let shared = Arc::new(Shared {
        host: app.host,
        gate,
        limits: app.limits,
    });
    let shutdown = async {
        shutdown.await;
        stopped.cancel();
    };
    let serve = connection::accept(listener, app.limits, Service(shared), shutdown);
    tokio::join!(serve, futures_util::future::OptionFuture::from(own_port));
    Ok(())
}

/// Answers requests: gate, route, headers.
struct Service<H>(Arc<Shared<H>>);

impl<H> Clone for Service<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H: Host> Answer for Service<H> {
    async fn answer(&self, mut request: Request, link: Arc<Link>) -> Response {
        let shared = &self.0;
        let mut is_https = false;
        let route = Route::of(request.method(), request.uri().path(), request.headers());
        let mut response = match shared.gate.pass(&mut request, route, &link).await {
            Ok(()) => {
                is_https = request
                    .extensions()
                    .get::<Passed>()
                    .is_some_and(|passed| passed.place.is_https);
                request.extensions_mut().insert(link);
                routes::answer(route, request, shared.clone()).await
            }
            Err(refusal) => refusal.into_response(),
        };
        if let Some(Reason(reason)) = response.extensions().get() {
            shared.host.note_refused(reason);
        }
        headers::secure(response.headers_mut(), is_https);
        response
    }

    fn has_no_seat(&self) {
        self.0.host.note_refused("connections-full");
    }
}
