//! ReadPipeTransport: the reading end of a pipe, a FIFO, a terminal.

use super::base::{Base, Failure};
use super::lifecycle::{self, Init, Traffic, Transport, transport_class};
use super::methods;
use super::stream::{self, Reader};
use crate::ffi::class::{Members, getter, unary_slot};
use crate::ffi::{Args, Class, Object, Own, Result, Signature, Visitor, bytes, context, sys};
use crate::loop_::Loop;
use crate::loop_::hooks::Callback;
use crate::stdlib;
use ferrio_reactor::{fd, socket};
use std::cell::Cell;
use std::ffi::CStr;
use std::io;

/// The body of a ReadPipeTransport.
#[derive(Default)]
#[repr(C)]
pub struct ReadPipeTransport {
    base: Base,
    received: Cell<u64>,
}

pub(super) static INIT: Signature = Signature {
    name: "PipeTransport",
    parameters: &["loop", "pipe", "protocol", "waiter", "extra"],
    positional: 5,
    required: 3,
    variadic: false,
};

/// `__init__` of both classes of pipe transports.
pub(super) fn init<T: Transport>(this: &Own<T>, args: &Args<'_>) -> Result<()> {
    let ([loop_, pipe, protocol], [waiter, extra], _) = args.bind::<3, 2>(&INIT)?;
    let loop_ = lifecycle::init(this, &Init { loop_, file: pipe, protocol, waiter, extra }, fd::set_nonblocking)?;
    this.base().set_extra("pipe", pipe)?;
    lifecycle::start_soon(this, &loop_)
}

/// The writer has closed its end: the loop's call after `data_received()`, before `connection_lost()`.
fn end(object: &Object, context: &Object) -> Result<()> {
    let base = &Own::<ReadPipeTransport>::expect(object)?.base;
    context::run(context, || base.protocol().method0(&stdlib::EOF_RECEIVED).map(drop))
}

impl Transport for ReadPipeTransport {
    fn base(&self) -> &Base {
        &self.base
    }

    fn read_ready(this: &Own<Self>) -> Result<()> {
        stream::read_bytes(this)
    }

    fn only_ends(failure: &Failure) -> bool {
        // A terminal whose other side is gone fails with EIO. That is a normal end.
        matches!(failure, Failure::System(error) if error.raw_os_error() == Some(socket::errno::EIO))
    }

    fn traffic(&self) -> Traffic {
        Traffic { received: self.received.get(), sent: 0, unsent: 0 }
    }

    fn describe(&self) -> String {
        lifecycle::polling(self.base.reading.get()).to_owned()
    }
}

impl Reader for ReadPipeTransport {
    const READ_FAILED: &'static str = "Fatal read error on pipe transport";

    fn receive(this: &Own<Self>, loop_: &Own<Loop>) -> Result<io::Result<Option<Result>>> {
        let descriptor = this.base.descriptor.current()?;
        Ok(loop_.with_read_buffer(|buffer| {
            let count = socket::read(descriptor, buffer)?;
            this.received.set(this.received.get() + count as u64);
            Ok((count > 0).then(|| Object::bytes(bytes::received(buffer, count))))
        }))
    }

    fn ended(this: &Own<Self>) -> Result<()> {
        static EOF_RECEIVED: Callback = Callback::new(c"eof_received");
        if let Some(loop_) = this.base.loop_() {
            loop_.push_with_argument(this.as_object(), end, context::copy_current()?, &EOF_RECEIVED)?;
        }
        lifecycle::close(this)
    }
}

impl Class for ReadPipeTransport {
    const NAME: &'static CStr = c"ferrio._core.ReadPipeTransport";
    const DOC: &'static CStr = c"ReadPipeTransport(loop, pipe, protocol, waiter=None, extra=None)\n--\n\nThe reading end of a pipe (see asyncio.ReadTransport).";
    transport_class!(ReadPipeTransport);

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        init(this, args)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.base.traverse(visitor);
    }

    fn clear(&self) {
        self.base.clear();
    }

    fn members() -> Members {
        Members {
            methods: [methods::common::<ReadPipeTransport>(), methods::reading::<ReadPipeTransport>()].concat(),
            properties: vec![
                methods::paused::<ReadPipeTransport>(),
                methods::loop_of::<ReadPipeTransport>(),
                methods::traffic::<ReadPipeTransport>(),
                getter::<ReadPipeTransport, _>(c"__class__", |_| stdlib::READ_TRANSPORT.get().cloned()),
            ],
            slots: vec![unary_slot::<ReadPipeTransport, _>(sys::Py_tp_repr, lifecycle::repr)],
        }
    }
}
