//! A handle of `call_soon_threadsafe` against other threads (3.14 and later).
//!
//! `cancel()` and `cancelled()` from another thread wait while the callback runs, so that whoever has
//! cancelled can be sure that it does not run any more. asyncio has a lock in each such handle; here the
//! handle has the number of the thread that runs it, which the GIL protects, and all waiters share one
//! condition variable.

use crate::ffi::detach;
use crate::loop_::current_thread;
use std::cell::Cell;
use std::sync::{Condvar, Mutex, PoisonError};

/// Who runs the handle.
#[derive(Default)]
pub struct Exclusion {
    shared: Cell<bool>,
    /// The thread; 0 for none.
    runner: Cell<u64>,
}

static CHANGED: Condvar = Condvar::new();
/// How many threads wait.
static WAITERS: Mutex<usize> = Mutex::new(0);

impl Exclusion {
    /// Says that other threads know the handle.
    pub fn share(&self) {
        self.shared.set(cfg!(Py_3_14));
    }

    /// Whether other threads know the handle.
    pub fn is_shared(&self) -> bool {
        self.shared.get()
    }

    /// Runs the callback; other threads' questions wait.
    #[inline]
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        if !self.shared.get() {
            return work();
        }
        let before = self.runner.replace(current_thread());
        let result = work();
        self.runner.set(before);
        let waiters = WAITERS.lock().unwrap_or_else(PoisonError::into_inner);
        if *waiters > 0 {
            CHANGED.notify_all();
        }
        result
    }

    /// Waits, without the GIL, until no other thread runs the callback.
    pub fn wait(&self) {
        if !self.shared.get() {
            return;
        }
        loop {
            let mut waiters = WAITERS.lock().unwrap_or_else(PoisonError::into_inner);
            let runner = self.runner.get();
            if runner == 0 || runner == current_thread() {
                return;
            }
            // The runner can't change before the GIL is let go, and can't notify before the mutex is.
            *waiters += 1;
            let waiters = Waiting(waiters);
            detach(move || waiters.wait());
        }
    }
}

struct Waiting(std::sync::MutexGuard<'static, usize>);

// SAFETY: it stays on its thread; Send only says that no object comes along.
unsafe impl Send for Waiting {}

impl Waiting {
    fn wait(self) {
        let mut waiters = CHANGED.wait(self.0).unwrap_or_else(PoisonError::into_inner);
        *waiters -= 1;
    }
}
