//! Whether a page may send this request: the Origin header and what the browser says of its own accord. Programs send neither.

use axum::http::{HeaderMap, header};

use super::Gate;
use crate::{error::Refusal, routes::Route};

const FOREIGN_PAGE: Refusal =
    Refusal::Forbidden("this page is not one of the host's allowed_origins");
const NO_ORIGIN: Refusal =
    Refusal::Forbidden("a browser has to say which page this comes from (Origin)");
const CROSS_SITE: Refusal = Refusal::Forbidden("another site may not send this request");

impl Gate {
    /// An Origin has to be on the list, whatever else is shown. It has to be there where a browser acts with its cookie, and
    /// where something changes.
    pub(super) fn check_origin(
        &self,
        route: Route,
        headers: &HeaderMap,
        has_cookie_only: bool,
    ) -> Result<(), Refusal> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (Some(_), Some(_)) => {
                return Err(Refusal::Malformed("send one Origin header, not several"));
            }
            (Some(origin), None) => {
                let is_listed = self
                    .origins
                    .iter()
                    .any(|listed| listed.as_bytes() == origin.as_bytes());
                if !is_listed {
                    return Err(FOREIGN_PAGE);
                }
            }
            (None, _)
                if route.changes_something() || (route == Route::Socket && has_cookie_only) =>
            {
                return Err(NO_ORIGIN);
            }
            (None, _) => {}
        }
        // Browsers that do not send it are covered by the Origin above.
        match headers.get("sec-fetch-site").map(|site| site.as_bytes()) {
            None | Some(b"same-origin") => Ok(()),
            // Typed by hand, or a page of our own assets: harmless where nothing changes.
            Some(b"none") if !route.changes_something() => Ok(()),
            Some(_) if route.is_for_everybody() => Ok(()),
            Some(_) => Err(CROSS_SITE),
        }
    }
}
