//! The host's side of the control socket: accepts, asks who it is, reads one bounded line, answers, hangs up. What a request
//! does is the desk's work.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{Answer, Desk, Place, REQUEST_BYTES, Request, peer, place::SocketFile};

/// Connections at once; the next one is closed. People type these commands.
const CONNECTIONS: usize = 8;
/// How long a request may take to arrive, and its answer to be taken.
const PATIENCE: Duration = Duration::from_secs(5);
/// Peers that are turned away are told of in the log once in so long: a command of Codex must not fill it.
const ONE_LINE_A: Duration = Duration::from_secs(1);
/// How long accepting rests after it has failed, as when the system has no more file descriptors.
const REST: Duration = Duration::from_millis(100);

/// A control socket that is being served. Dropping it ends that, and removes the socket.
#[derive(Debug)]
pub struct Server {
    task: JoinHandle<()>,
    _file: SocketFile,
}

impl Server {
    /// Makes the socket and serves it.
    ///
    /// # Errors
    /// The socket cannot be made, as when another host answers there.
    pub fn start(place: Place, desk: Desk) -> io::Result<Self> {
        let (listener, file) = place.bind()?;
        let task = tokio::spawn(accept(listener, Arc::new(desk)));
        Ok(Self { task, _file: file })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: UnixListener, desk: Arc<Desk>) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    let mut told: Option<Instant> = None;
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(err = %error, "the control socket could not accept");
                sleep(REST).await;
                continue;
            }
        };
        if let Err(stranger) = peer::check(&stream) {
            if told.is_some_and(|told| told.elapsed() < ONE_LINE_A) {
                continue;
            }
            told = Some(Instant::now());
            let peer = stream.peer_cred().ok();
            tracing::warn!(
                uid = peer.map(|peer| peer.uid()),
                pid = peer.and_then(|peer| peer.pid()),
                reason = %stranger,
                "a peer of the control socket is turned away"
            );
            continue;
        }
        let Ok(seat) = Arc::clone(&seats).try_acquire_owned() else {
            tracing::debug!(
                "too many commands ask at once on the control socket; one is turned away"
            );
            continue;
        };
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            if let Err(error) = serve(stream, &desk).await {
                tracing::debug!(err = %error, "a command hung up on the control socket");
            }
            drop(seat);
        });
    }
}

/// Serves one connection: one request, one answer.
async fn serve(mut stream: UnixStream, desk: &Desk) -> io::Result<()> {
    let (read, mut write) = stream.split();
    let mut line = Vec::new();
    let mut limited = BufReader::new(read.take(REQUEST_BYTES));
    timeout(PATIENCE, limited.read_until(b'\n', &mut line)).await??;
    let request = match line.strip_suffix(b"\n") {
        Some(text) => serde_json::from_slice::<Request>(text)
            .map_err(|error| format!("this host does not understand the request: {error}")),
        None => Err(format!(
            "a request is one line of at most {REQUEST_BYTES} bytes"
        )),
    };
    let answer = match request {
        Ok(request) => desk.answer(request).await,
        Err(problem) => Err(problem),
    };
    let answer = answer.map_or_else(Answer::Error, Answer::Result);
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    timeout(PATIENCE, write.write_all(&text)).await??;
    Ok(())
}
