//! The messages that docs/troubleshooting.md quotes: each is one that the program says. Does not judge the advice beside them.

use super::tree::Tree;

/// The page with the tables.
const PAGE: &str = "docs/troubleshooting.md";
/// A quoted text with fewer words is a name or a key, not a message.
const LEAST_WORDS: usize = 3;

/// What the page quotes that no code says.
pub fn are_said(tree: &Tree) -> Vec<String> {
    let Some((_, page)) = tree.pages.iter().find(|(path, _)| path == PAGE) else {
        return vec![format!("{PAGE}: missing")];
    };
    let said: Vec<String> = tree
        .sources
        .iter()
        .map(|source| joined(&source.text))
        .collect();
    let quoted = page.lines().filter_map(first_cell).flat_map(pieces);
    let unknown = quoted.filter(|piece| !said.iter().any(|text| text.contains(piece.as_str())));
    unknown
        .map(|piece| format!("{PAGE}: nothing says {piece:?}"))
        .collect()
}

/// A text with the literals that go on in the next line made whole.
fn joined(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    for (at, part) in text.split("\\\n").enumerate() {
        joined.push_str(if at == 0 { part } else { part.trim_start() });
    }
    joined
}

fn first_cell(line: &str) -> Option<&str> {
    line.strip_prefix('|')?.split('|').next()
}

/// What stands between backticks or stars in a cell, cut where something is left out.
fn pieces(cell: &str) -> Vec<String> {
    let quoted = cell.split(['`', '*']).skip(1).step_by(2);
    let pieces = quoted.flat_map(|quoted| quoted.split('…')).map(str::trim);
    let long = pieces.filter(|piece| piece.split_whitespace().count() >= LEAST_WORDS);
    long.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_nothing_says_is_found_and_one_over_two_lines_is_not() {
        let mut tree = Tree::default();
        tree.add(
            PAGE,
            "| `the disk … is quite full` | x |\n| *no one says this*, `log.file` | `nor is this looked at` |\n".to_owned(),
        );
        tree.add(
            "src/a.rs",
            "//! A.\nconst A: &str = \"is \\\n    quite full\";\n".to_owned(),
        );
        assert_eq!(
            are_said(&tree),
            [format!("{PAGE}: nothing says \"no one says this\"")]
        );
    }
}
