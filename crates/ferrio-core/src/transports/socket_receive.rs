//! The receiving of a SocketTransport.
//!
//! The loop calls it when something has arrived. It reads until nothing is left, but at most [`READS_AT_ONCE`] times in
//! a row, so that a busy connection does not starve the others.

use super::base::Failure;
use super::lifecycle::{self, checked};
use super::socket::SocketTransport;
use super::stream::{self, Reader, Received};
use crate::ffi::buffer::Buffer;
use crate::ffi::error::runtime_error;
use crate::ffi::{Object, Own, Result, deque as sequence};
use crate::loop_::{LastRead, Loop};
use crate::stdlib;
use ferrio_reactor::socket;
use std::io;

/// How many reads that fill the buffer a socket gets before other callbacks run. Eight reads of 256 KiB take about a
/// millisecond.
const READS_AT_ONCE: u32 = 8;

/// The socket of a TCP connection is readable. Reads, and tells the loop how the last read ended.
pub(super) fn tcp_read_ready(object: &Object) -> Result<()> {
    let this = Own::<SocketTransport>::expect(object)?;
    // A callback may have paused or closed the transport since the poll.
    if this.base.is_lost() || !this.base.reading.get() {
        return Ok(());
    }
    let result = this.base.in_context(|| this.read_some());
    if this.base.reading.get()
        && let Some(loop_) = this.base.loop_()
    {
        return result.and(loop_.read_on(this.base.descriptor.number(), this.progress.last.get()));
    }
    result
}

impl Own<SocketTransport> {
    /// Reads until nothing is left, or [`READS_AT_ONCE`] times.
    pub(super) fn read_some(&self) -> Result<()> {
        self.progress.last.set(LastRead::Full);
        for _ in 0..READS_AT_ONCE {
            if self.buffered.get() && self.receive_directly.get().is_none() {
                self.read_into_protocol()
            } else {
                stream::read_bytes(self)
            }?;
            // The protocol may have paused or closed the transport.
            let ended = self.progress.last.get() != LastRead::Full;
            if ended || !self.base.reading.get() || self.base.is_lost() {
                break;
            }
        }
        Ok(())
    }

    fn read_into_protocol(&self) -> Result<()> {
        let protocol = self.base.protocol();
        let got = protocol_buffer(&protocol);
        let Some(object) = checked(self, got, "Fatal error: protocol.get_buffer() call failed.")? else {
            return Ok(());
        };
        // If the protocol has closed the connection here, it gets received data once more, as in asyncio.
        let Some(loop_) = self.base.loop_() else { return Ok(()) };
        self.batching.note_read(loop_.callback_number());
        let Some(mut buffer) = checked(self, writable(&object), SocketTransport::READ_FAILED)? else {
            return Ok(());
        };
        let most = buffer.as_slice().len();
        let read = socket::recv(self.base.descriptor.current()?, buffer.as_uninit());
        self.progress.note(&read, most);
        drop(buffer);
        let count = match Received::of(read.map(|count| (count > 0).then_some(count))) {
            Received::Data(count) => count,
            Received::End => return SocketTransport::ended(self),
            Received::NotNow => return Ok(()),
            Received::Failed(error) => {
                return lifecycle::fatal(self, Failure::System(error), SocketTransport::READ_FAILED);
            }
        };
        let updated = protocol.method1(&stdlib::BUFFER_UPDATED, &Object::int(count as i64)?);
        checked(self, updated, "Fatal error: protocol.buffer_updated() call failed.").map(drop)
    }
}

/// `protocol.get_buffer()`. `RuntimeError` for an empty one.
fn protocol_buffer(protocol: &Object) -> Result {
    let buffer = protocol.method1(&stdlib::GET_BUFFER, &Object::int(-1)?)?;
    if sequence::is_empty(&buffer)? {
        return Err(runtime_error("get_buffer() returned an empty buffer"));
    }
    Ok(buffer)
}

/// The bytes to receive into.
fn writable(object: &Object) -> Result<Buffer> {
    let buffer = Buffer::to_receive(object)?;
    if buffer.as_slice().is_empty() {
        // A read into an empty buffer would look like the end of the stream.
        return Err(runtime_error("get_buffer() returned an empty buffer"));
    }
    Ok(buffer)
}

impl Reader for SocketTransport {
    const READ_FAILED: &'static str = "Fatal read error on socket transport";

    #[inline]
    fn receive(this: &Own<Self>, loop_: &Own<Loop>) -> Result<io::Result<Option<Result>>> {
        this.batching.note_read(loop_.callback_number());
        Ok(loop_.receive(this.base.descriptor.current()?, usize::MAX, &this.progress))
    }

    #[inline]
    fn deliver(this: &Own<Self>, data: &Object) -> Result<()> {
        let protocol = this.base.protocol();
        let (received, message) = if let Some(receive) = this.receive_directly.get() {
            (receive(&protocol, data), "Fatal error: protocol.buffer_updated() call failed.")
        } else {
            let received = protocol.method1(&stdlib::DATA_RECEIVED, data).map(drop);
            (received, "Fatal error: protocol.data_received() call failed.")
        };
        checked(this, received, message).map(drop)
    }

    fn ended(this: &Own<Self>) -> Result<()> {
        let answer = this.base.protocol().method0(&stdlib::EOF_RECEIVED).and_then(|answer| answer.is_true());
        match checked(this, answer, "Fatal error: protocol.eof_received() call failed.")? {
            Some(true) => {
                // Half-closed: the protocol continues to write.
                lifecycle::stop_reading(this);
                Ok(())
            }
            Some(false) => lifecycle::close(this),
            None => Ok(()),
        }
    }
}
