//! The folder that holds the journal: who may enter it, who has it open, and how a damaged journal is set aside.
//!
//! It looks at files from outside only; what is in the database is for `schema`.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, OFlags};

use crate::error::OpenError;

const DATABASE: &str = "journal.db";
const LOCK: &str = "journal.lock";
const SUSPECT: &str = "journal.suspect";
/// What SQLite puts beside a database; the order in which a damaged journal's files are moved.
const SIDES: [&str; 2] = ["-wal", "-shm"];

/// The journal's folder, checked and locked for this process.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: PathBuf,
    /// Holds the lock for as long as it is open.
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is missing, checks it, and takes its lock.
    pub(crate) fn open(dir: &Path) -> Result<Self, OpenError> {
        make(dir)?;
        check_owned(dir, Kind::Folder)?;
        let dir = fs::canonicalize(dir).map_err(io_error("resolve", dir))?;
        check_parent(&dir)?;
        let lock = lock(&dir)?;
        let folder = Self { dir, _lock: lock };
        for name in [DATABASE, "journal.db-wal", "journal.db-shm"] {
            let path = folder.dir.join(name);
            if fs::symlink_metadata(&path).is_ok() {
                check_owned(&path, Kind::File)?;
            }
        }
        Ok(folder)
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.dir.join(DATABASE)
    }

    /// The note that damage was met, so that the next start looks at every page.
    pub(crate) fn suspect(&self) -> PathBuf {
        self.dir.join(SUSPECT)
    }

    /// Size of the database file, 0 when there is none.
    pub(crate) fn database_bytes(&self) -> u64 {
        file_bytes(&self.database())
    }

    /// Whether a write-ahead log lies there without the database that it belongs to.
    pub(crate) fn has_stray_log(&self) -> bool {
        self.database_bytes() == 0 && file_bytes(&wal_path(&self.database())) > 0
    }

    /// Makes an empty database file that only its owner can read, whatever the umask is.
    pub(crate) fn create_database(&self) -> Result<(), OpenError> {
        let path = self.database();
        if path.exists() {
            return Ok(());
        }
        private_file(&path).map_err(io_error("create", &path))?;
        Ok(())
    }

    /// Opens the database file as a file. While SQLite has it open too, this must stay open: closing any descriptor of a file
    /// gives up all POSIX locks that the process has on it, SQLite's among them.
    pub(crate) fn open_database(&self) -> io::Result<File> {
        File::open(self.database())
    }

    /// Renames the database and what lies beside it, and says where the database is now.
    pub(crate) fn set_aside(&self) -> Result<PathBuf, OpenError> {
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let kept = (0..)
            .map(|n: u32| match n {
                0 => self.dir.join(format!("journal.damaged-{seconds}.db")),
                n => self.dir.join(format!("journal.damaged-{seconds}-{n}.db")),
            })
            .find(|path| !path.exists() && SIDES.iter().all(|side| !beside(path, side).exists()))
            .expect("some number is free");
        // The database goes last: a crash in between leaves a damaged database, which the next start sets aside again.
        // The other order would leave a log that SQLite deletes when it finds it beside a new, empty database.
        let database = self.database();
        for side in SIDES {
            rename_if_there(&beside(&database, side), &beside(&kept, side))?;
        }
        rename_if_there(&database, &kept)?;
        self.clear_suspect()?;
        Ok(kept)
    }

    /// Takes the note of damage away: every page was looked at, or the file is set aside.
    pub(crate) fn clear_suspect(&self) -> Result<(), OpenError> {
        match fs::remove_file(self.suspect()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error("remove", &self.suspect())(error))
            }
            _ => Ok(()),
        }
    }
}

/// The database in a folder that this process may read; it makes, locks and changes nothing.
pub(crate) fn inspect(dir: &Path) -> Result<PathBuf, OpenError> {
    check_owned(dir, Kind::Folder)?;
    let database = dir.join(DATABASE);
    check_owned(&database, Kind::File)?;
    Ok(database)
}

/// Notes that damage was met. Best effort: the disk may be what fails.
pub(crate) fn note_suspect(path: &Path) {
    if let Err(error) = private_file(path) {
        tracing::warn!(err = %error, "could not note that the journal is damaged");
    }
}

/// The write-ahead log of a database.
pub(crate) fn wal_path(database: &Path) -> PathBuf {
    beside(database, SIDES[0])
}

/// Size of a file, 0 when there is none.
pub(crate) fn file_bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}

enum Kind {
    Folder,
    File,
}

fn make(dir: &Path) -> Result<(), OpenError> {
    if fs::symlink_metadata(dir).is_ok() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(io_error("create", dir))?;
    // A umask can only have taken bits away; a folder that its owner cannot enter is of no use.
    fs::set_permissions(dir, Permissions::from_mode(0o700))
        .map_err(io_error("set the permissions of", dir))
}

/// The owner is us, nobody else can read or write, and it is no symbolic link.
fn check_owned(path: &Path, kind: Kind) -> Result<(), OpenError> {
    let (flags, mode, word) = match kind {
        Kind::Folder => (OFlags::DIRECTORY, 0o700, "folder"),
        Kind::File => (OFlags::NONBLOCK, 0o600, "file"),
    };
    let refuse = |found: String, fix: String| OpenError::Unsafe {
        path: path.to_owned(),
        found,
        fix,
    };
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags((flags | OFlags::NOFOLLOW).bits().cast_signed())
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if is_link(path) => {
            let found = format!("it is a symbolic link ({error})");
            return Err(refuse(found, format!("name the real {word}")));
        }
        Err(error) => return Err(io_error("open", path)(error)),
    };
    let meta = file.metadata().map_err(io_error("look at", path))?;
    let right_kind = match kind {
        Kind::Folder => meta.is_dir(),
        Kind::File => meta.is_file(),
    };
    if !right_kind {
        return Err(refuse(
            format!("it is not a {word}"),
            "move it away".to_owned(),
        ));
    }
    let us = rustix::process::geteuid().as_raw();
    if meta.uid() != us {
        return Err(refuse(
            format!("it belongs to uid {}, not to uid {us}", meta.uid()),
            format!("chown it to uid {us}"),
        ));
    }
    if meta.mode() & 0o077 != 0 {
        return Err(refuse(
            format!("its mode is {:04o}", meta.mode() & 0o7777),
            format!("chmod {mode:04o} it"),
        ));
    }
    Ok(())
}

/// Who can write the parent can exchange the folder, unless the sticky bit forbids it.
fn check_parent(dir: &Path) -> Result<(), OpenError> {
    const STICKY: u32 = 0o1000;
    let Some(parent) = dir.parent() else {
        return Ok(());
    };
    let mode = fs::metadata(parent)
        .map_err(io_error("look at", parent))?
        .mode();
    if mode & 0o022 != 0 && mode & STICKY == 0 {
        return Err(OpenError::Unsafe {
            path: parent.to_owned(),
            found: format!("others can write it (mode {:04o})", mode & 0o7777),
            fix: "take the group's and others' write permission away".to_owned(),
        });
    }
    Ok(())
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let mut file = private_file(&path).map_err(io_error("open", &path))?;
    check_owned(&path, Kind::File)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            // Who has it is a courtesy; that it is taken is the answer.
            let pid = file
                .read_to_string(&mut text)
                .ok()
                .and_then(|_| text.trim().parse().ok());
            return Err(OpenError::InUse {
                dir: dir.to_owned(),
                pid,
            });
        }
        Err(error) => return Err(io_error("lock", &path)(error.into())),
    }
    let write_pid = |file: &mut File| -> io::Result<()> {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    if let Err(error) = write_pid(&mut file) {
        // A full disk must not keep the host from starting and saying so; only the courtesy is lost.
        tracing::warn!(err = %error, "could not write the pid into the journal's lock file");
    }
    Ok(file)
}

/// Opens or makes a file with mode 0600, whatever the umask is, and never through a symbolic link.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            file.set_permissions(Permissions::from_mode(0o600))?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path),
        Err(error) => Err(error),
    }
}

fn beside(database: &Path, side: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(side);
    PathBuf::from(name)
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink())
}

fn rename_if_there(from: &Path, to: &Path) -> Result<(), OpenError> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("set aside", from)(error))
        }
        _ => Ok(()),
    }
}

fn io_error(attempt: &'static str, path: &Path) -> impl Fn(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io {
        attempt,
        path: path.clone(),
        source,
    }
}
