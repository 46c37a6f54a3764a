//! Bursts: the small writes that one callback makes go out together.
//!
//! A write tries the socket at once. Some programs make two for each answer, its head and its body, and pay for
//! two system calls and two packets. So a connection watches how it is written to: if callback after callback
//! has written more than once, what the next one writes waits for that callback's end, and goes out with one
//! call. Nothing waits longer. Who asks how much is unsent, closes, forks or changes the protocol has it sent
//! first, and no more waits than the protocol may have unsent without being told. A callback that blocks keeps
//! it from the peer, and one that ends the process by `os._exit()` loses it: hence only small writes, and only
//! where there is something to win.

use std::cell::Cell;

/// From so many callbacks on that wrote more than once in a row, the next one is taken to do so too.
const SURE: u8 = 2;

/// The count goes no higher, so that a few callbacks that write once are enough to forget.
const SUREST: u8 = 4;

/// Larger amounts are not worth waiting for, in bytes: that of a TLS record.
pub const LARGEST: usize = 16 * 1024;

/// How a connection is written to.
#[derive(Default)]
pub struct Bursts {
    /// The callback that wrote last, and whether it did so more than once.
    callback: Cell<u64>,
    again: Cell<bool>,
    /// Callbacks that wrote more than once, less those that did not.
    habit: Cell<u8>,
    /// Whether what waits is due at the end of this callback.
    pub due: Cell<bool>,
}

impl Bursts {
    /// Notes a write; true if more are to be expected of the callback, and this is its first.
    #[inline]
    pub fn note(&self, callback: u64) -> bool {
        if self.callback.replace(callback) == callback {
            if !self.again.replace(true) {
                self.habit.set((self.habit.get() + 1).min(SUREST));
            }
            return false;
        }
        if !self.again.replace(false) {
            self.habit.set(self.habit.get().saturating_sub(1));
        }
        self.habit.get() >= SURE
    }
}
