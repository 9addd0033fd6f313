//! Places where a person's password stands: variables, code, options of commands, addresses, files.
//!
//! Not the examples of the rules: these are held out.

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
