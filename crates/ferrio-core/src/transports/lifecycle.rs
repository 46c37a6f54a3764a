//! A transport's beginning and end: what all of them do alike.

use super::base::{Base, Failure, split_exit};
use crate::debug::warn_resource;
use crate::ffi::{Class, Object, Own, Raised, Result, Slot};
use crate::futures::waiter;
use crate::stdlib;

/// A transport class, as far as its beginning, its end and its common methods need to know it.
pub trait Transport: Class {
    /// What every transport has.
    fn base(&self) -> &Base;
    /// `close()`.
    fn close(this: &Own<Self>) -> Result<()>;
    /// Something broke: the handler is told, unless it is only the connection; the transport closes.
    fn fatal(this: &Own<Self>, failure: Failure, message: &str) -> Result<()>;
    /// Gives back what it holds. The last call.
    fn dispose(this: &Own<Self>) -> Result<()>;
    /// `get_extra_info(name, default)`.
    fn extra_info(this: &Own<Self>, name: &Object, default: &Object) -> Result {
        this.base().extra(name, default)
    }
    /// `set_protocol(protocol)`.
    fn adopt_protocol(this: &Own<Self>, protocol: &Object) -> Result<()> {
        this.base().set_protocol(protocol);
        Ok(())
    }
}

/// Tells the protocol of the connection; one that raises loses it.
pub fn connection_made<T: Transport>(this: &Own<T>) -> Result<()> {
    match this.base().protocol().method1(&stdlib::CONNECTION_MADE, this.as_object()) {
        Ok(_) => Ok(()),
        Err(raised) => {
            let exception = split_exit(raised)?;
            T::fatal(this, Failure::Exception(exception), "Fatal error: protocol.connection_made() call failed.")
        }
    }
}

/// Tells the protocol of the connection, has the descriptor watched, and tells whoever waits for the transport that it
/// has started: also if one of the former fails, as asyncio does it, or the waiting would never end.
pub fn start<T: Transport>(this: &Own<T>, waiter: &Slot, watch: impl FnOnce() -> Result<()>) -> Result<()> {
    let result = connection_made(this).and_then(|()| watch()).map_err(Raised::take);
    if let Some(waiter) = waiter.take() {
        waiter::set_result_unless_done(&waiter, Object::none())?;
    }
    result.map_err(Object::raise)
}

/// The loop's last call: tells the protocol that the connection is lost, and gives everything back.
pub fn connection_lost<T: Transport>(object: &Object) -> Result<()> {
    let this = Own::<T>::expect(object)?;
    let base = this.base();
    let exception = base.take_lost_exception();
    let protocol = base.protocol();
    match base.in_context(|| protocol.method1(&stdlib::CONNECTION_LOST, &exception)) {
        Ok(_) => T::dispose(this),
        Err(raised) => {
            let exception = raised.take();
            T::dispose(this)?;
            Err(exception.raise())
        }
    }
}

/// What `__del__` does: a transport that nobody has closed says so, and is closed.
pub fn finalize<T: Transport>(this: &Own<T>) {
    if !this.base().is_open() {
        return;
    }
    match this.as_object().repr() {
        Ok(text) => warn_resource(&[&"unclosed transport ", &text], this.as_object()),
        Err(raised) => raised.write_unraisable(this.as_object()),
    }
    if this.base().is_lost() {
        // Another finaliser has closed it, in the same collection: the loop has it now, and tells its protocol.
        // The descriptor is given back at once: its file, of the same collection, closes it in any case.
        if let Err(raised) = this.base().close_descriptor(this.as_object()) {
            raised.write_unraisable(this.as_object());
        }
        return;
    }
    if let Err(raised) = T::dispose(this) {
        raised.write_unraisable(this.as_object());
    }
}
