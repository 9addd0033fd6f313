//! The HTTP side of the scripted model: which path does what, and how it starts and ends.

use std::{
    convert::Infallible,
    ffi::OsString,
    io::{self, ErrorKind},
    process::ExitCode,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, header::CONTENT_TYPE,
    server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet};

use super::{
    MODEL, answer,
    events::{EventBody, Events},
    request,
};

/// Bytes that one request may have; a conversation of a long demo has a few megabytes. More is answered with 413.
const MAX_REQUEST_BYTES: usize = 64 << 20;

const USAGE: &str = "usage: scripted-model [--listen 127.0.0.1:0]\n";

type AnswerBody = Either<Full<Bytes>, EventBody>;

/// Serves until `shutdown` resolves; open answers are then cut off.
pub async fn serve(listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => return Ok(()),
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            // Codex left before it was let in; that is no fault of the listener.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
                ) =>
            {
                continue;
            }
            Err(error) => return Err(error),
        };
        // Deltas are small and must not wait for each other. It fails only on a connection that is gone.
        let _ = stream.set_nodelay(true);
        connections.spawn(async move {
            // Scripts break connections on purpose and Codex leaves in mid-answer, so an error says nothing here.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(answer_request))
                .await;
        });
    }
}

/// Runs the scripted model as a program of its own, with these arguments, the program's name not among them. It prints
/// `scripted model listening on http://ADDR/v1` and serves until SIGTERM or SIGINT.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    let address = match args
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        [] => "127.0.0.1:0",
        ["--listen", address] => *address,
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let run = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(listen(address))
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: the scripted model cannot listen on {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn listen(address: &str) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    if !bound.ip().is_loopback() {
        return Err(io::Error::other("only loopback addresses are served"));
    }
    let (mut terminated, mut interrupted) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    println!("scripted model listening on http://{bound}/v1");
    serve(listener, async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    })
    .await
}

async fn answer_request(request: Request<Incoming>) -> Result<Response<AnswerBody>, Infallible> {
    let path = request.uri().path();
    Ok(match (request.method(), path) {
        (&Method::POST, "/v1/responses") => respond(request.into_body()).await,
        (&Method::GET, "/v1/models") => {
            let model =
                json!({"id": MODEL, "object": "model", "created": 0, "owned_by": "scripted"});
            plain(StatusCode::OK, &json!({"object": "list", "data": [model]}))
        }
        _ => plain(
            StatusCode::NOT_FOUND,
            &error(
                "not_found",
                &format!("the scripted model has nothing at {path}"),
            ),
        ),
    })
}

async fn respond(body: Incoming) -> Response<AnswerBody> {
    let body = match Limited::new(body, MAX_REQUEST_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(cause) => {
            let too_large = cause.downcast_ref::<LengthLimitError>().is_some();
            let status = if too_large {
                StatusCode::PAYLOAD_TOO_LARGE
            } else {
                StatusCode::BAD_REQUEST
            };
            return plain(
                status,
                &error(
                    "invalid_request_error",
                    &format!("cannot read the request: {cause}"),
                ),
            );
        }
    };
    let request: request::Request = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(cause) => {
            return plain(
                StatusCode::BAD_REQUEST,
                &error("invalid_request_error", &cause.to_string()),
            );
        }
    };
    let (scenario, first) = request.position();
    if let Some((status, body)) = answer::immediate_failure(&scenario, first) {
        return plain(
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            &body,
        );
    }
    let (events, body) = Events::new();
    // Its owner is the body: when the connection goes, the next send fails and the task ends.
    tokio::spawn(answer::play(scenario, first, events));
    let mut response = Response::new(Either::Right(body));
    response.headers_mut().insert(
        CONTENT_TYPE,
        hyper::header::HeaderValue::from_static("text/event-stream"),
    );
    response
}

fn error(kind: &str, message: &str) -> serde_json::Value {
    json!({"error": {"type": kind, "message": message}})
}

fn plain(status: StatusCode, body: &serde_json::Value) -> Response<AnswerBody> {
    let mut response = Response::new(Either::Left(Full::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        hyper::header::HeaderValue::from_static("application/json"),
    );
    response
}
