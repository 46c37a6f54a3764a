//! Habits: which small writes wait for the end of the loop's iteration.
//!
//! A write tries the socket at once. For some programs that is not the best, so a connection watches how it is
//! written to. Two habits are worth to wait for:
//!
//! - *Bursts*: callback after callback writes more than once, the head and the body of an answer. Together they go
//!   out with one system call, in one packet.
//! - *Answers from tasks*: what is read is answered by a later callback, a task's step as a rule, and others wait
//!   for their turn. A peer on the same machine that has nothing to do sleeps, and to wake it is the dearest part
//!   of sending. If the answers of one iteration go out one right after the other, the first wakes it for all.
//!
//! What a callback makes run after a write still runs after it: in the next iteration at the earliest, and before
//! that all is sent. Nothing waits for others if no others want to run, and not for all of them if that takes
//! long (`loop_/postponed.rs`). Who asks how much is unsent, closes, forks or changes the protocol has it sent first,
//! and no more waits than the protocol may have unsent without being told. But a callback that blocks keeps it
//! from the peer, and one that ends the process by `os._exit()` loses it: hence only small writes, and only
//! where there is something to win.

use crate::loop_::Callback;
use std::cell::Cell;

/// From so many times in a row on, the next is taken to be like them.
const SURE: u8 = 2;

/// The count goes no higher, so that a few times that are different are enough to forget.
const SUREST: u8 = 4;

/// Larger amounts are not worth waiting for, in bytes: that of a TLS record.
pub const LARGEST: usize = 16 * 1024;

/// How a connection is read and written to.
#[derive(Default)]
pub struct Habits {
    /// The callback that wrote last, and whether it did so more than once.
    writer: Cell<u64>,
    wrote_again: Cell<bool>,
    /// The callback that read, if nothing was written since.
    reader: Cell<Option<u64>>,
    bursts: Habit,
    answers: Habit,
    /// Whether what waits is due at the end of this iteration.
    pub due: Cell<bool>,
}

impl Habits {
    /// Notes that the callback has read.
    #[inline]
    pub fn note_read(&self, callback: u64) {
        self.reader.set(Some(callback));
    }

    /// Notes a write; true if it is worth to wait with it.
    #[inline]
    pub fn note_write(&self, callback: Callback) -> bool {
        if self.writer.replace(callback.number) == callback.number {
            if !self.wrote_again.replace(true) {
                self.bursts.strengthen();
            }
            return false;
        }
        if !self.wrote_again.replace(false) {
            self.bursts.weaken();
        }
        match self.reader.take() {
            Some(reader) if reader != callback.number => self.answers.strengthen(),
            _ => self.answers.weaken(),
        }
        self.bursts.is_sure() || !callback.is_last && self.answers.is_sure()
    }
}

/// How often something was so, less how often it was not.
#[derive(Default)]
struct Habit(Cell<u8>);

impl Habit {
    fn strengthen(&self) {
        self.0.set((self.0.get() + 1).min(SUREST));
    }

    fn weaken(&self) {
        self.0.set(self.0.get().saturating_sub(1));
    }

    fn is_sure(&self) -> bool {
        self.0.get() >= SURE
    }
}
