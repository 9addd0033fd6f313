//! `holdfast redact`: the redactor as a filter, with the built-in rules and the values that are handed in. It reads no
//! configuration.

use std::{
    io::{self, BufRead, Read, Write},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, anyhow};
use redaction::{Redactor, Stream};
use serde_json::{Value, json};

use crate::args::RedactArgs;

/// How much is read at once, in bytes: enough that the cost of a read does not show.
const READ_BYTES: usize = 64 * 1024;
/// Longest line of `--jsonl`, in bytes; a longer one is reported and skipped.
const LINE_BYTES: u64 = 64 * 1024 * 1024;

/// Filters stdin to stdout. With `--jsonl` it ends with 1 when a line was bad, after it has done the others.
pub fn run(args: &RedactArgs) -> anyhow::Result<ExitCode> {
    let mut input = io::stdin().lock();
    let mut output = io::stdout().lock();
    if args.jsonl {
        let bad = filter_lines(&mut input, &mut output, |line, problem| {
            eprintln!("holdfast redact: line {line}: {problem:#}");
        })?;
        return Ok(if bad == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    filter_text(&mut input, &mut output)?;
    Ok(ExitCode::SUCCESS)
}

/// Filters one text. What is not UTF-8 becomes U+FFFD.
fn filter_text(input: &mut impl Read, output: &mut impl Write) -> anyhow::Result<()> {
    let redactor = Redactor::builder().build().context("build the redactor")?;
    let mut stream = Arc::new(redactor).stream();
    let mut buffer = vec![0; READ_BYTES];
    let mut kept = 0;
    loop {
        let read = match input.read(&mut buffer[kept..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.context("read stdin")?,
        };
        let filled = kept + read;
        kept = push_lossy(&mut stream, &mut buffer[..filled], read == 0, output)
            .context("write stdout")?;
        if read == 0 {
            output
                .write_all(stream.flush().as_bytes())
                .and_then(|()| output.flush())
                .context("write stdout")?;
            return Ok(());
        }
        output.flush().context("write stdout")?;
    }
}

/// Pushes the text in `bytes`, moves the beginning of a character that is not complete yet to the front, and returns its
/// length, at most 3. At the end of the input nothing is kept.
fn push_lossy(
    stream: &mut Stream,
    bytes: &mut [u8],
    is_end: bool,
    output: &mut impl Write,
) -> io::Result<usize> {
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (text, invalid) = match str::from_utf8(rest) {
            Ok(text) => (text, 0),
            Err(error) => {
                let text = str::from_utf8(&rest[..error.valid_up_to()]).expect("valid up to there");
                (text, error.error_len().unwrap_or(0))
            }
        };
        output.write_all(stream.push(text).as_bytes())?;
        at += text.len();
        if invalid > 0 || (is_end && at < bytes.len()) {
            output.write_all(stream.push("\u{fffd}").as_bytes())?;
            at += if invalid > 0 {
                invalid
            } else {
                bytes.len() - at
            };
        } else if at < bytes.len() {
            break;
        }
    }
    bytes.copy_within(at.., 0);
    Ok(bytes.len() - at)
}

/// Filters one stream a line; returns how many lines were bad, each of which `report` was told of.
fn filter_lines(
    input: &mut impl BufRead,
    output: &mut impl Write,
    mut report: impl FnMut(u64, anyhow::Error),
) -> anyhow::Result<u64> {
    let mut redactors = Redactors::new()?;
    let mut line = Vec::new();
    let mut bad = 0;
    for number in 1.. {
        line.clear();
        let read = input
            .take(LINE_BYTES + 1)
            .read_until(b'\n', &mut line)
            .context("read stdin")?;
        if read == 0 {
            break;
        }
        let result = if read as u64 > LINE_BYTES {
            skip_line(input).context("read stdin")?;
            Err(anyhow!("is longer than {LINE_BYTES} bytes"))
        } else if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        } else {
            filter_line(&line, &mut redactors)
        };
        match result {
            Ok(answer) => writeln!(output, "{answer}")
                .and_then(|()| output.flush())
                .context("write stdout")?,
            Err(problem) => {
                bad += 1;
                report(number, problem);
            }
        }
    }
    Ok(bad)
}

/// Redactors by their known values. Building one takes milliseconds, and lines often have the values of the line before.
struct Redactors {
    plain: Arc<Redactor>,
    last: (Vec<String>, Arc<Redactor>),
}

impl Redactors {
    fn new() -> anyhow::Result<Self> {
        let plain = Arc::new(Redactor::builder().build().context("build the redactor")?);
        Ok(Self {
            last: (Vec::new(), Arc::clone(&plain)),
            plain,
        })
    }

    fn with(&mut self, known: Vec<String>) -> anyhow::Result<&Arc<Redactor>> {
        if known.is_empty() {
            return Ok(&self.plain);
        }
        if self.last.0 != known {
            let builder = known.iter().fold(Redactor::builder(), |builder, value| {
                builder.known("value", value)
            });
            self.last = (
                known,
                Arc::new(builder.build().context("build the redactor")?),
            );
        }
        Ok(&self.last.1)
    }
}

/// Reads on to the end of a line that is too long to keep.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (used, done) = end.map_or((buffer.len(), buffer.is_empty()), |end| (end + 1, true));
        input.consume(used);
        if done {
            return Ok(());
        }
    }
}

/// The answer to one line. The error says what is wrong with the line and nothing of what it holds.
fn filter_line(line: &[u8], redactors: &mut Redactors) -> anyhow::Result<Value> {
    let parsed: Result<Value, _> = serde_json::from_slice(line);
    let mut value = parsed.map_err(|error| anyhow!("is not JSON (column {})", error.column()))?;
    let object = value
        .as_object_mut()
        .ok_or_else(|| anyhow!("is not a JSON object"))?;
    let id = object
        .remove("id")
        .ok_or_else(|| anyhow!("has no \"id\""))?;
    let chunks =
        texts(object.remove("chunks"), "chunks")?.ok_or_else(|| anyhow!("has no \"chunks\""))?;
    let known = texts(object.remove("known"), "known")?.unwrap_or_default();
    let mut stream = redactors.with(known)?.stream();
    let mut text = String::new();
    for chunk in &chunks {
        text.push_str(&stream.push(chunk));
    }
    text.push_str(&stream.flush());
    Ok(json!({ "id": id, "text": text }))
}

fn texts(value: Option<Value>, name: &str) -> anyhow::Result<Option<Vec<String>>> {
    let items = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(anyhow!("\"{name}\" is not a list of texts")),
    };
    let texts = items.into_iter().map(|item| match item {
        Value::String(text) => Ok(text),
        _ => Err(anyhow!("\"{name}\" holds something that is no text")),
    });
    texts.collect::<anyhow::Result<Vec<_>>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives at most `step` bytes a read.
    struct Dribble<'a> {
        bytes: &'a [u8],
        step: usize,
    }

    impl Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.step.min(buffer.len()).min(self.bytes.len());
            let (now, later) = self.bytes.split_at(length);
            buffer[..length].copy_from_slice(now);
            self.bytes = later;
            Ok(length)
        }
    }

    fn filtered(bytes: &[u8], step: usize) -> String {
        let mut output = Vec::new();
        filter_text(&mut Dribble { bytes, step }, &mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    fn lines(input: &str) -> (Vec<Value>, Vec<String>) {
        let mut output = Vec::new();
        let mut problems = Vec::new();
        let bad = filter_lines(&mut input.as_bytes(), &mut output, |line, problem| {
            problems.push(format!("{line}: {problem}"))
        });
        assert_eq!(bad.unwrap(), problems.len() as u64);
        let output = String::from_utf8(output).unwrap();
        (
            output
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
            problems,
        )
    }

    #[test]
    fn plain_text_and_broken_utf8_pass_however_it_is_cut() {
        let cases: [(&[u8], &str); 5] = [
            (b"", ""),
            ("héllo wörld €🦀\n".as_bytes(), "héllo wörld €🦀\n"),
            (b"a\xff\xfeb", "a\u{fffd}\u{fffd}b"),
            (b"cut \xe2\x82", "cut \u{fffd}"),
            (b"\xf0\x9f\xa6x", "\u{fffd}x"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(String::from_utf8_lossy(bytes), expected);
            for step in 1..=bytes.len().max(1) {
                assert_eq!(filtered(bytes, step), expected, "in steps of {step}");
            }
        }
    }

    #[test]
    fn a_token_of_ours_is_masked_however_it_is_cut() {
        let token = config::Token::generate().unwrap();
        let text = format!("export T={}\nnext", token.reveal());
        let whole = filtered(text.as_bytes(), text.len());
        assert!(
            whole.contains("[REDACTED:")
                && whole.ends_with("\nnext")
                && !whole.contains(&token.reveal()[4..]),
            "{whole}"
        );
        for step in 1..12 {
            assert_eq!(filtered(text.as_bytes(), step), whole, "in steps of {step}");
        }
    }

    #[test]
    fn each_line_is_a_stream_of_its_own_with_its_known_values() {
        let input = concat!(
            r#"{"id":"a","known":["zebra-crossing-9"],"chunks":["one zebra-cro","ssing-9 two"]}"#,
            "\n\n",
            r#"{"id":2,"chunks":["one zebra-cro","ssing-9 two"]}"#,
        );
        let (answers, problems) = lines(input);
        assert_eq!(problems, [""; 0]);
        let text = answers[0]["text"].as_str().unwrap();
        assert!(
            text.starts_with("one [REDACTED:known-") && text.ends_with("] two"),
            "{text}"
        );
        assert_eq!(
            answers[1],
            json!({"id": 2, "text": "one zebra-crossing-9 two"})
        );
    }

    #[test]
    fn bad_lines_are_named_by_number_and_the_others_are_done() {
        let input = concat!(
            "{\"id\":1,\"chunks\":[\"x\"]}\n",
            "not json with-a-secret\n",
            "[]\n",
            "{\"chunks\":[]}\n",
            "{\"id\":1}\n",
            "{\"id\":1,\"chunks\":[7]}\n",
            "{\"id\":1,\"chunks\":[],\"known\":\"x\"}\n",
            "{\"id\":2,\"chunks\":[]}",
        );
        let (answers, problems) = lines(input);
        assert_eq!(
            answers,
            [json!({"id": 1, "text": "x"}), json!({"id": 2, "text": ""})]
        );
        assert_eq!(
            problems,
            [
                "2: is not JSON (column 2)",
                "3: is not a JSON object",
                "4: has no \"id\"",
                "5: has no \"chunks\"",
                "6: \"chunks\" holds something that is no text",
                "7: \"known\" is not a list of texts",
            ]
        );
    }
}
