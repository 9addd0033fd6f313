//! One raw HTTP exchange, written out byte by byte: for requests that no well-behaved client would send.
//!
//! Not an HTTP client: no redirects, no keep-alive, no chunks.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::GUARD;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code; 0 when the host hung up without one.
    pub status: u16,
    /// The head as it was sent.
    pub head: String,
    /// What follows the head.
    pub body: String,
}

impl Response {
    /// All values of the header `name`.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let fields = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'));
        fields
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }
}

/// Sends `request` as it is and reads the answer: the head, and as much body as it announces.
pub async fn exchange(addr: SocketAddr, request: &str) -> Response {
    let talking = async {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        // A host that refuses early may hang up while we still write.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut bytes = Vec::new();
        let mut chunk = [0_u8; 4096];
        while !is_whole(&bytes) {
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => break,
                Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let text = timeout(GUARD, talking)
        .await
        .expect("the host answers or hangs up");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    Response {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// A `GET` with a right Host header and the further header lines `headers`, each ending in CRLF.
pub async fn get(addr: SocketAddr, path: &str, headers: &str) -> Response {
    exchange(
        addr,
        &format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n{headers}\r\n"),
    )
    .await
}

/// A WebSocket upgrade of `path` with a right Host header and the further header lines `headers`.
pub async fn upgrade(addr: SocketAddr, path: &str, headers: &str) -> Response {
    let fixed = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    get(addr, path, &format!("{fixed}{headers}")).await
}

/// Whether `bytes` hold a head and the whole body that it announces.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let announced = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = announced.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = lengths
        .next()
        .and_then(|(_, length)| length.trim().parse().ok());
    let switching = head.starts_with("HTTP/1.1 101");
    length.map_or(switching, |length: usize| body.len() >= length)
}
