//! Encodes what goes to Codex: one message, one line, valid UTF-8.
//!
//! It does not judge what is sent. Raw parts are `&str`, so bytes that are not UTF-8 (on which Codex exits without a
//! word) cannot get here; line breaks between the tokens of a raw part become spaces, so that one message can never
//! become two.

use bytes::Bytes;

use crate::{RequestId, message::write_string};

/// A request that Codex answers under the same id. `params` is raw JSON.
pub fn request_line(id: &RequestId, method: &str, params: Option<&str>) -> Bytes {
    let mut line = Line::new(method.len() + params.map_or(0, str::len) + 64);
    line.raw("{\"method\":")
        .string(method)
        .raw(",\"id\":")
        .id(id);
    if let Some(params) = params {
        line.raw(",\"params\":").raw(params);
    }
    line.end()
}

/// A notification, which is not answered. `params` is raw JSON.
pub fn notification_line(method: &str, params: Option<&str>) -> Bytes {
    let mut line = Line::new(method.len() + params.map_or(0, str::len) + 32);
    line.raw("{\"method\":").string(method);
    if let Some(params) = params {
        line.raw(",\"params\":").raw(params);
    }
    line.end()
}

/// The answer to a request of Codex. `result` is raw JSON.
pub fn response_line(id: &RequestId, result: &str) -> Bytes {
    let mut line = Line::new(result.len() + 64);
    line.raw("{\"id\":").id(id).raw(",\"result\":").raw(result);
    line.end()
}

/// The refusal of a request of Codex. `data` is raw JSON.
pub fn error_line(id: &RequestId, code: i64, message: &str, data: Option<&str>) -> Bytes {
    let mut line = Line::new(message.len() + data.map_or(0, str::len) + 96);
    line.raw("{\"id\":")
        .id(id)
        .raw(",\"error\":{\"code\":")
        .raw(&code.to_string());
    line.raw(",\"message\":").string(message);
    if let Some(data) = data {
        line.raw(",\"data\":").raw(data);
    }
    line.raw("}").end()
}

struct Line(Vec<u8>);

impl Line {
    fn new(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    fn raw(&mut self, json: &str) -> &mut Self {
        let from = self.0.len();
        self.0.extend_from_slice(json.as_bytes());
        // In valid JSON a raw line break can only stand between tokens, where a space means the same.
        let mut at = from;
        while let Some(found) = memchr::memchr2(b'\n', b'\r', &self.0[at..]) {
            at += found;
            self.0[at] = b' ';
        }
        self
    }

    fn string(&mut self, text: &str) -> &mut Self {
        write_string(&mut self.0, text);
        self
    }

    fn id(&mut self, id: &RequestId) -> &mut Self {
        match (id.as_integer(), id.as_text()) {
            (Some(integer), _) => self.raw(&integer.to_string()),
            (None, text) => self.string(text.unwrap_or_default()),
        }
    }

    fn end(&mut self) -> Bytes {
        self.0.extend_from_slice(b"}\n");
        std::mem::take(&mut self.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_one_line_of_json() {
        let id = RequestId::from(3);
        let text = RequestId::text("a\"b");
        for (line, expected) in [
            (
                request_line(&id, "turn/start", Some("{\"threadId\":\"t\"}")),
                "{\"method\":\"turn/start\",\"id\":3,\"params\":{\"threadId\":\"t\"}}\n",
            ),
            (
                request_line(&text, "model/list", None),
                "{\"method\":\"model/list\",\"id\":\"a\\\"b\"}\n",
            ),
            (
                notification_line("initialized", None),
                "{\"method\":\"initialized\"}\n",
            ),
            (
                notification_line("x", Some("[1]")),
                "{\"method\":\"x\",\"params\":[1]}\n",
            ),
            (
                response_line(&id, "{\"decision\":\"accept\"}"),
                "{\"id\":3,\"result\":{\"decision\":\"accept\"}}\n",
            ),
            (
                error_line(&id, -32601, "no\nsuch", Some("{}")),
                "{\"id\":3,\"error\":{\"code\":-32601,\"message\":\"no\\nsuch\",\"data\":{}}}\n",
            ),
            (
                error_line(&id, 1, "é", None),
                "{\"id\":3,\"error\":{\"code\":1,\"message\":\"é\"}}\n",
            ),
        ] {
            assert_eq!(std::str::from_utf8(&line).unwrap(), expected);
            serde_json::from_slice::<serde_json::Value>(&line).unwrap();
        }
    }

    #[test]
    fn a_line_break_in_a_raw_part_never_makes_a_second_message() {
        let line = request_line(
            &1.into(),
            "a",
            Some("{\n  \"x\": 1\r\n}\n{\"method\":\"evil\"}"),
        );
        assert_eq!(
            memchr::memchr_iter(b'\n', &line).collect::<Vec<_>>(),
            [line.len() - 1]
        );
        assert!(!line.contains(&b'\r'));
    }
}
