//! Where the control socket is: `control.sock` in the state folder. Made private, taken over from a host that was killed,
//! removed at an orderly stop. Decides nothing about who connects.

use std::{
    io,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, chmodat, open, renameat, statat, unlinkat},
    io::Errno,
};
use tokio::net::UnixListener;

/// The name of the socket.
pub const PATH_IN_STATE_DIR: &str = "control.sock";
/// The name under which it is made, until it is private.
const DRAFT: &str = "control.sock.new";

/// The socket's place in an open state folder. Everything is done relative to that folder: it cannot be exchanged
/// meanwhile, and a long path does not matter, of which a socket's address has no room for more than 107 bytes.
#[derive(Debug)]
pub struct Place {
    folder: OwnedFd,
    path: PathBuf,
}

/// What stands at the place.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A socket that nobody serves: its host was killed.
    Stale,
    /// A socket that somebody serves.
    Served,
}

/// The file of a socket that listens. Dropping it removes the file.
#[derive(Debug)]
pub struct SocketFile(Place);

impl Place {
    /// The place in this state folder.
    ///
    /// # Errors
    /// The folder is not there, is no folder, or is a symlink.
    pub fn in_state_dir(state_dir: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self {
            folder: open(state_dir, flags, Mode::empty())?,
            path: state_dir.join(PATH_IN_STATE_DIR),
        })
    }

    /// The path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Connects to whoever serves the socket.
    pub fn connect(&self) -> io::Result<UnixStream> {
        UnixStream::connect(self.address(PATH_IN_STATE_DIR))
    }

    /// Looks at what is there, and follows no symlink.
    ///
    /// # Errors
    /// There is something else than a socket, or it cannot be looked at.
    pub fn look(&self) -> io::Result<Found> {
        let stat = match statat(&self.folder, PATH_IN_STATE_DIR, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            Err(error) => return Err(error.into()),
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::Socket {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "there is something else than a socket; remove it",
            ));
        }
        match self.connect() {
            Ok(_) => Ok(Found::Served),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(Found::Stale),
            Err(error) => Err(error),
        }
    }

    /// Makes the socket and listens on it.
    ///
    /// # Errors
    /// Another process serves it, or something else is in its place.
    pub fn bind(self) -> io::Result<(UnixListener, SocketFile)> {
        if self.look()? == Found::Served {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "another process answers there",
            ));
        }
        // Made under another name and put in its place once it is private: at no instant can another user connect.
        self.remove(DRAFT)?;
        let listener = UnixListener::bind(self.address(DRAFT))?;
        chmodat(
            &self.folder,
            DRAFT,
            Mode::from_raw_mode(0o600),
            AtFlags::empty(),
        )?;
        renameat(&self.folder, DRAFT, &self.folder, PATH_IN_STATE_DIR)?;
        Ok((listener, SocketFile(self)))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A short address of a name in the folder.
    fn address(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.folder.as_raw_fd()))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = self.0.remove(PATH_IN_STATE_DIR) {
            tracing::debug!(err = %error, "the control socket stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn place(folder: &Path) -> Place {
        Place::in_state_dir(folder).unwrap()
    }

    #[tokio::test]
    async fn the_socket_is_private_and_gone_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let bound = place(dir.path()).bind().unwrap();
        let mode = fs::metadata(dir.path().join(PATH_IN_STATE_DIR)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o7777, 0o600);
        assert_eq!(place(dir.path()).look().unwrap(), Found::Served);
        assert_eq!(
            place(dir.path()).bind().unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        drop(bound);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn one_that_a_killed_host_left_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        for name in [PATH_IN_STATE_DIR, DRAFT] {
            drop(std::os::unix::net::UnixListener::bind(dir.path().join(name)).unwrap());
        }
        assert_eq!(place(dir.path()).look().unwrap(), Found::Stale);
        let _bound = place(dir.path()).bind().unwrap();
        assert_eq!(place(dir.path()).look().unwrap(), Found::Served);
    }

    #[tokio::test]
    async fn nothing_but_a_socket_is_replaced_and_no_symlink_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(PATH_IN_STATE_DIR);
        let elsewhere = dir.path().join("elsewhere");
        drop(std::os::unix::net::UnixListener::bind(&elsewhere).unwrap());
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(place(dir.path()).bind().is_err());
        assert!(elsewhere.exists() && path.is_symlink());

        fs::remove_file(&path).unwrap();
        fs::write(&path, "kept").unwrap();
        assert!(place(dir.path()).bind().is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
    }

    #[tokio::test]
    async fn a_long_path_has_room_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(200));
        fs::create_dir(&deep).unwrap();
        let _bound = place(&deep).bind().unwrap();
        assert!(place(&deep).connect().is_ok());
    }
}
