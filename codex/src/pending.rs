//! The table of requests that were sent and not yet answered, and the source of their ids.
//!
//! It keeps no clock: whoever owns the table decides when a request has waited too long and takes it out.

use std::collections::BTreeMap;

use crate::RequestId;

/// Requests in flight. `T` is the caller's reply handle.
#[derive(Debug)]
pub struct Pending<T> {
    limit: usize,
    next: i64,
    waiting: BTreeMap<i64, T>,
}

/// The table holds as many requests as it may; the reply handle comes back unharmed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{limit} requests wait for an answer from codex already, which is the limit; retry when some were answered"
)]
pub struct Full<T> {
    /// The handle that found no place.
    pub value: T,
    /// The bound of the table, in requests.
    pub limit: usize,
}

impl<T> Pending<T> {
    /// An empty table for at most `limit` requests. Ids count from 1 and are never used again.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            next: 1,
            waiting: BTreeMap::new(),
        }
    }

    /// Keeps `value` under a fresh id.
    ///
    /// # Errors
    /// [`Full`] with `value` inside when the table is at its bound.
    pub fn insert(&mut self, value: T) -> Result<RequestId, Full<T>> {
        if self.waiting.len() >= self.limit {
            return Err(Full {
                value,
                limit: self.limit,
            });
        }
        let id = self.next;
        self.next += 1;
        self.waiting.insert(id, value);
        Ok(id.into())
    }

    /// Takes the handle of `id` out. `None` for an id that was never given, or was answered before.
    pub fn take(&mut self, id: &RequestId) -> Option<T> {
        self.waiting.remove(&id.as_integer()?)
    }

    /// Looks at the handle of `id` without taking it.
    pub fn get(&self, id: &RequestId) -> Option<&T> {
        self.waiting.get(&id.as_integer()?)
    }

    /// Takes all handles out, oldest first: what to do when Codex has ended.
    pub fn drain(&mut self) -> impl Iterator<Item = (RequestId, T)> + use<T> {
        std::mem::take(&mut self.waiting)
            .into_iter()
            .map(|(id, value)| (id.into(), value))
    }

    /// How many requests wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_once() {
        let mut pending = Pending::new(2);
        let id = pending.insert("a").unwrap();
        assert_eq!(pending.get(&id), Some(&"a"));
        assert_eq!(pending.take(&id), Some("a"));
        assert_eq!(pending.take(&id), None);
        assert!(pending.is_empty());
    }

    #[test]
    fn a_full_table_gives_the_handle_back_and_frees_with_an_answer() {
        let mut pending = Pending::new(1);
        let first = pending.insert("a").unwrap();
        assert_eq!(
            pending.insert("b"),
            Err(Full {
                value: "b",
                limit: 1
            })
        );
        pending.take(&first).unwrap();
        assert_ne!(pending.insert("b").unwrap(), first);
    }

    #[test]
    fn the_text_form_of_an_id_answers_nothing() {
        let mut pending = Pending::new(1);
        let id = pending.insert("a").unwrap();
        assert_eq!(pending.take(&RequestId::text(id.to_string())), None);
        assert_eq!(pending.len(), 1);
    }

    #[test]
    fn draining_gives_all_in_the_order_they_were_sent() {
        let mut pending = Pending::new(8);
        let ids: Vec<_> = (0..3).map(|n| pending.insert(n).unwrap()).collect();
        let drained: Vec<_> = pending.drain().collect();
        assert_eq!(drained, ids.into_iter().zip(0..).collect::<Vec<_>>());
        assert!(pending.is_empty());
    }
}
