//! Text that looks like secrets and holds none: code, configuration, messages, and the talk of people.
//!
//! Not hashes, ids and data, which are made up anew for each run: those are in `harmless_formats`.

/// More text that is harmless.
pub(super) const MORE_HARMLESS: &str = r##"
password: string;
password: str = Field(..., min_length=8)
def login(username: str, password: str) -> Token:
pub struct Config { pub password: Option<String>, pub token: SecretString }
token = os.environ["GITHUB_TOKEN"]
const token = process.env.API_TOKEN;
let api_key = std::env::var("API_KEY")?;
API_KEY=<your-api-key>
API_KEY=your_api_key_here
OPENAI_API_KEY=sk-...
OPENAI_API_KEY="sk-xxxxxxxxxxxxxxxxxxxxxxxx"
GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
password = "changeme"
password: ********
Password: [hidden]
PASSWORD=$(cat /run/secrets/db)
export TOKEN=$TOKEN
token: ${{ secrets.GITHUB_TOKEN }}
password: "{{ vault_db_password }}"
password = var.db_password
secret_key = data.aws_secretsmanager_secret_version.x.secret_string
curl -H "Authorization: Bearer ${TOKEN}" https://api.example.com
-H "Authorization: Bearer $(gcloud auth print-access-token)"
Authorization: Basic <base64>
headers: { Authorization: `Bearer ${token}` }
postgres://user:password@localhost:5432/db
postgres://$USER:$PASS@host/db
postgresql://localhost/mydb
https://example.com:8443/path
mysql -u root -p mydb
psql -h localhost -p 5432 -U app
docker run -p 8080:80 nginx
docker login -u bob --password-stdin
curl -u "$USER:$PASS" https://x
ssh -p 2222 host
mkdir -p /var/lib/token
cp -p secret.txt backup/
The password must be at least 12 characters long and contain a digit.
Forgot your password? Click here to reset it.
Enter passphrase for key '/home/me/.ssh/id_ed25519':
Permission denied (publickey,password).
error: invalid token `}` at line 3
SyntaxError: Unexpected token '<', "<!DOCTYPE "... is not valid JSON
unexpected token: identifier
Unexpected token o in JSON at position 1
token count: 12345
max_tokens: 4096
"usage":{"prompt_tokens":1234,"completion_tokens":567,"total_tokens":1801}
input_tokens=1234 output_tokens=5678 cached_tokens=0
"totalTokenUsage":{"totalTokens":12,"inputTokens":3,"cachedInputTokens":0}
tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")
tokenize(text).map(token => token.value)
impl Iterator for Tokens { type Item = Token; }
match token { Token::Ident(name) => name, Token::Eof => return }
let secret = Secret::new(config.secret.clone());
#[arg(long, env = "DATABASE_PASSWORD")]
#[error("password is too short")]
if (!password) throw new Error('password required');
if password == "" { return Err(NoPassword) }
user.password = hash(password)
password = input("Password: ")
password = getpass.getpass()
password_hash = bcrypt.hashpw(password.encode(), salt)
<input type="password" name="password" autocomplete="current-password">
<label for="password">Password</label>
password_reset_token_expires_in: 3600
session.cookie.secure = true
Cookie: lang=en; theme=dark
primary_key: id
primary key (id)
PRIMARY KEY AUTOINCREMENT
foreign key (user_id) references users(id)
key: value
key = "ArrowDown"
if (event.key === 'Enter') submit();
keyCode: 13
sort_key=created_at
partition_key = "customer_id"
cache-key: ${{ runner.os }}-cargo-${{ hashFiles('**/Cargo.lock') }}
key: Linux-cargo-8f3e2a1b9c
author: Jane Doe
authority: https://login.microsoftonline.com/common
auth: true
authentication failed for user "postgres"
FATAL:  password authentication failed for user "app"
remote: Invalid username or password.
fatal: could not read Password for 'https://bob@github.com': terminal prompts disabled
gpg: signing failed: No secret key
pass: 12, fail: 0, skip: 3
test result: ok. 12 passed; 0 failed
PASS src/token.test.ts
✓ rejects a wrong password (12 ms)
1 passing
credentials: include
credentials: 'same-origin',
access_token_lifetime = 3600
token_type: bearer
grant_type=authorization_code
response_type=code&client_id=abc&redirect_uri=https%3A%2F%2Fexample.com
nonce: 12345
csrf: disabled
SECRET_KEY = os.getenv("SECRET_KEY", "")
secrets.token_urlsafe(32)
crypto.randomBytes(32).toString('hex')
openssl rand -hex 32
ssh-keygen -t ed25519 -C "me@example.com"
The key fingerprint is:
passwordless sudo is enabled
PasswordAuthentication no
pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh
/etc/passwd:root:x:0:0:root:/root:/bin/bash
daemon:*:19000:0:99999:7:::
grep -rn "password" src/
rg --files -g '*.key'
sed -i 's/password=.*/password=REDACTED/' app.conf
git commit -m "Remove hardcoded password"
git log --grep=token
Downloading https://files.pythonhosted.org/packages/ab/cd/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd/foo-1.0-py3-none-any.whl
https://registry.npmjs.org/lodash/-/lodash-4.17.21.tgz
https://github.com/a/b/commit/0123456789abcdef0123456789abcdef01234567
https://www.youtube.com/watch?v=dQw4w9WgXcQ
https://docs.google.com/document/d/1aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789abcdefgh/edit
https://example.com/search?q=api+key&page=2
https://fonts.googleapis.com/css2?family=Inter:wght@400;700&display=swap
https://localhost:3000/reset-password?token=
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction
Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the License.
function n(e,t){return e.token=t,e.key=void 0,e}var r=n({},"a");
!function(e,t){"object"==typeof exports&&"undefined"!=typeof module?t(exports):"function"==typeof define&&define.amd?define(["exports"],t):t((e=e||self).React={})}(this,(function(e){"use strict";
e.password=t.password,e.secret=!0,e.tokenExpiry=36e5
{"key":"value","token":null,"password":""}
{"token":"","expires":0}
"password": null
"password": true
"token": 42
token: u64,
token: &'a str,
token: string | undefined
secret: Buffer;
apiKey: string = ''
api_key: Optional[str] = None
private readonly token: string
private String password;
public string Password { get; set; }
char password[64];
std::string token;
val token: String? = null
var password: String
func (c *Client) SetToken(token string) {
fn with_token(mut self, token: impl Into<String>) -> Self {
self.token = token
this.password = password;
token=token, password=password
Token(token_id)
password=config.password
password=args.password or default_password
token := r.Header.Get("Authorization")
const auth = req.headers.authorization;
if (auth.startsWith("Bearer ")) {
assert_eq!(redact("password=x"), "password=x");
secret = "s3"
client_secret = ""
client_secret: TODO
client_secret=REPLACE_ME
client_secret=YOUR_CLIENT_SECRET
DATABASE_URL=postgres://postgres:postgres@localhost/test
redis://localhost:6379
mongodb://localhost:27017/test
amqp://guest:guest@localhost:5672
xoxb-your-token
xoxb-...
sk_live_...
https://hooks.slack.com/services/XXX/YYY/ZZZ
https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX
task-runner-with-long-name-and-more-words
disk-usage-report-for-last-month
risk-assessment-template-2024-final-version
ask-me-anything-about-rust-programming-lang
hf_hub_download("bert", "config.json")
import hf_transfer
npm_config_registry=https://registry.npmjs.org/
npm_lifecycle_event=test
re_path(r'^users/$', views.users)
re_export_everything_from_the_module
ghp_ prefix is used for personal access tokens
tokens start with github_pat_ and glpat-
glpat-<your token>
The SG. prefix
SG.Components.Button.PrimaryVariant.HoverState
key-value-store-with-expiry-and-replication
key-0123456789
pat-na1-region
live_reload_server_enabled_by_default_now
test_that_the_secret_key_is_not_leaked_in_logs
sk_test_mode_is_enabled_for_all_the_accounts
AIzaSy...
ya29.<access-token>
eyJ is the start of a base64 encoded JSON object
eyJhbGciOiJIUzI1NiJ9
-----BEGIN PRIVATE KEY-----
if text.contains("-----BEGIN RSA PRIVATE KEY-----") {
"-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----"
Private key written to key.pem
Your public key has been saved in /home/me/.ssh/id_ed25519.pub
private_key_path = "/etc/ssl/private/key.pem"
ssl_certificate_key /etc/nginx/ssl/key.pem;
keyFile: /var/lib/secret/key
tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token
passwordFile=/run/secrets/password
password_file: ./secrets/db.txt
--password-file=/run/secrets/pw
--passphrase-fd 0
--token-env GITHUB_TOKEN
bearer_token_env_var = "MY_TOKEN"
env_key = "OPENAI_API_KEY"
os.environ["KEY"]
secrets: inherit
ARG NPM_TOKEN
RUN --mount=type=secret,id=npm_token
ENV PASSWORD_MIN_LENGTH=12
PASSWORD_HASHERS = ['django.contrib.auth.hashers.PBKDF2PasswordHasher']
AUTH_PASSWORD_VALIDATORS = [
TOKEN_EXPIRY=3600s
KEY_ROTATION_DAYS=90
MASTER_KEY_ID=alias/aws/s3
kms_key_id = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-4e5f-6789-abcd-ef0123456789"
ssh_key_name = "deploy-key-2024"
key_name = aws_key_pair.main.key_name
key_algorithm: RSA
x-api-key header is required
missing required header: x-api-key
api_key: required
"apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"}
Vary: Cookie, Authorization
Access-Control-Allow-Headers: Authorization, Content-Type, X-Api-Key
www-authenticate: Bearer realm="https://auth.docker.io/token",service="registry.docker.io"
Session token expired; please log in again
2026-01-01 10:00:00 INFO token refreshed for user 42
INFO: Loaded 12 secrets from vault
Copying secrets to /tmp/secrets ... done
password_changed_at | 2026-01-01 10:00:00
SELECT password FROM users WHERE id = $1
UPDATE users SET password = $2 WHERE id = $1
INSERT INTO tokens (id, value) VALUES ($1, $2)
ALTER TABLE users ADD COLUMN password TEXT NOT NULL
IDENTIFIED BY 'password'
CREATE USER app WITH PASSWORD :'pw';
-e POSTGRES_PASSWORD=postgres
POSTGRES_PASSWORD: postgres
MYSQL_ALLOW_EMPTY_PASSWORD=yes
MYSQL_ROOT_PASSWORD=root
├── jsonwebtoken v9.3.0
"@types/jsonwebtoken": "^9.0.6",
tokio-rustls = { version = "0.26", features = ["ring"] }
serde_json::from_str::<Token>(&body)?
error[E0425]: cannot find value `password` in this scope
thread 'main' panicked at src/auth.rs:42:10: token missing
KeyError: 'API_KEY'
NameError: name 'token' is not defined
TypeError: Cannot read properties of undefined (reading 'token')
jwt malformed
Key: 'User.Password' Error:Field validation for 'Password' failed on the 'min' tag
keyboard: us
monkey=banana
turkey: istanbul
passport: required
compass = north
bypass: enabled
passing: 12
secretary: Jane Doe
tokenizer: whitespace
keywords: "rust, cli, terminal"
author_key = null
hotkey = "ctrl+shift+p"
public_key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
"cursor":"eyJvZmZzZXQiOjEwMH0"
"nextCursor":"2026-01-01T10:00:00Z|0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
nextPageToken: CAUQAA
"next_token": null
continuation_token=
"threadId":"0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b","turnId":"0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5c"
password: "<redacted>"
token: xxxxxxxx
token: '...'
token: "abc123"
TOKEN=abc
secret: my-secret
passwd: files systemd
Defaults !authenticate
pwd: /home/me/project
cwd=/home/me pwd=/home/me
echo $PWD && pwd
pass the salt, please
first pass: 12 ms, second pass: 9 ms
pass 1: resolve names
Pass: the argument by reference
bearer of bad news
Basic usage: see below
Basic understanding-of-the-world is assumed
Bearer authentication is supported
the token is then passed to the parser
the secret is to stir constantly
the password is stored hashed, never in plain text
the key is under the mat
token is invalid or expired
password and confirmation don't match
passwords: see 1Password vault "infra"
username: admin, password: (none)
Password: <hidden>
user:pass@host
http://username:password@proxy.example.com:8080
ftp://anonymous@ftp.gnu.org/
scp me@host:/tmp/key .
rsync -avz --password-file=/etc/rsync.pw src/ host::mod
git remote set-url origin git@github.com:a/b.git
origin	git@github.com:a/b.git (fetch)
origin	https://github.com/a/b.git (push)
emails: a.b@example.com:smtp
image: registry.example.com:5000/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
key_length=2048 cipher=AES-256-GCM
ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256;
Key ID: ABCDEF0123456789
keyid 0xABCDEF0123456789
Signature verified with key 4AEE18F83AFDEB23
session: started
session opened for user root by (uid=0)
salt: minion
auth_basic "Restricted";
auth_basic_user_file /etc/nginx/.htpasswd;
requirepass is not set
# requirepass foobared
secret: {{ .Values.secret }}
password: {{ required "set it" .Values.password | quote }}
token=%s
password=%(password)s
token={token}
token={}
"Bearer {}"
format!("Bearer {token}")
f"token={token}"
"password=" + password
'Bearer ' + token
password=\"\"
printf("password: %s\n", pw);
password=***
token=•••••••••
api_key="XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
api_key = "00000000000000000000000000000000"
secret=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
token: "1234567890"
uuid token type: v4
SecretStr('**********')
tokens=[Token(type=NAME, value='x')]
TOKEN_URL=https://auth.example.com/oauth/token
token_endpoint: https://auth.example.com/oauth2/v1/token
"tokenUrl": "https://example.com/oauth/token"
credentials_path: ~/.aws/credentials
GOOGLE_APPLICATION_CREDENTIALS=/home/me/sa.json
KUBECONFIG=/home/me/.kube/config
SSH_AUTH_SOCK=/tmp/ssh-abc/agent.123
AUTH_TYPE=oauth2
AUTH_ENABLED=true
PASSWORD_POLICY=strict
secretOrKeyProvider: jwksRsa.passportJwtSecret({
KEY_SIZE = 32
const KEY: &str = "settings.theme";
localStorage.getItem("authToken")
cookies.get('session')
res.cookie('sid', sid, { httpOnly: true })
ViewData["Token"]
t("password.placeholder")
"password.label": "Enter your password",
"forgotPassword": "Forgot password?",
label.password=Passwort
error.password.mismatch=Passwords do not match
passwordPlaceholder: 'Choose a strong password'
password-input__toggle--visible
.token.punctuation{color:#999}
<span class="token keyword">let</span>
aria-label="Show password"
npm notice integrity: sha512-abc123[...]xyz==
added 120 packages, and audited 121 packages in 3s
pip install python-jose[cryptography] passlib[bcrypt]
apt-get install -y libsecret-1-dev
systemctl status systemd-ask-password-wall.path
kubectl get secrets -n prod
secret/db-credentials created
vault kv get -field=password secret/db
op read "op://Private/GitHub/token"
pass show email/work
aws secretsmanager get-secret-value --secret-id prod/db
gcloud secrets versions access latest --secret=db
az keyvault secret show --name x --vault-name y
sops -d secrets.enc.yaml
ENC[AES256_GCM,data:abc=,iv:def=,tag:ghi=,type:str]
$ANSIBLE_VAULT;1.1;AES256
password: AQICAHg
Your token has been saved to ~/.config/gh/hosts.yml
Token: *************************************
- Token scopes: 'gist', 'read:org', 'repo', 'workflow'
Logged in to github.com account octocat (keyring)
"##;
