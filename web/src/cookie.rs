//! The cookie half of a sign-in: its name, how it is set, and how it is found in a request. What it means is for admission.

use std::{fmt, time::Duration};

use axum::http::{HeaderMap, header};

use crate::{error::Refusal, gate::Place};

/// A presented cookie half, unjudged. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CookieHalf(String);

impl CookieHalf {
    /// The text, for admission.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CookieHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The cookie's name for a place. Cookies do not separate ports, so the port is part of it: a second host on this machine
/// signs nobody out of the first. Over HTTPS the prefix makes browsers refuse to take it from a neighbour.
fn name(place: &Place) -> String {
    let mut name = String::from(if place.is_https {
        "__Host-holdfast"
    } else {
        "holdfast"
    });
    if let Some(port) = place.port() {
        name.push('-');
        name.push_str(port);
    }
    name
}

/// `Set-Cookie` for a new sign-in.
pub(crate) fn set(place: &Place, value: &str, lifetime: Duration) -> String {
    let secure = if place.is_https { "; Secure" } else { "" };
    let (name, seconds) = (name(place), lifetime.as_secs());
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}")
}

/// `Set-Cookie` that removes it.
pub(crate) fn clear(place: &Place) -> String {
    set(place, "", Duration::ZERO)
}

/// The value that a request carries. Twice is refused: a neighbour on another port may have set one, and guessing which is
/// ours would let it choose.
pub(crate) fn find(place: &Place, headers: &HeaderMap) -> Result<Option<CookieHalf>, Refusal> {
    let mut lines = headers.get_all(header::COOKIE).iter();
    let (Some(line), another) = (lines.next(), lines.next()) else {
        return Ok(None);
    };
    if another.is_some() {
        return Err(Refusal::Malformed("send one cookie header, not several"));
    }
    let line = line
        .to_str()
        .map_err(|_| Refusal::Malformed("a cookie holds characters that it must not hold"))?;
    let name = name(place);
    let mut values = line
        .split(';')
        .filter_map(|pair| match pair.trim().split_once('=') {
            Some((found, value)) if found == name => Some(CookieHalf(value.to_owned())),
            _ => None,
        });
    let value = values.next();
    if values.next().is_some() {
        return Err(Refusal::Malformed("the sign-in cookie is there twice"));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn place(authority: &str, is_https: bool) -> Place {
        Place {
            authority: authority.to_owned(),
            is_https,
            forwarded: None,
        }
    }

    fn cookies(lines: &[&str]) -> HeaderMap {
        lines
            .iter()
            .map(|line| (header::COOKIE, HeaderValue::from_str(line).unwrap()))
            .collect()
    }

    #[test]
    fn the_flags_are_those_of_the_place() {
        let hour = Duration::from_secs(3600);
        assert_eq!(
            set(&place("dev.tail1.ts.net", true), "x", hour),
            "__Host-holdfast=x; Path=/; HttpOnly; SameSite=Strict; Max-Age=3600; Secure"
        );
        assert_eq!(
            set(&place("[::1]:7433", false), "x", hour),
            "holdfast-7433=x; Path=/; HttpOnly; SameSite=Strict; Max-Age=3600"
        );
        assert_eq!(
            clear(&place("localhost", false)),
            "holdfast=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
        );
    }

    #[test]
    fn only_our_own_cookie_is_found_and_only_once() {
        let here = place("127.0.0.1:7433", false);
        let found = |lines: &[&str]| find(&here, &cookies(lines));
        assert_eq!(found(&[]), Ok(None));
        assert_eq!(
            found(&["a=b; holdfast-7433=x;c=d"]),
            Ok(Some(CookieHalf("x".to_owned())))
        );
        assert_eq!(
            found(&["holdfast=x; __Host-holdfast-7433=y; holdfast-7434=z"]),
            Ok(None)
        );
        assert!(found(&["holdfast-7433=x; holdfast-7433=x"]).is_err());
        assert!(found(&["holdfast-7433=x", "a=b"]).is_err());
    }
}
