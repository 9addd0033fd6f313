//! The requests under `host/`: what holdfast adds to the protocol.

use std::sync::Arc;

use bytes::Bytes;
use codex::message::Request;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{json, value::RawValue};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    Out, Tab,
    attach::{AttachParams, attach},
    calls::{Reply, restarting},
    decisions::{self, DecisionsParams},
    folders::{self, FolderParams},
    policy, trimmed,
};
use crate::{
    admission::{Denied, SignInId, SignInInfo, Via},
    feed::snapshot,
    foreign,
    ids::ThreadId,
    rpc::{INTERNAL, INVALID_PARAMS, Refusal, UNKNOWN_METHOD},
    session::{
        EditPrompt, RemovePrompt, RestartBridge, Submission, SubmitPrompt, summary::Summary,
    },
    status,
};

/// Sessions in one page of the list: by default, and at most.
const SESSIONS_PAGE: (usize, usize) = (100, 500);
/// Hits of one search: by default, and at most.
const HITS: (usize, usize) = (50, 200);
/// Characters of a promptId.
const MAX_PROMPT_ID: usize = 128;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThreadParams {
    thread_id: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ListParams {
    search: Option<String>,
    state: Option<String>,
    cwd: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemsParams {
    thread_id: String,
    #[serde(default)]
    before: Option<u64>,
    #[serde(default)]
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EditParams {
    thread_id: String,
    prompt_id: String,
    input: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RemoveParams {
    thread_id: String,
    prompt_id: String,
}

#[derive(Deserialize)]
struct SearchParams {
    query: String,
    #[serde(default)]
    cwd: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

#[derive(Deserialize)]
struct RevokeParams {
    #[serde(default)]
    id: Option<String>,
    /// All but one's own.
    #[serde(default)]
    others: bool,
}

fn denied(denied: Denied) -> Refusal {
    Refusal::new(INTERNAL, denied.to_string())
}

pub(super) fn read<T: DeserializeOwned>(request: &Request<'_>) -> Result<T, Refusal> {
    serde_json::from_str(request.params.unwrap_or("{}"))
        .map_err(|err| Refusal::new(INVALID_PARAMS, format!("{}: {err}", request.method)))
}

pub(super) fn json_reply(value: &impl serde::Serialize) -> Result<Reply, Refusal> {
    let raw = serde_json::to_vec(value)
        .map_err(|err| Refusal::new(INTERNAL, format!("cannot write the answer: {err}")))?;
    Ok(Reply::Result(raw.into()))
}

impl Tab {
    pub(super) async fn host_request(
        &mut self,
        request: &Request<'_>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        match request.method {
            "host/sessions/list" => self.list_sessions(request, permit),
            "host/session/attach" => self.attach_session(request, permit),
            "host/session/detach" => {
                let params: ThreadParams = read(request)?;
                self.outbox.push(Out::Detach {
                    response: trimmed(codex::outgoing::response_line(&request.id, "{}")),
                    thread: ThreadId::from(params.thread_id.as_str()),
                });
                Ok(())
            }
            "host/session/items" => self.older_items(request, permit),
            "host/prompt/submit" => self.submit_prompt(request, permit).await,
            "host/prompt/update" => self.edit_prompt(request, permit).await,
            "host/prompt/remove" => self.remove_prompt(request, permit).await,
            "host/bridge/restart" => {
                let params: ThreadParams = read(request)?;
                let session = self.session(&params.thread_id).await?;
                let told = session.actor.tell(RestartBridge).send().await;
                self.answer_later(&request.id, permit, async move {
                    told.map_err(|_| restarting())?;
                    Ok(Reply::Result(Bytes::from_static(b"{}")))
                });
                Ok(())
            }
            "host/search" => self.search(request, permit),
            "host/tab/visible" => self.note_visible(request, permit),
            "host/push/state" => self.push_state(request, permit),
            "host/push/subscribe" => self.subscribe_push(request, permit),
            "host/push/unsubscribe" => self.unsubscribe_push(request, permit),
            "host/push/test" => self.test_push(request, permit),
            "host/signIns/list" => {
                let (admission, own) = (self.wiring.refs().admission.clone(), self.own_sign_in());
                self.answer_later(&request.id, permit, async move {
                    let list = admission.sign_ins().await.map_err(denied)?;
                    let entry = |info: &SignInInfo| {
                        let mut entry = info.to_json();
                        entry["current"] = (Some(info.id) == own).into();
                        entry
                    };
                    json_reply(&json!({"data": list.iter().map(entry).collect::<Vec<_>>()}))
                });
                Ok(())
            }
            "host/signIns/revoke" => self.revoke_sign_ins(request, permit),
            "host/decisions/list" => {
                let params: DecisionsParams = read(request)?;
                let journal = self.wiring.journal.clone();
                self.answer_later(&request.id, permit, async move {
                    json_reply(&decisions::list(params, journal).await?)
                });
                Ok(())
            }
            "host/folders/list" => {
                let params: FolderParams = read(request)?;
                let workspaces = self.wiring.codex.workspaces.clone();
                self.answer_later(&request.id, permit, async move {
                    json_reply(&folders::list(params, workspaces).await?)
                });
                Ok(())
            }
            "host/status" => {
                let (wiring, role) = (Arc::clone(&self.wiring), self.open.principal.role);
                self.answer_later(&request.id, permit, async move {
                    Ok(Reply::Result(status::report(&wiring, role).await.into()))
                });
                Ok(())
            }
            other => {
                let shown: String = other.chars().filter(|c| !c.is_control()).take(64).collect();
                Err(Refusal::new(
                    UNKNOWN_METHOD,
                    format!("this host knows no method {shown}"),
                ))
            }
        }
    }

    fn own_sign_in(&self) -> Option<SignInId> {
        match self.open.principal.via {
            Via::SignIn(id) => Some(id),
            Via::Bearer | Via::Open => None,
        }
    }

    fn revoke_sign_ins(
        &self,
        request: &Request<'_>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let params: RevokeParams = read(request)?;
        let id = match (&params.id, params.others) {
            (Some(id), false) => Some(SignInId::parse(id).ok_or_else(|| {
                Refusal::new(
                    INVALID_PARAMS,
                    "id: not one that host/signIns/list has shown",
                )
            })?),
            (None, true) => None,
            _ => {
                return Err(Refusal::new(
                    INVALID_PARAMS,
                    "takes {\"id\":\"...\"} or {\"others\":true}",
                ));
            }
        };
        let (admission, own) = (self.wiring.refs().admission.clone(), self.own_sign_in());
        let by = self.open.principal.name.clone();
        self.answer_later(&request.id, permit, async move {
            let revoked = match id {
                Some(id) => usize::from(admission.revoke(id).await.map_err(denied)?),
                None => admission.revoke_others(own).await.map_err(denied)?,
            };
            tracing::info!(revoked, %by, "sign-ins were ended by a tab");
            json_reply(&json!({"revoked": revoked}))
        });
        Ok(())
    }

    fn list_sessions(
        &self,
        request: &Request<'_>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let params: ListParams = read(request)?;
        self.outbox.list_is_read();
        let from = match &params.cursor {
            Some(cursor) => cursor
                .parse::<usize>()
                .map_err(|_| Refusal::new(INVALID_PARAMS, "cursor: not one that this host gave"))?,
            None => 0,
        };
        foreign::refresh_list(&self.wiring);
        let wiring = Arc::clone(&self.wiring);
        self.answer_later(&request.id, permit, async move {
            let mut summaries: Vec<Summary> =
                wiring.directory.list().iter().map(Summary::of).collect();
            summaries.retain(|summary| matches(summary, &params));
            summaries.sort_by(|a, b| {
                b.updated_at_ms
                    .cmp(&a.updated_at_ms)
                    .then_with(|| b.thread_id.cmp(&a.thread_id))
            });
            let limit = params
                .limit
                .unwrap_or(SESSIONS_PAGE.0)
                .clamp(1, SESSIONS_PAGE.1);
            let next = (from + limit < summaries.len()).then(|| (from + limit).to_string());
            let page: Vec<Summary> = summaries.into_iter().skip(from).take(limit).collect();
            json_reply(&json!({"data": page, "nextCursor": next}))
        });
        Ok(())
    }

    fn attach_session(
        &self,
        request: &Request<'_>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let params: AttachParams = read(request)?;
        let Some(live) = self.wiring.directory.live(&params.thread_id) else {
            return Err(Refusal::no_session(&params.thread_id));
        };
        let wiring = Arc::clone(&self.wiring);
        self.answer_later(&request.id, permit, attach(wiring, live, params));
        Ok(())
    }

    fn older_items(
        &self,
        request: &Request<'_>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let params: ItemsParams = read(request)?;
        let Some(live) = self.wiring.directory.live(&params.thread_id) else {
            return Err(Refusal::no_session(&params.thread_id));
        };
        self.answer_later(&request.id, permit, async move {
            let (head, open) = live.feed.open_items();
            live.feed.flush();
            live.feed.published(head).await;
            let at = params.before.is_none().then_some((head, open));
            let page = snapshot::page(&live.feed, params.before, params.limit, at).await;
            json_reply(
                &page.map_err(|err| {
                    Refusal::new(INTERNAL, format!("cannot read the journal: {err}"))
                })?,
            )
        });
        Ok(())
    }

    async fn submit_prompt(
        &mut self,
        request: &Request<'_>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let submission: Submission = read(request)?;
        if submission.prompt_id.is_empty() || submission.prompt_id.len() > MAX_PROMPT_ID {
            return Err(Refusal::new(
                INVALID_PARAMS,
                format!(
                    "promptId: takes 1 to {MAX_PROMPT_ID} characters, and is new for each prompt"
                ),
            ));
        }
        if !submission.input.get().starts_with('[') {
            return Err(Refusal::new(
                INVALID_PARAMS,
                "input: takes a list such as [{\"type\":\"text\",\"text\":\"...\"}]",
            ));
        }
        if let Some(overrides) = &submission.overrides {
            policy::check(
                &self.wiring.codex,
                self.open.principal.role,
                "turn/start",
                Some(overrides.get()),
            )?;
        }
        let session = self.session(&submission.thread_id).await?;
        let (reply, submitted) = oneshot::channel();
        let message = SubmitPrompt { submission, reply };
        if session.actor.tell(message).send().await.is_err() {
            return Err(restarting());
        }
        self.answer_later(&request.id, permit, async move {
            let submitted = submitted.await.map_err(|_| restarting())??;
            json_reply(&json!({"state": submitted.state, "duplicate": submitted.duplicate}))
        });
        Ok(())
    }

    async fn edit_prompt(
        &mut self,
        request: &Request<'_>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let params: EditParams = read(request)?;
        let session = self.session(&params.thread_id).await?;
        let (reply, edited) = oneshot::channel();
        let edit = EditPrompt {
            prompt_id: params.prompt_id,
            input: params.input,
            reply,
        };
        let told = session.actor.tell(edit).send().await;
        self.answer_later(&request.id, permit, async move {
            told.map_err(|_| restarting())?;
            json_reply(&json!({"state": edited.await.map_err(|_| restarting())??}))
        });
        Ok(())
    }

    async fn remove_prompt(
        &mut self,
        request: &Request<'_>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let params: RemoveParams = read(request)?;
        let session = self.session(&params.thread_id).await?;
        let (reply, removed) = oneshot::channel();
        let remove = RemovePrompt {
            prompt_id: params.prompt_id,
            reply,
        };
        let told = session.actor.tell(remove).send().await;
        self.answer_later(&request.id, permit, async move {
            told.map_err(|_| restarting())?;
            removed.await.map_err(|_| restarting())??;
            Ok(Reply::Result(Bytes::from_static(b"{}")))
        });
        Ok(())
    }

    fn search(&self, request: &Request<'_>, permit: OwnedSemaphorePermit) -> Result<(), Refusal> {
        let params: SearchParams = read(request)?;
        let journal = self.wiring.journal.clone();
        self.answer_later(&request.id, permit, async move {
            let limit = params.limit.unwrap_or(HITS.0).clamp(1, HITS.1);
            let search = tokio::task::spawn_blocking(move || journal.search(&params.query, params.cwd.as_deref(), limit));
            let failed = |err: String| Refusal::new(INTERNAL, format!("cannot search the journal: {err}"));
            let hits = search.await.map_err(|err| failed(err.to_string()))?.map_err(|err| failed(err.to_string()))?;
            let data: Vec<_> = hits
                .iter()
                .map(|hit| json!({"threadId": hit.thread, "turnId": hit.turn, "itemId": hit.item, "seq": hit.seq, "snippet": plain(&hit.snippet), "title": hit.title}))
                .collect();
            json_reply(&json!({"data": data}))
        });
        Ok(())
    }
}

/// A snippet without the journal's marks around the words that were found.
fn plain(snippet: &str) -> String {
    snippet.replace([journal::HIT_START, journal::HIT_END], "")
}

fn matches(summary: &Summary, params: &ListParams) -> bool {
    let found = params.search.as_ref().is_none_or(|wanted| {
        let wanted = wanted.to_lowercase();
        let title = summary.title.as_deref().unwrap_or_default();
        [title, &summary.preview, &summary.cwd]
            .iter()
            .any(|text| text.to_lowercase().contains(&wanted))
    });
    found
        && params
            .state
            .as_ref()
            .is_none_or(|state| state == summary.state)
        && params.cwd.as_ref().is_none_or(|cwd| *cwd == summary.cwd)
}
