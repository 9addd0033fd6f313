//! Bringing Codex up: the handshake, and the session's thread in the fresh process.
//!
//! A plain async function; what its result means is the supervisor's business.

use std::sync::Arc;

use bytes::Bytes;
use codex::{
    handshake::{self, ServerInfo},
    version::{Verdict, Version},
};

use super::{Cause, Purpose};
use crate::{
    bridge::{Answer, BridgeLink, CallError},
    feed::Feed,
    host::Wiring,
    rpc::error_message,
    session::settings::{SessionSettings, note_opened},
};

/// A call of the host itself that gave no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallFailed {
    /// Codex answered with an error.
    #[error("{0}")]
    Refused(String),
    /// It could not be asked, or ended before it answered.
    #[error(transparent)]
    NoAnswer(#[from] CallError),
    /// It did not answer in time.
    #[error("codex did not answer {method} within {limit:?}")]
    Late {
        method: &'static str,
        limit: std::time::Duration,
    },
}

/// Asks Codex and waits at most `start_timeout`.
pub(super) async fn ask(
    wiring: &Wiring,
    link: &BridgeLink,
    method: &'static str,
    params: &str,
) -> Result<Bytes, CallFailed> {
    let limit = wiring.codex.start_timeout;
    let answer = link.call(method, Some(params), None)?;
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(Answer {
            result: Ok(result), ..
        })) => Ok(result),
        Ok(Ok(Answer {
            result: Err(error), ..
        })) => Err(CallFailed::Refused(error_message(&error))),
        Ok(Err(_)) => Err(CallError::Down.into()),
        Err(_) => Err(CallFailed::Late { method, limit }),
    }
}

/// Handshake, version, account, and the session's thread; `Ok` when Codex is usable. When it is `forced` by a person, an
/// account that seems to be missing does not stop it.
pub(super) async fn bring_up(
    wiring: &Wiring,
    link: &Arc<BridgeLink>,
    purpose: &Purpose,
    forced: bool,
) -> Result<(), Cause> {
    greet(wiring, link).await?;
    // The service reads, and answers questions about the account: it works without one.
    if !forced && !matches!(purpose, Purpose::Service) {
        check_account(wiring, link).await?;
    }
    match purpose.feed() {
        Some(feed) => open_thread(wiring, link, feed).await,
        None => Ok(()),
    }
}

async fn greet(wiring: &Wiring, link: &BridgeLink) -> Result<(), Cause> {
    let failed = |err: CallFailed| Cause::StartFailed(err.to_string());
    let params = handshake::initialize_params(wiring.version);
    let result = ask(wiring, link, "initialize", &params).await;
    let result = result.map_err(|err| match link.malformed() {
        lines @ 1.. if !matches!(err, CallFailed::NoAnswer(_)) => Cause::Protocol(format!(
            "{err}, but wrote {lines} lines that are no messages"
        )),
        _ => failed(err),
    })?;
    let text = String::from_utf8_lossy(&result);
    let info = ServerInfo::parse(&text).map_err(|err| {
        Cause::Protocol(format!("it answered initialize with something else: {err}"))
    })?;
    if let Ok(version) = Version::of_user_agent(&info.user_agent)
        && let Verdict::TooOld { .. } = version.verdict()
    {
        return Err(Cause::WrongVersion(version.verdict().to_string()));
    }
    wiring.directory.met(info);
    link.notify("initialized", None)
        .map_err(|err| failed(err.into()))
}

/// Without an account that its provider wants, each turn would wait for its model for ever.
async fn check_account(wiring: &Wiring, link: &BridgeLink) -> Result<(), Cause> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Account {
        account: Option<serde::de::IgnoredAny>,
        requires_openai_auth: bool,
    }
    match ask(wiring, link, "account/read", "{}").await {
        Ok(result) => match serde_json::from_slice::<Account>(&result) {
            Ok(Account {
                account: None,
                requires_openai_auth: true,
            }) => Err(Cause::NotSignedIn),
            _ => Ok(()),
        },
        // A Codex that does not tell: its turns will.
        Err(CallFailed::Refused(_)) => Ok(()),
        Err(err) => Err(Cause::StartFailed(err.to_string())),
    }
}

/// Resumes the thread as its settings were: Codex itself would silently drop workspace-write to read-only. A thread that
/// never had a turn is not on Codex's disk; it is begun anew and goes on under the session's id.
async fn open_thread(
    wiring: &Wiring,
    link: &Arc<BridgeLink>,
    feed: &Arc<Feed>,
) -> Result<(), Cause> {
    let row = feed.row();
    let mut settings = SessionSettings::of(&row).under(&wiring.codex);
    if row.resumable {
        if let Some(thread) = &settings.codex_thread {
            link.set_alias(&row.thread, thread);
        }
        let params = settings.resume_params(&row.thread);
        match ask(wiring, link, "thread/resume", &params).await {
            Ok(result) => {
                note_opened(feed, &result);
                return Ok(());
            }
            Err(CallFailed::Refused(message)) if message.contains("active writer") => {
                return Err(Cause::Held);
            }
            Err(err) => return Err(Cause::StartFailed(format!("resume {}: {err}", row.thread))),
        }
    }
    let failed = |err: CallFailed| Cause::StartFailed(format!("begin {} anew: {err}", row.thread));
    // The ingest gives the first thread that it meets the session's name, before anything of it is routed.
    link.expect_alias_for(&row.thread);
    ask(wiring, link, "thread/start", &settings.start_params())
        .await
        .map_err(failed)?;
    settings.codex_thread = link.alias();
    feed.update(|row| row.extra = settings.to_extra());
    Ok(())
}
