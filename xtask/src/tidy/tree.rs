//! The files of the workspace that the house rules look at, read once.
//!
//! Not what git tracks: a rule also holds for a file that is not committed yet.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::code;
use super::manifest::Manifest;

/// Folders that hold nothing of ours.
const FOREIGN: [&str; 5] = ["target", "node_modules", "dist", ".git", ".tools"];

/// One Rust file.
pub struct Source {
    /// Path from the root, with `/`.
    pub path: String,
    /// The first folder of `path`: the crate, or `src` and `tests` of the root package.
    pub folder: String,
    /// The text as it is.
    pub text: String,
    /// The text without comments and the content of literals.
    pub code: String,
}

/// Everything the rules read.
#[derive(Default)]
pub struct Tree {
    /// All Rust files.
    pub sources: Vec<Source>,
    /// All crate manifests.
    pub manifests: Vec<Manifest>,
    /// Path and text of all lock files, of cargo and of npm.
    pub locks: Vec<(String, String)>,
    /// Path and text of all JavaScript and TypeScript tests.
    pub script_tests: Vec<(String, String)>,
    /// Path and text of the pages under docs.
    pub pages: Vec<(String, String)>,
    /// Paths of all files, also of those that are not read.
    pub paths: BTreeSet<String>,
}

impl Tree {
    /// Reads the workspace at `root`.
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let mut tree = Self::default();
        tree.read_folder(root, "")?;
        Ok(tree)
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> anyhow::Result<()> {
        let context = || format!("list {}", folder.display());
        let mut entries = folder
            .read_dir()
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(context)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if prefix.is_empty() {
                name.clone()
            } else {
                format!("{prefix}/{name}")
            };
            if entry.file_type()?.is_dir() {
                if !FOREIGN.contains(&name.as_str()) {
                    self.read_folder(&entry.path(), &path)?;
                }
            } else if is_wanted(&path) {
                let text =
                    fs::read_to_string(entry.path()).with_context(|| format!("read {path}"))?;
                self.add(&path, text);
            } else {
                self.paths.insert(path);
            }
        }
        Ok(())
    }

    /// Files `text` under what its path says it is.
    pub fn add(&mut self, path: &str, text: String) {
        let (folder, name) = (first_folder(path), path.rsplit('/').next().unwrap_or(path));
        let path = path.to_owned();
        self.paths.insert(path.clone());
        if name == "Cargo.toml" {
            self.manifests.push(Manifest::parse(path, folder, &text));
        } else if name == "Cargo.lock" || name == "package-lock.json" {
            self.locks.push((path, text));
        } else if name.ends_with(".rs") {
            let code = code::only(&text);
            self.sources.push(Source {
                path,
                folder,
                text,
                code,
            });
        } else if name.ends_with(".md") {
            self.pages.push((path, text));
        } else {
            self.script_tests.push((path, text));
        }
    }
}

fn is_wanted(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ends = [".rs", ".test.mjs", ".test.js", ".test.ts", ".test.tsx"];
    matches!(name, "Cargo.toml" | "Cargo.lock" | "package-lock.json")
        || ends.iter().any(|end| name.ends_with(end))
        || (path.starts_with("docs/") && name.ends_with(".md"))
}

/// The first folder of `path`; empty for a file at the root.
fn first_folder(path: &str) -> String {
    path.split_once('/')
        .map_or_else(String::new, |(folder, _)| folder.to_owned())
}
