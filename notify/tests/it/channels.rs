//! The webhook and ntfy: what they send, to whom, and how often.

use config::NoticeKind;
use hmac::{Hmac, KeyInit as _, Mac as _};
use notify::Outcome;
use serde_json::{Value, json};
use sha2::Sha256;

use super::support::{
    channels, notice,
    receiver::{Receiver, Told},
};

const SECRET: &str = "not-a-secret-but-long-enough";

fn webhook(receiver: &Receiver, more: &str) -> String {
    let url = receiver.url("/hook?for=me");
    format!("[notify.webhook]\nurl = \"{url}\"\nsecret_env = \"HOOK\"\n{more}")
}

/// The signature that this secret makes.
fn signature(secret: &str, told: &Told) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(told.headers["holdfast-timestamp"].as_bytes());
    mac.update(b".");
    mac.update(&told.body);
    let digits = mac.finalize().into_bytes();
    let digits: String = digits.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v1={digits}")
}

#[tokio::test]
async fn a_webhook_is_signed_and_keeps_its_name_over_another_try() {
    let (dir, mut receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let (channels, _) = channels(&webhook(&receiver, ""), &[("HOOK", SECRET)], dir.path());
    receiver.answer(&[503]);
    channels.tell(&notice(NoticeKind::NeedsYou, "Mend the login"));
    let (first, second) = (receiver.next().await, receiver.next().await);

    assert_eq!(first.path, "/hook?for=me");
    for told in [&first, &second] {
        assert_eq!(told.headers["idempotency-key"], "5f0d3c0c9a1e4b7d");
        assert_eq!(told.headers["content-type"], "application/json");
        assert_eq!(told.headers["holdfast-signature"], signature(SECRET, told));
        assert_ne!(
            told.headers["holdfast-signature"],
            signature("another secret", told)
        );
    }
    let body: Value = serde_json::from_slice(&first.body).unwrap();
    assert_eq!(
        body,
        json!({
            "version": 1,
            "id": "5f0d3c0c9a1e4b7d",
            "kind": "needs-you",
            "test": false,
            "threadId": "0190a1b2-0000-7000-8000-000000000001",
            "text": "A session needs you",
            "link": "https://dev.example.ts.net/#session=0190a1b2-0000-7000-8000-000000000001",
            "atMs": 1_795_506_940_786_u64,
        })
    );
    assert_eq!(first.body, second.body);
}

#[tokio::test]
async fn a_title_goes_out_only_where_content_is_asked_for() {
    let (dir, mut receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let section = webhook(&receiver, "content = true");
    let (channels, _) = channels(&section, &[("HOOK", SECRET)], dir.path());
    channels.tell(&notice(NoticeKind::Failed, "Mend the login"));
    let body: Value = serde_json::from_slice(&receiver.next().await.body).unwrap();
    assert_eq!(
        (&body["title"], &body["text"]),
        (&json!("Mend the login"), &json!("A session failed"))
    );
}

#[tokio::test]
async fn ntfy_gets_text_and_headers_and_the_token() {
    let (dir, mut receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let url = receiver.url("/topic");
    let section = format!("[notify.ntfy]\nurl = \"{url}\"\ntoken_env = \"NTFY\"\ncontent = true");
    let token = ["tk", "notatoken"].join("_");
    let (channels, _) = channels(&section, &[("NTFY", &token)], dir.path());
    let mut kinds = Vec::new();
    for kind in [
        NoticeKind::NeedsYou,
        NoticeKind::Finished,
        NoticeKind::Failed,
    ] {
        channels.tell(&notice(kind, "Räum den Keller auf"));
        let told = receiver.next().await;
        assert_eq!(told.path, "/topic");
        assert_eq!(told.body, "Räum den Keller auf".as_bytes());
        assert_eq!(told.headers["authorization"], format!("Bearer {token}"));
        assert_eq!(
            told.headers["click"],
            "https://dev.example.ts.net/#session=0190a1b2-0000-7000-8000-000000000001"
        );
        kinds.push(
            ["title", "priority"]
                .map(|name| told.headers[name].clone())
                .join("/"),
        );
    }
    assert_eq!(
        kinds,
        [
            "A session needs you/high",
            "A session is done/default",
            "A session failed/high"
        ]
    );
}

#[tokio::test]
async fn a_channel_tells_only_its_kinds() {
    let (dir, mut receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let section = webhook(&receiver, "events = [\"failed\"]");
    let (channels, _) = channels(&section, &[("HOOK", SECRET)], dir.path());
    for kind in [
        NoticeKind::NeedsYou,
        NoticeKind::Finished,
        NoticeKind::Failed,
    ] {
        channels.tell(&notice(kind, ""));
    }
    let body: Value = serde_json::from_slice(&receiver.next().await.body).unwrap();
    assert_eq!(body["kind"], "failed");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_a_refusal_is_not_repeated() {
    let (dir, mut receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let (channels, _) = channels(&webhook(&receiver, ""), &[("HOOK", SECRET)], dir.path());
    receiver.answer(&[307, 400]);
    let mut notice = notice(NoticeKind::NeedsYou, "");
    notice.test = true;
    for code in [307, 400] {
        let failed = Outcome {
            channel: "webhook",
            result: Err(format!("the receiver refuses it with status {code}")),
        };
        // Web Push has nobody to tell, and says so.
        let nobody = Outcome {
            channel: "web_push",
            result: Ok(0),
        };
        assert_eq!(channels.test(&notice).await, [nobody, failed]);
    }
    let paths: Vec<String> = receiver.rest().into_iter().map(|told| told.path).collect();
    assert_eq!(paths, ["/hook?for=me", "/hook?for=me"]);
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_holds_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    // Accepts connections by its backlog, and never reads.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let section = format!("[notify.webhook]\nurl = \"{url}\"\nsecret_env = \"HOOK\"");
    let (channels, _) = channels(&section, &[("HOOK", SECRET)], dir.path());
    let began = std::time::Instant::now();
    // More than the queue holds: the rest is dropped.
    for _ in 0..1000 {
        channels.tell(&notice(NoticeKind::NeedsYou, ""));
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(2));
    assert!(channels.reach_somebody());
}
