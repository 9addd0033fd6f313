//! Places where a token stands: variables, headers, options of commands, addresses, files.
//!
//! Not the tokens: those are made up, or written in `formats`.

/// More places where a token stands for `{t}`.
pub(super) const MORE_TOKENS: &str = r##"
API_KEY={t}\n
$env:API_KEY = '{t}'
SECRET_KEY={t}\n
SECRET_KEY := "{t}"
JWT_SECRET={t}\n
export JWT_SECRET="{t}"
SESSION_SECRET={t}\n
SESSION_SECRET: {t}\n
COOKIE_SECRET={t}\n
COOKIE_SECRET := "{t}"
AUTH_TOKEN={t}\n
define("AUTH_TOKEN", "{t}");
ACCESS_TOKEN={t}\n
ENV ACCESS_TOKEN={t}
REFRESH_TOKEN={t}\n
{ "Name": "REFRESH_TOKEN", "Value": "{t}" }
CLIENT_SECRET={t}\n
CLIENT_SECRET => '{t}'
APP_SECRET={t}\n
<APP_SECRET>{t}</APP_SECRET>
ENCRYPTION_KEY={t}\n
$env:ENCRYPTION_KEY = '{t}'
SIGNING_KEY={t}\n
SIGNING_KEY => '{t}'
WEBHOOK_SECRET={t}\n
process.env.WEBHOOK_SECRET = "{t}"
COHERE_API_KEY={t}\n
{"name":"COHERE_API_KEY","value":"{t}"}
MISTRAL_API_KEY={t}\n
set MISTRAL_API_KEY={t}
DEEPGRAM_API_KEY={t}\n
"DEEPGRAM_API_KEY": "{t}",
DD_API_KEY={t}\n
DD_API_KEY?={t}
DD_APP_KEY={t}\n
export DD_APP_KEY="{t}"
DATADOG_API_KEY={t}\n
{"name":"DATADOG_API_KEY","value":"{t}"}
ALGOLIA_ADMIN_KEY={t}\n
- name: ALGOLIA_ADMIN_KEY\n  value: {t}\n
SENTRY_AUTH_TOKEN={t}\n
SENTRY_AUTH_TOKEN: {t}\n
CODECOV_TOKEN={t}\n
ENV CODECOV_TOKEN={t}
SNYK_TOKEN={t}\n
      SNYK_TOKEN: "{t}"\n
CLOUDFLARE_API_TOKEN={t}\n
CLOUDFLARE_API_TOKEN => '{t}'
CF_API_KEY={t}\n
const CF_API_KEY = '{t}'
HEROKU_API_KEY={t}\n
export HEROKU_API_KEY="{t}"
LINODE_TOKEN={t}\n
define("LINODE_TOKEN", "{t}");
VULTR_API_KEY={t}\n
- name: VULTR_API_KEY\n  value: {t}\n
HCLOUD_TOKEN={t}\n
--hcloud-token {t}
TWILIO_AUTH_TOKEN={t}\n
{"name":"TWILIO_AUTH_TOKEN","value":"{t}"}
VERCEL_TOKEN={t}\n
-e VERCEL_TOKEN={t} 
TRAVIS_TOKEN={t}\n
"TRAVIS_TOKEN": "{t}",
CONSUL_HTTP_TOKEN={t}\n
"CONSUL_HTTP_TOKEN": "{t}",
NOMAD_TOKEN={t}\n
{\"nomad_token\":\"{t}\"}
WANDB_API_KEY={t}\n
-e WANDB_API_KEY={t} 
AWS_SECRET_ACCESS_KEY={t}\n
      AWS_SECRET_ACCESS_KEY: "{t}"\n
AWS_SESSION_TOKEN={t}\n
$env:AWS_SESSION_TOKEN = '{t}'
ARM_CLIENT_SECRET={t}\n
ARM_CLIENT_SECRET => '{t}'
AZURE_CLIENT_SECRET={t}\n
- name: AZURE_CLIENT_SECRET\n  value: {t}\n
AZURE_STORAGE_KEY={t}\n
AZURE_STORAGE_KEY?={t}
GOOGLE_CLIENT_SECRET={t}\n
--google-client-secret={t}
OKTA_CLIENT_TOKEN={t}\n
set OKTA_CLIENT_TOKEN={t}
AUTH0_CLIENT_SECRET={t}\n
-e AUTH0_CLIENT_SECRET={t} 
NEXTAUTH_SECRET={t}\n
{"name":"NEXTAUTH_SECRET","value":"{t}"}
RAILS_MASTER_KEY={t}\n
RAILS_MASTER_KEY := "{t}"
SECRET_KEY_BASE={t}\n
-e SECRET_KEY_BASE={t} 
DJANGO_SECRET_KEY={t}\n
-e DJANGO_SECRET_KEY={t} 
FLASK_SECRET={t}\n
--flask-secret {t}
ROLLBAR_ACCESS_TOKEN={t}\n
{"name":"ROLLBAR_ACCESS_TOKEN","value":"{t}"}
BUGSNAG_API_KEY={t}\n
ENV BUGSNAG_API_KEY={t}
LOGZIO_TOKEN={t}\n
{\"logzio_token\":\"{t}\"}
FASTLY_API_TOKEN={t}\n
--fastly-api-token={t}
PUSHER_APP_SECRET={t}\n
export PUSHER_APP_SECRET="{t}"
ALCHEMY_KEY={t}\n
const ALCHEMY_KEY = '{t}'
INFURA_API_SECRET={t}\n
INFURA_API_SECRET: {t}\n
ETHERSCAN_API_KEY={t}\n
ENV ETHERSCAN_API_KEY={t}
OPENWEATHER_API_KEY={t}\n
export OPENWEATHER_API_KEY="{t}"
ZENDESK_TOKEN={t}\n
const ZENDESK_TOKEN = '{t}'
PIPEDRIVE_API_TOKEN={t}\n
{\"pipedrive_api_token\":\"{t}\"}
JENKINS_TOKEN={t}\n
JENKINS_TOKEN => '{t}'
TEAMCITY_TOKEN={t}\n
os.environ["TEAMCITY_TOKEN"] = "{t}"
APPVEYOR_TOKEN={t}\n
<APPVEYOR_TOKEN>{t}</APPVEYOR_TOKEN>
COVERALLS_REPO_TOKEN={t}\n
os.environ["COVERALLS_REPO_TOKEN"] = "{t}"
NPM_AUTH_TOKEN={t}\n
NPM_AUTH_TOKEN?={t}
ARTIFACTORY_API_KEY={t}\n
{ "Name": "ARTIFACTORY_API_KEY", "Value": "{t}" }
NUGET_API_KEY={t}\n
{\"nuget_api_key\":\"{t}\"}
SPOTIFY_CLIENT_SECRET={t}\n
      SPOTIFY_CLIENT_SECRET: "{t}"\n
TWITTER_API_SECRET={t}\n
process.env.TWITTER_API_SECRET = "{t}"
TWITTER_ACCESS_TOKEN_SECRET={t}\n
+ TWITTER_ACCESS_TOKEN_SECRET={t}
FACEBOOK_APP_SECRET={t}\n
--facebook-app-secret={t}
LINKEDIN_CLIENT_SECRET={t}\n
+ LINKEDIN_CLIENT_SECRET={t}
REDDIT_SECRET={t}\n
$env:REDDIT_SECRET = '{t}'
DISCORD_CLIENT_SECRET={t}\n
discord_client_secret = '{t}'
PAYPAL_CLIENT_SECRET={t}\n
+ PAYPAL_CLIENT_SECRET={t}
BRAINTREE_PRIVATE_KEY={t}\n
<BRAINTREE_PRIVATE_KEY>{t}</BRAINTREE_PRIVATE_KEY>
PLAID_SECRET={t}\n
      PLAID_SECRET: "{t}"\n
ADYEN_API_KEY={t}\n
os.environ["ADYEN_API_KEY"] = "{t}"
HMAC_KEY={t}\n
+ HMAC_KEY={t}
SALT_KEY={t}\n
SALT_KEY?={t}
MASTER_KEY={t}\n
"MASTER_KEY": "{t}",
PRIVATE_TOKEN={t}\n
process.env.PRIVATE_TOKEN = "{t}"
DEPLOY_TOKEN={t}\n
$env:DEPLOY_TOKEN = '{t}'
X_API_KEY={t}\n
{ "Name": "X_API_KEY", "Value": "{t}" }
OPENAI_KEY={t}\n
process.env.OPENAI_KEY = "{t}"
SUPABASE_SERVICE_ROLE_KEY={t}\n
os.environ["SUPABASE_SERVICE_ROLE_KEY"] = "{t}"
MEILI_MASTER_KEY={t}\n
<MEILI_MASTER_KEY>{t}</MEILI_MASTER_KEY>
TYPESENSE_API_KEY={t}\n
typesense_api_key = '{t}'
BASIC_AUTH={t}\n
BASIC_AUTH => '{t}'
SERVICE_TOKEN={t}\n
SERVICE_TOKEN: {t}\n
<entry key="db.password">{t}</entry>
&api_key={t}
?apikey={t}&q=1
?token={t}
&auth={t}
?key={t}&cx=1
?signature={t}
#access_token={t}&token_type=bearer
refresh_token={t}
curl -H 'X-Api-Key: {t}' https://x
curl -H "X-Auth-Token: {t}" https://x
curl --header 'PRIVATE-TOKEN: {t}' https://x
kubectl config set-credentials a --token={t}
kubectl --token={t} get pods
aws configure set aws_secret_access_key {t}
vault login {t}
vault login token={t}
npm config set //r.example.com/:_authToken {t}
npm config set _auth {t}
cargo login {t}
gem push --key {t}
nuget push a.nupkg -ApiKey {t} -Source x
dotnet nuget push a.nupkg --api-key {t}
Invoke-RestMethod -Headers @{ 'X-Api-Key' = '{t}' }
oc login --token={t} --server=x
influx write --token {t}
sentry-cli --auth-token {t} releases
authorization: bearer {t}
{"headers":{"authorization":"Bearer {t}"}}
Authorization=Bearer {t}
Set-Cookie: sid={t}; Path=/
Cookie: a=1; session_id={t}; theme=dark
Cookie: PHPSESSID={t}
Cookie: JSESSIONID={t}
cookie: connect.sid=s%3A{t}.abc
x-api-key: {t}
X-Auth-Token: {t}
X-Amz-Security-Token: {t}
X-Vault-Token: {t}
X-Consul-Token: {t}
X-Shopify-Access-Token: {t}
X-GitHub-Token: {t}
PRIVATE-TOKEN: {t}
JOB-TOKEN: {t}
Ocp-Apim-Subscription-Key: {t}
X-Functions-Key: {t}
DD-API-KEY: {t}
X-Figma-Token: {t}
X-CSRF-Token: {t}
Authorization: Token token={t}
Authorization: SSWS {t}
Authorization: GenieKey {t}
Authorization: Splunk {t}
Authorization: Klaviyo-API-Key {t}
Authorization: Bot {t}
Authorization: {t}
Authorization: Digest username="Mufasa", realm="r", nonce="abc", uri="/x", response="{t}", opaque="5ccc"
Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host, Signature={t}
Authorization: AWS AKIDEXAMPLE:{t}
Authorization: SharedKey acct:{t}
Authorization: OAuth oauth_consumer_key="x", oauth_token="{t}", oauth_signature="abc"
Authorization: Hawk id="x", ts="1", nonce="n", mac="{t}"
X-Forwarded-Access-Token: {t}
Grpc-Metadata-Authorization: Bearer {t}
headers: { Authorization: `Bearer {t}` }
.header("Authorization", "Bearer {t}")
-H "Authorization:Bearer {t}"
h2: [authorization: Bearer {t}]
Authorization\":\"Bearer {t}\"
"authorization","Bearer {t}"
apikey: {t}
X-Plex-Token: {t}
X-Emby-Token: {t}
Cookie: remember_token={t}
(b'authorization', b'Bearer {t}')
'x-api-key': '{t}'
url: "https://x-access-token:{t}@github.com/a/b
dial https://oauth2:{t}@gitlab.com/a/b.git
url: "https://{t}:x-oauth-basic@github.com/a/b.git
dial AccountName=x;AccountKey={t};EndpointSuffix=core.windows.net
Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={t}
DATABASE_URL=HostName=x.azure-devices.net;DeviceId=d;SharedAccessKey={t}
DATABASE_URL=AccountEndpoint=https://x.documents.azure.com:443/;AccountKey={t};
connecting to https://{t}@sentry.io/123
dial https://{t}@o123.ingest.sentry.io/456
DATABASE_URL=cloudinary://123456789012345:{t}@mycloud
url: "https://storage.example.com/b/o?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Signature={t}
https://x.s3.amazonaws.com/k?AWSAccessKeyId=a&Expires=1&Signature={t}
dial https://storage.googleapis.com/b/o?X-Goog-Algorithm=a&X-Goog-Signature={t}
dial https://x.blob.core.windows.net/c?sv=2022-11-02&ss=b&se=2026-01-01&sp=r&sig={t}%3D
url: "https://d.cloudfront.net/x?Expires=1&Signature={t}&Key-Pair-Id=K
connecting to https://maps.googleapis.com/maps/api/js?key={t}
connecting to wss://h/ws?token={t}
dial https://example.com/reset?token={t}
connecting to https://example.com/login?ticket={t}
dial https://n8n.example.com/webhook?secret={t}
url: "https://open.feishu.cn/open-apis/bot/v2/hook/{t}
https://oapi.dingtalk.com/robot/send?access_token={t}
DATABASE_URL=https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={t}
dial https://maker.ifttt.com/trigger/x/with/key/{t}
//registry.npmjs.org/:_authToken={t}\n
_auth={t}\n
_password={t}\nusername=a
//r/:_password="{t}"
"identitytoken": "{t}"
[pypi]\nusername = __token__\npassword = {t}\n
    client-key-data: {t}\n
    token: {t}\n
users:\n- name: a\n  user:\n    token: {t}\n
apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\ndata:\n  password: {t}\n
stringData:\n  api-key: {t}\n
[default]\naws_access_key_id = x\naws_secret_access_key = {t}\n
aws_session_token={t}
"SecretAccessKey": "{t}"
"SessionToken": "{t}"
[registry]\ntoken = "{t}"\n
[registries.x]\ntoken = "Bearer {t}"
"client_secret":"{t}","redirect_uris"
"refresh_token": "{t}"
"access_token":"{t}","token_type":"Bearer","expires_in":3600
"id_token":"{t}"
secret_key_base: {t}\n
hashedPassword: {t}
tls_auth_key={t}
fernet_key = {t}
cookie_secret = '{t}'
APP_KEY=base64:{t}
SECRET_KEY = 'django-insecure-{t}'
define('AUTH_KEY', '{t}');
define('NONCE_SALT',       '{t}');
api_keys = ["{t}"]
"api_keys": ["{t}"]
[[tokens]]\nvalue="{t}"
Token: {t}\n
API key: {t}\n
api key is {t}
Your API token is {t}
Your new access token: {t}\n
secret key: {t}
using token "{t}"
invalid api key: {t}
Incorrect API key provided: {t}. You can find
Secret access key: {t}
token="{t}" level=debug
token={t} user=1
(token: "{t}")
token: Some("{t}")
Token("{t}")
os.environ.get("API_TOKEN", "{t}")
if (token === '{t}')
privateKey: '{t}'
wallet private key: {t}
accountKey={t}
primary_key = "{t}"
PrimaryKey: {t}
x-ms-primary-key: {t}
sharedKey: {t}
pre-shared key: {t}
"auth_token":"{t}"
"sessionToken":"{t}"
"csrf_token":"{t}"
"bearer":"{t}"
"credential":"{t}"
"x-api-key":"{t}"
"apiSecret":"{t}"
"consumer_secret":"{t}"
"webhookSecret":"{t}"
"encryptionKey":"{t}"
"storageKey":"{t}"
license_key = "{t}"
LICENSE_KEY={t}
"##;
