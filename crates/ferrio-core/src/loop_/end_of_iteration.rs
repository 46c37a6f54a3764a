//! EndOfIteration: what runs after the callbacks of an iteration.

use super::Loop;
use super::runnable::Runnable;
use crate::ffi::error::FirstError;
use crate::ffi::{Own, Result};
use ferrio_reactor::clock;
use std::cell::{Cell, RefCell};

/// After this time, in seconds, all entries run as soon as the running callback returns.
///
/// With a tenth of this time, the aiohttp server of the benchmarks takes a fifth more CPU time. Ten times as much saves
/// nothing.
const LONGEST: f64 = 0.0005;

/// The entries, oldest first.
#[derive(Default)]
pub struct EndOfIteration {
    entries: RefCell<Vec<Runnable>>,
    since: Cell<f64>,
}

impl EndOfIteration {
    /// Whether there is no entry.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.entries.borrow().is_empty()
    }

    /// Appends an entry.
    pub fn push(&self, entry: Runnable) {
        let mut entries = self.entries.borrow_mut();
        if entries.is_empty() {
            self.since.set(clock::now());
        }
        entries.push(entry);
    }

    /// Whether the entries must not wait any longer.
    #[inline]
    pub fn is_overdue(&self) -> bool {
        !self.is_empty() && clock::now() - self.since.get() > LONGEST
    }

    /// Runs all entries, even if one of them ends the loop.
    pub fn run(&self, loop_: &Own<Loop>) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let mut entries = self.entries.take();
        let mut error = FirstError::default();
        for entry in entries.drain(..) {
            error.note(entry.run(loop_));
        }
        let mut later = self.entries.borrow_mut();
        if later.is_empty() {
            // The next iteration uses the memory again.
            *later = entries;
        }
        error.result()
    }

    /// The entries, for the garbage collector; none while they change.
    pub fn for_each(&self, look: impl FnMut(&Runnable)) {
        if let Ok(entries) = self.entries.try_borrow() {
            entries.iter().for_each(look);
        }
    }
}
