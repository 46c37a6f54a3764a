//! The table of descriptors: who wants to know when one is readable or writable.
//!
//! The table is indexed by descriptor number. Readiness is looked up right after the poll, before any
//! callback runs, so a number can't belong to somebody else by then; and what is put into the ready
//! queue is the entry itself, which knows whether it is still wanted. The table grows only after the kernel has
//! taken a registration, or has said that the descriptor is open.

use super::Loop;
use super::runnable::{Method, Runnable};
use super::table::{Refused, Table};
use crate::ffi::error::{Builtin, raise_imported, raise_text, value_error};
use crate::ffi::text::{Piece, concat};
use crate::ffi::{Object, Own, Raised, Result, Visitor, Weak};
use crate::handles::Handle;
use crate::stdlib::{self, IS_CLOSING, MEMORY_ERROR};
use ferrio_reactor::poller::{Event, Interest, Poller};
use std::io;

/// The descriptor's number in the operating system.
pub type Descriptor = std::ffi::c_int;

/// Which of a descriptor's two conditions is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Read,
    Write,
}

/// What the last read of a descriptor says of the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastRead {
    /// There was nothing.
    Empty,
    /// It took less than it could: all there was at that moment.
    Short,
    /// It took as much as it could, or did not take place.
    #[default]
    Full,
}

/// What is known of a descriptor.
#[derive(Default)]
struct Registration {
    reader: Option<Runnable>,
    writer: Option<Runnable>,
    /// Whether the reader reads until there is no more, or else has itself called again.
    drains: bool,
    /// Whether a read that takes less than it could may leave something behind.
    more: bool,
    /// What the poller watches for.
    polled: Interest,
    /// Whether the poller reports the next event only, and watches for nothing more then.
    once: bool,
    /// Whether the poller knows the descriptor though it watches for nothing, after an event that it has
    /// reported once; unless the descriptor was closed meanwhile.
    parked: bool,
    /// The transport that the descriptor belongs to.
    owner: Option<Weak>,
    /// One of the loop's own descriptors.
    internal: bool,
}

impl Registration {
    fn wanted(&self) -> Interest {
        let (readable, writable) = (self.reader.is_some(), self.writer.is_some());
        Interest { readable, writable, changes: self.drains && readable && !writable }
    }

    fn place(&mut self, direction: Direction) -> &mut Option<Runnable> {
        match direction {
            Direction::Read => &mut self.reader,
            Direction::Write => &mut self.writer,
        }
    }

    /// Whether the native method of an object is called when the descriptor is ready.
    fn is_watched_for(&self, direction: Direction, object: &Object) -> bool {
        let entry = match direction {
            Direction::Read => &self.reader,
            Direction::Write => &self.writer,
        };
        matches!(entry, Some(Runnable::Native(watching, _)) if watching.is(object))
    }
}

/// The table.
#[derive(Default)]
pub struct Registrations {
    table: Table<Registration>,
    /// How many descriptors are polled, without the loop's own.
    polled: usize,
}

impl Registrations {
    /// Whether there is any descriptor but the loop's own to be polled.
    #[inline]
    pub fn are_any_public(&self) -> bool {
        self.polled > 0
    }

    /// Gives everything that wants to know of an event to `take`, readers first.
    #[inline]
    pub fn take_interested(&mut self, event: Event, mut take: impl FnMut(Runnable)) {
        let Some(registration) = self.table.get_mut(event.token as Descriptor) else { return };
        if registration.once {
            // There is one, and the poller has let go of it.
            registration.once = false;
            registration.parked = true;
            registration.polled = Interest::default();
            self.polled -= usize::from(!registration.internal);
            registration.reader.take().into_iter().chain(registration.writer.take()).for_each(take);
            return;
        }
        registration.more |= event.more;
        if event.readable
            && let Some(reader) = &registration.reader
        {
            take(reader.clone());
        }
        if event.writable
            && let Some(writer) = &registration.writer
        {
            take(writer.clone());
        }
    }

    /// Takes everything out.
    pub fn take_all(&mut self) -> Vec<Runnable> {
        self.polled = 0;
        self.table.take_all().flat_map(|one| one.reader.into_iter().chain(one.writer)).collect()
    }

    /// Registers with a new poller what the one before knew.
    pub fn register_anew(&mut self, poller: &Poller) {
        for (descriptor, registration) in self.table.iter_mut() {
            if registration.polled.is_empty() {
                continue;
            }
            // One that has been closed is watched by nobody, as it was before.
            let token = descriptor as u64;
            registration.parked = false;
            let _ = poller.add(descriptor, registration.polled, token);
            if registration.once {
                let _ = poller.watch_once(descriptor, registration.polled, token);
            }
        }
    }

    /// Shows every entry to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        for (_, registration) in self.table.iter() {
            for entry in registration.reader.iter().chain(&registration.writer) {
                entry.traverse(visitor);
            }
        }
    }

    /// Puts a registration into the table. `OSError` for a descriptor that is not open, `MemoryError`.
    fn put(&mut self, descriptor: Descriptor, registration: Registration) -> Result<()> {
        Ok(self.table.put(descriptor, registration)?)
    }
}

impl From<Refused> for Raised {
    fn from(refused: Refused) -> Raised {
        match refused {
            Refused::NotOpen => io::Error::from_raw_os_error(ferrio_reactor::socket::errno::EBADF).into(),
            Refused::NoMemory => raise_imported(&MEMORY_ERROR, "no memory for one more descriptor"),
        }
    }
}

impl Own<Loop> {
    /// Sets or clears what runs when a descriptor is ready; returns what did before.
    pub fn watch(
        &self,
        descriptor: Descriptor,
        direction: Direction,
        entry: Option<Runnable>,
    ) -> Result<Option<Runnable>> {
        self.watch_as(descriptor, direction, entry, false)
    }

    fn watch_as(
        &self,
        descriptor: Descriptor,
        direction: Direction,
        entry: Option<Runnable>,
        drains: bool,
    ) -> Result<Option<Runnable>> {
        check_number(descriptor)?;
        let system = self.system()?;
        let mut registrations = self.registrations.borrow_mut();
        let mut registration = registrations.table.take(descriptor);
        if direction == Direction::Read {
            registration.drains = drains;
            registration.more = false;
        }
        let before = std::mem::replace(registration.place(direction), entry);
        let (old, new) = (registration.polled, registration.wanted());
        // Somebody who watches what is watched already may have closed the descriptor meanwhile and got
        // its number again: then the poller does not know it any more.
        if old == new && (before.is_none() || new.is_empty()) {
            if let Some(place) = registrations.table.get_mut(descriptor) {
                *place = registration;
            }
            return Ok(before);
        }
        let token = descriptor as u64;
        registration.once = false;
        registration.parked = false;
        let result = if new.is_empty() {
            // One that was closed before it was removed is gone from the poller already.
            let _ = system.poller.remove(descriptor);
            Ok(())
        } else if old.is_empty() {
            // One that was closed and opened again under a duplicate may still be there.
            system.poller.add(descriptor, new, token).or_else(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => system.poller.modify(descriptor, new, token),
                _ => Err(error),
            })
        } else {
            system.poller.modify(descriptor, new, token).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => system.poller.add(descriptor, new, token),
                _ => Err(error),
            })
        };
        if let Err(error) = result {
            let refused = std::mem::replace(registration.place(direction), before);
            if let Some(place) = registrations.table.get_mut(descriptor) {
                *place = registration;
            }
            drop(registrations);
            drop(refused);
            return Err(error.into());
        }
        registration.polled = new;
        let internal = registration.internal;
        if let Err(raised) = registrations.put(descriptor, registration) {
            // It was not in the table, so nobody else wants it.
            let _ = system.poller.remove(descriptor);
            return Err(raised);
        }
        if !internal && old.is_empty() {
            registrations.polled += 1;
        } else if !internal && new.is_empty() {
            registrations.polled -= 1;
        }
        Ok(before)
    }

    /// Has a native method called once, when a descriptor is ready. Afterwards, and when it is not wanted any
    /// more, [`Own::<Loop>::stop_watching`] is called.
    pub fn watch_once(
        &self,
        descriptor: Descriptor,
        direction: Direction,
        object: &Object,
        method: Method,
    ) -> Result<()> {
        check_number(descriptor)?;
        let system = self.system()?;
        let mut registrations = self.registrations.borrow_mut();
        let known = registrations.table.get(descriptor);
        if known.is_some_and(|registration| !registration.wanted().is_empty()) {
            // Somebody else waits too: then both are watched as long as they want.
            drop(registrations);
            return self.watch_native(descriptor, direction, object, method);
        }
        let parked = known.is_some_and(|registration| registration.parked);
        let interest = match direction {
            Direction::Read => Interest::READABLE,
            Direction::Write => Interest::WRITABLE,
        };
        // The descriptor may have been closed meanwhile, and its number given to another.
        let token = descriptor as u64;
        let watched = if parked {
            system.poller.watch_once(descriptor, interest, token)
        } else {
            system.poller.add_once(descriptor, interest, token)
        };
        watched.or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => system.poller.add_once(descriptor, interest, token),
            io::ErrorKind::AlreadyExists => system.poller.watch_once(descriptor, interest, token),
            _ => Err(error),
        })?;
        let mut registration = registrations.table.take(descriptor);
        *registration.place(direction) = Some(Runnable::method(object.clone(), method));
        registration.polled = interest;
        registration.once = true;
        let internal = registration.internal;
        if let Err(raised) = registrations.put(descriptor, registration) {
            let _ = system.poller.remove(descriptor);
            return Err(raised);
        }
        registrations.polled += usize::from(!internal);
        Ok(())
    }

    /// Stops watching a descriptor for an object. Nothing happens if the loop is closed, or if it is not this object
    /// that the descriptor is watched for: its number may have come to somebody else meanwhile.
    pub fn stop_watching(&self, descriptor: Descriptor, direction: Direction, object: &Object) {
        let is_watched = !self.closed.get() && {
            let registrations = self.registrations.borrow();
            registrations.table.get(descriptor).is_some_and(|known| known.is_watched_for(direction, object))
        };
        if is_watched && let Err(raised) = self.watch(descriptor, direction, None).map(drop) {
            raised.discard();
        }
    }

    /// Has a native method called when a descriptor is ready.
    pub fn watch_native(
        &self,
        descriptor: Descriptor,
        direction: Direction,
        object: &Object,
        method: Method,
    ) -> Result<()> {
        self.watch(descriptor, direction, Some(Runnable::method(object.clone(), method))).map(drop)
    }

    /// Has a native method called when a descriptor becomes readable, or changes otherwise. It reads until a read
    /// takes less than it could, and then has [`Own::<Loop>::read_on`] called.
    pub fn watch_changes(&self, descriptor: Descriptor, object: &Object, method: Method) -> Result<()> {
        let entry = Some(Runnable::method(object.clone(), method));
        self.watch_as(descriptor, Direction::Read, entry, true).map(drop)
    }

    /// Has the reader of a descriptor whose changes are watched called again in the next iteration if there may be
    /// more to read after its last read.
    #[inline]
    pub fn read_on(&self, descriptor: Descriptor, last: LastRead) -> Result<()> {
        let entry = {
            let registrations = self.registrations.borrow();
            let Some(registration) = registrations.table.get(descriptor) else { return Ok(()) };
            let may_be_more = match last {
                LastRead::Empty => false,
                LastRead::Short => registration.more,
                LastRead::Full => true,
            };
            if !may_be_more || !registration.polled.changes {
                return Ok(());
            }
            registration.reader.clone()
        };
        entry.map_or(Ok(()), |entry| self.push(entry))
    }

    /// `add_reader`, `add_writer`: a callback for a descriptor; the one before is cancelled.
    pub fn add_callback(&self, descriptor: Descriptor, direction: Direction, handle: &Own<Handle>) -> Result<()> {
        self.check_closed()?;
        let before = self.watch(descriptor, direction, Some(Runnable::Handle(handle.clone())))?;
        if let Some(Runnable::Handle(before)) = before {
            before.cancel()?;
        }
        Ok(())
    }

    /// `remove_reader`, `remove_writer`: whether there was a callback.
    pub fn remove_callback(&self, descriptor: Descriptor, direction: Direction) -> Result<bool> {
        if self.closed.get() {
            return Ok(false);
        }
        match self.watch(descriptor, direction, None)? {
            Some(Runnable::Handle(before)) => before.cancel().map(|()| true),
            before => Ok(before.is_some()),
        }
    }

    /// Writes down that a descriptor belongs to a transport.
    ///
    /// One that is not open belongs to nobody; whoever goes on to use it finds out.
    pub fn claim(&self, descriptor: Descriptor, owner: &Object) -> Result<()> {
        if self.closed.get() {
            return Ok(());
        }
        let owner = Weak::new(owner)?;
        let mut registrations = self.registrations.borrow_mut();
        let mut registration = registrations.table.take(descriptor);
        let before = registration.owner.replace(owner);
        let result = registrations.table.put(descriptor, registration);
        drop(registrations);
        drop(before);
        match result {
            Ok(()) | Err(Refused::NotOpen) => Ok(()),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Writes down that a descriptor belongs to a transport no more, if it did.
    pub fn disclaim(&self, descriptor: Descriptor, owner: &Object) {
        let mut registrations = self.registrations.borrow_mut();
        let Some(registration) = registrations.table.get_mut(descriptor) else { return };
        // One that is gone owns nothing either.
        let is_owner =
            registration.owner.as_ref().is_some_and(|weak| weak.get().is_none_or(|known| known.is(owner)));
        if is_owner {
            let before = registration.owner.take();
            drop(registrations);
            drop(before);
        }
    }

    /// Writes down that a descriptor is one of the loop's own.
    pub fn set_internal(&self, descriptor: Descriptor) -> Result<()> {
        let mut registrations = self.registrations.borrow_mut();
        let mut registration = registrations.table.take(descriptor);
        registration.internal = true;
        registrations.put(descriptor, registration)
    }

    /// `RuntimeError` if a descriptor belongs to a transport.
    pub fn check_no_owner(&self, descriptor: Descriptor, shown: &Object) -> Result<()> {
        let owner = {
            let registrations = self.registrations.borrow();
            registrations.table.get(descriptor).and_then(|known| known.owner.as_ref()?.get())
        };
        let Some(owner) = owner else { return Ok(()) };
        if owner.method0(&IS_CLOSING)?.is_true()? {
            return Ok(());
        }
        let pieces: [&dyn Piece; 4] =
            [&"File descriptor ", &shown.repr()?, &" is used by transport ", &owner.repr()?];
        Err(raise_text(Builtin::Runtime, concat(&pieces)))
    }
}

/// `ValueError` for what can't be a descriptor's number.
fn check_number(descriptor: Descriptor) -> Result<()> {
    if descriptor >= 0 { Ok(()) } else { Err(value_error(&format!("Invalid file descriptor: {descriptor}"))) }
}

/// The descriptor of an int or of an object with `fileno()`.
pub fn descriptor_of(object: &Object) -> Result<Descriptor> {
    let number = if object.is_int() {
        object.to_i64()?
    } else {
        let invalid = || {
            let message = object.repr().and_then(|text| concat(&[&"Invalid file object: ", &text]));
            raise_text(Builtin::Value, message)
        };
        match object.getattr_opt(&stdlib::FILENO)? {
            Some(fileno) => match fileno.call0() {
                Ok(number) => number.to_i64()?,
                Err(raised) => {
                    let exception = raised.take();
                    if !exception.is_ordinary_exception() {
                        return Err(exception.raise());
                    }
                    return Err(invalid());
                }
            },
            None => return Err(invalid()),
        }
    };
    match Descriptor::try_from(number) {
        Ok(descriptor) if descriptor >= 0 => Ok(descriptor),
        _ => Err(value_error(&format!("Invalid file descriptor: {number}"))),
    }
}
