//! Many real Codex processes at once, and one of them that dies again and again: what the others notice of it.
//!
//! How late an event comes decides nothing here, since machines that test are busy; both figures are of one run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::figures::Figures;
use super::plan::Plan;
use super::support::{Client, Event, Setup, processes};

/// Deltas a second of each session: what a model gives.
const RATE: u64 = 20;

/// A session and its tab.
struct Place {
    tab: Client,
    thread: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_codex_that_dies_again_and_again_is_not_noticed_beside_it() {
    let (sessions, seconds) = if Plan::read().long { (30, 20) } else { (4, 2) };
    let host = Setup::real()
        .set("limits", "bridges = 40")
        .set("codex", "restart_limit = 1000")
        .set("codex", "backoff_min = \"20ms\"")
        .set("codex", "backoff_max = \"100ms\"")
        .start()
        .await;
    let mut others = Vec::new();
    for _ in 0..sessions {
        let mut tab = host.tab().await;
        let thread = tab.start_session(&host.work()).await;
        // Codex keeps only a thread that has had a turn.
        tab.submit(&thread, "first", "sim: say \"Here.\"").await;
        tab.turn_end().await;
        others.push(Place { tab, thread });
    }
    let unlucky = others.pop().expect("there are sessions");

    let (others, calm) = stream(others, "calm", RATE * seconds).await;
    let over = Arc::new(AtomicBool::new(false));
    let killing = tokio::spawn(kill_again_and_again(unlucky, Arc::clone(&over)));
    let (_others, beside) = stream(others, "beside", RATE * seconds).await;
    over.store(true, Ordering::Relaxed);
    let (mut unlucky, deaths) = killing.await.unwrap();
    assert!(deaths > 1, "only {deaths} deaths");

    let mut figures = Figures::default();
    figures.count("sessions, each with a Codex", sessions);
    figures.count("deltas a second of each", RATE);
    figures.count("deaths of one", deaths);
    print_delays(&mut figures, "calm", calm);
    print_delays(&mut figures, "beside a crash loop", beside);
    figures.print("a crash loop among real Codexes");

    // Nothing about it is lost: it works again once it is left alone.
    let thread = unlucky.thread.clone();
    unlucky
        .tab
        .submit(&thread, "last", "sim: say \"Back.\"")
        .await;
    let ends_well = |event: &Event| {
        event.is("turn/completed") && event.params()["turn"]["status"] == "completed"
    };
    unlucky
        .tab
        .next_where("a turn that ends well", ends_well)
        .await;
}

/// All sessions stream at once; gives how long each delta was on its way from the model to its tab.
async fn stream(places: Vec<Place>, name: &str, deltas: u64) -> (Vec<Place>, Vec<Duration>) {
    let mut reading = JoinSet::new();
    for place in places {
        // Each reads for itself, or a delta would wait for the tabs before it.
        reading.spawn(read(place, name.to_owned(), deltas));
    }
    let (mut places, mut delays) = (Vec::new(), Vec::new());
    for (place, own) in reading.join_all().await {
        places.push(place);
        delays.extend(own);
    }
    (places, delays)
}

async fn read(mut place: Place, name: String, deltas: u64) -> (Place, Vec<Duration>) {
    let prompt = format!("sim: text count={deltas} rate={RATE}/s stamp=yes");
    place.tab.submit(&place.thread, &name, &prompt).await;
    let mut delays = Vec::new();
    for _ in 0..deltas {
        let delta = place.tab.next("item/agentMessage/delta").await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let emitted = Duration::from_micros(stamp(delta.params()));
        delays.push(now.saturating_sub(emitted));
    }
    let end = place.tab.turn_end().await;
    assert_eq!(end.params()["turn"]["status"], "completed", "{}", end.raw);
    (place, delays)
}

/// When the model gave this delta, in microseconds since 1970.
fn stamp(params: &Value) -> u64 {
    let text = params["delta"].as_str().unwrap();
    let (_, rest) = text.split_once('@').expect("a stamped delta");
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap();
    digits.parse().unwrap()
}

/// Kills the Codex of a session whenever it is up, until it is over; gives how often.
async fn kill_again_and_again(mut unlucky: Place, over: Arc<AtomicBool>) -> (Place, u64) {
    let mut deaths = 0;
    while !over.load(Ordering::Relaxed) {
        let list = unlucky.tab.call("host/sessions/list", json!({})).await;
        let list = list.expect("list");
        let sessions = list["data"].as_array().expect("a list");
        let own = sessions
            .iter()
            .find(|one| one["threadId"] == unlucky.thread.as_str());
        let pid = own.expect("it is listed")["bridge"]["pid"].as_u64();
        let pid = pid.expect("a bridge that is up has a pid");
        processes::send(u32::try_from(pid).unwrap(), Signal::KILL);
        deaths += 1;
        unlucky.tab.bridge_state("up").await;
    }
    (unlucky, deaths)
}

fn print_delays(figures: &mut Figures, name: &str, mut delays: Vec<Duration>) {
    delays.sort_unstable();
    for (what, thousandths) in [("p50", 500), ("p99", 990), ("p99.9", 999)] {
        let delay = delays[delays.len() * thousandths / 1000];
        figures.number(
            &format!("{name}: delay of a delta, {what} ms"),
            delay.as_secs_f64() * 1e3,
        );
    }
}
