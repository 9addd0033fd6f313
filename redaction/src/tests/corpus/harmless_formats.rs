//! Formats of what only looks like a token: hashes, ids, checksums and data.
//!
//! Written as those of `formats`, and as true to what tools print.

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
