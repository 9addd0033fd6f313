//! Who may speak on the control socket. Asked before a byte of theirs is read.

use codex::process::descends_from_this;
use rustix::process::geteuid;
use tokio::net::UnixStream;

/// Why somebody may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// The file's mode should have kept them out.
    #[error("it belongs to another user")]
    OtherUser,
    /// A command that Codex runs would otherwise sign its own browsers in. No wall: a command outside of Codex's sandbox
    /// has the owner's rights, and can have itself started by others.
    #[error("it was started by this host, as commands of Codex are")]
    OwnChild,
    /// Its process has ended, so that nobody can say whose child it was.
    #[error("its process is gone")]
    Gone,
    /// The kernel does not tell.
    #[error("it is not known who it is")]
    Unknown,
}

/// Judges the other end: this user, or root, and not below this host.
pub fn check(stream: &UnixStream) -> Result<(), Stranger> {
    let peer = stream.peer_cred().map_err(|_| Stranger::Unknown)?;
    check_user(peer.uid(), geteuid().as_raw())?;
    match peer.pid().and_then(|pid| u32::try_from(pid).ok()) {
        // A process of another namespace, so none of ours.
        None | Some(0) => Ok(()),
        Some(pid) => match descends_from_this(pid) {
            Some(false) => Ok(()),
            Some(true) => Err(Stranger::OwnChild),
            None => Err(Stranger::Gone),
        },
    }
}

fn check_user(peer: u32, own: u32) -> Result<(), Stranger> {
    if peer == own || peer == 0 {
        Ok(())
    } else {
        Err(Stranger::OtherUser)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_user_and_root_may_speak() {
        assert_eq!(check_user(1000, 1000), Ok(()));
        assert_eq!(check_user(0, 1000), Ok(()));
        assert_eq!(check_user(1001, 1000), Err(Stranger::OtherUser));
        assert_eq!(check_user(1000, 0), Err(Stranger::OtherUser));
    }

    #[tokio::test]
    async fn a_process_below_the_host_may_not() {
        let (stream, _other_end) = UnixStream::pair().unwrap();
        assert_eq!(check(&stream), Err(Stranger::OwnChild));
    }
}
