//! What happens to a session when its Codex dies, idles or will not start: each turn ends once, and the state is named.

use std::{fs, os::unix::fs::PermissionsExt as _};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::feeds::indices;
use crate::support::{Client, Folded, Setup, eventually, processes};

/// The session's summary as the list has it.
pub async fn summary(tab: &mut Client, thread: &str) -> Value {
    let list = tab
        .call("host/sessions/list", json!({}))
        .await
        .expect("list");
    let sessions = list["data"].as_array().expect("a list").clone();
    sessions
        .into_iter()
        .find(|summary| summary["threadId"] == thread)
        .expect("the session is listed")
}

/// The pid of the session's Codex.
pub async fn codex_pid(tab: &mut Client, thread: &str) -> u32 {
    let pid = summary(tab, thread).await["bridge"]["pid"]
        .as_u64()
        .expect("the bridge has a pid");
    u32::try_from(pid).unwrap()
}

/// All that this tab was sent of a session, folded.
pub fn folded(tab: &Client, thread: &str) -> Folded {
    Folded::of(
        tab.events()
            .iter()
            .filter(|event| event.thread() == Some(thread)),
    )
}

#[tokio::test]
async fn a_crash_in_mid_stream_ends_the_turn_once_and_keeps_its_text() {
    let host = Setup::simulated()
        .set("codex", "backoff_min = \"20ms\"")
        .start()
        .await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: crash signal=9 after=40")
        .await;
    let end = tab.turn_end().await;
    assert_eq!(end.params()["turn"]["status"], "interrupted");
    assert!(
        end.params()["turn"]["error"].to_string().len() > 10,
        "the cause is named: {}",
        end.raw
    );
    let generation = end.value["generation"].as_u64().unwrap();

    tab.submit(&thread, "p2", "sim: text count=5").await;
    let next = tab.turn_end().await;
    assert_eq!(next.params()["turn"]["status"], "completed");
    assert_eq!(next.value["generation"], json!(generation + 1));

    let turns = folded(&tab, &thread).turns;
    let ends: Vec<(&str, usize)> = turns
        .iter()
        .map(|turn| (turn.status.as_str(), turn.ends))
        .collect();
    assert_eq!(ends, [("interrupted", 1), ("completed", 1)]);
    let partial = turns[0].agent_text();
    assert_eq!(
        indices(&partial),
        (0..indices(&partial).len() as u64).collect::<Vec<_>>()
    );
    assert!(!partial.is_empty(), "the text that had streamed stays");
    assert_eq!(indices(&turns[1].agent_text()), (0..5).collect::<Vec<_>>());

    let states = tab
        .events()
        .iter()
        .filter(|event| event.is("host/bridge/state"));
    let states: Vec<&Value> = states.map(|event| &event.params()["state"]).collect();
    let after = |state: &str| states.iter().rposition(|seen| *seen == state);
    let broken = after("backoff")
        .or(after("down"))
        .expect("the break is named");
    assert!(after("up") > Some(broken), "and its end too: {states:?}");

    // Somebody who comes later sees the same.
    let attached = host.tab().await.attach(&thread).await;
    let kept = Folded::from_snapshot(&attached);
    assert_eq!(kept.turns[0].agent_text(), partial);
    assert_eq!(
        (kept.turns[0].status.as_str(), kept.turns.len()),
        ("interrupted", 2)
    );
}

#[tokio::test]
async fn a_killed_codex_harms_its_own_session_alone() {
    let host = Setup::simulated()
        .set("codex", "backoff_min = \"20ms\"")
        .start()
        .await;
    let (mut hit, mut calm) = (host.tab().await, host.tab().await);
    let hit_thread = hit.start_session(&host.work()).await;
    let calm_thread = calm.start_session(&host.work()).await;
    calm.submit(&calm_thread, "p1", "sim: text count=120 rate=100/s")
        .await;
    hit.submit(&hit_thread, "p1", "sim: text count=2000 rate=100/s")
        .await;
    hit.deltas(20).await;
    calm.deltas(5).await;
    let status = hit.call("host/status", json!({})).await.unwrap();
    let pid = codex_pid(&mut hit, &hit_thread).await;
    let bridges = status["bridges"]
        .as_array()
        .expect("status lists the bridges");
    assert!(
        bridges.iter().any(|bridge| bridge["pid"] == json!(pid)),
        "{bridges:?}"
    );
    processes::send(pid, Signal::KILL);

    let end = hit.turn_end().await;
    assert_eq!(end.params()["turn"]["status"], "interrupted");
    hit.submit(&hit_thread, "p2", "sim: say \"Again.\"").await;
    assert_eq!(hit.turn_end().await.params()["turn"]["status"], "completed");
    assert_ne!(codex_pid(&mut hit, &hit_thread).await, pid);
    assert_eq!(
        calm.turn_end().await.params()["turn"]["status"],
        "completed"
    );
    let turn = &folded(&calm, &calm_thread).turns[0];
    assert_eq!(indices(&turn.agent_text()), (0..120).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_codex_that_keeps_dying_makes_the_session_failed_until_somebody_restarts_it() {
    let setup = Setup::simulated()
        .set("codex", "backoff_min = \"5ms\"")
        .set("codex", "backoff_max = \"20ms\"");
    let host = setup.set("codex", "restart_limit = 3").start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    for round in 0..20 {
        if summary(&mut tab, &thread).await["state"] == "failed" {
            break;
        }
        let _ = tab
            .submit_when(&thread, &format!("p{round}"), "sim: exit code=3", "now")
            .await;
        tab.next_where("an end", |event| {
            event.is("turn/completed") || event.params()["state"] == "failed"
        })
        .await;
    }
    eventually("the session to fail", async || {
        (summary(&mut tab, &thread).await["state"] == "failed").then_some(())
    })
    .await;
    let failed = summary(&mut tab, &thread).await;
    assert!(
        failed["bridge"]["reason"]
            .as_str()
            .is_some_and(|reason| !reason.is_empty()),
        "{failed}"
    );

    tab.call("host/bridge/restart", json!({"threadId": thread}))
        .await
        .expect("restart");
    tab.submit(&thread, "again", "sim: say \"Back.\"").await;
    tab.next_where("a whole turn", |event| {
        event.is("turn/completed") && event.params()["turn"]["status"] == "completed"
    })
    .await;
}

#[tokio::test]
async fn an_idle_codex_is_parked_and_woken_by_the_next_prompt() {
    let host = Setup::simulated()
        .set("codex", "idle_timeout = \"1s\"")
        .start()
        .await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: say \"One.\"").await;
    tab.turn_end().await;
    let pid = codex_pid(&mut tab, &thread).await;
    tab.bridge_state("parked").await;
    eventually("the parked Codex to be gone", async || {
        (!processes::is_alive(pid)).then_some(())
    })
    .await;
    assert_eq!(summary(&mut tab, &thread).await["state"], "parked");

    let mut reader = host.tab().await;
    let attached = reader.attach(&thread).await;
    assert_eq!(
        Folded::from_snapshot(&attached).turns[0]
            .agent_text()
            .trim(),
        "One."
    );
    assert_eq!(
        summary(&mut reader, &thread).await["state"],
        "parked",
        "reading wakes no Codex"
    );

    tab.submit(&thread, "p2", "sim: say \"Two.\"").await;
    assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
}

#[tokio::test]
async fn a_parked_session_that_nobody_looks_at_is_no_more_than_its_row_until_it_is_asked_for() {
    let host = Setup::simulated()
        .set("codex", "idle_timeout = \"1s\"")
        .start()
        .await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: text count=5").await;
    tab.turn_end().await;
    tab.bridge_state("parked").await;
    let before = tab.head(&thread);
    tab.leave().await;

    let mut tab = host.tab().await;
    eventually("the session to be let go of", async || {
        let status = tab.call("host/status", json!({})).await.unwrap();
        let actors = status["tree"]["children"][0]["children"].clone();
        let bridges = status["bridges"].as_array().unwrap().len();
        // The one bridge is the service's.
        let gone = (json!(0), Value::Null, 1);
        ((status["sessionsAwake"].clone(), actors, bridges) == gone).then_some(())
    })
    .await;
    assert_eq!(summary(&mut tab, &thread).await["state"], "parked");
    let attached = tab.attach(&thread).await;
    assert_eq!(attached["head"], json!(before));
    assert_eq!(Folded::from_snapshot(&attached).turns.len(), 1);
    let again = tab.submit(&thread, "p1", "sim: text count=5").await;
    assert_eq!(again["duplicate"], json!(true));
    tab.submit(&thread, "p2", "sim: say \"Awake.\"").await;
    let end = tab.turn_end().await;
    assert_eq!(end.params()["turn"]["status"], "completed");
    assert_eq!(end.value["generation"], json!(2));
}

#[tokio::test]
async fn a_warm_spare_becomes_the_next_sessions_codex_and_a_dead_one_harms_nobody() {
    let host = Setup::simulated()
        .set("codex", "warm_spare = true")
        .start()
        .await;
    let mut tab = host.tab().await;
    for round in ["taken", "dead"] {
        let spare = eventually("a spare to wait", async || {
            let status = tab.call("host/status", json!({})).await.unwrap();
            status["sparePid"].as_u64()
        })
        .await;
        let spare = u32::try_from(spare).unwrap();
        if round == "dead" {
            processes::send(spare, Signal::KILL);
            eventually("its end", async || {
                (!processes::is_alive(spare)).then_some(())
            })
            .await;
        }
        let thread = tab.start_session(&host.work()).await;
        let pid = codex_pid(&mut tab, &thread).await;
        assert_eq!(pid == spare, round == "taken", "{round}");
        tab.submit(&thread, "p1", "sim: say \"Warm.\"").await;
        assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
    }
}

#[tokio::test]
async fn a_session_that_kills_its_codex_at_every_resume_is_quarantined_and_stays_readable() {
    let setup = Setup::simulated()
        .set("codex", "backoff_min = \"5ms\"")
        .set("codex", "backoff_max = \"20ms\"");
    let host = setup.set("codex", "restart_limit = 20").start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: say \"Before.\"").await;
    tab.turn_end().await;
    tab.submit(&thread, "p2", "sim: trap resume times=2; crash signal=9")
        .await;
    tab.turn_end().await;
    let _ = tab
        .submit_when(&thread, "p3", "sim: say \"After.\"", "queue")
        .await;
    tab.bridge_state("quarantined").await;
    assert_eq!(summary(&mut tab, &thread).await["state"], "quarantined");
    let attached = host.tab().await.attach(&thread).await;
    assert_eq!(
        Folded::from_snapshot(&attached).turns[0]
            .agent_text()
            .trim(),
        "Before."
    );

    tab.call("host/bridge/restart", json!({"threadId": thread}))
        .await
        .expect("restart");
    tab.bridge_state("up").await;
}

#[tokio::test]
async fn a_frozen_codex_is_killed_and_its_turn_ends() {
    let setup = Setup::simulated()
        .set("codex", "stall_timeout = \"1s\"")
        .set("codex", "stop_grace = \"100ms\"");
    let host = setup.set("codex", "backoff_min = \"20ms\"").start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(
        &thread,
        "p1",
        "sim: text count=5; freeze; text count=2000 rate=20/s",
    )
    .await;
    let end = tab.turn_end().await;
    assert_eq!(end.params()["turn"]["status"], "interrupted");
    tab.submit(&thread, "p2", "sim: say \"Warm again.\"").await;
    assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
}

#[tokio::test]
async fn garbage_from_codex_does_not_reach_tabs_and_does_not_end_the_turn() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(
        &thread,
        "p1",
        "sim: text count=3; garbage count=6; text count=3",
    )
    .await;
    assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
}

#[tokio::test]
async fn what_a_command_left_running_dies_with_its_codex() {
    for setsid in ["no", "yes"] {
        let host = Setup::simulated()
            .set("codex", "backoff_min = \"20ms\"")
            .start()
            .await;
        let mut tab = host.tab().await;
        let thread = tab.start_session(&host.work()).await;
        tab.submit(
            &thread,
            "p1",
            &format!("sim: spawn sleep=600 setsid={setsid}; hang"),
        )
        .await;
        let spawned = tab.next_where("the pid of the sleeper", |event| {
            event.is("item/completed") && event.params()["item"]["type"] == "commandExecution"
        });
        let output = spawned.await.params()["item"]["aggregatedOutput"]
            .as_str()
            .unwrap()
            .to_owned();
        let digits: String = output.chars().filter(char::is_ascii_digit).collect();
        let sleeper: u32 = digits.parse().expect("the output is a pid");
        assert!(processes::is_alive(sleeper));
        processes::send(codex_pid(&mut tab, &thread).await, Signal::KILL);
        tab.turn_end().await;
        eventually("the sleeper to be gone", async || {
            (!processes::is_alive(sleeper)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_silent_turn_is_shown_with_what_it_waits_for_and_only_the_models_silence_is_interrupted()
{
    let setup = Setup::simulated().set("codex", "stall_timeout = \"1s\"");
    let host = setup
        .set("codex", "stall_policy = \"interrupt\"")
        .start()
        .await;
    let (mut tab, mut other) = (host.tab().await, host.tab().await);
    let busy = other.start_session(&host.work()).await;
    other
        .submit(&busy, "p1", "sim: run cmd=\"sleep 600\"")
        .await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: text count=5; hang").await;
    let error = tab.next("error").await;
    assert_eq!(error.params()["willRetry"], json!(false));
    assert!(error.raw.contains("codex.stall_policy"), "{}", error.raw);
    assert_eq!(
        tab.turn_end().await.params()["turn"]["status"],
        "interrupted"
    );
    tab.submit(&thread, "p2", "sim: say \"On.\"").await;
    assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");

    let waiting = eventually("the silent command to be shown", async || {
        let summary = summary(&mut tab, &busy).await;
        (summary["state"] == "stalled").then_some(summary)
    })
    .await;
    assert_eq!(waiting["turn"]["waitsFor"], "command");
}

#[tokio::test]
async fn a_turn_that_waits_for_its_model_is_only_shown_when_nothing_else_was_asked_for() {
    let host = Setup::simulated()
        .set("codex", "stall_timeout = \"1s\"")
        .start()
        .await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: text count=5; hang").await;
    let stalled = eventually("the silence to be shown", async || {
        let summary = summary(&mut tab, &thread).await;
        (summary["state"] == "stalled").then_some(summary)
    })
    .await;
    assert_eq!(stalled["turn"]["waitsFor"], "model");
}

#[tokio::test]
async fn a_program_that_is_no_codex_is_named_as_such_and_not_started_again() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("codex");
    let script = "#!/bin/sh\nwhile :; do echo nonsense; sleep 0.01; done\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let setup = Setup::simulated().set("codex", &format!("path = {program:?}"));
    let host = setup.set("codex", "start_timeout = \"1s\"").start().await;
    let mut tab = host.tab().await;
    let error = tab
        .call("thread/start", json!({"cwd": host.work()}))
        .await
        .unwrap_err();
    assert_eq!(error.code, -32006);
    assert!(
        error
            .message
            .contains("does not speak as codex app-server does"),
        "{}",
        error.message
    );
    let status = tab.call("host/status", json!({})).await.unwrap();
    let births = status["bridges"].as_array().unwrap().iter();
    let restarts: Vec<&Value> = births.map(|bridge| &bridge["restarts"]).collect();
    assert!(
        restarts.iter().all(|restarts| **restarts == json!(0)),
        "{restarts:?}"
    );
}

#[tokio::test]
async fn a_thread_whose_file_is_too_large_is_opened_only_when_a_person_says_so() {
    let setup = Setup::simulated().set("codex", "rollout_limit = \"1MiB\"");
    let host = setup.set("codex", "idle_timeout = \"1s\"").start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: bigline mb=2").await;
    tab.turn_end().await;
    tab.bridge_state("parked").await;
    let _ = tab
        .submit_when(&thread, "p2", "sim: say \"Opened.\"", "queue")
        .await;
    let held = tab.bridge_state("quarantined").await;
    assert_eq!(held.params()["reasonKind"], "rollout-too-large");
    let attached = host.tab().await.attach(&thread).await;
    assert_eq!(
        Folded::from_snapshot(&attached).turns.len(),
        1,
        "the history stays readable"
    );

    tab.call("host/bridge/restart", json!({"threadId": thread}))
        .await
        .expect("restart");
    assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
}
