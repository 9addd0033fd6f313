//! What a session's feed is told of its bridge: the states that it goes through, and the end of what it left open.
//!
//! Only words for the feed; what happens next is the supervisor's business.

use std::{sync::Arc, time::Duration};

use super::Cause;
use crate::feed::{Feed, json_string};

/// Appends `host/bridge/state` to a session's feed.
pub(super) fn announce(
    feed: &Arc<Feed>,
    state: &str,
    cause: Option<&Cause>,
    retry: Option<(u32, Duration)>,
) {
    let mut params = format!(
        r#"{{"threadId":{},"state":"{state}","generation":{}"#,
        json_string(feed.thread().as_str()),
        feed.row().generation
    );
    if let Some(cause) = cause {
        params += &format!(
            r#","reason":{},"reasonKind":"{}""#,
            json_string(&cause.to_string()),
            cause.kind()
        );
        if !cause.stderr().is_empty() {
            let lines: Vec<String> = cause
                .stderr()
                .iter()
                .map(|line| json_string(line))
                .collect();
            params += &format!(r#","stderr":[{}]"#, lines.join(","));
        }
    }
    if let Some((attempt, delay)) = retry {
        params += &format!(r#","attempt":{attempt},"retryInMs":{}"#, delay.as_millis());
    }
    params.push('}');
    feed.append_host("host/bridge/state", &params);
}

/// The bridge of this session is gone: its requests are withdrawn and its turn gets its one end.
pub(super) fn settle(feed: &Arc<Feed>, cause: &Cause) {
    announce(feed, "down", Some(cause), None);
    while let Some(request) = feed.take_request(|_| true) {
        let params = format!(
            r#"{{"threadId":{},"requestId":{}}}"#,
            json_string(feed.thread().as_str()),
            json_string(&request.id)
        );
        feed.append_host("serverRequest/resolved", &params);
    }
    feed.interrupt_open_turn(&cause.to_string());
    feed.flush();
}
