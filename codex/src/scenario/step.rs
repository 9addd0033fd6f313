//! The typed steps of a scenario. They say what happens, not how either interpreter does it.

use std::time::Duration;

/// One thing that happens in a turn.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// An agent message of numbered deltas.
    Text(Stream),
    /// An agent message with a given text, a word a delta.
    Say {
        /// The whole message, Markdown.
        text: String,
        /// Words a second.
        rate: Rate,
    },
    /// One command that needs no approval of its own.
    Run {
        /// The shell command.
        cmd: String,
    },
    /// One command that prints numbered lines.
    Output(Stream),
    /// One command that asks for approval first.
    Approve {
        /// The shell command.
        cmd: String,
        /// What the person is told.
        reason: String,
    },
    /// One change of a file.
    Edit(Edit),
    /// One question to the person.
    Ask {
        /// The question.
        question: String,
        /// The labels to choose from.
        options: Vec<String>,
    },
    /// A reasoning item of summary deltas.
    Reason {
        /// How many deltas.
        count: u64,
        /// Deltas a second.
        rate: Rate,
        /// What it says, in one delta; empty for generated deltas.
        text: String,
    },
    /// A plan of three steps.
    Plan {
        /// What it says instead; empty for three steps.
        text: String,
    },
    /// An open, silent reasoning item.
    Think(Duration),
    /// Silence.
    Sleep(Duration),
    /// A synthetic secret.
    Secret {
        /// Its form.
        kind: SecretKind,
        /// Bytes a piece; 0 leaves it whole.
        cut: usize,
        /// Where it shows.
        place: SecretPlace,
    },
    /// An agent message of one large delta.
    BigLine {
        /// Mebibytes of text.
        mb: usize,
    },
    /// The end of the turn by an error of the provider.
    Fail {
        /// Which error.
        kind: FailKind,
        /// Announced retries before it.
        retries: u32,
        /// What streams in each attempt.
        before: Stream,
    },
    /// A turn that never ends.
    Hang(Stream),
    /// The names of the environment variables.
    Env,
    /// A real `sleep` that outlives its command.
    Spawn {
        /// Seconds.
        sleep: u64,
        /// In a session of its own, out of reach of a process group's signals.
        setsid: bool,
    },
    /// Death by a signal, in the middle of a message.
    Crash {
        /// The signal's number.
        signal: i32,
        /// What streams before.
        before: Stream,
    },
    /// The process exits, in the middle of a message.
    Exit {
        /// Its exit code.
        code: u8,
        /// What streams before.
        before: Stream,
    },
    /// The process stops itself and answers nothing.
    Freeze,
    /// The process reads no requests; `None` is for ever.
    StallStdin(Option<Duration>),
    /// Lines on stdout that are no messages.
    Garbage {
        /// How many.
        count: u64,
    },
    /// Lines on stderr.
    Stderr {
        /// The line.
        text: String,
        /// How often.
        count: u64,
    },
    /// Lines on stdout as they stand in a file.
    Raw {
        /// Its path.
        file: String,
    },
    /// Stdout is closed; the process lives on.
    CloseStdout,
    /// Later calls of `thread/resume` kill the process.
    TrapResume {
        /// How many calls.
        times: u32,
    },
}

/// A row of numbered pieces: deltas of a message or lines of an output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stream {
    /// How many pieces.
    pub count: u64,
    /// Bytes a piece; the index is always whole, so at least 8.
    pub size: usize,
    /// Pieces a second.
    pub rate: Rate,
    /// Pieces a message; 0 is one message for all.
    pub every: u64,
    /// Whether each piece carries the time of its emission.
    pub stamp: bool,
    /// Whether the messages stay out of all history, so that a load test needs neither memory nor disk.
    pub forget: bool,
}

/// Pieces a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(u32);

impl Rate {
    /// As fast as the machine can.
    pub const UNLIMITED: Self = Self(0);

    /// So many pieces a second; 0 is [`Rate::UNLIMITED`].
    pub const fn per_second(pieces: u32) -> Self {
        Self(pieces)
    }

    /// When the piece with this index is due, counted from the first; `None` is at once.
    pub fn due(self, index: u64) -> Option<Duration> {
        (self.0 > 0)
            .then(|| Duration::from_nanos((index as u128 * 1_000_000_000 / self.0 as u128) as u64))
    }
}

/// A change of one file: it is made new with this text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Relative to the working directory, or absolute.
    pub path: String,
    /// The file's text; a missing last newline is added.
    pub text: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every one of them, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word that stands for it in a scenario.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

words! {
    /// Forms of secrets that a scenario can make up. None is valid anywhere.
    SecretKind {
        /// A GitHub personal access token.
        GithubPat = "github-pat",
        /// An OpenAI project key.
        OpenaiKey = "openai-key",
        /// An Anthropic key.
        AnthropicKey = "anthropic-key",
        /// An AWS access key id.
        AwsKeyId = "aws-key-id",
        /// A Google API key.
        GoogleKey = "google-key",
        /// A Slack bot token.
        SlackToken = "slack-token",
        /// An npm token.
        NpmToken = "npm-token",
        /// A JSON web token.
        Jwt = "jwt",
        /// A private key in PEM form, of several lines.
        PrivateKey = "private-key",
        /// A URL with a password.
        UrlPassword = "url-password",
        /// An `Authorization: Bearer` header.
        Bearer = "bearer",
        /// An assignment `password = "..."`.
        Password = "password",
    }
}

words! {
    /// Where a secret shows.
    SecretPlace {
        /// In an agent message.
        Text = "text",
        /// In the output of a command.
        Output = "output",
        /// In the text of a command itself.
        Command = "command",
        /// In a reasoning summary.
        Reasoning = "reasoning",
        /// On stderr of the process.
        Stderr = "stderr",
    }
}

words! {
    /// Errors of the provider, by the name that Codex gives them.
    FailKind {
        /// The account's limit is used up (HTTP 429 with that type).
        UsageLimitExceeded = "usageLimitExceeded",
        /// The provider refused for its rate limit.
        RateLimitExceeded = "rateLimitExceeded",
        /// The conversation is too long.
        ContextWindowExceeded = "contextWindowExceeded",
        /// HTTP 500.
        InternalServerError = "internalServerError",
        /// HTTP 429, too often.
        ResponseTooManyFailedAttempts = "responseTooManyFailedAttempts",
        /// HTTP 401.
        HttpConnectionFailed = "httpConnectionFailed",
        /// A stream that breaks off.
        Other = "other",
    }
}
