//! HTTP byte by byte, so that a test can say what no well-behaved client would.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
};

use super::{TestHost, soon};

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.map(|line| line.split_once(": ").unwrap_or((line, "")));
        let headers = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Some(Self {
            status,
            headers,
            body: bytes[end + 4..].to_vec(),
        })
    }

    /// All values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The only value of a header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        let all = self.all(name);
        assert!(all.len() <= 1, "{name} is there {} times", all.len());
        all.first().copied().unwrap_or_default()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// `name=value` of the cookie that is set.
    pub fn cookie(&self) -> String {
        self.header("set-cookie")
            .split(';')
            .next()
            .unwrap()
            .to_owned()
    }
}

/// Sends bytes and reads until the host hangs up; `None` if it said nothing.
pub async fn try_exchange(host: &TestHost, request: &[u8]) -> Option<Answer> {
    if host.addr.port() == 0 {
        return talk(UnixStream::connect(&host.socket).await.unwrap(), request).await;
    }
    talk(TcpStream::connect(host.addr).await.unwrap(), request).await
}

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> Option<Answer> {
    let mut answer = Vec::new();
    soon(async {
        // A refusal may come, and the connection end, before everything is written.
        let _ = stream.write_all(request).await;
        let mut buffer = [0; 4096];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) => break,
                Ok(count) => answer.extend_from_slice(&buffer[..count]),
                Err(err) => panic!(
                    "the connection was reset after {} bytes: {err}",
                    answer.len()
                ),
            }
            // An upgraded connection has no end of its own.
            if answer.starts_with(b"HTTP/1.1 101 ")
                && answer.windows(4).any(|window| window == b"\r\n\r\n")
            {
                break;
            }
        }
    })
    .await;
    Answer::parse(&answer)
}

/// Says something to another place than the host's own and reads the answer.
pub async fn exchange_at(addr: std::net::SocketAddr, request: &str) -> Answer {
    let stream = TcpStream::connect(addr).await.unwrap();
    talk(stream, request.as_bytes()).await.expect("an answer")
}

/// Likewise; it has to say something.
pub async fn exchange(host: &TestHost, request: &str) -> Answer {
    try_exchange(host, request.as_bytes())
        .await
        .expect("an answer")
}

/// A request without body; `headers` are whole lines.
pub fn request(host: &TestHost, method: &str, path: &str, headers: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n",
        host.addr
    )
}

pub async fn get(host: &TestHost, path: &str, headers: &str) -> Answer {
    exchange(host, &request(host, "GET", path, headers)).await
}

/// The headers of an upgrade.
pub const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

/// Asks for a socket.
pub async fn upgrade(host: &TestHost, path: &str, headers: &str) -> Answer {
    get(host, path, &format!("{UPGRADE}{headers}")).await
}

/// What the page sends to sign in.
pub fn login_request(host: &TestHost, headers: &str, body: &str) -> String {
    format!(
        "POST /login HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        host.addr,
        body.len()
    )
}

/// The headers of the page itself.
pub fn page_headers(host: &TestHost) -> String {
    format!(
        "Origin: {}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n",
        host.origin()
    )
}

/// Signs in as the page does, with a token.
pub async fn login(host: &TestHost, token: &str) -> Answer {
    let body = json!({ "token": token }).to_string();
    exchange(host, &login_request(host, &page_headers(host), &body)).await
}

/// A browser that is signed in: both halves.
pub struct Browser {
    /// `name=value`.
    pub cookie: String,
    pub proof: String,
}

impl Browser {
    pub async fn sign_in(host: &TestHost) -> Self {
        let answer = login(host, host.token.reveal()).await;
        assert_eq!(answer.status, 200);
        Self {
            cookie: answer.cookie(),
            proof: answer.json()["proof"].as_str().unwrap().to_owned(),
        }
    }

    /// The headers with which it opens a socket.
    pub fn headers(&self, host: &TestHost) -> String {
        format!("Cookie: {}\r\nOrigin: {}\r\n", self.cookie, host.origin())
    }

    /// The answer to a challenge.
    pub fn mac(&self, nonce: &str) -> String {
        let key = URL_SAFE_NO_PAD.decode(&self.proof).unwrap();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
        mac.update(nonce.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    pub async fn sign_out(&self, host: &TestHost) -> Answer {
        let headers = format!("Content-Length: 0\r\n{}", self.headers(host));
        exchange(host, &request(host, "POST", "/logout", &headers)).await
    }
}
