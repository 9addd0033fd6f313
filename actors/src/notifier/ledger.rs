//! What is known of each session and who waits to be told of it: a value without a clock, whose callers bring the time.
//!
//! A request, an end, a trouble is news once. It waits for `after`, and is dropped when somebody answers, sees it, or when the
//! session has gone on; in quiet hours it waits on. What is told is never told again.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use config::NoticeKind;
use tokio::time::Instant;

use super::standing::Standing;
use crate::{
    feed::{Went, now_ms},
    ids::ThreadId,
};

/// Something to tell now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub thread: ThreadId,
    pub kind: NoticeKind,
    /// When it was noticed, in milliseconds since the epoch.
    pub at_ms: u64,
}

/// News that wait to be told.
#[derive(Debug, Clone, Copy)]
struct News {
    kind: NoticeKind,
    due: Instant,
    at_ms: u64,
}

/// What was known of a session at the last look.
#[derive(Debug, Default)]
struct Known {
    asks: Option<String>,
    ended: Option<String>,
    trouble: Option<String>,
    /// News of each of the three.
    asking: Option<News>,
    ending: Option<News>,
    troubling: Option<News>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Ledger {
    after: Duration,
    sessions: HashMap<ThreadId, Known>,
    /// Noted since the look began.
    noted: HashSet<ThreadId>,
}

impl Ledger {
    pub(crate) fn new(after: Duration) -> Self {
        Self {
            after,
            sessions: HashMap::new(),
            noted: HashSet::new(),
        }
    }

    pub(crate) fn begin_look(&mut self) {
        self.noted.clear();
    }

    /// Takes up how a session stands. What `seen` says is seen is known, and nobody needs to be told.
    pub(crate) fn note(&mut self, thread: &ThreadId, now: Standing, seen: bool, at: Instant) {
        self.noted.insert(thread.clone());
        if now == Standing::default() && !self.sessions.contains_key(thread) {
            return;
        }
        let known = self.sessions.entry(thread.clone()).or_default();
        let news = |kind| {
            Some(News {
                kind,
                due: at + self.after,
                at_ms: now_ms(),
            })
        };
        if now.asks != known.asks {
            known.asking = now.asks.as_ref().and_then(|_| news(NoticeKind::NeedsYou));
            known.asks = now.asks;
        }
        if now.trouble != known.trouble {
            known.troubling = now.trouble.as_ref().and_then(|_| news(NoticeKind::Failed));
            known.trouble = now.trouble;
        }
        if let Some(end) = now.end
            && known.ended.as_deref() != Some(&end.turn)
        {
            known.ending = match end.went {
                Went::Well => news(NoticeKind::Finished),
                Went::Badly => news(NoticeKind::Failed),
                Went::Stopped => None,
            };
            known.ended = Some(end.turn);
        }
        if now.works {
            // It goes on: its last end is no end.
            known.ending = None;
        }
        if seen {
            (known.asking, known.ending, known.troubling) = (None, None, None);
        }
    }

    /// Ends a look: sessions that were not noted are out of memory, and so is what was known of them, but for news that
    /// nobody sees.
    pub(crate) fn forget_others(&mut self, sees: impl Fn(&ThreadId) -> bool) {
        let noted = &self.noted;
        self.sessions.retain(|thread, known| {
            let has_news = known.ending.is_some() || known.troubling.is_some();
            noted.contains(thread) || has_news && !sees(thread)
        });
    }

    /// Takes out what is due. `quiet` says how long a kind must wait on from now.
    pub(crate) fn take_due(
        &mut self,
        now: Instant,
        quiet: impl Fn(NoticeKind) -> Option<Duration>,
    ) -> Vec<Due> {
        let mut taken: Vec<Due> = Vec::new();
        for (thread, known) in &mut self.sessions {
            let first = taken.len();
            for slot in [&mut known.asking, &mut known.troubling, &mut known.ending] {
                let Some(news) = slot.as_mut().filter(|news| news.due <= now) else {
                    continue;
                };
                if let Some(left) = quiet(news.kind) {
                    news.due = now + left;
                    continue;
                }
                // A turn that fails with its Codex is one failure.
                if !taken[first..].iter().any(|due| due.kind == news.kind) {
                    taken.push(Due {
                        thread: thread.clone(),
                        kind: news.kind,
                        at_ms: news.at_ms,
                    });
                }
                *slot = None;
            }
        }
        taken.sort_by_key(|due| due.at_ms);
        taken
    }

    /// When the next news are due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let known = self.sessions.values();
        let news = known.flat_map(|known| [known.asking, known.ending, known.troubling]);
        news.flatten().map(|news| news.due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::TurnEnd;

    const AFTER: Duration = Duration::from_secs(30);

    struct Case {
        ledger: Ledger,
        now: Instant,
        thread: ThreadId,
    }

    impl Case {
        fn new() -> Self {
            Self {
                ledger: Ledger::new(AFTER),
                now: Instant::now(),
                thread: ThreadId::from("t"),
            }
        }

        /// A look so many seconds later; what it has told.
        fn look(&mut self, later: u64, standing: &Standing, seen: bool) -> Vec<NoticeKind> {
            self.look_in(later, standing, seen, |_| None)
        }

        fn look_in(
            &mut self,
            later: u64,
            standing: &Standing,
            seen: bool,
            quiet: impl Fn(NoticeKind) -> Option<Duration>,
        ) -> Vec<NoticeKind> {
            self.now += Duration::from_secs(later);
            self.ledger.begin_look();
            self.ledger
                .note(&self.thread, standing.clone(), seen, self.now);
            self.ledger.forget_others(|_| false);
            let due = self.ledger.take_due(self.now, quiet);
            due.into_iter().map(|due| due.kind).collect()
        }
    }

    fn asks(id: &str) -> Standing {
        Standing {
            asks: Some(id.to_owned()),
            works: true,
            ..Standing::default()
        }
    }

    fn ended(turn: &str, went: Went) -> Standing {
        let turn = turn.to_owned();
        Standing {
            end: Some(TurnEnd { turn, went }),
            ..Standing::default()
        }
    }

    fn broken() -> Standing {
        Standing {
            trouble: Some("failed/3".to_owned()),
            ..ended("one", Went::Badly)
        }
    }

    #[test]
    fn a_question_that_nobody_sees_is_told_once() {
        let mut case = Case::new();
        assert_eq!(case.look(0, &asks("a"), false), []);
        assert_eq!(case.look(29, &asks("a"), false), []);
        assert_eq!(case.look(1, &asks("a"), false), [NoticeKind::NeedsYou]);
        assert_eq!(case.look(3600, &asks("a"), false), []);
        // Another one is news again.
        assert_eq!(case.look(0, &asks("b"), false), []);
        assert_eq!(case.look(30, &asks("b"), false), [NoticeKind::NeedsYou]);
    }

    #[test]
    fn an_answer_or_a_look_within_the_time_and_nobody_is_told() {
        let working = Standing {
            works: true,
            ..Standing::default()
        };
        for (then, seen) in [(working, false), (asks("a"), true)] {
            let mut case = Case::new();
            case.look(0, &asks("a"), false);
            assert_eq!(case.look(20, &then, seen), []);
            assert_eq!(case.look(3600, &then, false), []);
        }
        // What is seen when it happens is no news.
        let mut case = Case::new();
        case.look(0, &ended("one", Went::Well), true);
        assert_eq!(case.look(3600, &ended("one", Went::Well), false), []);
    }

    #[test]
    fn an_end_is_told_unless_the_session_goes_on_or_somebody_stopped_it() {
        for (went, told) in [
            (Went::Well, vec![NoticeKind::Finished]),
            (Went::Badly, vec![NoticeKind::Failed]),
            (Went::Stopped, vec![]),
        ] {
            let mut case = Case::new();
            case.look(0, &ended("one", went), false);
            assert_eq!(case.look(30, &ended("one", went), false), told);
            assert_eq!(case.look(30, &ended("one", went), false), []);
        }
        let mut case = Case::new();
        case.look(0, &ended("one", Went::Well), false);
        let next = Standing {
            works: true,
            ..ended("one", Went::Well)
        };
        assert_eq!(case.look(10, &next, false), []);
        assert_eq!(case.look(60, &ended("one", Went::Well), false), []);
        assert_eq!(case.look(0, &ended("two", Went::Well), false), []);
        assert_eq!(
            case.look(30, &ended("two", Went::Well), false),
            [NoticeKind::Finished]
        );
    }

    #[test]
    fn a_turn_that_fails_with_its_codex_is_one_failure() {
        let mut case = Case::new();
        case.look(0, &broken(), false);
        assert_eq!(case.look(30, &broken(), false), [NoticeKind::Failed]);
        assert_eq!(case.look(30, &broken(), false), []);
        assert_eq!(case.ledger.next_due(), None);
    }

    #[test]
    fn quiet_hours_keep_back_what_they_do_not_let_through_and_it_is_told_when_they_end() {
        let night = |left: u64| {
            move |kind| (kind != NoticeKind::Failed).then_some(Duration::from_secs(left))
        };
        let mut case = Case::new();
        let all = Standing {
            asks: Some("a".to_owned()),
            ..broken()
        };
        case.look(0, &all, false);
        assert_eq!(
            case.look_in(30, &all, false, night(3600)),
            [NoticeKind::Failed]
        );
        assert_eq!(
            case.ledger.next_due(),
            Some(case.now + Duration::from_secs(3600))
        );
        assert_eq!(case.look_in(1800, &all, false, night(1800)), []);
        assert_eq!(case.look(1800, &all, false), [NoticeKind::NeedsYou]);
        // Answered in the night: nothing is left to tell.
        case.look(0, &asks("b"), false);
        assert_eq!(case.look_in(30, &asks("b"), false, night(3600)), []);
        assert_eq!(case.look(60, &Standing::default(), false), []);
        assert_eq!(case.look(3600, &Standing::default(), false), []);
    }

    #[test]
    fn a_session_that_is_let_go_of_keeps_its_news_and_nothing_else() {
        let mut case = Case::new();
        for standing in [ended("one", Went::Well), broken()] {
            for (sees, told) in [(false, 1), (true, 0)] {
                case.look(0, &standing, false);
                case.ledger.begin_look();
                case.ledger.forget_others(|_| sees);
                let later = case.now + AFTER;
                assert_eq!(case.ledger.take_due(later, |_| None).len(), told);
                case.ledger.forget_others(|_| false);
                assert!(case.ledger.sessions.is_empty());
            }
        }
    }
}
