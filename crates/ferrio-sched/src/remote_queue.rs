//! RemoteQueue: work for the loop from other threads.
//!
//! Any thread pushes; the loop's thread drains. The queue is lock-free. Only the first push after a drain has to wake
//! the loop; a flag tells it, and [`RemoteQueue::push`] returns it to the caller.
//!
//! Invariant: for each entry that was pushed, either a drain that clears the flag later sees it, or its push found the
//! flag clear and told its caller to wake the loop. So no entry is left behind.

#[cfg(not(loom))]
use crossbeam_queue::SegQueue;
#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, Ordering, fence};
#[cfg(loom)]
use model::SegQueue;
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, Ordering, fence};

/// A queue from many threads to one.
#[derive(Debug)]
pub struct RemoteQueue<T> {
    queue: SegQueue<T>,
    /// Set by the first push after a drain; cleared by the drain before it looks at the queue.
    signalled: AtomicBool,
}

impl<T> Default for RemoteQueue<T> {
    fn default() -> Self {
        RemoteQueue { queue: SegQueue::new(), signalled: AtomicBool::new(false) }
    }
}

impl<T> RemoteQueue<T> {
    /// Adds an entry. Returns true if the caller has to wake the loop.
    pub fn push(&self, entry: T) -> bool {
        self.queue.push(entry);
        !self.signalled.swap(true, Ordering::AcqRel)
    }

    /// Whether nothing was pushed since the last drain.
    #[inline]
    pub fn is_empty(&self) -> bool {
        !self.signalled.load(Ordering::Acquire) && self.queue.is_empty()
    }

    /// Gives every entry to `take`, in the order of their pushes. Only the loop's thread calls this.
    pub fn drain(&self, mut take: impl FnMut(T)) {
        self.signalled.store(false, Ordering::Release);
        // The fence stands between the store above and the look at the queue. A push after the look then finds the flag
        // clear and wakes the loop.
        fence(Ordering::SeqCst);
        while let Some(entry) = self.queue.pop() {
            take(entry);
        }
    }
}

/// The queue for loom: each operation is one step. The tests examine the flag.
#[cfg(loom)]
mod model {
    use loom::sync::Mutex;
    use std::collections::VecDeque;

    #[derive(Debug)]
    pub struct SegQueue<T>(Mutex<VecDeque<T>>);

    impl<T> SegQueue<T> {
        pub fn new() -> SegQueue<T> {
            SegQueue(Mutex::new(VecDeque::new()))
        }

        fn with<R>(&self, work: impl FnOnce(&mut VecDeque<T>) -> R) -> R {
            match self.0.lock() {
                Ok(mut queue) => work(&mut queue),
                Err(poisoned) => work(&mut poisoned.into_inner()),
            }
        }

        pub fn push(&self, entry: T) {
            self.with(|queue| queue.push_back(entry));
        }

        pub fn pop(&self) -> Option<T> {
            self.with(VecDeque::pop_front)
        }

        pub fn is_empty(&self) -> bool {
            self.with(|queue| queue.is_empty())
        }
    }
}

/// Every order in which two threads can push while the loop's thread drains.
#[cfg(all(test, loom))]
mod orders {
    use super::*;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicUsize;
    use loom::thread;

    #[test]
    fn what_is_pushed_is_drained_or_has_woken_the_loop_up() {
        loom::model(|| {
            let queue = Arc::new(RemoteQueue::default());
            let wakes = Arc::new(AtomicUsize::new(0));
            let pushers: Vec<_> = (0..2)
                .map(|number| {
                    let (queue, wakes) = (Arc::clone(&queue), Arc::clone(&wakes));
                    thread::spawn(move || {
                        if queue.push(number) {
                            wakes.fetch_add(1, Ordering::SeqCst);
                        }
                    })
                })
                .collect();
            let mut seen = 0;
            queue.drain(|_| seen += 1);
            let wakes_before = wakes.load(Ordering::SeqCst);
            for pusher in pushers {
                assert!(pusher.join().is_ok());
            }
            // If anything is left, the loop was told to wake up.
            if seen < 2 {
                assert!(!queue.is_empty());
                assert!(wakes.load(Ordering::SeqCst) > 0 || wakes_before > 0);
            }
            queue.drain(|_| seen += 1);
            assert_eq!(seen, 2);
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn only_the_first_push_wakes() {
        let queue = RemoteQueue::default();
        assert!(queue.push(1));
        assert!(!queue.push(2));
        let mut seen = Vec::new();
        queue.drain(|entry| seen.push(entry));
        assert_eq!(seen, [1, 2]);
        assert!(queue.push(3));
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        const THREADS: usize = 4;
        const PUSHES: usize = if cfg!(miri) { 50 } else { 10_000 };
        let queue = Arc::new(RemoteQueue::default());
        let wakes = Arc::new(AtomicUsize::new(0));
        let pushers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (queue, wakes) = (Arc::clone(&queue), Arc::clone(&wakes));
                std::thread::spawn(move || {
                    for number in 0..PUSHES {
                        if queue.push((thread, number)) {
                            wakes.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                })
            })
            .collect();
        let mut next = [0; THREADS];
        let mut drains = 0;
        while next.iter().sum::<usize>() < THREADS * PUSHES {
            if queue.is_empty() {
                std::thread::yield_now();
                continue;
            }
            drains += 1;
            queue.drain(|(thread, number)| {
                assert_eq!(next[thread], number, "one thread's pushes stay in order");
                next[thread] += 1;
            });
        }
        for pusher in pushers {
            assert!(pusher.join().is_ok());
        }
        assert!(wakes.load(Ordering::SeqCst) <= drains + 1);
    }
}
