//! WritePipeTransport: the writing end of a pipe, a FIFO, a terminal.
//!
//! The kernel can tell that the reader of a pipe, a FIFO or a socket has gone, so the loop watches these descriptors
//! for reading.

use super::base::Base;
use super::buffering::Buffering;
use super::flow::Flow;
use super::lifecycle::{self, Traffic, Transport, transport_class};
use super::methods;
use super::pipe_read;
use super::stream::{self, Writer};
use super::write_queue::{Data, WriteQueue};
use crate::compat::BYTES_LIKE;
use crate::ffi::class::{Members, getter, property, unary_slot};
use crate::ffi::error::Builtin;
use crate::ffi::{Args, Class, Object, Own, Result, Visitor, sys};
use crate::stdlib::{self, JOIN};
use ferrio_reactor::socket;
use std::cell::Cell;
use std::ffi::CStr;
use std::io::{self, IoSlice};

/// The body of a WritePipeTransport.
#[derive(Default)]
#[repr(C)]
pub struct WritePipeTransport {
    base: Base,
    queue: WriteQueue,
    flow: Flow,
    /// Whether the kernel can tell that the reader has gone.
    watchable: Cell<bool>,
}

impl Transport for WritePipeTransport {
    const WATCHES_WHILE_CLOSING: bool = true;

    fn base(&self) -> &Base {
        &self.base
    }

    /// The reader has closed its end.
    fn read_ready(this: &Own<Self>) -> Result<()> {
        let exception = this.has_unsent().then(|| Builtin::BrokenPipe.class().call0()).transpose()?;
        lifecycle::force_close(this, exception)
    }

    fn wants_to_read(&self) -> bool {
        self.watchable.get() && !self.base.closing.get()
    }

    fn has_unsent(&self) -> bool {
        !self.queue.is_empty()
    }

    fn discard_unsent(&self) {
        self.queue.clear();
    }

    fn traffic(&self) -> Traffic {
        Traffic { received: 0, sent: self.queue.sent(), unsent: self.queue.size() }
    }

    fn describe(&self) -> String {
        format!("{} bufsize={}", lifecycle::polling(self.base.writing.get()), self.queue.size())
    }
}

impl Buffering for WritePipeTransport {
    fn flow(&self) -> &Flow {
        &self.flow
    }

    fn buffer_size(&self) -> usize {
        self.queue.size()
    }

    fn flush(this: &Own<Self>) -> Result<()> {
        stream::flush(this)
    }
}

impl Writer for WritePipeTransport {
    const WRITE_FAILED: &'static str = "Fatal write error on pipe transport";

    fn queue(&self) -> &WriteQueue {
        &self.queue
    }

    fn send(descriptor: i32, bytes: &[u8]) -> io::Result<usize> {
        socket::write_vectored(descriptor, &[IoSlice::new(bytes)])
    }

    fn send_vectored(descriptor: i32, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        socket::write_vectored(descriptor, pieces)
    }

    fn write(this: &Own<Self>, object: &Object) -> Result<()> {
        let data = Data::of(object, BYTES_LIKE)?;
        if data.as_slice().is_empty() {
            return Ok(());
        }
        if this.base.is_lost() || this.base.closing.get() {
            return this.base.note_late_write("pipe closed by peer or os.write(pipe, data) raised exception.");
        }
        stream::send(this, data)
    }

    fn writelines(this: &Own<Self>, chunks: &Object) -> Result<()> {
        Self::write(this, &Object::bytes(b"")?.method1(&JOIN, chunks)?)
    }

    fn write_eof(this: &Own<Self>) -> Result<()> {
        lifecycle::close(this)
    }
}

impl Class for WritePipeTransport {
    const NAME: &'static CStr = c"ferrio._core.WritePipeTransport";
    const DOC: &'static CStr = c"WritePipeTransport(loop, pipe, protocol, waiter=None, extra=None)\n--\n\nThe writing end of a pipe (see asyncio.WriteTransport).";
    transport_class!(WritePipeTransport);

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        pipe_read::init(this, args)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.base.traverse(visitor);
        self.flow.traverse(visitor);
    }

    fn clear(&self) {
        self.flow.clear();
        self.base.clear();
    }

    fn members() -> Members {
        Members {
            methods: [
                methods::common::<WritePipeTransport>(),
                methods::buffering::<WritePipeTransport>(),
                methods::writing::<WritePipeTransport>(),
                methods::not_reading::<WritePipeTransport>(),
            ]
            .concat(),
            properties: vec![
                methods::loop_of::<WritePipeTransport>(),
                methods::traffic::<WritePipeTransport>(),
                getter::<WritePipeTransport, _>(c"__class__", |_| stdlib::WRITE_TRANSPORT.get().cloned()),
                property::<WritePipeTransport, _, _>(
                    c"_watchable",
                    |this| Ok(Object::bool(this.watchable.get())),
                    |this, value| {
                        this.watchable.set(value.is_true()?);
                        Ok(())
                    },
                ),
            ],
            slots: vec![unary_slot::<WritePipeTransport, _>(sys::Py_tp_repr, lifecycle::repr)],
        }
    }
}
