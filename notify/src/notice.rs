//! What is told: one change of one session, in words that hold no content unless a channel asks for the title.
//!
//! Not who is told, and not how it is written on a wire.

use config::{ChannelRules, NoticeKind};
use serde::Serialize;

/// Characters of a title that are sent, so that it fits into every channel.
const TITLE_CHARS: usize = 120;

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its own name, the same over all tries and channels.
    pub id: String,
    /// What happened.
    pub kind: NoticeKind,
    /// The session's id: says nothing, and finds the session.
    pub thread: String,
    /// The session's title, redacted.
    pub title: String,
    /// Where links lead, `https://name`; empty as long as nobody knows.
    pub origin: String,
    /// When it began, in milliseconds since the epoch.
    pub at_ms: u64,
    /// Made by a person, to see whether a channel works.
    pub test: bool,
}

/// What a channel sends of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Words {
    /// One sentence.
    pub(crate) text: &'static str,
    /// Only where the channel's `content` is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
}

impl Notice {
    /// True when a channel with these rules tells it.
    pub(crate) fn passes(&self, rules: &ChannelRules) -> bool {
        rules.events.contains(&self.kind)
    }

    pub(crate) fn words(&self, rules: &ChannelRules) -> Words {
        let text = match self.kind {
            _ if self.test => "This is a test of holdfast's notifications",
            NoticeKind::NeedsYou => "A session needs you",
            NoticeKind::Finished => "A session is done",
            NoticeKind::Failed => "A session failed",
        };
        let title = rules.content && !self.test && !self.title.is_empty();
        let title = title.then(|| {
            let plain = self.title.chars().filter(|c| !c.is_control());
            plain.take(TITLE_CHARS).collect()
        });
        Words { text, title }
    }

    /// The path of the session in the page. Behind the `#`, so that no server sees it.
    pub(crate) fn path(&self) -> String {
        if self.thread.is_empty() {
            return "/".to_owned();
        }
        let mut path = String::from("/#session=");
        for byte in self.thread.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
                path.push(char::from(byte));
            } else {
                path.push_str(&format!("%{byte:02X}"));
            }
        }
        path
    }

    /// The address of the session, unless nobody knows where the page is.
    pub(crate) fn link(&self) -> Option<String> {
        (!self.origin.is_empty()).then(|| format!("{}{}", self.origin, self.path()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn notice(kind: NoticeKind) -> Notice {
        Notice {
            id: "0011223344556677".to_owned(),
            kind,
            thread: "0190a1b2-0000-7000-8000-000000000001".to_owned(),
            title: "Mend the\u{1b}[2J login\n".to_owned(),
            origin: "https://dev.example.ts.net".to_owned(),
            at_ms: 1_795_506_940_786,
            test: false,
        }
    }

    pub(crate) fn rules(content: bool) -> ChannelRules {
        ChannelRules {
            events: vec![NoticeKind::NeedsYou, NoticeKind::Failed],
            content,
        }
    }

    #[test]
    fn a_title_is_told_only_where_it_is_asked_for() {
        let notice = notice(NoticeKind::NeedsYou);
        let (bare, full) = (notice.words(&rules(false)), notice.words(&rules(true)));
        assert_eq!((bare.text, bare.title), ("A session needs you", None));
        assert_eq!(full.title.as_deref(), Some("Mend the[2J login"));
    }

    #[test]
    fn a_channel_tells_its_kinds() {
        let finished = notice(NoticeKind::Finished);
        assert!(
            !finished.passes(&rules(false)) && notice(NoticeKind::Failed).passes(&rules(false))
        );
    }

    #[test]
    fn a_link_holds_the_session_and_nothing_that_ends_it_early() {
        let mut notice = notice(NoticeKind::Failed);
        let link = "https://dev.example.ts.net/#session=0190a1b2-0000-7000-8000-000000000001";
        assert_eq!(notice.link().as_deref(), Some(link));
        notice.thread = "a&b/\n".to_owned();
        assert_eq!(notice.path(), "/#session=a%26b%2F%0A");
        notice.origin.clear();
        assert_eq!(notice.link(), None);
    }
}
