//! Formats of tokens of payment and money.
//!
//! Not taken from the rules: as they are documented.

/// Tokens, one format a line.
pub(super) const FORMATS: &str = r#"
shpat_%h{32}
shpca_%h{32}
shppa_%h{32}
shpss_%h{32}
duffel_live_%W{43}
duffel_test_%W{43}
shippo_live_%h{40}
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
sk_live_%h{40}
sk_org_%w{40}
sk_live_%w{42}
sk_test_%w{42}
sk_live_%w{60}
polar_oat_%w{43}
xprv%5{107}
live_%W{40}
sk_org_live_%w{60}
live_%h{32}
sk_live_%H{16}
sk_live_%h{64}
live_%w{32}
test_%w{32}
sup_sk_%w{32}
"#;
