//! TLS: passes records through the interpreter's own ssl objects, with flow control.
//!
//! Where that is possible ([`openssl`]), the records go through OpenSSL's own functions on what is in the ssl object:
//! no Python method is called for a record. Otherwise they go through the object's methods.
//!
//! The Python class (`python/ferrio/tls.py`) derives from [`TlsProtocol`] and from asyncio's `SSLProtocol`. The state,
//! reading, writing and the steps of the handshake are here. The begin and the end of the handshake, shutdown and
//! errors are asyncio's code, which finds the state under its usual names. A [`SocketTransport`] passes what it
//! receives to [`Own::<TlsProtocol>::received`] without a buffer in between.
//!
//! ```text
//!   socket -> incoming -> ssl object -> protocol.data_received
//!   socket <- outgoing <- ssl object <- backlog <- transport.write
//! ```
//!
//! The two memory BIOs `incoming` and `outgoing` have records. The backlog has data that was written before the end of
//! the handshake, or that the ssl object did not take yet.

mod handshake;
mod methods;
mod openssl;
mod read;
mod write;

use crate::ffi::class::{Method, make_type};
use crate::ffi::module::Module;
use crate::ffi::openssl::Connection;
use crate::ffi::{Member, Name, Number, Object, Own, Raised, Result, Slot};
use crate::stdlib::{self, SSL_ERROR, SSL_OBJECT, SSL_SYSCALL, SSL_WANT_READ, TLS_STATES, WRITE};
use crate::transports::{SocketTransport, native_protocol};
use std::cell::{Cell, RefCell};

static UNWRAPPED: Member = Member::new(&TLS_STATES, c"UNWRAPPED");
static DO_HANDSHAKE: Member = Member::new(&TLS_STATES, c"DO_HANDSHAKE");
static WRAPPED: Member = Member::new(&TLS_STATES, c"WRAPPED");
static FLUSHING: Member = Member::new(&TLS_STATES, c"FLUSHING");
static SHUTDOWN: Member = Member::new(&TLS_STATES, c"SHUTDOWN");

/// The attribute in which `ssl.SSLObject` has its object in C.
static INNER: Name = Name::new(c"_sslobj");

static PENDING: Name = Name::new(c"pending");
static FATAL_ERROR: Name = Name::new(c"_fatal_error");

const FATAL: &str = "Fatal error on SSL protocol";

/// The body of a TlsProtocol.
#[derive(Default)]
pub struct TlsProtocol {
    loop_: Slot,
    state: Slot,
    incoming: Slot,
    outgoing: Slot,
    /// The ssl object; below, its object in C if the class is the interpreter's own.
    object: Slot,
    inner: Slot,
    /// What OpenSSL's own functions use, if the records go through them.
    connection: RefCell<Option<Connection>>,
    /// The transport of the records.
    transport: Slot,
    /// The program's protocol; below, the transport that it has.
    app_protocol: Slot,
    app_transport: Slot,
    app_protocol_is_buffer: Cell<bool>,
    app_reading_paused: Cell<bool>,
    app_writing_paused: Cell<bool>,
    ssl_reading_paused: Cell<bool>,
    ssl_writing_paused: Cell<bool>,
    incoming_high_water: Number,
    incoming_low_water: Number,
    outgoing_high_water: Number,
    outgoing_low_water: Number,
    /// A deque of data that waits to be encrypted; below, its size in bytes.
    backlog: Slot,
    backlog_size: Cell<i64>,
    /// How much of `outgoing` the program wrote while the transport does not take more. The rest are TLS's own answers
    /// to the peer.
    outgoing_written: Cell<i64>,
    lost: Cell<i64>,
}

impl TlsProtocol {
    fn slots(&self) -> [&Slot; 10] {
        [
            &self.loop_,
            &self.state,
            &self.incoming,
            &self.outgoing,
            &self.object,
            &self.inner,
            &self.transport,
            &self.app_protocol,
            &self.app_transport,
            &self.backlog,
        ]
    }

    fn marks(&self) -> [&Number; 4] {
        [&self.incoming_high_water, &self.incoming_low_water, &self.outgoing_high_water, &self.outgoing_low_water]
    }

    fn is_in(&self, states: &[&'static Member]) -> Result<bool> {
        for state in states {
            if self.state.is(state.get()?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Sets the ssl object.
    fn set_object(&self, object: &Object) -> Result<()> {
        let is_plain = object.type_ptr().cast() == SSL_OBJECT.get()?.as_ptr();
        let inner = if is_plain { object.getattr(&INNER)? } else { object.clone() };
        self.set_connection(if is_plain { openssl::connection_of(self, &inner) } else { None });
        self.inner.put(inner);
        self.object.put(object.clone());
        Ok(())
    }

    /// The connection, if the records go through OpenSSL's own functions.
    #[inline]
    fn connection(&self) -> Option<Connection> {
        self.connection.borrow().clone()
    }

    fn set_connection(&self, connection: Option<Connection>) {
        // Dropping the old one may run finalisers.
        let old = self.connection.replace(connection);
        drop(old);
    }

    /// The ssl object to read from and to write to.
    fn ssl(&self) -> Object {
        self.inner.get_or_none()
    }

    /// How many bytes of records have come and are not decrypted.
    fn undecrypted(&self) -> Result<i64> {
        if let Some(connection) = &*self.connection.borrow() {
            return Ok(connection.undecrypted() as i64);
        }
        TlsProtocol::pending(&self.incoming)
    }

    /// How many bytes of records the transport has not taken.
    fn unsent(&self) -> Result<i64> {
        if let Some(connection) = &*self.connection.borrow() {
            return Ok(connection.unsent() as i64);
        }
        TlsProtocol::pending(&self.outgoing)
    }

    /// How many bytes are decrypted and not read.
    fn decrypted(&self) -> Result<i64> {
        match self.connection() {
            Some(connection) => Ok(connection.decrypted() as i64),
            None => self.ssl().method0(&PENDING)?.to_i64(),
        }
    }

    /// How many bytes a memory BIO has.
    fn pending(bio: &Slot) -> Result<i64> {
        bio.get_or_none().getattr(&PENDING)?.to_i64()
    }
}

impl Own<TlsProtocol> {
    /// An error: asyncio's code closes the connection and reports it.
    #[cold]
    fn fatal(&self, raised: Raised) -> Result<()> {
        let exception = raised.take();
        if !exception.is_ordinary_exception() {
            return Err(exception.raise());
        }
        self.as_object().method(&FATAL_ERROR, &[&exception, &Object::str(FATAL)?]).map(drop)
    }

    /// Passes records to the transport.
    fn send(&self, data: &Object) -> Result<()> {
        let transport = self.transport.get_or_none();
        match Own::<SocketTransport>::downcast_exact(&transport) {
            Some(own) => own.write(data),
            None => transport.method1(&WRITE, data).map(drop),
        }
    }
}

/// Imports the classes that are needed while an error is set, because nothing can be imported then.
fn prepare() -> Result<()> {
    SSL_WANT_READ.get()?;
    SSL_SYSCALL.get()?;
    SSL_ERROR.get().map(drop)
}

/// Whether an error says that the ssl object has to wait for records. [`prepare`] has imported the classes.
fn wants_more(raised: &Raised) -> Result<bool> {
    Ok(raised.is_of(SSL_WANT_READ.get()?) || raised.is_of(SSL_SYSCALL.get()?))
}

/// Calls a method of the program's protocol. Its exceptions go to the loop's exception handler, except
/// `KeyboardInterrupt` and `SystemExit`.
fn call_protocol(this: &Own<TlsProtocol>, method: &Name, message: &str) -> Result<()> {
    let protocol = this.app_protocol.get_or_none();
    if protocol.is_none() {
        // The connection is lost, and the protocol knows it.
        return Ok(());
    }
    let Err(raised) = protocol.method0(method) else { return Ok(()) };
    let exception = raised.take();
    if exception.is_exit() {
        return Err(exception.raise());
    }
    let report = crate::debug::Report::new(&[&message])?;
    report.set(c"exception", &exception)?;
    report.set(c"transport", &this.app_transport.get_or_none())?;
    report.set(c"protocol", this.as_object())?;
    report.send_handling(&this.loop_.get_or_none(), &exception)
}

/// `protocol.pause_writing()`.
fn pause_writing(this: &Own<TlsProtocol>) -> Result<()> {
    call_protocol(this, &stdlib::PAUSE_WRITING, "protocol.pause_writing() failed")
}

/// `protocol.resume_writing()`.
fn resume_writing(this: &Own<TlsProtocol>) -> Result<()> {
    call_protocol(this, &stdlib::RESUME_WRITING, "protocol.resume_writing() failed")
}

/// The functions of the module.
pub fn functions() -> Vec<Method> {
    vec![openssl::definition()]
}

/// Adds the class.
pub fn register(module: &Module) -> Result<()> {
    module.add(c"TlsProtocol", &make_type::<TlsProtocol>()?)?;
    native_protocol::register(|protocol| {
        Own::<TlsProtocol>::downcast(protocol)?;
        Some(|protocol, records| Own::<TlsProtocol>::expect(protocol)?.received(records))
    });
    Ok(())
}
