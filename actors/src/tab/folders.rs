//! `host/folders/list`: the folders inside a folder, so that a person can choose where a session works.
//!
//! Names of folders alone: no files, no contents, and where workspaces are configured nothing outside of them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::rpc::{FORBIDDEN, INTERNAL, INVALID_PARAMS, Refusal};

/// Folders in one answer; a chooser with more is no help, the rest is reached by typing.
const MAX_FOLDERS: usize = 500;
/// Entries looked at for one answer, so that a folder with millions of files costs no more than a glance.
const MAX_ENTRIES: usize = 20_000;

/// Which folder: the home of the host's user by default.
#[derive(Deserialize)]
pub(super) struct FolderParams {
    #[serde(default)]
    path: Option<String>,
}

/// A folder and what is in it.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(super) struct Folder {
    path: PathBuf,
    /// Where "up" leads; none at the root and at the border of the workspaces.
    parent: Option<PathBuf>,
    /// The names, sorted; hidden folders are left out.
    folders: Vec<String>,
    /// There are more than are named.
    cut: bool,
}

/// Reads the folder.
pub(super) async fn list(
    params: FolderParams,
    workspaces: Vec<PathBuf>,
) -> Result<Folder, Refusal> {
    let read = tokio::task::spawn_blocking(move || read(params.path.as_deref(), &workspaces));
    read.await
        .map_err(|err| Refusal::new(INTERNAL, format!("cannot read the folder: {err}")))?
}

fn read(path: Option<&str>, workspaces: &[PathBuf]) -> Result<Folder, Refusal> {
    let start = workspaces
        .first()
        .cloned()
        .or_else(std::env::home_dir)
        .unwrap_or_else(|| PathBuf::from("/"));
    let wanted = path.map_or(start, PathBuf::from);
    if !wanted.is_absolute() {
        return Err(Refusal::new(INVALID_PARAMS, "path: starts with /"));
    }
    let failed = |err: std::io::Error| {
        Refusal::new(
            INVALID_PARAMS,
            format!("path: {} cannot be read: {err}", wanted.display()),
        )
    };
    // Symlinks are followed first, so that none leads out of a workspace.
    let path = std::fs::canonicalize(&wanted).map_err(failed)?;
    if !inside(&path, workspaces) {
        return Err(Refusal::new(
            FORBIDDEN,
            "path: the folder is in none of this host's codex.workspaces",
        ));
    }
    let mut folders: Vec<String> = std::fs::read_dir(&path)
        .map_err(failed)?
        .take(MAX_ENTRIES)
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    folders.sort_unstable();
    let cut = folders.len() > MAX_FOLDERS;
    folders.truncate(MAX_FOLDERS);
    let parent = path.parent().filter(|parent| inside(parent, workspaces));
    Ok(Folder {
        parent: parent.map(Path::to_owned),
        path,
        folders,
        cut,
    })
}

fn inside(path: &Path, workspaces: &[PathBuf]) -> bool {
    let holds = |workspace: &PathBuf| {
        std::fs::canonicalize(workspace).is_ok_and(|workspace| path.starts_with(workspace))
    };
    workspaces.is_empty() || workspaces.iter().any(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_and_neither_files_nor_hidden_ones_nor_what_is_outside() {
        let root = tempfile::tempdir().unwrap();
        let base = std::fs::canonicalize(root.path()).unwrap();
        for folder in ["work/b", "work/a/deep", "work/.git", "elsewhere"] {
            std::fs::create_dir_all(base.join(folder)).unwrap();
        }
        std::fs::write(base.join("work/file"), "x").unwrap();
        std::os::unix::fs::symlink(base.join("elsewhere"), base.join("work/way-out")).unwrap();
        let work = base.join("work");
        let workspaces = [work.clone()];
        let listed = |path: &Path| read(path.to_str(), &workspaces);
        assert_eq!(
            listed(&work).unwrap(),
            Folder {
                path: work.clone(),
                parent: None,
                folders: vec!["a".into(), "b".into(), "way-out".into()],
                cut: false
            }
        );
        assert_eq!(listed(&work.join("a")).unwrap().parent, Some(work.clone()));
        for outside in [base.join("elsewhere"), work.join("way-out"), base.clone()] {
            let refused = listed(&outside).unwrap_err().to_json();
            assert!(refused.contains("codex.workspaces"), "{refused}");
        }
        assert_eq!(read(None, &workspaces).unwrap().path, work);
    }
}
