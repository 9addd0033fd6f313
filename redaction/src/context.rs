//! The C layer: values that are secret because of what stands before them.
//!
//! Not for values that say themselves what they are: those are tokens, and the prefix rules find them anywhere.
//!
//! A rule begins at a cue, a word such as `password`. The cue and what follows up to the value are no secret and are
//! never held back; only the value is, from its first character to its end. Whether it is a secret is judged on the
//! value as a whole: most of the work goes into what is none, such as code, placeholders and names.

mod assignment;
mod call;
mod command;
mod header;
mod phrase;
mod secret_data;
mod strength;
mod url;
mod value;
mod words;

use crate::marker::OPENING;
use crate::swallow::How;
use crate::view::{More, Verdict, View};

pub(crate) use crate::context::strength::is_unreadable;
pub(crate) use crate::context::value::Ending;

/// A context rule: what it is called, and the cues that it begins at.
pub(crate) struct ContextRule {
    /// The name in markers and in the configuration.
    pub(crate) id: &'static str,
    pub(crate) severity: crate::rules::Severity,
    pub(crate) kind: Kind,
    /// Words that it begins at, in lower case; they are found in any case.
    pub(crate) cues: &'static [&'static str],
    /// Texts with placeholders for secrets that it finds.
    pub(crate) examples: &'static [&'static str],
    /// Texts that look alike and must pass.
    pub(crate) harmless: &'static [&'static str],
}

/// What a context rule expects behind its cue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `password = ...`: something that a person may have chosen.
    Password,
    /// `pass: ...`: the same, if the cue is a word of its own.
    PassWord,
    /// `client_secret: ...`: mostly random, at times chosen.
    Secret,
    /// `secret_access_key = ...`: forty characters of base64.
    AwsSecret,
    /// `api_key: ...`: something random.
    Token,
    /// `STRIPE_KEY=...`: something random, in the spelling of environment variables.
    VariableKey,
    /// `Authorization: Basic ...`.
    Authorization,
    /// `Bearer ...` wherever it stands.
    Bearer,
    /// `Cookie: a=b; c=d`.
    Cookie,
    /// `Set-Cookie: a=b; Path=/`.
    SetCookie,
    /// `://user:password@host`.
    Url,
    /// `machine host login user password ...`.
    Netrc,
    /// `"auth": "..."` of a Docker configuration.
    DockerAuth,
    /// `curl -u user:password`, `mysql -p...`.
    Command,
    /// `123456789:AA...`: the token of a Telegram bot.
    Telegram,
    /// `host:5432:database:user:password`, a line of a `.pgpass`.
    PgPass,
    /// `primary_key: ...==`: the key of a cloud account, in base64 with padding.
    AccountKey,
    /// `"password", "..."` as arguments of a call that signs in.
    Call,
    /// `echo secret | docker login --password-stdin`.
    Echo,
    /// `"d": "..."`, a private part of a JSON Web Key.
    JsonKey,
    /// `sig=...`: the signature of a URL that grants access.
    Signature,
    /// `X-Hub-Signature-256: sha256=...`: the signature of a message.
    SignatureHeader,
    /// `mnemonic: word word ...`: the words of a wallet.
    Mnemonic,
    /// `login admin / ...`: an account in prose.
    Login,
    /// `data:` and entries in base64: a secret of Kubernetes.
    SecretData,
}

impl Kind {
    /// Judges the text whose cue stands at `at..after`.
    pub(crate) fn judge(self, view: View<'_>, at: usize, after: usize) -> Verdict {
        let judged = match self {
            Kind::Password
            | Kind::PassWord
            | Kind::Secret
            | Kind::AwsSecret
            | Kind::Token
            | Kind::AccountKey
            | Kind::VariableKey => assignment::judge(self, view, at, after),
            Kind::Authorization => header::judge_authorization(view, after),
            Kind::Bearer => header::judge_bearer(view, at, after),
            Kind::Cookie => header::judge_cookie(view, at, after),
            Kind::SetCookie => header::judge_set_cookie(view, after),
            Kind::Url => url::judge_userinfo(view, after),
            Kind::Signature => url::judge_signature(view, at, after),
            Kind::SignatureHeader => header::judge_signature(view, at),
            Kind::Mnemonic => phrase::judge_mnemonic(view, after),
            Kind::Login => phrase::judge_login(view, at, after),
            Kind::SecretData => secret_data::judge(view, at, after),
            Kind::Netrc => command::judge_netrc(view, at, after),
            Kind::PgPass => command::judge_pgpass(view, after),
            Kind::Telegram => url::judge_telegram(view, at),
            Kind::Call => call::judge_call(view, at, after),
            Kind::Echo => call::judge_echo(view, at, after),
            Kind::JsonKey => assignment::judge_json_key(view, at, after),
            Kind::DockerAuth => command::judge_docker_auth(view, at, after),
            Kind::Command => command::judge_command(view, at, after),
        };
        judged.unwrap_or_else(|stop| match stop {
            Stop::No => Verdict::No,
            Stop::More | Stop::Arriving(..) | Stop::Held(_) if view.eof => Verdict::No,
            Stop::Held(hold) => Verdict::More(More { hold, force: None }),
            Stop::More => Verdict::More(More {
                hold: view.hay.len(),
                force: None,
            }),
            Stop::Arriving(start, ending) => {
                let force = (start < view.hay.len()).then_some(How::Value(ending));
                Verdict::More(More { hold: start, force })
            }
        })
    }
}

/// Why a judgement ended before there was a value.
pub(crate) enum Stop {
    /// This is something else.
    No,
    /// The text at hand ends here; none of it is a value yet.
    More,
    /// The text at hand ends within what may be a value: it begins here, and would end so.
    Arriving(usize, Ending),
    /// The text at hand ends within what is hardly a value: it is held from here on, and shown when nothing comes.
    Held(usize),
}

/// The outcome of a judgement, or of a step of one.
pub(crate) type Judged<T = Verdict> = Result<T, Stop>;

/// The value that begins at `start`, as far as it is at hand and need be looked at.
struct Value {
    start: usize,
    end: usize,
    /// Whether it ends at `end`; a longer one goes on, and is judged by its beginning.
    whole: bool,
    ending: Ending,
}

impl Value {
    /// Finds the end of the value at `start`.
    fn find(view: View<'_>, start: usize, ending: Ending) -> Judged<Value> {
        Value::find_within(view, start, ending, value::VALUE_MAX)
    }

    /// Finds the end of the value at `start`, or looks at its first `most` bytes.
    fn find_within(view: View<'_>, start: usize, ending: Ending, most: usize) -> Judged<Value> {
        match ending.find(view.hay, start, most, view.eof) {
            Ok(end) => {
                let rest = &view.hay[end..];
                let marker = &OPENING.as_bytes()[..rest.len().min(OPENING.len())];
                match rest == marker && !rest.is_empty() && !view.eof {
                    true => Err(Stop::Arriving(start, ending)),
                    false if rest.starts_with(OPENING.as_bytes()) => Err(Stop::No),
                    false => Ok(Value {
                        start,
                        end,
                        whole: true,
                        ending,
                    }),
                }
            }
            Err(end) if view.hay.len() - start >= most => Ok(Value {
                start,
                end,
                whole: false,
                ending,
            }),
            Err(_) => Err(Stop::Arriving(start, ending)),
        }
    }

    /// Its bytes.
    fn bytes<'h>(&self, view: View<'h>) -> &'h [u8] {
        &view.hay[self.start..self.end]
    }

    /// The verdict on it, once it is known whether it is a secret.
    fn verdict(self, view: View<'_>, secret: bool) -> Judged {
        match secret && !is_marked(self.bytes(view)) {
            false => Err(Stop::No),
            true if self.whole => Ok(Verdict::Hit {
                start: self.start,
                end: self.end,
            }),
            true => Ok(Verdict::Open {
                start: self.start,
                to: self.end,
                how: How::Value(self.ending),
            }),
        }
    }
}

/// Whether a marker stands in `value`: what was redacted already, and what stands beside it, was judged then.
fn is_marked(value: &[u8]) -> bool {
    memchr::memchr_iter(OPENING.as_bytes()[0], value)
        .any(|at| value[at..].starts_with(OPENING.as_bytes()))
}

/// What is at hand at `at` and is matched by `text`, ignoring case: its end.
fn expect(view: View<'_>, at: usize, text: &str) -> Judged<usize> {
    let rest = &view.hay[at.min(view.hay.len())..];
    let length = rest.len().min(text.len());
    if !rest[..length].eq_ignore_ascii_case(&text.as_bytes()[..length]) {
        return Err(Stop::No);
    }
    if length < text.len() {
        Err(if view.eof { Stop::No } else { Stop::More })
    } else {
        Ok(at + length)
    }
}
