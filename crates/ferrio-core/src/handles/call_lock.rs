//! CallLock: protects a handle of `call_soon_threadsafe` from other threads (3.14 and later).
//!
//! `cancel()` and `cancelled()` from another thread wait while the callback runs. After `cancel()`, the callback does
//! not run any more. asyncio has a lock in each such handle. Here the handle has the number of the thread that runs it,
//! which the GIL protects, and all waiters share one condition variable.

use crate::ffi::{detach, thread_ident};
use std::cell::Cell;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Which thread runs the handle.
#[derive(Default)]
pub struct CallLock {
    shared: Cell<bool>,
    /// The thread; 0 for none.
    runner: Cell<u64>,
}

static CHANGED: Condvar = Condvar::new();
/// The number of callbacks of shared handles that have ended, and of threads that wait.
static ENDED: Mutex<Ended> = Mutex::new(Ended { count: 0, waiters: 0 });

struct Ended {
    count: u64,
    waiters: usize,
}

fn ended() -> MutexGuard<'static, Ended> {
    ENDED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CallLock {
    /// Notes that other threads know the handle.
    pub fn share(&self) {
        self.shared.set(crate::compat::HANDLES_ARE_THREADSAFE);
    }

    /// Whether other threads know the handle.
    pub fn is_shared(&self) -> bool {
        self.shared.get()
    }

    /// Runs the callback. Calls from other threads wait.
    #[inline]
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        if !self.shared.get() {
            return work();
        }
        let _running = Running { call_lock: self, before: self.runner.replace(thread_ident()) };
        work()
    }

    /// Waits, without the GIL, until no other thread runs the callback.
    pub fn wait(&self) {
        if !self.shared.get() {
            return;
        }
        loop {
            let runner = self.runner.get();
            if runner == 0 || runner == thread_ident() {
                return;
            }
            // The callback cannot end before this thread releases the GIL, so this count is the one before its end.
            let count = ended().count;
            detach(move || {
                let mut ended = ended();
                ended.waiters += 1;
                while ended.count == count {
                    ended = CHANGED.wait(ended).unwrap_or_else(PoisonError::into_inner);
                }
                ended.waiters -= 1;
            });
        }
    }
}

/// A handle while this thread runs it.
struct Running<'handle> {
    call_lock: &'handle CallLock,
    before: u64,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.call_lock.runner.set(self.before);
        let mut ended = ended();
        ended.count += 1;
        if ended.waiters > 0 {
            CHANGED.notify_all();
        }
    }
}
