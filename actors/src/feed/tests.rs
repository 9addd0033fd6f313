//! How the tabs of a feed are told, and when its bridge waits for them.
//!
//! What its parts do is tested beside them.

use std::sync::atomic::Ordering;

use tempfile::TempDir;

use super::*;

const RING: usize = 10_000;
/// So long that a test that needs it fails.
const LONG: Duration = Duration::from_secs(3600);

fn feed() -> (Arc<Feed>, TempDir) {
    let folder = TempDir::new().unwrap();
    let options = journal::Options::new(folder.path().join("journal"));
    let (journal, _) = Journal::open(options).unwrap();
    let row = Session {
        thread: "t".to_owned(),
        ..Session::default()
    };
    let limits = FeedLimits {
        ring: RING,
        staged: 1 << 20,
        stall: LONG,
    };
    (
        Feed::new(row, journal, Arc::new(Metrics::new()), limits),
        folder,
    )
}

async fn say(feed: &Arc<Feed>, events: u64) -> u64 {
    for _ in 0..events {
        feed.append(r#"{"method":"m","params":{}}"#, Change::Nothing);
        feed.flush();
        feed.published(feed.view().staged_head).await;
    }
    feed.head()
}

/// Reads as a tab does that has written everything up to `after`.
fn read(feed: &Feed, place: &Place, after: u64) -> Option<u64> {
    let wanted = Wanted {
        after,
        until: u64::MAX,
        budget: 1 << 20,
    };
    feed.read(place, wanted, &mut Vec::new())
        .map(|given| given.cursor)
}

#[tokio::test]
async fn a_feed_is_followed_when_each_tab_is_near_or_slow_by_itself() {
    let (feed, _folder) = feed();
    let places = [(); 2].map(|()| Arc::new(Place::new(0)));
    let [_one, other] = places
        .each_ref()
        .map(|place| feed.subscribe(Arc::default(), Arc::clone(place), false));
    assert_eq!(feed.outruns(), None);
    let head = say(&feed, 120).await;
    let near = feed.outruns().expect("it is far ahead");
    assert!(near < head, "{near} of {head}");

    read(&feed, &places[0], head);
    assert_eq!(feed.outruns(), Some(near), "the other is not there");
    let waits = {
        let feed = Arc::clone(&feed);
        tokio::spawn(async move { feed.followed(LONG).await })
    };
    while feed.awaited.load(Ordering::Acquire) != near {
        tokio::task::yield_now().await;
    }
    read(&feed, &places[1], near);
    waits.await.unwrap();
    assert_eq!(
        (feed.outruns(), feed.awaited.load(Ordering::Acquire)),
        (None, 0)
    );

    say(&feed, 120).await;
    read(&feed, &places[0], feed.head());
    assert!(feed.outruns().is_some());
    drop(other);
    assert_eq!(feed.outruns(), None, "who is gone is not waited for");
}

#[tokio::test]
async fn nobody_waits_for_tabs_longer_than_the_patience() {
    let (feed, _folder) = feed();
    let _tab = feed.subscribe(Arc::default(), Arc::new(Place::new(0)), false);
    say(&feed, 120).await;
    feed.followed(Duration::from_millis(1)).await;
    assert!(feed.outruns().is_some());
}

#[tokio::test]
async fn many_tabs_are_told_in_step_and_of_everything() {
    let (feed, _folder) = feed();
    let place = Arc::new(Place::new(0));
    let wakes = [(); 100].map(|()| Arc::new(Notify::new()));
    let _tabs = wakes
        .each_ref()
        .map(|wake| feed.subscribe(Arc::clone(wake), Arc::clone(&place), false));
    let head = say(&feed, 20).await;
    let mut seen = 0;
    while seen < head {
        wakes[0].notified().await;
        seen = read(&feed, &place, seen).expect("the ring has it");
    }
    for wake in &wakes[1..] {
        wake.notified().await;
    }
}
