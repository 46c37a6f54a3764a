//! TLS, from the program to the socket.

use super::{FLUSHING, SHUTDOWN, TlsProtocol, UNWRAPPED, WRAPPED, pause_writing, resume_writing, wants_more};
use crate::ffi::buffer::{Buffer, bytes_of, is_bytes_like};
use crate::ffi::error::type_error;
use crate::ffi::openssl::{Connection, Outcome};
use crate::ffi::{Object, Own, Result, deque};
use crate::stdlib::{self, POPLEFT, READ, WRITE};
use crate::transports::base::WRITES_BEFORE_WARNING;

impl Own<TlsProtocol> {
    /// `transport.write(data)`.
    pub(super) fn write_checked(&self, data: &Object) -> Result<()> {
        if !is_bytes_like(data) {
            let name = data.type_name();
            return Err(type_error(&format!("data: expecting a bytes-like instance, got {name}")));
        }
        if length(data)? == 0 { Ok(()) } else { self.write(data) }
    }

    /// `_write_appdata([data])`: encrypts and sends. Data that cannot be encrypted yet waits in the backlog.
    pub fn write(&self, data: &Object) -> Result<()> {
        if self.is_in(&[&FLUSHING, &SHUTDOWN, &UNWRAPPED])? {
            return self.note_lost_write();
        }
        if !self.is_in(&[&WRAPPED])? || self.has_backlog()? {
            return self.push(data).and_then(|()| self.write_backlog());
        }
        let size = length(data)?;
        let written = self.encrypt(data, size).and_then(|count| {
            if count < size {
                self.push(&rest(data, count)?)?;
            }
            self.process_outgoing()
        });
        written.or_else(|raised| self.fatal(raised))
    }

    /// Appends to the backlog.
    pub(super) fn push(&self, data: &Object) -> Result<()> {
        deque::append(&self.backlog.get_or_none(), data)?;
        self.backlog_size.set(self.backlog_size.get() + length(data)? as i64);
        Ok(())
    }

    /// Encrypts the backlog, if the handshake is done.
    pub(super) fn write_backlog(&self) -> Result<()> {
        if !self.is_in(&[&WRAPPED])? {
            return Ok(());
        }
        self.do_write().or_else(|raised| self.fatal(raised))
    }

    /// `_write_appdata(list)`.
    pub(super) fn write_all(&self, list: &Object) -> Result<()> {
        if self.is_in(&[&FLUSHING, &SHUTDOWN, &UNWRAPPED])? {
            return self.note_lost_write();
        }
        list.to_list()?.list_items().iter().try_for_each(|chunk| self.push(chunk))?;
        self.write_backlog()
    }

    #[cold]
    fn note_lost_write(&self) -> Result<()> {
        if self.lost.get() >= i64::from(WRITES_BEFORE_WARNING) {
            let message = Object::str("SSL connection is closed")?;
            stdlib::LOGGER.get()?.method1(&stdlib::WARNING, &message)?;
        }
        self.lost.set(self.lost.get() + 1);
        Ok(())
    }

    /// Encrypts. Returns how many bytes the ssl object has taken.
    fn encrypt(&self, data: &Object, size: usize) -> Result<usize> {
        if size == 0 {
            return Ok(0);
        }
        let before = if self.ssl_writing_paused.get() { Some(self.unsent()?) } else { None };
        let count = match self.connection() {
            Some(connection) => match write_directly(&connection, data)? {
                Outcome::Done(count) => Ok(count as i64),
                Outcome::NotNow => return Ok(0),
                Outcome::Ask => self.ask_to_write(data),
            },
            None => self.ask_to_write(data),
        };
        match count {
            Ok(count) => {
                if let Some(before) = before {
                    let more = self.unsent()? - before;
                    self.outgoing_written.set(self.outgoing_written.get() + more);
                }
                Ok(count as usize)
            }
            Err(raised) if wants_more(&raised)? => {
                raised.discard();
                Ok(0)
            }
            Err(raised) => Err(raised),
        }
    }

    /// The ssl object's `write(data)`.
    fn ask_to_write(&self, data: &Object) -> Result<i64> {
        self.ssl().method1(&WRITE, data)?.to_i64()
    }

    /// `_do_write()`: encrypts as much of the backlog as possible, and sends.
    pub(super) fn do_write(&self) -> Result<()> {
        while self.has_backlog()? {
            let backlog = self.backlog.get_or_none();
            let data = deque::item(&backlog, 0)?;
            let size = length(&data)?;
            let count = self.encrypt(&data, size)?;
            self.backlog_size.set(self.backlog_size.get() - count as i64);
            if count < size {
                if count > 0 {
                    let rest = rest(&data, count)?;
                    backlog.set_index(0, &rest)?;
                }
                break;
            }
            backlog.method0(&POPLEFT)?;
        }
        self.process_outgoing()
    }

    /// `_process_outgoing()`: passes the records to the transport.
    pub(super) fn process_outgoing(&self) -> Result<()> {
        if !self.ssl_writing_paused.get() && self.unsent()? > 0 {
            let data = match self.connection() {
                Some(connection) => connection.take_unsent().transpose()?,
                None => Some(self.outgoing.get_or_none().method0(&READ)?),
            };
            self.outgoing_written.set(0);
            if let Some(data) = data {
                self.send(&data)?;
            }
        }
        self.control_app_writing()
    }

    /// Tells the protocol to pause or to resume writing.
    pub(super) fn control_app_writing(&self) -> Result<()> {
        let size = self.unsent()? + self.backlog_size.get();
        // With a limit of 0, an empty buffer is not too full.
        if size > 0 && !self.app_writing_paused.get() && !self.outgoing_high_water.is_above(size)? {
            self.app_writing_paused.set(true);
            return pause_writing(self);
        }
        if self.app_writing_paused.get() && !self.outgoing_low_water.is_below(size)? {
            self.app_writing_paused.set(false);
            return resume_writing(self);
        }
        Ok(())
    }
}

/// Encrypts with OpenSSL's own functions.
fn write_directly(connection: &Connection, data: &Object) -> Result<Outcome> {
    match bytes_of(data) {
        Some(bytes) => Ok(connection.write(bytes)),
        None => Ok(connection.write(Buffer::readable(data)?.as_slice())),
    }
}

/// The length in bytes.
fn length(data: &Object) -> Result<usize> {
    match bytes_of(data) {
        Some(bytes) => Ok(bytes.len()),
        None => deque::len(data),
    }
}

/// The data without its first `count` bytes.
fn rest(data: &Object, count: usize) -> Result {
    Object::bytes(Buffer::readable(data)?.as_slice().get(count..).unwrap_or_default())
}
