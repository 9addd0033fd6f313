//! What one message of Codex means for the state that the host keeps of a session.
//!
//! Most messages mean nothing here and pass as they are.

use std::borrow::Cow;

use codex::{item::TextField, message::Notification};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The part of a message that the fold needs. Everything borrowed from the line.
#[derive(Debug)]
pub(crate) enum Change<'a> {
    /// Nothing that the host keeps.
    Nothing,
    /// `turn/started`.
    TurnStarted {
        turn: Cow<'a, str>,
        root: Option<Cow<'a, str>>,
    },
    /// `turn/completed`; `raw` is its turn object.
    TurnCompleted { turn: Cow<'a, str>, raw: &'a str },
    /// `item/started`.
    ItemStarted { turn: &'a str, raw: &'a str },
    /// `item/completed`.
    ItemCompleted { turn: &'a str, raw: &'a str },
    /// Text for an open item.
    Delta {
        turn: &'a str,
        item: &'a str,
        field: (TextField, &'static str),
        text: &'a str,
    },
    /// `thread/name/updated`.
    Named { title: Option<String> },
    /// `error` of a turn that goes on: Codex asks its model again.
    Retrying { message: String },
    /// `thread/settings/updated` and its like: Codex now runs the thread this way.
    Settings { model: Option<String> },
}

#[derive(Deserialize)]
struct TurnParams<'a> {
    #[serde(borrow)]
    turn: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TurnHead<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    root_turn_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct ItemParams<'a> {
    #[serde(borrow)]
    item: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NameParams {
    #[serde(default, alias = "name")]
    thread_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorParams {
    error: ErrorMessage,
    #[serde(default)]
    will_retry: bool,
}

#[derive(Deserialize)]
struct ErrorMessage {
    message: String,
}

#[derive(Deserialize)]
struct SettingsParams {
    #[serde(default)]
    model: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct IndexParams {
    summary_index: Option<usize>,
    content_index: Option<usize>,
}

/// Where the text of a delta notification belongs; `None` for all other notifications. Parses nothing but the index of
/// a reasoning part.
pub(crate) fn text_field(method: &str, params: Option<&str>) -> Option<(TextField, &'static str)> {
    let (field, kind) = TextField::of_delta(method, 0)?;
    if matches!(field, TextField::Summary(_) | TextField::Content(_)) {
        let index: IndexParams = params
            .and_then(|raw| serde_json::from_str(raw).ok())
            .unwrap_or_default();
        let index = index.summary_index.or(index.content_index).unwrap_or(0);
        return TextField::of_delta(method, index);
    }
    Some((field, kind))
}

impl<'a> Change<'a> {
    /// Reads a notification that is not a delta; a malformed one changes nothing.
    pub(crate) fn of(notification: &Notification<'a>) -> Self {
        Self::read(notification).unwrap_or(Self::Nothing)
    }

    fn read(notification: &Notification<'a>) -> Option<Self> {
        let params = notification.params?;
        Some(match notification.method {
            "turn/started" => {
                let turn: TurnParams<'a> = serde_json::from_str(params).ok()?;
                let head: TurnHead<'a> = serde_json::from_str(turn.turn.get()).ok()?;
                Self::TurnStarted {
                    turn: head.id,
                    root: head.root_turn_id,
                }
            }
            "turn/completed" => {
                let turn: TurnParams<'a> = serde_json::from_str(params).ok()?;
                let head: TurnHead<'a> = serde_json::from_str(turn.turn.get()).ok()?;
                Self::TurnCompleted {
                    turn: head.id,
                    raw: turn.turn.get(),
                }
            }
            "item/started" => Self::ItemStarted {
                turn: notification.route.turn_id?,
                raw: serde_json::from_str::<ItemParams<'a>>(params)
                    .ok()?
                    .item
                    .get(),
            },
            "item/completed" => Self::ItemCompleted {
                turn: notification.route.turn_id?,
                raw: serde_json::from_str::<ItemParams<'a>>(params)
                    .ok()?
                    .item
                    .get(),
            },
            "thread/name/updated" => Self::Named {
                title: serde_json::from_str::<NameParams>(params).ok()?.thread_name,
            },
            "error" => {
                let params: ErrorParams = serde_json::from_str(params).ok()?;
                if !params.will_retry {
                    return None;
                }
                Self::Retrying {
                    message: params.error.message,
                }
            }
            "thread/settings/updated" => Self::Settings {
                model: serde_json::from_str::<SettingsParams>(params).ok()?.model,
            },
            _ => return None,
        })
    }
}
