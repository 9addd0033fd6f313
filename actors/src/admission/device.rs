//! What a device is called in lists and logs: short, escaped, made from what the client says of itself. It decides nothing:
//! any client may say anything.

/// Longest name in characters; more is cut.
const MOST_CHARS: usize = 120;

/// Browsers by the word that only they have in their User-Agent; who pretends to be another stands before it.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("CriOS/", "Chrome"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];
/// Systems likewise.
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
];

/// A browser's own name, fit for lists and logs: control and bidirectional characters escaped, cut.
pub fn device_label(text: &str) -> String {
    let mut label = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == MOST_CHARS {
            label.push('…');
            break;
        }
        if c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            label.extend(c.escape_default());
        } else {
            label.push(c);
        }
    }
    label
}

/// What a person would call the device of this User-Agent, such as "Safari on iPhone"; its label when it is no browser.
pub(super) fn device_name(user_agent: &str) -> String {
    let found = |words: &[(&str, &'static str)]| {
        let known = words.iter().find(|(word, _)| user_agent.contains(word));
        known.map(|(_, name)| *name)
    };
    match (found(&BROWSERS), found(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        _ if user_agent.trim().is_empty() => "a device that does not say what it is".to_owned(),
        _ => device_label(user_agent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_browsers_get_the_name_that_their_owners_know() {
        let cases = [
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 \
                 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 \
                 Edg/140.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
                "Firefox on Linux",
            ),
            ("curl/8.14.1", "curl/8.14.1"),
            ("", "a device that does not say what it is"),
        ];
        for (user_agent, name) in cases {
            assert_eq!(device_name(user_agent), name);
        }
    }

    #[test]
    fn a_label_is_one_short_line_of_visible_characters() {
        assert_eq!(device_label("a\nb\u{1b}[2J"), "a\\nb\\u{1b}[2J");
        assert_eq!(device_label("a\u{202e}b"), "a\\u{202e}b");
        let long = device_label(&"x".repeat(64 * 1024));
        assert_eq!(long.chars().count(), MOST_CHARS + 1);
    }
}
