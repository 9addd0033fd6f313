//! Places where secrets stand, and text that looks like it and holds none.
//!
//! Not the examples of the rules: these are held out.

/// Places where a person's password stands for `{p}`.
pub(super) const PASSWORDS: &str = r#"
      - POSTGRES_PASSWORD={p}
MYSQL_ROOT_PASSWORD: "{p}"
  password: '{p}'
ansible_become_pass: "{p}"
password = "{p}"
    password: "{p}",
    Password: "{p}",
'password' => '{p}',
conn = connect(host="db", user="app", password="{p}")
Server=tcp:db,1433;Database=app;User ID=app;Password={p};Encrypt=True
Driver={ODBC};Uid=app;Pwd={p};
jdbc:postgresql://db/app?user=app&password={p}
level=info msg="login" user=app password="{p}"
{"user":"app","password":"{p}"}
{\"user\":\"app\",\"password\":\"{p}\"}
{\\\"password\\\":\\\"{p}\\\"}
mysql://app:{p}@db:3306/app
amqp://app:{p}@mq.internal:5672/%2f
redis://:{p}@cache.internal:6379
smtp://robot:{p}@mail.internal:587
Cloning into 'x'... https://robot:{p}@git.internal/x.git
DATABASE_URL=postgresql://app:{p}@10.0.0.3/app
machine git.internal login robot password {p}
db.internal:5432:*:app:{p}
curl -u robot:{p} https://api.internal/
curl --user "robot:{p}" https://api.internal/
sshpass -p '{p}' ssh root@host
mysqldump -u root -p{p} app > dump.sql
PGPASSWORD={p} psql -h db
export DB_PASSWORD="{p}"
$env:DB_PASSWORD = "{p}"
set DB_PASSWORD={p}
kubectl create secret generic db --from-literal=password={p}
vault kv put secret/db password={p}
docker run -e DB_PASSWORD={p} image
--db-password={p}
--password "{p}"
ALTER USER app WITH PASSWORD '{p}';
CREATE USER 'app'@'%' IDENTIFIED BY '{p}';
<property name="password" value="{p}"/>
<password>{p}</password>
spring.datasource.password={p}
pub(super) const PASSWORD: &str = "{p}";
private static final String DB_PASSWORD = "{p}";
var password = '{p}'
let dbPassword = `{p}`;
passphrase: {p}
admin_pwd = '{p}'
Your temporary password is {p}
Password: {p}
db_pass: {p}
smtp_passwd={p}
- name: DB_PASSWORD\n  value: "{p}"
+    password: {p}
-  "password": "{p}"
  12:password={p}
password={p}&grant_type=password
"#;

/// Places where a machine's token stands for `{t}`.
pub(super) const TOKENS: &str = r#"
API_TOKEN={t}
export SERVICE_API_KEY='{t}'
ENV API_TOKEN {t}
ARG API_TOKEN={t}
setenv API_TOKEN {t}
TOKEN := {t}
api_key: {t}
apiKey: '{t}',
"access_token":"{t}","expires_in":3600
{\"refresh_token\":\"{t}\"}
client_secret={t}&grant_type=client_credentials
GET /v1/me?api_key={t}&page=2 HTTP/1.1
https://api.internal/v1?access_token={t}
X-Api-Key: {t}
x-auth-token: {t}
> Authorization: Bearer {t}
-H "Authorization: Bearer {t}"
--header="Authorization: token {t}"
"Authorization": `Bearer {t}`
'Authorization': 'Bearer {t}',
req.Header.Set("Authorization", "Bearer {t}")
Authorization: ApiKey {t}
extraheader = AUTHORIZATION: bearer {t}
Cookie: sessionid={t}
< Set-Cookie: session={t}; Path=/; HttpOnly; Secure
curl -b 'Cookie: sid={t}'
//registry.npmjs.org/:_authToken={t}
_auth={t}
aws_secret_access_key = {t}
AWS_SECRET_ACCESS_KEY={t}
DefaultEndpointsProtocol=https;AccountName=x;AccountKey={t}==;EndpointSuffix=core.windows.net
Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey={t}=
https://x.blob.core.windows.net/c/b?sv=2022-11-02&sr=b&sig={t}%3D&se=2026
https://bucket.s3.amazonaws.com/k?X-Amz-Credential=x&X-Amz-Signature={t}
https://x-access-token:{t}@github.internal/org/repo
https://oauth2:{t}@gitlab.internal/org/repo.git
https://{t}@git.internal/org/repo.git
PrivateKey = {t}=
PresharedKey = {t}=
STRIPE_KEY={t}
secret_key_base: {t}
SECRET_KEY = '{t}'
"clientSecret": "{t}"
client_secret: "{t}"
webhook_secret={t}
encryption_key: {t}
os.environ["API_TOKEN"] = "{t}"
heroku config:set API_TOKEN={t}
gh secret set API_TOKEN --body {t}
--api-key={t}
--token {t}
<add key="ApiKey" value="{t}"/>
<apiKey>{t}</apiKey>
credentials = "{t}"
token="{t}"
auth_token: {t}
bot token: {t}
Your API key is {t}
vault token: {t}
jwt_secret = "{t}"
pub(super) const API_KEY = "{t}";
private val apiToken = "{t}"
"#;

/// Text that must pass as it is.
pub(super) const HARMLESS: &str = r##"
commit 3f786850e387550fdab836ed7e6dc881de23001b
index 83db48f..bf269f4 100644
diff --git a/src/token.rs b/src/token.rs
sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"integrity": "sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg=="
checksum = "3f9eec918d3f24069decb9af1554cad7c880e2da24a9afd88aca000531ab82c1"
id: 550e8400-e29b-41d4-a716-446655440000
request_id=7b7c1c9e-4b8f-4c5e-9f0a-1d2e3f4a5b6c status=200
data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==
password = getpass()
password = getpass.getpass("Password: ")
token: String,
pub token: Option<String>,
let token = self.next_token();
pub(super) const token = await getToken(user.id);
Authorization: Bearer <token>
Authorization: Bearer ${TOKEN}
Authorization: Bearer $GITHUB_TOKEN
Authorization: Basic <credentials>
curl -H "Authorization: Bearer $TOKEN" https://api.example.com
key=value
key = "value"
password=<password>
password: ${DB_PASSWORD}
password: {{ vault_db_password }}
password: !vault |
password: "********"
DB_PASSWORD=
DB_PASSWORD=changeme
DB_PASSWORD=your_password_here
API_KEY=your-api-key
API_KEY=<your api key>
export GITHUB_TOKEN=$(gh auth token)
export TOKEN="$(cat /run/secrets/token)"
token = os.environ["API_TOKEN"]
token = process.env.API_TOKEN
api_key=os.getenv("OPENAI_API_KEY")
apiKey: process.env.OPENAI_API_KEY,
password: z.string().min(8).max(64),
if (password !== confirmPassword) {
error: invalid password
Enter passphrase for key '/home/u/.ssh/id_ed25519':
Password:
[sudo] password for user:
test auth::tests::rejects_wrong_password ... ok
test token_bucket_refills_after_1500ms ... ok
fn validate_token(token: &str) -> Result<Claims, Error> {
    password: Mapped[str] = mapped_column(String(128))
tokens: 12345, cached_tokens: 2048, total_tokens: 14393
max_tokens=4096 temperature=0.7
"usage":{"prompt_tokens":1234,"completion_tokens":567}
token_count: 128000
csrf_token: <%= csrf_meta_tags %>
secrets.GITHUB_TOKEN
${{ secrets.NPM_TOKEN }}
NODE_AUTH_TOKEN: ${{ secrets.NODE_AUTH_TOKEN }}
secretName: tls-certificate
secretKeyRef: {name: db, key: password}
valueFrom: {secretKeyRef: {name: db-credentials, key: password}}
https://github.com/rust-lang/rust/pull/123456
https://user@example.com/path
https://example.com:8443/a@b/c
ssh://git@github.com:22/org/repo.git
git@github.com:org/repo.git
npm_config_cache=/root/.npm
npm_lifecycle_event=build
sk-learn and disk-usage and task-1234567890abcdef
import sk_learn_wrapper as sk
hf_hub_download(repo_id="org/model")
AKIAlowercase
eyJ is how JSON begins in base64: eyJhIjoxfQ==
sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbXX0=
-----BEGIN CERTIFICATE-----
-----BEGIN PUBLIC KEY-----
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGjlhXfIqd8vJUjkQqFzqP2rX9oTzRvT0cP1Uo5Ff2dM user@host
SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDcoTQHSV9SRpBBhAY
MD5: d41d8cd98f00b204e9800998ecf8427e
ETag: "33a64df551425fcc55e4d42a148795d9f25f89d4"
Set-Cookie: theme=dark; Path=/
Cookie: name=value
cookie: true
cookies: []
use-cookie-banner: enabled
primary_key = "id"
foreign_key: user_id
PRIMARY KEY (id)
cache-key: node-modules-v3-abcdef0123456789
CACHE_KEY=v2
key: linux-cargo-3f786850e387550fdab836ed7e6dc881de23001b
monkey=1 turkey=2 keyboard=qwerty
author = "Someone <someone@example.com>"
authority: example.com
oauth: enabled
auth: required
"auth": "basic"
basic auth is required
bearer authentication
the bearer of this letter
sig=none
signature: valid
gpg: Good signature from "Someone <someone@example.com>"
machine: x86_64-unknown-linux-gnu
machine learning model
mysql -u root -p
curl -fsSL https://sh.rustup.rs | sh
curl -u "$USER:$PASS" https://example.com
docker login -u user --password-stdin
passwd: all authentication tokens updated successfully
root:x:0:0:root:/root:/bin/bash
password_hash VARCHAR(255) NOT NULL,
password_reset_url = "/reset"
password-field-input-wrapper
"type": "password", "placeholder": "Enter password"
<input type="password" name="password" id="password" />
label for="password1">Password</label>
passwordPolicy: {minLength: 12}
pass: 12, fail: 0
42 passed; 0 failed; 3 ignored
pass: true
compass: "north-east"
secret: false
secret santa 2024
"secret": "my-app-secret"
client_secret: xxxxxxxxxxxxxxxx
api-key: XXXXXXXXXXXXXXXXXXXXXXXX
apikey = "example-api-key"
[REDACTED]
password=[REDACTED]
token=***
0x7fffffffe0d0
0123456789abcdef0123456789abcdef01234567
aGVsbG8gd29ybGQsIHRoaXMgaXMgYmFzZTY0IHRleHQ=
rgb(12, 34, 56) #aabbcc
2026-11-24T10:00:00.000Z INFO server::auth: token refreshed in 12ms
10.0.0.1:5432 accepted connection
0.0.0.0:5432->5432/tcp
aa:bb:cc:dd:ee:ff
error[E0308]: mismatched types: expected `Token`, found `String`
   Compiling secrecy v0.10.3
   Compiling password-hash v0.5.0
   Compiling rpassword v7.3.1
+ tokio v1.48.0
src/auth/token.rs:42:17: warning: unused variable: `token`
thread 'main' panicked at src/password.rs:10:5
#define PASSWORD_MAX 128
PASSWORD_RESET_TIMEOUT = 259200
TOKEN_EXPIRY_SECONDS=3600
JWT_ALGORITHM=HS256
SECRET_NAME=prod/db/credentials
AWS_SECRET_NAME=my-secret-name
VAULT_TOKEN_FILE=/run/secrets/vault-token
password_file: /run/secrets/db_password
tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenization_utils_base.py
the token is invalid
the password is required
the secret is out
Your password is incorrect
api key is missing
token, err := jwt.Parse(raw, keyFunc)
password := r.FormValue("password")
String password = request.getParameter("password");
@Value("${spring.datasource.password}")
@Column(name = "password", nullable = false)
req.body.password
user.password = hash(password, salt)
def authenticate(username: str, password: str) -> bool:
password: str = Field(min_length=8)
password?: string;
readonly accessToken: string;
accessToken: string | null;
private accessToken?: Promise<string>;
token => token.type === "identifier",
tokens.push(Token { kind: TokenKind::Ident, span: 12..34 });
case Token::LParen => self.parse_group2(),
"##;
