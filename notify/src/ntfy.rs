//! The plain POST that ntfy takes: text as the body, all else in headers. It sends nothing itself.

use bytes::Bytes;
use config::NoticeKind;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::notice::Notice;

/// The text. A title of a session stands here and not in a header, which could not hold every letter.
pub(crate) fn body(config: &config::Ntfy, notice: &Notice) -> Bytes {
    let words = notice.words(&config.rules);
    words.title.unwrap_or_else(|| words.text.to_owned()).into()
}

pub(crate) fn headers(config: &config::Ntfy, notice: &Notice) -> HeaderMap {
    let (priority, tag) = match notice.kind {
        NoticeKind::NeedsYou => ("high", "raising_hand"),
        NoticeKind::Failed => ("high", "warning"),
        NoticeKind::Finished => ("default", "white_check_mark"),
    };
    let title = notice.words(&config.rules).text;
    let mut headers = HeaderMap::from_iter([
        (
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        ),
        (
            HeaderName::from_static("title"),
            HeaderValue::from_static(title),
        ),
        (
            HeaderName::from_static("priority"),
            HeaderValue::from_static(priority),
        ),
        (
            HeaderName::from_static("tags"),
            HeaderValue::from_static(tag),
        ),
    ]);
    if let Some(link) = notice
        .link()
        .and_then(|link| HeaderValue::from_str(&link).ok())
    {
        headers.insert(HeaderName::from_static("click"), link);
    }
    if let Some(token) = &config.token {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.reveal()))
            .expect("the configuration takes printable ASCII alone");
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    headers
}
