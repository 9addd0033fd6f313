//! How output looks: colours on terminals alone, columns that line up, ages. Not what is said.

use std::io::IsTerminal;

use unicode_width::UnicodeWidthStr as _;

/// Colours, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    /// Whether sequences are written.
    pub on: bool,
}

impl Paint {
    /// For one of the standard streams: only on a terminal, and not when `NO_COLOR` says so (<https://no-color.org>).
    pub fn of(stream: &impl IsTerminal) -> Self {
        let refused = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            on: stream.is_terminal() && !refused("NO_COLOR") && !dumb,
        }
    }

    fn put(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Headings.
    pub fn bold(self, text: &str) -> String {
        self.put("1", text)
    }

    /// What matters less.
    pub fn dim(self, text: &str) -> String {
        self.put("2", text)
    }

    /// What went well.
    pub fn good(self, text: &str) -> String {
        self.put("32", text)
    }

    /// What needs a person.
    pub fn warn(self, text: &str) -> String {
        self.put("33", text)
    }

    /// What went wrong.
    pub fn bad(self, text: &str) -> String {
        self.put("31", text)
    }

    /// The word for a session's or a bridge's state in its colour.
    pub fn state(self, word: &str) -> String {
        match word {
            "working" | "up" | "running" | "writing" | "completed" => self.good(word),
            "needsYou" | "stalled" | "backoff" | "starting" | "interrupted" => self.warn(word),
            "failed" | "quarantined" | "down" => self.bad(word),
            _ => word.to_owned(),
        }
    }
}

/// Rows in columns; the first row is the heading. The last column is not padded.
pub fn columns(
    rows: &[Vec<String>],
    paint: Paint,
    colour: impl Fn(usize, &str) -> String,
) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.width())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        for (column, cell) in row.iter().enumerate() {
            text += &if at == 0 {
                paint.dim(cell)
            } else {
                colour(column, cell)
            };
            if column + 1 < row.len() {
                text += &" ".repeat(widths[column] - cell.width() + 2);
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

/// At most so many columns of a text, with a mark where it was cut.
pub fn cut(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if kept.width() + c.to_string().width() + 1 > most {
            break;
        }
        kept.push(c);
    }
    kept + "…"
}

/// "3 h", to the largest unit.
pub fn span(ms: u64) -> String {
    match ms / 1000 {
        0 if ms > 0 => format!("{:.1} s", ms as f64 / 1000.0),
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// "12.3 MiB".
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{count} B"),
        _ => format!("{value:.1} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_also_where_letters_are_wide() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [
            row(["ID", "STATE", "TITLE"]),
            row(["a", "日本", "x"]),
            row(["abc", "up", ""]),
        ];
        let off = Paint { on: false };
        assert_eq!(
            columns(&rows, off, |_, cell| cell.to_owned()),
            "ID   STATE  TITLE\na    日本   x\nabc  up\n"
        );
        let on = Paint { on: true };
        assert!(columns(&rows, on, |_, cell| on.state(cell)).contains("\x1b[32mup\x1b[0m"));
    }

    #[test]
    fn long_texts_are_cut_with_a_mark() {
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abc", 3), "abc");
    }

    #[test]
    fn spans_and_sizes_are_short() {
        assert_eq!(
            [span(0), span(240), span(61_000), span(7_300_000)],
            ["0 s", "0.2 s", "1 min", "2 h"]
        );
        assert_eq!(
            [bytes(12), bytes(2048), bytes(5 << 20)],
            ["12 B", "2.0 KiB", "5.0 MiB"]
        );
    }
}
