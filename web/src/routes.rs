//! Every path that is answered, in one place: what it is, what it demands, and who answers it.
//!
//! * `GET /`, assets: the page                     * `GET /login`, `POST /login`, `POST /logout`: signing in and out
//! * `GET /healthz`, `GET /readyz`: one word       * `GET /metrics`: figures, for admitted ones
//! * `GET /ws`, upgrade on `/`: the socket, for admitted ones
//!
//! Not the gate: whether a request may have its route is decided there, before anything here answers.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    handler::Handler as _,
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse as _, Response},
};

use crate::{
    Shared, assets,
    error::Refusal,
    gate::Passed,
    metrics, sign_in,
    socket::{Host, asks_for_socket, upgrade},
};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `GET /`.
    Page,
    /// A file of the page.
    Asset,
    /// `GET /login`: whether a sign-in is needed.
    SignInState,
    /// `POST /login`.
    SignIn,
    /// `POST /logout`.
    SignOut,
    /// `GET /healthz`.
    Health,
    /// `GET /readyz`.
    Ready,
    /// `GET /metrics`.
    Metrics,
    /// `GET /ws`, or an upgrade on `/`, which the official TUI uses.
    Socket,
    /// A path that is ours, with a method that is not.
    WrongMethod,
    /// A path in a writing that none of ours has: escapes, dots, doubled slashes.
    Odd,
    /// Anything else. Whether it exists is said to admitted ones only.
    Unknown,
}

/// What a route asks of those who come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Nothing: it is for everybody who reaches the host. A closed list.
    Nothing,
    /// An allowed identity, if identities are checked; the credential is what it is about.
    Identity,
    /// A credential, and an allowed identity.
    Credential,
}

impl Route {
    /// The route of a request.
    pub(crate) fn of(method: &Method, path: &str, headers: &HeaderMap) -> Self {
        let is_get = method == Method::GET;
        let reads = is_get || method == Method::HEAD;
        match path {
            "/" if is_get && asks_for_socket(headers) => Self::Socket,
            "/" if reads => Self::Page,
            "/ws" if is_get => Self::Socket,
            "/login" if reads => Self::SignInState,
            "/login" if method == Method::POST => Self::SignIn,
            "/logout" if method == Method::POST => Self::SignOut,
            "/healthz" if reads => Self::Health,
            "/readyz" if reads => Self::Ready,
            "/metrics" if reads => Self::Metrics,
            "/" | "/ws" | "/login" | "/logout" | "/healthz" | "/readyz" | "/metrics" => {
                Self::WrongMethod
            }
            _ if is_odd(path) => Self::Odd,
            _ if assets::has(path) => {
                if reads {
                    Self::Asset
                } else {
                    Self::WrongMethod
                }
            }
            _ if reads || method == Method::POST => Self::Unknown,
            _ => Self::WrongMethod,
        }
    }

    /// What it asks of those who come; `Err` if nobody gets it.
    pub(crate) fn demand(self) -> Result<Demand, Refusal> {
        match self {
            Self::Page
            | Self::Asset
            | Self::SignInState
            | Self::SignOut
            | Self::Health
            | Self::Ready => Ok(Demand::Nothing),
            Self::SignIn => Ok(Demand::Identity),
            Self::Socket | Self::Metrics | Self::Unknown => Ok(Demand::Credential),
            Self::WrongMethod => Err(Refusal::Method),
            Self::Odd => Err(Refusal::NotFound),
        }
    }

    /// Whether it changes something, so that a browser has to show that one of our pages wants it.
    pub(crate) fn changes_something(self) -> bool {
        matches!(self, Self::SignIn | Self::SignOut)
    }

    /// Whether it says the same to everybody, so that it does not matter which page asks.
    pub(crate) fn is_for_everybody(self) -> bool {
        matches!(self, Self::Page | Self::Asset | Self::Health | Self::Ready)
    }
}

fn is_odd(path: &str) -> bool {
    path.contains(['%', '\\', ';']) || path.contains("//") || path.contains("/.")
}

/// Hands a request that has passed the gate to whoever answers it.
pub(crate) async fn answer<H: Host>(
    route: Route,
    request: Request,
    shared: Arc<Shared<H>>,
) -> Response {
    match route {
        Route::Page => assets::page.call(request, shared).await,
        Route::Asset => assets::file.call(request, shared).await,
        Route::SignInState => sign_in::state::<H>.call(request, shared).await,
        Route::SignIn => sign_in::sign_in::<H>.call(request, shared).await,
        Route::SignOut => sign_in::sign_out::<H>.call(request, shared).await,
        Route::Health => health.call(request, shared).await,
        Route::Ready => ready::<H>.call(request, shared).await,
        Route::Metrics => metrics::text::<H>.call(request, shared).await,
        Route::Socket => upgrade::<H>.call(request, shared).await,
        Route::WrongMethod => Refusal::Method.into_response(),
        Route::Odd | Route::Unknown => Refusal::NotFound.into_response(),
    }
}

/// Says that the process answers, and nothing else: anybody may ask.
async fn health(_: Passed) -> &'static str {
    "ok"
}

/// Says in one word whether tabs can work.
async fn ready<H: Host>(_: Passed, State(shared): State<Arc<Shared<H>>>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.body_mut() = match shared.host.readiness() {
        Ok(()) => Body::from("ready"),
        Err(reason) => {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            Body::from(reason)
        }
    };
    response
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};

    use super::*;

    const METHODS: [Method; 8] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
    ];

    fn route(method: &Method, path: &str, upgrades: bool) -> Route {
        let mut headers = HeaderMap::new();
        if upgrades {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        Route::of(method, path, &headers)
    }

    #[test]
    fn what_is_open_to_everybody_is_a_closed_list() {
        let paths = [
            "/",
            "/ws",
            "/login",
            "/logout",
            "/healthz",
            "/readyz",
            "/metrics",
            "/api/sessions",
            "/index.html",
            "/ws/",
            "/login/",
            "/Login",
        ];
        let mut open = Vec::new();
        for path in paths {
            for method in &METHODS {
                for upgrades in [false, true] {
                    if matches!(
                        route(method, path, upgrades).demand(),
                        Ok(Demand::Nothing | Demand::Identity)
                    ) {
                        open.push(format!(
                            "{method} {path}{}",
                            if upgrades { " upgrade" } else { "" }
                        ));
                    }
                }
            }
        }
        assert_eq!(
            open,
            [
                "GET /",
                "HEAD /",
                "HEAD / upgrade",
                "GET /login",
                "GET /login upgrade",
                "HEAD /login",
                "HEAD /login upgrade",
                "POST /login",
                "POST /login upgrade",
                "POST /logout",
                "POST /logout upgrade",
                "GET /healthz",
                "GET /healthz upgrade",
                "HEAD /healthz",
                "HEAD /healthz upgrade",
                "GET /readyz",
                "GET /readyz upgrade",
                "HEAD /readyz",
                "HEAD /readyz upgrade",
            ]
        );
    }

    #[test]
    fn paths_in_odd_writings_are_nothing() {
        for path in [
            "/..%2f..%2fetc/passwd",
            "/%2e%2e/",
            "//etc/passwd",
            "/..\\..\\x",
            "/%00",
            "/%c0%af",
            "/./",
            "/../x",
            "/a;b",
        ] {
            assert_eq!(route(&Method::GET, path, false), Route::Odd, "{path}");
        }
    }
}
