//! CallLock: protects a handle of `call_soon_threadsafe` from other threads (3.14 and later).
//!
//! `cancel()` and `cancelled()` from another thread wait while the callback runs. After `cancel()`, the callback does
//! not run any more. asyncio has a lock in each such handle. Here the handle has the number of the thread that runs it,
//! which the GIL protects, and all waiters share one condition variable.

use crate::ffi::detach;
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Which thread runs the handle.
#[derive(Default)]
pub struct CallLock {
    /// The number of the thread; 0 for none.
    runner: Cell<u32>,
    shared: Cell<bool>,
}

static CHANGED: Condvar = Condvar::new();
static LOCK: Mutex<()> = Mutex::new(());
/// The number of callbacks of shared handles that have ended.
static ENDED: AtomicU64 = AtomicU64::new(0);
/// The number of threads that wait for one to end. A thread counts itself while it has the GIL, so whoever ends a
/// callback, and has the GIL too, sees it.
static WAITERS: AtomicUsize = AtomicUsize::new(0);

/// The calling thread's number, from 1. The system's own numbers of threads take two words.
fn this_thread() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    thread_local!(static NUMBER: Cell<u32> = const { Cell::new(0) });
    NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(LAST.fetch_add(1, Ordering::Relaxed) + 1);
        }
        number.get()
    })
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
        let _running = Running { call_lock: self, before: self.runner.replace(this_thread()) };
        work()
    }

    /// Waits, without the GIL, until no other thread runs the callback.
    pub fn wait(&self) {
        if !self.shared.get() {
            return;
        }
        loop {
            let runner = self.runner.get();
            if runner == 0 || runner == this_thread() {
                return;
            }
            // The callback cannot end before this thread releases the GIL, so this count is the one before its end.
            let count = ENDED.load(Ordering::SeqCst);
            WAITERS.fetch_add(1, Ordering::SeqCst);
            detach(move || {
                let mut lock = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
                while ENDED.load(Ordering::SeqCst) == count {
                    lock = CHANGED.wait(lock).unwrap_or_else(PoisonError::into_inner);
                }
                WAITERS.fetch_sub(1, Ordering::SeqCst);
            });
        }
    }
}

/// A handle while this thread runs it.
struct Running<'handle> {
    call_lock: &'handle CallLock,
    before: u32,
}

impl Drop for Running<'_> {
    #[inline]
    fn drop(&mut self) {
        self.call_lock.runner.set(self.before);
        ENDED.fetch_add(1, Ordering::SeqCst);
        if WAITERS.load(Ordering::SeqCst) > 0 {
            // A waiter that has looked at the count, and does not wait yet, has the lock.
            drop(LOCK.lock().unwrap_or_else(PoisonError::into_inner));
            CHANGED.notify_all();
        }
    }
}
