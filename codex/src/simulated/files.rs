//! `fuzzyFileSearch`: the files under the roots whose path has the letters of the query in their order.
//!
//! Not a ranking as Codex has it: short paths come first, which is enough to try a client with.

use std::path::Path;

use serde_json::{Value, json};

/// Files in one answer.
const MAX_FILES: usize = 50;
/// Files looked at, so that a large tree costs no more than a moment.
const MAX_SEEN: usize = 5_000;
/// Folders below a root.
const MAX_DEPTH: usize = 8;

/// The answer.
pub(super) fn search(params: &Value) -> Value {
    let query = params["query"].as_str().unwrap_or_default().to_lowercase();
    let mut found = Vec::new();
    let roots = params["roots"].as_array().into_iter().flatten();
    for root in roots.filter_map(Value::as_str) {
        let mut seen = 0;
        walk(Path::new(root), "", 0, &mut seen, &mut |path| {
            if holds(&path.to_lowercase(), &query) {
                let name = path.rsplit('/').next().unwrap_or(path);
                found.push(json!({
                    "root": root, "path": path, "file_name": name, "match_type": "file", "score": 1, "indices": null,
                }));
            }
        });
    }
    let length = |file: &Value| file["path"].as_str().map(str::len);
    found.sort_by_key(length);
    found.truncate(MAX_FILES);
    json!({"files": found})
}

fn holds(path: &str, query: &str) -> bool {
    let mut letters = path.chars();
    query.chars().all(|wanted| letters.any(|c| c == wanted))
}

fn walk(folder: &Path, before: &str, depth: usize, seen: &mut usize, each: &mut impl FnMut(&str)) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        *seen += 1;
        if *seen > MAX_SEEN {
            return;
        }
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{before}{name}");
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => {
                walk(&entry.path(), &format!("{path}/"), depth + 1, seen, each);
            }
            Ok(kind) if kind.is_file() => each(&path),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_letters_in_their_order_and_hidden_ones_are_not() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("src/tab")).unwrap();
        for file in ["src/tab/policy.rs", "src/lib.rs", ".secret", "notes.md"] {
            std::fs::write(root.path().join(file), "").unwrap();
        }
        let paths = |query: &str| {
            let found = search(&json!({"query": query, "roots": [root.path()]}));
            let paths = found["files"].as_array().unwrap().clone();
            let path = |file: Value| file["path"].as_str().unwrap().to_owned();
            paths.into_iter().map(path).collect::<Vec<_>>()
        };
        assert_eq!(paths("POL"), ["src/tab/policy.rs"]);
        assert_eq!(paths("rs"), ["src/lib.rs", "src/tab/policy.rs"]);
        assert_eq!(paths("secret"), [""; 0]);
    }
}
