//! Tells people who look at no tab that a session needs them: by Web Push, by a webhook, by ntfy.
//!
//! ```text
//! notice.rs   what is told                  quiet.rs    when nobody is told
//! channel.rs  a bounded queue and its worker, with retries      http.rs   one POST, with bounds
//! webhook.rs, ntfy.rs, push.rs              what a channel makes of a notice
//! ```
//! It does not know what a session is, nor when something is worth telling: that is the notifier's business, in `actors`. What
//! comes here has passed the redactor. Nothing here waits for a session, and no session waits for it.

mod channel;
mod http;
mod notice;
mod ntfy;
mod push;
mod quiet;
mod webhook;

pub use channel::{Channels, Options, Outcome};
pub use notice::Notice;
pub use push::{Invalid, KEY_FILE, Key, KeyError, Subscription, Subscriptions};
pub use quiet::ends_in as quiet_ends_in;
