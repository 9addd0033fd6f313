//! Formats of tokens as their providers document them, text that surrounds them, and formats that are harmless.
//!
//! Not taken from the rules. `%w{20}` stands for twenty characters of a class, see `fill_format`; `%g` for a UUID.

/// Tokens, one format a line.
pub(super) const FORMATS: &str = r#"
sk-%w{20}T3BlbkFJ%w{20}
sk-proj-%W{74}T3BlbkFJ%W{74}
sk-proj-%w{20}T3BlbkFJ%w{20}
sk-svcacct-%W{58}T3BlbkFJ%W{58}
sk-admin-%W{58}T3BlbkFJ%W{58}
sess-%w{40}
sk-ant-api03-%W{93}AA
sk-ant-admin01-%W{93}AA
sk-ant-oat01-%W{86}
sk-ant-ort01-%W{86}
sk-ant-sid01-%W{86}
hf_%a{34}
api_org_%a{34}
r8_%w{37}
gsk_%w{52}
pplx-%w{48}
xai-%w{80}
sk-or-v1-%h{64}
sk-%h{32}
tgp_v1_%W{43}
fw_%w{24}
AIza%W{35}
sk_%h{48}
pcsk_%w{6}_%w{62}
lsv2_pt_%h{32}_%h{10}
lsv2_sk_%h{32}_%h{10}
sk-lf-%g
nvapi-%W{64}
csk-%L{48}
pa-%W{43}
jina_%h{32}%W{28}
tvly-%w{32}
tvly-dev-%w{32}
fc-%h{32}
e2b_%h{40}
esecret_%w{26}
sk-helicone-%L{7}-%L{7}-%L{7}-%L{7}
dapi%h{32}
dapi%h{32}-2
dp.pt.%w{43}
dp.st.dev.%w{43}
dp.ct.%w{43}
dp.sa.%w{43}
dp.scim.%w{43}
dp.audit.%w{43}
ghp_%w{36}
gho_%w{36}
ghu_%w{36}
ghs_%w{36}
ghr_%w{76}
github_pat_%w{22}_%w{59}
glpat-%W{20}
glpat-%W{27}.01.%L{9}
gldt-%W{20}
glrt-%W{20}
glrt-t1_%W{20}
glcbt-%h{2}_%W{20}
glptt-%h{40}
glft-%W{20}
glimt-%W{25}
glagent-%W{50}
gloas-%h{64}
glsoat-%W{20}
glffct-%W{20}
GR1348941%W{20}
ATBB%w{32}
ATCTT3xFfGN0%W{160}=%H{8}
ATATT3xFfGF0%W{170}=%H{8}
ATSTT3xFfGN0%W{80}=%H{8}
CCIPAT_%w{22}_%h{40}
CCIPRJ_%w{22}_%h{40}
bkua_%h{40}
squ_%h{40}
sqp_%h{40}
sqa_%h{40}
sgp_%h{16}_%h{40}
sgp_local_%h{40}
sgp_%h{40}
slk_%h{64}
pat.%W{22}.%h{24}.%w{20}
sat.%W{22}.%h{24}.%w{20}
API-%U{26}
pul-%h{40}
%w{14}.atlasv1.%W{67}
hvs.%W{95}
hvb.%W{140}
hvr.%W{95}
npm_%w{36}
pypi-AgEIcHlwaS5vcmc%W{140}
pypi-AgENdGVzdC5weXBpLm9yZw%W{140}
rubygems_%h{48}
cio%w{32}
oy2%L{43}
dckr_pat_%W{27}
dckr_oat_%W{32}
AKCp%w{69}
cmVmdGtuOj%w{54}
CLOJARS_%h{60}
packagist_ork_%h{52}
ddp_%w{36}
AKIA%b{16}
ASIA%b{16}
ABSK%w{109}=
amzn.mws.%g
amzn1.oa2-cs.v1.%h{64}
%w{3}8Q~%W{34}
%w{3}7Q~%W{31}
ya29.%W{150}
1//0%w{1}%W{80}
GOCSPX-%W{28}
dop_v1_%h{64}
doo_v1_%h{64}
dor_v1_%h{64}
LTAI%w{20}
AKID%w{32}
AQVN%W{36}
t1.9euelZ%W{80}.%W{86}
y0_AgAA%W{55}
YCAJ%W{20}
HRKU-AA%W{58}
HRKU-%g
FlyV1 fm2_%B{180}
fo1_%W{43}
rnd_%w{32}
vercel_blob_rw_%w{16}_%w{30}
nfp_%w{36}
v1.0-%h{24}-%h{146}
sbp_%h{40}
sb_secret_%W{31}
pscale_tkn_%W{43}
pscale_pw_%W{43}
pscale_oauth_%W{43}
napi_%L{64}
mdb_sa_sk_%W{40}
AVNS_%W{19}
ccdb1_%w{22}_%w{40}
xau_%w{40}
fnAE%W{36}
CFPAT-%W{43}
shpat_%h{32}
shpca_%h{32}
shppa_%h{32}
shpss_%h{32}
pat%w{14}.%h{64}
secret_%w{43}
ntn_%d{11}%w{35}
lin_api_%w{40}
lin_oauth_%h{64}
figd_%W{40}
figo_%W{40}
sl.%W{140}
sl.u.%W{200}
pat-na1-%g
pat-eu1-%g
00D%w{12}!%x{96}
pk_%d{8}_%U{32}
tfp_%W{44}_%w{14}
PMAK-%h{24}-%h{34}
rdme_%L{70}
tk-us-%W{48}
fio-u-%W{64}
duffel_live_%W{43}
duffel_test_%W{43}
EZAK%w{54}
EZTK%w{54}
shippo_live_%h{40}
live_%h{35}
aio_%w{28}
glsa_%w{32}_%h{8}
glc_%B{80}=
eyJrIjoi%w{72}
NRAK-%U{27}
NRJS-%h{19}
NRII-%W{32}
sntrys_eyJpYXQiO%w{60}LCJyZWdpb25fdXJsIjoi%w{40}_%B{43}
sntryu_%h{64}
hcaik_%L{58}
dt0c01.%U{24}.%U{64}
dt0s01.%U{8}.%U{64}
api-%g
sdk-%g
secret-%w{43}
phx_%w{43}
xaat-%g
xapt-%g
pnu_%w{36}
pnb_%w{36}
dbtc_%W{40}
dbtu_%W{40}
cu_%h{32}
xoxb-%d{12}-%d{13}-%w{24}
xoxp-%d{12}-%d{12}-%d{13}-%h{32}
xoxs-%d{12}-%d{12}-%d{13}-%h{32}
xoxa-2-%d{12}-%d{12}-%d{13}-%h{32}
xoxe.xoxp-1-%w{163}
xoxe-1-%w{147}
xapp-1-A%U{10}-%d{13}-%h{64}
xoxc-%d{12}-%d{12}-%d{13}-%h{64}
xoxd-%w{60}%2B%w{40}%3D
https://hooks.slack.com/workflows/T%U{8}/A%U{10}/%d{18}/%w{24}
https://hooks.slack.com/triggers/T%U{8}/%d{13}/%h{32}
MTk4NjIy%w{18}.%W{6}.%W{27}
MTA4NzYx%w{18}.G%W{5}.%W{38}
https://discord.com/api/webhooks/%d{18}/%W{68}
https://discordapp.com/api/webhooks/%d{18}/%W{68}
https://ptb.discord.com/api/webhooks/%d{19}/%W{68}
%d{10}:AA%W{33}
SK%h{32}
SG.%W{22}.%W{43}
key-%h{32}
md-%W{22}
re_%w{8}_%w{24}
xkeysib-%h{64}-%w{16}
xsmtpsib-%h{64}-%w{16}
https://contoso.webhook.office.com/webhookb2/%g@%g/IncomingWebhook/%h{32}/%g
https://hooks.zapier.com/hooks/catch/%d{7}/%L{7}/
EAA%w{180}
IGQV%w{150}
AAAAAAAAAAAAAAAAAAAAA%w{20}%2B%w{20}%3D%w{30}
WPL_AP1.%w{16}.%w{6}==
oauth:%L{30}
pina_%U{60}
syt_%w{20}_%w{20}_%w{6}
tk_%L{29}
tskey-auth-k%w{10}CNTRL-%w{32}
tskey-api-k%w{10}CNTRL-%w{32}
tskey-client-k%w{10}CNTRL-%w{32}
ops_eyJ%w{260}
A3-%U{6}-%U{6}-%U{5}-%U{5}-%U{5}-%U{5}
AGE-SECRET-KEY-1%Z{58}
AGE-SECRET-KEY-PQ-1%Z{58}
sk_live_%w{24}
sk_live_51%w{97}
sk_test_51%w{97}
rk_live_%w{99}
whsec_%w{32}
sq0atp-%W{22}
sq0csp-%W{43}
EAAA%W{60}
access_token$production$%L{16}$%h{32}
access-sandbox-%g
access-production-%g
rzp_live_%w{14}
FLWSECK_TEST-%h{32}-X
FLWSECK-%h{32}-X
live_%w{30}
pdl_live_apikey_01%L{24}_%w{22}_%w{3}
APP_USR-%d{16}-%d{6}-%h{32}-%d{9}
xnd_production_%w{60}
sk_live_%h{40}
ico-%w{32}
lin_wh_%w{40}
sk.eyJ1Ijoi%w{60}.%W{22}
p8e-%L{32}
dp.st.prd_eu.%w{43}
snyk_uat.%h{8}.%W{120}.%W{43}
sk_org_%w{40}
sk_live_%w{42}
sk_test_%w{42}
sk_live_%w{60}
tr_dev_%w{20}
signkey-prod-%h{64}
prod:happy-otter-123|%B{64}
bkct_%w{40}
depot_org_%h{64}
polar_oat_%w{43}
unkey_3%w{22}
mlsn.%h{64}
lsk_%h{48}
api_live.%w{11}.%W{32}
eyJ2ZXIiOiIyIiwidHlwIjoiSldUIiwiYWxnIjoiUlMyNTYi%w{30}.eyJ%w{80}.%W{86}
v2.local.%W{120}
v4.local.%W{140}
NF-%w{32}
persona_production_%g
ion_%w{42}
samsara_api_%w{30}
rpa_%U{34}%L{8}
key_%h{64}
crsr_%h{64}
EXO%h{24}
waka_%g
AKLT%w{43}
tss_%w{30}
rootly_%h{64}
inc_%h{40}
wandb_v1_%w{40}
xprv%5{107}
SUA%b{55}
dp.ct.%w{40}
sc_%w{6}.%L{5}.acc_%w{20}.%W{40}
s-s4t2ud-%h{64}
AKC%w{70}
live_%W{40}
BUNDLE_ENTERPRISE__CONTRIBSYS__COM=%h{8}:%h{8}
sha256~%W{43}
4b1d%w{38}
endr+%W{16}
vcp_%w{56}
cfut_%w{40}
cfat_%w{40}
hf_%w{34}
sk_org_live_%w{60}
ls__%h{32}
live_%h{32}
sec-c-%w{48}
hvb.AAAAAQ%W{130}
eyJ0eXAiOiAiVENWMiJ9.%W{40}.%W{60}
jsrp_%w{40}
sk-ak-%w{30}
https://hook.eu1.make.com/%L{32}
secret-live-%W{36}=
sk_live_%H{16}
sktsec_%W{50}_api
chpt_%h{16}
web_%h{64}
LT_%w{50}
os_v2_app_%L{100}
cloudinary://%d{15}:%W{27}@mycloud
sk_live_%h{64}
npg_%w{12}
tsec_%W{60}
qov_%w{40}
live_%w{32}
test_%w{32}
sup_sk_%w{32}
sk-svcacct-%W{120}
sk-ant-api03-%W{95}
AQ.Ab8RN6%W{44}
ATCTT3xFfGN0%W{180}=%H{8}
ATTA%h{64}
ATATT3xFfGF0%W{183}=%H{8}
pdus+_%W{30}
ddapp_%w{40}
ddpat_%w{40}
hbp_%w{36}
u%d{7}-%h{24}
m%d{9}-%h{24}
essu_%w{60}==
retool_01%w{40}
pk_%d{7}_%U{32}
plane_api_%h{32}
RGAPI-%g
_|WARNING:-DO-NOT-SHARE-THIS.--Sharing-this-will-allow-someone-to-log-in-as-you-and-to-steal-your-ROBUX-and-items.|_%H{300}
"#;

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

/// Hashes, ids, checksums and data, one format a line.
pub(super) const HARMLESS_FORMATS: &str = r##"
commit %h{40}\nAuthor: A <a@b.c>\n
%h{7} fix: the token parser
index %h{7}..%h{7} 100644
%h{40} refs/heads/main
diff --git a/token.rs b/token.rs\nindex %h{10}..%h{10}
From %h{40} Mon Sep 17 00:00:00 2001
Merge: %h{9} %h{9}
tree %h{40}\nparent %h{40}\n
HEAD is now at %h{8} wip: password reset
[main %h{7}] add key handling
%h{40}    refs/pull/12/head
   %h{7}..%h{7}  main -> main
Subproject commit %h{40}
^%h{8} (Jane 2024-01-01 10:00:00 +0000 1) let token = next();
actions/checkout@%h{40}
rev = "%h{40}"
resolved sha: %h{40}
gitHead: '%h{40}'
GIT_COMMIT=%h{40}
commit_sha: %h{40}
"sha": "%h{40}"
"node_id": "MDQ6VXNlcjE%d{6}"
id: %g
"requestId":"%g"
request_id=%g
trace_id=%h{32} span_id=%h{16}
traceparent: 00-%h{32}-%h{16}-01
x-request-id: %g
session_id: %g
container %h{64}
sha256:%h{64}
Digest: sha256:%h{64}
Deleted: sha256:%h{64}
%h{12}   nginx:latest   "/docker-entrypoint…"   2 hours ago
{00000000-%H{4}-%H{4}-%H{4}-%H{12}}
urn:uuid:%g
CF-RAY: %h{16}-FRA
ETag: "%h{32}"
etag: W/"%h{8}-%w{27}"
threadId=%g
0x%h{40}
0x%h{64}
tx 0x%h{64} mined
arn:aws:iam::%d{12}:role/x
projects/p/secrets/s/versions/3
vpc-%h{17}
i-%h{17}
subnet-%h{8}
ami-%h{17}
msg_%w{24}
req_%w{24}
call_%w{24}
chatcmpl-%w{29}
thread_%w{24}
run_%w{24}
cus_%w{14}
price_1%w{23}
pi_3%w{23}
evt_1%w{23}
acct_1%w{15}
rs_%h{48}
resp_%h{48}
toolu_01%w{22}
item_%d{3}
AC%h{32}
pk_live_%w{24}
pk_test_51%w{60}
phc_%w{43}
G-%U{10}
UA-%d{8}-1
%d{12}-%L{32}.apps.googleusercontent.com
tenant: %g
client_id: %g
clientId="%w{20}"
AWS account %d{12}
user_%w{27}
01%U{24}
V1StGXR8_%W{12}
%h{64}  file.tar.gz
%h{32}  a.bin
%h{128} *big.iso
MD5 (a) = %h{32}
SHA256 (a.txt) = %h{64}
integrity sha512-%B{86}==
"integrity": "sha512-%B{86}=="
checksum = "%h{64}"
h1:%B{43}=
github.com/a/b v1.2.3 h1:%B{43}=
github.com/a/b v1.2.3/go.mod h1:%B{43}=
integrity="sha384-%B{64}"
sha1-%B{27}=
resolution: {integrity: sha512-%B{86}==}
version "1.0.0"\nresolved "https://registry.yarnpkg.com/a/-/a-1.0.0.tgz#%h{40}"
fingerprint: SHA256:%B{43}
SHA1: %H{2}:%H{2}:%H{2}:%H{2}:%H{2}:%H{2}:%H{2}:%H{2}
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA%B{44} me@host
ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB%B{340}== me@host
|1|%B{27}=|%B{27}= ssh-rsa AAAAB3%B{360}
gpg: key %H{16}: public key imported
      %H{40}
narHash = "sha256-%B{43}=";
sha256 = "0%L{51}";
/nix/store/%L{32}-hello-2.12
Qm%5{44}
bafybei%L{52}
etag: %h{32}-%d{2}
content-md5: %B{22}==
x-amz-id-2: %B{76}=
X-Amz-Cf-Id: %W{55}=
version-id %W{32}
crc32c=%B{6}==
%h{16}:%h{16}
CRC %H{8}
public key: age1%z{58}
PublicKey = %B{43}=
recipient: age1%z{58}
minisign public key %w{56}
_csrf
keyid: %h{20}
authority key identifier: keyid:%H{2}:%H{2}:%H{2}
serialNumber: %h{32}
thumbprint: %h{40}
pin-sha256="%B{43}="
"kid":"%W{27}"
data:image/png;base64,iVBORw0KGgo%B{300}
src="data:image/svg+xml;base64,PHN2Zy%B{200}"
//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjoz%B{200}
"mappings":"AAAA;AACA,%w{20},%w{8};AAC%w{40}"
url(data:font/woff2;base64,d09GMgAB%B{200})
%B{76}\n%B{76}\n%B{76}\n
00000000  %h{2} %h{2} %h{2} %h{2} %h{2} %h{2} %h{2} %h{2}  |........|
%h{8}: %h{4} %h{4} %h{4} %h{4} %h{4} %h{4} %h{4} %h{4}  ................
const DATA: [u8; 4] = [0x%h{2}, 0x%h{2}, 0x%h{2}, 0x%h{2}];
#%h{6}
rgba(%d{2},%d{2},%d{2},.5)
style.%h{8}.css
chunk-%U{8}.js
main.%h{20}.js
/static/js/2.%h{8}.chunk.js:1:%d{5}
at Object.<anonymous> (/app/%w{6}.js:%d{2}:%d{2})
-----BEGIN CERTIFICATE-----\n%B{64}\n%B{64}\n%B{20}==\n-----END CERTIFICATE-----
-----BEGIN PUBLIC KEY-----\n%B{64}\n%B{64}\n-----END PUBLIC KEY-----
-----BEGIN PGP SIGNATURE-----\n\n%B{64}\n=%B{4}\n-----END PGP SIGNATURE-----
-----BEGIN PGP MESSAGE-----\n\n%B{64}\n=%B{4}\n-----END PGP MESSAGE-----
-----BEGIN CERTIFICATE REQUEST-----\n%B{64}\n-----END CERTIFICATE REQUEST-----
-----BEGIN SSH SIGNATURE-----\n%B{64}\n-----END SSH SIGNATURE-----
-----BEGIN AGE ENCRYPTED FILE-----\n%B{64}\n-----END AGE ENCRYPTED FILE-----
-----BEGIN DH PARAMETERS-----\n%B{64}\n-----END DH PARAMETERS-----
-rw-r--r-- 1 root root %d{5} Jan  1 10:00 %h{32}.key.pub
drwx------ 2 me me 4096 Jan  1 10:00 .ssh
%d{8}  secret.txt
v1.%d{2}.%d{2}
2026-01-%d{2}T10:00:00.%d{9}Z
%d{10}.%d{6}
Bearer realm="x",service="registry"
0000000000000000000000000000000000000000
%L{3}.%L{10}.%L{4}
"##;

/// More places where a person's password stands for `{p}`.
pub(super) const MORE_PASSWORDS: &str = r##"
DB_PASSWORD={p}\nNEXT=1\n
DB_PASSWORD="{p}"\n
POSTGRES_PASSWORD={p}\nNEXT=1\n
POSTGRES_PASSWORD="{p}"\n
MYSQL_ROOT_PASSWORD={p}\nNEXT=1\n
MYSQL_ROOT_PASSWORD="{p}"\n
MONGO_INITDB_ROOT_PASSWORD={p}\nNEXT=1\n
MONGO_INITDB_ROOT_PASSWORD="{p}"\n
REDIS_PASSWORD={p}\nNEXT=1\n
REDIS_PASSWORD="{p}"\n
SMTP_PASS={p}\nNEXT=1\n
SMTP_PASS="{p}"\n
ADMIN_PASSWORD={p}\nNEXT=1\n
ADMIN_PASSWORD="{p}"\n
PGPASSWORD={p}\nNEXT=1\n
PGPASSWORD="{p}"\n
MYSQL_PWD={p}\nNEXT=1\n
MYSQL_PWD="{p}"\n
RABBITMQ_DEFAULT_PASS={p}\nNEXT=1\n
RABBITMQ_DEFAULT_PASS="{p}"\n
KEYSTORE_PASSWORD={p}\nNEXT=1\n
KEYSTORE_PASSWORD="{p}"\n
LDAP_BIND_PASSWORD={p}\nNEXT=1\n
LDAP_BIND_PASSWORD="{p}"\n
SSHPASS={p}\nNEXT=1\n
SSHPASS="{p}"\n
ANSIBLE_VAULT_PASSWORD={p}\nNEXT=1\n
ANSIBLE_VAULT_PASSWORD="{p}"\n
GRAFANA_ADMIN_PASSWORD={p}\nNEXT=1\n
GRAFANA_ADMIN_PASSWORD="{p}"\n
KEYCLOAK_ADMIN_PASSWORD={p}\nNEXT=1\n
KEYCLOAK_ADMIN_PASSWORD="{p}"\n
passwd={p}\nNEXT=1\n
passwd="{p}"\n
userPassword={p}\nNEXT=1\n
userPassword="{p}"\n
dbPass={p}\nNEXT=1\n
dbPass="{p}"\n
DB_PASS={p}\nNEXT=1\n
DB_PASS="{p}"\n
db_pwd={p}\nNEXT=1\n
db_pwd="{p}"\n
SA_PASSWORD={p}\nNEXT=1\n
SA_PASSWORD="{p}"\n
MSSQL_SA_PASSWORD={p}\nNEXT=1\n
MSSQL_SA_PASSWORD="{p}"\n
RESTIC_PASSWORD={p}\nNEXT=1\n
RESTIC_PASSWORD="{p}"\n
BORG_PASSPHRASE={p}\nNEXT=1\n
BORG_PASSPHRASE="{p}"\n
GPG_PASSPHRASE={p}\nNEXT=1\n
GPG_PASSPHRASE="{p}"\n
KEY_PASSPHRASE={p}\nNEXT=1\n
KEY_PASSPHRASE="{p}"\n
SUDO_PASS={p}\nNEXT=1\n
SUDO_PASS="{p}"\n
FTP_PASSWORD={p}\nNEXT=1\n
FTP_PASSWORD="{p}"\n
WIFI_PSK={p}\nNEXT=1\n
WIFI_PSK="{p}"\n
{"password":"{p}"}
{"user":"a","passwd": "{p}","x":1}
{\"password\":\"{p}\"}
password: "{p}"\n
password: {p}\nuser: bob\n
db:\n  user: app\n  password: '{p}'\n
password = "{p}"\n
[client]\nuser=root\npassword={p}\n
"secret": "{p}"
client_secret: "{p}"
"password" => "{p}"
:password => "{p}"
$password = '{p}';
$cfg['password'] = '{p}';
define('DB_PASSWORD', '{p}');
String password = "{p}";
var pwd = "{p}"
let pass = '{p}'
password := "{p}"
static final String PASSWORD = "{p}";
private const string Password = "{p}";
connect(user='bob', password='{p}')
login("bob", password="{p}")
mysql.connect(host="x", user="y", passwd="{p}")
<Password>{p}</Password>
<add name="x" password="{p}" />
<user username="tomcat" password="{p}" roles="manager"/>
spring.datasource.password: {p}
hibernate.connection.password={p}
jdbc.password={p}
--password={p}
--password {p}
--pass {p}
--passwd='{p}'
The password is: {p}\n
your password: {p}
Password: {p}\n
pwd: {p}
initial admin password: {p}
Generated password: {p}
PASSWORD={p};
password%3D{p}&x
user=bob&password={p}&go=1
username=bob&pass={p}
j_password={p}&j_username=a
grant_type=password&username=a&password={p}
mysql -u root -p{p} -e 'select 1'
mysqldump -uroot -p'{p}' db
mysql --user=root --password={p} db
PGPASSWORD='{p}' pg_dump x
redis-cli -a {p} ping
redis-cli -h x -a '{p}'
mongosh -u admin -p {p} --authenticationDatabase admin
mongo --username a --password {p}
sqlcmd -S db -U sa -P '{p}'
sqlcmd -S db -U sa -P {p} -Q x
curl -u admin:{p} https://x.example.com
curl --user 'admin:{p}' https://x.example.com
curl -uadmin:{p} https://x
curl -s -u "admin:{p}" https://x
curl --proxy-user a:{p} https://x
curl -x http://a:{p}@proxy:3128 https://x
curl -d 'password={p}' https://x
curl -d '{"password":"{p}"}' https://x
curl -F password={p} https://x
curl --data-urlencode 'password={p}'
wget --user=a --password={p} https://x
wget --http-password={p} https://x
http -a admin:{p} GET x.example.com
http POST x password={p}
sshpass -p {p} ssh root@x
sshpass -p '{p}' scp a b
docker login -u bob -p {p} reg.example.com
docker login --username bob --password {p}
podman login -u a -p '{p}' quay.io
helm registry login -u a -p {p} r
helm install x --set auth.password={p}
helm upgrade x . --set postgresql.postgresqlPassword={p},replicas=2
kubectl create secret generic x --from-literal=password={p}
kubectl create secret docker-registry r --docker-password={p} --docker-username=a
az login --service-principal -u a -p {p} --tenant b
az login -u bob@x.com -p '{p}'
vault write auth/userpass/login/bob password={p}
openssl enc -aes-256-cbc -k {p} -in a
openssl rsa -passin pass:{p} -in k.pem
openssl pkcs12 -export -passout pass:{p}
keytool -genkey -storepass {p} -keypass {p}
keytool -importkeystore -srcstorepass '{p}'
jarsigner -storepass {p} a.jar x
gpg --batch --passphrase {p} -d f
gpg --passphrase '{p}' -c f
7z x -p{p} a.7z
unzip -P {p} a.zip
zip -P {p} a.zip f
ansible-playbook -e ansible_password={p} x.yml
ansible all -e 'ansible_become_pass={p}'
net use \\srv\share /user:bob {p}
cmdkey /add:x /user:y /pass:{p}
schtasks /create /ru bob /rp {p} /tn x
smbclient //srv/x -U 'bob%{p}'
mount -t cifs -o username=bob,password={p} //s/x /m
mount.cifs //s/x /m -o user=a,pass={p}
ldapsearch -x -D cn=admin -w {p} -b dc=x
ldapsearch -x -D 'cn=a' -w '{p}'
ftp ftp://bob:{p}@ftp.example.com/
lftp -u bob,{p} ftp.x
ncftp -u bob -p {p} ftp.x
svn co --username a --password {p} https://x
twine upload -u __token__ -p {p} dist/*
dotnet user-secrets set Db:Password {p}
heroku config:set DB_PASS={p}
fly secrets set DB_PASSWORD={p}
gh secret set X --body {p}
echo {p} | docker login -u a --password-stdin
echo '{p}' | sudo -S apt update
echo "root:{p}" | chpasswd
usermod -p '{p}' bob
htpasswd -b f bob {p}
htpasswd -bc f bob {p}
psql "host=x user=y password={p} dbname=z"
psql postgresql://a:{p}@h/db
pg_restore -d 'postgres://a:{p}@h:5432/db'
CREATE USER bob WITH PASSWORD '{p}';
ALTER USER bob WITH ENCRYPTED PASSWORD '{p}';
CREATE USER 'a'@'%' IDENTIFIED BY '{p}';
GRANT ALL ON x.* TO 'a'@'h' IDENTIFIED BY '{p}'
SET PASSWORD FOR 'a'@'h' = PASSWORD('{p}');
CREATE LOGIN a WITH PASSWORD = N'{p}';
CONFIG SET requirepass {p}
requirepass {p}\n
masterauth {p}\n
snmpwalk -v2c -c {p} 10.0.0.1
ipmitool -H x -U a -P {p} power
xfreerdp /u:bob /p:{p} /v:h
rdesktop -u bob -p {p} h
net user bob {p} /add
dsconfigad -password {p}
security add-generic-password -a a -s b -w {p}
security unlock-keychain -p {p} login.keychain
export SSHPASS={p}
ssh-keygen -t rsa -N '{p}' -f k
ssh-keygen -p -P {p} -f k
mosquitto_pub -u a -P {p} -t x
mqtt pub -u a -pw {p}
plink -pw {p} a@b
putty.exe -ssh a@b -pw {p}
pscp -pw {p} a b:
winscp /command "open sftp://a:{p}@b/"
New-Object PSCredential('bob', (ConvertTo-SecureString '{p}' -AsPlainText -Force))
ConvertTo-SecureString -String "{p}" -AsPlainText
$password = "{p}"
argocd login x --username admin --password {p}
oc login -u a -p {p} https://x
influx -username a -password {p}
cqlsh -u a -p {p} h
SNOWSQL_PWD={p} snowsql
terraform apply -var 'db_password={p}'
terraform apply -var="db_password={p}"
TF_VAR_db_password={p} terraform plan
pulumi config set --secret dbPassword {p}
mvn deploy -Dpassword={p}
gradle publish -PnexusPassword={p}
java -Djavax.net.ssl.keyStorePassword={p} -jar a.jar
java -Ddb.password={p} -jar a.jar
dial postgres://app:{p}@db.example.com:5432/prod
dial postgresql://app:{p}@/db?host=/tmp
connecting to postgresql+asyncpg://u:{p}@h/d
mysql://root:{p}@127.0.0.1:3306/x
mysql2://root:{p}@h/x
dial mysql+pymysql://root:{p}@h/x
DATABASE_URL=mariadb://a:{p}@h/x
connecting to mongodb://a:{p}@h1:27017,h2:27017/db?replicaSet=r
url: "mongodb+srv://a:{p}@cluster0.ab1cd.mongodb.net/x
dial redis://:{p}@h:6379/0
DATABASE_URL=rediss://default:{p}@h:6380
DATABASE_URL=amqp://guest1:{p}@h:5672/v
dial amqps://a:{p}@h/v
url: "kafka://a:{p}@h:9092
nats://a:{p}@h:4222
url: "clickhouse://a:{p}@h:9000/d
dial cassandra://a:{p}@h
dial couchbase://a:{p}@h
url: "couchdb://a:{p}@h:5984
connecting to http://elastic:{p}@es:9200
url: "neo4j://neo4j:{p}@h
connecting to bolt://neo4j:{p}@h:7687
oracle://a:{p}@h:1521/x
oracle+cx_oracle://a:{p}@h
mssql://sa:{p}@h/x
DATABASE_URL=mssql+pyodbc://sa:{p}@h/x?driver=ODBC+Driver+17
connecting to sqlserver://sa:{p}@h:1433?database=x
url: "snowflake://u:{p}@acct/db
DATABASE_URL=cockroachdb://u:{p}@h:26257/d
dial ldap://cn=admin:{p}@h
connecting to ldaps://admin:{p}@h:636
connecting to smtp://a:{p}@mail:587
smtps://a%40b.com:{p}@mail:465
DATABASE_URL=imap://a:{p}@mail
ftp://bob:{p}@ftp.x/
dial sftp://bob:{p}@x/
ssh://bob:{p}@x
https://bob:{p}@github.com/a/b.git
dial socks5://u:{p}@p:1080
dial http://u:{p}@proxy:8080
DATABASE_URL=influxdb://u:{p}@h:8086/d
dial rtsp://admin:{p}@10.0.0.5/stream
DATABASE_URL=mqtt://u:{p}@h:1883
DATABASE_URL=mqtts://u:{p}@h
dial vnc://:{p}@h
url: "s3://AKIAX:{p}@bucket
DATABASE_URL=docker://u:{p}@r
url: "jdbc:postgresql://h/d?user=u&password={p}
url: "jdbc:mysql://h/d?user=u&password={p}&ssl=true
url: "jdbc:sqlserver://h:1433;user=sa;password={p};
jdbc:oracle:thin:scott/{p}@//h:1521/x
url: "jdbc:oracle:thin:system/{p}@h:1521:xe
Server=h;Database=d;User Id=sa;Password={p};
dial Data Source=h;Initial Catalog=d;User ID=u;Pwd={p};
url: "Driver={ODBC};Server=h;UID=u;PWD={p};
connecting to Host=h;Username=u;Password={p};Database=d
DATABASE_URL=redis.example.com:6380,password={p},ssl=True
DATABASE_URL=sqlplus system/{p}@orcl
git+https://u:{p}@h/x.git
connecting to pip install --index-url https://u:{p}@pypi.example.com/simple
DATABASE_URL=deb https://u:{p}@apt.example.com/ x main
https://u:{p}@nexus.example.com/repository/npm/
machine github.com login bob password {p}\n
machine x\n  login bob\n  password {p}\n
default login a password {p}
host:5432:db:user:{p}\n
https://bob:{p}@github.com\n
<server><id>x</id><username>a</username><password>{p}</password></server>
rootpw {p}\n
"values":{"password":"{p}","port":5432}
"db_password": {\n  "value": "{p}",\n  "type": "string"\n}
  "attributes": {\n "master_password": "{p}",
resource "x" "y" {\n  password = "{p}"\n}
variable "db_password" {\n  default = "{p}"\n}
db_password = "{p}"
wpa_passphrase={p}\n
auth_pass {p}\n
bind_password: {p}
bindpw {p}\n
olcRootPW: {p}
snmp-server community {p} RO
enable secret 5 {p}
tacacs-server key {p}
sql_alchemy_conn = postgresql+psycopg2://airflow:{p}@postgres/airflow
http_proxy=http://u:{p}@proxy:3128
  registry-password: {p}
password=Some("{p}")
Config { user: "a", password: "{p}" }
Config(user='a', password='{p}', port=1)
map[password:{p} user:a]
{user=a, password={p}, port=1}
&{User:a Password:{p} Port:1}
{:user "a" :password "{p}"}
password=>{p}, user=>a
[password] => {p}\n
array('password' => '{p}')
'password': u'{p}'
b'password': b'{p}'
@"password" : @"{p}"
| password | {p} |
| DB_PASSWORD | `{p}` |
- **Password:** `{p}`
**Password**: {p}
Username: bob\nPassword: {p}\n
user: bob / pass: {p}
auth: { username: 'a', password: '{p}' }
auth=('a', '{p}')
requests.get(u, auth=("bob", "{p}"))
HTTPBasicAuth('bob', '{p}')
.basic_auth("bob", Some("{p}"))
setPassword("{p}")
.password("{p}")
withPassword('{p}')
SetBasicAuth("bob", "{p}")
new NetworkCredential("bob", "{p}")
DriverManager.getConnection(url, "bob", "{p}")
PASSWORD:-{p}}
${DB_PASSWORD:-{p}}
os.getenv('DB_PASSWORD', '{p}')
process.env.DB_PASSWORD || '{p}'
ENV['DB_PASSWORD'] || '{p}'
env('DB_PASSWORD', '{p}')
if password == "{p}":
password != '{p}'
x509_key_password='{p}'
"pass": "{p}"
"pwd":"{p}"
"_password":"{p}"
"connectionString":"Server=x;Password={p};"
"##;

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
