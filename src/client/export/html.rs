//! The history as one page that needs nothing else: no script, no request, all that was said as text. Its policy allows its
//! own style sheet, by its digest, and nothing besides; so even a mistake here would run nothing.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pulldown_cmark::{
    Alignment, CowStr, Event, HeadingLevel, LinkType, Parser, Tag, TagEnd, html::push_html,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{History, markdown::options};
use crate::client::{
    item::{self, Voice, text},
    safe::Cleaner,
};

/// The whole look of the page.
const STYLE: &str = include_str!("export.css");
/// Output of at most so many lines is shown at once, longer output behind a press.
const SHOWN_LINES: usize = 16;

/// The document.
pub fn document(history: &History) -> String {
    let title = escape(&history.title());
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{title}</h1>\n<dl>\n"
    );
    for (name, value) in history.facts() {
        out += &format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escape(&value));
    }
    out += "</dl>\n</header>\n<main>\n";
    for (turn, entries) in history.by_turn() {
        out += "<section>\n";
        for entry in entries {
            out += &one(entry);
        }
        if let Some(end) = history.end(turn) {
            out += &format!(
                "<p class=\"end\">{}</p>
",
                escape(&end)
            );
        }
        out += "</section>\n";
    }
    if history.items.is_empty() {
        out += "<p class=\"note\">Nothing was said in this session.</p>\n";
    }
    out + "</main>\n</body>\n</html>\n"
}

fn one(entry: &Value) -> String {
    let item = &entry["item"];
    let body = Cleaner::plain(&item::body(item));
    let title = escape(&Cleaner::plain(&item::title(item)));
    let outcome = item::outcome(item, text(&entry["state"])).map(|outcome| {
        let bad =
            item["exitCode"].as_i64().is_some_and(|code| code != 0) || item["status"] == "failed";
        format!(
            "<span class=\"outcome{}\">{}</span>",
            if bad { " bad" } else { "" },
            escape(&outcome)
        )
    });
    let outcome = outcome.unwrap_or_default();
    match item::voice(item) {
        Voice::Person => format!(
            "<article class=\"you\"><h2>You</h2><p class=\"said\">{}</p></article>\n",
            escape(&body)
        ),
        Voice::Model => format!(
            "<article class=\"codex\"><h2>Codex</h2>{}{outcome}</article>\n",
            prose(&body)
        ),
        Voice::Thought => format!(
            "<details class=\"quiet\"><summary>Thought</summary>{}</details>\n",
            prose(&body)
        ),
        Voice::Plan => format!(
            "<details class=\"quiet\" open><summary>Plan</summary>{}</details>\n",
            prose(&body)
        ),
        Voice::Command => {
            let open = if body.lines().count() <= SHOWN_LINES {
                " open"
            } else {
                ""
            };
            let summary = format!("<summary><code>{title}</code>{outcome}</summary>");
            if body.is_empty() {
                return format!(
                    "<div class=\"command bare\"><code>{title}</code>{outcome}</div>\n"
                );
            }
            format!(
                "<details class=\"command\"{open}>{summary}<pre tabindex=\"0\">{}</pre></details>\n",
                escape(&body)
            )
        }
        Voice::Files => {
            let open = if body.lines().count() <= SHOWN_LINES {
                " open"
            } else {
                ""
            };
            format!(
                "<details class=\"files\"{open}><summary>{title}{outcome}</summary><pre tabindex=\"0\">{}</pre></details>\n",
                diff(&body)
            )
        }
        Voice::Other if body.is_empty() => format!("<p class=\"note\">{title} {outcome}</p>\n"),
        Voice::Other => format!(
            "<p class=\"note\">{title} {outcome}</p><pre tabindex=\"0\">{}</pre>\n",
            escape(&body)
        ),
    }
}

/// A diff with its lines marked.
fn diff(body: &str) -> String {
    let line = |line: &str| {
        let class = match line.as_bytes().first() {
            Some(b'+') => "add",
            Some(b'-') => "del",
            Some(b'@') => "hunk",
            _ => return escape(line),
        };
        format!("<span class=\"{class}\">{}</span>", escape(line))
    };
    body.trim_end_matches('\n')
        .split('\n')
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

/// The model's Markdown: HTML in it is text, an image is a link to it, and a link leads to the web or nowhere.
fn prose(body: &str) -> String {
    let mut kept = Vec::new();
    let events = Parser::new_ext(body, options()).filter_map(|event| {
        Some(match event {
            Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                let leads = leads_to_the_web(&dest_url);
                kept.push(leads);
                if !leads {
                    return None;
                }
                Event::Start(Tag::Link {
                    link_type: LinkType::Inline,
                    dest_url,
                    title: CowStr::Borrowed(""),
                    id: CowStr::Borrowed(""),
                })
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                return kept
                    .pop()
                    .unwrap_or(false)
                    .then_some(Event::End(TagEnd::Link));
            }
            // How a column is aligned would be a style of its own, which the policy forbids.
            Event::Start(Tag::Table(columns)) => {
                Event::Start(Tag::Table(vec![Alignment::None; columns.len()]))
            }
            // The page's own headings are h1 and h2.
            Event::Start(Tag::Heading { level, .. }) => Event::Start(Tag::Heading {
                level: lower(level),
                id: None,
                classes: Vec::new(),
                attrs: Vec::new(),
            }),
            Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lower(level))),
            other => other,
        })
    });
    let mut out = String::from("<div class=\"prose\">");
    push_html(&mut out, events);
    out + "</div>"
}

fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        _ => HeadingLevel::H6,
    }
}

fn leads_to_the_web(address: &str) -> bool {
    let lower = address.to_ascii_lowercase();
    ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| lower.starts_with(scheme))
        && !address.chars().any(|c| c.is_control() || c.is_whitespace())
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::export::tests::sample;

    /// The tags of the page that are not among those we write.
    fn foreign(page: &str) -> Vec<&str> {
        const OURS: [&str; 38] = [
            "!doctype",
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "header",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "dl",
            "div",
            "dt",
            "dd",
            "main",
            "section",
            "article",
            "p",
            "details",
            "summary",
            "code",
            "pre",
            "span",
            "a",
            "em",
            "strong",
            "ul",
            "ol",
            "li",
            "blockquote",
            "hr",
            "br",
            "table",
            "del",
        ];
        let tags = page.split('<').skip(1).map(|rest| {
            let name = rest.trim_start_matches('/');
            &name[..name
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '!')
                .unwrap_or(name.len())]
        });
        tags.filter(|tag| {
            !OURS.contains(tag) && !["thead", "tbody", "tr", "th", "td"].contains(tag)
        })
        .collect()
    }

    #[test]
    fn markup_is_text_in_every_place() {
        for said in [
            "<script>x</script>",
            "<img src=x onerror=y>",
            "\"><svg onload=x>",
            "' onfocus='x' autofocus='",
            "<a href=\"javascript:x\">y</a>",
            "```\"><script>\nx\n```",
            "<!-- x --!><img src=x onerror=y> -->",
            "</style></title></pre></details><iframe src=x>",
            "| a |\n|:-:|\n| <b> |",
            "<svg><style><![CDATA[</style><img src=x>]]>",
        ] {
            let page = document(&sample(said));
            assert_eq!(foreign(&page), Vec::<&str>::new(), "{said}");
            for tag in page
                .split('<')
                .filter_map(|rest| rest.split_once('>'))
                .map(|(tag, _)| tag)
            {
                assert!(
                    !tag.contains(" style=")
                        && !tag.contains(" on")
                        && !tag.contains(" src")
                        && !tag.contains("javascript"),
                    "{said}: <{tag}>"
                );
            }
        }
    }

    #[test]
    fn links_lead_to_the_web_or_nowhere_and_images_are_links() {
        assert_eq!(
            prose("[a](https://ok.invalid/x)"),
            "<div class=\"prose\"><p><a href=\"https://ok.invalid/x\">a</a></p>\n</div>"
        );
        assert_eq!(
            prose("![a](https://ok.invalid/x)"),
            prose("[a](https://ok.invalid/x)")
        );
        for link in [
            "javascript:x",
            "JaVaScRiPt:x",
            "data:text/html,x",
            "//ok.invalid",
            "../x",
            "vbscript:x",
            "&#106;avascript:x",
            "file:///x",
            "<java\tscript:x>",
            "blob:https://x",
        ] {
            assert_eq!(
                prose(&format!("[a]({link})")),
                "<div class=\"prose\"><p>a</p>\n</div>",
                "{link}"
            );
        }
        assert!(!prose("<javascript:x>").contains("href"));
    }

    #[test]
    fn the_policy_allows_this_style_sheet_and_nothing_else() {
        let page = document(&sample("x"));
        let digest = STANDARD.encode(Sha256::digest(
            page.split("<style>")
                .nth(1)
                .unwrap()
                .split("</style>")
                .next()
                .unwrap(),
        ));
        assert!(page.contains(&format!(
            "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        )));
        assert_eq!(page.matches("style=").count(), 0);
    }
}
