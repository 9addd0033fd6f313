//! What each request on the control socket does. Nobody comes here who was not let in by `peer`.

use std::{sync::Arc, time::Duration};

use actors::{
    admission::{Denied, SignInId},
    host::Host,
};
use config::Role;
use serde::Serialize;
use serde_json::{Value, json};

use super::{ChannelTested, Greeting, Invitation, NotifyTested, Request, Revoked};
use crate::reload::Reloader;

/// What the requests work on.
#[derive(Debug)]
pub struct Desk {
    /// The running host.
    pub host: Host,
    /// Reads the credentials again.
    pub reloader: Arc<Reloader>,
    /// Where pages may come from, the best one for a link first; never empty.
    pub origins: Vec<String>,
    /// How long a pairing link works.
    pub pairing_lifetime: Duration,
}

impl Desk {
    /// Does what is asked; the error is for a person.
    pub(super) async fn answer(&self, request: Request) -> Result<Value, String> {
        match request {
            Request::Hello {} => written(&Greeting {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                pid: std::process::id(),
            }),
            Request::Pair { role, origin } => self.pair(role, origin).await,
            Request::Reload {} => self.reloader.reload().await.map(|done| done.to_json()),
            Request::NotifyTest {} => {
                let outcomes = self.host.test_notifications().await;
                let tested = outcomes.into_iter().map(|outcome| ChannelTested {
                    channel: outcome.channel.to_owned(),
                    reached: *outcome.result.as_ref().unwrap_or(&0),
                    error: outcome.result.err(),
                });
                written(&NotifyTested {
                    data: tested.collect(),
                })
            }
            Request::SignIns {} => {
                let list = self.host.admission().sign_ins().await.map_err(denied)?;
                let data: Vec<Value> = list.iter().map(|info| info.to_json()).collect();
                Ok(json!({ "data": data }))
            }
            Request::Revoke { id } => self.revoke(id).await,
        }
    }

    async fn pair(&self, role: Option<String>, origin: Option<String>) -> Result<Value, String> {
        let admission = self.host.admission();
        if !admission.is_required() {
            return Err(
                "this host asks nobody to sign in (websocket_auth_required = false)".to_owned(),
            );
        }
        let role = match role.as_deref() {
            None => Role::Operate,
            Some(word) => {
                Role::parse(word).ok_or("the role is none of view, approve, operate".to_owned())?
            }
        };
        let origin = match &origin {
            None => self.origins.first().ok_or("no origin is allowed")?,
            Some(wanted) => self
                .origins
                .iter()
                .find(|known| known.eq_ignore_ascii_case(wanted))
                .ok_or_else(|| {
                    let known = self.origins.join(", ");
                    format!("this origin is not in allowed_origins; there are: {known}")
                })?,
        };
        let code = admission
            .invite(role, self.pairing_lifetime)
            .await
            .map_err(denied)?
            .ok_or_else(|| {
                let role = role.as_str();
                format!("no token of this host has the role {role}; add one to the configuration")
            })?;
        tracing::info!(role = role.as_str(), %origin, "a pairing link was made");
        written(&Invitation {
            link: format!("{origin}/#pair={}", code.reveal()),
            role: role.as_str().to_owned(),
            expires_in_ms: u64::try_from(self.pairing_lifetime.as_millis()).unwrap_or(u64::MAX),
        })
    }

    async fn revoke(&self, id: Option<String>) -> Result<Value, String> {
        let admission = self.host.admission();
        let revoked = match id {
            None => admission.revoke_others(None).await.map_err(denied)?,
            Some(id) => {
                let id = SignInId::parse(&id)
                    .ok_or("this is no id of a sign-in; `holdfast sign-ins` lists them")?;
                usize::from(admission.revoke(id).await.map_err(denied)?)
            }
        };
        tracing::info!(revoked, "sign-ins were ended from the command line");
        written(&Revoked { revoked })
    }
}

fn denied(denied: Denied) -> String {
    denied.to_string()
}

fn written(result: &impl Serialize) -> Result<Value, String> {
    serde_json::to_value(result).map_err(|error| format!("cannot write the answer: {error}"))
}
