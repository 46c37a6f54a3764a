//! ReadPipeTransport: the reading end of a pipe, a FIFO, a terminal.

use super::base::{Base, Failure, split_exit};
use super::lifecycle::{self, Transport};
use super::methods;
use crate::ffi::class::{Members, getter, method0, type_cell, unary_slot};
use crate::ffi::error::type_error;
use crate::ffi::{Args, Class, Object, Own, Result, Signature, Slot, Visitor, bytes, sys};
use crate::loop_::runnable::Runnable;
use crate::loop_::{Direction, Loop, descriptor_of};
use crate::stdlib;
use ferrio_reactor::socket;
use ferrio_reactor::socket::is_transient;
use std::cell::Cell;
use std::ffi::CStr;
use std::mem::offset_of;

/// The body of a ReadPipeTransport.
#[derive(Default)]
#[repr(C)]
pub struct ReadPipeTransport {
    base: Base,
    waiter: Slot,
    paused: Cell<bool>,
    reading: Cell<bool>,
    connected: Cell<bool>,
}

pub(super) static INIT: Signature = Signature {
    name: "PipeTransport",
    parameters: &["loop", "pipe", "protocol", "waiter", "extra"],
    positional: 5,
    required: 3,
    variadic: false,
};

impl Own<ReadPipeTransport> {
    fn is_reading(&self) -> bool {
        !self.base.closing.get() && !self.paused.get()
    }

    fn start_reading(&self) -> Result<()> {
        if self.is_reading()
            && self.connected.get()
            && !self.reading.get()
            && let Some(loop_) = self.base.loop_()
        {
            loop_.watch_native(self.base.descriptor.to_watch()?, Direction::Read, self.as_object(), read_ready)?;
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

    fn close(&self, exception: Option<Object>) -> Result<()> {
        if self.base.closing.replace(true) {
            return Ok(());
        }
        self.stop_reading();
        self.base.schedule_connection_lost(
            self.as_object(),
            exception,
            lifecycle::connection_lost::<ReadPipeTransport>,
        )
    }

    #[cold]
    fn fatal(&self, failure: Failure, message: &str) -> Result<()> {
        // A terminal whose other side is gone answers EIO: an end like any other.
        let ended = matches!(&failure, Failure::System(error) if error.raw_os_error() == Some(socket::errno::EIO));
        let (exception, _) = failure.into_exception()?;
        self.base.report(self.as_object(), &exception, ended, message)?;
        self.close(Some(exception))
    }

    fn dispose(&self) -> Result<()> {
        self.reading.set(false);
        let closed = self.base.close_descriptor(self.as_object());
        self.base.release();
        closed
    }

    fn repr(&self) -> Result {
        let state = if self.reading.get() { "polling" } else { "idle" };
        repr(self.as_object(), &self.base, state, "")
    }
}

/// `<Name closing fd=5 polling>`.
pub(super) fn repr(object: &Object, base: &Base, state: &str, more: &str) -> Result {
    let mut info = vec![object.type_name()];
    if !base.is_open() {
        info.push("closed".to_owned());
    } else {
        if base.closing.get() {
            info.push("closing".to_owned());
        }
        info.push(format!("fd={}", base.descriptor.number()));
        info.push(state.to_owned());
    }
    Object::str(&format!("<{}{more}>", info.join(" ")))
}

fn start(object: &Object) -> Result<()> {
    let this = Own::<ReadPipeTransport>::expect(object)?;
    this.base.in_context(|| {
        this.connected.set(true);
        lifecycle::start(this, &this.waiter, || this.start_reading())
    })
}

fn read_ready(object: &Object) -> Result<()> {
    let this = Own::<ReadPipeTransport>::expect(object)?;
    if this.base.is_lost() || !this.reading.get() {
        return Ok(());
    }
    let Some(loop_) = this.base.loop_() else { return Ok(()) };
    let descriptor = this.base.descriptor.current()?;
    let read = loop_.with_read_buffer(|buffer| {
        let count = socket::read(descriptor, buffer)?;
        let bytes = bytes::received(buffer, count);
        Ok(if count == 0 { None } else { Some(Object::bytes(bytes)) })
    });
    this.base.in_context(|| match read {
        Ok(Some(data)) => {
            let told = this.base.protocol().method1(&stdlib::DATA_RECEIVED, &data?);
            told.map(drop).or_else(|raised| {
                let exception = split_exit(raised)?;
                this.fatal(Failure::Exception(exception), "Fatal error: protocol.data_received() call failed.")
            })
        }
        Ok(None) => {
            loop_.push(Runnable::method(object.clone(), end))?;
            this.close(None)
        }
        Err(error) if is_transient(&error) => Ok(()),
        Err(error) => this.fatal(Failure::System(error), "Fatal read error on pipe transport"),
    })
}

fn end(object: &Object) -> Result<()> {
    let this = Own::<ReadPipeTransport>::expect(object)?;
    this.base.in_context(|| this.base.protocol().method0(&stdlib::EOF_RECEIVED).map(drop))
}

impl Transport for ReadPipeTransport {
    fn base(&self) -> &Base {
        &self.base
    }

    fn close(this: &Own<Self>) -> Result<()> {
        this.close(None)
    }

    fn fatal(this: &Own<Self>, failure: Failure, message: &str) -> Result<()> {
        this.fatal(failure, message)
    }

    fn dispose(this: &Own<Self>) -> Result<()> {
        this.dispose()
    }
}

impl Class for ReadPipeTransport {
    const NAME: &'static CStr = c"ferrio._core.ReadPipeTransport";
    const DOC: &'static CStr = c"ReadPipeTransport(loop, pipe, protocol, waiter=None, extra=None)\n--\n\nThe reading end of a pipe (see asyncio.ReadTransport).";
    const WEAK: Option<usize> = Some(offset_of!(ReadPipeTransport, base) + offset_of!(Base, weak));
    const DICT: Option<usize> = Some(offset_of!(ReadPipeTransport, base) + offset_of!(Base, dict));
    const FINALIZES: bool = true;
    type_cell!();

    fn empty() -> Self {
        ReadPipeTransport::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([loop_, pipe, protocol], [waiter, extra], _) = args.bind::<3, 2>(&INIT)?;
        let Some(loop_) = Own::<Loop>::downcast(loop_) else {
            return Err(type_error("loop must be a ferrio.Loop"));
        };
        this.base.begin_init()?;
        this.base.merge_extra(extra)?;
        let descriptor = descriptor_of(pipe)?;
        ferrio_reactor::fd::set_nonblocking(descriptor)?;
        this.base.open(loop_, protocol)?;
        this.base.descriptor.put_file(pipe, descriptor)?;
        this.base.set_extra("pipe", pipe)?;
        this.waiter.set(waiter.filter(|waiter| !waiter.is_none()).cloned());
        loop_.claim(this.base.descriptor.number(), this.as_object())?;
        loop_.push(Runnable::method(this.as_object().clone(), start))
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.base.traverse(visitor);
        visitor.slot(&self.waiter);
    }

    fn clear(&self) {
        self.waiter.clear();
        self.base.clear();
    }

    fn finalize(this: &Own<Self>) {
        lifecycle::finalize(this);
    }

    fn members() -> Members {
        Members {
            methods: [methods::lifecycle::<ReadPipeTransport>(), reading()].concat(),
            properties: vec![getter::<ReadPipeTransport, _>(c"__class__", |_| {
                stdlib::READ_TRANSPORT.get().cloned()
            })],
            slots: vec![unary_slot::<ReadPipeTransport, _>(sys::Py_tp_repr, |this| this.repr())],
        }
    }
}

fn reading() -> Vec<crate::ffi::class::Method> {
    vec![
        method0::<ReadPipeTransport, _>(
            c"is_reading",
            |this| Ok(Object::bool(this.is_reading())),
            c"is_reading($self, /)\n--\n\nReturn True if the protocol is given what arrives.",
        ),
        method0::<ReadPipeTransport, _>(
            c"pause_reading",
            |this| {
                if this.is_reading() {
                    this.paused.set(true);
                    this.stop_reading();
                }
                Ok(Object::none())
            },
            c"pause_reading($self, /)\n--\n\nStop giving the protocol what arrives.",
        ),
        method0::<ReadPipeTransport, _>(
            c"resume_reading",
            |this| {
                if !this.base.closing.get() && this.paused.replace(false) {
                    this.start_reading()?;
                }
                Ok(Object::none())
            },
            c"resume_reading($self, /)\n--\n\nGive the protocol again what arrives.",
        ),
    ]
}
