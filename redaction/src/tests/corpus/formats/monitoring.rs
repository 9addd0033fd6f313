//! Formats of tokens of monitoring, logs and feature flags.
//!
//! Not taken from the rules: as they are documented.

/// Tokens, one format a line.
pub(super) const FORMATS: &str = r#"
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
cu_%h{32}
rootly_%h{64}
inc_%h{40}
pdus+_%W{30}
ddapp_%w{40}
ddpat_%w{40}
u%d{7}-%h{24}
m%d{9}-%h{24}
essu_%w{60}==
"#;
