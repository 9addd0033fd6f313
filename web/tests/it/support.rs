//! A served host with a stand-in behind it, and what tests say to it.

pub mod http;
pub mod ws;

use std::{
    future::Future, net::SocketAddr, os::unix::fs::OpenOptionsExt as _, sync::Arc, time::Duration,
};

use std::io::Write as _;

use actors::{
    TabRefused,
    admission::{Admission, Args},
    tab::{Frame, Gone, OpenTab},
};
use bytes::Bytes;
use config::{Bound, Config, Environment, Limits, Listen, Source, Token};
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use web::{App, Host, Inbound, Listener, Outbound};

/// Waits for what has to happen soon.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(5), future)
        .await
        .expect("happens within five seconds")
}

/// Resident memory of this process, in KiB.
pub fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What a test host is like.
pub struct Setup {
    config: String,
    limits: Box<dyn FnOnce(&mut Limits)>,
    is_unix: bool,
    asks_for_credentials: bool,
    refused: Option<TabRefused>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            config: String::new(),
            limits: Box::new(|_| ()),
            is_unix: false,
            asks_for_credentials: true,
            refused: None,
        }
    }
}

impl Setup {
    /// With these lines in the configuration.
    pub fn config(mut self, text: &str) -> Self {
        self.config.push_str(text);
        self.config.push('\n');
        self
    }

    /// With other limits.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits) + 'static) -> Self {
        self.limits = Box::new(change);
        self
    }

    /// On a unix socket.
    pub fn unix(mut self) -> Self {
        self.is_unix = true;
        self
    }

    /// Open to everybody.
    pub fn open(mut self) -> Self {
        self.asks_for_credentials = false;
        self
    }

    /// Refusing all tabs.
    pub fn refusing(mut self, refused: TabRefused) -> Self {
        self.refused = Some(refused);
        self
    }

    /// Starts it.
    pub async fn start(self) -> TestHost {
        let dir = tempfile::tempdir().unwrap();
        let token = Token::generate().unwrap();
        let socket = dir.path().join("host.sock");
        let listen = if self.is_unix {
            format!("unix:{}", socket.display())
        } else {
            "127.0.0.1:0".to_owned()
        };
        let credential = match self.asks_for_credentials {
            true => format!(
                "websocket_auth_token_sha256 = \"{}\"",
                token.digest().to_hex()
            ),
            false => "websocket_auth_required = false".to_owned(),
        };
        let text = format!(
            "listen = \"{listen}\"\nstate_dir = \"state\"\n{credential}\n{}",
            self.config
        );
        let config = load(dir.path(), &text);
        let mut limits = config.limits;
        (self.limits)(&mut limits);

        let listener = Listener::bind(&config.listen).await.unwrap();
        let addr = match listener.bound().unwrap() {
            Bound::Tcp(addr) => addr,
            Bound::Unix => SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        let admission = Admission::spawn(Args::from_config(&config.admission, &limits));
        let (opened, tabs) = mpsc::channel(64);
        let host = StandIn {
            admission: admission.clone(),
            opened,
            refused: self.refused,
            noted: Arc::default(),
        };
        let own_port = Listen::Tcp(([127, 0, 0, 1], 0).into());
        let own_port = Listener::bind(&own_port).await.unwrap();
        let Bound::Tcp(metrics_addr) = own_port.bound().unwrap() else {
            panic!("bound to a port")
        };
        let app = App {
            host,
            admission: config.admission.clone(),
            limits,
            metrics: Some(own_port),
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            web::serve(listener, app, async { drop(stopped.await) })
                .await
                .unwrap();
        });
        TestHost {
            addr,
            metrics_addr,
            socket,
            token,
            admission,
            config,
            tabs: Mutex::new(tabs),
            stop: Some(stop),
            server,
            _dir: dir,
        }
    }
}

fn load(dir: &std::path::Path, text: &str) -> Config {
    let file = dir.join("holdfast.toml");
    let mut open = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&file)
        .unwrap();
    open.write_all(text.as_bytes()).unwrap();
    Config::load(&Source {
        file: Some(file),
        listen: None,
        environment: Environment::of([]),
    })
    .unwrap_or_else(|err| panic!("{err}"))
}

/// A host that is served.
pub struct TestHost {
    pub addr: SocketAddr,
    /// The port that the metrics have to themselves.
    pub metrics_addr: SocketAddr,
    /// Where it listens if it is on a unix socket.
    pub socket: std::path::PathBuf,
    pub token: Token,
    pub admission: Admission,
    pub config: Config,
    tabs: Mutex<mpsc::Receiver<StandInTab>>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl TestHost {
    /// A host with the defaults.
    pub async fn start() -> Self {
        Setup::default().start().await
    }

    /// What a browser shows as its page.
    pub fn origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The header that lets a program in.
    pub fn bearer(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.token.reveal())
    }

    /// The tab that was opened next.
    pub async fn tab(&self) -> StandInTab {
        soon(async {
            self.tabs
                .lock()
                .await
                .recv()
                .await
                .expect("the host is there")
        })
        .await
    }

    /// Whether a tab was opened that nobody has taken yet.
    pub async fn has_opened_a_tab(&self) -> bool {
        !self.tabs.lock().await.is_empty()
    }

    /// Asks it to stop.
    pub fn begin_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Stops it and waits until it has.
    pub async fn stop(mut self) {
        self.begin_stop();
        soon(self.server).await.unwrap();
    }
}

/// Stands for the tree of actors: hands every tab to the test.
#[derive(Clone)]
struct StandIn {
    admission: Admission,
    opened: mpsc::Sender<StandInTab>,
    refused: Option<TabRefused>,
    noted: Arc<parking_lot::Mutex<Vec<&'static str>>>,
}

/// The host's end of a tab.
pub struct StandInTab {
    pub open: OpenTab,
    pub received: mpsc::Receiver<Bytes>,
    pub send: mpsc::Sender<Vec<Frame>>,
}

impl StandInTab {
    /// Sends one text frame.
    pub async fn say(&self, text: &str) {
        self.send
            .send(vec![Frame::Text(Bytes::copy_from_slice(text.as_bytes()))])
            .await
            .unwrap();
    }

    /// The next text frame of the client.
    pub async fn heard(&mut self) -> String {
        let text = soon(self.received.recv())
            .await
            .expect("the socket is there");
        String::from_utf8(text.to_vec()).unwrap()
    }
}

pub struct Ear(mpsc::Sender<Bytes>);

pub struct Mouth(mpsc::Receiver<Vec<Frame>>);

impl Host for StandIn {
    type Inbound = Ear;
    type Outbound = Mouth;

    fn admission(&self) -> Admission {
        self.admission.clone()
    }

    fn readiness(&self) -> Result<(), &'static str> {
        match self.refused {
            None => Ok(()),
            Some(_) => Err("draining"),
        }
    }

    async fn metrics(&self) -> String {
        let refused = self.noted.lock();
        format!("refused {}\n", refused.join(" "))
    }

    fn note_refused(&self, reason: &'static str) {
        self.noted.lock().push(reason);
    }

    async fn open_tab(&self, open: OpenTab) -> Result<(Ear, Mouth), TabRefused> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        // One message at a time: a tab that is slow to take shows at once.
        let (ear, received) = mpsc::channel(1);
        let (send, mouth) = mpsc::channel(64);
        self.opened
            .send(StandInTab {
                open,
                received,
                send,
            })
            .await
            .map_err(|_| TabRefused::Draining)?;
        Ok((Ear(ear), Mouth(mouth)))
    }
}

impl Inbound for Ear {
    async fn receive(&self, text: Bytes) -> Result<(), Gone> {
        self.0.send(text).await.map_err(|_| Gone)
    }
}

impl Outbound for Mouth {
    async fn next(&mut self, out: &mut Vec<Frame>) -> Result<(), Gone> {
        out.extend(self.0.recv().await.ok_or(Gone)?);
        Ok(())
    }

    fn written(&mut self, _: u64) {}
}

/// Everything that is logged by this thread while it is held, at every level.
#[derive(Clone, Default)]
pub struct Log(Arc<parking_lot::Mutex<Vec<u8>>>);

impl Log {
    /// Begins to listen.
    pub fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || Writer(writer.clone()))
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// What was said so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock()).into_owned()
    }
}

struct Writer(Log);

impl std::io::Write for Writer {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0.0.lock().extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
