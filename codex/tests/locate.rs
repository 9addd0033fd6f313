//! Finding Codex in installations as package managers lay them out.

#![allow(
    clippy::unwrap_used,
    reason = "an unwrap is how a test says that this must be so"
)]

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use codex::locate::{Codex, NotFound, find};

/// The platform package of this machine and the folder of its binary, as npm has them.
fn platform() -> (&'static str, &'static str) {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => ("codex-linux-x64", "x86_64-unknown-linux-musl"),
        ("linux", "aarch64") => ("codex-linux-arm64", "aarch64-unknown-linux-musl"),
        ("macos", "x86_64") => ("codex-darwin-x64", "x86_64-apple-darwin"),
        ("macos", "aarch64") => ("codex-darwin-arm64", "aarch64-apple-darwin"),
        other => panic!("codex has no package for {other:?}"),
    }
}

/// An installation in a temporary folder.
struct Installation {
    _folder: tempfile::TempDir,
    root: PathBuf,
}

impl Installation {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        Self {
            _folder: folder,
            root,
        }
    }

    fn file(&self, path: &str, content: &str, mode: u32) -> PathBuf {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn program(&self, path: &str) -> PathBuf {
        self.file(path, "\x7fELF", 0o755)
    }

    /// The wrapper in `modules`, linked to from `bin/codex`.
    fn wrapper(&self, modules: &str) -> PathBuf {
        let path = format!("{modules}/@openai/codex/bin/codex.js");
        let wrapper = self.file(&path, "#!/usr/bin/env node\nimport x", 0o755);
        let bin = self.root.join("bin");
        fs::create_dir_all(&bin).unwrap();
        symlink(&wrapper, bin.join("codex")).unwrap();
        wrapper
    }

    /// The native binary below the folder of the platform packages.
    fn native(&self, scope: &str) -> PathBuf {
        let (package, triple) = platform();
        self.program(&format!("{scope}/{package}/vendor/{triple}/bin/codex"))
    }

    fn path(&self, dirs: &[&str]) -> OsString {
        std::env::join_paths(dirs.iter().map(|dir| self.root.join(dir))).unwrap()
    }
}

#[test]
fn the_first_executable_on_path_is_taken() {
    let installation = Installation::new();
    installation.file("a/codex", "not executable", 0o644);
    fs::create_dir_all(installation.root.join("b/codex")).unwrap();
    let program = installation.program("c/codex");
    installation.program("d/codex");
    let found = find(None, &installation.path(&["missing", "a", "b", "c", "d"]));
    assert_eq!(
        found,
        Ok(Codex {
            program,
            wrapper: None
        })
    );
}

#[test]
fn the_configured_path_wins_over_path() {
    let installation = Installation::new();
    installation.program("a/codex");
    let program = installation.program("opt/my-codex");
    let found = find(Some(&program), &installation.path(&["a"]));
    assert_eq!(
        found,
        Ok(Codex {
            program,
            wrapper: None
        })
    );
}

#[test]
fn a_link_is_followed_so_that_an_update_does_not_change_a_running_host() {
    let installation = Installation::new();
    let program = installation.program("versions/1/codex");
    fs::create_dir_all(installation.root.join("bin")).unwrap();
    symlink(&program, installation.root.join("bin/codex")).unwrap();
    assert_eq!(
        find(None, &installation.path(&["bin"])),
        Ok(Codex {
            program,
            wrapper: None
        })
    );
}

#[test]
fn the_native_binary_is_found_behind_the_npm_wrapper() {
    for scope in [
        "lib/node_modules/@openai",
        "lib/node_modules/@openai/codex/node_modules/@openai",
    ] {
        let installation = Installation::new();
        let wrapper = installation.wrapper("lib/node_modules");
        let program = installation.native(scope);
        let expected = Codex {
            program,
            wrapper: Some(wrapper.clone()),
        };
        assert_eq!(
            find(None, &installation.path(&["bin"])),
            Ok(expected.clone())
        );
        assert_eq!(find(Some(&wrapper), &OsString::new()), Ok(expected));
    }
}

#[test]
fn the_nested_binary_wins_as_it_does_for_node() {
    let installation = Installation::new();
    let wrapper = installation.wrapper("node_modules");
    installation.native("node_modules/@openai");
    let program = installation.native("node_modules/@openai/codex/node_modules/@openai");
    let found = find(None, &installation.path(&["bin"]));
    assert_eq!(
        found,
        Ok(Codex {
            program,
            wrapper: Some(wrapper)
        })
    );
}

#[test]
fn the_binary_is_found_in_pnpm_s_store_and_inside_the_package() {
    let store = "node_modules/.pnpm/@openai+codex@0.169.0/node_modules";
    let installation = Installation::new();
    let wrapper = installation.wrapper(store);
    let program = installation.native(&format!("{store}/@openai"));
    let found = find(None, &installation.path(&["bin"]));
    assert_eq!(
        found,
        Ok(Codex {
            program,
            wrapper: Some(wrapper)
        })
    );

    let installation = Installation::new();
    let wrapper = installation.wrapper("node_modules");
    let (_, triple) = platform();
    let program = installation.program(&format!(
        "node_modules/@openai/codex/vendor/{triple}/bin/codex"
    ));
    let found = find(None, &installation.path(&["bin"]));
    assert_eq!(
        found,
        Ok(Codex {
            program,
            wrapper: Some(wrapper)
        })
    );
}

#[test]
fn a_script_of_another_kind_is_run_as_it_is() {
    let installation = Installation::new();
    let program = installation.file("bin/codex", "#!/bin/sh\nexec node-codex \"$@\"\n", 0o755);
    assert_eq!(
        find(None, &installation.path(&["bin"])),
        Ok(Codex {
            program,
            wrapper: None
        })
    );
}

#[test]
fn a_failure_says_what_was_tried_and_what_to_do() {
    let installation = Installation::new();
    let path = installation.path(&["a", "b"]);
    let root = installation.root.display().to_string();
    let message = |configured: Option<&Path>, path: &OsString| {
        find(configured, path)
            .unwrap_err()
            .to_string()
            .replace(&root, "ROOT")
    };
    assert_eq!(
        message(None, &path),
        "no executable `codex` in PATH (ROOT/a, ROOT/b); install it with `npm install -g @openai/codex`, or set codex.path"
    );
    assert_eq!(
        message(Some(&installation.root.join("gone")), &path),
        "codex.path is ROOT/gone, but that is not an executable file; correct it, or remove it to search PATH"
    );
    installation.wrapper("node_modules");
    let (package, triple) = platform();
    let error = message(None, &installation.path(&["bin"]));
    assert!(
        error.starts_with(
            "ROOT/node_modules/@openai/codex/bin/codex.js is the npm wrapper of codex"
        ),
        "{error}"
    );
    assert!(
        error.contains(&format!(
            "ROOT/node_modules/@openai/{package}/vendor/{triple}/bin/codex"
        )),
        "{error}"
    );
    assert!(error.ends_with(
        "reinstall with `npm install -g @openai/codex`, or set codex.path to the native binary"
    ));
}

#[test]
fn the_current_folder_is_never_searched() {
    let found = find(None, &OsString::from(":.:relative"));
    assert_eq!(found, Err(NotFound::NotOnPath { tried: Vec::new() }));
}
