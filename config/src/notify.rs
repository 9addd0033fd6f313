//! The `[notify]` section: who is told when a session needs a person and no tab has shown it, and how. Sends nothing itself.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use toml::de::DeValue;

use crate::{
    Base, Secret, authority,
    error::{shown, shown_path},
    paths,
    reader::Section,
    value::{self, Parsed},
};

/// Entries of each list here, far above what anybody writes.
const LIST_ITEMS: usize = 64;
/// Longest address that is told, in bytes.
const URL_BYTES: usize = 2048;
/// A secret or a token in a file, in bytes: far more than any has.
const SECRET_FILE_BYTES: usize = 4096;
/// A shorter secret of a webhook could be guessed from one signed message.
const LEAST_SECRET: usize = 16;

/// What is worth telling somebody who looks at no tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoticeKind {
    /// Codex asked something and waits.
    NeedsYou,
    /// A turn ended by itself, and nothing runs.
    Finished,
    /// A turn failed, or its Codex did, or it says nothing any more.
    Failed,
}

impl NoticeKind {
    const WORDS: [(&'static str, Self); 3] = [
        ("needs-you", Self::NeedsYou),
        ("finished", Self::Finished),
        ("failed", Self::Failed),
    ];

    /// The word in the configuration and in what is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeedsYou => "needs-you",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }
}

/// What one channel tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelRules {
    /// The kinds that it tells.
    pub events: Vec<NoticeKind>,
    /// Whether the session's title goes with it.
    pub content: bool,
}

/// Hours of each day, in the host's local time, in which people sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// Minute of the day at which they begin.
    pub from: u16,
    /// Minute of the day at which they end; before `from` it is that of the next day.
    pub to: u16,
}

/// Who is told what, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// How long no tab may have shown it.
    pub after: Duration,
    /// When people are left alone.
    pub quiet_hours: Option<QuietHours>,
    /// What is told all the same.
    pub quiet_lets: Vec<NoticeKind>,
    /// The origin that links lead to, if it is not the best of the allowed ones.
    pub link: Option<String>,
    /// To browsers that asked for it.
    pub web_push: WebPush,
    /// To a program of the owner's.
    pub webhook: Option<Webhook>,
    /// To a topic of an ntfy server.
    pub ntfy: Option<Ntfy>,
}

/// `[notify.web_push]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebPush {
    /// Whether browsers may ask for it.
    pub enabled: bool,
    /// What it tells.
    pub rules: ChannelRules,
    /// Push services besides the well-known ones: `name`, `*.name`, or `http://` and a loopback address.
    pub hosts: Vec<String>,
    /// Whom a push service may write to: `mailto:` or `https:`.
    pub contact: Option<String>,
}

/// `[notify.webhook]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where to; a secret because such addresses often hold one.
    pub url: Secret,
    /// The key of the signatures.
    pub secret: Secret,
    /// Where it is kept, if that is a file.
    pub secret_file: Option<PathBuf>,
    /// What it tells.
    pub rules: ChannelRules,
}

/// `[notify.ntfy]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ntfy {
    /// Server and topic; a secret because whoever knows a topic can read it.
    pub url: Secret,
    /// The access token, if the server wants one.
    pub token: Option<Secret>,
    /// Where it is kept, if that is a file.
    pub token_file: Option<PathBuf>,
    /// What it tells.
    pub rules: ChannelRules,
}

impl Notify {
    /// What must be shown to nobody, each with the name that stands in its place.
    pub fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        let webhook = self.webhook.iter().map(|own| ("webhook", &own.secret));
        let token = self.ntfy.iter().filter_map(|own| own.token.as_ref());
        webhook.chain(token.map(|token| ("ntfy", token))).collect()
    }

    /// The files that hold some of it.
    pub(crate) fn files(&self) -> Vec<(&'static str, &Path)> {
        let webhook = self
            .webhook
            .as_ref()
            .and_then(|own| own.secret_file.as_deref());
        let ntfy = self.ntfy.as_ref().and_then(|own| own.token_file.as_deref());
        let webhook = webhook.map(|file| ("notify.webhook.secret_file", file));
        let ntfy = ntfy.map(|file| ("notify.ntfy.token_file", file));
        webhook.into_iter().chain(ntfy).collect()
    }

    pub(crate) fn read(mut section: Section<'_>, base: &Base<'_>) -> Self {
        let seconds = Duration::from_secs;
        let after = section.value(
            "after",
            value::duration(Duration::ZERO..=seconds(24 * 60 * 60)),
        );
        let quiet_hours = section.optional("quiet_hours", quiet_hours);
        let quiet_lets = section.value("quiet_lets", value::list(LIST_ITEMS, kind));
        let link = section.optional("link", |value| authority::origin(&value::text(value)?));
        let plain = section.value(
            "plain_http_hosts",
            value::list(LIST_ITEMS, |value| authority::host(&value::text(value)?)),
        );
        let notify = Self {
            after,
            quiet_hours,
            quiet_lets,
            link,
            web_push: WebPush::read(section.section("web_push")),
            webhook: Webhook::read(section.section("webhook"), base, &plain),
            ntfy: Ntfy::read(section.section("ntfy"), base, &plain),
        };
        section.finish();
        notify
    }
}

impl ChannelRules {
    fn read(section: &mut Section<'_>) -> Self {
        Self {
            events: section.value("events", value::list(LIST_ITEMS, kind)),
            content: section.value("content", value::flag),
        }
    }
}

impl WebPush {
    fn read(mut section: Section<'_>) -> Self {
        let web_push = Self {
            enabled: section.value("enabled", value::flag),
            rules: ChannelRules::read(&mut section),
            hosts: section.value("hosts", value::list(LIST_ITEMS, push_host)),
            contact: section.optional("contact", contact),
        };
        section.finish();
        web_push
    }
}

impl Webhook {
    fn read(mut section: Section<'_>, base: &Base<'_>, plain: &[String]) -> Option<Self> {
        let url = url(&mut section, plain);
        let rules = ChannelRules::read(&mut section);
        let (secret, secret_file) = kept_elsewhere(&mut section, base, "secret_file", "secret_env");
        let sound = section.is_sound(&["url", "secret_file", "secret_env"]);
        match (&url, &secret) {
            (Some(_), None) if sound => section.note(
                "secret_file",
                "is missing: a webhook is signed; name a private file or set secret_env",
            ),
            (None, Some(_)) if sound => {
                section.note("url", "is missing, and there is a secret for it");
            }
            (_, Some(secret)) if secret.reveal().len() < LEAST_SECRET => section.note(
                "secret_file",
                format!("holds less than {LEAST_SECRET} characters; make a longer secret"),
            ),
            _ => {}
        }
        section.finish();
        url.zip(secret).map(|(url, secret)| Self {
            url,
            secret,
            secret_file,
            rules,
        })
    }
}

impl Ntfy {
    fn read(mut section: Section<'_>, base: &Base<'_>, plain: &[String]) -> Option<Self> {
        let url = url(&mut section, plain);
        let rules = ChannelRules::read(&mut section);
        let (token, token_file) = kept_elsewhere(&mut section, base, "token_file", "token_env");
        let fits = |token: &Secret| token.reveal().bytes().all(|b| b.is_ascii_graphic());
        if token.as_ref().is_some_and(|token| !fits(token)) {
            section.note(
                "token_file",
                "holds what is no token: printable ASCII without spaces",
            );
        }
        if url.is_none() && token.is_some() && section.is_sound(&["url"]) {
            section.note("url", "is missing, and there is a token for it");
        }
        section.finish();
        url.map(|url| Self {
            url,
            token,
            token_file,
            rules,
        })
    }
}

/// A secret of a private file, which is given too, or of the environment; never of the configuration itself.
fn kept_elsewhere(
    section: &mut Section<'_>,
    base: &Base<'_>,
    file_key: &'static str,
    variable_key: &'static str,
) -> (Option<Secret>, Option<PathBuf>) {
    let file = section.optional(file_key, |value| secret_in(base, value));
    let variable = section.optional(variable_key, value::variable);
    let variable = variable.and_then(|name| match base.environment.secret(&name) {
        Some(secret) => Some(secret),
        None => {
            section.note(
                variable_key,
                format!("names ${name}, which is not set or not UTF-8; set it"),
            );
            None
        }
    });
    if file.is_some() && variable.is_some() {
        section.note(
            variable_key,
            format!("is set, and {file_key} is too; keep one"),
        );
    }
    match file {
        Some((secret, path)) => (Some(secret), Some(path)),
        None => (variable, None),
    }
}

fn secret_in(base: &Base<'_>, value: &DeValue<'_>) -> Parsed<(Secret, PathBuf)> {
    let path = base.path(value)?;
    let content = paths::read_private(&path, SECRET_FILE_BYTES)?;
    let shown = shown_path(&path);
    let text = str::from_utf8(&content).map_err(|_| format!("{shown} is not UTF-8"))?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(format!("{shown} is empty")),
        text => Ok((Secret::new(text.to_owned()), path)),
    }
}

/// An address that is posted to. What stands there instead is never shown: it may hold a secret.
fn url(section: &mut Section<'_>, plain: &[String]) -> Option<Secret> {
    const KEY: &str = "url";
    let url = section.secret(KEY)?;
    match judge_url(url.reveal(), plain) {
        Ok(()) => Some(url),
        Err(problem) => {
            section.note(KEY, problem);
            None
        }
    }
}

fn judge_url(text: &str, plain: &[String]) -> Parsed<()> {
    const FORM: &str = "is no address such as \"https://example.com/path\", without a user and a #";
    let no_url = || FORM.to_owned();
    let (scheme, rest) = text.split_once("://").ok_or_else(no_url)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let host = authority::host(&rest[..end]).map_err(|_| no_url())?;
    let fits = |b: u8| b.is_ascii_graphic() && b != b'#' && b != b'\\';
    if text.len() > URL_BYTES || !rest[end..].bytes().all(fits) {
        return Err(no_url());
    }
    match scheme {
        "https" => Ok(()),
        "http" if authority::is_loopback(&host) || plain.contains(&host) => Ok(()),
        "http" => Err(
            "is a plain http address of another machine: anybody between could read it; take https, or add its host to notify.plain_http_hosts"
                .to_owned(),
        ),
        _ => Err(no_url()),
    }
}

fn kind(value: &DeValue<'_>) -> Parsed<NoticeKind> {
    value::choice(&NoticeKind::WORDS)(value)
}

fn push_host(value: &DeValue<'_>) -> Parsed<String> {
    let text = value::text(value)?;
    let plain = text.strip_prefix("http://");
    let name = plain.or(text.strip_prefix("*.")).unwrap_or(&text);
    let host = authority::host(name);
    match (host, plain) {
        (Ok(host), Some(_)) if authority::is_loopback(&host) => Ok(format!("http://{host}")),
        (Ok(host), None) if !text.starts_with("*.") => Ok(host),
        (Ok(host), None) if host.contains('.') => Ok(format!("*.{host}")),
        _ => Err(format!(
            "found {}, write the host of a push service, such as \"push.example.com\" or \"*.push.example.com\"",
            shown(&text)
        )),
    }
}

fn contact(value: &DeValue<'_>) -> Parsed<String> {
    let text = value::text(value)?;
    let known = text.starts_with("mailto:") || text.starts_with("https://");
    if known && text.len() <= 256 && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"') {
        Ok(text)
    } else {
        Err(format!(
            "found {}, write \"mailto:ADDRESS\" or \"https://PAGE\"",
            shown(&text)
        ))
    }
}

fn quiet_hours(value: &DeValue<'_>) -> Parsed<QuietHours> {
    let text = value::text(value)?;
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let number = |text: &str, below: u16| {
            let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            let number = text.parse::<u16>().ok().filter(|number| *number < below);
            number.filter(|_| digits)
        };
        Some(number(hour, 24)? * 60 + number(minute, 60)?)
    };
    let parts = text.split_once('-');
    let parts = parts.and_then(|(from, to)| Some((minute(from.trim())?, minute(to.trim())?)));
    match parts {
        Some((from, to)) if from != to => Ok(QuietHours { from, to }),
        _ => Err(format!(
            "found {}, write two different times of the day such as \"22:00-07:00\"",
            shown(&text)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_https_or_lead_to_this_machine() {
        let plain = ["nas.lan:8080".to_owned()];
        for good in [
            "https://ntfy.sh/topic",
            "https://example.com:8443/a?b=c",
            "https://example.com",
            "http://127.0.0.1:9/x",
            "http://[::1]:9/x",
            "http://localhost/x",
            "http://nas.lan:8080/x",
        ] {
            assert_eq!(judge_url(good, &plain), Ok(()), "{good}");
        }
        for bad in [
            "http://example.com/x",
            "http://nas.lan/x",
            "http://127.0.0.1.example.com/x",
            "https://user:secret@example.com/x",
            "https://example.com/#x",
            "https://example.com\\@evil/x",
            "https:///x",
            "ftp://example.com/x",
            "example.com/x",
            "",
            "https://example.com/a b",
        ] {
            let problem = judge_url(bad, &plain).unwrap_err();
            assert!(!problem.contains("secret@"), "{problem}");
        }
    }

    #[test]
    fn push_services_are_hosts_and_plain_ones_are_this_machine() {
        let read = |text: &str| push_host(&DeValue::String(text.to_owned().into())).ok();
        for (text, host) in [
            ("push.example.com", Some("push.example.com")),
            ("*.Push.example.com", Some("*.push.example.com")),
            ("http://127.0.0.1:9999", Some("http://127.0.0.1:9999")),
            ("http://push.example.com", None),
            ("*.com", None),
            ("*", None),
            ("https://push.example.com", None),
            ("push.example.com/path", None),
        ] {
            assert_eq!(read(text).as_deref(), host, "{text}");
        }
    }

    #[test]
    fn quiet_hours_are_two_times_of_the_day() {
        let read = |text: &str| quiet_hours(&DeValue::String(text.to_owned().into())).ok();
        let night = QuietHours {
            from: 1320,
            to: 420,
        };
        assert_eq!(read("22:00-07:00"), Some(night));
        assert_eq!(read("22:00 - 07:00"), Some(night));
        for text in [
            "",
            "22-07",
            "24:00-07:00",
            "22:60-07:00",
            "2:00-07:00",
            "07:00-07:00",
            "+2:00-07:00",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
