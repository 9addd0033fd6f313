//! What guesses at credentials hear, and that the owner is not locked out by them. Row 8.

use std::time::Duration;

use config::Token;
use serde_json::json;

use crate::support::{
    Setup, TestHost,
    http::{exchange, login, login_request, page_headers, upgrade},
};

#[tokio::test]
async fn row_8_guessing_is_slowed_for_everybody_and_locks_nobody_out() {
    let host = TestHost::start().await;
    let mut statuses = Vec::new();
    for guess in 0..200 {
        // Further fields switch nothing off.
        let body =
            json!({ "token": format!("guess-{guess}"), "deviceToken": "x", "role": "operate" })
                .to_string();
        let answer = exchange(&host, &login_request(&host, &page_headers(&host), &body)).await;
        if answer.status == 429 {
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=30).contains(&wait), "{wait}");
        }
        statuses.push(answer.status);
    }
    let looked_at = statuses.iter().filter(|status| **status == 401).count();
    assert!((1..=15).contains(&looked_at), "{looked_at}");
    assert_eq!(
        statuses.iter().filter(|status| **status == 429).count(),
        200 - looked_at
    );
    assert_eq!(
        upgrade(&host, "/ws", "Authorization: Bearer wrong\r\n")
            .await
            .status,
        429
    );
    assert_eq!(login(&host, host.token.reveal()).await.status, 200);
    assert_eq!(upgrade(&host, "/ws", &host.bearer()).await.status, 101);
    // No credential at all is no guess.
    assert_eq!(upgrade(&host, "/ws", "").await.status, 401);
}

#[tokio::test]
async fn row_8_a_token_of_another_shape_gets_in_through_the_reserve() {
    // No `hft_` token, so it takes the way that guesses take.
    let own = Token::parse("k3J9xQzW2pL8vN4mR7tY1bH6dF5sG0aC").unwrap();
    let extra = format!(
        "[[tokens]]\nname = \"own\"\nrole = \"view\"\ntoken_sha256 = \"{}\"",
        own.digest().to_hex()
    );
    let host = Setup::default().config(&extra).start().await;
    for guess in 0..50 {
        login(&host, &format!("guess-{guess}")).await;
    }
    let get_in = async {
        while login(&host, own.reveal()).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(2), get_in)
        .await
        .expect("within two seconds");
}

#[tokio::test]
async fn absent_short_and_wrong_credentials_are_told_the_same() {
    let host = TestHost::start().await;
    let right = host.token.reveal();
    let wrong = Token::generate().unwrap();
    let mut seen = Vec::new();
    for headers in [
        String::new(),
        "Authorization: Bearer \r\n".to_owned(),
        format!("Authorization: Bearer {}\r\n", &right[..20]),
        format!("Authorization: Bearer {}\r\n", wrong.reveal()),
        format!("Authorization: Basic {right}\r\n"),
        format!(
            "Cookie: holdfast-{}=x\r\nOrigin: {}\r\n",
            host.addr.port(),
            host.origin()
        ),
    ] {
        let mut answer = upgrade(&host, "/ws", &headers).await;
        answer.headers.retain(|(name, _)| name != "date");
        seen.push(format!("{answer:?}"));
    }
    assert!(seen[0].contains("status: 401"), "{}", seen[0]);
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:#?}");
}
