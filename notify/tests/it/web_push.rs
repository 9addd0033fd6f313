//! Web Push against a push service on loopback: what a browser reads, who signed it, and when a browser is forgotten.

use std::os::unix::fs::PermissionsExt as _;

use config::NoticeKind;
use notify::{Invalid, Key, KeyError, Outcome};
use serde_json::json;

use super::support::{
    browser::{Browser, decode, verify},
    channels, notice,
    receiver::Receiver,
};

fn section(receiver: &Receiver, more: &str) -> String {
    format!(
        "[notify.web_push]\nhosts = [\"{}\"]\n{more}",
        receiver.url("")
    )
}

#[test]
fn the_browser_of_these_tests_reads_the_example_of_the_standard() {
    // RFC 8291, section 5.
    let browser = Browser::of(
        "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
        "BTBZMqHH6r4Tts7J_aSIgg",
    );
    let body = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
    assert_eq!(
        browser.read(&decode(body)),
        b"When I grow up, I want to be a watermelon"
    );
}

#[tokio::test]
async fn a_browser_reads_what_it_is_pushed_and_the_host_has_signed_it() {
    let (dir, mut receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let (channels, _) = channels(&section(&receiver, ""), &[], dir.path());
    let subscriptions = channels.subscriptions().unwrap();
    assert!(!channels.reach_somebody());
    let browser = Browser::new();
    let endpoint = receiver.url("/push/one");
    subscriptions
        .add("a", &endpoint, &browser.p256dh(), &browser.auth())
        .unwrap();
    assert!(channels.reach_somebody());

    channels.tell(&notice(NoticeKind::NeedsYou, "Mend the login"));
    let told = receiver.next().await;
    assert_eq!(told.path, "/push/one");
    assert_eq!(
        browser.read_json(&told.body),
        json!({
            "kind": "needs-you",
            "text": "A session needs you",
            "title": null,
            "path": "/#session=0190a1b2-0000-7000-8000-000000000001",
            "tag": "0190a1b2-0000-7000-8000-000000000001",
        })
    );
    let named = ["content-encoding", "ttl", "urgency"].map(|name| told.headers[name].as_str());
    assert_eq!(named, ["aes128gcm", "43200", "high"]);
    // The topic does not tell which session it is.
    let topic = &told.headers["topic"];
    assert!(topic.len() <= 32 && !topic.contains("0190a1b2"), "{topic}");
    let (claims, key) = verify(&told.headers);
    assert_eq!(key, subscriptions.key().public());
    assert_eq!(
        (&claims["aud"], &claims["sub"]),
        (
            &json!(receiver.url("")),
            &json!("https://dev.example.ts.net")
        )
    );
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let left = claims["exp"].as_u64().unwrap() - now;
    assert!((11 * 3600..=12 * 3600).contains(&left), "{left}");

    channels.tell(&notice(
        NoticeKind::Finished,
        "A much longer title than before",
    ));
    let second = receiver.next().await;
    assert_eq!(
        (
            second.headers["urgency"].as_str(),
            second.headers["ttl"].as_str()
        ),
        ("normal", "14400")
    );
    assert_eq!(
        second.body.len(),
        told.body.len(),
        "the length tells nothing"
    );
}

#[tokio::test]
async fn a_browser_that_its_service_does_not_know_any_more_is_forgotten() {
    let (dir, mut receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let (channels, _) = channels(&section(&receiver, ""), &[], dir.path());
    let subscriptions = channels.subscriptions().unwrap();
    for code in [404, 410] {
        let browser = Browser::new();
        subscriptions
            .add(
                "a",
                &receiver.url("/gone"),
                &browser.p256dh(),
                &browser.auth(),
            )
            .unwrap();
        receiver.answer(&[code]);
        assert_eq!(
            channels.test(&notice(NoticeKind::NeedsYou, "")).await,
            [Outcome {
                channel: "web_push",
                result: Ok(0)
            }]
        );
        assert!(subscriptions.is_empty(), "{code}");
    }
    assert_eq!(receiver.rest().len(), 2);
}

#[tokio::test]
async fn subscriptions_and_the_key_outlive_the_host_and_are_the_owners_alone() {
    let (dir, receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let (first, _) = channels(&section(&receiver, ""), &[], dir.path());
    let (browser, endpoint) = (Browser::new(), receiver.url("/push/one"));
    let subscriptions = first.subscriptions().unwrap();
    for owner in ["a", "b"] {
        let endpoint = receiver.url(&format!("/push/{owner}"));
        subscriptions
            .add(owner, &endpoint, &browser.p256dh(), &browser.auth())
            .unwrap();
    }
    // One a sign-in, and one a browser: a newer one takes the place.
    subscriptions
        .add("b", &endpoint, &browser.p256dh(), &browser.auth())
        .unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }
    let (second, _) = channels(&section(&receiver, ""), &[], dir.path());
    let kept = second.subscriptions().unwrap();
    assert_eq!(kept.key().public(), subscriptions.key().public());
    let found = |owner: &str, path: &str| kept.find(owner, &receiver.url(path)).is_some();
    assert!(found("a", "/push/a") && found("b", "/push/one") && !found("b", "/push/b"));
    kept.retain(|owner| owner == "b");
    assert!(!found("a", "/push/a") && found("b", "/push/one"));
    // What is not allowed any more is not taken up.
    let (third, _) = channels("", &[], dir.path());
    assert!(third.subscriptions().unwrap().is_empty());
}

#[test]
fn a_key_that_others_could_read_or_that_is_none_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let made = Key::read_or_make(&path).unwrap();
    assert_eq!(Key::read_or_make(&path).unwrap().public(), made.public());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(Key::read_or_make(&path), Err(KeyError::Exposed)));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, b"something else").unwrap();
    assert!(matches!(Key::read_or_make(&path), Err(KeyError::Damaged)));
}

#[tokio::test]
async fn addresses_of_others_and_odd_keys_are_refused() {
    let (dir, receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let (channels, _) = channels(&section(&receiver, ""), &[], dir.path());
    let subscriptions = channels.subscriptions().unwrap();
    let browser = Browser::new();
    let add = |endpoint: &str, key: &str, auth: &str| subscriptions.add("a", endpoint, key, auth);
    let (key, auth, good) = (browser.p256dh(), browser.auth(), receiver.url("/x"));
    assert_eq!(
        add("https://169.254.169.254/", &key, &auth),
        Err(Invalid::Host)
    );
    assert_eq!(add("http://127.0.0.1:1/", &key, &auth), Err(Invalid::Host));
    let off_the_curve = format!("BA{}", "A".repeat(85));
    for (key, auth) in [
        ("", auth.as_str()),
        (&key, ""),
        (&key[1..], &auth),
        (&off_the_curve, &auth),
    ] {
        assert_eq!(add(&good, key, auth), Err(Invalid::Keys));
    }
    assert!(subscriptions.is_empty());
    assert_eq!(add(&good, &key, &auth), Ok(()));
}
