//! The envelopes of the protocol: requests, answers, refusals and notifications, and a way to write small objects. What is
//! inside them is in [`super::shapes`].

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

/// An object with exactly these fields in this order, which `json!` would sort by name.
macro_rules! object {
    ($($field:ident: $value:expr),* $(,)?) => {{
        #[derive(serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Object<$($field),*> { $($field: $field),* }
        Object { $($field: $value),* }
    }};
}
pub(super) use object;

/// What comes from the client: a request, a notification or an answer.
#[derive(Debug, Deserialize)]
pub(super) struct Received<'a> {
    #[serde(default)]
    pub(super) id: Option<Value>,
    #[serde(default)]
    pub(super) method: Option<String>,
    #[serde(default)]
    pub(super) params: Option<Value>,
    #[serde(default, borrow)]
    pub(super) result: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Serialize)]
pub(super) struct Answer<'a, T> {
    pub(super) id: &'a Value,
    pub(super) result: &'a T,
}

#[derive(Serialize)]
pub(super) struct Refused<'a> {
    pub(super) error: &'a Refusal,
    pub(super) id: &'a Value,
}

/// Why a request is refused.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Refusal {
    pub(super) code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<Value>,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            data: None,
            message: message.into(),
        }
    }

    /// The code that the real one uses for nearly everything.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(-32600, message)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notification<'a, P> {
    pub(super) method: &'a str,
    pub(super) params: &'a P,
    pub(super) emitted_at_ms: u64,
}

#[derive(Serialize)]
pub(super) struct ServerRequest<'a, P> {
    pub(super) method: &'a str,
    pub(super) id: i64,
    pub(super) params: &'a P,
}
