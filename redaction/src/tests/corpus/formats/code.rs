//! Formats of tokens of hosts of code, and of those who build and check it.
//!
//! Not taken from the rules: as they are documented.

/// Tokens, one format a line.
pub(super) const FORMATS: &str = r#"
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
AKCp%w{69}
cmVmdGtuOj%w{54}
snyk_uat.%h{8}.%W{120}.%W{43}
bkct_%w{40}
AKC%w{70}
endr+%W{16}
sktsec_%W{50}_api
chpt_%h{16}
web_%h{64}
LT_%w{50}
ATCTT3xFfGN0%W{180}=%H{8}
ATTA%h{64}
ATATT3xFfGF0%W{183}=%H{8}
"#;
