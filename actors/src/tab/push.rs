//! What a tab says of what it shows, and Web Push for its browser.

use std::sync::Arc;

use codex::message::Request;
use notify::Subscriptions;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    Tab,
    host_methods::{json_reply, read},
};
use crate::{
    admission::Via,
    ids::ThreadId,
    notifier::{Shown, test_notice},
    rpc::{FORBIDDEN, INVALID_PARAMS, Refusal, UNAVAILABLE},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VisibleParams {
    visible: bool,
    #[serde(default)]
    thread_id: Option<String>,
}

#[derive(Deserialize)]
struct SubscribeParams {
    endpoint: String,
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    p256dh: String,
    auth: String,
}

#[derive(Deserialize)]
struct EndpointParams {
    endpoint: String,
}

impl Tab {
    /// Somebody looks at this session, at the list, or at nothing.
    pub(super) fn note_visible(
        &self,
        request: &Request<'_>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let params: VisibleParams = read(request)?;
        let shown = match params.thread_id {
            _ if !params.visible => None,
            None => Some(Shown::List),
            // Only what exists takes memory.
            Some(thread) if self.wiring.directory.row(&thread).is_some() => {
                Some(Shown::Session(ThreadId::from(thread.as_str())))
            }
            Some(thread) => return Err(Refusal::no_session(&thread)),
        };
        self.wiring.sight.set(self.id, shown);
        self.answer_later(&request.id, permit, async move { json_reply(&json!({})) });
        Ok(())
    }

    pub(super) fn push_state(
        &self,
        request: &Request<'_>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let subscriptions = self.wiring.channels.subscriptions();
        let key = subscriptions.map(|all| all.key().public());
        let state = json!({"enabled": key.is_some(), "key": key});
        self.answer_later(&request.id, permit, async move { json_reply(&state) });
        Ok(())
    }

    pub(super) fn subscribe_push(
        &self,
        request: &Request<'_>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let params: SubscribeParams = read(request)?;
        let (owner, subscriptions) = self.push_owner()?;
        let Keys { p256dh, auth } = &params.keys;
        subscriptions
            .add(&owner, &params.endpoint, p256dh, auth)
            .map_err(|invalid| Refusal::new(INVALID_PARAMS, invalid.to_string()))?;
        // It may have ended while this request was on its way.
        if self.open.principal.revoked.is_cancelled() {
            subscriptions.remove(&owner, &params.endpoint);
        }
        tracing::info!(tab = self.id, "a browser asked for web push");
        self.answer_later(&request.id, permit, async move { json_reply(&json!({})) });
        Ok(())
    }

    pub(super) fn unsubscribe_push(
        &self,
        request: &Request<'_>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let params: EndpointParams = read(request)?;
        let (owner, subscriptions) = self.push_owner()?;
        subscriptions.remove(&owner, &params.endpoint);
        self.answer_later(&request.id, permit, async move { json_reply(&json!({})) });
        Ok(())
    }

    pub(super) fn test_push(
        &self,
        request: &Request<'_>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let params: EndpointParams = read(request)?;
        let (owner, subscriptions) = self.push_owner()?;
        let Some(to) = subscriptions.find(&owner, &params.endpoint) else {
            return Err(Refusal::new(
                INVALID_PARAMS,
                "endpoint: this browser has not asked for web push",
            ));
        };
        let wiring = Arc::clone(&self.wiring);
        self.answer_later(&request.id, permit, async move {
            let told = wiring.channels.push_to(&to, &test_notice(&wiring)).await;
            told.map_err(|why| Refusal::new(UNAVAILABLE, format!("push to this browser: {why}")))?;
            json_reply(&json!({}))
        });
        Ok(())
    }

    /// Whose the subscriptions of this tab's browser are, and where they are kept.
    fn push_owner(&self) -> Result<(String, Arc<Subscriptions>), Refusal> {
        let owner = match self.open.principal.via {
            Via::SignIn(id) => id.to_string(),
            // A host that asks for no sign-in.
            Via::Open => String::new(),
            Via::Bearer => {
                return Err(Refusal::new(
                    FORBIDDEN,
                    "web push belongs to a browser that signed in; a program may listen on its socket",
                ));
            }
        };
        let subscriptions = self.wiring.channels.subscriptions().ok_or_else(|| {
            Refusal::new(
                FORBIDDEN,
                "web push is switched off on this host (notify.web_push.enabled)",
            )
        })?;
        Ok((owner, Arc::clone(subscriptions)))
    }
}
