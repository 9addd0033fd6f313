//! A WebSocket client: a well-behaved one, and bare frames for the other kind.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _, http::HeaderValue, protocol::Role},
};

use super::{
    TestHost,
    http::{Browser, UPGRADE, request},
    soon,
};

/// A client's socket.
pub struct Client {
    socket: WebSocketStream<TcpStream>,
}

impl Client {
    /// Opens a socket with these header lines; `Err` is the status of the refusal.
    pub async fn connect(host: &TestHost, headers: &str) -> Result<Self, u16> {
        let mut request = format!("ws://{}/ws", host.addr)
            .into_client_request()
            .unwrap();
        for line in headers.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            let name =
                tokio_tungstenite::tungstenite::http::HeaderName::from_bytes(name.as_bytes())
                    .unwrap();
            request
                .headers_mut()
                .insert(name, HeaderValue::from_str(value).unwrap());
        }
        let stream = TcpStream::connect(host.addr).await.unwrap();
        match soon(client_async(request, stream)).await {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => {
                Err(answer.status().as_u16())
            }
            Err(err) => panic!("{err}"),
        }
    }

    /// A program with the right token.
    pub async fn program(host: &TestHost) -> Self {
        Self::connect(host, &host.bearer())
            .await
            .expect("the right token opens a socket")
    }

    /// Likewise; `None` if the host hangs up without an answer.
    pub async fn connect_or_end(host: &TestHost) -> Option<Self> {
        let mut stream = TcpStream::connect(host.addr).await.unwrap();
        let request = request(host, "GET", "/ws", &format!("{UPGRADE}{}", host.bearer()));
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut first = [0; 12];
        soon(stream.read_exact(&mut first)).await.ok()?;
        assert_eq!(&first, b"HTTP/1.1 101");
        Some(Self {
            socket: WebSocketStream::from_raw_socket(stream, Role::Client, None).await,
        })
    }

    /// A browser with both halves, proven.
    pub async fn browser(host: &TestHost, browser: &Browser) -> Self {
        let mut client = Self::connect(host, &browser.headers(host))
            .await
            .expect("the cookie half is right");
        let nonce = client.challenge().await;
        client
            .send(
                &json!({ "method": "host/proof", "params": { "mac": browser.mac(&nonce) } })
                    .to_string(),
            )
            .await;
        let admitted = client.next().await.expect("an answer to the proof");
        assert_eq!(
            admitted,
            json!({ "method": "host/admitted", "params": { "role": "operate" } }).to_string()
        );
        client
    }

    /// The nonce of the challenge that has to come first.
    pub async fn challenge(&mut self) -> String {
        let text = self.next().await.expect("a challenge");
        let challenge: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(challenge["method"], "host/challenge");
        challenge["params"]["nonce"].as_str().unwrap().to_owned()
    }

    pub async fn send(&mut self, text: &str) {
        soon(self.socket.send(Message::text(text))).await.unwrap();
    }

    /// The next text; `Err` is the code of the close, 1006 if there was none.
    pub async fn next(&mut self) -> Result<String, u16> {
        loop {
            match soon(self.socket.next()).await {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Close(Some(close)))) => return Err(close.code.into()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("{other:?}"),
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// The code with which it is closed, after whatever else comes before.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    /// Sends a ping and waits for its pong.
    pub async fn ping(&mut self) {
        soon(self.socket.send(Message::Ping(b"here"[..].into())))
            .await
            .unwrap();
        loop {
            match soon(self.socket.next()).await {
                Some(Ok(Message::Pong(data))) => return assert_eq!(&data[..], b"here"),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub async fn close(&mut self) {
        soon(self.socket.close(None)).await.unwrap();
    }
}

/// An opened socket without a client's manners.
pub struct Bare {
    pub stream: TcpStream,
}

impl Bare {
    /// Opens one with the right token.
    pub async fn open(host: &TestHost) -> Self {
        let mut stream = TcpStream::connect(host.addr).await.unwrap();
        let request = request(host, "GET", "/ws", &format!("{UPGRADE}{}", host.bearer()));
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon(stream.read_u8()).await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "));
        Self { stream }
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        soon(self.stream.write_all(bytes)).await.unwrap();
    }

    /// The code of the close frame with which the host ends it; `None` if it ends without.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            let first = soon(self.stream.read_u8()).await.ok()?;
            let mut length = u64::from(soon(self.stream.read_u8()).await.ok()? & 0x7f);
            if length == 126 {
                length = u64::from(soon(self.stream.read_u16()).await.ok()?);
            } else if length == 127 {
                length = soon(self.stream.read_u64()).await.ok()?;
            }
            let mut payload = vec![0; length as usize];
            soon(self.stream.read_exact(&mut payload)).await.ok()?;
            if first & 0x0f == 8 {
                return Some(u16::from_be_bytes([*payload.first()?, *payload.get(1)?]));
            }
        }
    }
}

/// A masked frame: `first` is the byte with FIN, reserved bits and opcode.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    // A mask of zeros leaves the payload as it is.
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}
