//! Text in, text out, and everything that ends a socket. Rows 11, 12, 13.

use std::time::Duration;

use actors::{
    TabRefused,
    admission::Via,
    tab::{Frame, Framing},
};
use bytes::Bytes;
use config::Role;
use serde_json::json;
use tokio::{io::AsyncReadExt as _, time::timeout};

use crate::support::{
    Setup, TestHost,
    http::{Browser, upgrade},
    soon,
    ws::{Bare, Client, frame},
};

#[tokio::test]
async fn text_passes_both_ways_in_order_and_untouched() {
    let host = TestHost::start().await;
    let mut client = Client::program(&host).await;
    let mut tab = host.tab().await;
    assert_eq!(
        (&*tab.open.principal.name, tab.open.principal.role),
        ("main", Role::Operate)
    );
    assert_eq!(
        (tab.open.principal.via, tab.open.framing),
        (Via::Bearer, Framing::Messages)
    );
    for text in ["{\"id\":1}", "not json", "ünï \u{1f980} \n", ""] {
        client.send(text).await;
        assert_eq!(tab.heard().await, text);
    }
    let batch = ["a", "b\nc", "ü"].map(|text| Frame::Text(Bytes::from_static(text.as_bytes())));
    tab.send.send(batch.to_vec()).await.unwrap();
    tab.say("d").await;
    for text in ["a", "b\nc", "ü", "d"] {
        assert_eq!(client.next().await.as_deref(), Ok(text));
    }
}

#[tokio::test]
async fn the_upgrade_works_on_both_paths_and_the_subprotocol_is_ours_or_none() {
    let host = TestHost::start().await;
    for path in ["/ws", "/"] {
        for (asked, given, framing) in [
            ("", "", Framing::Messages),
            ("holdfast.v1", "holdfast.v1", Framing::Lines),
            ("chat, holdfast.v1", "holdfast.v1", Framing::Lines),
            ("holdfast.v2, chat", "", Framing::Messages),
        ] {
            let asked = if asked.is_empty() {
                String::new()
            } else {
                format!("Sec-WebSocket-Protocol: {asked}\r\n")
            };
            let answer = upgrade(&host, path, &format!("{asked}{}", host.bearer())).await;
            assert_eq!(
                (answer.status, answer.header("sec-websocket-protocol")),
                (101, given)
            );
            assert_eq!(host.tab().await.open.framing, framing);
        }
    }
}

#[tokio::test]
async fn a_browser_may_send_its_first_messages_behind_the_proof() {
    let host = TestHost::start().await;
    let browser = Browser::sign_in(&host).await;
    let mut client = Client::connect(&host, &browser.headers(&host))
        .await
        .unwrap();
    let nonce = client.challenge().await;
    let proof = json!({ "method": "host/proof", "params": { "mac": browser.mac(&nonce) } });
    client.send(&format!("{proof}\nfirst\nsecond")).await;
    let mut tab = host.tab().await;
    assert!(matches!(tab.open.principal.via, Via::SignIn(_)));
    assert_eq!(tab.heard().await, "first\nsecond");
}

#[tokio::test]
async fn row_12_no_compression_is_agreed_to() {
    let host = TestHost::start().await;
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let answer = upgrade(&host, "/ws", &format!("{offer}{}", host.bearer())).await;
    assert_eq!(
        (answer.status, answer.all("sec-websocket-extensions").len()),
        (101, 0)
    );
}

#[tokio::test]
async fn row_11_frames_have_a_size_and_a_form() {
    let host = TestHost::start().await;
    let most = host.config.limits.frame_bytes;
    let text = |length: usize| frame(0x81, &vec![b'x'; length]);
    let mut unmasked = vec![0x81, 2];
    unmasked.extend(b"hi");
    let announced = [&[0x81, 0xff][..], &(most as u64 + 1).to_be_bytes(), &[0; 4]].concat();
    let pieces: Vec<u8> = (0..3)
        .flat_map(|piece| frame(u8::from(piece == 0), &vec![b'x'; most / 2]))
        .collect();
    for (what, bytes, code) in [
        ("too large", text(most + 1), 1009),
        ("announced too large", announced, 1009),
        ("too large in pieces", pieces, 1009),
        ("binary", frame(0x82, b"hi"), 1003),
        ("unmasked", unmasked, 1002),
        ("reserved bit", frame(0xc1, b"hi"), 1002),
        ("unknown opcode", frame(0x83, b"hi"), 1002),
        ("piece without a beginning", frame(0x80, b"hi"), 1002),
        ("ping in pieces", frame(0x09, b"hi"), 1002),
        ("ping too large", frame(0x89, &[b'x'; 126]), 1002),
        ("not UTF-8", frame(0x81, b"\xff\xfe"), 1007),
    ] {
        let mut socket = Bare::open(&host).await;
        // The host may have hung up before all is written.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut socket.stream, &bytes).await;
        assert_eq!(socket.closed().await, Some(code), "{what}");
        assert_eq!(host.tab().await.received.recv().await, None, "{what}");
    }
    let mut socket = Bare::open(&host).await;
    socket.write(&text(most)).await;
    assert_eq!(host.tab().await.heard().await.len(), most);
}

#[tokio::test]
async fn a_close_of_the_tab_comes_behind_what_it_said_before() {
    let host = TestHost::start().await;
    let mut client = Client::program(&host).await;
    let tab = host.tab().await;
    tab.send
        .send(vec![
            Frame::Text(Bytes::from_static(b"last")),
            Frame::Close(1008, "enough"),
        ])
        .await
        .unwrap();
    assert_eq!(client.next().await.as_deref(), Ok("last"));
    assert_eq!(client.next().await, Err(1008));
}

#[tokio::test]
async fn a_tab_that_is_gone_closes_its_socket() {
    let host = TestHost::start().await;
    let mut client = Client::program(&host).await;
    drop(host.tab().await);
    assert_eq!(client.closed().await, 1011);
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_tab_with_it() {
    let host = TestHost::start().await;
    let mut client = Client::program(&host).await;
    let mut tab = host.tab().await;
    client.close().await;
    assert_eq!(soon(tab.received.recv()).await, None);
    let bare = Bare::open(&host).await;
    let mut tab = host.tab().await;
    drop(bare);
    assert_eq!(soon(tab.received.recv()).await, None);
}

#[tokio::test]
async fn a_close_of_the_client_is_answered() {
    let host = TestHost::start().await;
    let mut socket = Bare::open(&host).await;
    socket.write(&frame(0x88, &1000_u16.to_be_bytes())).await;
    assert_eq!(socket.closed().await, Some(1000));
}

#[tokio::test]
async fn refused_tabs_are_told_why() {
    for (refused, code) in [(TabRefused::Full(480), 4429), (TabRefused::Draining, 1001)] {
        let host = Setup::default().refusing(refused).start().await;
        assert_eq!(Client::program(&host).await.closed().await, code);
        let ready = crate::support::http::get(&host, "/readyz", "").await;
        assert_eq!((ready.status, ready.text()), (503, "draining"));
    }
}

#[tokio::test]
async fn who_says_nothing_first_is_closed() {
    let host = Setup::default()
        .limits(|limits| limits.first_frame_timeout = Duration::from_secs(1))
        .start()
        .await;
    let mut silent = Client::program(&host).await;
    assert_eq!(silent.closed().await, 4408);
    let mut client = Client::program(&host).await;
    let _silent = host.tab().await;
    let mut tab = host.tab().await;
    client.send("here").await;
    assert_eq!(tab.heard().await, "here");
    // Longer than the limit for the first frame, which was for the first one only.
    assert!(
        timeout(Duration::from_millis(1_300), client.next())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_dead_peer_is_noticed_and_a_quiet_one_is_not_taken_for_dead() {
    let host = Setup::default()
        .limits(|limits| limits.ping_interval = Duration::from_millis(300))
        .start()
        .await;
    let mut dead = Bare::open(&host).await;
    dead.write(&frame(0x81, b"last words")).await;
    let mut tab = host.tab().await;
    assert_eq!(tab.heard().await, "last words");
    assert_eq!(soon(tab.received.recv()).await, None);

    let mut quiet = Client::program(&host).await;
    quiet.send("here").await;
    let mut tab = host.tab().await;
    assert_eq!(tab.heard().await, "here");
    // The client library answers pings while it is asked for the next message.
    assert!(
        timeout(Duration::from_millis(1_500), quiet.next())
            .await
            .is_err()
    );
    quiet.ping().await;
}

#[tokio::test]
async fn row_13_a_client_that_reads_nothing_is_closed_and_still_heard_until_then() {
    let host = Setup::default()
        .limits(|limits| limits.send_stall_timeout = Duration::from_millis(1_000))
        .start()
        .await;
    let mut stalled = Bare::open(&host).await;
    let mut tab = host.tab().await;
    tab.say(&"x".repeat(16 << 20)).await;
    stalled.write(&frame(0x81, b"still here")).await;
    assert_eq!(tab.heard().await, "still here");
    assert_eq!(soon(tab.received.recv()).await, None);
}

#[tokio::test]
async fn what_a_client_sends_after_it_was_hung_up_on_reaches_no_tab() {
    let host = Setup::default()
        .limits(|limits| limits.send_stall_timeout = Duration::from_secs(1))
        .start()
        .await;
    let mut client = Bare::open(&host).await;
    client.write(&frame(0x81, b"before")).await;
    let mut tab = host.tab().await;
    assert_eq!(tab.heard().await, "before");
    // Too much for the kernel, so that the close waits behind it while the client goes on talking.
    let farewell = vec![
        Frame::Text("x".repeat(16 << 20).into()),
        Frame::Close(1008, "enough"),
    ];
    tab.send.send(farewell).await.unwrap();
    let mut first = [0; 1024];
    soon(client.stream.read_exact(&mut first)).await.unwrap();
    client.write(&frame(0x81, b"after")).await;
    assert_eq!(soon(tab.received.recv()).await, None);
}

#[tokio::test]
async fn row_13_a_slow_client_is_not_a_stalled_one() {
    let host = Setup::default()
        .limits(|limits| limits.send_stall_timeout = Duration::from_secs(1))
        .start()
        .await;
    let mut slow = Bare::open(&host).await;
    slow.write(&frame(0x81, b"hello")).await;
    let mut tab = host.tab().await;
    assert_eq!(tab.heard().await, "hello");
    let most = 12 << 20;
    tab.say(&"x".repeat(most)).await;
    let (mut read, mut buffer) = (0, vec![0; 256 * 1024]);
    let mut pace = tokio::time::interval(Duration::from_millis(60));
    while read < most {
        pace.tick().await;
        let count = soon(slow.stream.read(&mut buffer)).await.unwrap();
        assert_ne!(count, 0, "closed after {read} bytes");
        read += count;
    }
    tab.say("end").await;
}

#[tokio::test]
async fn a_busy_tab_slows_its_client_and_loses_nothing() {
    let host = Setup::default()
        .limits(|limits| limits.ping_interval = Duration::from_millis(50))
        .start()
        .await;
    let mut client = Client::program(&host).await;
    let mut tab = host.tab().await;
    let text = "x".repeat(64 * 1024);
    // Nobody takes them: one is with the tab, one with the socket, the others stay in the kernel and with the client.
    let mut sent = 0;
    while timeout(
        Duration::from_millis(300),
        client.send(&format!("{sent} {text}")),
    )
    .await
    .is_ok()
    {
        sent += 1;
    }
    assert!((2..2000).contains(&sent), "{sent}");
    for number in 0..sent {
        assert!(tab.heard().await.starts_with(&format!("{number} ")));
    }
}
