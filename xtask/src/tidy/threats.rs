//! The table of threats in docs/security.md: each row once, with files and tests that exist. Does not judge the tests.

use std::collections::BTreeSet;

use super::tree::Tree;

/// The page with the table.
pub const PAGE: &str = "docs/security.md";
/// Rows of the threat model.
const ROWS: std::ops::RangeInclusive<u32> = 1..=48;

/// What the table says that is not so.
pub fn have_tests(tree: &Tree) -> Vec<String> {
    let Some((_, page)) = tree.pages.iter().find(|(path, _)| path == PAGE) else {
        return vec![format!("{PAGE}: missing")];
    };
    let mut violations = Vec::new();
    let mut rows = Vec::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, number, _, guard, tests, _] = cells.as_slice() else {
            continue;
        };
        let Ok(number) = number.parse::<u32>() else {
            continue;
        };
        rows.push(number);
        let (guards, tests) = (names(guard), names(tests));
        if guards.is_empty() || tests.is_empty() {
            violations.push(format!("{PAGE}: row {number} names no guard or no test"));
        }
        let lost = guards.iter().filter(|path| !tree.paths.contains(**path));
        violations.extend(lost.map(|path| format!("{PAGE}: row {number}: there is no {path}")));
        let lost = tests.iter().filter(|name| !has_test(tree, name));
        violations
            .extend(lost.map(|name| format!("{PAGE}: row {number}: there is no test {name}")));
    }
    let once: BTreeSet<u32> = rows.iter().copied().collect();
    if once.len() != rows.len() || !once.iter().copied().eq(ROWS) {
        violations.push(format!(
            "{PAGE}: needs each row from 1 to {} once",
            ROWS.end()
        ));
    }
    violations
}

/// What stands between backticks.
fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Whether a Rust test or a browser test has this name.
fn has_test(tree: &Tree, name: &str) -> bool {
    let function = format!("fn {name}(");
    let rust = tree.sources.iter().any(|source| {
        source.code.match_indices(&function).any(|(at, _)| {
            // The attribute that makes it a test stands close before it.
            let before = &source.code[..at];
            let start = before.rfind('}').unwrap_or(0);
            before[start..].contains("test")
        })
    });
    let script = format!("it(\"{name}\"");
    rust || tree
        .script_tests
        .iter()
        .any(|(_, text)| text.contains(&script))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree_with(row: &str) -> Tree {
        let mut tree = Tree::default();
        let rows: String = ROWS
            .filter(|number| *number != 7)
            .map(|number| format!("| {number} | x | `src/a.rs` | `it_is_so` |\n"))
            .collect();
        tree.add(PAGE, format!("{rows}{row}\n"));
        tree.add(
            "src/a.rs",
            "//! A.\n#[test]\nfn it_is_so() {}\nfn helper() {}\n".to_owned(),
        );
        tree.add(
            "tests/browser/a.test.mjs",
            "it(\"is so, too\", () => {})".to_owned(),
        );
        tree
    }

    #[test]
    fn each_row_has_a_guard_and_a_test_that_exist() {
        for row in [
            "| 7 | x | `src/a.rs` | `it_is_so` |",
            "| 7 | x | `src/a.rs` | `is so, too`, `it_is_so` |",
        ] {
            assert_eq!(have_tests(&tree_with(row)), Vec::<String>::new());
        }
        for (row, said) in [
            ("", "needs each row from 1 to 48 once"),
            (
                "| 8 | x | `src/a.rs` | `it_is_so` |",
                "needs each row from 1 to 48 once",
            ),
            (
                "| 7 | x | `src/b.rs` | `it_is_so` |",
                "row 7: there is no src/b.rs",
            ),
            (
                "| 7 | x | `src/a.rs` | `it_was_so` |",
                "row 7: there is no test it_was_so",
            ),
            (
                "| 7 | x | `src/a.rs` | `helper` |",
                "row 7: there is no test helper",
            ),
            (
                "| 7 | x | `src/a.rs` | |",
                "row 7 names no guard or no test",
            ),
        ] {
            assert_eq!(
                have_tests(&tree_with(row)),
                [format!("{PAGE}: {said}")],
                "{row}"
            );
        }
    }
}
