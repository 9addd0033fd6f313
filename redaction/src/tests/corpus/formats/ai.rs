//! Formats of tokens of providers of models and of what is built on them.
//!
//! Not taken from the rules: as they are documented.

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
rpa_%U{34}%L{8}
key_%h{64}
crsr_%h{64}
wandb_v1_%w{40}
hf_%w{34}
ls__%h{32}
sk-svcacct-%W{120}
sk-ant-api03-%W{95}
AQ.Ab8RN6%W{44}
"#;
