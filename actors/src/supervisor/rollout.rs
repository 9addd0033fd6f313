//! A look at a thread's file before Codex opens it. Codex reads all of it into memory, so one that has grown without bound
//! would take the machine with it, again at each restart.
//!
//! Its size is asked for, and no byte of it is read: it is Codex's file, in Codex's form.

use std::{fs, path::Path};

use super::Cause;
use crate::session::settings::rollout_path;

/// Refuses a file over the limit. A session whose file is not known is not judged: Codex names it when the thread is first
/// opened.
pub(super) fn check(row: &journal::Session, limit: u64) -> Result<(), Cause> {
    let Some(path) = rollout_path(&row.extra).filter(|_| row.resumable) else {
        return Ok(());
    };
    match size(Path::new(&path)) {
        Some(bytes) if bytes > limit => Err(Cause::RolloutTooLarge { bytes, limit }),
        _ => Ok(()),
    }
}

fn size(path: &Path) -> Option<u64> {
    let file = fs::metadata(path).ok()?;
    file.is_file().then_some(file.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::settings::with_rollout;

    #[test]
    fn a_file_over_the_limit_is_refused_and_one_that_is_not_there_is_codexs_business() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("rollout.jsonl");
        let row = journal::Session {
            resumable: true,
            extra: with_rollout("", path.to_str().expect("a plain path")),
            ..journal::Session::default()
        };
        assert_eq!(check(&row, 10), Ok(()));
        fs::write(&path, "x".repeat(11)).expect("write a file");
        assert_eq!(
            check(&row, 10),
            Err(Cause::RolloutTooLarge {
                bytes: 11,
                limit: 10
            })
        );
        assert_eq!(check(&row, 11), Ok(()));
        let fresh = journal::Session {
            resumable: false,
            ..row
        };
        assert_eq!(check(&fresh, 10), Ok(()));
    }
}
