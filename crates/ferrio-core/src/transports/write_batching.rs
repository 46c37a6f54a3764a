//! Write batching: when a small write is sent.
//!
//! A write is sent at once, unless the connection has shown that it gains from waiting for the end of the loop's
//! iteration. Two patterns gain:
//!
//! - *Bursts*: callback after callback writes more than once, for example the head and the body of an answer. Together
//!   they take one system call and one packet.
//! - *Answers from tasks*: a later callback, usually a task's step, answers what was read, and other callbacks are
//!   still to run. A peer on the same machine that has nothing to do sleeps, and waking it is the most expensive part
//!   of sending. If the answers of one iteration are sent one right after the other, the first one wakes the peer for
//!   all.
//!
//! The order is kept: a callback that is scheduled after a write runs after the data is sent. The wait is limited:
//!
//! - The data is sent at the end of the iteration at the latest, or after 0.5 ms (`loop_/end_of_iteration.rs`).
//! - It is sent first if the program asks how much is unsent, closes, forks or changes the protocol.
//! - No more data waits than the protocol may have unsent before it is told to pause.
//!
//! If a callback blocks, the peer does not get the data; if it ends the process by `os._exit()`, the data is lost. For
//! this reason only small writes wait, and only where it saves something.

use super::buffering;
use super::socket::SocketTransport;
use super::stream;
use crate::ffi::{Object, Own, Result};
use crate::loop_::RunningCallback;
use std::cell::Cell;

/// A pattern counts as established after this many occurrences in a row. One may be chance.
const BATCH_AFTER: u8 = 2;

/// The evidence for a pattern does not grow further, so that a change of the connection is noticed after a few
/// callbacks.
const MOST_EVIDENCE: u8 = 4;

/// The largest amount that waits, in bytes: a TLS record. Most of the cost of larger amounts is the copying, not the
/// system call.
const LARGEST: usize = 16 * 1024;

/// How a connection is read from and written to.
#[derive(Default)]
pub struct WriteBatching {
    /// The callback that wrote last, and whether it did so more than once.
    writer: Cell<u64>,
    wrote_again: Cell<bool>,
    /// The callback that read, if nothing was written since.
    reader: Cell<Option<u64>>,
    bursts: Evidence,
    answers: Evidence,
    /// Whether the transport's queue is to be sent at the end of this iteration.
    due: Cell<bool>,
}

impl WriteBatching {
    /// Notes that the callback has read.
    #[inline]
    pub fn note_read(&self, callback: u64) {
        self.reader.set(Some(callback));
    }

    /// Notes a write. Returns true if it should wait.
    #[inline]
    fn note_write(&self, callback: RunningCallback) -> bool {
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
        self.bursts.is_enough() || !callback.is_last && self.answers.is_enough()
    }
}

/// How often a pattern occurred, less how often it did not.
#[derive(Default)]
struct Evidence(Cell<u8>);

impl Evidence {
    fn strengthen(&self) {
        self.0.set((self.0.get() + 1).min(MOST_EVIDENCE));
    }

    fn weaken(&self) {
        self.0.set(self.0.get().saturating_sub(1));
    }

    fn is_enough(&self) -> bool {
        self.0.get() >= BATCH_AFTER
    }
}

impl Own<SocketTransport> {
    /// Whether a write of this size waits for the end of the iteration. If so, the caller appends it to the queue.
    #[inline]
    pub(super) fn waits_for_end_of_iteration(&self, size: usize) -> bool {
        let is_due = self.batching.due.get();
        if self.base.is_lost() || !is_due && !self.queue.is_empty() {
            return false;
        }
        let Some(loop_) = self.base.loop_() else { return false };
        let Some(callback) = loop_.callback() else { return false };
        let waits = self.batching.note_write(callback) || is_due;
        if !waits || self.queue.size() + size > LARGEST.min(self.flow.high_water()) {
            return false;
        }
        if !self.batching.due.replace(true) {
            loop_.call_at_end_of_iteration(self.as_object(), send_due);
        }
        true
    }

    /// Sends what waits for the end of the iteration.
    pub(super) fn send_due(&self) -> Result<()> {
        if self.batching.due.replace(false) && !self.base.is_lost() {
            self.send_queue()?;
        }
        Ok(())
    }

    /// Sends as much of the queue as the socket takes. The loop sends the rest.
    pub(super) fn send_queue(&self) -> Result<()> {
        stream::flush(self)?;
        if self.queue.is_empty() { Ok(()) } else { buffering::start_writing(self) }
    }
}

/// The callbacks of the iteration have run.
fn send_due(object: &Object) -> Result<()> {
    Own::<SocketTransport>::expect(object)?.send_due()
}
