//! What Codex asks a person: every tab is asked, the first answer counts, and a question outlives the tabs.

use serde_json::json;

use crate::support::{Client, Event, Setup, processes};
use rustix::process::Signal;

const ASK: &str = "item/commandExecution/requestApproval";

/// The next question of the host, and that it carries an id and no seq.
async fn question(tab: &mut Client) -> Event {
    let asked = tab.next(ASK).await;
    assert!(
        asked.id().is_some_and(|id| id.is_string()),
        "a host-unique string id: {}",
        asked.raw
    );
    assert_eq!(asked.seq, None);
    asked
}

#[tokio::test]
async fn an_approval_given_in_one_tab_is_resolved_in_the_other_and_a_late_answer_is_an_error() {
    let host = Setup::simulated().start().await;
    let (mut one, mut other) = (host.tab().await, host.tab().await);
    let thread = one.start_session(&host.work()).await;
    other.attach(&thread).await;
    one.submit(
        &thread,
        "p1",
        "sim: approve cmd=\"echo made\" reason=\"May I?\"; say \"Done.\"",
    )
    .await;
    let (in_one, in_other) = (question(&mut one).await, question(&mut other).await);
    assert_eq!(in_one.value, in_other.value);
    assert_eq!(in_one.params()["reason"], "May I?");

    one.respond(&in_one, json!({"decision": "accept"})).await;
    let resolved = other.next("serverRequest/resolved").await;
    assert_eq!(Some(&resolved.params()["requestId"]), in_other.id());
    assert_eq!(resolved.params()["decision"], "accept");
    let by = resolved.params()["by"].as_str().unwrap().to_owned();
    other
        .respond(&in_other, json!({"decision": "decline"}))
        .await;
    let late = other.answer_to(in_other.id().unwrap()).await.unwrap_err();
    assert_eq!(late.code, -32004);

    let end = one.turn_end().await;
    assert_eq!(end.params()["turn"]["status"], "completed");
    let done = |event: &&Event| {
        event.is("item/completed") && event.params()["item"]["type"] == "commandExecution"
    };
    let command = other.events().iter().find(done);
    if let Some(command) = command {
        assert_eq!(command.params()["item"]["status"], "completed");
    }

    let all = one.call("host/decisions/list", json!({})).await.unwrap();
    let of_it = json!({"threadId": thread});
    assert_eq!(
        all,
        one.call("host/decisions/list", of_it).await.unwrap(),
        "there is one session"
    );
    let [decision] = all["data"].as_array().unwrap().as_slice() else {
        panic!("the late answer is no decision: {all}")
    };
    assert_eq!(decision["threadId"], thread.as_str());
    assert_eq!(decision["method"], ASK);
    assert_eq!(
        (&decision["decision"], &decision["by"]),
        (&json!("accept"), &json!(by))
    );
    assert!(decision["atMs"].is_u64());
}

#[tokio::test]
async fn an_answer_belongs_to_one_question_of_one_session() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let mut asked = Vec::new();
    for number in 0..2 {
        let thread = tab.start_session(&host.work()).await;
        let prompt = format!("sim: approve cmd=\"echo {number}\"; say \"Done.\"");
        tab.submit(&thread, "p", &prompt).await;
        asked.push(question(&mut tab).await);
    }
    assert_ne!(
        asked[0].id(),
        asked[1].id(),
        "unique over all sessions of the host"
    );
    // Ids that were never given: Codex's own numbers, the next one, and one with the other's session in it.
    for forged in [json!(0), json!("0"), json!("1"), json!(null), json!(["a"])] {
        let answer = json!({"id": forged, "result": {"decision": "accept"}});
        tab.send_raw(&answer.to_string()).await;
    }
    tab.respond(&asked[1], json!({"decision": "decline"})).await;
    assert_eq!(tab.turn_end().await.thread(), asked[1].thread());
    // The same answer once more, now that it is over: the first one stays open and is answered for itself.
    tab.respond(&asked[1], json!({"decision": "accept"})).await;
    let again = tab.answer_to(asked[1].id().unwrap()).await.unwrap_err();
    assert_eq!(again.code, -32004);
    tab.respond(&asked[0], json!({"decision": "accept"})).await;
    assert_eq!(tab.turn_end().await.thread(), asked[0].thread());
    let statuses: Vec<_> = tab
        .events()
        .iter()
        .filter(|event| {
            event.is("item/completed") && event.params()["item"]["type"] == "commandExecution"
        })
        .map(|event| event.params()["item"]["status"].clone())
        .collect();
    assert_eq!(statuses, ["declined", "completed"]);
}

#[tokio::test]
async fn a_declined_command_does_not_run_and_the_turn_goes_on() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(
        &thread,
        "p1",
        "sim: approve cmd=\"echo made\"; say \"Went on.\"",
    )
    .await;
    let asked = question(&mut tab).await;
    tab.respond(&asked, json!({"decision": "decline"})).await;
    let command = tab.next_where("the declined command", |event| {
        event.is("item/completed") && event.params()["item"]["type"] == "commandExecution"
    });
    assert_eq!(command.await.params()["item"]["status"], "declined");
    assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
}

#[tokio::test]
async fn an_approval_waits_while_nobody_is_there_and_is_asked_again() {
    let host = Setup::simulated().start().await;
    let mut first = host.tab().await;
    let thread = first.start_session(&host.work()).await;
    first
        .submit(&thread, "p1", "sim: approve cmd=\"echo made\"")
        .await;
    let asked = question(&mut first).await;
    first.leave().await;

    let mut later = host.tab().await;
    let list = later.call("host/sessions/list", json!({})).await.unwrap();
    assert_eq!(list["data"][0]["state"], "needsYou");
    assert_eq!(list["data"][0]["pending"], 1);
    let attached = later.attach(&thread).await;
    assert_eq!(Some(&attached["pending"][0]["id"]), asked.id());
    assert_eq!(attached["pending"][0]["params"], asked.value["params"]);
    let again = question(&mut later).await;
    assert_eq!(again.id(), asked.id());
    later.respond(&again, json!({"decision": "accept"})).await;
    assert_eq!(
        later.turn_end().await.params()["turn"]["status"],
        "completed"
    );
}

#[tokio::test]
async fn an_invalid_answer_is_an_error_and_the_question_stays_open() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: approve cmd=\"echo made\"")
        .await;
    let asked = question(&mut tab).await;
    tab.respond(&asked, json!({"decision": "bogus"})).await;
    tab.answer_to(asked.id().unwrap())
        .await
        .expect_err("`bogus` is no decision");
    tab.respond(&asked, json!({"decision": "accept"})).await;
    assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
}

#[tokio::test]
async fn an_answer_to_a_question_that_was_never_asked_is_an_error() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    tab.send_raw("{\"id\":\"r-999\",\"result\":{\"decision\":\"accept\"}}")
        .await;
    tab.answer_to(&json!("r-999"))
        .await
        .expect_err("nobody asked");
    tab.call("host/status", json!({}))
        .await
        .expect("the socket lives on");
}

#[tokio::test]
async fn a_question_is_withdrawn_when_its_codex_dies() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: approve cmd=\"echo made\"")
        .await;
    let asked = question(&mut tab).await;
    processes::send(
        crate::bridges::codex_pid(&mut tab, &thread).await,
        Signal::KILL,
    );
    let resolved = tab.next("serverRequest/resolved").await;
    assert_eq!(Some(&resolved.params()["requestId"]), asked.id());
    assert_eq!(
        tab.turn_end().await.params()["turn"]["status"],
        "interrupted"
    );
    tab.respond(&asked, json!({"decision": "accept"})).await;
    let late = tab.answer_to(asked.id().unwrap()).await.unwrap_err();
    assert_eq!(late.code, -32004);
    let attached = host.tab().await.attach(&thread).await;
    assert_eq!(attached["pending"], json!([]));
}

#[tokio::test]
async fn a_question_to_the_person_is_answered_once() {
    let host = Setup::simulated().start().await;
    let (mut one, mut other) = (host.tab().await, host.tab().await);
    let thread = one.start_session(&host.work()).await;
    other.attach(&thread).await;
    one.submit(&thread, "p1", "sim: ask \"Which?\" A|B; say \"Thanks.\"")
        .await;
    let method = "item/tool/requestUserInput";
    let (in_one, in_other) = (one.next(method).await, other.next(method).await);
    assert_eq!(in_one.value, in_other.value);
    let question = in_one.params()["questions"][0]["id"]
        .as_str()
        .expect("a question has an id")
        .to_owned();
    other
        .respond(
            &in_other,
            json!({"answers": {question: {"answers": ["A"]}}}),
        )
        .await;
    let resolved = one.next("serverRequest/resolved").await;
    assert_eq!(Some(&resolved.params()["requestId"]), in_one.id());
    assert_eq!(one.turn_end().await.params()["turn"]["status"], "completed");
}
