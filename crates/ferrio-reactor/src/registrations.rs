//! Registrations: what runs when a descriptor is readable or writable.
//!
//! The table owns, for each descriptor, what is registered for reading and for writing (an `R`: something to run), and
//! the [`Interest`] and [`Mode`] that the poller has. Both change together, in [`Registrations::watch`]. A failure
//! changes neither.
//!
//! ```text
//!                watch                    the event of Mode::Once
//! Unregistered ---------> Armed(interest, mode) ---------> Parked
//!       ^                  |   ^                             |
//!       +------------------+   +-----------------------------+
//!         nothing is wanted                watch
//! ```
//!
//! A poller's token is the descriptor's number, without a generation. [`Registrations::take_interested`] must be called
//! right after the wait, before anything runs that could close the descriptor and open another with its number. It
//! returns the registered `R` itself, which knows whether it is still wanted when it runs.
//!
//! A descriptor may be closed before it is removed. The poller then may or may not know its number, so `AlreadyExists`
//! and `NotFound` are not errors here.
//!
//! No function drops an `R`, because that may run code of the program, which may use the table.

use crate::fd_table::FdTable;
use crate::poller::{Event, Interest, Mode, Poller};
use rustix::fd::RawFd;
use std::io::{self, ErrorKind};
use std::mem;

/// One of the two conditions of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Read,
    Write,
}

/// How the last read of a descriptor ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastRead {
    /// There was nothing to read.
    Empty,
    /// It took less than it could, which was everything at that moment.
    Short,
    /// It took as much as it could, or there was no read.
    #[default]
    Full,
}

/// What the poller has for a descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Arming {
    #[default]
    Unregistered,
    Armed(Interest, Mode),
    /// The event of [`Mode::Once`] was reported. The poller still knows the descriptor, unless it was closed.
    Parked,
}

impl Arming {
    fn is_armed(self) -> bool {
        matches!(self, Arming::Armed(..))
    }
}

/// The entry of a descriptor.
struct Registration<R> {
    reader: Option<R>,
    writer: Option<R>,
    arming: Arming,
    /// Whether the reader reads until a read is short, or asks to be called again.
    edge_triggered: bool,
    /// Whether something may be left after a short read.
    rearm: bool,
    /// One of the loop's own descriptors.
    internal: bool,
}

impl<R> Default for Registration<R> {
    fn default() -> Self {
        Registration {
            reader: None,
            writer: None,
            arming: Arming::Unregistered,
            edge_triggered: false,
            rearm: false,
            internal: false,
        }
    }
}

impl<R> Registration<R> {
    fn interest(&self) -> Interest {
        Interest { readable: self.reader.is_some(), writable: self.writer.is_some() }
    }

    fn place(&mut self, direction: Direction) -> &mut Option<R> {
        match direction {
            Direction::Read => &mut self.reader,
            Direction::Write => &mut self.writer,
        }
    }
}

/// The table.
pub struct Registrations<R> {
    table: FdTable<Registration<R>>,
    /// How many descriptors are armed, without the loop's own.
    armed: usize,
}

impl<R> Default for Registrations<R> {
    fn default() -> Self {
        Registrations { table: FdTable::default(), armed: 0 }
    }
}

impl<R> Registrations<R> {
    /// Whether the poller waits for any descriptor but the loop's own.
    #[inline]
    pub fn are_any_public(&self) -> bool {
        self.armed > 0
    }

    /// How many descriptors the poller waits for, without the loop's own.
    pub fn count(&self) -> usize {
        self.armed
    }

    /// What is registered for a direction of a descriptor.
    pub fn get(&self, fd: RawFd, direction: Direction) -> Option<&R> {
        let registration = self.table.get(fd)?;
        match direction {
            Direction::Read => registration.reader.as_ref(),
            Direction::Write => registration.writer.as_ref(),
        }
    }

    /// Exchanges what is registered for a direction of a descriptor with `registered`. None stands for nothing.
    ///
    /// [`Mode::Edge`] is for a reader that keeps the promise of [`Registrations::reader_to_repeat`]; while there is a
    /// writer too, the descriptor is level-triggered. With [`Mode::Once`], the next event removes the registration,
    /// unless the other direction is registered too. Then it stays until it is exchanged.
    ///
    /// # Errors
    /// Those of the system. `ErrorKind::OutOfMemory` without an error number means that the table cannot grow.
    pub fn watch(
        &mut self,
        poller: &Poller,
        fd: RawFd,
        direction: Direction,
        mode: Mode,
        registered: &mut Option<R>,
    ) -> io::Result<()> {
        if registered.is_none() && self.table.get(fd).is_none() {
            return Ok(());
        }
        let registration = self.table.get_or_insert(fd)?;
        let mut interest = registration.interest();
        let is_alone = interest.is_empty();
        let is_new = registration.place(direction).is_none();
        let mut edge_triggered = registration.edge_triggered;
        match direction {
            Direction::Read => {
                interest.readable = registered.is_some();
                edge_triggered = mode == Mode::Edge && Poller::EDGE_TRIGGERED;
            }
            Direction::Write => interest.writable = registered.is_some(),
        }
        let mode = match mode {
            Mode::Once if is_alone => Mode::Once,
            _ if edge_triggered && interest == Interest::READABLE => Mode::Edge,
            _ => Mode::Level,
        };
        let is_armed_so = match registration.arming {
            Arming::Armed(known, Mode::Once) => known == interest && mode != Mode::Edge,
            Arming::Armed(known, known_mode) => (known, known_mode) == (interest, mode),
            Arming::Unregistered | Arming::Parked => interest.is_empty(),
        };
        // If the direction is watched already, the descriptor may have been closed meanwhile, and another may have its
        // number. The poller does not know that one yet.
        if !is_armed_so || !(is_new || interest.is_empty()) {
            let arming = arm(poller, fd, registration.arming, interest, mode)?;
            if !registration.internal {
                self.armed += usize::from(arming.is_armed());
                self.armed -= usize::from(registration.arming.is_armed());
            }
            registration.arming = arming;
        }
        registration.edge_triggered = edge_triggered;
        registration.rearm &= direction != Direction::Read;
        mem::swap(registration.place(direction), registered);
        Ok(())
    }

    /// Removes the registrations of a descriptor that the poller does not know any more.
    pub fn forget(&mut self, fd: RawFd) -> Vec<R> {
        let Some(registration) = self.table.get_mut(fd) else { return Vec::new() };
        if !registration.internal {
            self.armed -= usize::from(registration.arming.is_armed());
        }
        let before = mem::take(registration);
        registration.internal = before.internal;
        before.reader.into_iter().chain(before.writer).collect()
    }

    /// Whether nothing is registered for a descriptor.
    pub fn is_unwatched(&self, fd: RawFd) -> bool {
        self.table.get(fd).is_none_or(|registration| registration.interest().is_empty())
    }

    /// Notes that a descriptor is one of the loop's own.
    ///
    /// # Errors
    /// Those of [`Registrations::watch`].
    pub fn set_internal(&mut self, fd: RawFd) -> io::Result<()> {
        self.table.get_or_insert(fd)?.internal = true;
        Ok(())
    }

    /// Everything that is registered.
    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.table.iter().flat_map(|(_, one)| one.reader.iter().chain(&one.writer))
    }

    /// Takes everything out.
    pub fn take_all(&mut self) -> Vec<R> {
        self.armed = 0;
        self.table.take_all().flat_map(|one| one.reader.into_iter().chain(one.writer)).collect()
    }

    /// Registers everything with a new poller, as it was with the one before.
    pub fn register_anew(&mut self, poller: &Poller) {
        for (fd, registration) in self.table.iter_mut() {
            match registration.arming {
                // The poller before did not report a closed descriptor either.
                Arming::Armed(interest, mode) => drop(poller.add(fd, interest, mode, fd as u64)),
                Arming::Parked => registration.arming = Arming::Unregistered,
                Arming::Unregistered => {}
            }
        }
    }
}

impl<R: Clone> Registrations<R> {
    /// Passes everything that is registered for an event to `take`, readers first.
    #[inline]
    pub fn take_interested(&mut self, event: Event, mut take: impl FnMut(R)) {
        let Some(registration) = self.table.get_mut(event.token as RawFd) else { return };
        if let Arming::Armed(_, Mode::Once) = registration.arming {
            registration.arming = Arming::Parked;
            self.armed -= usize::from(!registration.internal);
            registration.reader.take().into_iter().chain(registration.writer.take()).for_each(take);
            return;
        }
        registration.rearm |= event.rearm;
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

    /// The reader, if it has to run again in the next iteration. The poller need not report what its last read left.
    ///
    /// A reader in [`Mode::Edge`] reads until a read is short, or calls this after it has read.
    #[inline]
    pub fn reader_to_repeat(&self, fd: RawFd, last: LastRead) -> Option<R> {
        let registration = self.table.get(fd)?;
        let may_be_more = match last {
            LastRead::Empty => false,
            LastRead::Short => registration.rearm,
            LastRead::Full => true,
        };
        if !may_be_more || !matches!(registration.arming, Arming::Armed(_, Mode::Edge)) {
            return None;
        }
        registration.reader.clone()
    }
}

/// Registers an interest with the poller.
fn arm(poller: &Poller, fd: RawFd, known: Arming, interest: Interest, mode: Mode) -> io::Result<Arming> {
    let token = fd as u64;
    if interest.is_empty() {
        // If the descriptor was closed first, the poller does not have it any more.
        let _ = poller.remove(fd);
        return Ok(Arming::Unregistered);
    }
    if known == Arming::Unregistered {
        // The poller may still have a closed descriptor with this number, of which a duplicate is open.
        poller.add(fd, interest, mode, token).or_else(|error| match error.kind() {
            ErrorKind::AlreadyExists => poller.modify(fd, interest, mode, token),
            _ => Err(error),
        })?;
    } else {
        poller.modify(fd, interest, mode, token).or_else(|error| match error.kind() {
            ErrorKind::NotFound => poller.add(fd, interest, mode, token),
            _ => Err(error),
        })?;
    }
    Ok(Arming::Armed(interest, mode))
}

#[cfg(test)]
mod tests;
