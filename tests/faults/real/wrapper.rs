//! The real Codex behind a few lines of shell that can hurt it where a signal from outside cannot.
//!
//! Between two faults it is the real Codex itself: the shell becomes it.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::support::host::real_codex;

/// What the shell does when it is told to, once.
#[derive(Debug, Clone, Copy)]
pub enum Trap {
    /// Exits before it becomes Codex.
    ExitAtStart,
    /// Kills Codex when it is asked to resume a thread.
    ExitInResume,
    /// Takes the reader of Codex's stdout away, so that the pipe to the host is closed while Codex lives.
    CloseStdout,
}

/// A program that is the real Codex, and its trap.
pub struct Wrapper {
    folder: TempDir,
}

impl Wrapper {
    /// Writes it.
    pub fn new(trap: Trap) -> Self {
        use std::io::Write as _;
        let folder = tempfile::Builder::new()
            .prefix("holdfast-wrapper-")
            .tempdir_in("/var/tmp")
            .unwrap();
        let wrapper = Self { folder };
        let (codex, sprung) = (real_codex(), wrapper.trigger());
        let body = match trap {
            Trap::ExitAtStart => "rm \"$trap\" 2>/dev/null && exit 7\nexec \"$codex\" \"$@\"",
            Trap::ExitInResume => {
                "exec < <(while IFS= read -r line; do
  [[ $line == *'\"thread/resume\"'* ]] && rm \"$trap\" 2>/dev/null && kill -9 $$
  printf '%s\\n' \"$line\"
done)
exec \"$codex\" \"$@\""
            }
            Trap::CloseStdout => {
                "exec > >(while IFS= read -r line; do
  rm \"$trap\" 2>/dev/null && exit
  printf '%s\\n' \"$line\"
done)
exec \"$codex\" \"$@\""
            }
        };
        let script = format!(
            "#!/bin/bash\ncodex={codex:?}\ntrap={sprung:?}\n\
             # Only the app-server is hurt, not the question for its version.\n\
             [[ \" $* \" == *\" app-server \"* ]] || exec \"$codex\" \"$@\"\n{body}\n"
        );
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o700)
            .open(wrapper.path())
            .unwrap();
        file.write_all(script.as_bytes()).unwrap();
        wrapper
    }

    /// For `codex.path`.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("codex")
    }

    /// From now on the trap is set; it springs once.
    pub fn set(&self) {
        fs::write(self.trigger(), "").unwrap();
    }

    /// Whether the trap has sprung.
    pub fn has_sprung(&self) -> bool {
        !self.trigger().exists()
    }

    fn trigger(&self) -> PathBuf {
        self.folder.path().join("trap")
    }
}
