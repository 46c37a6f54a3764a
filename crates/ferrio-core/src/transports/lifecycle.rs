//! Lifecycle: start, watch, pause, close, fail, release. All transports share it.
//!
//! A class implements [`Transport`] for its differences: what it does when its descriptor is ready, and what it still
//! has to send.

use super::base::{Base, Failure, split_exit};
use crate::debug::warn_resource;
use crate::ffi::error::{FirstError, type_error};
use crate::ffi::{Class, Object, Own, Raised, Result, context};
use crate::futures::waiter;
use crate::handles;
use crate::loop_::hooks::Callback;
use crate::loop_::runnable::Runnable;
use crate::loop_::{Direction, Loop, descriptor_of};
use crate::stdlib;

/// A transport class.
pub trait Transport: Class {
    /// Whether the descriptor is watched for reading until everything is sent. So a pipe learns that its reader has
    /// gone.
    const WATCHES_WHILE_CLOSING: bool = false;

    /// What every transport has.
    fn base(&self) -> &Base;

    /// The descriptor is readable. Called in the transport's context.
    fn read_ready(this: &Own<Self>) -> Result<()>;

    /// Whether the descriptor is to be watched for reading.
    fn wants_to_read(&self) -> bool {
        !self.base().closing.get() && !self.base().paused.get()
    }

    /// Makes the loop watch the descriptor for reading.
    fn watch_for_reading(this: &Own<Self>, loop_: &Own<Loop>, descriptor: i32) -> Result<()> {
        loop_.watch_native(descriptor, Direction::Read, this.as_object(), read_ready::<Self>)
    }

    /// Whether data waits to be sent.
    fn has_unsent(&self) -> bool {
        false
    }

    /// Drops what waits to be sent.
    fn discard_unsent(&self) {}

    /// How many bytes it has received and sent, and how many wait to be sent.
    fn traffic(&self) -> Traffic;

    /// Sends what waits for the end of the loop's iteration.
    fn send_due(_: &Own<Self>) -> Result<()> {
        Ok(())
    }

    /// Whether a failure only ends the connection. Other failures go to the loop's exception handler.
    fn only_ends(failure: &Failure) -> bool {
        failure.is_system()
    }

    /// A fatal error is about to close the transport.
    fn failing(_: &Own<Self>, _: &Object) -> Result<()> {
        Ok(())
    }

    /// The descriptor is about to be closed.
    fn closing_descriptor(_: &Own<Self>) -> Result<()> {
        Ok(())
    }

    /// The descriptor is closed.
    fn closed(_: &Own<Self>) -> Result<()> {
        Ok(())
    }

    /// `get_extra_info(name, default)`.
    fn extra_info(this: &Own<Self>, name: &Object, default: &Object) -> Result {
        this.base().extra(name, default)
    }

    /// `set_protocol(protocol)`.
    fn adopt_protocol(this: &Own<Self>, protocol: &Object) -> Result<()> {
        this.base().set_protocol(protocol);
        Ok(())
    }

    /// The part of `repr()` about watching and unsent data, while the descriptor is open.
    fn describe(&self) -> String;
}

/// Numbers of bytes.
pub struct Traffic {
    pub received: u64,
    pub sent: u64,
    pub unsent: usize,
}

/// The parts of a class that are the same for all transports.
macro_rules! transport_class {
    ($body:ident) => {
        const WEAK: Option<usize> = Some(std::mem::offset_of!($body, base) + std::mem::offset_of!(Base, weak));
        const DICT: Option<usize> = Some(std::mem::offset_of!($body, base) + std::mem::offset_of!(Base, dict));
        const SHOWS_DICT: bool = true;
        const FINALIZES: bool = true;
        crate::ffi::class::type_cell!();

        fn empty() -> Self {
            $body::default()
        }

        fn finalize(this: &Own<Self>) {
            lifecycle::finalize(this);
        }
    };
}
pub(super) use transport_class;

/// The arguments that every transport's `__init__` takes.
pub struct Init<'call> {
    pub loop_: &'call Object,
    /// The object that owns the descriptor.
    pub file: &'call Object,
    pub protocol: &'call Object,
    pub waiter: Option<&'call Object>,
    pub extra: Option<&'call Object>,
}

/// Takes the arguments of `__init__`, and the descriptor, which `prepare` gets first. Returns the loop.
pub fn init<T: Transport>(
    this: &Own<T>,
    arguments: &Init<'_>,
    prepare: impl FnOnce(i32) -> std::io::Result<()>,
) -> Result<Own<Loop>> {
    let Some(loop_) = Own::<Loop>::downcast(arguments.loop_) else {
        return Err(type_error("loop must be a ferrio.Loop"));
    };
    let base = this.base();
    base.begin_init()?;
    base.merge_extra(arguments.extra)?;
    let descriptor = descriptor_of(arguments.file)?;
    prepare(descriptor)?;
    base.open(loop_, arguments.protocol, context::copy_current()?);
    base.descriptor.put_file(arguments.file, descriptor)?;
    base.waiter.set(arguments.waiter.filter(|waiter| !waiter.is_none()).cloned());
    Ok(loop_.clone())
}

/// Claims the descriptor, and makes the loop start the transport. The end of `__init__`.
pub fn start_soon<T: Transport>(this: &Own<T>, loop_: &Own<Loop>) -> Result<()> {
    loop_.claim(this.base().descriptor.number(), this.as_object())?;
    if loop_.has_own_call_soon() {
        return loop_.push(Runnable::method(this.as_object().clone(), start::<T>));
    }
    start_by_call_soon(this, loop_)
}

/// The same for a program that has replaced `call_soon`: it sees asyncio's three callbacks.
#[cold]
fn start_by_call_soon<T: Transport>(this: &Own<T>, loop_: &Own<Loop>) -> Result<()> {
    static ADD_READER: Callback = Callback::new(c"_add_reader");
    let call_soon = |arguments: &[&Object]| loop_.as_object().method(&stdlib::CALL_SOON, arguments);
    let base = this.base();
    base.connected.set(true);
    call_soon(&[&base.protocol().getattr(&stdlib::CONNECTION_MADE)?, this.as_object()])?;
    loop_.push_method(this.as_object(), begin::<T>, &ADD_READER)?;
    if let Some(waiter) = base.waiter.take() {
        call_soon(&[stdlib::SET_RESULT_UNLESS_CANCELLED.get()?, &waiter, &Object::none()])?;
    }
    Ok(())
}

/// The loop's first call: calls `connection_made`, and starts. An exception of the protocol is reported, and the
/// connection continues, as in asyncio, where these are separate callbacks.
fn start<T: Transport>(object: &Object) -> Result<()> {
    let this = Own::<T>::expect(object)?;
    let base = this.base();
    base.connected.set(true);
    let protocol = base.protocol();
    let Err(raised) = base.in_first_context(|| protocol.method1(&stdlib::CONNECTION_MADE, object)) else {
        return begin::<T>(object);
    };
    let exception = raised.take();
    let Some(loop_) = base.loop_() else { return Err(exception.raise()) };
    if exception.is_exit() {
        // The rest is for the next run.
        loop_.push(Runnable::method(object.clone(), begin::<T>))?;
        return Err(exception.raise());
    }
    let callback = protocol.getattr(&stdlib::CONNECTION_MADE)?;
    handles::report(loop_.as_object(), &callback, std::slice::from_ref(object), exception)?;
    begin::<T>(object)
}

/// Watches the descriptor, and wakes the waiter. It also wakes the waiter if the former fails, as in asyncio. Otherwise
/// the wait would never end.
fn begin<T: Transport>(object: &Object) -> Result<()> {
    let this = Own::<T>::expect(object)?;
    let result = this.base().in_context(|| start_reading(this)).map_err(Raised::take);
    if let Some(waiter) = this.base().waiter.take() {
        waiter::set_result_unless_done(&waiter, Object::none())?;
    }
    result.map_err(Object::raise)
}

/// The descriptor is readable.
pub fn read_ready<T: Transport>(object: &Object) -> Result<()> {
    let this = Own::<T>::expect(object)?;
    // A callback may have paused or closed the transport since the poll.
    if this.base().is_lost() || !this.base().reading.get() {
        return Ok(());
    }
    this.base().in_context(|| T::read_ready(this))
}

/// Makes the loop watch for reading, unless it does so already or the transport is paused, closing or not connected
/// yet.
pub fn start_reading<T: Transport>(this: &Own<T>) -> Result<()> {
    let base = this.base();
    if this.wants_to_read()
        && base.connected.get()
        && !base.reading.get()
        && let Some(loop_) = base.loop_()
    {
        T::watch_for_reading(this, &loop_, base.descriptor.to_watch()?)?;
        base.reading.set(true);
    }
    Ok(())
}

/// Makes the loop stop watching for reading.
pub fn stop_reading<T: Transport>(this: &Own<T>) {
    this.base().stop_watching(this.as_object(), Direction::Read);
}

/// `pause_reading()`.
pub fn pause_reading<T: Transport>(this: &Own<T>) {
    if this.wants_to_read() {
        this.base().paused.set(true);
        stop_reading(this);
    }
}

/// `resume_reading()`.
pub fn resume_reading<T: Transport>(this: &Own<T>) -> Result<()> {
    if this.base().closing.get() || !this.base().paused.replace(false) {
        return Ok(());
    }
    this.base().adopt_context()?;
    start_reading(this)
}

/// `close()`: unsent data is still sent.
pub fn close<T: Transport>(this: &Own<T>) -> Result<()> {
    T::send_due(this)?;
    if this.base().closing.replace(true) {
        return Ok(());
    }
    if !T::WATCHES_WHILE_CLOSING {
        stop_reading(this);
    }
    if this.has_unsent() { Ok(()) } else { schedule_connection_lost(this, None) }
}

/// Closes at once. Data due at the end of the iteration is sent if the descriptor takes it; all other data is lost.
pub fn force_close<T: Transport>(this: &Own<T>, exception: Option<Object>) -> Result<()> {
    T::send_due(this)?;
    if this.base().is_lost() {
        return Ok(());
    }
    this.discard_unsent();
    this.base().closing.set(true);
    schedule_connection_lost(this, exception)
}

/// Makes the loop stop watching the descriptor, and schedules `connection_lost(exception)`, unless that is done
/// already.
pub fn schedule_connection_lost<T: Transport>(this: &Own<T>, exception: Option<Object>) -> Result<()> {
    if this.base().is_lost() {
        return Ok(());
    }
    stop_reading(this);
    this.base().stop_watching(this.as_object(), Direction::Write);
    this.base().schedule_connection_lost(this.as_object(), exception, connection_lost::<T>)
}

/// Closes the transport after a failure, and reports it to the loop's exception handler, unless only the connection has
/// ended.
#[cold]
pub fn fatal<T: Transport>(this: &Own<T>, failure: Failure, message: &str) -> Result<()> {
    let only_ends = T::only_ends(&failure);
    let exception = failure.into_exception()?;
    this.base().report(this.as_object(), &exception, only_ends, message)?;
    T::failing(this, &exception)?;
    force_close(this, Some(exception))
}

/// The result of a protocol's method. An exception closes the transport, and None is returned; `KeyboardInterrupt` and
/// `SystemExit` are raised.
#[inline]
pub fn checked<T: Transport, R>(this: &Own<T>, result: Result<R>, message: &str) -> Result<Option<R>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(raised) => {
            let exception = split_exit(raised)?;
            fatal(this, Failure::Exception(exception), message).map(|()| None)
        }
    }
}

/// The loop's last call: calls `connection_lost`, and releases everything.
fn connection_lost<T: Transport>(object: &Object) -> Result<()> {
    let this = Own::<T>::expect(object)?;
    let base = this.base();
    let exception = base.take_lost_exception();
    let protocol = base.protocol();
    let mut error = FirstError::default();
    error.note(base.in_context(|| protocol.method1(&stdlib::CONNECTION_LOST, &exception).map(drop)));
    error.note(dispose(this));
    error.result()
}

/// Releases everything that the transport has.
fn dispose<T: Transport>(this: &Own<T>) -> Result<()> {
    let base = this.base();
    let mut error = FirstError::default();
    if let Some(loop_) = base.loop_() {
        let Traffic { received, sent, .. } = this.traffic();
        loop_.counters().note_traffic(received, sent);
    }
    error.note(T::closing_descriptor(this));
    base.reading.set(false);
    base.writing.set(false);
    error.note(base.close_descriptor(this.as_object()));
    base.release();
    error.note(T::closed(this));
    error.result()
}

/// `__del__`: warns if the transport was not closed, and closes it.
pub fn finalize<T: Transport>(this: &Own<T>) {
    if !this.base().is_open() {
        return;
    }
    match this.as_object().repr() {
        Ok(text) => warn_resource(&[&"unclosed transport ", &text], this.as_object()),
        Err(raised) => raised.write_unraisable(this.as_object()),
    }
    let closed = if this.base().is_lost() {
        // Another finaliser of the same collection has closed it, so the loop will call its protocol. The descriptor is
        // closed now, because its file is collected too and closes it in any case.
        this.base().close_descriptor(this.as_object())
    } else {
        dispose(this)
    };
    if let Err(raised) = closed {
        raised.write_unraisable(this.as_object());
    }
}

/// `<Name closing fd=5 ...>`.
pub fn repr<T: Transport>(this: &Own<T>) -> Result {
    let base = this.base();
    let name = this.as_object().type_name();
    if !base.is_open() {
        return Object::str(&format!("<{name} closed>"));
    }
    let closing = if base.closing.get() { " closing" } else { "" };
    Object::str(&format!("<{name}{closing} fd={} {}>", base.descriptor.number(), this.describe()))
}

/// The part of `repr()` about a direction.
pub fn polling(watched: bool) -> &'static str {
    if watched { "polling" } else { "idle" }
}

/// The part of `repr()` about a transport that reads and writes.
pub fn describe_both(base: &Base, unsent: usize) -> String {
    format!("read={} write=<{}, bufsize={unsent}>", polling(base.reading.get()), polling(base.writing.get()))
}
