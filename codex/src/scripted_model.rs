//! The scripted model: a loopback server of the OpenAI Responses API that makes the real Codex do what a prompt's scenario
//! says (see [`crate::scenario`]), without an account or a network. For demo and tests; it is no proxy and no model.
//!
//! It keeps no state. Each request brings the whole conversation: the scenario is in the last thing that the person said,
//! and the tool calls after it tell which steps are done, because each call carries its step in its id. One answer holds
//! the steps up to the next tool call, which Codex then carries out before it asks again.
//!
//! Steps that hurt the Codex process itself are not for a model to do; it says so in a message. A `fail` that is not the
//! first thing in an answer becomes a `response.failed` event or a broken stream, because the status is sent by then.

mod answer;
mod events;
mod request;
mod server;

pub use server::{main, serve};

/// The model name under which the real Codex offers plain function tools.
pub const MODEL: &str = "gpt-5.5";

/// The smallest `config.toml` with which Codex talks to a scripted model at this base URL (`http://ADDR/v1`) and to
/// nobody else. Two retries of a broken stream are enough to be seen and short enough to wait for; questions to the person
/// (`ask`) work outside of plan mode, too.
pub fn codex_config(base_url: &str) -> String {
    format!(
        r#"model = "{MODEL}"
model_provider = "scripted"
check_for_update_on_startup = false
suppress_unstable_features_warning = true

[model_providers.scripted]
name = "scripted"
base_url = "{base_url}"
request_max_retries = 0
stream_max_retries = 2
supports_websockets = false

[analytics]
enabled = false

[features]
plugins = false
apps = false
remote_plugin = false
plugin_sharing = false
default_mode_request_user_input = true
"#
    )
}
