//! The page, embedded in the binary. Files are looked up by name in a list made at build time; there is no file system here
//! that a path could lead into. The bundler leaves a compressed twin beside each text; nothing is compressed here.

use std::borrow::Cow;

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};

use crate::{error::Refusal, gate::Passed};

mod files {
    include!(concat!(env!("OUT_DIR"), "/files.rs"));

    /// A file of the page.
    pub(super) fn get(name: &str) -> Option<rust_embed::EmbeddedFile> {
        <Files as rust_embed::RustEmbed>::get(name)
    }

    /// The names of all.
    #[cfg(test)]
    pub(super) fn names() -> impl Iterator<Item = std::borrow::Cow<'static, str>> {
        <Files as rust_embed::RustEmbed>::iter()
    }
}

/// The page itself.
const INDEX: &str = "index.html";
/// Where the bundler puts files whose name holds a hash of their content.
const HASHED: &str = "assets/";
/// Such a file never changes.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Others are asked for again, with the tag of what the browser has.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// The name of a file's compressed twin ends so; by itself it is no file of the page.
const TWIN: &str = ".gz";

/// Whether there is a file at this path. The page itself is only at `/`.
pub(crate) fn has(path: &str) -> bool {
    name(path).is_some_and(|name| files::get(name).is_some())
}

/// `GET /`. Never cached: it names the hashed files, and its headers are its protection.
pub(crate) async fn page(_: Passed, request: Request) -> Result<Response, Refusal> {
    let file = files::get(INDEX).ok_or(Refusal::NotFound)?;
    Ok(response(INDEX, file.data, takes_gzip(request.headers())))
}

/// A file of the page.
pub(crate) async fn file(_: Passed, request: Request) -> Result<Response, Refusal> {
    let name = name(request.uri().path()).ok_or(Refusal::NotFound)?;
    let file = files::get(name).ok_or(Refusal::NotFound)?;
    let hash = file.metadata.sha256_hash();
    let tag: String = hash[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag = format!("\"{tag}\"");
    let mut response = if knows(request.headers(), &tag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        response(name, file.data, takes_gzip(request.headers()))
    };
    let headers = response.headers_mut();
    // Weak: the compressed twin has the same.
    headers.insert(
        header::ETAG,
        HeaderValue::from_str(&format!("W/{tag}")).expect("hex digits in quotes"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        if name.starts_with(HASHED) {
            FOREVER
        } else {
            ASK_AGAIN
        },
    );
    Ok(response)
}

fn name(path: &str) -> Option<&str> {
    path.strip_prefix('/')
        .filter(|name| !name.is_empty() && *name != INDEX && !name.ends_with(TWIN))
}

/// Whether the browser named it among what it takes; a refusal (`gzip;q=0`) is one.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    accepted.split(',').any(|one| {
        let (coding, quality) = one.split_once(';').unwrap_or((one, ""));
        let refused = quality
            .trim()
            .strip_prefix("q=")
            .is_some_and(|q| q.trim_end_matches(['0', '.']).is_empty());
        coding.trim() == "gzip" && !refused
    })
}

fn knows(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    known.is_some_and(|known| {
        known
            .split(',')
            .any(|one| one.trim().trim_start_matches("W/") == tag)
    })
}

fn response(name: &str, data: Cow<'static, [u8]>, gzip: bool) -> Response {
    let twin = files::get(&format!("{name}{TWIN}"));
    let has_twin = twin.is_some();
    let twin = twin.filter(|_| gzip);
    let compressed = twin.is_some();
    let data = twin.map_or(data, |twin| twin.data);
    let data = match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    };
    let mut response = Response::new(Body::from(data));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(content_type(name)),
    );
    if has_twin {
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    if compressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// With `nosniff` a wrong type is a broken page, so the types are written down and checked against the page.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => UNKNOWN,
    }
}

const UNKNOWN: &str = "application/octet-stream";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_has_a_known_type() {
        let names: Vec<_> = files::names()
            .filter(|name| !name.ends_with(TWIN))
            .collect();
        assert!(
            names.iter().any(|name| name == INDEX)
                && names.iter().any(|name| name.starts_with(HASHED))
        );
        for name in names {
            assert_ne!(content_type(&name), UNKNOWN, "{name}");
        }
    }

    #[test]
    fn only_embedded_names_are_files() {
        for path in [
            "",
            "/",
            "/index.html",
            "/assets",
            "/assets/",
            "/../Cargo.toml",
            "/Cargo.toml",
            "/assets/../index.html",
        ] {
            assert!(!has(path), "{path}");
        }
        assert!(has("/favicon.svg") && !has("/favicon.svg.gz"));
    }

    #[test]
    fn a_compressed_twin_is_given_to_those_who_take_it() {
        let encoding = |accepted: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(accepted) = accepted {
                headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            }
            let file = files::get(INDEX).expect("there is a page");
            let response = response(INDEX, file.data, takes_gzip(&headers));
            let encoding = response.headers().get(header::CONTENT_ENCODING);
            encoding.map(|value| value.to_str().unwrap().to_owned())
        };
        for accepted in ["gzip", "deflate, gzip;q=0.5, br", "gzip, zstd"] {
            assert_eq!(
                encoding(Some(accepted)).as_deref(),
                Some("gzip"),
                "{accepted}"
            );
        }
        for refused in [
            None,
            Some("br"),
            Some("gzip;q=0"),
            Some("gzip;q=0.0"),
            Some("xgzip"),
        ] {
            assert_eq!(encoding(refused), None, "{refused:?}");
        }
    }
}
