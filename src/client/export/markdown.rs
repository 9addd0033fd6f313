//! The history as Markdown for any viewer. What was said stands in quotes and what was printed in fences, so that nothing in
//! it can end the place where it stands, be taken for our own headings, run as HTML, or fetch an image.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::Value;

use super::History;
use crate::client::{
    item::{self, Voice, text},
    safe::Cleaner,
};

/// How often a text is looked at again after what was dangerous in it was escaped; then it goes into a fence.
const ROUNDS: usize = 8;

/// The document.
pub fn document(history: &History) -> String {
    let mut out = format!("# {}\n\n", inline(&history.title()));
    for (name, value) in history.facts() {
        out += &format!("- {name}: {}\n", code(&value));
    }
    for (turn, entries) in history.by_turn() {
        out += "\n---\n";
        for entry in entries {
            out.push('\n');
            out += &one(entry);
        }
        if let Some(end) = history.end(turn) {
            out += &format!(
                "
**{}**
",
                inline(&end)
            );
        }
    }
    out
}

fn one(entry: &Value) -> String {
    let item = &entry["item"];
    let body = Cleaner::plain(&item::body(item));
    let title = inline(&Cleaner::line(&item::title(item)));
    let mut out = match item::voice(item) {
        Voice::Person => format!("### You\n\n{}", quote(&escape_all(&body))),
        Voice::Model => format!("### Codex\n\n{}", quote(&calm(&body))),
        Voice::Thought => format!("*Thought*\n\n{}", quote(&calm(&body))),
        Voice::Plan => format!("*Plan*\n\n{}", quote(&calm(&body))),
        Voice::Command => {
            let command = fence("sh", &Cleaner::plain(text(&item["command"])));
            let output = if body.is_empty() {
                String::new()
            } else {
                format!("\n{}", fence("text", &body))
            };
            format!("{command}{output}")
        }
        Voice::Files => format!("*{title}*\n\n{}", fence("diff", &body)),
        Voice::Other if body.is_empty() => format!("*{title}*\n"),
        Voice::Other => format!("*{title}*\n\n{}", fence("text", &body)),
    };
    if let Some(outcome) = item::outcome(item, text(&entry["state"])) {
        out += &format!("\n→ {}\n", inline(&outcome));
    }
    out
}

/// A fence that is longer than any in the text.
fn fence(language: &str, body: &str) -> String {
    let ticks = "`".repeat(longest_run(body, '`').max(2) + 1);
    let end = if body.ends_with('\n') { "" } else { "\n" };
    format!("{ticks}{language}\n{body}{end}{ticks}\n")
}

/// A code span that nothing in the text can end.
fn code(value: &str) -> String {
    let ticks = "`".repeat(longest_run(value, '`') + 1);
    format!("{ticks} {value} {ticks}")
}

fn longest_run(text: &str, wanted: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == wanted { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Each line with the mark of a quote: what begins in it ends with it.
fn quote(text: &str) -> String {
    let mut out = String::new();
    for line in text.trim_end_matches('\n').split('\n') {
        out += if line.is_empty() { ">" } else { "> " };
        out += line;
        out.push('\n');
    }
    out
}

/// Plain text of one line.
fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '`'
                | '*'
                | '_'
                | '{'
                | '}'
                | '['
                | ']'
                | '<'
                | '>'
                | '#'
                | '!'
                | '|'
                | '&'
                | '~'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A prompt is plain text: every line of it stands as it was typed.
fn escape_all(body: &str) -> String {
    let lines = body.split('\n').map(|line| {
        let start = line.len() - line.trim_start().len();
        // Spaces in front would make code of it, and what begins a list or a heading would become one.
        let (blank, rest) = line.split_at(start);
        let begins = rest.starts_with(['-', '+', '='])
            || rest
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .starts_with(['.', ')']);
        let rest = match (begins, rest.find(['.', ')', '-', '+', '='])) {
            (true, Some(at)) => format!("{}\\{}", inline(&rest[..at]), inline(&rest[at..])),
            _ => inline(rest),
        };
        "\u{a0}".repeat(blank.chars().count()) + &rest
    });
    // Two spaces at the end keep the end of a line.
    lines.collect::<Vec<_>>().join("  \n")
}

/// The model's Markdown without HTML and images: both become text, everything else stays.
fn calm(body: &str) -> String {
    let mut text = body.to_owned();
    for _ in 0..ROUNDS {
        let dangerous = dangers(&text);
        if dangerous.is_empty() {
            return text;
        }
        for at in dangerous.into_iter().rev() {
            text.insert(at, '\\');
        }
    }
    fence("markdown", body)
}

/// Where a backslash is due, in order.
fn dangers(text: &str) -> Vec<usize> {
    let quoted = text;
    let mut places = Vec::new();
    let brackets = |range: Range<usize>| {
        let start = range.start;
        quoted[range]
            .match_indices('<')
            .map(move |(at, _)| start + at)
            .collect::<Vec<_>>()
    };
    for (event, range) in Parser::new_ext(quoted, options()).into_offset_iter() {
        match event {
            Event::Html(_) | Event::InlineHtml(_) => places.extend(brackets(range)),
            Event::Start(Tag::Image { .. }) => places.push(range.start),
            _ => {}
        }
    }
    places.sort_unstable();
    places.dedup();
    places
}

/// What a viewer may know besides plain CommonMark.
pub(super) fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::TagEnd;

    use super::*;
    use crate::client::export::tests::sample;

    /// No text may come out as HTML, as an image, or as a heading or a rule that we did not write.
    fn check(said: &str) {
        let document = document(&sample(said));
        let (mut quotes, mut headings, mut rules) = (0, 0, 0);
        for event in Parser::new_ext(&document, options()) {
            match event {
                Event::Html(html) | Event::InlineHtml(html) => {
                    panic!("{said:?} gives HTML {html:?} in:\n{document}")
                }
                Event::Start(Tag::Image { .. }) => {
                    panic!("{said:?} gives an image in:\n{document}")
                }
                Event::Start(Tag::BlockQuote(_)) => quotes += 1,
                Event::End(TagEnd::BlockQuote(_)) => quotes -= 1,
                // What the model heads itself stands in its quote.
                Event::Start(Tag::Heading { .. }) if quotes == 0 => headings += 1,
                Event::Rule if quotes == 0 => rules += 1,
                _ => {}
            }
        }
        assert_eq!((headings, rules), (3, 2), "{said:?} in:\n{document}");
    }

    #[test]
    fn nothing_that_is_said_breaks_out_of_its_place() {
        for said in [
            "plain",
            "```\n# not a heading\n<script>x</script>",
            "````````\n~~~~\n<b>",
            "~~~\nopen",
            "<script>x</script>",
            "text <img src=x onerror=y> text",
            "<!-- comment\n\nthat goes on\n# h\n-->",
            "a ` b\n` <img src=x> `",
            "<div\n\nid=x>",
            "![x](https://elsewhere.invalid/x)",
            "[![x](https://elsewhere.invalid/x)](https://elsewhere.invalid/y)",
            "![x][r]\n\n[r]: https://elsewhere.invalid/x",
            "> quoted\n\n# h\n---\nSetext\n===",
            "    indented <b>",
            "- [ ] <b>x</b>\n  - ```\n    <i>",
            "\\<b>",
            "\\\\<b>",
            "<https://elsewhere.invalid>",
            "1. one\n---\n| a | <b> |\n|--|--|",
            "<?php x ?> <![CDATA[ x ]]> <!X y>",
            "</details></summary><style>*{display:none}</style>",
            "\u{1b}]0;x\u{7}\u{202e}",
        ] {
            check(said);
        }
    }

    #[test]
    fn what_the_model_says_stays_readable() {
        let said = "Use `Vec<u8>` and **care**:\n\n```rust\nlet x: Vec<u8> = a < b;\n```\n\n- one\n- <https://ok.invalid>";
        assert_eq!(calm(said), said);
        assert_eq!(quote("a\n\nb\n"), "> a\n>\n> b\n");
        assert_eq!(fence("text", "a ```` b"), "`````text\na ```` b\n`````\n");
        assert_eq!(code("a`b"), "`` a`b ``");
    }
}
