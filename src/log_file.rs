//! A log file that is turned at a size: when a line would make it too large, it becomes `FILE.1`, `FILE.1` becomes `FILE.2`,
//! and a new one begins. Knows nothing of what the lines say; they come redacted.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

/// The file that is written, and how large it is.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    max_bytes: u64,
    keep: u64,
    file: File,
    bytes: u64,
}

impl LogFile {
    /// Goes on behind what is there.
    ///
    /// # Errors
    /// The file can not be made or is not ours alone.
    pub fn open(path: &Path, max_bytes: u64, keep: u64) -> anyhow::Result<Self> {
        let tried = || format!("open {} (log.file)", path.display());
        let file = append(path).with_context(tried)?;
        let bytes = file.metadata().with_context(tried)?.len();
        Ok(Self {
            path: path.to_owned(),
            max_bytes,
            keep,
            file,
            bytes,
        })
    }

    /// Writes a whole line. A disk that takes it only in part loses the rest of it.
    pub fn line(&mut self, line: &str) -> io::Result<()> {
        let length = line.len() as u64;
        if self.bytes > 0 && self.bytes + length > self.max_bytes {
            self.turn()?;
        }
        self.file.write_all(line.as_bytes())?;
        self.bytes += length;
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        for number in (1..self.keep).rev() {
            rename(&self.numbered(number), &self.numbered(number + 1))?;
        }
        if self.keep == 0 {
            fs::remove_file(&self.path)?;
        } else {
            rename(&self.path, &self.numbered(1))?;
        }
        self.file = append(&self.path)?;
        self.bytes = 0;
        Ok(())
    }

    fn numbered(&self, number: u64) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Opens the file to write behind its end: private, and no symlink that leads elsewhere.
fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let file = options.custom_flags(no_follow).open(path)?;
    let found = rustix::fs::fstat(&file)?;
    if found.st_mode & 0o077 != 0 {
        let problem = "others may read or write it; chmod 600 it or remove it";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn read(path: &Path) -> Option<String> {
        fs::read_to_string(path).ok()
    }

    #[test]
    fn a_full_file_makes_room_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let at = |number: &str| dir.path().join(format!("log{number}"));
        let mut log = LogFile::open(&path, 10, 2).unwrap();
        for line in ["one\n", "two\n", "three\n", "a line beyond it\n", "four\n"] {
            log.line(line).unwrap();
        }
        assert_eq!(
            [
                read(&at("")),
                read(&at(".1")),
                read(&at(".2")),
                read(&at(".3"))
            ],
            [
                Some("four\n".into()),
                Some("a line beyond it\n".into()),
                Some("three\n".into()),
                None
            ]
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(&path), mode(&at(".1"))), (0o600, 0o600));
    }

    #[test]
    fn a_host_that_starts_again_goes_on_in_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        LogFile::open(&path, 8, 0).unwrap().line("one\n").unwrap();
        let mut log = LogFile::open(&path, 8, 0).unwrap();
        log.line("two\n").unwrap();
        assert_eq!(read(&path), Some("one\ntwo\n".into()));
        log.line("3\n").unwrap();
        assert_eq!(read(&path), Some("3\n".into()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_others_may_read_and_a_symlink_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = format!("{:#}", LogFile::open(&path, 8, 0).unwrap_err());
        assert!(
            error.contains("log.file") && error.contains("chmod 600"),
            "{error}"
        );
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &link).unwrap();
        assert!(LogFile::open(&link, 8, 0).is_err());
        assert!(!dir.path().join("elsewhere").exists());
    }
}
