//! The metrics as a text: at `/metrics` for whoever is admitted with a whole credential, and on a port of their own if the
//! settings want one. What stands in them is the host's business.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, header},
    response::{IntoResponse as _, Response},
};
use config::{Bound, Limits, TrustedProxy};

use crate::{
    Shared,
    connection::{Answer, Link},
    error::Refusal,
    gate::{Admitted, Claim, Gate},
    headers,
    socket::Host,
};

/// Connections of the port of their own: some scrapers, and a person who looks.
pub(crate) const CONNECTIONS: usize = 16;

/// `GET /metrics`. The cookie half of a sign-in is not enough: any port of this machine could have it.
pub(crate) async fn text<H: Host>(
    admitted: Admitted,
    State(shared): State<Arc<Shared<H>>>,
) -> Result<Response, Refusal> {
    match admitted.into_claim() {
        Claim::Whole(_) => Ok(answer(&shared.host).await),
        Claim::Half(_) => Err(Refusal::NotSignedIn),
    }
}

async fn answer<H: Host>(host: &H) -> Response {
    let mut response = Response::new(Body::from(host.metrics().await));
    let kind = HeaderValue::from_static(actors::metrics::CONTENT_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// The port of their own, for this machine alone and without a credential: nothing but the text is there.
pub(crate) struct Port<H> {
    host: H,
    gate: Arc<Gate>,
}

impl<H: Host> Port<H> {
    /// The port at `bound`, which answers to no other name.
    pub(crate) fn new(host: H, admission: &config::Admission, bound: &Bound) -> Self {
        let mut own = admission.clone();
        own.allowed_hosts.clear();
        own.allowed_origins.clear();
        own.trusted_proxy = TrustedProxy::None;
        let gate = Arc::new(Gate::new(&own, bound, host.admission()));
        Self { host, gate }
    }

    fn judge(&self, request: &Request, link: &Link) -> Result<(), Refusal> {
        self.gate.find_place(request, link)?;
        // A page has no business here, of whatever origin.
        if request.headers().contains_key(header::ORIGIN) {
            return Err(Refusal::Forbidden(
                "this is for programs of this machine, not for pages",
            ));
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/metrics") => Ok(()),
            (_, "/metrics") => Err(Refusal::Method),
            _ => Err(Refusal::NotFound),
        }
    }
}

impl<H: Clone> Clone for Port<H> {
    fn clone(&self) -> Self {
        Self {
            host: self.host.clone(),
            gate: self.gate.clone(),
        }
    }
}

impl<H: Host> Answer for Port<H> {
    async fn answer(&self, request: Request, link: Arc<Link>) -> Response {
        let mut response = match self.judge(&request, &link) {
            Ok(()) => answer(&self.host).await,
            Err(refusal) => refusal.into_response(),
        };
        headers::secure(response.headers_mut(), false);
        response
    }

    fn has_no_seat(&self) {}
}

/// The limits of the port of their own.
pub(crate) fn limits(of_host: &Limits) -> Limits {
    Limits {
        connections: CONNECTIONS,
        unauthenticated_connections: CONNECTIONS,
        ..*of_host
    }
}
