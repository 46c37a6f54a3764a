//! Descriptor: a transport's own, or that of a Python object, which other code may close.
//!
//! A number may be reused: after it is closed, the system gives it to the next descriptor. So before each system call,
//! [`Descriptor::current`] checks whether it is still the transport's. If the program closes the number itself
//! (`os.close`), Ferrio cannot notice it.

use crate::ffi::file::{FileSlot, NO_DESCRIPTOR};
use crate::ffi::{Name, Object, Raised, Result, Visitor};
use crate::stdlib;
use ferrio_reactor::socket::errno;
use std::cell::Cell;
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};

static DETACH: Name = Name::new(c"detach");

/// The descriptor.
pub struct Descriptor {
    /// The number by which the loop knows it.
    number: Cell<i32>,
    /// The descriptor, if no Python object owns it.
    own: Cell<Option<OwnedFd>>,
    /// The Python object that owns it: a socket, a pipe's file.
    file: FileSlot,
}

impl Default for Descriptor {
    fn default() -> Self {
        Descriptor { number: Cell::new(NO_DESCRIPTOR), own: Cell::new(None), file: FileSlot::default() }
    }
}

impl Descriptor {
    /// Takes over a descriptor.
    pub fn put_own(&self, own: OwnedFd) {
        self.number.set(own.as_raw_fd());
        drop(self.own.replace(Some(own)));
    }

    /// Takes over an object that has a descriptor, and closes it later.
    pub fn put_file(&self, file: &Object, number: i32) -> Result<()> {
        self.file.put(file)?;
        self.number.set(number);
        Ok(())
    }

    /// The number by which the loop knows it; -1 if it is closed.
    #[inline]
    pub fn number(&self) -> i32 {
        self.number.get()
    }

    /// Whether it is still open.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.number.get() != NO_DESCRIPTOR
    }

    /// The number for a system call. If the descriptor is closed, -1, with which every system call fails with `EBADF`.
    #[inline]
    pub fn current(&self) -> Result<i32> {
        let number = self.number.get();
        match self.file.descriptor()? {
            Some(current) if current != number => Ok(NO_DESCRIPTOR),
            _ => Ok(number),
        }
    }

    /// The number for the loop to watch. `OSError` with `EBADF` if it is closed.
    pub fn to_watch(&self) -> Result<i32> {
        match self.current()? {
            NO_DESCRIPTOR => Err(io::Error::from_raw_os_error(errno::EBADF).into()),
            number => Ok(number),
        }
    }

    /// The Python object that owns it, if there is one.
    pub fn file(&self) -> Option<Object> {
        self.file.get()
    }

    /// A Python socket that owns it, created when it is needed. None if the descriptor is closed.
    pub fn python_socket(&self) -> Result {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        if !self.is_open() {
            return Ok(Object::none());
        }
        let number = Object::int(self.number.get().into())?;
        let socket = stdlib::SOCKET.get()?.call_keywords(&[], &[(&stdlib::FILENO, &number)])?;
        // Python code has run: the descriptor may be closed by now, or belong to another such socket.
        let Some(own) = self.own.take() else {
            socket.method0(&DETACH)?;
            return self.python_socket();
        };
        if let Err(raised) = self.file.put(&socket) {
            self.own.set(Some(own));
            let exception = raised.take();
            socket.method0(&DETACH).map_err(Raised::discard).ok();
            return Err(exception.raise());
        }
        // The socket closes it.
        let _ = own.into_raw_fd();
        Ok(socket)
    }

    /// Closes it. Returns the exception of a Python object.
    pub fn close(&self) -> Result<()> {
        self.number.set(NO_DESCRIPTOR);
        drop(self.own.take());
        self.file.take().map_or(Ok(()), |file| file.method0(&stdlib::CLOSE).map(drop))
    }

    /// Shows the object to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        self.file.traverse(visitor);
    }

    /// Drops it. A Python object may live longer than the transport, and closes its own descriptor.
    pub fn clear(&self) {
        self.number.set(NO_DESCRIPTOR);
        drop(self.own.take());
        drop(self.file.take());
    }
}
