//! The house rules: who may use which library, which way dependencies point, and what no file may hold.
//!
//! Only what a compiler or clippy cannot say; each rule is a function from the tree to its violations.

mod code;
mod manifest;
mod messages;
mod threats;
mod tree;

use std::path::Path;

use anyhow::Context as _;

use self::manifest::Manifest;
use self::tree::Tree;

/// Libraries that stay in one room, with that room.
const ROOMS: [(&str, &str); 3] = [
    ("kameo", "actors"),
    ("axum", "web"),
    ("rusqlite", "journal"),
];

/// What each of our crates may depend on; the root package may use everything.
const DIRECTION: [(&str, &[&str]); 8] = [
    (
        "actors",
        &["codex", "config", "journal", "notify", "redaction"],
    ),
    ("codex", &[]),
    ("config", &[]),
    ("journal", &[]),
    ("notify", &["config"]),
    ("redaction", &[]),
    ("web", &["actors", "config"]),
    ("xtask", &[]),
];

/// Things that hide a gap, and the reason given for refusing them.
const GAPS: [(&str, &str); 3] = [
    ("#[ignore", "a test that does not run proves nothing"),
    ("todo!", "unfinished code is not committed"),
    ("unimplemented!", "unfinished code is not committed"),
];

/// The same for the JavaScript tests.
const SCRIPT_GAPS: [&str; 4] = [".skip(", ".only(", ".todo(", "skip: true"];

/// All violations in the workspace at `root`, each `file: what is wrong`.
pub fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let tree = Tree::read(root).context("read the workspace")?;
    let rules = [
        libraries_stay_in_their_room,
        dependencies_point_one_way,
        dependencies_come_from_the_workspace,
        lints_come_from_the_workspace,
        files_say_what_they_are_for,
        locks_come_from_parking_lot,
        nothing_hides_a_gap,
        lock_files_hold_no_addresses,
        threats::have_tests,
        messages::are_said,
    ];
    Ok(rules.iter().flat_map(|rule| rule(&tree)).collect())
}

fn libraries_stay_in_their_room(tree: &Tree) -> Vec<String> {
    let mut violations = Vec::new();
    for (library, room) in ROOMS {
        for manifest in &tree.manifests {
            // Tests of the root package may open the journal's file to see what is in it.
            let shipped = manifest.dependencies.iter().any(|name| name == library);
            if shipped && manifest.folder != room {
                violations.push(format!("{}: {library} belongs in {room}", manifest.path));
            }
        }
        for source in &tree.sources {
            let outside = source.folder != room && source.folder != "tests";
            if outside && code::uses_crate(&source.code, library) {
                violations.push(format!("{}: {library} belongs in {room}", source.path));
            }
        }
    }
    violations
}

fn dependencies_point_one_way(tree: &Tree) -> Vec<String> {
    let mut violations = Vec::new();
    for manifest in &tree.manifests {
        let Some((_, allowed)) = DIRECTION.iter().find(|(name, _)| *name == manifest.folder) else {
            if !manifest.folder.is_empty() {
                violations.push(format!(
                    "{}: this crate has no place in DIRECTION",
                    manifest.path
                ));
            }
            continue;
        };
        let ours = |name: &&String| DIRECTION.iter().any(|(crate_name, _)| crate_name == name);
        for name in manifest.all_dependencies().filter(ours) {
            if !allowed.contains(&name.as_str()) {
                violations.push(format!("{}: must not depend on {name}", manifest.path));
            }
        }
    }
    violations
}

fn dependencies_come_from_the_workspace(tree: &Tree) -> Vec<String> {
    let outside = |manifest: &Manifest| -> Vec<String> {
        let name = |name: &String| {
            format!(
                "{}: {name} must come from [workspace.dependencies]",
                manifest.path
            )
        };
        manifest.own_versions.iter().map(name).collect()
    };
    tree.manifests.iter().flat_map(outside).collect()
}

fn lints_come_from_the_workspace(tree: &Tree) -> Vec<String> {
    let lax = tree
        .manifests
        .iter()
        .filter(|manifest| !manifest.workspace_lints);
    lax.map(|manifest| format!("{}: lints must come from the workspace", manifest.path))
        .collect()
}

fn files_say_what_they_are_for(tree: &Tree) -> Vec<String> {
    let silent = tree
        .sources
        .iter()
        .filter(|source| !source.text.starts_with("//! "));
    silent
        .map(|source| format!("{}: must open with `//!` and its purpose", source.path))
        .collect()
}

fn locks_come_from_parking_lot(tree: &Tree) -> Vec<String> {
    let mut violations = Vec::new();
    for source in &tree.sources {
        for lock in ["Mutex", "RwLock"] {
            if code::uses_from(&source.code, "std::sync", lock) {
                violations.push(format!("{}: {lock} comes from parking_lot", source.path));
            }
        }
    }
    violations
}

fn nothing_hides_a_gap(tree: &Tree) -> Vec<String> {
    let mut violations = Vec::new();
    for source in &tree.sources {
        for (gap, why) in GAPS {
            if source.code.contains(gap) {
                violations.push(format!("{}: `{gap}`: {why}", source.path));
            }
        }
    }
    for (path, text) in &tree.script_tests {
        for gap in SCRIPT_GAPS {
            if text.contains(gap) {
                violations.push(format!(
                    "{path}: `{gap}`: a test that does not run proves nothing"
                ));
            }
        }
    }
    violations
}

fn lock_files_hold_no_addresses(tree: &Tree) -> Vec<String> {
    let registry = r#"source = "registry+https://github.com/rust-lang/crates.io-index""#;
    let mut violations = Vec::new();
    for (path, text) in &tree.locks {
        let foreign = |line: &&str| {
            let line = line.trim_start();
            line.starts_with("\"resolved\"") || line.starts_with("source = ") && line != registry
        };
        if let Some(line) = text.lines().find(foreign) {
            violations.push(format!("{path}: holds an address: {}", line.trim()));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations_of(rule: fn(&Tree) -> Vec<String>) -> Vec<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        rule(&Tree::read(root).unwrap())
    }

    fn tree_of(path: &str, text: &str) -> Tree {
        let mut tree = Tree::default();
        tree.add(path, text.to_owned());
        tree
    }

    #[test]
    fn kameo_axum_and_rusqlite_stay_in_their_rooms() {
        assert_eq!(
            violations_of(libraries_stay_in_their_room),
            Vec::<String>::new()
        );
        let stray = tree_of("src/app.rs", "use kameo::Actor;\n");
        assert_eq!(
            libraries_stay_in_their_room(&stray),
            ["src/app.rs: kameo belongs in actors"]
        );
        let stray = tree_of(
            "codex/Cargo.toml",
            "[dependencies]\naxum.workspace = true\n",
        );
        assert_eq!(
            libraries_stay_in_their_room(&stray),
            ["codex/Cargo.toml: axum belongs in web"]
        );
    }

    #[test]
    fn crates_depend_only_on_what_the_design_allows() {
        assert_eq!(
            violations_of(dependencies_point_one_way),
            Vec::<String>::new()
        );
        let wrong = tree_of(
            "journal/Cargo.toml",
            "[dev-dependencies]\ncodex.workspace = true\n",
        );
        let expected = ["journal/Cargo.toml: must not depend on codex"];
        assert_eq!(dependencies_point_one_way(&wrong), expected);
    }

    #[test]
    fn every_dependency_comes_from_the_workspace() {
        assert_eq!(
            violations_of(dependencies_come_from_the_workspace),
            Vec::<String>::new()
        );
        let wrong = tree_of("web/Cargo.toml", "[dependencies]\nbytes = \"1\"\n");
        let expected = ["web/Cargo.toml: bytes must come from [workspace.dependencies]"];
        assert_eq!(dependencies_come_from_the_workspace(&wrong), expected);
    }

    #[test]
    fn every_crate_takes_the_lints_of_the_workspace() {
        assert_eq!(
            violations_of(lints_come_from_the_workspace),
            Vec::<String>::new()
        );
        let lax = tree_of("web/Cargo.toml", "[package]\nname = \"w\"\n");
        assert_eq!(
            lints_come_from_the_workspace(&lax),
            ["web/Cargo.toml: lints must come from the workspace"]
        );
    }

    #[test]
    fn every_file_opens_with_its_purpose() {
        assert_eq!(
            violations_of(files_say_what_they_are_for),
            Vec::<String>::new()
        );
        let silent = tree_of("src/app.rs", "// An app.\n");
        let expected = ["src/app.rs: must open with `//!` and its purpose"];
        assert_eq!(files_say_what_they_are_for(&silent), expected);
    }

    #[test]
    fn no_lock_comes_from_std() {
        assert_eq!(
            violations_of(locks_come_from_parking_lot),
            Vec::<String>::new()
        );
        for text in [
            "use std::sync::{Arc, Mutex};",
            "let a = std::sync::Mutex::new(1);",
        ] {
            let wrong = tree_of("src/app.rs", text);
            let expected = ["src/app.rs: Mutex comes from parking_lot"];
            assert_eq!(locks_come_from_parking_lot(&wrong), expected, "{text}");
        }
    }

    #[test]
    fn no_test_is_ignored_and_no_code_is_left_open() {
        assert_eq!(violations_of(nothing_hides_a_gap), Vec::<String>::new());
        let open = tree_of("src/app.rs", "fn a() { todo!() }\n");
        let expected = ["src/app.rs: `todo!`: unfinished code is not committed"];
        assert_eq!(nothing_hides_a_gap(&open), expected);
        let skipped = tree_of("tests/browser/a.test.mjs", "test.skip('x', () => {})");
        let expected =
            "tests/browser/a.test.mjs: `.skip(`: a test that does not run proves nothing";
        assert_eq!(nothing_hides_a_gap(&skipped), [expected]);
    }

    #[test]
    fn each_threat_of_the_documentation_has_a_guard_and_a_test() {
        assert_eq!(violations_of(threats::have_tests), Vec::<String>::new());
    }

    #[test]
    fn each_message_that_the_documentation_explains_is_one_that_is_said() {
        assert_eq!(violations_of(messages::are_said), Vec::<String>::new());
    }

    #[test]
    fn lock_files_name_packages_and_not_where_to_fetch_them() {
        assert_eq!(
            violations_of(lock_files_hold_no_addresses),
            Vec::<String>::new()
        );
        let address = tree_of(
            "web/ui/package-lock.json",
            "  \"resolved\": \"https://x/y.tgz\",\n",
        );
        let expected =
            ["web/ui/package-lock.json: holds an address: \"resolved\": \"https://x/y.tgz\","];
        assert_eq!(lock_files_hold_no_addresses(&address), expected);
    }
}
