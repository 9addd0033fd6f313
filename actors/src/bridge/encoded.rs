//! Output in base64 (`command/exec`, `process/spawn`, `fs/readFile`): decoded, redacted, and encoded again.
//!
//! Bytes that are no text pass unchanged and in their place: a picture is the same picture afterwards. Not for text
//! deltas, which have items and turns.

use std::{borrow::Cow, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use redaction::{Redactor, Stream};

/// Outputs of one process that are redacted at once; the oldest is ended at the bound.
const MAX_STREAMS: usize = 512;
/// Stands for byte 0 in text; the byte's value is added. A private range that no output has by accident.
const BYTE_ZERO: u32 = 0x10_FE00;

/// The outputs that stream now.
#[derive(Default)]
pub(super) struct EncodedStreams(Vec<EncodedStream>);

/// Both ends of a line around a delta's literal.
type Frame = (String, String);

/// One output of one process.
struct EncodedStream {
    process: String,
    stream: String,
    redactor: Stream,
    /// The beginning of a character whose rest is still to come.
    cut: Vec<u8>,
    /// The line around the newest delta, for output that leaves later than its chunk.
    frame: Frame,
}

/// What of `params` says whose output it is.
#[derive(serde::Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Handle {
    process_id: Option<String>,
    process_handle: Option<String>,
    stream: String,
    cap_reached: bool,
}

impl Handle {
    fn of(params: &str) -> Handle {
        serde_json::from_str(params).unwrap_or_default()
    }

    fn process(&mut self) -> Option<String> {
        self.process_id.take().or(self.process_handle.take())
    }
}

/// The process that `params` speak of.
pub(super) fn process_of(params: &str) -> Option<String> {
    Handle::of(params).process()
}

impl EncodedStreams {
    /// Takes one delta, whose base64 stands between both ends of `frame`: the lines that may leave now.
    pub(super) fn push(
        &mut self,
        redactor: &Arc<Redactor>,
        params: &str,
        delta: &str,
        frame: Frame,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        let mut handle = Handle::of(params);
        let process = handle.process().unwrap_or_default();
        let Ok(bytes) = STANDARD.decode(delta) else {
            // Nobody can tell what it says.
            lines.push(encode(&frame, redaction::ENGINE));
            return lines;
        };
        let known = |own: &EncodedStream| own.process == process && own.stream == handle.stream;
        let index = self.0.iter().rposition(known).unwrap_or_else(|| {
            if self.0.len() == MAX_STREAMS {
                lines.extend(self.0.remove(0).end());
            }
            self.0.push(EncodedStream {
                process: process.clone(),
                stream: handle.stream.clone(),
                redactor: redactor.stream(),
                cut: Vec::new(),
                frame: Frame::default(),
            });
            self.0.len() - 1
        });
        let own = &mut self.0[index];
        own.frame = frame;
        let clean = own.push(bytes);
        // An empty chunk may be there to say that the cap was reached.
        if !clean.is_empty() || delta.is_empty() {
            lines.push(encode(&own.frame, &clean));
        }
        if handle.cap_reached {
            lines.extend(self.0.remove(index).end());
        }
        lines
    }

    /// The process has ended, or all have: what is held of its output.
    pub(super) fn end(&mut self, process: Option<&str>) -> Vec<String> {
        let ended = self.0.extract_if(.., |own| {
            process.is_none_or(|process| own.process == process)
        });
        ended.filter_map(EncodedStream::end).collect()
    }

    /// Time has passed: what need not be held any longer.
    pub(super) fn tick(&mut self, elapsed: Duration) -> Vec<String> {
        let released = self.0.iter_mut().filter_map(|own| {
            let text = own.redactor.tick(elapsed);
            (!text.is_empty()).then(|| encode(&own.frame, &text))
        });
        released.collect()
    }

    /// True while some output is held back.
    pub(super) fn holds_text(&self) -> bool {
        self.0.iter().any(|own| own.redactor.held() > 0)
    }
}

impl EncodedStream {
    fn push(&mut self, bytes: Vec<u8>) -> String {
        self.cut.extend_from_slice(&bytes);
        let bytes = std::mem::take(&mut self.cut);
        let whole = whole_characters(&bytes);
        self.cut = bytes[whole..].to_vec();
        self.redactor.push(&text_of(&bytes[..whole])).into_owned()
    }

    fn end(mut self) -> Option<String> {
        let cut = text_of(&self.cut).into_owned();
        let mut rest = self.redactor.push(&cut).into_owned();
        rest.push_str(&self.redactor.flush());
        (!rest.is_empty()).then(|| encode(&self.frame, &rest))
    }
}

/// The line with redacted output in its frame.
fn encode((before, after): &Frame, clean: &str) -> String {
    format!("{before}\"{}\"{after}", STANDARD.encode(bytes_of(clean)))
}

/// Redacts one whole value in base64; borrowed when nothing changed.
pub(super) fn redact_whole<'t>(redactor: &Redactor, encoded: &'t str) -> Cow<'t, str> {
    let Ok(bytes) = STANDARD.decode(encoded) else {
        return redactor.redact(encoded);
    };
    let text = text_of(&bytes);
    match redactor.redact(&text) {
        Cow::Owned(clean) => Cow::Owned(STANDARD.encode(bytes_of(&clean))),
        Cow::Borrowed(_) => Cow::Borrowed(encoded),
    }
}

/// How many of `bytes` are no beginning of a character that the end cuts off.
fn whole_characters(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(3);
    let start = (tail..bytes.len())
        .rev()
        .find(|at| bytes[*at] & 0xC0 != 0x80);
    match start.map(|at| (at, std::str::from_utf8(&bytes[at..]))) {
        Some((at, Err(error))) if error.error_len().is_none() => at,
        _ => bytes.len(),
    }
}

/// `bytes` as text, in which a character of a private range stands for each byte that is none.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(stands_for_byte) => return Cow::Borrowed(text),
        _ => {}
    }
    let mut out = String::with_capacity(bytes.len());
    let raw = |out: &mut String, bytes: &[u8]| {
        out.extend(
            bytes
                .iter()
                .filter_map(|byte| char::from_u32(BYTE_ZERO + u32::from(*byte))),
        );
    };
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match stands_for_byte(letter) {
                true => raw(&mut out, letter.encode_utf8(&mut [0; 4]).as_bytes()),
                false => out.push(letter),
            }
        }
        raw(&mut out, chunk.invalid());
    }
    Cow::Owned(out)
}

/// The bytes that `text` was made of.
fn bytes_of(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for letter in text.chars() {
        match u8::try_from(u32::from(letter).wrapping_sub(BYTE_ZERO)) {
            Ok(byte) => out.push(byte),
            Err(_) => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out
}

fn stands_for_byte(letter: char) -> bool {
    (BYTE_ZERO..=BYTE_ZERO + 0xFF).contains(&u32::from(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &str = "correct-horse-battery-staple";

    fn redactor() -> Arc<Redactor> {
        let builder = Redactor::builder().key([7; 32]).known("test", KNOWN);
        Arc::new(builder.build().expect("rules compile"))
    }

    fn params(process: &str, stream: &str) -> String {
        format!(r#"{{"processId":"{process}","stream":"{stream}","capReached":false}}"#)
    }

    fn output(lines: &[String]) -> Vec<u8> {
        let encoded = lines.iter().map(|line| line.trim_matches(['<', '>', '"']));
        encoded
            .flat_map(|text| STANDARD.decode(text).expect("base64"))
            .collect()
    }

    fn frame() -> Frame {
        ("<".to_owned(), ">".to_owned())
    }

    #[test]
    fn a_value_over_several_chunks_and_streams_is_found() {
        let redactor = redactor();
        let text = format!("say {KNOWN} now, \u{1f980}\n");
        for size in 1..text.len() {
            let mut streams = EncodedStreams::default();
            let (mut out, mut err) = (Vec::new(), Vec::new());
            for chunk in text.as_bytes().chunks(size) {
                let chunk = STANDARD.encode(chunk);
                out.extend(streams.push(&redactor, &params("p", "stdout"), &chunk, frame()));
                err.extend(streams.push(&redactor, &params("p", "stderr"), &chunk, frame()));
            }
            out.extend(streams.end(Some("p")));
            let clean = [output(&out), output(&err)].concat();
            let clean = String::from_utf8(clean).expect("text");
            assert_eq!(
                clean.matches("say [REDACTED:known-test#").count(),
                2,
                "{size}: {clean}"
            );
            assert_eq!(
                clean.matches("] now, \u{1f980}\n").count(),
                2,
                "{size}: {clean}"
            );
            assert!(!streams.holds_text());
        }
    }

    #[test]
    fn bytes_that_are_no_text_pass_as_they_are() {
        let redactor = redactor();
        let mut picture: Vec<u8> = (0..=255).rev().chain(0..=255).collect();
        picture.extend("\u{10fe41}".as_bytes());
        for size in [1, 2, 3, 7, 64, 1000] {
            let mut streams = EncodedStreams::default();
            let mut lines = Vec::new();
            for chunk in picture.chunks(size) {
                let chunk = STANDARD.encode(chunk);
                lines.extend(streams.push(&redactor, &params("p", "stdout"), &chunk, frame()));
            }
            lines.extend(streams.end(None));
            assert_eq!(output(&lines), picture, "{size}");
        }
        let encoded = STANDARD.encode(&picture);
        assert_eq!(redact_whole(&redactor, &encoded), encoded);
    }

    #[test]
    fn what_is_held_leaves_with_time_and_with_the_cap() {
        let redactor = redactor();
        let mut streams = EncodedStreams::default();
        let held = STANDARD.encode("see gh");
        let now = streams.push(&redactor, &params("p", "stdout"), &held, frame());
        assert_eq!(output(&now), b"see ");
        assert!(streams.holds_text());
        assert_eq!(output(&streams.tick(Duration::from_millis(60))), b"gh");
        let capped = params("p", "stdout").replace("false", "true");
        let now = streams.push(&redactor, &capped, &held, frame());
        assert_eq!(output(&now), b"see gh");
        assert!(!streams.holds_text());
    }

    #[test]
    fn a_file_is_redacted_whole() {
        let redactor = redactor();
        let encoded = STANDARD.encode(format!("a {KNOWN} b"));
        let clean = STANDARD
            .decode(&*redact_whole(&redactor, &encoded))
            .expect("base64");
        assert!(
            String::from_utf8(clean)
                .expect("text")
                .starts_with("a [REDACTED:known-test#")
        );
    }
}
