//! Readiness: transports' methods and programs' callbacks that are registered for a descriptor.
//!
//! `Registrations` of ferrio-reactor has the table, and informs the poller. What it returns is dropped here, when the
//! table is no longer borrowed, because that may run finalisers which use the table.

use super::Loop;
use super::runnable::{Method, Runnable};
use crate::ffi::error::{Builtin, raise_imported, raise_text, value_error};
use crate::ffi::text::concat;
use crate::ffi::{Object, Own, Raised, Result};
use crate::handles::Handle;
use crate::stdlib;
use ferrio_reactor::poller::Mode;
pub use ferrio_reactor::registrations::{Direction, LastRead};
use std::io;

/// A descriptor's number in the operating system.
pub type Fd = std::ffi::c_int;

/// An error of a table of descriptors. An error without a number is one of Rust's allocator.
pub(super) fn table_error(error: io::Error) -> Raised {
    if error.kind() == io::ErrorKind::OutOfMemory && error.raw_os_error().is_none() {
        return raise_imported(&stdlib::MEMORY_ERROR, "no memory for one more descriptor");
    }
    error.into()
}

impl Own<Loop> {
    /// Sets or clears what runs when a descriptor is ready. Returns what was registered before.
    fn watch(
        &self,
        fd: Fd,
        direction: Direction,
        mode: Mode,
        entry: Option<Runnable>,
    ) -> Result<Option<Runnable>> {
        check_number(fd)?;
        let system = self.system()?;
        let mut registered = entry;
        let mut registrations = self.registrations.borrow_mut();
        let result = registrations.watch(&system.poller, fd, direction, mode, &mut registered);
        drop(registrations);
        result.map_err(table_error)?;
        self.files.forget_unwatched(&self.registrations, fd);
        Ok(registered)
    }

    fn watch_method(
        &self,
        fd: Fd,
        direction: Direction,
        mode: Mode,
        object: &Object,
        method: Method,
    ) -> Result<()> {
        self.watch(fd, direction, mode, Some(Runnable::method(object.clone(), method))).map(drop)
    }

    /// Calls a native method whenever a descriptor is ready.
    pub fn watch_native(&self, fd: Fd, direction: Direction, object: &Object, method: Method) -> Result<()> {
        self.watch_method(fd, direction, Mode::Level, object, method)
    }

    /// Calls a native method once, when a descriptor is ready. The caller calls [`Own::<Loop>::stop_watching`]
    /// afterwards, and if it does not want the call any more.
    pub fn watch_once(&self, fd: Fd, direction: Direction, object: &Object, method: Method) -> Result<()> {
        self.watch_method(fd, direction, Mode::Once, object, method)
    }

    /// Calls a native method when a descriptor becomes readable, and when more arrives. The method reads until a read
    /// is short, and then calls [`Own::<Loop>::read_on`].
    pub fn watch_edges(&self, fd: Fd, object: &Object, method: Method) -> Result<()> {
        self.watch_method(fd, Direction::Read, Mode::Edge, object, method)
    }

    /// Stops watching a descriptor for an object. Nothing happens if the loop is closed, or if the descriptor is
    /// watched for another object: its number may belong to another descriptor now.
    pub fn stop_watching(&self, fd: Fd, direction: Direction, object: &Object) {
        let is_watched = !self.closed.get() && {
            let registrations = self.registrations.borrow();
            matches!(
                registrations.get(fd, direction),
                Some(Runnable::Native(watching, _)) if watching.is(object)
            )
        };
        if is_watched && let Err(raised) = self.watch(fd, direction, Mode::Level, None).map(drop) {
            raised.discard();
        }
    }

    /// Calls the reader of an edge-triggered descriptor again in the next iteration, if its last read may have left
    /// something.
    #[inline]
    pub fn read_on(&self, fd: Fd, last: LastRead) -> Result<()> {
        let entry = self.registrations.borrow().reader_to_repeat(fd, last);
        entry.map_or(Ok(()), |entry| self.push(entry))
    }

    /// `add_reader`, `add_writer`: a callback for a descriptor; the one before is cancelled.
    pub fn add_callback(&self, fd: Fd, direction: Direction, handle: &Own<Handle>) -> Result<()> {
        self.check_closed()?;
        let before = self.watch(fd, direction, Mode::Level, Some(Runnable::handle(handle.clone())))?;
        if let Some(Runnable::Handle(before)) = before {
            before.cancel()?;
        }
        Ok(())
    }

    /// `remove_reader`, `remove_writer`: whether there was a callback.
    pub fn remove_callback(&self, fd: Fd, direction: Direction) -> Result<bool> {
        if self.closed.get() {
            return Ok(false);
        }
        match self.watch(fd, direction, Mode::Level, None) {
            Ok(Some(Runnable::Handle(before))) => before.cancel().map(|()| true),
            Ok(before) => Ok(before.is_some()),
            Err(raised) => {
                // The descriptor was closed while it was watched for the other direction too.
                let entries = self.registrations.borrow_mut().forget(fd);
                self.files.forget_unwatched(&self.registrations, fd);
                drop(entries);
                Err(raised)
            }
        }
    }

    /// Notes that a descriptor is one of the loop's own.
    pub fn set_internal(&self, fd: Fd) -> Result<()> {
        self.registrations.borrow_mut().set_internal(fd).map_err(table_error)
    }
}

/// `ValueError` for a number that no descriptor can have.
fn check_number(fd: Fd) -> Result<()> {
    if fd >= 0 { Ok(()) } else { Err(value_error(&format!("Invalid file descriptor: {fd}"))) }
}

/// The number of an int or of what `fileno()` of an object returns, which is -1 for a closed socket.
pub fn number_of(object: &Object) -> Result<i64> {
    if object.is_int() {
        return object.to_i64();
    }
    let number = match object.getattr_opt(&stdlib::FILENO)? {
        Some(fileno) => fileno.call0().and_then(|number| number.to_int()?.to_i64()),
        None => Err(value_error("")),
    };
    number.map_err(|raised| {
        let exception = raised.take();
        if [Builtin::Attribute, Builtin::Type, Builtin::Value].iter().any(|kind| exception.matches(*kind)) {
            let message = object.repr().and_then(|text| concat(&[&"Invalid file object: ", &text]));
            return raise_text(Builtin::Value, message);
        }
        exception.raise()
    })
}

/// The descriptor of an int or of an object with `fileno()`.
pub fn descriptor_of(object: &Object) -> Result<Fd> {
    checked(number_of(object)?)
}

/// A number that may be a descriptor's.
pub(super) fn checked(number: i64) -> Result<Fd> {
    match Fd::try_from(number) {
        Ok(fd) if fd >= 0 => Ok(fd),
        _ => Err(value_error(&format!("Invalid file descriptor: {number}"))),
    }
}
