//! Where connections come from: a loopback port or a unix socket. Decides nothing about them.

use std::{
    io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use config::{Bound, Listen};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, UnixListener, UnixStream},
};

/// Connections that the kernel holds for us while we are busy; more are refused by it.
const BACKLOG: u32 = 1024;
/// What the kernel holds of our answers for one connection. It doubles the value for its own book-keeping, so a tab that
/// reads nothing costs at most 256 KiB there.
const SEND_BUFFER: u32 = 128 * 1024;

/// A bound place. Dropping it stops listening; a unix socket's file is removed.
#[derive(Debug)]
pub struct Listener {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        _file: SocketFile,
    },
}

/// Removes the file when dropped.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(err) = std::fs::remove_file(&self.0) {
            tracing::debug!(%err, "the socket's file was already gone");
        }
    }
}

/// A byte stream of either kind.
pub(crate) trait Bytestream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Bytestream for T {}

/// One accepted connection.
pub(crate) struct Accepted {
    pub(crate) stream: Box<dyn Bytestream>,
    /// Whether the peer is on this machine. It grants nothing; it only says whose proxy headers may be read.
    pub(crate) is_local: bool,
}

impl Listener {
    /// Binds to where the configuration says. Fails if the place is taken or not ours to take.
    pub async fn bind(listen: &Listen) -> io::Result<Self> {
        let inner = match listen {
            Listen::Tcp(address) => Inner::Tcp(bind_tcp(*address)?),
            Listen::Unix(path) => bind_unix(path).await?,
        };
        Ok(Self { inner })
    }

    /// Where it really listens.
    pub fn bound(&self) -> io::Result<Bound> {
        match &self.inner {
            Inner::Tcp(listener) => listener.local_addr().map(Bound::Tcp),
            Inner::Unix { .. } => Ok(Bound::Unix),
        }
    }

    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match &self.inner {
            Inner::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Deltas are small and people watch them arrive; we already write whole batches.
                stream.set_nodelay(true)?;
                Ok(Accepted {
                    stream: Box::new(stream),
                    is_local: peer.ip().to_canonical().is_loopback(),
                })
            }
            Inner::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok(Accepted {
                    stream: Box::new(stream),
                    is_local: true,
                })
            }
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    // Accepted connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn bind_unix(path: &Path) -> io::Result<Inner> {
    match UnixStream::connect(path).await {
        Ok(_) => {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "another process listens on this socket",
            ));
        }
        // Left behind by a host that was killed.
        Err(err) if err.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path)?,
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        Err(err) => return Err(err),
    }
    // Made under another name and renamed once it is private: at no instant can another user connect.
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    if let Err(err) = std::fs::remove_file(&draft)
        && err.kind() != io::ErrorKind::NotFound
    {
        return Err(err);
    }
    let listener = UnixListener::bind(&draft)?;
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&draft, path)?;
    let _file = SocketFile(path.to_owned());
    Ok(Inner::Unix { listener, _file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_unix_socket_is_private_and_gone_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host.sock");
        let listen = Listen::Unix(path.clone());
        let listener = Listener::bind(&listen).await.unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(listener.bound().unwrap(), Bound::Unix);
        assert!(UnixStream::connect(&path).await.is_ok());
        assert_eq!(
            Listener::bind(&listen).await.unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        drop(listener);
        assert!(!path.exists());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_socket_left_by_a_killed_host_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        assert!(Listener::bind(&Listen::Unix(path)).await.is_ok());
    }

    #[tokio::test]
    async fn port_zero_becomes_a_real_port_on_loopback() {
        let listener = Listener::bind(&Listen::Tcp("127.0.0.1:0".parse().unwrap()))
            .await
            .unwrap();
        let Bound::Tcp(address) = listener.bound().unwrap() else {
            panic!("bound to a port")
        };
        assert!(address.ip().is_loopback() && address.port() != 0);
    }
}
