//! Formats of tokens of chat, mail and messaging.
//!
//! Not taken from the rules: as they are documented.

/// Tokens, one format a line.
pub(super) const FORMATS: &str = r#"
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
WPL_AP1.%w{16}.%w{6}==
oauth:%L{30}
pina_%U{60}
syt_%w{20}_%w{20}_%w{6}
tk_%L{29}
"#;
