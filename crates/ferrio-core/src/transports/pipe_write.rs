//! WritePipeTransport: the writing end of a pipe, a FIFO, a terminal.
//!
//! Where the kernel can tell that the reader has gone (pipes, FIFOs, sockets), the loop watches the
//! descriptor for it.

use super::base::{Base, Failure};
use super::flow::Flow;
use super::lifecycle::{self, Transport};
use super::methods::{self, Buffering};
use super::pipe_read::{INIT, repr};
use super::write_queue::{Data, WriteQueue};
use crate::compat::BYTES_LIKE;
use crate::ffi::class::{Members, getter, method0, method1, property, type_cell, unary_slot};
use crate::ffi::error::{Builtin, type_error};
use crate::ffi::{Args, Class, Object, Own, Result, Slot, Visitor, sys};
use crate::loop_::runnable::Runnable;
use crate::loop_::{Direction, Loop, descriptor_of};
use crate::stdlib::{self, JOIN};
use ferrio_reactor::socket;
use ferrio_reactor::socket::is_transient;
use std::cell::Cell;
use std::ffi::CStr;
use std::io::IoSlice;
use std::mem::offset_of;

/// The body of a WritePipeTransport.
#[derive(Default)]
#[repr(C)]
pub struct WritePipeTransport {
    base: Base,
    queue: WriteQueue,
    flow: Flow,
    waiter: Slot,
    /// Whether the reader's going can be watched for.
    watchable: Cell<bool>,
    watching: Cell<bool>,
    writing: Cell<bool>,
}

impl Own<WritePipeTransport> {
    fn watch(&self) -> Result<()> {
        if self.watchable.get()
            && !self.base.closing.get()
            && let Some(loop_) = self.base.loop_()
        {
            loop_.watch_native(
                self.base.descriptor.to_watch()?,
                Direction::Read,
                self.as_object(),
                reader_gone,
            )?;
            self.watching.set(true);
        }
        Ok(())
    }

    fn unwatch(&self, which: &Cell<bool>, direction: Direction) {
        if which.replace(false)
            && let Some(loop_) = self.base.loop_()
        {
            loop_.stop_watching(self.base.descriptor.number(), direction, self.as_object());
        }
    }

    fn write(&self, object: &Object) -> Result<()> {
        let data = Data::of(object, BYTES_LIKE)?;
        if data.as_slice().is_empty() {
            return Ok(());
        }
        if self.base.is_lost() || self.base.closing.get() {
            return self.base.note_late_write("pipe closed by peer or os.write(pipe, data) raised exception.");
        }
        let mut written = 0;
        if self.queue.is_empty() {
            match socket::write_vectored(self.base.descriptor.current()?, &[IoSlice::new(data.as_slice())]) {
                Ok(count) => written = count,
                Err(error) if is_transient(&error) => {}
                Err(error) => return self.fatal(Failure::System(error), "Fatal write error on pipe transport"),
            }
            if written == data.as_slice().len() {
                return Ok(());
            }
            if let Some(loop_) = self.base.loop_() {
                loop_.watch_native(
                    self.base.descriptor.to_watch()?,
                    Direction::Write,
                    self.as_object(),
                    write_ready,
                )?;
                self.writing.set(true);
            }
        }
        self.queue.push(&data, written);
        drop(data);
        WritePipeTransport::maybe_pause_protocol(self)
    }

    /// `write_eof()`, `close()`: closes once what waits is written.
    fn finish(&self) -> Result<()> {
        if self.base.closing.replace(true) || !self.base.is_open() {
            return Ok(());
        }
        if self.queue.is_empty() {
            self.unwatch(&self.watching, Direction::Read);
            return self.base.schedule_connection_lost(
                self.as_object(),
                None,
                lifecycle::connection_lost::<WritePipeTransport>,
            );
        }
        Ok(())
    }

    /// Closes at once; what waits is lost.
    fn force_close(&self, exception: Option<Object>) -> Result<()> {
        self.base.closing.set(true);
        self.queue.clear();
        self.unwatch(&self.writing, Direction::Write);
        self.unwatch(&self.watching, Direction::Read);
        if self.base.is_lost() {
            return Ok(());
        }
        self.base.schedule_connection_lost(
            self.as_object(),
            exception,
            lifecycle::connection_lost::<WritePipeTransport>,
        )
    }

    #[cold]
    fn fatal(&self, failure: Failure, message: &str) -> Result<()> {
        let (exception, system) = failure.into_exception()?;
        self.base.report(self.as_object(), &exception, system, message)?;
        self.force_close(Some(exception))
    }

    fn dispose(&self) -> Result<()> {
        self.writing.set(false);
        self.watching.set(false);
        let closed = self.base.close_descriptor(self.as_object());
        self.base.release();
        closed
    }

    fn repr(&self) -> Result {
        let state = if self.writing.get() { "polling" } else { "idle" };
        repr(self.as_object(), &self.base, state, &format!(" bufsize={}", self.queue.size()))
    }
}

fn start(object: &Object) -> Result<()> {
    let this = Own::<WritePipeTransport>::expect(object)?;
    this.base.in_context(|| lifecycle::start(this, &this.waiter, || this.watch()))
}

fn write_ready(object: &Object) -> Result<()> {
    let this = Own::<WritePipeTransport>::expect(object)?;
    if this.base.is_lost() || !this.writing.get() {
        return Ok(());
    }
    this.base.in_context(|| {
        let descriptor = this.base.descriptor.current()?;
        if let Err(error) = this.queue.flush(|slices| socket::write_vectored(descriptor, slices)) {
            return this.fatal(Failure::System(error), "Fatal write error on pipe transport");
        }
        if this.queue.is_empty() {
            this.unwatch(&this.writing, Direction::Write);
        }
        this.base.with_protocol_context(object, |context| this.flow.maybe_resume(this.queue.size(), context))?;
        if this.queue.is_empty() && this.base.closing.get() && !this.base.is_lost() {
            this.unwatch(&this.watching, Direction::Read);
            return this.base.schedule_connection_lost(
                object,
                None,
                lifecycle::connection_lost::<WritePipeTransport>,
            );
        }
        Ok(())
    })
}

/// The reader has closed its end.
fn reader_gone(object: &Object) -> Result<()> {
    let this = Own::<WritePipeTransport>::expect(object)?;
    if !this.watching.get() {
        return Ok(());
    }
    if this.queue.is_empty() {
        return this.force_close(None);
    }
    this.force_close(Some(Builtin::BrokenPipe.class().call0()?))
}

impl Transport for WritePipeTransport {
    fn base(&self) -> &Base {
        &self.base
    }

    fn close(this: &Own<Self>) -> Result<()> {
        this.finish()
    }

    fn fatal(this: &Own<Self>, failure: Failure, message: &str) -> Result<()> {
        this.fatal(failure, message)
    }

    fn dispose(this: &Own<Self>) -> Result<()> {
        this.dispose()
    }
}

impl Buffering for WritePipeTransport {
    fn flow(&self) -> &Flow {
        &self.flow
    }

    fn buffer_size(&self) -> usize {
        self.queue.size()
    }

    fn abort(this: &Own<Self>) -> Result<()> {
        this.force_close(None)
    }
}

impl Class for WritePipeTransport {
    const NAME: &'static CStr = c"ferrio._core.WritePipeTransport";
    const DOC: &'static CStr = c"WritePipeTransport(loop, pipe, protocol, waiter=None, extra=None)\n--\n\nThe writing end of a pipe (see asyncio.WriteTransport).";
    const WEAK: Option<usize> = Some(offset_of!(WritePipeTransport, base) + offset_of!(Base, weak));
    const DICT: Option<usize> = Some(offset_of!(WritePipeTransport, base) + offset_of!(Base, dict));
    const FINALIZES: bool = true;
    type_cell!();

    fn empty() -> Self {
        WritePipeTransport::default()
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
            methods: [
                methods::lifecycle::<WritePipeTransport>(),
                methods::buffering::<WritePipeTransport>(),
                writing(),
            ]
            .concat(),
            properties: vec![
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
            slots: vec![unary_slot::<WritePipeTransport, _>(sys::Py_tp_repr, |this| this.repr())],
        }
    }
}

fn writing() -> Vec<crate::ffi::class::Method> {
    vec![
        method1::<WritePipeTransport, _>(
            c"write",
            |this, data| this.write(data).map(|()| Object::none()),
            c"write($self, data, /)\n--\n\nWrite bytes; what the pipe does not take at once waits in a buffer.",
        ),
        method1::<WritePipeTransport, _>(
            c"writelines",
            |this, chunks| this.write(&Object::bytes(b"")?.method1(&JOIN, chunks)?).map(|()| Object::none()),
            c"writelines($self, list_of_data, /)\n--\n\nWrite an iterable of bytes.",
        ),
        method0::<WritePipeTransport, _>(
            c"write_eof",
            |this| this.finish().map(|()| Object::none()),
            c"write_eof($self, /)\n--\n\nClose the pipe once what waits is written.",
        ),
        method0::<WritePipeTransport, _>(
            c"can_write_eof",
            |_| Ok(Object::bool(true)),
            c"can_write_eof($self, /)\n--\n\nReturn True.",
        ),
    ]
}
