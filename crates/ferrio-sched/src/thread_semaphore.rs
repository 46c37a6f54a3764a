//! ThreadSemaphore: threads wait for it until there is work for one of them.
//!
//! A thread that adds work adds a permit; a thread that has taken a permit finds work. (It is a counting semaphore. The
//! standard library has none.)

#[cfg(loom)]
use loom::sync::{Condvar, Mutex, MutexGuard};
use std::sync::PoisonError;
#[cfg(not(loom))]
use std::sync::{Condvar, Mutex, MutexGuard};

/// A number of permits; a thread takes one at a time.
#[derive(Debug, Default)]
pub struct ThreadSemaphore {
    count: Mutex<usize>,
    added: Condvar,
}

impl ThreadSemaphore {
    /// Adds a permit. One of the waiting threads continues.
    pub fn add(&self) {
        *self.count() += 1;
        self.added.notify_one();
    }

    /// Takes a permit; waits until there is one.
    pub fn take(&self) {
        let mut count = self.count();
        while *count == 0 {
            count = self.added.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
        *count -= 1;
    }

    /// The lock is never poisoned, because nothing here panics. If it were, the number would still be right.
    fn count(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every order in which two threads can take what two others add.
#[cfg(all(test, loom))]
mod orders {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    #[test]
    fn each_permit_lets_one_thread_go_on() {
        loom::model(|| {
            let permits = Arc::new(ThreadSemaphore::default());
            let takers: Vec<_> = (0..2)
                .map(|_| {
                    let permits = Arc::clone(&permits);
                    thread::spawn(move || permits.take())
                })
                .collect();
            permits.add();
            permits.add();
            for taker in takers {
                assert!(taker.join().is_ok());
            }
            assert_eq!(*permits.count(), 0);
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;

    #[test]
    fn a_permit_that_is_there_is_taken_at_once() {
        let permits = ThreadSemaphore::default();
        permits.add();
        permits.add();
        permits.take();
        permits.take();
        assert_eq!(*permits.count(), 0);
    }

    #[test]
    fn as_many_threads_go_on_as_permits_are_added() {
        let permits = Arc::new(ThreadSemaphore::default());
        let takers: Vec<_> = (0..8)
            .map(|_| {
                let permits = Arc::clone(&permits);
                thread::spawn(move || (0..100).for_each(|_| permits.take()))
            })
            .collect();
        (0..800).for_each(|_| permits.add());
        for taker in takers {
            assert!(taker.join().is_ok());
        }
        assert_eq!(*permits.count(), 0);
    }
}
