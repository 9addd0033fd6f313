//! Finds the Codex to run: the configured one or the one on PATH, and behind the npm wrapper the native binary.
//!
//! The wrapper is a Node script that stays the parent of the real process: it costs memory and start-up time, and when
//! it is killed the real one lives on. It does not run anything; [`crate::version`] judges what was found.

use std::{
    env::consts::{ARCH, OS},
    ffi::OsStr,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use crate::process::is_executable;

/// The npm package of each platform, and the folder of its binary.
const PLATFORMS: [(&str, &str, &str, &str); 4] = [
    (
        "linux",
        "x86_64",
        "codex-linux-x64",
        "x86_64-unknown-linux-musl",
    ),
    (
        "linux",
        "aarch64",
        "codex-linux-arm64",
        "aarch64-unknown-linux-musl",
    ),
    ("macos", "x86_64", "codex-darwin-x64", "x86_64-apple-darwin"),
    (
        "macos",
        "aarch64",
        "codex-darwin-arm64",
        "aarch64-apple-darwin",
    ),
];

/// A Codex that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codex {
    /// What to execute.
    pub program: PathBuf,
    /// The npm wrapper that led to it, when there was one.
    pub wrapper: Option<PathBuf>,
}

/// No Codex that can be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// `codex.path` is set, but there is nothing to execute.
    #[error(
        "codex.path is {path}, but that is not an executable file; correct it, or remove it to search PATH"
    )]
    Configured {
        /// The configured path.
        path: PathBuf,
    },
    /// No folder of PATH has it.
    #[error("no executable `codex` in PATH ({}); install it with `npm install -g @openai/codex`, or set codex.path",
            .tried.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", "))]
    NotOnPath {
        /// The folders that were searched, in order.
        tried: Vec<PathBuf>,
    },
    /// The npm wrapper is there, but not the binary that it would run.
    #[error("{wrapper} is the npm wrapper of codex, but its native binary is missing (tried {}); \
             reinstall with `npm install -g @openai/codex`, or set codex.path to the native binary",
            .tried.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "))]
    NoNativeBinary {
        /// The wrapper.
        wrapper: PathBuf,
        /// Where the binary was looked for, in order.
        tried: Vec<PathBuf>,
    },
}

/// Finds Codex: `configured` when it is set, else `codex` in the folders of `path_env`.
///
/// # Errors
/// [`NotFound`] says what was tried and what to do.
pub fn find(configured: Option<&Path>, path_env: &OsStr) -> Result<Codex, NotFound> {
    match configured {
        Some(path) if is_executable(path) => see_through(path),
        Some(path) => Err(NotFound::Configured {
            path: path.to_owned(),
        }),
        None => {
            // An empty entry of PATH means the current folder, which is no place to take programs from.
            let dirs: Vec<_> = std::env::split_paths(path_env)
                .filter(|dir| dir.is_absolute())
                .collect();
            match dirs
                .iter()
                .map(|dir| dir.join("codex"))
                .find(|path| is_executable(path))
            {
                Some(path) => see_through(&path),
                None => Err(NotFound::NotOnPath { tried: dirs }),
            }
        }
    }
}

/// The native binary behind `path`, which may be it already.
fn see_through(path: &Path) -> Result<Codex, NotFound> {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if !is_node_script(&real) {
        return Ok(Codex {
            program: real,
            wrapper: None,
        });
    }
    let tried = candidates(&real);
    match tried.iter().find(|path| is_executable(path)) {
        Some(program) => Ok(Codex {
            program: program.clone(),
            wrapper: Some(real),
        }),
        None => Err(NotFound::NoNativeBinary {
            wrapper: real,
            tried,
        }),
    }
}

/// Where the binary of the wrapper `.../node_modules/@openai/codex/bin/codex.js` may be.
fn candidates(wrapper: &Path) -> Vec<PathBuf> {
    let Some((.., package, triple)) = PLATFORMS
        .iter()
        .find(|(os, arch, ..)| (*os, *arch) == (OS, ARCH))
    else {
        return Vec::new();
    };
    let Some(root) = wrapper.parent().and_then(Path::parent) else {
        return Vec::new();
    };
    let binary = Path::new("vendor").join(triple).join("bin/codex");
    // Node's own search: the package's node_modules, then those of every folder above; last the wrapper's own fallback.
    root.ancestors()
        .map(|dir| dir.join("node_modules/@openai").join(package).join(&binary))
        .chain([root.join(&binary)])
        .collect()
}

/// Whether this is a script that Node runs.
fn is_node_script(path: &Path) -> bool {
    /// Enough for any interpreter line, in bytes.
    const HEAD: u64 = 128;
    if path
        .extension()
        .is_some_and(|extension| extension == "js" || extension == "mjs" || extension == "cjs")
    {
        return true;
    }
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    read.is_ok() && first.starts_with(b"#!") && memchr::memmem::find(first, b"node").is_some()
}
