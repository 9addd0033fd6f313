//! Paths of the configuration: where relative ones start, who may own a file of ours, and whether one folder holds another.
//!
//! Files that hold or name secrets are opened without following a symlink at their end, then judged by what was opened, so
//! nobody can swap them in between. Nothing here reads TOML.

use std::{
    fs::{DirBuilder, File},
    io::Read as _,
    os::unix::fs::DirBuilderExt as _,
    path::{Component, Path, PathBuf},
};

use rustix::fs::{FileType, Mode, OFlags, Stat};
use zeroize::Zeroizing;

use crate::error::shown_path;

/// An absolute path from the text of a value: `~/` is `home`, other relative paths start at `base`.
pub(crate) fn resolve(text: &str, base: &Path, home: Option<&Path>) -> Result<PathBuf, String> {
    if text.contains('\0') {
        return Err("found a path with a zero byte in it".to_owned());
    }
    let path = match (text.strip_prefix("~/"), text) {
        (Some(rest), _) => home_or_error(home)?.join(rest),
        (None, "~") => home_or_error(home)?.to_owned(),
        (None, text) if text.starts_with('~') => {
            return Err("found a path of another user's home, write it out from \"/\"".to_owned());
        }
        (None, text) => base.join(text),
    };
    Ok(tidy(&path))
}

fn home_or_error(home: Option<&Path>) -> Result<&Path, String> {
    home.ok_or_else(|| "found \"~\" but HOME is not set, write the path out from \"/\"".to_owned())
}

/// The path without `.` and, where they follow a name, `..`; symlinks are not looked at.
fn tidy(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

/// Reads a whole file that must be private, of at most `limit` bytes. The buffer is wiped when dropped.
pub(crate) fn read_private(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut file = open_private(path)?;
    // One allocation that is never moved, so that no copy of a secret stays behind.
    let mut buffer = Zeroizing::new(Vec::with_capacity(limit + 1));
    let read = file
        .by_ref()
        .take(limit as u64 + 1)
        .read_to_end(&mut buffer);
    read.map_err(|error| format!("can not read {}: {error}", shown_path(path)))?;
    if buffer.len() > limit {
        return Err(format!(
            "{} has more than {limit} bytes, is it the right file?",
            shown_path(path)
        ));
    }
    Ok(buffer)
}

/// Opens a file that must be ours alone: a regular file of this user, not open to others, in a folder that others can not
/// write to, and no symlink.
fn open_private(path: &Path) -> Result<File, String> {
    let shown = shown_path(path);
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(format!("{shown} is no file"));
    };
    let parent_flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent_fd = rustix::fs::open(parent, parent_flags, Mode::empty())
        .map_err(|error| format!("can not open the folder of {shown}: {error}"))?;
    let parent_stat = rustix::fs::fstat(&parent_fd)
        .map_err(|error| format!("can not look at the folder of {shown}: {error}"))?;
    judge_folder(&parent_stat).map_err(|problem| format!("the folder of {shown} {problem}"))?;
    // NONBLOCK: a pipe that somebody put there must not hold up the start.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file =
        rustix::fs::openat(&parent_fd, name, flags, Mode::empty()).map_err(
            |error| match error {
                rustix::io::Errno::LOOP => format!("{shown} is a symlink, name the file itself"),
                error => format!("can not open {shown}: {error}"),
            },
        )?;
    let stat =
        rustix::fs::fstat(&file).map_err(|error| format!("can not look at {shown}: {error}"))?;
    judge_file(&stat).map_err(|problem| format!("{shown} {problem}"))?;
    Ok(File::from(file))
}

fn judge_file(stat: &Stat) -> Result<(), String> {
    let me = rustix::process::geteuid().as_raw();
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err("is not a regular file".to_owned());
    }
    let open_to_others = stat.st_mode & 0o077;
    // systemd hands a credential to a service as a root-owned file that an access list opens to this user alone; the mask
    // of that list shows as the group's read bit.
    let from_root = stat.st_uid == 0 && stat.st_gid == 0 && open_to_others & !0o040 == 0;
    if stat.st_uid != me && !from_root {
        return Err(format!(
            "belongs to user {}, it must belong to user {me}",
            stat.st_uid
        ));
    }
    if open_to_others != 0 && !(from_root && me != 0) {
        return Err(format!(
            "has mode {:04o}, others can get at it; run chmod 600 on it",
            stat.st_mode & 0o7777
        ));
    }
    Ok(())
}

fn judge_folder(stat: &Stat) -> Result<(), String> {
    let me = rustix::process::geteuid().as_raw();
    if stat.st_uid != me && stat.st_uid != 0 {
        return Err(format!(
            "belongs to user {}, it must belong to user {me}",
            stat.st_uid
        ));
    }
    if stat.st_mode & 0o022 != 0 {
        return Err(format!(
            "has mode {:04o}, others can write to it; run chmod go-w on it",
            stat.st_mode & 0o7777
        ));
    }
    Ok(())
}

/// Makes a folder for this user alone if it is missing, and judges it if it is there.
pub(crate) fn make_private_folder(path: &Path) -> Result<(), String> {
    let shown = shown_path(path);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| format!("can not make the folder {shown}: {error}"))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR => {
            format!("{shown} is a symlink, name the folder itself")
        }
        error => format!("can not open the folder {shown}: {error}"),
    })?;
    let stat =
        rustix::fs::fstat(&folder).map_err(|error| format!("can not look at {shown}: {error}"))?;
    let me = rustix::process::geteuid().as_raw();
    if stat.st_uid != me {
        return Err(format!(
            "{shown} belongs to user {}, it must belong to user {me}",
            stat.st_uid
        ));
    }
    if stat.st_mode & 0o077 != 0 {
        return Err(format!(
            "{shown} has mode {:04o}, others can get at it; run chmod 700 on it",
            stat.st_mode & 0o7777
        ));
    }
    let parent = path
        .parent()
        .and_then(|parent| rustix::fs::stat(parent).ok());
    // Where the sticky bit is set, as on /tmp, others can not put a folder of theirs in place of ours.
    if parent.is_some_and(|parent| parent.st_mode & 0o022 != 0 && parent.st_mode & 0o1000 == 0) {
        return Err(format!(
            "the folder of {shown} can be written to by others; run chmod go-w on it"
        ));
    }
    Ok(())
}

/// Whether `inner` is `outer` or lies in it, symlinks followed as far as the paths exist.
pub(crate) fn holds(outer: &Path, inner: &Path) -> bool {
    real(inner).starts_with(real(outer))
}

/// The path with its longest existing beginning made canonical.
fn real(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let Ok(canonical) = ancestor.canonicalize() {
            let rest = path.strip_prefix(ancestor).unwrap_or(Path::new(""));
            return if rest.as_os_str().is_empty() {
                canonical
            } else {
                canonical.join(rest)
            };
        }
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt as _, symlink},
    };

    use super::*;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn relative_paths_start_at_the_file_and_tilde_is_home() {
        let at = |text| resolve(text, Path::new("/etc/h"), Some(Path::new("/home/me")));
        assert_eq!(at("token"), Ok(PathBuf::from("/etc/h/token")));
        assert_eq!(at("../token"), Ok(PathBuf::from("/etc/token")));
        assert_eq!(at("/x/./y"), Ok(PathBuf::from("/x/y")));
        assert_eq!(at("~/.codex"), Ok(PathBuf::from("/home/me/.codex")));
        assert!(at("~other/x").is_err());
        assert!(resolve("~/x", Path::new("/"), None).is_err());
    }

    #[test]
    fn a_private_file_is_read_and_each_kind_of_exposure_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        fs::write(&file, "text").unwrap();
        chmod(&file, 0o600);
        assert_eq!(read_private(&file, 4).unwrap().as_slice(), b"text");
        assert!(
            read_private(&file, 3)
                .unwrap_err()
                .contains("more than 3 bytes")
        );

        for mode in [0o644, 0o640, 0o604, 0o620, 0o601] {
            chmod(&file, mode);
            assert!(
                read_private(&file, 9).unwrap_err().contains("chmod 600"),
                "{mode:o}"
            );
        }
        chmod(&file, 0o600);
        for mode in [0o777, 0o770, 0o702, 0o1777] {
            chmod(dir.path(), mode);
            assert!(
                read_private(&file, 9).unwrap_err().contains("chmod go-w"),
                "{mode:o}"
            );
        }
        chmod(dir.path(), 0o755);
        let link = dir.path().join("link");
        symlink(&file, &link).unwrap();
        assert!(read_private(&link, 9).unwrap_err().contains("symlink"));
        assert!(read_private(dir.path(), 9).is_err());
        assert!(
            read_private(&dir.path().join("none"), 9)
                .unwrap_err()
                .contains("can not open")
        );
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        if !rustix::process::geteuid().is_root() {
            return; // Only root can give a file away.
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        fs::write(&file, "text").unwrap();
        chmod(&file, 0o600);
        std::os::unix::fs::chown(&file, Some(65534), None).unwrap();
        assert!(
            read_private(&file, 9)
                .unwrap_err()
                .contains("belongs to user 65534")
        );
    }

    #[test]
    fn a_folder_is_made_private_and_an_open_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        make_private_folder(&folder).unwrap();
        for made in [folder.clone(), dir.path().join("a")] {
            assert_eq!(
                fs::metadata(made).unwrap().permissions().mode() & 0o7777,
                0o700
            );
        }
        make_private_folder(&folder).unwrap();
        chmod(&folder, 0o750);
        assert!(
            make_private_folder(&folder)
                .unwrap_err()
                .contains("chmod 700")
        );
        let link = dir.path().join("link");
        symlink(dir.path().join("a"), &link).unwrap();
        assert!(make_private_folder(&link).unwrap_err().contains("symlink"));
    }

    #[test]
    fn a_folder_holds_what_lies_in_it_also_through_symlinks() {
        let dir = tempfile::tempdir().unwrap();
        let work = dir.path().join("work");
        fs::create_dir(&work).unwrap();
        symlink(&work, dir.path().join("alias")).unwrap();
        assert!(holds(&work, &work));
        assert!(holds(&work, &work.join("not/yet/there")));
        assert!(holds(&work, &dir.path().join("alias/state")));
        assert!(!holds(&work, &dir.path().join("workshop")));
    }
}
