//! The page, embedded in the binary. Files are looked up by name in a list made at build time; there is no file system here
//! that a path could lead into.

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

/// Whether there is a file at this path. The page itself is only at `/`.
pub(crate) fn has(path: &str) -> bool {
    name(path).is_some_and(|name| files::get(name).is_some())
}

/// `GET /`. Never cached: it names the hashed files, and its headers are its protection.
pub(crate) async fn page(_: Passed) -> Result<Response, Refusal> {
    let file = files::get(INDEX).ok_or(Refusal::NotFound)?;
    Ok(response(INDEX, file.data))
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
        response(name, file.data)
    };
    let headers = response.headers_mut();
    headers.insert(
        header::ETAG,
        HeaderValue::from_str(&tag).expect("hex digits in quotes"),
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
        .filter(|name| !name.is_empty() && *name != INDEX)
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

fn response(name: &str, data: Cow<'static, [u8]>) -> Response {
    let data = match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    };
    let mut response = Response::new(Body::from(data));
    let content_type = HeaderValue::from_static(content_type(name));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
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
        let names: Vec<_> = files::names().collect();
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
        assert!(has("/favicon.svg"));
    }
}
