//! Somebody who is told: takes each POST, keeps it for the test, and answers as the test wants. It judges nothing.

use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::{net::TcpListener, sync::mpsc};

/// What takes longer than this has failed.
const GUARD: Duration = Duration::from_secs(20);

/// One POST.
#[derive(Clone, Debug)]
pub struct Told {
    pub path: String,
    /// Lower-case names.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// The receiver; gone with the test.
pub struct Receiver {
    pub addr: SocketAddr,
    told: mpsc::UnboundedReceiver<Told>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (keep, told) = mpsc::unbounded_channel();
        let answers: Arc<Mutex<VecDeque<u16>>> = Arc::default();
        let next = Arc::clone(&answers);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (keep, next) = (keep.clone(), Arc::clone(&next));
                let service =
                    service_fn(move |request| take(request, keep.clone(), Arc::clone(&next)));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self {
            addr,
            told,
            answers,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Answers the next requests with these; all further ones with 200.
    pub fn answer(&self, codes: &[u16]) {
        self.answers.lock().extend(codes);
    }

    /// The next POST.
    pub async fn next(&mut self) -> Told {
        let next = tokio::time::timeout(GUARD, self.told.recv()).await;
        next.expect("somebody is told").expect("the receiver runs")
    }

    /// What has come already.
    pub fn rest(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }
}

async fn take(
    request: Request<Incoming>,
    keep: mpsc::UnboundedSender<Told>,
    answers: Arc<Mutex<VecDeque<u16>>>,
) -> Result<Response<Empty<&'static [u8]>>, Infallible> {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| {
        (
            name.to_string(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    });
    let (headers, path) = (headers.collect(), request.uri().to_string());
    let body = request
        .into_body()
        .collect()
        .await
        .unwrap()
        .to_bytes()
        .to_vec();
    // The test may be over.
    let _ = keep.send(Told {
        path,
        headers,
        body,
    });
    let code = answers.lock().pop_front().unwrap_or(200);
    let mut answer = Response::builder().status(code);
    if (300..400).contains(&code) {
        answer = answer.header("location", "/elsewhere");
    }
    Ok(answer.body(Empty::new()).unwrap())
}
