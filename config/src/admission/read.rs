//! Reads the keys of admission and the tokens they name. After this no plaintext of a token is left, only digests.

use std::path::Path;

use toml::de::DeValue;

use super::{Admission, Credential, CredentialSource, Role, SignIns, Tailscale, TrustedProxy};
use crate::{
    Base, Token, TokenDigest, authority,
    error::{shown, shown_path},
    paths,
    reader::Section,
    secret::Secret,
    value::{self, Parsed},
};

/// The variable that can hold the main token.
pub const TOKEN_VARIABLE: &str = "HOLDFAST_WEBSOCKET_AUTH_TOKEN";
/// The name of the credential that the `websocket_auth_*` keys make.
const MAIN: &str = "main";
/// Largest token file, in bytes: a token, a line end, and room for neither.
const TOKEN_FILE_BYTES: usize = 4096;
/// Entries of each list, and further tokens: far above what anybody writes.
const LIST_ITEMS: usize = 256;

impl Admission {
    pub(crate) fn read(root: &mut Section<'_>, base: &Base<'_>) -> Self {
        let auth_required = root.value("websocket_auth_required", value::flag);
        let main = main_credential(root, base, auth_required);
        let mut credentials = Vec::from_iter(main);
        for section in root.tables("tokens") {
            if credentials.len() > LIST_ITEMS {
                section.note(
                    "name",
                    format!("is one token too many, {LIST_ITEMS} are the most; remove some"),
                );
                break;
            }
            named_credential(section, base, &mut credentials);
        }
        let allowed_hosts = Self::read_hosts(root);
        let allowed_origins = root.value(
            "allowed_origins",
            value::list(LIST_ITEMS, |value| authority::origin(&value::text(value)?)),
        );
        let sign_ins = SignIns::read(root.section("sign_ins"));
        let tailscale = Tailscale::read(root.section("tailscale"), base);
        let trusted_proxy = trusted_proxy(root, tailscale.serve);
        Self {
            auth_required,
            credentials,
            allowed_hosts,
            allowed_origins,
            trusted_proxy,
            sign_ins,
            tailscale,
        }
    }

    /// Reads `allowed_hosts`.
    pub(crate) fn read_hosts(root: &mut Section<'_>) -> Vec<String> {
        root.value(
            "allowed_hosts",
            value::list(LIST_ITEMS, |value| authority::host(&value::text(value)?)),
        )
    }
}

/// The credential of the `websocket_auth_*` keys and of the environment. Notes it when there is none or more than one.
fn main_credential(root: &mut Section<'_>, base: &Base<'_>, required: bool) -> Option<Credential> {
    const KEY: &str = "websocket_auth_token";
    let token = root.secret(KEY);
    let file = root.secret("websocket_auth_token_file");
    let digest = root.secret("websocket_auth_token_sha256");
    let variable = base.environment.secret(TOKEN_VARIABLE);
    let mut given = Vec::new();
    given.extend(token.map(|text| (KEY, Given::Token(text))));
    given.extend(file.map(|path| ("websocket_auth_token_file", Given::File(path))));
    given.extend(digest.map(|hex| ("websocket_auth_token_sha256", Given::Digest(hex))));
    given.extend(variable.map(|text| (KEY, Given::Variable(TOKEN_VARIABLE.to_owned(), text))));
    match given.len() {
        0 if required
            && root.is_sound(&[
                KEY,
                "websocket_auth_token_file",
                "websocket_auth_token_sha256",
            ]) =>
        {
            root.note(
                KEY,
                format!(
                    "is missing: run `holdfast token new` and set one of websocket_auth_token_sha256, websocket_auth_token_file, \
                     websocket_auth_token or ${TOKEN_VARIABLE}"
                ),
            );
            None
        }
        0 => None,
        1 => {
            let (key, given) = given.pop()?;
            credential(root, key, given, base, MAIN.to_owned(), Role::Operate)
        }
        _ => {
            let names = given.iter().map(|(key, given)| match given {
                Given::Variable(name, _) => format!("${name}"),
                _ => (*key).to_owned(),
            });
            root.note(
                KEY,
                format!(
                    "is set in more than one way ({}); keep one",
                    names.collect::<Vec<_>>().join(", ")
                ),
            );
            None
        }
    }
}

/// One `[[tokens]]` entry.
fn named_credential(mut section: Section<'_>, base: &Base<'_>, credentials: &mut Vec<Credential>) {
    let name = section.optional("name", credential_name);
    let role = section.optional("role", value::choice(&Role::WORDS));
    let token = section.secret("token");
    let file = section.secret("token_file");
    let digest = section.secret("token_sha256");
    let variable = section.optional("token_env", value::variable);
    let mut given = Vec::new();
    given.extend(token.map(|text| ("token", Given::Token(text))));
    given.extend(file.map(|path| ("token_file", Given::File(path))));
    given.extend(digest.map(|hex| ("token_sha256", Given::Digest(hex))));
    if let Some(variable) = variable {
        match base.environment.secret(&variable) {
            Some(text) => given.push(("token_env", Given::Variable(variable, text))),
            None => section.note(
                "token_env",
                format!("names ${variable}, which is not set or not UTF-8; set it"),
            ),
        }
    }
    if name.is_none() && section.is_sound(&["name"]) {
        section.note(
            "name",
            "is missing; give the token a name such as \"phone\"",
        );
    }
    if role.is_none() && section.is_sound(&["role"]) {
        section.note(
            "role",
            "is missing, write \"view\", \"approve\" or \"operate\"",
        );
    }
    let known = |name: &str| credentials.iter().any(|credential| credential.name == name);
    if let Some(name) = name.as_deref().filter(|name| *name == MAIN || known(name)) {
        section.note(
            "name",
            format!("found \"{name}\", which another token has; choose another name"),
        );
    }
    let given = match given.len() {
        1 => given.pop(),
        0 if !section.is_sound(&["token", "token_file", "token_sha256", "token_env"]) => None,
        0 => {
            section.note(
                "token",
                "is missing: set one of token_sha256, token_file, token_env or token",
            );
            None
        }
        _ => {
            let names = given
                .iter()
                .map(|(key, _)| *key)
                .collect::<Vec<_>>()
                .join(", ");
            section.note(
                "token",
                format!("is set in more than one way ({names}); keep one"),
            );
            None
        }
    };
    if let (Some((key, given)), Some(name), Some(role)) = (given, name, role)
        && let Some(credential) = credential(&section, key, given, base, name, role)
    {
        if let Some(same) = credentials
            .iter()
            .find(|known| known.digest == credential.digest)
        {
            section.note(
                key,
                format!(
                    "is the same token as \"{}\" has; make another with `holdfast token new`",
                    same.name
                ),
            );
        }
        credentials.push(credential);
    }
    section.finish();
}

/// One way in which a token was given.
enum Given {
    Token(Secret),
    /// The text of a path; a secret because people paste the token itself here.
    File(Secret),
    Digest(Secret),
    Variable(String, Secret),
}

fn credential(
    section: &Section<'_>,
    key: &'static str,
    given: Given,
    base: &Base<'_>,
    name: String,
    role: Role,
) -> Option<Credential> {
    let result = match given {
        Given::Token(text) => {
            digest_of(text.reveal()).map(|digest| (digest, CredentialSource::Config))
        }
        Given::Variable(name, text) => match digest_of(text.reveal()) {
            Ok(digest) => Ok((digest, CredentialSource::Environment(name))),
            Err(problem) => Err(format!("{problem} (from ${name})")),
        },
        Given::Digest(hex) => match TokenDigest::from_hex(hex.reveal().trim()) {
            Ok(digest) => Ok((digest, CredentialSource::Digest)),
            Err(error) => Err(format!(
                "{error}; copy the line that `holdfast token new` prints"
            )),
        },
        Given::File(path) => base.resolve(path.reveal()).and_then(|path| {
            let digest = digest_in(&path)?;
            Ok((digest, CredentialSource::File(path)))
        }),
    };
    match result {
        Ok((digest, source)) => Some(Credential {
            name,
            role,
            digest,
            source,
        }),
        Err(problem) => {
            section.note(key, problem);
            None
        }
    }
}

fn digest_of(text: &str) -> Parsed<TokenDigest> {
    match Token::parse(text) {
        Ok(token) => Ok(token.digest()),
        Err(error) => Err(format!("{error}; make one with `holdfast token new`")),
    }
}

/// The digest of the token in a file; one line end after it is allowed, as editors and `echo` leave it.
fn digest_in(path: &Path) -> Parsed<TokenDigest> {
    let content = paths::read_private(path, TOKEN_FILE_BYTES)?;
    let shown = shown_path(path);
    let text = str::from_utf8(&content)
        .map_err(|_| format!("{shown} is not UTF-8; it must hold the token and nothing else"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    digest_of(text).map_err(|problem| format!("{problem} (in {shown})"))
}

fn credential_name(value: &DeValue<'_>) -> Parsed<String> {
    let name = value::text(value)?;
    let fits = name.len() <= 32
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    if fits {
        Ok(name)
    } else {
        Err(format!(
            "found {}, write at most 32 of a-z, 0-9, - and _",
            shown(&name)
        ))
    }
}

fn trusted_proxy(root: &mut Section<'_>, serve: bool) -> TrustedProxy {
    const KEY: &str = "trusted_proxy";
    let follows = if serve {
        TrustedProxy::TailscaleServe
    } else {
        TrustedProxy::None
    };
    match root.optional(KEY, value::choice(&TrustedProxy::WORDS)) {
        Some(given) if given != follows && serve => {
            root.note(
                KEY,
                "found \"none\" with tailscale.serve = true; remove one of the two",
            );
        }
        Some(given) if given != follows => {
            root.note(KEY, "found \"tailscale-serve\" without tailscale.serve = true, which is what watches for Funnel; set it");
        }
        _ => {}
    }
    follows
}

impl SignIns {
    fn read(mut section: Section<'_>) -> Self {
        let seconds = std::time::Duration::from_secs;
        let day = seconds(24 * 60 * 60);
        let sign_ins = Self {
            idle_timeout: section.value("idle_timeout", value::duration(seconds(60)..=7 * day)),
            lifetime: section.value("lifetime", value::duration(seconds(60)..=30 * day)),
            pairing_lifetime: section.value(
                "pairing_lifetime",
                value::duration(seconds(10)..=seconds(600)),
            ),
        };
        if sign_ins.lifetime < sign_ins.idle_timeout {
            section.note(
                "lifetime",
                "is less than idle_timeout, which could then never pass; raise it",
            );
        }
        section.finish();
        sign_ins
    }
}

impl Tailscale {
    fn read(mut section: Section<'_>, base: &Base<'_>) -> Self {
        let tailscale = Self {
            serve: section.value("serve", value::flag),
            allow_users: section.value("allow_users", value::list(LIST_ITEMS, user)),
            allow_tags: section.value("allow_tags", value::list(LIST_ITEMS, tag)),
            localapi_socket: section.value("localapi_socket", |value| base.path(value)),
        };
        for (key, names) in [
            ("allow_users", &tailscale.allow_users),
            ("allow_tags", &tailscale.allow_tags),
        ] {
            if !names.is_empty() && !tailscale.serve {
                section.note(key, "is checked only for what comes through Tailscale Serve; set tailscale.serve = true or remove it");
            }
        }
        section.finish();
        tailscale
    }
}

fn user(value: &DeValue<'_>) -> Parsed<String> {
    let name = value::text(value)?;
    let is_login = name
        .split_once('@')
        .is_some_and(|(user, domain)| !user.is_empty() && !domain.is_empty())
        && name.len() <= 254
        && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '*' || c == ',');
    if is_login {
        Ok(name.to_lowercase())
    } else {
        Err(format!(
            "found {}, write a login name such as \"me@example.com\"",
            shown(&name)
        ))
    }
}

fn tag(value: &DeValue<'_>) -> Parsed<String> {
    let name = value::text(value)?;
    let is_tag = name.strip_prefix("tag:").is_some_and(|tag| {
        (1..=64).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    });
    if is_tag {
        Ok(name)
    } else {
        Err(format!(
            "found {}, write a tag such as \"tag:phone\"",
            shown(&name)
        ))
    }
}
