//! `holdfast attach`: everything once, whatever breaks in between.

use serde_json::{Value, json};

use super::{Running, command, parsed, run};
use crate::bridges::folded;
use crate::feeds::indices;
use crate::support::Setup;

#[tokio::test]
async fn a_killed_host_costs_a_follower_nothing_and_it_says_which_link_was_broken() {
    let mut host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let mut people = Running::start(command(&host, &["attach", &thread, "--from-start"]));
    let mut program = Running::start(command(
        &host,
        &["attach", &thread, "--from-start", "--json"],
    ));
    program.until("client/attached").await;
    tab.submit(&thread, "p1", "sim: text count=5000 rate=200/s size=64")
        .await;
    program.until("t000040").await;
    host.kill9().await;
    program.until("client/link").await;
    host.restart().await;
    program.until("\"interrupted\"").await;
    let mut back = host.tab().await;
    back.attach(&thread).await;
    back.submit(&thread, "p2", "sim: say \"Over and out.\"")
        .await;
    people.until("Over and out.").await;
    program.until("Over and out.").await;
    back.turn_end().await;
    program.until("turn/completed").await;
    people.until("turn completed").await;
    let (people, program) = (people.leave().await, program.leave().await);
    assert_eq!((people.status, program.status), (Some(0), Some(0)));

    let mut whole = host.tab().await;
    let journal = crate::feeds::journal_of(&mut whole).await;
    whole.attach_after(&thread, 0, &journal).await;
    whole
        .next_where("the last end", |event| {
            event.is("turn/completed") && event.params()["turn"]["status"] == "completed"
        })
        .await;
    let said = folded(&whole, &thread).turns[0].agent_text();
    let expected = indices(&said);
    assert!(expected.len() >= 40, "{}", expected.len());
    assert_eq!(indices(&people.out), expected, "each delta once, in order");
    assert!(
        people.err.contains("the link tab-host is broken")
            && people
                .err
                .contains("the link tab-host is back: nothing was lost"),
        "{}",
        people.err
    );

    let lines: Vec<Value> = program.out.lines().map(parsed).collect();
    let seqs: Vec<u64> = lines
        .iter()
        .filter_map(|line| line["seq"].as_u64())
        .collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert!(seqs.len() > expected.len());

    // A later run goes on behind an event of an earlier one.
    let after = (seqs.len() as u64 - 1).to_string();
    let mut later = Running::start(command(
        &host,
        &[
            "attach",
            &thread,
            "--json",
            "--after",
            &after,
            "--journal",
            &journal,
        ],
    ));
    later.until("\"seq\"").await;
    let later = later.leave().await;
    let first: Vec<Value> = later.out.lines().map(parsed).collect();
    assert_eq!(
        (&first[0]["params"]["verdict"], &first[1]["seq"]),
        (&json!("resumed"), &json!(seqs.len()))
    );
}

#[tokio::test]
async fn a_codex_that_dies_is_told_from_a_host_that_is_gone() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let mut attached = Running::start(command(&host, &["attach", &thread[..13], "--tail", "0"]));
    tab.submit(&thread, "p1", "sim: say \"Hold on.\"; crash")
        .await;
    attached.until("turn interrupted").await;
    tab.submit(&thread, "p2", "sim: say \"Here again.\"").await;
    attached.until("Here again.").await;
    let said = attached.leave().await;
    assert!(
        said.err.contains("the link host-Codex is broken")
            && said.err.contains("the link host-Codex is back"),
        "{}",
        said.err
    );
    assert!(!said.err.contains("tab-host"), "{}", said.err);
}

#[tokio::test]
async fn a_question_is_shown_with_how_to_answer_it_and_output_can_not_drive_the_terminal() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let mut attached = Running::start(command(&host, &["attach", &thread]));
    tab.submit(&thread, "p1", "sim: say \"a\u{1b}]52;c;cm0=\u{7}b\u{1b}[2Jc\u{202e}d\"; approve cmd=\"echo made\"; say \"Done.\"").await;
    tab.next("item/commandExecution/requestApproval").await;
    attached.until("abc<U+202E>d").await;
    let accepted = run(&host, &["approve", &thread, "accept"]).await;
    assert_eq!(accepted.status, Some(0), "{}", accepted.err);
    attached.until("Done.").await;
    attached.until("turn completed").await;
    let said = attached.leave().await;
    assert!(
        !said.out.contains('\u{1b}') && !said.out.contains('\u{7}'),
        "{:?}",
        said.out
    );
    assert!(
        said.err.contains(&format!("holdfast approve {thread} ")) && said.err.contains("echo made"),
        "{}",
        said.err
    );
    assert!(
        said.err.contains("answered by main: accept"),
        "{}",
        said.err
    );
    assert!(said.out.contains("echo made'\n"), "{}", said.out);
}
