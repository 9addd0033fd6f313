//! The one gate that every request passes before it is routed, also an upgrade. It answers two questions, in this order:
//! does the request come from where it may come from, and who is it.
//!
//! The gate is a type, not a convention: a handler behind it takes [`Admitted`], which nothing outside this module can make,
//! and `routes` registers no other. What is open to everybody is the closed list of [`Route`].
//!
//! Nothing that a page of somebody else could choose grants anything here: not the peer's address, not the Host header, not
//! what the client says of itself. The gate decides no roles; those come with the credential.

mod identity;
mod origin;
mod place;
mod query;

use actors::admission::{Admission, Principal};
use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, Version, header, request::Parts},
};
use config::{Bound, TrustedProxy};

use crate::{
    connection::Link,
    cookie::{self, CookieHalf},
    error::Refusal,
    routes::{Demand, Route},
};

use identity::Identity;
use place::FunnelAlarm;

pub(crate) use place::Place;

/// Who may come, as the configuration says it.
pub(crate) struct Gate {
    hosts: Vec<String>,
    origins: Vec<String>,
    proxy: TrustedProxy,
    is_unix: bool,
    identity: Identity,
    admission: Admission,
    funnel_alarm: FunnelAlarm,
}

/// What the gate knows of a request that it let pass.
#[derive(Clone, Debug)]
pub(crate) struct Passed {
    /// Under which name the host was called.
    pub(crate) place: Place,
    /// The cookie half of a sign-in, unjudged.
    pub(crate) cookie: Option<CookieHalf>,
}

/// Somebody who passed the gate with a credential. Made by the gate alone.
#[derive(Clone, Debug)]
pub(crate) struct Admitted(Claim);

/// With what.
#[derive(Clone, Debug)]
pub(crate) enum Claim {
    /// With a whole credential.
    Whole(Principal),
    /// With the cookie half of a sign-in: it opens a socket, on which the other half has to be proven first.
    Half(CookieHalf),
}

impl Admitted {
    /// Gives up the proof for what it proves.
    pub(crate) fn into_claim(self) -> Claim {
        self.0
    }
}

impl Gate {
    /// The gate of a host that listens at `bound`.
    pub(crate) fn new(config: &config::Admission, bound: &Bound, admission: Admission) -> Self {
        Self {
            hosts: config.hosts(bound),
            origins: config.origins(bound),
            proxy: config.trusted_proxy,
            is_unix: *bound == Bound::Unix,
            identity: Identity::new(&config.tailscale),
            admission,
            funnel_alarm: FunnelAlarm::default(),
        }
    }

    /// Judges a request. After that its handler finds [`Passed`] and, if it needs a credential, [`Admitted`] in it. The
    /// order matters: what costs least and protects most comes first, and a credential is looked at only if everything
    /// else is right.
    pub(crate) async fn pass(
        &self,
        request: &mut Request,
        route: Route,
        link: &Link,
    ) -> Result<(), Refusal> {
        let place = self.find_place(request, link)?;
        let cookie = cookie::find(&place, request.headers())?;
        let shown = Shown::in_headers(request.headers())?;
        let has_cookie_only = cookie.is_some() && shown == Shown::Nothing;
        self.check_origin(route, request.headers(), has_cookie_only)?;
        let passed = Passed { place, cookie };
        match route.demand()? {
            Demand::Nothing => {}
            Demand::Identity => self.identity.check(&passed.place).await?,
            Demand::Credential => {
                let claim = self.claim(shown, &passed).await?;
                self.identity.check(&passed.place).await?;
                request.extensions_mut().insert(Admitted(claim));
            }
        }
        request.extensions_mut().insert(passed);
        Ok(())
    }

    /// Under which name the host is called, of a request that is sound and comes from where it may come from.
    pub(crate) fn find_place(&self, request: &Request, link: &Link) -> Result<Place, Refusal> {
        check_framing(request, link)?;
        let host = self.host(request.uri(), request.headers())?;
        query::check(request.uri())?;
        self.check_funnel(request.headers())?;
        self.place(host, request.headers(), link.is_local)
    }

    /// Who it is. A wrong credential and none are told the same.
    async fn claim(&self, shown: Shown<'_>, passed: &Passed) -> Result<Claim, Refusal> {
        if !self.admission.is_required() {
            return Ok(Claim::Whole(self.admission.open()?));
        }
        match (shown, &passed.cookie) {
            (Shown::Bearer(_), Some(_)) => Err(Refusal::Malformed("send one credential, not two")),
            (Shown::Bearer(token), None) => Ok(Claim::Whole(self.admission.bearer(token).await?)),
            (Shown::Nothing, Some(cookie)) => {
                self.admission.signed_in(cookie.reveal()).await?;
                Ok(Claim::Half(cookie.clone()))
            }
            (Shown::Nothing, None) | (Shown::Other, _) => Err(Refusal::NotSignedIn),
        }
    }
}

/// Refuses what two HTTP parties could read in two ways. hyper has already refused what it can not read at all.
fn check_framing(request: &Request, link: &Link) -> Result<(), Refusal> {
    let headers = request.headers();
    if link.meter.is_malformed() {
        return Err(Refusal::Malformed(
            "end the lines of the request with CR LF",
        ));
    }
    if !matches!(request.version(), Version::HTTP_10 | Version::HTTP_11) {
        return Err(Refusal::Malformed("speak HTTP/1.1"));
    }
    // Our bodies are small and whole; hyper would let this header win over a Content-Length without telling us.
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(Refusal::Malformed(
            "send a Content-Length, not a Transfer-Encoding",
        ));
    }
    Ok(())
}

/// What the Authorization header shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown<'a> {
    /// There is none.
    Nothing,
    /// A token, right or wrong.
    Bearer(&'a str),
    /// Something that is no guess at a token of ours, and is not counted as one.
    Other,
}

impl<'a> Shown<'a> {
    fn in_headers(headers: &'a HeaderMap) -> Result<Self, Refusal> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), another) = (values.next(), values.next()) else {
            return Ok(Self::Nothing);
        };
        if another.is_some() {
            return Err(Refusal::Malformed(
                "send one Authorization header, not several",
            ));
        }
        let parts = value.to_str().ok().and_then(|value| value.split_once(' '));
        Ok(match parts {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                Self::Bearer(token.trim())
            }
            _ => Self::Other,
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Passed {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.get().cloned().ok_or(Refusal::NotFound)
    }
}

impl<S: Sync> FromRequestParts<S> for Admitted {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.remove().ok_or(Refusal::NotSignedIn)
    }
}
