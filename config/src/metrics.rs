//! The `[metrics]` section. Which figures there are is another crate's business.

use std::net::SocketAddr;

use crate::{error::shown, reader::Section, value};

/// Where the metrics are, besides behind admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// A loopback address of their own, without admission.
    pub listen: Option<SocketAddr>,
}

impl Metrics {
    pub(crate) fn read(mut section: Section<'_>) -> Self {
        let listen = section.optional("listen", |value| judge(&value::text(value)?));
        section.finish();
        Self { listen }
    }
}

fn judge(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| {
        format!(
            "found {}, write \"127.0.0.1:PORT\" or \"[::1]:PORT\"; names are not looked up",
            shown(text)
        )
    })?;
    if !address.ip().to_canonical().is_loopback() {
        return Err(format!(
            "{address} can be reached from other machines and is always refused, since nobody needs a token there; write \
             \"127.0.0.1:{}\", or have them scrape /metrics of the host with a token",
            address.port()
        ));
    }
    Ok(address)
}
