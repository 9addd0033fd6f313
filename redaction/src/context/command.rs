//! Credentials in commands and in the files of command-line tools.
//!
//! Not for flags that name what they take (`--password`): those are assignments.

use std::sync::LazyLock;

use base64::Engine as _;

use crate::class::Class;
use crate::context::strength::{self, Place};
use crate::context::value::Ending;
use crate::context::{Judged, Stop, Value, expect};
use crate::marker::OPENING;
use crate::view::View;

/// How far behind a command its flag may stand.
const FLAG_WITHIN: usize = 200;
/// Longest host or user name in a `.netrc`.
const WORD_MAX: usize = 128;
/// Most white space between the words of a `.netrc`.
const SPACE_MAX: usize = 64;

const SPACE: Class = Class::EMPTY.with(b" \t\r\n");
const VISIBLE: Class = Class::EMPTY.range(0x21, 0x7e);
const BASE64: Class = crate::class::BASE64;

/// A command, its flags, and what they take.
type Flags = (&'static str, &'static [&'static str], Takes);

/// Commands and the flags behind which they take a password: attached, or as the next word.
const FLAGS: &[Flags] = &[
    (
        "curl",
        &[
            " -u ",
            " --user ",
            " --user=",
            " -U ",
            " --proxy-user ",
            " -u",
        ],
        Takes::Pair,
    ),
    ("sshpass", &[" -p ", " -p"], Takes::Word),
    ("mysql", &[" -p"], Takes::Word),
    ("redis-cli", &[" -a ", " --pass "], Takes::Word),
    ("docker login", &[" -p "], Takes::Word),
    ("podman login", &[" -p "], Takes::Word),
    ("helm registry login", &[" -p "], Takes::Word),
    ("mongosh", &[" -p "], Takes::Word),
    ("mongodump", &[" -p "], Takes::Word),
    ("mongorestore", &[" -p "], Takes::Word),
    ("mongoimport", &[" -p "], Takes::Word),
    ("mongoexport", &[" -p "], Takes::Word),
    ("mongo -u", &[" -p "], Takes::Word),
    ("az login", &[" -p "], Takes::Word),
    ("twine upload", &[" -p "], Takes::Word),
    ("oc login", &[" -p "], Takes::Word),
    ("cqlsh", &[" -p "], Takes::Word),
    ("ncftp", &[" -p "], Takes::Word),
    ("rdesktop", &[" -p "], Takes::Word),
    ("security unlock-keychain", &[" -p "], Takes::Word),
    ("usermod", &[" -p "], Takes::Word),
    ("useradd", &[" -p "], Takes::Word),
    ("evil-winrm", &[" -p "], Takes::Word),
    ("crackmapexec", &[" -p "], Takes::Word),
    ("ldapsearch", &[" -w "], Takes::Word),
    ("ldapadd", &[" -w "], Takes::Word),
    ("ldapmodify", &[" -w "], Takes::Word),
    ("security add-generic-password", &[" -w "], Takes::Word),
    ("sqlcmd", &[" -P "], Takes::Word),
    ("unzip", &[" -P "], Takes::Word),
    ("zip -P", &[" "], Takes::Word),
    ("ipmitool", &[" -P "], Takes::Word),
    ("mosquitto_pub", &[" -P "], Takes::Word),
    ("mosquitto_sub", &[" -P "], Takes::Word),
    ("isql", &[" -P "], Takes::Word),
    ("tsql", &[" -P "], Takes::Word),
    ("ssh-keygen", &[" -N ", " -P "], Takes::Word),
    ("plink", &[" -pw "], Takes::Word),
    ("pscp", &[" -pw "], Takes::Word),
    ("psftp", &[" -pw "], Takes::Word),
    ("putty", &[" -pw "], Takes::Word),
    ("mqtt pub", &[" -pw "], Takes::Word),
    ("mqtt sub", &[" -pw "], Takes::Word),
    ("7z a", &[" -p"], Takes::Word),
    ("7z x", &[" -p"], Takes::Word),
    ("7z e", &[" -p"], Takes::Word),
    ("7z t", &[" -p"], Takes::Word),
    ("7z l", &[" -p"], Takes::Word),
    ("openssl enc", &[" -k ", " -pass pass:"], Takes::Word),
    (
        "keytool",
        &[" -srcstorepass ", " -deststorepass ", " -new "],
        Takes::Word,
    ),
    (
        "jarsigner",
        &[" -srcstorepass ", " -deststorepass ", " -new "],
        Takes::Word,
    ),
    ("snmpwalk", &[" -c "], Takes::Word),
    ("snmpget", &[" -c "], Takes::Word),
    ("snmpset", &[" -c "], Takes::Word),
    ("schtasks", &[" /rp ", " /RP ", " /p "], Takes::Word),
    ("xfreerdp", &[" /p:"], Takes::Word),
    ("gem push", &[" --key ", " -k "], Takes::Word),
    (
        "gh secret set",
        &[" --body ", " --body=", " -b ", " -b"],
        Takes::Word,
    ),
    ("ngrok", &[" add-authtoken ", " authtoken "], Takes::Word),
    (
        "aws configure set",
        &[" aws_secret_access_key ", " aws_session_token "],
        Takes::Word,
    ),
    ("cargo login", &[" "], Takes::Plain),
    ("vault login", &[" "], Takes::Plain),
    ("ansible-vault encrypt_string", &[" "], Takes::Plain),
    ("requirepass", &[" "], Takes::Plain),
    ("masterauth", &[" "], Takes::Plain),
    ("auth_pass", &[" "], Takes::Plain),
    ("bindpw", &[" "], Takes::Plain),
    ("server community", &[" "], Takes::Plain),
    ("tacacs-server key", &[" ", " 0 ", " 7 "], Takes::Device),
    ("radius-server key", &[" ", " 0 ", " 7 "], Takes::Device),
    ("convertto-securestring", &[" ", " -String "], Takes::Word),
    (
        "enable password",
        &[" 0 ", " 5 ", " 7 ", " 8 ", " 9 ", " level 15 ", " "],
        Takes::Device,
    ),
    (
        "username",
        &[
            " password ",
            " password 0 ",
            " password 5 ",
            " password 6 ",
            " password 7 ",
            " password 8 ",
            " password 9 ",
            " secret ",
            " secret 0 ",
            " secret 4 ",
            " secret 5 ",
            " secret 8 ",
            " secret 9 ",
        ],
        Takes::Device,
    ),
    (
        "neighbor",
        &[
            " password ",
            " password 0 ",
            " password 7 ",
            " password encrypted ",
        ],
        Takes::Device,
    ),
    ("kinit", &[" <<< ", " <<<"], Takes::Word),
    ("pw:", &[" "], Takes::Plain),
    ("pw=", &[""], Takes::Plain),
    ("\"pw\":", &[" "], Takes::Word),
    ("password 0", &[" "], Takes::Device),
    ("password 7", &[" "], Takes::Device),
    ("secret 0", &[" "], Takes::Device),
    ("secret 5", &[" "], Takes::Device),
    ("key 0", &[" "], Takes::Device),
    ("key 6", &[" "], Takes::Device),
    ("key 7", &[" "], Takes::Device),
    ("key-string", &[" ", " 0 ", " 7 "], Takes::Device),
    ("isakmp key", &[" ", " 0 ", " 6 "], Takes::Device),
    ("authentication-key", &[" ", " md5 "], Takes::Device),
    (
        "message-digest-key",
        &[" md5 ", " md5 0 ", " md5 7 "],
        Takes::Device,
    ),
    ("psk ascii", &[" ", " 0 ", " 7 ", " 8 "], Takes::Device),
    (
        "pre-shared-key",
        &[" ", " ascii-text ", " local ", " remote ", " 0 ", " 6 "],
        Takes::Device,
    ),
    (
        "radius-server host",
        &[" key ", " key 0 ", " key 7 "],
        Takes::Device,
    ),
    (
        "tacacs-server host",
        &[" key ", " key 0 ", " key 7 "],
        Takes::Device,
    ),
    (
        "server-private",
        &[" key ", " key 0 ", " key 7 "],
        Takes::Device,
    ),
    ("set community", &[" "], Takes::Device),
    ("snmp community", &[" "], Takes::Device),
    ("password cipher", &[" "], Takes::Device),
    ("password simple", &[" "], Takes::Device),
    ("pre-shared-key address", &[" key "], Takes::Device),
    ("with-token", &[" <<< ", " <<<"], Takes::Word),
    ("password-stdin", &[" <<< ", " <<<"], Takes::Word),
    ("zip -e", &[" -P "], Takes::Word),
    ("zip -r", &[" -P "], Takes::Word),
    ("set password for", &[" = '", " = \""], Takes::Word),
    ("type=\"password\"", &[" value="], Takes::Word),
    ("encrypted-password", &[" "], Takes::Device),
    ("plain-text-password-value", &[" "], Takes::Device),
    ("rootpw", &[" "], Takes::Plain),
    (
        "enable secret",
        &[" 0 ", " 5 ", " 7 ", " 8 ", " 9 ", " "],
        Takes::Plain,
    ),
    ("http -a", &[" "], Takes::Pair),
    ("xh -a", &[" "], Takes::Pair),
    ("lftp", &[" -u "], Takes::Comma),
    (
        "smbclient",
        &[" -U ", " --user ", " --user="],
        Takes::Percent,
    ),
    (
        "rpcclient",
        &[" -U ", " --user ", " --user="],
        Takes::Percent,
    ),
    ("winexe", &[" -U ", " --user ", " --user="], Takes::Percent),
    ("sqlplus", &[" ", " -S ", " -s ", " -L "], Takes::Slash),
    ("oracle:thin:", &[""], Takes::Slash),
    ("net use", &[" /user:"], Takes::Second),
    ("net user", &[" "], Takes::Second),
    ("dotnet user-secrets set", &[" "], Takes::Second),
    ("pulumi config set --secret", &[" "], Takes::Second),
    ("rabbitmqctl add_user", &[" "], Takes::Second),
    ("rabbitmqctl change_password", &[" "], Takes::Second),
    (
        "htpasswd",
        &[" -b ", " -bc ", " -cb ", " -bB ", " -Bb "],
        Takes::Third,
    ),
];

/// The same by the lengths of the commands, so that few are compared.
static BY_LENGTH: LazyLock<Vec<Vec<Flags>>> = LazyLock::new(|| {
    let longest = FLAGS.iter().map(|(command, ..)| command.len()).max();
    let mut table = vec![Vec::new(); longest.map_or(0, |longest| longest + 1)];
    for flags in FLAGS {
        table[flags.0.len()].push(*flags);
    }
    table
});

/// What a flag takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// A password.
    Word,
    /// The same where prose stands, too: it must look like one.
    Plain,
    /// The same in the configuration of a network device: a sign may stand at its beginning.
    Device,
    /// `user:password`.
    Pair,
    /// `user,password`.
    Comma,
    /// `user%password`.
    Percent,
    /// `user/password`.
    Slash,
    /// `user password`.
    Second,
    /// `file user password`.
    Third,
}

/// `machine host login user password secret`, the first word (or `default login`) standing at `at..after`.
pub(super) fn judge_netrc(view: View<'_>, at: usize, after: usize) -> Judged {
    let (at, sure) = match view.hay[at..after].last() {
        Some(b'n' | b'N') => (after, false),
        _ => {
            let host = word(view, after)?;
            let at = expect(view, spaces(view, host)?, "login")?;
            (at, view.hay[after..host].contains(&b'.'))
        }
    };
    let user = word(view, at)?;
    let at = spaces(view, user)?;
    let at = expect(view, at, "passw")?;
    let at = match expect(view, at, "ord") {
        Err(Stop::No) => expect(view, at, "d")?,
        found => found?,
    };
    let start = spaces(view, at)?;
    let value = Value::find(view, start, Ending::Class(VISIBLE.minus(b"\"'`\\")))?;
    let bytes = value.bytes(view);
    // A host without a dot may be prose.
    let plain = bytes.iter().all(u8::is_ascii_alphabetic);
    let secret = bytes.len() >= 4 && (sure || !plain) && !strength::is_placeholder(bytes);
    value.verdict(view, secret)
}

/// `host:5432:database:user:password`, the port's second colon ending at `after`.
pub(super) fn judge_pgpass(view: View<'_>, after: usize) -> Judged {
    let field = VISIBLE.minus(b":/\"'[");
    let database = view.run(&field, after, WORD_MAX).ok_or(Stop::More)?;
    let at = expect(view, database, ":")?;
    let user = view.run(&field, at, WORD_MAX).ok_or(Stop::More)?;
    let start = expect(view, user, ":")?;
    // A colon within a password has a backslash before it there; any other makes it something else.
    let value = Value::find(view, start, Ending::Class(VISIBLE.minus(b":\"'`\\")))?;
    let secret = value.whole
        && view.hay.get(value.end) != Some(&b':')
        && database > after
        && user > at
        && strength::is_password(value.bytes(view), Place::Literal);
    value.verdict(view, secret)
}

/// The end of the word behind white space.
fn word(view: View<'_>, at: usize) -> Judged<usize> {
    let start = spaces(view, at)?;
    let end = view.run(&VISIBLE, start, WORD_MAX).ok_or(Stop::More)?;
    if end > start { Ok(end) } else { Err(Stop::No) }
}

/// The end of the white space at `at`, of which there must be some.
fn spaces(view: View<'_>, at: usize) -> Judged<usize> {
    let end = view.run(&SPACE, at, SPACE_MAX).ok_or(Stop::More)?;
    if end > at { Ok(end) } else { Err(Stop::No) }
}

/// `"auth": "<base64>"`, the cue standing at `at..after` with its closing quote.
pub(super) fn judge_docker_auth(view: View<'_>, at: usize, after: usize) -> Judged {
    if !matches!(view.before(at, 1), b'"') {
        return Err(Stop::No);
    }
    let sign = view.run(&SPACE, after, SPACE_MAX).ok_or(Stop::More)?;
    let at = expect(view, sign, ":")?;
    let quote = view
        .run(&SPACE.with(b"\\"), at, SPACE_MAX)
        .ok_or(Stop::More)?;
    let start = expect(view, quote, "\"")?;
    let value = Value::find(view, start, Ending::Class(BASE64))?;
    let bytes = value.bytes(view);
    let bare = &bytes[..bytes
        .iter()
        .position(|byte| *byte == b'=')
        .unwrap_or(bytes.len())];
    let bare = &bare[..if bare.len() > 64 { 64 } else { bare.len() }];
    let decoded = base64::engine::general_purpose::STANDARD_NO_PAD.decode(bare);
    let secret = bytes.len() >= 8 && decoded.is_ok_and(|text| text.contains(&b':'));
    value.verdict(view, secret)
}

/// A command with a password among its flags, the command standing at `at..after`.
pub(super) fn judge_command(view: View<'_>, at: usize, after: usize) -> Judged {
    if !view.word_begins(at) {
        return Err(Stop::No);
    }
    let name = &view.hay[at..after];
    let sized = BY_LENGTH.get(name.len()).map_or(&[][..], Vec::as_slice);
    let Some((_, flags, takes)) = sized
        .iter()
        .find(|(command, ..)| is_command(command.as_bytes(), name))
    else {
        return Err(Stop::No);
    };
    if flags[0].is_empty() {
        return judge_argument(view, after, *takes);
    }
    let near = &view.hay[after..view.hay.len().min(after + FLAG_WITHIN)];
    // Most flags stand directly behind; else the reach of the command is found first.
    let found = match flag_at(near, flags) {
        Some(width) if is_reached(near, name, width) => Some((0, width)),
        _ => {
            let within = &near[..reach(near, name)];
            let open = within.len() == near.len() && near.len() < FLAG_WITHIN && !view.eof;
            let found = memchr::memchr_iter(b' ', within)
                .find_map(|at| flag_at(&within[at..], flags).map(|width| (at, width)));
            if found.is_none() && open {
                return Err(Stop::More);
            }
            found
        }
    };
    let Some((flag, width)) = found.map(|(at, width)| (after + at, width)) else {
        return Err(Stop::No);
    };
    let start = flag + width;
    // A longer flag may be arriving.
    let rest = &view.hay[flag..];
    let longer = |flag: &&str| flag.len() > rest.len() && flag.as_bytes().starts_with(rest);
    if !view.eof && flags.iter().any(longer) {
        return Err(Stop::More);
    }
    judge_argument(view, start, *takes)
}

/// Whether `name` is `command`; most others differ in their last bytes.
fn is_command(command: &[u8], name: &[u8]) -> bool {
    let folded = |bytes: &[u8]| bytes.last().map(|byte| byte | 0x20);
    folded(command) == folded(name) && command.eq_ignore_ascii_case(name)
}

/// Whether the first `to` bytes behind a command still belong to it, as [`reach`] has it for more of them.
fn is_reached(near: &[u8], name: &[u8], to: usize) -> bool {
    (0..to).all(|at| match near[at] {
        b'\n' | b'\r' | b';' | b'|' => false,
        b'[' => !near[at..].starts_with(OPENING.as_bytes()),
        byte => byte != name[0] || !near[at..].starts_with(name),
    })
}

/// How far a command reaches in the text behind it.
fn reach(near: &[u8], name: &[u8]) -> usize {
    // Behind a marker the distance to the command is not what it was; behind the same command it is that one's turn.
    let marker = first(near, OPENING.as_bytes()).unwrap_or(near.len());
    let marker = first(&near[..marker], name).unwrap_or(marker);
    let line = memchr::memchr3(b'\n', b'\r', b';', &near[..marker]).unwrap_or(marker);
    memchr::memchr(b'|', &near[..line]).unwrap_or(line)
}

/// Where `part` first stands in `text`; for texts so short that preparing a search costs more than the search.
fn first(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memchr_iter(part[0], text).find(|at| text[*at..].starts_with(part))
}

/// The width of the longest of `flags` that `text` begins with.
fn flag_at(text: &[u8], flags: &[&str]) -> Option<usize> {
    let starting = flags
        .iter()
        .filter(|flag| text.starts_with(flag.as_bytes()));
    starting.map(|flag| flag.len()).max()
}

/// Judges the argument at `start`.
fn judge_argument(view: View<'_>, start: usize, takes: Takes) -> Judged {
    let start = match takes {
        Takes::Second => next_word(view, start)?,
        Takes::Third => next_word(view, next_word(view, start)?)?,
        _ => start,
    };
    let (start, ending) = match view.hay.get(start) {
        None if view.eof => return Err(Stop::No),
        None => return Err(Stop::More),
        Some(quote @ (b'"' | b'\'')) => (start + 1, Ending::Quote(*quote, 0)),
        Some(b'\\' | b'-') => return Err(Stop::No),
        Some(_) => (start, Ending::Variable),
    };
    let (start, ending) = match takes {
        Takes::Pair => (behind_user(view, start, ":")?, ending),
        Takes::Comma => (behind_user(view, start, ",")?, ending),
        Takes::Percent => (behind_user(view, start, "%")?, ending),
        Takes::Slash => (
            behind_user(view, start, "/")?,
            Ending::Class(VISIBLE.minus(b"@\"'`\\")),
        ),
        _ => (start, ending),
    };
    let value = Value::find(view, start, ending)?;
    let place = match takes {
        Takes::Plain | Takes::Device | Takes::Second | Takes::Third => Place::Bare,
        _ => Place::Literal,
    };
    let bytes = value.bytes(view);
    let judged = match (takes, bytes) {
        (Takes::Device, [b'$' | b'#' | b'!' | b'%' | b'@' | b'*' | b'&', rest @ ..]) => rest,
        _ => bytes,
    };
    let secret = strength::is_password(judged, place)
        && (takes != Takes::Slash || view.hay.get(value.end) == Some(&b'@'));
    value.verdict(view, secret)
}

/// Where the password begins behind its user and `separator`.
fn behind_user(view: View<'_>, start: usize, separator: &str) -> Judged<usize> {
    let class = VISIBLE.minus(b"\"'\\[").minus(separator.as_bytes());
    let user = view.run(&class, start, WORD_MAX).ok_or(Stop::More)?;
    expect(view, user, separator)
}

/// Where the word behind the one at `start` begins.
fn next_word(view: View<'_>, start: usize) -> Judged<usize> {
    let end = view.run(&VISIBLE, start, WORD_MAX).ok_or(Stop::More)?;
    let next = expect(view, end, " ")?;
    if end > start { Ok(next) } else { Err(Stop::No) }
}
