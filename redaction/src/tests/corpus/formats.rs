//! Formats of tokens as their providers document them, by kind of provider, and text that surrounds them.
//!
//! Not taken from the rules. `%w{20}` stands for twenty characters of a class, see `fill_format`; `%g` for a UUID.

mod ai;
mod auth;
mod chat;
mod cloud;
mod code;
mod database;
mod monitoring;
mod network;
mod payment;
mod registry;
mod saas;

/// Tokens, one format a line, kind by kind.
pub(super) const FORMATS: &[&str] = &[
    ai::FORMATS,
    auth::FORMATS,
    cloud::FORMATS,
    code::FORMATS,
    database::FORMATS,
    registry::FORMATS,
    chat::FORMATS,
    payment::FORMATS,
    monitoring::FORMATS,
    network::FORMATS,
    saas::FORMATS,
];

/// Where a token stands for `{t}`; `\n` is a line break.
pub(super) const SURROUNDINGS: &str = r##"
NAME_VALUE={t}\nOTHER=1\n
export NAME='{t}'
{"id": 7, "value": "{t}", "n": null}
config:\n  thing: {t}\n  other: no\n
[section]\nthing = "{t}"\n
thing = {t}\n
thing: '{t}'  # rotated yesterday
curl -sS https://api.example.com/v1/things?x={t}&y=2
curl -H 'X-Thing: {t}' https://example.com
curl -H "Authorization: Bearer {t}" https://example.com/api
Authorization: token {t}\nHost: example.com\n\n
+ name {t} --verbose
+ export NAME={t}\n+ ./run.sh
2026-01-02T03:04:05Z ERROR request failed: {t} rejected (401)
Traceback (most recent call last):\n  File "a.py", line 3\nValueError: bad value '{t}'
ENV NAME {t}\nRUN make
ENV NAME={t}
const v = "{t}";
let v = '{t}';
v = `{t}`
<value>{t}</value>
<add key="x" value="{t}"/>
[{t}]
({t})
{t}
see {t}, which leaked.
see {t}. It leaked.
- {t}\n- other
{t}\n
    {t}    
name,{t},3\n
|{t}|
| key | `{t}` |
+const K = '{t}'\n-const K = ''
src/a.rs:12:  let k = "{t}";
   12    K={t}
docker run -e NAME={t} img:latest
--build-arg NAME={t} .
set NAME={t}\n
setx NAME {t}
::add-mask::{t}
##[debug]value={t}
{'thing': '{t}'}
Some("{t}")
{:thing => "{t}"}
https://example.com/cb#{t}
git clone https://{t}@git.example.com/a/b.git
https://user:{t}@git.example.com/a/b.git
origin    https://oauth2:{t}@git.example.com/a/b.git (fetch)
@flag={t}
"args": ["--x", "{t}"]
echo {t} | tool login --stdin
echo '{t}' >> ~/.profile
printf '%s' "{t}"
NAME={t} npm run build
//registry.example.com/:_x={t}
msg="started" name={t} level=info
value={t}&next=2
<{t}>
{t};
key:{t}
a={t}:b
#{t}
{t}…
»{t}«
"##;
