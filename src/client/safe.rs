//! Text of others on the terminal of this person. What a model, a command or a file says must not be able to drive the
//! terminal: OSC 52 writes the clipboard, a title can be reported back as if it had been typed, cursor moves and carriage
//! returns rewrite what stands above (the very command that somebody is about to approve), and characters of direction show
//! it in another order than it runs. So nothing of a control sequence is passed but colours, and what is invisible but
//! changes the meaning is made visible. It knows no layout, and it is not for files: `export` takes the colours out as well.

/// Longest control sequence that is looked at; a longer one is dropped to its end all the same.
const SEQUENCE_CHARS: usize = 64;
/// A string (OSC, DCS and their like) without an end would swallow everything: after so many characters text goes on.
const STRING_CHARS: usize = 4096;

/// Cleans one stream of text. A sequence may be cut anywhere between two pieces.
#[derive(Debug, Default)]
pub struct Cleaner {
    /// Let colours through.
    colours: bool,
    state: State,
    /// A colour was let through and not taken back.
    coloured: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Text,
    /// Behind a carriage return: a newline now belongs to it.
    Return,
    /// Behind ESC.
    Escape,
    /// In `ESC [`, with its parameters; `None` when they are too long or hold what no colour has.
    Control(Option<String>),
    /// In a string, after so many characters, and whether the last one was ESC.
    String(usize, bool),
}

impl Cleaner {
    /// For a terminal: colours pass if `colours`.
    pub fn new(colours: bool) -> Self {
        Self {
            colours,
            ..Self::default()
        }
    }

    /// A whole text, without colours.
    pub fn plain(text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        Self::new(false).push(text, &mut out);
        out
    }

    /// A whole text as one line.
    pub fn line(text: &str) -> String {
        Self::plain(text)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Appends the clean form of the next piece.
    pub fn push(&mut self, piece: &str, out: &mut String) {
        for c in piece.chars() {
            self.step(c, out);
        }
    }

    /// The end of the text: takes colours back, and forgets a sequence that has no end.
    pub fn finish(&mut self, out: &mut String) {
        if std::mem::take(&mut self.coloured) {
            out.push_str("\x1b[0m");
        }
        self.state = State::Text;
    }

    fn step(&mut self, c: char, out: &mut String) {
        match std::mem::take(&mut self.state) {
            State::Return if c == '\n' => {}
            State::Text | State::Return => self.text(c, out),
            State::Escape => {
                self.state = match c {
                    '[' => State::Control(Some(String::new())),
                    ']' | 'P' | 'X' | '^' | '_' => State::String(0, false),
                    '\x1b' | ' '..='/' => State::Escape,
                    _ => State::Text,
                }
            }
            State::Control(parameters) => self.control(parameters, c, out),
            State::String(length, escaped) => {
                let over = matches!(c, '\x07' | '\u{9c}' | '\n') || (escaped && c == '\\');
                if c == '\n' {
                    out.push('\n');
                }
                if !over && length < STRING_CHARS {
                    self.state = State::String(length + 1, c == '\x1b');
                }
            }
        }
    }

    fn text(&mut self, c: char, out: &mut String) {
        match c {
            '\x1b' => self.state = State::Escape,
            '\u{9b}' => self.state = State::Control(Some(String::new())),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => self.state = State::String(0, false),
            // A lone return would have the rest of the line written over its beginning.
            '\r' => {
                out.push('\n');
                self.state = State::Return;
            }
            '\n' | '\t' => out.push(c),
            _ if c.is_control() => {}
            _ if is_deceptive(c) => out.push_str(&format!("<U+{:04X}>", u32::from(c))),
            _ => out.push(c),
        }
    }

    fn control(&mut self, parameters: Option<String>, c: char, out: &mut String) {
        match c {
            '\x30'..='\x3f' => {
                let fits =
                    |text: &String| c.is_ascii_digit() && text.len() < SEQUENCE_CHARS || c == ';';
                self.state = State::Control(parameters.filter(fits).map(|mut text| {
                    text.push(c);
                    text
                }));
            }
            ' '..='/' => self.state = State::Control(None),
            'm' => {
                if let Some(colours) = parameters
                    .filter(|_| self.colours)
                    .and_then(|text| colours(&text))
                {
                    self.coloured = colours != "0";
                    out.push_str(&format!("\x1b[{colours}m"));
                }
            }
            '@'..='~' => {}
            // No sequence has this in it: it is text again.
            _ => self.text(c, out),
        }
    }
}

/// The parameters that change nothing but colour and weight; `None` when none is left. Hidden text (8), blinking (5, 6) and
/// everything unknown is left out.
fn colours(parameters: &str) -> Option<String> {
    let mut numbers = parameters
        .split(';')
        .map(|one| one.parse::<u16>().unwrap_or(0));
    let mut kept: Vec<String> = Vec::new();
    while let Some(number) = numbers.next() {
        match number {
            0..=4 | 7 | 21..=24 | 27 | 30..=37 | 39..=47 | 49 | 90..=97 | 100..=107 => {
                kept.push(number.to_string())
            }
            38 | 48 => {
                let more = match numbers.next() {
                    Some(5) => 1,
                    Some(2) => 3,
                    _ => return None,
                };
                let values: Vec<String> = numbers
                    .by_ref()
                    .take(more)
                    .map(|one| one.min(255).to_string())
                    .collect();
                if values.len() < more {
                    return None;
                }
                let kind = if more == 1 { 5 } else { 2 };
                kept.push(format!("{number};{kind};{}", values.join(";")));
            }
            _ => {}
        }
    }
    (!kept.is_empty()).then(|| kept.join(";"))
}

/// What shows text in another order than it stands, or is not seen at all. Joiners stay: emoji and scripts need them.
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coloured(text: &str) -> String {
        let (mut cleaner, mut out) = (Cleaner::new(true), String::new());
        cleaner.push(text, &mut out);
        cleaner.finish(&mut out);
        out
    }

    /// What must come out, wherever the text is cut.
    fn check(text: &str, expected: &str) {
        assert_eq!(coloured(text), expected, "{text:?}");
        let (mut cleaner, mut out) = (Cleaner::new(true), String::new());
        for c in text.chars() {
            cleaner.push(&c.to_string(), &mut out);
        }
        cleaner.finish(&mut out);
        assert_eq!(out, expected, "{text:?} in pieces");
    }

    #[test]
    fn clipboard_title_links_and_reports_are_swallowed() {
        check("a\x1b]52;c;cm0gLXJmIC8=\x07b", "ab");
        check("a\x1b]0;title\x1b\\b", "ab");
        check("a\u{9d}2;title\u{9c}b", "ab");
        check(
            "a\x1b]8;;https://elsewhere.invalid\x07link\x1b]8;;\x07b",
            "alinkb",
        );
        check("a\x1bPq#0;2;0;0;0\x1b\\b", "ab");
        check("a\x1b_G payload\x1b\\b\x1b^x\x1b\\c\x1bXy\x1b\\d", "abcd");
        check("a\x1b[6n\x1b[c\x1b[>0q\x1b[21tb", "ab");
    }

    #[test]
    fn the_cursor_the_screen_and_the_modes_stay_ours() {
        check("a\x1b[2J\x1b[1;1H\x1b[A\x1b[2K\u{9b}3Db", "ab");
        check("a\x1b[?1049h\x1b[?25l\x1b[!pb\x1bc\x1b7\x1b8\x1bMd", "abd");
        check("a\x1b(0b\x1b#8c", "abc");
        check("safe\rrm -rf /", "safe\nrm -rf /");
        check("line\r\nnext\n", "line\nnext\n");
        check("abc\x08\x08\x08xyz\x07\x0b\x0c\x7f\0\u{85}", "abcxyz");
    }

    #[test]
    fn colours_pass_and_are_taken_back_and_hidden_text_is_not_hidden() {
        check("\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m");
        check("\x1b[38;5;200mx", "\x1b[38;5;200mx\x1b[0m");
        check("\x1b[38;2;1;2;300mx", "\x1b[38;2;1;2;255mx\x1b[0m");
        check("\x1b[8mhidden\x1b[5;6m\x1b[m", "hidden\x1b[0m");
        check("\x1b[31;8mx", "\x1b[31mx\x1b[0m");
        check("\x1b[38;5mx\x1b[38;7;1m\x1b[58m", "x");
        check("\x1b[>4;1mx\x1b[?4m\x1b[1 m", "x");
        assert_eq!(Cleaner::plain("\x1b[31mred\x1b[0m"), "red");
    }

    #[test]
    fn what_is_not_seen_is_shown() {
        check("ab\u{202e}cd\u{2066}e", "ab<U+202E>cd<U+2066>e");
        check("x\u{200b}y\u{feff}z", "x<U+200B>y<U+FEFF>z");
        check("\u{2028}\u{e0041}", "<U+2028><U+E0041>");
        check("👩\u{200d}🚀 naïve\t日本", "👩\u{200d}🚀 naïve\t日本");
    }

    #[test]
    fn a_sequence_without_an_end_does_not_swallow_what_follows() {
        check("a\x1b]0;never ends\nb", "a\nb");
        let long = format!("a\x1b]0;{}b", "x".repeat(STRING_CHARS + 1));
        assert!(coloured(&long).ends_with("xxb"));
        check("a\x1b[31\nb", "a\nb");
        check("a\x1b[1;2;3é", "aé");
        assert_eq!(coloured(&format!("\x1b[{}mx", "1".repeat(500))), "x");
    }

    #[test]
    fn one_line_stays_one_line() {
        assert_eq!(Cleaner::line(" a\n\x1b[1mb\r\tc "), "a b c");
    }
}
