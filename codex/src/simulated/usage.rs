//! What is said after each answer of the model: tokens, limits, and the changes so far. The numbers mean nothing.

use serde::Serialize;

use super::{catalog, turn::TurnRun};

/// Input and output tokens that one answer of the model counts for.
const TOKENS: (u64, u64) = (10, 5);

impl TurnRun {
    /// What follows each answer of the model.
    pub(super) fn model_answered(&self) {
        let (input, output) = self.thread.with(|state| {
            state.tokens = (state.tokens.0 + TOKENS.0, state.tokens.1 + TOKENS.1);
            state.tokens
        });
        let usage = TokenUsage {
            total: Tokens::new(input, output),
            last: Tokens::new(TOKENS.0, TOKENS.1),
            model_context_window: 258_400,
        };
        self.server.notify(
            "thread/tokenUsage/updated",
            &TokenUsageUpdated {
                thread_id: &self.thread.id,
                turn_id: &self.turn_id,
                token_usage: usage,
            },
        );
        self.server
            .notify("account/rateLimits/updated", &catalog::rate_limits());
        if !self.diff.is_empty() {
            self.send_diff();
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenUsageUpdated<'a> {
    thread_id: &'a str,
    turn_id: &'a str,
    token_usage: TokenUsage,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenUsage {
    total: Tokens,
    last: Tokens,
    model_context_window: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    total_tokens: u64,
    input_tokens: u64,
    cached_input_tokens: u64,
    cache_write_input_tokens: u64,
    output_tokens: u64,
    reasoning_output_tokens: u64,
}

impl Tokens {
    fn new(input: u64, output: u64) -> Self {
        Self {
            total_tokens: input + output,
            input_tokens: input,
            cached_input_tokens: 0,
            cache_write_input_tokens: 0,
            output_tokens: output,
            reasoning_output_tokens: 0,
        }
    }
}
