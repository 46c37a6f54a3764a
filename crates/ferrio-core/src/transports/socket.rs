//! SocketTransport: a connected stream socket.
//!
//! Reading: the loop calls [`read_ready`] whenever something comes; it reads until there is no more, or comes again
//! after the others, so that a busy connection does not starve them. Writing: [`write`](Own::<SocketTransport>::write) tries the socket at
//! once when nothing waits; the rest joins the queue, which the loop flushes when the socket takes more. A
//! connection that is used as many servers do is flushed at the end of the loop's iteration; see [`super::write_batching`].

use super::base::{Base, Failure, split_exit};
use super::flow::Flow;
use super::lifecycle;
use super::methods::Buffering;
use super::native_protocol::{self, Receive};
use super::write_batching::WriteBatching;
use super::write_queue::{Data, WriteQueue};
use crate::compat::STREAM_BYTES_LIKE;
use crate::ffi::buffer::Buffer;
use crate::ffi::error::{Builtin, FirstError, runtime_error};
use crate::ffi::{Object, Own, Result, Slot, deque as sequence};
use crate::futures::{Future, waiter};
use crate::loop_::runnable::Runnable;
use crate::loop_::{Direction, LastRead, Loop, Progress};
use crate::stdlib;
use ferrio_reactor::address::Address;
use ferrio_reactor::socket::{self, is_transient};
use std::cell::{Cell, RefCell};
use std::os::fd::OwnedFd;

const LOST_WRITE: &str = "socket.send() raised exception.";

/// What waits for the queue to be empty: sendfile.
const SENDFILE_IN_PROGRESS: &str = "unable to write; sendfile is in progress";

/// How often a socket is read before it is the others' turn, while each read fills the buffer.
const READS_AT_ONCE: u32 = 8;

/// The body of a SocketTransport.
#[derive(Default)]
#[repr(C)]
pub struct SocketTransport {
    pub(super) base: Base,
    pub(super) queue: WriteQueue,
    pub(super) flow: Flow,
    pub(super) batching: WriteBatching,
    pub(super) server: Slot,
    /// A future that is told once the transport has started.
    pub(super) waiter: Slot,
    /// A future that is told when the queue is empty; while it is there, writing is refused.
    pub(super) empty_waiter: Slot,
    pub(super) peer: RefCell<Option<Address>>,
    pub(super) progress: Progress,
    /// Whether it is a TCP socket: of others a read may take less than there is.
    pub(super) tcp: Cell<bool>,
    /// How the protocol receives, if it is one of Ferrio's own.
    pub(super) receive_directly: Cell<Option<Receive>>,
    /// Whether the protocol has its own buffer (`BufferedProtocol`).
    pub(super) buffered: Cell<bool>,
    pub(super) paused: Cell<bool>,
    /// Whether the loop watches for reading and for writing.
    pub(super) reading: Cell<bool>,
    pub(super) writing: Cell<bool>,
    /// `write_eof()` was called.
    pub(super) eof: Cell<bool>,
    /// `connection_made` was called.
    pub(super) connected: Cell<bool>,
}

impl SocketTransport {
    /// A transport over a connected, non-blocking socket that it owns from now on.
    pub fn accepted(
        loop_: &Own<Loop>,
        accepted: OwnedFd,
        protocol: &Object,
        peer: Option<Address>,
        server: &Object,
    ) -> Result<Own<SocketTransport>> {
        let body = SocketTransport::default();
        *body.peer.borrow_mut() = peer;
        let this = Own::new(body)?;
        this.base.begin_init()?;
        this.base.open(loop_, protocol)?;
        this.base.descriptor.put_own(accepted);
        this.begin(loop_, Some(server))?;
        Ok(this)
    }
}

impl Own<SocketTransport> {
    /// Joins the server and asks the loop to start it.
    pub(super) fn begin(&self, loop_: &Own<Loop>, server: Option<&Object>) -> Result<()> {
        let protocol = self.base.protocol();
        self.adopt_protocol(&protocol)?;
        loop_.claim(self.base.descriptor.number(), self.as_object())?;
        // Small writes go out at once, as with asyncio; other kinds of sockets refuse.
        self.tcp.set(socket::set_no_delay(self.base.descriptor.current()?).is_ok());
        if let Some(server) = server.filter(|server| !server.is_none()) {
            server.method1(&stdlib::ATTACH, self.as_object())?;
            self.server.put(server.clone());
        }
        loop_.push(Runnable::method(self.as_object().clone(), start))
    }

    /// Finds out how the protocol wants its bytes.
    pub(super) fn adopt_protocol(&self, protocol: &Object) -> Result<()> {
        self.send_due()?;
        self.receive_directly.set(native_protocol::receive_of(protocol));
        self.buffered.set(protocol.isinstance(stdlib::BUFFERED_PROTOCOL.get()?)?);
        self.base.set_protocol(protocol);
        Ok(())
    }

    /// Whether the protocol is given what arrives.
    pub(super) fn is_reading(&self) -> bool {
        !self.base.closing.get() && !self.paused.get()
    }

    /// Has the loop watch for reading.
    fn start_reading(&self) -> Result<()> {
        if self.is_reading()
            && self.connected.get()
            && !self.reading.get()
            && let Some(loop_) = self.base.loop_()
        {
            let descriptor = self.base.descriptor.to_watch()?;
            if self.tcp.get() {
                loop_.watch_edges(descriptor, self.as_object(), read_ready)?;
            } else {
                loop_.watch_native(descriptor, Direction::Read, self.as_object(), read_ready)?;
            }
            self.reading.set(true);
        }
        Ok(())
    }

    fn stop_reading(&self) {
        if self.reading.replace(false)
            && let Some(loop_) = self.base.loop_()
        {
            loop_.stop_watching(self.base.descriptor.number(), Direction::Read, self.as_object());
        }
    }

    pub(super) fn start_writing(&self) -> Result<()> {
        if !self.writing.get()
            && let Some(loop_) = self.base.loop_()
        {
            loop_.watch_native(
                self.base.descriptor.to_watch()?,
                Direction::Write,
                self.as_object(),
                write_ready,
            )?;
            self.writing.set(true);
        }
        Ok(())
    }

    fn stop_writing(&self) {
        if self.writing.replace(false)
            && let Some(loop_) = self.base.loop_()
        {
            loop_.stop_watching(self.base.descriptor.number(), Direction::Write, self.as_object());
        }
    }

    /// `pause_reading()`.
    pub(super) fn pause_reading(&self) {
        if self.is_reading() {
            self.paused.set(true);
            self.stop_reading();
        }
    }

    /// `resume_reading()`.
    pub(super) fn resume_reading(&self) -> Result<()> {
        if self.base.closing.get() || !self.paused.get() {
            return Ok(());
        }
        self.paused.set(false);
        self.start_reading()
    }

    /// `close()`: what waits is still written.
    pub(super) fn close(&self) -> Result<()> {
        self.send_due()?;
        if self.base.closing.replace(true) {
            return Ok(());
        }
        self.stop_reading();
        if self.queue.is_empty() && !self.base.is_lost() {
            self.stop_writing();
            return self.base.schedule_connection_lost(
                self.as_object(),
                None,
                lifecycle::connection_lost::<SocketTransport>,
            );
        }
        Ok(())
    }

    /// Closes at once. Data due at the end of the iteration is sent if the socket takes it; all other data is lost.
    pub(super) fn force_close(&self, exception: Option<Object>) -> Result<()> {
        self.send_due()?;
        if self.base.is_lost() {
            return Ok(());
        }
        self.queue.clear();
        self.stop_writing();
        if !self.base.closing.replace(true) {
            self.stop_reading();
        }
        self.base.schedule_connection_lost(
            self.as_object(),
            exception,
            lifecycle::connection_lost::<SocketTransport>,
        )
    }

    /// Something broke: the handler is told, unless it is only the connection; the transport closes.
    #[cold]
    pub(super) fn fatal(&self, failure: Failure, message: &str) -> Result<()> {
        let (exception, system) = failure.into_exception()?;
        self.base.report(self.as_object(), &exception, system, message)?;
        if let Some(waiter) = self.empty_waiter.take() {
            waiter::set_exception_unless_done(&waiter, &exception)?;
        }
        self.force_close(Some(exception))
    }

    /// `write(data)`.
    #[inline]
    pub fn write(&self, object: &Object) -> Result<()> {
        let data = Data::of(object, STREAM_BYTES_LIKE)?;
        self.check_writable()?;
        // Once: the interpreter is asked for it.
        let bytes = data.as_slice();
        if bytes.is_empty() {
            return Ok(());
        }
        if self.waits_for_end_of_iteration(bytes.len()) {
            self.queue.push(&data, 0);
            return Ok(());
        }
        self.send_due()?;
        if self.base.is_lost() {
            return self.base.note_late_write(LOST_WRITE);
        }
        let mut written = 0;
        if self.queue.is_empty() {
            match socket::send(self.base.descriptor.current()?, bytes) {
                Ok(count) => written = count,
                Err(error) if is_transient(&error) => {}
                Err(error) => return self.fatal(Failure::System(error), "Fatal write error on socket transport"),
            }
            if written == bytes.len() {
                return Ok(());
            }
            self.start_writing()?;
        }
        self.queue.push(&data, written);
        drop(data);
        SocketTransport::maybe_pause_protocol(self)
    }

    /// `writelines(chunks)`: one vectored write.
    pub(super) fn writelines(&self, chunks: &Object) -> Result<()> {
        self.check_writable()?;
        if self.base.is_lost() {
            return self.base.note_late_write(LOST_WRITE);
        }
        let chunks = chunks.to_list()?.list_items();
        // All are looked at before any is taken.
        let data = chunks.iter().map(|chunk| Data::of(chunk, STREAM_BYTES_LIKE)).collect::<Result<Vec<_>>>()?;
        if self.waits_for_end_of_iteration(data.iter().map(|data| data.as_slice().len()).sum()) {
            data.iter().for_each(|data| self.queue.push(data, 0));
            return Ok(());
        }
        self.send_due()?;
        if self.base.is_lost() {
            return self.base.note_late_write(LOST_WRITE);
        }
        let was_empty = self.queue.is_empty();
        data.iter().for_each(|data| self.queue.push(data, 0));
        drop(data);
        if was_empty {
            self.send_queue()?;
        }
        SocketTransport::maybe_pause_protocol(self)
    }

    fn check_writable(&self) -> Result<()> {
        if self.eof.get() {
            return Err(runtime_error("Cannot call write() after write_eof()"));
        }
        if !self.empty_waiter.is_empty() {
            return Err(runtime_error(SENDFILE_IN_PROGRESS));
        }
        Ok(())
    }

    /// Writes what the socket takes; a failure closes the transport.
    pub(super) fn flush(&self) -> Result<()> {
        let descriptor = self.base.descriptor.current()?;
        match self.queue.flush(|slices| socket::send_vectored(descriptor, slices)) {
            Ok(()) => Ok(()),
            Err(error) => self.fatal(Failure::System(error), "Fatal write error on socket transport"),
        }
    }

    /// `write_eof()`: the sending side is shut down once what waits is written.
    pub(super) fn write_eof(&self) -> Result<()> {
        self.send_due()?;
        if self.base.closing.get() || self.eof.replace(true) {
            return Ok(());
        }
        if self.queue.is_empty() {
            socket::shutdown_write(self.base.descriptor.current()?)?;
        }
        Ok(())
    }

    /// A future that is told when the queue is empty.
    pub(super) fn make_empty_waiter(&self) -> Result {
        if !self.empty_waiter.is_empty() {
            return Err(runtime_error("Empty waiter is already set"));
        }
        self.send_due()?;
        let Some(loop_) = self.base.loop_() else { return Ok(Object::none()) };
        let waiter = Own::new(Future::pending(&loop_))?;
        if self.queue.is_empty() {
            waiter.set_result(Object::none())?;
        }
        self.empty_waiter.put(waiter.as_object().clone());
        Ok(waiter.into_object())
    }

    /// Fails whoever waits for the socket to take a file: the wait is never going to be over otherwise.
    fn fail_empty_waiter(&self) -> Result<()> {
        let Some(waiter) = self.empty_waiter.take() else { return Ok(()) };
        let exception = Builtin::Connection.class().call(&[&Object::str("Connection is closed by peer")?])?;
        waiter::set_exception_unless_done(&waiter, &exception)
    }

    /// Leaves the server and gives the descriptor back.
    pub(super) fn dispose(&self) -> Result<()> {
        let mut error = FirstError::default();
        error.note(self.fail_empty_waiter());
        self.remember_addresses();
        self.reading.set(false);
        self.writing.set(false);
        error.note(self.base.close_descriptor(self.as_object()));
        self.base.release();
        if let Some(server) = self.server.take() {
            error.note(server.method1(&stdlib::SERVER_DETACH, self.as_object()).map(drop));
        }
        error.result()
    }
}

/// The loop's first call: the protocol hears of the connection, then the bytes may come.
fn start(object: &Object) -> Result<()> {
    let this = Own::<SocketTransport>::expect(object)?;
    this.base.in_context(|| {
        this.connected.set(true);
        lifecycle::start(this, &this.waiter, || this.start_reading())
    })
}

/// The socket is readable.
fn read_ready(object: &Object) -> Result<()> {
    let this = Own::<SocketTransport>::expect(object)?;
    // Paused or closed by a callback between the poll and now.
    if this.base.is_lost() || !this.reading.get() {
        return Ok(());
    }
    this.progress.last.set(LastRead::Full);
    let result = this.base.in_context(|| read_some(this));
    if this.reading.get()
        && this.tcp.get()
        && let Some(loop_) = this.base.loop_()
    {
        return result.and(loop_.read_on(this.base.descriptor.number(), this.progress.last.get()));
    }
    result
}

/// Reads until there is no more, or until others have waited long enough.
fn read_some(this: &Own<SocketTransport>) -> Result<()> {
    for _ in 0..READS_AT_ONCE {
        if this.buffered.get() && this.receive_directly.get().is_none() {
            read_into_protocol(this)
        } else {
            read_bytes(this)
        }?;
        // What the protocol has done meanwhile counts.
        let ended = this.progress.last.get() != LastRead::Full;
        if ended || !this.reading.get() || this.base.is_lost() {
            break;
        }
    }
    Ok(())
}

fn read_bytes(this: &Own<SocketTransport>) -> Result<()> {
    let Some(loop_) = this.base.loop_() else { return Ok(()) };
    this.batching.note_read(loop_.callback_number());
    let read = loop_.receive(this.base.descriptor.current()?, usize::MAX, &this.progress);
    let data = match read {
        Ok(Some(data)) => data?,
        Ok(None) => return read_end(this),
        Err(error) if is_transient(&error) => return Ok(()),
        Err(error) => return this.fatal(Failure::System(error), "Fatal read error on socket transport"),
    };
    let protocol = this.base.protocol();
    let (received, message) = if let Some(receive) = this.receive_directly.get() {
        (receive(&protocol, &data), "Fatal error: protocol.buffer_updated() call failed.")
    } else {
        let received = protocol.method1(&stdlib::DATA_RECEIVED, &data).map(drop);
        (received, "Fatal error: protocol.data_received() call failed.")
    };
    match received {
        Ok(()) => Ok(()),
        Err(raised) => {
            let exception = split_exit(raised)?;
            this.fatal(Failure::Exception(exception), message)
        }
    }
}

fn read_into_protocol(this: &Own<SocketTransport>) -> Result<()> {
    let protocol = this.base.protocol();
    let object = match protocol_buffer(&protocol) {
        Ok(object) => object,
        Err(raised) => {
            let exception = split_exit(raised)?;
            return this.fatal(Failure::Exception(exception), "Fatal error: protocol.get_buffer() call failed.");
        }
    };
    // A protocol that has closed the connection meanwhile gets once more what is there, as with asyncio.
    let Some(loop_) = this.base.loop_() else { return Ok(()) };
    this.batching.note_read(loop_.callback_number());
    let mut buffer = match writable(&object) {
        Ok(buffer) => buffer,
        Err(raised) => {
            let exception = split_exit(raised)?;
            return this.fatal(Failure::Exception(exception), "Fatal read error on socket transport");
        }
    };
    let most = buffer.as_slice().len();
    let read = socket::recv(this.base.descriptor.current()?, buffer.as_uninit());
    this.progress.note(&read, most);
    drop(buffer);
    let count = match read {
        Ok(0) => return read_end(this),
        Ok(count) => count,
        Err(error) if is_transient(&error) => return Ok(()),
        Err(error) => return this.fatal(Failure::System(error), "Fatal read error on socket transport"),
    };
    match protocol.method1(&stdlib::BUFFER_UPDATED, &Object::int(count as i64)?) {
        Ok(_) => Ok(()),
        Err(raised) => {
            let exception = split_exit(raised)?;
            this.fatal(Failure::Exception(exception), "Fatal error: protocol.buffer_updated() call failed.")
        }
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
        // To read nothing would look like the end of the stream.
        return Err(runtime_error("get_buffer() returned an empty buffer"));
    }
    Ok(buffer)
}

/// The peer sends no more.
fn read_end(this: &Own<SocketTransport>) -> Result<()> {
    match this.base.protocol().method0(&stdlib::EOF_RECEIVED).and_then(|answer| answer.is_true()) {
        Ok(true) => {
            // half-closed: the protocol goes on writing
            this.stop_reading();
            Ok(())
        }
        Ok(false) => this.close(),
        Err(raised) => {
            let exception = split_exit(raised)?;
            this.fatal(Failure::Exception(exception), "Fatal error: protocol.eof_received() call failed.")
        }
    }
}

/// The socket is writable.
fn write_ready(object: &Object) -> Result<()> {
    let this = Own::<SocketTransport>::expect(object)?;
    if this.base.is_lost() || !this.writing.get() {
        return Ok(());
    }
    this.base.in_context(|| {
        this.flush()?;
        if this.base.is_lost() {
            return Ok(());
        }
        this.base.with_protocol_context(object, |context| this.flow.maybe_resume(this.queue.size(), context))?;
        if !this.queue.is_empty() {
            return Ok(());
        }
        this.stop_writing();
        if let Some(waiter) = this.empty_waiter.get() {
            waiter::set_result_unless_done(&waiter, Object::none())?;
        }
        if this.base.closing.get() && !this.base.is_lost() {
            return this.base.schedule_connection_lost(
                object,
                None,
                lifecycle::connection_lost::<SocketTransport>,
            );
        }
        if this.eof.get() {
            socket::shutdown_write(this.base.descriptor.current()?)?;
        }
        Ok(())
    })
}
