//! Signing a browser in and out over HTTP. Who may is decided by admission; the proof of the second half happens on the socket.

use std::{sync::Arc, time::Duration};

use actors::admission::device_label;
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use crate::{
    Shared, cookie,
    error::{Refusal, json},
    gate::Passed,
    socket::Host,
};

/// What the page sends. Fields that we do not know change nothing.
#[derive(Deserialize)]
struct Ask {
    token: String,
}

/// `GET /login`: whether a sign-in is needed, and whether the browser's cookie is still one.
pub(crate) async fn state<H: Host>(
    passed: Passed,
    State(shared): State<Arc<Shared<H>>>,
) -> Result<Response, Refusal> {
    let admission = shared.host.admission();
    let is_known = match &passed.cookie {
        Some(cookie) if admission.is_required() => {
            admission.signed_in(cookie.reveal()).await.is_ok()
        }
        _ => false,
    };
    Ok(json(
        &json!({ "required": admission.is_required(), "signedIn": is_known }),
    ))
}

/// `POST /login`: a token for two halves.
pub(crate) async fn sign_in<H: Host>(
    passed: Passed,
    State(shared): State<Arc<Shared<H>>>,
    request: Request,
) -> Result<Response, Refusal> {
    let admission = shared.host.admission();
    if !admission.is_required() {
        return Err(Refusal::Malformed("this host asks for no sign-in"));
    }
    check_json(request.headers())?;
    let device = user_agent(request.headers());
    let body = read(
        request.into_body(),
        shared.limits.login_body_bytes,
        shared.limits.body_timeout,
    )
    .await?;
    let ask: Ask = serde_json::from_slice(&body)
        .map_err(|_| Refusal::Malformed("send a JSON object with a token"))?;
    let signed_in = admission.sign_in(&ask.token, &device).await?;
    tracing::info!(role = signed_in.role.as_str(), device = %device_label(&device), "a browser signed in");
    if let Some(old) = &passed.cookie {
        // A new sign-in is always new; the one that it replaces ends. It may be none of ours, which is no matter.
        let _ = admission.sign_out(old.reveal()).await;
    }
    let mut response = json(&json!({
        "proof": signed_in.proof.reveal(),
        "role": signed_in.role.as_str(),
        "expiresInMs": signed_in.expires_in.as_millis() as u64,
    }));
    let cookie = cookie::set(
        &passed.place,
        &signed_in.cookie.reveal(),
        signed_in.expires_in,
    );
    set_cookie(&mut response, &cookie);
    Ok(response)
}

/// `POST /logout`: ends the sign-in of the cookie; its sockets close.
pub(crate) async fn sign_out<H: Host>(
    passed: Passed,
    State(shared): State<Arc<Shared<H>>>,
) -> Response {
    let result = match &passed.cookie {
        Some(cookie) => shared
            .host
            .admission()
            .sign_out(cookie.reveal())
            .await
            .map_err(Refusal::from),
        None => Err(Refusal::NotSignedIn),
    };
    let mut response = match result {
        Ok(sign_in) => {
            tracing::info!(%sign_in, "a browser signed out");
            json(&json!({}))
        }
        Err(refusal) => refusal.into_response(),
    };
    set_cookie(&mut response, &cookie::clear(&passed.place));
    response
}

/// What the client calls itself, for labels. May hold anything; admission cuts and escapes it.
pub(crate) fn user_agent(headers: &HeaderMap) -> String {
    let value = headers
        .get(header::USER_AGENT)
        .map_or(&b""[..], HeaderValue::as_bytes);
    String::from_utf8_lossy(value).into_owned()
}

/// A form of another site can send text, but not JSON without asking first; and nobody is told yes.
fn check_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Refusal::NotJson)
    }
}

async fn read(body: Body, most: usize, patience: Duration) -> Result<Bytes, Refusal> {
    match timeout(patience, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(err)) if err.is::<LengthLimitError>() => Err(Refusal::TooLarge),
        Ok(Err(_)) => Err(Refusal::Malformed("the body ended early")),
        Err(_) => Err(Refusal::TooSlow),
    }
}

fn set_cookie(response: &mut Response, cookie: &str) {
    let value =
        HeaderValue::from_str(cookie).expect("a cookie is made of base64url and our own words");
    response.headers_mut().append(header::SET_COOKIE, value);
}
