//! What the steps of a scenario make visible.

use std::time::Instant;

use expect_test::expect;
use serde_json::json;

use crate::{
    OUTPUT, TEXT, check_outline, home,
    peer::{completed_items, deltas, normalized},
    run, start,
};

#[test]
fn the_greeting_streams_text_and_runs_a_command() {
    let turn = run("hello *there*");
    let kinds: Vec<_> = completed_items(&turn)
        .iter()
        .map(|item| item["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        kinds,
        [
            "userMessage",
            "reasoning",
            "agentMessage",
            "commandExecution",
            "agentMessage"
        ]
    );
    let text = deltas(&turn, TEXT);
    assert!(
        text.starts_with("You wrote: *hello there*. There is no language model"),
        "{text}"
    );
    assert!(
        text.contains("\n- ") && text.contains("\n```text\n"),
        "{text}"
    );
}

#[test]
fn a_wrong_scenario_is_answered_with_what_is_wrong() {
    let text = deltas(&run("sim: dance"), TEXT);
    assert_eq!(
        text,
        "This scenario cannot be run: there is no step `dance`; see the list at the head of scenario.rs.\n"
    );
}

#[test]
fn output_of_the_first_moments_is_only_in_the_whole() {
    let turn = run("sim: run cmd=\"echo early; sleep 0.2; echo late; exit 3\"");
    let item = completed_items(&turn).pop().unwrap();
    assert_eq!(deltas(&turn, OUTPUT), "late\n");
    assert_eq!(
        [
            &item["aggregatedOutput"],
            &item["exitCode"],
            &item["status"]
        ],
        [&json!("early\nlate\n"), &json!(3), &json!("failed")]
    );
}

#[test]
fn an_output_sends_ten_thousand_deltas_and_keeps_both_ends_of_the_rest() {
    let turn = run("sim: output lines=20000 size=64");
    let sent = turn
        .iter()
        .filter(|message| message["method"] == OUTPUT)
        .count();
    let whole = completed_items(&turn).pop().unwrap()["aggregatedOutput"]
        .as_str()
        .unwrap()
        .to_owned();
    let omitted = 20_000 * 64 - 2 * (512 << 10);
    assert_eq!(
        (sent, whole.len()),
        (
            10_000,
            2 * (512 << 10) + format!("\n... {omitted} bytes omitted ...\n").len()
        )
    );
    assert!(
        whole.starts_with("o000000 ")
            && whole.contains(&format!("\n... {omitted} bytes omitted ...\n"))
    );
    assert!(whole.lines().next_back().unwrap().starts_with("o019999 "));
}

#[test]
fn a_failing_turn_announces_its_retries() {
    check_outline(
        "sim: fail retries=2",
        expect![[r#"
            turn/started inProgress
            item/started userMessage
            item/completed userMessage
            error Reconnecting... 1/2
            error Reconnecting... 2/2
            thread/status/changed systemError
            error stream disconnected before completion: stream closed before response.completed
            turn/completed failed
        "#]],
    );
    let errors = fail_kinds().map(|kind| {
        let turn = run(&format!("sim: fail {kind}"));
        let info = turn.last().unwrap()["params"]["turn"]["error"]["codexErrorInfo"].clone();
        info.as_str().map_or_else(
            || info.as_object().unwrap().keys().next().unwrap().clone(),
            str::to_owned,
        )
    });
    assert!(errors.eq(fail_kinds().map(str::to_owned)));
}

fn fail_kinds() -> impl Iterator<Item = &'static str> {
    codex::scenario::FailKind::ALL
        .iter()
        .map(|kind| kind.word())
}

#[test]
fn other_steps_show_what_they_should() {
    check_outline(
        "sim: reason count=2; plan; think 1ms; sleep 1ms; bigline mb=1",
        expect![[r#"
        turn/started inProgress
        item/started userMessage
        item/completed userMessage
        item/started reasoning
        item/reasoning/summaryPartAdded
        item/reasoning/summaryTextDelta
        item/reasoning/summaryTextDelta
        item/completed reasoning
        turn/plan/updated
        item/started reasoning
        item/completed reasoning
        item/started agentMessage
        item/agentMessage/delta
        item/completed agentMessage
        thread/status/changed idle
        turn/completed completed
    "#]],
    );
    assert_eq!(deltas(&run("sim: bigline mb=1"), TEXT).len(), 1 << 20);
}

#[test]
fn a_secret_comes_in_pieces_wherever_it_is_wanted() {
    let secret = codex::scenario::secret(codex::scenario::SecretKind::GithubPat, 7);
    let turn = run("sim: seed 7; secret cut=7");
    let pieces: Vec<_> = turn
        .iter()
        .filter(|message| message["method"] == TEXT)
        .map(|message| message["params"]["delta"].clone())
        .collect();
    assert_eq!(pieces[1], secret[..7]);
    assert_eq!(deltas(&turn, TEXT), format!("Found this: {secret} (end)\n"));
    let turn = run("sim: seed 7; secret cut=9 where=output");
    let item = completed_items(&turn).pop().unwrap();
    assert_eq!(item["aggregatedOutput"], format!("{secret}\n"));
    assert!(!item["command"].as_str().unwrap().contains(&secret));
    let item = completed_items(&run("sim: seed 7; secret where=command"))
        .pop()
        .unwrap();
    assert!(item["command"].as_str().unwrap().contains(&secret));
    let turn = run("sim: seed 7; secret cut=3 where=reasoning");
    assert_eq!(deltas(&turn, "item/reasoning/summaryTextDelta"), secret);
}

#[test]
fn the_environment_is_shown_by_name_only() {
    let item = completed_items(&run("sim: env")).pop().unwrap();
    let names: Vec<_> = item["aggregatedOutput"].as_str().unwrap().lines().collect();
    assert!(
        names.contains(&"CODEX_HOME") && names.iter().all(|name| !name.contains('=')),
        "{names:?}"
    );
}

#[test]
fn a_rate_is_never_exceeded() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    let began = Instant::now();
    let turn = peer.run_turn(&thread, "sim: text count=21 rate=100/s");
    assert!(began.elapsed().as_millis() >= 200);
    assert_eq!(deltas(&turn, TEXT).len(), 21 * 64);
}

#[test]
fn two_runs_are_equal_but_for_ids_and_times() {
    let prompt = "sim: seed 3; text count=40 every=15; run \"seq 1 9\"; output lines=5; approve; edit; ask W A|B; reason; plan; secret kind=jwt; fail";
    assert_eq!(normalized(&run(prompt)), normalized(&run(prompt)));
}

#[test]
fn a_hundred_thousand_deltas_arrive_whole_and_in_order() {
    let turn = run("sim: text count=100000 size=16 every=40000");
    let text = deltas(&turn, TEXT);
    let numbers: Vec<u32> = text
        .split('t')
        .filter_map(|piece| piece.get(..6)?.parse().ok())
        .collect();
    assert_eq!(numbers, (0..100_000).collect::<Vec<_>>());
    let items: String = completed_items(&turn)[1..]
        .iter()
        .map(|item| item["text"].as_str().unwrap())
        .collect();
    assert!(items == text);
}

#[test]
fn forgotten_messages_are_in_no_history() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    let turn = peer.run_turn(&thread, "sim: text count=3 forget=yes");
    assert_eq!(completed_items(&turn).len(), 2);
    let items = peer.request("thread/items/list", json!({"threadId": thread}));
    assert_eq!(items["data"].as_array().unwrap().len(), 1);
}
