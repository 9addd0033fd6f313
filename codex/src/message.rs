//! One message from Codex, read in one pass and borrowed from its line.
//!
//! Only what a host routes by is read: method, id, thread, turn, item, and where the delta stands. The rest stays raw
//! JSON, so that methods and fields of a newer Codex pass through untouched. It does not judge or answer messages.

mod approval;
mod item;
mod json;
mod route;
mod text;
mod thread;
mod turn;

use crate::RequestId;

pub use approval::{ApprovalKind, CommandApproval, FileChangeApproval, UserInputRequest};
pub use item::{Item, ItemNotification};
pub use json::{Literal, MAX_DEPTH, Malformed, string_literals, validate};
pub use route::{Delta, Encoding, Route};
pub use text::{string_value, write_string};
pub use thread::{
    Thread, ThreadOpened, ThreadStarted, ThreadStatus, ThreadStatusChanged, TurnStarted, TurnsPage,
};
pub use turn::{ErrorNotification, Turn, TurnError, TurnNotification, TurnStatus};

use json::Scanner;

/// A message from Codex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// Something happened; nobody answers.
    Notification(Notification<'a>),
    /// Codex asks, and its turn may wait until it is answered.
    Request(Request<'a>),
    /// The answer to a request of ours.
    Response(Response<'a>),
}

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification<'a> {
    /// The method, such as `item/agentMessage/delta`.
    pub method: &'a str,
    /// Raw JSON.
    pub params: Option<&'a str>,
    /// Where it belongs.
    pub route: Route<'a>,
}

/// Codex asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// The id to answer under; unique in this Codex process only.
    pub id: RequestId,
    /// The method, such as `item/commandExecution/requestApproval`.
    pub method: &'a str,
    /// Raw JSON.
    pub params: Option<&'a str>,
    /// Where it belongs.
    pub route: Route<'a>,
}

/// The answer to a request of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response<'a> {
    /// The id of our request.
    pub id: RequestId,
    /// The result, or the error object, both raw JSON.
    pub result: Result<&'a str, &'a str>,
}

impl<'a> Incoming<'a> {
    /// Reads one line without its line break. Nothing is allocated, but for a string id.
    ///
    /// A line is accepted if and only if `serde_json` would accept it (only the size of numbers is not judged), and it
    /// is a request, a response or a notification. Of a field that stands twice, the last counts.
    ///
    /// # Errors
    /// [`Malformed`] says what is wrong and where, never what the line holds.
    pub fn parse(line: &'a [u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(line).map_err(|e| Malformed::Utf8 {
            at: e.valid_up_to(),
        })?;
        let mut envelope = Envelope::default();
        let mut scanner = Scanner::new(text);
        scanner.object(1, |scanner, key| envelope.field(scanner, key))?;
        scanner.end()?;
        envelope.into_message()
    }
}

/// The top level of a message, while it is read.
#[derive(Default)]
struct Envelope<'a> {
    id: Option<&'a str>,
    method: Option<&'a str>,
    params: Option<&'a str>,
    result: Option<&'a str>,
    error: Option<&'a str>,
    route: Route<'a>,
}

impl<'a> Envelope<'a> {
    fn field(&mut self, scanner: &mut Scanner<'a>, key: &str) -> Result<(), Malformed> {
        match key {
            "method" => self.method = scanner.text_or_skip(1)?,
            "id" => self.id = Some(scanner.raw_value(1)?),
            "params" => {
                self.route = Route::default();
                self.params = Some(self.route.read(scanner)?);
            }
            "result" => self.result = Some(scanner.raw_value(1)?),
            "error" => self.error = Some(scanner.raw_value(1)?),
            _ => scanner.skip_value(1)?,
        }
        Ok(())
    }

    fn into_message(self) -> Result<Incoming<'a>, Malformed> {
        let Self {
            id,
            method,
            params,
            result,
            error,
            route,
        } = self;
        let id = match id {
            None | Some("null") => None,
            Some(raw) => Some(RequestId::from_json(raw).ok_or(Malformed::Id)?),
        };
        match (method, id, error.filter(|raw| *raw != "null"), result) {
            (Some(method), None, ..) => Ok(Incoming::Notification(Notification {
                method,
                params,
                route,
            })),
            (Some(method), Some(id), ..) => Ok(Incoming::Request(Request {
                id,
                method,
                params,
                route,
            })),
            (None, Some(id), Some(error), _) => Ok(Incoming::Response(Response {
                id,
                result: Err(error),
            })),
            (None, Some(id), None, Some(result)) => Ok(Incoming::Response(Response {
                id,
                result: Ok(result),
            })),
            (None, ..) => Err(Malformed::Shape),
        }
    }
}
