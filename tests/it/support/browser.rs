//! A browser as far as admission sees it: signs in, keeps both halves, and proves the second one on its sockets.

use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};

use super::Client;
use super::client::Connecting;
use super::http::exchange;

/// A signed-in browser.
pub struct Browser {
    addr: SocketAddr,
    cookie: String,
    proof: Vec<u8>,
    /// What the host says it may do.
    pub role: String,
}

impl Browser {
    /// Signs in with a token or a pairing code; the HTTP status when the host refuses.
    pub async fn sign_in(addr: SocketAddr, secret: &str, user_agent: &str) -> Result<Self, u16> {
        let body = json!({"token": secret}).to_string();
        let request = format!(
            "POST /login HTTP/1.1\r\nHost: {addr}\r\nContent-Type: application/json\r\nOrigin: http://{addr}\r\n\
             Sec-Fetch-Site: same-origin\r\nUser-Agent: {user_agent}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let response = exchange(addr, &request).await;
        if response.status != 200 {
            return Err(response.status);
        }
        let cookies = response.headers("set-cookie");
        let pair = cookies.first().and_then(|cookie| cookie.split(';').next());
        let body: Value = serde_json::from_str(&response.body).unwrap();
        let proof = body["proof"].as_str().expect("a proof");
        Ok(Self {
            addr,
            cookie: pair.expect("a cookie").to_owned(),
            proof: URL_SAFE_NO_PAD.decode(proof).unwrap(),
            role: body["role"].as_str().expect("a role").to_owned(),
        })
    }

    /// Signs out, as the page's button does.
    #[allow(dead_code, reason = "not every test binary signs out")]
    pub async fn sign_out(&self) {
        let (addr, cookie) = (self.addr, &self.cookie);
        let request = format!(
            "POST /logout HTTP/1.1\r\nHost: {addr}\r\nOrigin: http://{addr}\r\nSec-Fetch-Site: same-origin\r\n\
             Cookie: {cookie}\r\nContent-Length: 0\r\n\r\n"
        );
        let response = exchange(addr, &request).await;
        assert!(response.status < 300, "{}", response.status);
    }

    /// A tab that has proven the second half and said `initialize`; the HTTP status when the host refuses the cookie.
    pub async fn tab(&self) -> Result<Client, u16> {
        let connecting = Connecting::to(self.addr)
            .header("cookie", &self.cookie)
            .header("origin", &format!("http://{}", self.addr));
        let mut tab = connecting.open().await?;
        let challenge = tab.next("host/challenge").await;
        let nonce = challenge.params()["nonce"].as_str().expect("a nonce");
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&self.proof).unwrap();
        mac.update(nonce.as_bytes());
        let mac = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        let proof = json!({"method": "host/proof", "params": {"mac": mac}});
        tab.send_raw(&proof.to_string()).await;
        tab.next("host/admitted").await;
        tab.initialize().await;
        Ok(tab)
    }
}
