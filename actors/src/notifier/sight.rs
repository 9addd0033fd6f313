//! What people see: what each tab says that it shows, as far as somebody looks at it.
//!
//! A native client that is attached counts as well; its feed knows it.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::ids::ThreadId;

/// What a tab shows that somebody looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The list of all sessions, with the state of each.
    List,
    /// One session.
    Session(ThreadId),
}

/// Of all tabs.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    tabs: Mutex<HashMap<u64, Shown>>,
    changed: Notify,
}

impl Sight {
    /// This tab shows something else now, or nothing.
    pub(crate) fn set(&self, tab: u64, shown: Option<Shown>) {
        let mut tabs = self.tabs.lock();
        let before = match shown {
            Some(shown) => tabs.insert(tab, shown),
            None => tabs.remove(&tab),
        };
        let changed = before.as_ref() != tabs.get(&tab);
        drop(tabs);
        if changed {
            self.changed.notify_one();
        }
    }

    /// Whether somebody sees how this session stands.
    pub(crate) fn shows(&self, thread: &str) -> bool {
        self.tabs.lock().values().any(|shown| match shown {
            Shown::List => true,
            Shown::Session(one) => one.as_str() == thread,
        })
    }

    /// Resolves when something else is shown. One waiter: the notifier.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}
