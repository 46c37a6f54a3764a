//! The ready queue and what other threads put into it, against two plain queues.

use arbitrary::{Arbitrary, Unstructured};
use ferrio_sched::ready::Ready;
use ferrio_sched::remote_queue::RemoteQueue;
use std::collections::VecDeque;

/// What a loop does with its queues.
#[derive(Arbitrary, Debug)]
enum Step {
    Push,
    /// From another thread.
    Inject,
    /// Takes over what other threads have put in.
    Drain,
    /// Runs an iteration in which each entry adds as many; it is broken off after so many.
    Iterate {
        adds: u8,
        broken_off: u8,
    },
    TakeAll,
}

/// Makes the steps that the bytes say.
pub fn check(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    let (mut ready, queue) = (Ready::default(), RemoteQueue::default());
    let (mut model, mut injected): (VecDeque<usize>, VecDeque<usize>) = Default::default();
    let mut number = 0;
    while !bytes.is_empty() {
        let Ok(step) = bytes.arbitrary::<Step>() else { return };
        number += 1;
        match step {
            Step::Push => {
                ready.push(number);
                model.push_back(number);
            }
            Step::Inject => {
                // The first since the loop has looked wakes it.
                assert_eq!(queue.push(number), injected.is_empty());
                injected.push_back(number);
            }
            Step::Drain => {
                queue.drain(|entry| ready.push(entry));
                model.append(&mut injected);
            }
            Step::Iterate { adds, broken_off } => {
                let count = ready.begin();
                assert_eq!(count, model.len());
                for _ in 0..count.min(usize::from(broken_off)) {
                    assert_eq!(ready.take(), model.pop_front());
                    for _ in 0..adds % 3 {
                        number += 1;
                        ready.push(number);
                        model.push_back(number);
                    }
                }
            }
            Step::TakeAll => assert_eq!(ready.take_all(), std::mem::take(&mut model)),
        }
        assert_eq!(queue.is_empty(), injected.is_empty());
        assert!(ready.iter().eq(&model));
        assert_eq!((ready.len(), ready.is_empty()), (model.len(), model.is_empty()));
    }
}
