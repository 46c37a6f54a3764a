//! Base: what every transport has. Its loop, its descriptor, its protocol, its extra information, its state.
//!
//! The life of a transport:
//!
//! ```text
//!   open ----> closing ----------> lost ----------> closed
//!     |  close()   nothing is unsent ^  connection_lost() has been
//!     |                              |  called; descriptor given back
//!     +------------------------------+
//!        abort(), a fatal error
//! ```
//!
//! A transport is lost from the moment when the call of `connection_lost()` is scheduled. Writes to a lost transport
//! are counted, and the fifth and all later ones are logged.

use super::descriptor::Descriptor;
use super::flow::ProtocolContext;
use crate::ffi::class::{Dict, WeakList};
use crate::ffi::error::{Builtin, runtime_error};
use crate::ffi::{Object, Own, Raised, Result, Slot, Visitor, context, dict, traceback};
use crate::loop_::hooks::Callback;
use crate::loop_::{Direction, Loop};
use crate::stdlib;
use std::cell::Cell;

/// The first write to a lost transport that is logged; asyncio's `LOG_THRESHOLD_FOR_CONNLOST_WRITES`.
pub const WRITES_BEFORE_WARNING: u32 = 5;

/// The beginning of every transport's body.
#[derive(Default)]
#[repr(C)]
pub struct Base {
    loop_: Slot<Own<Loop>>,
    pub descriptor: Descriptor,
    protocol: Slot,
    /// A dict, created when it is needed.
    extra: Slot,
    /// The context of the loop's next call: `connection_made()`, `data_received()`, `connection_lost()`.
    context: Slot,
    /// The context of the call when the descriptor takes more.
    write_context: Slot,
    /// Whether `__init__` was called.
    begun: Cell<bool>,
    pub closing: Cell<bool>,
    /// `connection_made()` was called.
    pub connected: Cell<bool>,
    /// `pause_reading()` was called.
    pub paused: Cell<bool>,
    /// Whether the loop watches the descriptor for reading and for writing.
    pub reading: Cell<bool>,
    pub writing: Cell<bool>,
    /// Whether the call of `connection_lost()` is scheduled, or done.
    lost: Cell<bool>,
    /// How many writes were too late.
    late_writes: Cell<u32>,
    /// The argument of `connection_lost()`.
    lost_exception: Slot,
    /// A future that is set once the transport has started.
    pub waiter: Slot,
    pub weak: WeakList,
    pub dict: Dict,
}

impl Base {
    /// Begins `__init__`. `RuntimeError` the second time, because what the first one opened would not be closed.
    pub fn begin_init(&self) -> Result<()> {
        if self.begun.replace(true) { Err(runtime_error("the transport is already initialized")) } else { Ok(()) }
    }

    /// Sets the loop, the protocol and a context that nothing else uses.
    pub fn open(&self, loop_: &Own<Loop>, protocol: &Object, context: Object) {
        self.loop_.put(loop_.clone());
        self.protocol.put(protocol.clone());
        self.context.put(context);
    }

    /// The loop. A transport that was closed or cleared has none.
    #[inline]
    pub fn loop_(&self) -> Option<Own<Loop>> {
        self.loop_.get()
    }

    /// The protocol, or None.
    #[inline]
    pub fn protocol(&self) -> Object {
        self.protocol.get_or_none()
    }

    /// Changes the protocol.
    pub fn set_protocol(&self, protocol: &Object) {
        self.protocol.put(protocol.clone());
    }

    /// Whether the transport still has its descriptor.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.descriptor.is_open()
    }

    /// Whether the call of `connection_lost()` is scheduled, or done.
    #[inline]
    pub fn is_lost(&self) -> bool {
        self.lost.get()
    }

    /// Counts a write to a lost transport. The fifth and all later ones are logged.
    #[cold]
    pub fn note_late_write(&self, message: &str) -> Result<()> {
        let count = self.late_writes.get().saturating_add(1);
        self.late_writes.set(count);
        if count >= WRITES_BEFORE_WARNING {
            stdlib::LOGGER.get()?.method1(&stdlib::WARNING, &Object::str(message)?)?;
        }
        Ok(())
    }

    /// An entry of the extra information, or the default.
    pub fn extra(&self, name: &Object, default: &Object) -> Result {
        let Some(extra) = self.extra.get() else { return Ok(default.clone()) };
        Ok(dict::get(&extra, name)?.unwrap_or_else(|| default.clone()))
    }

    /// Sets an entry of the extra information.
    pub fn set_extra(&self, name: &str, value: &Object) -> Result<()> {
        let extra = match self.extra.get() {
            Some(extra) => extra,
            None => {
                let extra = dict::new()?;
                self.extra.put(extra.clone());
                extra
            }
        };
        dict::set(&extra, &Object::str(name)?, value)
    }

    /// Adds further extra information.
    pub fn merge_extra(&self, entries: Option<&Object>) -> Result<()> {
        let Some(entries) = entries.filter(|entries| !entries.is_none()) else { return Ok(()) };
        let extra = dict::new()?;
        dict::update(&extra, entries)?;
        self.extra.put(extra);
        Ok(())
    }

    /// Calls `work` in the transport's context.
    #[inline]
    pub fn in_context<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        match self.context.get() {
            Some(context) => context::run(&context, work),
            None => work(),
        }
    }

    /// Calls `work` in the context that the transport began with. Later calls do not see its changes there.
    pub fn in_first_context<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let Some(first) = self.context.get() else { return work() };
        let next = context::copy(&first)?;
        self.context.put(next.clone());
        let result = context::run(&first, work);
        // Reading starts whatever the call has done, because asyncio schedules it before.
        if !self.is_lost() {
            self.context.put(next);
        }
        result
    }

    /// Makes the loop's next calls run in a copy of the current context.
    pub fn adopt_context(&self) -> Result<()> {
        if let Some(context) = self.callers_context()? {
            self.context.put(context);
        }
        Ok(())
    }

    /// As [`Base::adopt_context`], for the call when the descriptor takes more.
    pub fn adopt_write_context(&self) -> Result<()> {
        self.write_context.set(self.callers_context()?);
        Ok(())
    }

    /// A copy of the current context. At the end of an iteration there is none.
    fn callers_context(&self) -> Result<Option<Object>> {
        let is_at_end = self.loop_().is_some_and(|loop_| loop_.is_running() && loop_.callback().is_none());
        if is_at_end { Ok(None) } else { context::copy_current().map(Some) }
    }

    /// Calls `work` in the context of the call when the descriptor takes more.
    pub fn in_write_context<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        match self.write_context.get() {
            Some(context) => context::run(&context, work),
            None => self.in_context(work),
        }
    }

    /// Runs `work` with the loop, the transport and its protocol.
    pub fn with_protocol_context<T>(&self, transport: &Object, work: impl FnOnce(&ProtocolContext<'_>) -> T) -> T {
        let loop_ = self.loop_.get().map_or_else(Object::none, Own::into_object);
        let protocol = self.protocol();
        work(&ProtocolContext { loop_: &loop_, transport, protocol: &protocol })
    }

    /// Reports an exception to the loop's exception handler. An exception that only ends the connection is logged in
    /// debug mode.
    #[cold]
    pub fn report(&self, transport: &Object, exception: &Object, ends: bool, message: &str) -> Result<()> {
        if !ends {
            traceback::show_caller(exception);
            return self.with_protocol_context(transport, |context| context.report(message, exception));
        }
        if self.loop_().is_some_and(|loop_| loop_.is_debug()) {
            let arguments = [&Object::str("%r: %s")?, transport, &Object::str(message)?];
            stdlib::LOGGER.get()?.method_keywords(
                &stdlib::DEBUG,
                &arguments,
                &[(&stdlib::EXC_INFO, exception)],
            )?;
        }
        Ok(())
    }

    /// Marks the connection as lost. The loop will call `method`, which calls `connection_lost` with the exception.
    pub fn schedule_connection_lost(
        &self,
        transport: &Object,
        exception: Option<Object>,
        method: fn(&Object) -> Result<()>,
    ) -> Result<()> {
        static CALL_CONNECTION_LOST: Callback = Callback::new(c"_call_connection_lost");
        self.lost.set(true);
        self.adopt_context()?;
        self.lost_exception.set(exception);
        match self.loop_() {
            Some(loop_) => loop_.push_method(transport, method, &CALL_CONNECTION_LOST),
            None => Ok(()),
        }
    }

    /// The argument of `connection_lost`.
    pub fn take_lost_exception(&self) -> Object {
        self.lost_exception.take().unwrap_or_else(Object::none)
    }

    /// Makes the loop stop watching a direction.
    pub fn stop_watching(&self, transport: &Object, direction: Direction) {
        let watched = match direction {
            Direction::Read => &self.reading,
            Direction::Write => &self.writing,
        };
        if watched.replace(false)
            && let Some(loop_) = self.loop_()
        {
            loop_.stop_watching(self.descriptor.number(), direction, transport);
        }
    }

    /// Closes the descriptor; `file` closes its own.
    pub fn close_descriptor(&self, transport: &Object) -> Result<()> {
        if self.is_open()
            && let Some(loop_) = self.loop_()
        {
            let descriptor = self.descriptor.number();
            loop_.stop_watching(descriptor, Direction::Read, transport);
            loop_.stop_watching(descriptor, Direction::Write, transport);
            loop_.disclaim(descriptor, transport);
        }
        self.descriptor.close()
    }

    /// Drops the protocol and the loop, after closing.
    pub fn release(&self) {
        self.protocol.clear();
        self.loop_.clear();
    }

    /// Shows the objects to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        self.descriptor.traverse(visitor);
        visitor.slot(&self.loop_);
        self.slots().into_iter().for_each(|slot| visitor.slot(slot));
    }

    /// Drops the objects.
    pub fn clear(&self) {
        self.descriptor.clear();
        self.slots().into_iter().for_each(Slot::clear);
        self.loop_.clear();
    }

    fn slots(&self) -> [&Slot; 6] {
        let contexts = (&self.context, &self.write_context);
        [&self.protocol, &self.extra, contexts.0, contexts.1, &self.lost_exception, &self.waiter]
    }
}

/// Why a transport is closed early.
pub enum Failure {
    /// A system call has failed: usually the peer is gone.
    System(std::io::Error),
    /// The protocol or Python's socket has raised.
    Exception(Object),
}

impl Failure {
    /// Whether it is an OSError.
    pub fn is_system(&self) -> bool {
        match self {
            Failure::System(_) => true,
            Failure::Exception(exception) => exception.matches(Builtin::Os),
        }
    }

    /// The exception.
    pub fn into_exception(self) -> Result<Object> {
        match self {
            Failure::System(error) => crate::ffi::error::os_error(&error),
            Failure::Exception(exception) => Ok(exception),
        }
    }
}

/// Splits the exceptions of a protocol: `KeyboardInterrupt` and `SystemExit` are raised, others are returned.
pub fn split_exit(raised: Raised) -> Result<Object> {
    let exception = raised.take();
    if exception.is_exit() { Err(exception.raise()) } else { Ok(exception) }
}
