//! Streams of bytes: reading and writing, which is the same for sockets and pipes.
//!
//! A write is tried at once if the queue is empty. The rest that the descriptor does not take joins the queue; see
//! [`super::buffering`].

use super::base::Failure;
use super::buffering::{Buffering, start_writing};
use super::lifecycle::{self, Transport, checked};
use super::write_queue::{Data, WriteQueue};
use crate::ffi::{Object, Own, Result};
use crate::loop_::Loop;
use crate::stdlib;
use ferrio_reactor::socket::is_transient;
use std::io::{self, IoSlice};

/// The outcome of a receive.
pub enum Received<T> {
    /// Bytes.
    Data(T),
    /// The peer sends no more.
    End,
    /// There is nothing at the moment.
    NotNow,
    /// The system call has failed.
    Failed(io::Error),
}

impl<T> Received<T> {
    /// Classifies the result of a receive, which is None at the end of the stream.
    #[inline]
    pub fn of(received: io::Result<Option<T>>) -> Received<T> {
        match received {
            Ok(Some(data)) => Received::Data(data),
            Ok(None) => Received::End,
            Err(error) if is_transient(&error) => Received::NotNow,
            Err(error) => Received::Failed(error),
        }
    }
}

/// A transport that receives a stream.
pub trait Reader: Transport {
    /// The message of a failed receive.
    const READ_FAILED: &'static str;

    /// Receives a bytes object. The outer result is the transport's, the innermost `MemoryError`.
    fn receive(this: &Own<Self>, loop_: &Own<Loop>) -> Result<io::Result<Option<Result>>>;

    /// Passes bytes to the protocol.
    #[inline]
    fn deliver(this: &Own<Self>, data: &Object) -> Result<()> {
        let received = this.base().protocol().method1(&stdlib::DATA_RECEIVED, data);
        checked(this, received, "Fatal error: protocol.data_received() call failed.").map(drop)
    }

    /// The peer sends no more.
    fn ended(this: &Own<Self>) -> Result<()>;
}

/// Receives once, and passes the bytes to the protocol.
#[inline]
pub fn read_bytes<T: Reader>(this: &Own<T>) -> Result<()> {
    let Some(loop_) = this.base().loop_() else { return Ok(()) };
    match Received::of(T::receive(this, &loop_)?) {
        Received::Data(data) => T::deliver(this, &data?),
        Received::End => T::ended(this),
        Received::NotNow => Ok(()),
        Received::Failed(error) => lifecycle::fatal(this, Failure::System(error), T::READ_FAILED),
    }
}

/// A transport that sends a stream.
pub trait Writer: Buffering {
    /// The message of a failed send.
    const WRITE_FAILED: &'static str;

    /// The unsent data.
    fn queue(&self) -> &WriteQueue;

    /// Sends bytes. Returns how many the descriptor has taken.
    fn send(descriptor: i32, bytes: &[u8]) -> io::Result<usize>;

    /// Sends several pieces. Returns how many bytes the descriptor has taken.
    fn send_vectored(descriptor: i32, pieces: &[IoSlice<'_>]) -> io::Result<usize>;

    /// `write(data)`.
    fn write(this: &Own<Self>, data: &Object) -> Result<()>;

    /// `writelines(chunks)`.
    fn writelines(this: &Own<Self>, chunks: &Object) -> Result<()>;

    /// `write_eof()`.
    fn write_eof(this: &Own<Self>) -> Result<()>;
}

/// Sends data, or as much of it as the descriptor takes; the rest joins the queue.
#[inline]
pub fn send<T: Writer>(this: &Own<T>, data: Data<'_>) -> Result<()> {
    let mut sent = 0;
    if this.queue().is_empty() {
        let bytes = data.as_slice();
        match T::send(this.base().descriptor.current()?, bytes) {
            Ok(count) => {
                sent = count;
                this.queue().note_sent(count);
            }
            Err(error) if is_transient(&error) => {}
            Err(error) => return lifecycle::fatal(this, Failure::System(error), T::WRITE_FAILED),
        }
        if sent == bytes.len() {
            return Ok(());
        }
        start_writing(this)?;
    }
    this.queue().push(&data, sent);
    drop(data);
    T::maybe_pause_protocol(this)
}

/// Sends as much of the queue as the descriptor takes. A failure closes the transport.
pub fn flush<T: Writer>(this: &Own<T>) -> Result<()> {
    let descriptor = this.base().descriptor.current()?;
    match this.queue().flush(|pieces| T::send_vectored(descriptor, pieces)) {
        Ok(()) => Ok(()),
        Err(error) => lifecycle::fatal(this, Failure::System(error), T::WRITE_FAILED),
    }
}
