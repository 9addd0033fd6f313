//! What systemd is told: that the host listens, that it lives, that it stops. Over the datagram socket that
//! `$NOTIFY_SOCKET` names; without one there is nobody to tell. Codex never sees the variable.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::{
        ffi::OsStrExt as _,
        net::{SocketAddr, UnixDatagram},
    },
    time::Duration,
};

use actors::host::Host;

/// Most that a part of the host may take to answer, however long the watchdog would wait.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the line for people is renewed when there is no watchdog.
const STATUS: Duration = Duration::from_secs(30);
/// Beyond the host's own deadline, before systemd may think that it hangs.
const STOP_SLACK: Duration = Duration::from_secs(5);

/// The way to systemd.
#[derive(Debug)]
pub struct ServiceManager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// How often it wants to hear that the host lives.
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// As this process's environment says.
    pub fn of_environment() -> Self {
        Self::of(|name| std::env::var_os(name))
    }

    fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let socket = variable("NOTIFY_SOCKET").and_then(|name| match open(&name) {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::warn!(err = %error, "cannot use NOTIFY_SOCKET; systemd is told nothing");
                None
            }
        });
        let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
        let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|micros| ours && *micros > 0);
        Self {
            socket,
            watchdog: watchdog.map(Duration::from_micros),
        }
    }

    /// The host listens.
    pub fn ready(&self, host: &Host) {
        self.say(&format!("READY=1\nSTATUS={}", host.activity()));
    }

    /// Says that the host lives, as long as its tree of actors answers: a host that hangs goes silent, and is restarted.
    /// Never resolves.
    pub async fn keep_alive(&self, host: &Host) {
        let Some(every) = self.beat() else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(every).await;
            if host.answers(every.min(PATIENCE)).await {
                self.alive(&format!("STATUS={}", host.activity()));
            }
        }
    }

    /// The host stops, within `deadline` by its own clock: that takes as long as it takes, and is no hang.
    pub async fn stopping(&self, deadline: Duration) {
        let micros = (deadline + STOP_SLACK).as_micros();
        self.say(&format!(
            "STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC={micros}"
        ));
        let Some(every) = self.beat() else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(every).await;
            self.alive("STATUS=stopping");
        }
    }

    fn beat(&self) -> Option<Duration> {
        self.socket.as_ref()?;
        Some(self.watchdog.map_or(STATUS, |watchdog| watchdog / 2))
    }

    fn alive(&self, status: &str) {
        match self.watchdog {
            Some(_) => self.say(&format!("WATCHDOG=1\n{status}")),
            None => self.say(status),
        }
    }

    fn say(&self, words: &str) {
        let Some((socket, address)) = &self.socket else {
            return;
        };
        if let Err(error) = socket.send_to_addr(words.as_bytes(), address) {
            tracing::warn!(err = %error, "tell systemd");
        }
    }
}

fn open(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        [b'@', rest @ ..] => abstract_address(rest)?,
        _ => {
            return Err(io::Error::other(
                "it is neither a path nor an abstract name",
            ));
        }
    };
    let socket = UnixDatagram::unbound()?;
    // A service manager that does not read must not stop the host.
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &[u8]) -> io::Result<SocketAddr> {
    Err(io::Error::other("abstract names exist on Linux only"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(variables: &[(&str, &str)]) -> ServiceManager {
        let variables: Vec<(String, String)> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        ServiceManager::of(move |name| {
            let found = variables.iter().find(|(own, _)| own == name)?;
            Some(found.1.clone().into())
        })
    }

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        let read = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..read]).into_owned()
    }

    #[test]
    fn a_path_and_an_abstract_name_are_both_reached() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let by_path = UnixDatagram::bind(&path).unwrap();
        manager(&[("NOTIFY_SOCKET", path.to_str().unwrap())]).say("READY=1");
        assert_eq!(heard(&by_path), "READY=1");

        let name = format!("holdfast-{}", std::process::id());
        let address = abstract_address(name.as_bytes()).unwrap();
        let by_name = UnixDatagram::bind_addr(&address).unwrap();
        manager(&[("NOTIFY_SOCKET", &format!("@{name}"))]).say("STOPPING=1");
        assert_eq!(heard(&by_name), "STOPPING=1");
    }

    #[test]
    fn the_watchdog_is_for_the_process_that_it_names() {
        let (own, micros) = (std::process::id().to_string(), ("WATCHDOG_USEC", "3000000"));
        let for_us = manager(&[micros, ("WATCHDOG_PID", &own)]);
        assert_eq!(for_us.watchdog, Some(Duration::from_secs(3)));
        assert_eq!(for_us.beat(), None, "nobody listens");
        assert_eq!(manager(&[micros, ("WATCHDOG_PID", "1")]).watchdog, None);
        assert_eq!(manager(&[micros]).watchdog, Some(Duration::from_secs(3)));
        assert_eq!(manager(&[("WATCHDOG_USEC", "0")]).watchdog, None);
        assert!(manager(&[("NOTIFY_SOCKET", "relative")]).socket.is_none());
    }
}
