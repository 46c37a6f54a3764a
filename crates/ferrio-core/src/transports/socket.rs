//! SocketTransport: a connected stream socket.
//!
//! This file has its state and its writing. [`super::socket_receive`] has its reading, [`super::socket_methods`] its
//! Python methods. Most writes are tried at once; [`super::write_batching`] decides which wait for the end of the
//! loop's iteration.

use super::base::Base;
use super::buffering::Buffering;
use super::flow::Flow;
use super::lifecycle::{self, Traffic, Transport};
use super::native_protocol::{self, Receive};
use super::socket_receive;
use super::stream::{self, Writer};
use super::write_batching::WriteBatching;
use super::write_queue::{Data, WriteQueue};
use crate::compat::STREAM_BYTES_LIKE;
use crate::ffi::error::{Builtin, runtime_error};
use crate::ffi::{Object, Own, Result, Slot};
use crate::futures::{Future, waiter};
use crate::loop_::{Direction, Loop, Progress};
use crate::stdlib;
use ferrio_reactor::address::Address;
use ferrio_reactor::socket;
use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;

/// The warning about writes to a lost connection.
const LOST_WRITE: &str = "socket.send() raised exception.";

/// The error of a write while `loop.sendfile()` waits for the queue to be empty, or sends the file.
const SENDFILE_IN_PROGRESS: &str = "unable to write; sendfile is in progress";

/// The body of a SocketTransport.
#[derive(Default)]
#[repr(C)]
pub struct SocketTransport {
    pub(super) base: Base,
    pub(super) queue: WriteQueue,
    pub(super) flow: Flow,
    pub(super) batching: WriteBatching,
    pub(super) server: Slot,
    /// A future that is set once the queue is empty. Writing is refused while it is there.
    pub(super) empty_waiter: Slot,
    pub(super) peer: RefCell<Option<Address>>,
    pub(super) progress: Progress,
    /// Whether it is a TCP socket. Only for TCP, a short read means that nothing is left.
    tcp: Cell<bool>,
    /// How the protocol receives, if it is one of Ferrio's own.
    pub(super) receive_directly: Cell<Option<Receive>>,
    /// Whether the protocol has its own buffer (`BufferedProtocol`).
    pub(super) buffered: Cell<bool>,
    /// `write_eof()` was called.
    eof: Cell<bool>,
}

impl SocketTransport {
    /// A transport that takes over a connected, non-blocking socket. Nothing else uses the context.
    pub fn accepted(
        loop_: &Own<Loop>,
        accepted: OwnedFd,
        protocol: &Object,
        peer: Option<Address>,
        server: &Object,
        context: Object,
    ) -> Result<Own<SocketTransport>> {
        let body = SocketTransport::default();
        *body.peer.borrow_mut() = peer;
        let this = Own::new(body)?;
        this.base.begin_init()?;
        this.base.open(loop_, protocol, context);
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
        // Small writes are sent at once, as in asyncio. It fails for other kinds of sockets.
        self.tcp.set(socket::set_no_delay(self.base.descriptor.current()?).is_ok());
        if let Some(server) = server.filter(|server| !server.is_none()) {
            server.method1(&stdlib::ATTACH, self.as_object())?;
            self.server.put(server.clone());
        }
        lifecycle::start_soon(self, loop_)
    }

    /// Sets the protocol, and finds out how it receives.
    pub(super) fn adopt_protocol(&self, protocol: &Object) -> Result<()> {
        self.send_due()?;
        self.receive_directly.set(native_protocol::receive_of(protocol));
        self.buffered.set(protocol.isinstance(stdlib::BUFFERED_PROTOCOL.get()?)?);
        self.base.set_protocol(protocol);
        Ok(())
    }

    /// `write(data)`.
    #[inline]
    pub fn write(&self, object: &Object) -> Result<()> {
        let data = Data::of(object, STREAM_BYTES_LIKE)?;
        self.check_writable()?;
        // Once, because this asks the interpreter.
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
        stream::send(self, data)
    }

    /// `writelines(chunks)`: one vectored write.
    pub(super) fn writelines(&self, chunks: &Object) -> Result<()> {
        self.check_writable()?;
        if self.base.is_lost() {
            return self.base.note_late_write(LOST_WRITE);
        }
        let chunks = chunks.to_list()?.list_items();
        // All chunks are checked before any is taken.
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

    /// `write_eof()`: shuts down the sending side when everything is sent.
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

    /// A future that is done when the queue is empty.
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

    /// Fails the future that waits for the queue to be empty. Otherwise the wait would never end.
    pub(super) fn fail_empty_waiter(&self) -> Result<()> {
        let Some(waiter) = self.empty_waiter.take() else { return Ok(()) };
        let exception = Builtin::Connection.class().call(&[&Object::str("Connection is closed by peer")?])?;
        waiter::set_exception_unless_done(&waiter, &exception)
    }
}

impl Transport for SocketTransport {
    fn base(&self) -> &Base {
        &self.base
    }

    fn read_ready(this: &Own<Self>) -> Result<()> {
        this.read_some()
    }

    fn watch_for_reading(this: &Own<Self>, loop_: &Own<Loop>, descriptor: i32) -> Result<()> {
        if this.tcp.get() {
            return loop_.watch_edges(descriptor, this.as_object(), socket_receive::tcp_read_ready);
        }
        loop_.watch_native(descriptor, Direction::Read, this.as_object(), lifecycle::read_ready::<Self>)
    }

    fn has_unsent(&self) -> bool {
        !self.queue.is_empty()
    }

    fn discard_unsent(&self) {
        self.queue.clear();
    }

    fn traffic(&self) -> Traffic {
        Traffic { received: self.progress.total.get(), sent: self.queue.sent(), unsent: self.queue.size() }
    }

    fn send_due(this: &Own<Self>) -> Result<()> {
        this.send_due()
    }

    fn failing(this: &Own<Self>, exception: &Object) -> Result<()> {
        let Some(waiter) = this.empty_waiter.take() else { return Ok(()) };
        waiter::set_exception_unless_done(&waiter, exception)
    }

    fn closing_descriptor(this: &Own<Self>) -> Result<()> {
        let failed = this.fail_empty_waiter();
        this.remember_addresses();
        failed
    }

    fn closed(this: &Own<Self>) -> Result<()> {
        let Some(server) = this.server.take() else { return Ok(()) };
        server.method1(&stdlib::SERVER_DETACH, this.as_object()).map(drop)
    }

    fn extra_info(this: &Own<Self>, name: &Object, default: &Object) -> Result {
        // The program may be about to write to the socket that it asks for.
        this.send_due()?;
        this.extra_info(name, default)
    }

    fn adopt_protocol(this: &Own<Self>, protocol: &Object) -> Result<()> {
        this.adopt_protocol(protocol)
    }

    fn describe(&self) -> String {
        lifecycle::describe_both(&self.base, self.queue.size())
    }
}

impl Buffering for SocketTransport {
    fn flow(&self) -> &Flow {
        &self.flow
    }

    fn buffer_size(&self) -> usize {
        self.queue.size()
    }

    fn flush(this: &Own<Self>) -> Result<()> {
        stream::flush(this)
    }

    fn all_sent(this: &Own<Self>) -> Result<()> {
        if let Some(waiter) = this.empty_waiter.get() {
            waiter::set_result_unless_done(&waiter, Object::none())?;
        }
        if this.eof.get() && !this.base.closing.get() {
            socket::shutdown_write(this.base.descriptor.current()?)?;
        }
        Ok(())
    }
}

impl Writer for SocketTransport {
    const WRITE_FAILED: &'static str = "Fatal write error on socket transport";

    fn queue(&self) -> &WriteQueue {
        &self.queue
    }

    #[inline]
    fn send(descriptor: i32, bytes: &[u8]) -> io::Result<usize> {
        socket::send(descriptor, bytes)
    }

    fn send_vectored(descriptor: i32, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        socket::send_vectored(descriptor, pieces)
    }

    #[inline]
    fn write(this: &Own<Self>, data: &Object) -> Result<()> {
        this.write(data)
    }

    fn writelines(this: &Own<Self>, chunks: &Object) -> Result<()> {
        this.writelines(chunks)
    }

    fn write_eof(this: &Own<Self>) -> Result<()> {
        this.write_eof()
    }
}
