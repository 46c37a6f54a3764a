//! The ready queue: first in, first out, cut into iterations.
//!
//! An iteration runs exactly what was ready when it began: [`Ready::begin`] counts it, [`Ready::take`] hands out one
//! entry at a time, and an entry that is pushed meanwhile waits. If a callback ends the iteration (it raised
//! `KeyboardInterrupt`), the rest stays for the next one.

use std::collections::VecDeque;

/// A first-in, first-out queue that knows how many of its entries belong to the running iteration.
#[derive(Debug)]
pub struct Ready<T> {
    queue: VecDeque<T>,
}

impl<T> Default for Ready<T> {
    fn default() -> Self {
        Ready { queue: VecDeque::new() }
    }
}

impl<T> Ready<T> {
    /// Appends an entry; it runs in the next iteration that begins.
    #[inline]
    pub fn push(&mut self, entry: T) {
        self.queue.push_back(entry);
    }

    /// The number of entries that an iteration beginning now runs.
    #[inline]
    pub fn begin(&self) -> usize {
        self.queue.len()
    }

    /// Takes the oldest entry.
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        self.queue.pop_front()
    }

    /// Takes the entry that stands behind `index` older ones.
    pub fn take_at(&mut self, index: usize) -> Option<T> {
        self.queue.remove(index)
    }

    /// Whether nothing is ready.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Every entry, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.queue.iter()
    }

    /// Takes all entries out. They are returned so that the caller decides when to drop them.
    pub fn take_all(&mut self) -> VecDeque<T> {
        std::mem::take(&mut self.queue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_during_an_iteration_waits_for_the_next() {
        let mut ready = Ready::default();
        ready.push(1);
        ready.push(2);
        let mut ran = Vec::new();
        for _ in 0..ready.begin() {
            let entry = ready.take();
            ran.extend(entry);
            ready.push(10);
        }
        assert_eq!(ran, [1, 2]);
        assert_eq!(ready.len(), 2);
    }

    #[test]
    fn an_entry_is_taken_past_older_ones() {
        let mut ready = Ready::default();
        (0..4).for_each(|entry| ready.push(entry));
        assert_eq!(ready.take_at(2), Some(2));
        assert_eq!(ready.take_at(7), None);
        assert_eq!(ready.take_all(), [0, 1, 3]);
    }
}
