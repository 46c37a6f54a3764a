//! The connection inside of an object of the interpreter's module `_ssl`, used without a call of Python's.
//!
//! The interpreter makes the object, with all settings of its context, and does the handshake and the shutdown. Between
//! them, [`Connection`] calls OpenSSL's functions on the object's own `SSL`, which has two memory BIOs: records go in
//! by one and out by the other. The object stays as it is, and its methods may be called at any time. They report the
//! errors too: a function here that fails says [`Outcome::Ask`], and the method, called next, raises the exception.
//!
//! Nothing of this is public in the interpreter, so everything is checked before it is used: the library
//! ([`library`]), and for each object that its fields are where they were in every version so far ([`Connection::of`]).

mod library;

use super::bytes;
use super::sys::{self as py, guarded};
use super::{Object, Ptr, Result};
use library::{Bio, Context, Library, Ssl};
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::path::Path;
use std::ptr;
use std::sync::OnceLock;

/// `SSL_get_error`: there is no complete record.
const WANT_READ: c_int = 2;

/// The command of `BIO_ctrl` that asks how many bytes a BIO has.
const PENDING: c_int = 10;

/// The index of the application's data of an `SSL`; the interpreter has the object there.
const APPLICATION_DATA: c_int = 0;

/// No call gives more bytes to a BIO, or takes more: its lengths are of C's type int.
const MOST: usize = 1 << 30;

static LIBRARY: OnceLock<Option<Library>> = OnceLock::new();

/// Finds the functions, the first time that it is called. `file` is the module `_ssl`, `version` what it says of its
/// OpenSSL. Returns whether connections can be used.
pub fn find(file: &Path, version: &str) -> bool {
    LIBRARY.get_or_init(|| Library::of_module(file, version)).is_some()
}

/// The objects that a connection consists of, with their classes in the module `_ssl`.
pub struct Parts<'object> {
    /// The `_SSLSocket`.
    pub object: &'object Object,
    pub object_class: &'object Object,
    /// The `_SSLContext`.
    pub context: &'object Object,
    pub context_class: &'object Object,
    /// The two `MemoryBIO`s.
    pub incoming: &'object Object,
    pub outgoing: &'object Object,
    pub bio_class: &'object Object,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// So many bytes, at least one.
    Done(usize),
    /// There is no complete record.
    NotNow,
    /// The end of the stream, or an error: the object's own method says which.
    Ask,
}

/// An object of the module `_ssl`, with what is in it.
#[derive(Clone)]
pub struct Connection {
    /// It owns the `SSL`, which owns the BIOs. None of its methods replaces them.
    object: Object,
    ssl: *mut Ssl,
    incoming: *mut Bio,
    outgoing: *mut Bio,
    library: &'static Library,
}

/// The pointer that an object has at a place: after its head come `place` other pointers.
///
/// # Safety
/// The object is so large, and has a pointer there.
unsafe fn field<T>(object: &Object, place: usize) -> *mut T {
    // SAFETY: the caller's promise.
    unsafe { object.as_ptr().add(1).cast::<*mut T>().add(place).read() }
}

/// Whether an object is an instance of a class, or of one derived from it.
fn is_instance(object: &Object, class: &Object) -> bool {
    // SAFETY: live objects; the class is the module's own.
    unsafe { py::PyType_IsSubtype(object.type_ptr(), class.as_ptr().cast()) != 0 }
}

/// Whether an object is a class in C, whose instances have room for so many pointers. A program can put another object
/// in the place of the module's class, but no class that it has made itself is immutable.
fn has_fields(class: &Object, count: usize) -> bool {
    // SAFETY: a live object, and `PyType_Check` says whether it is a class.
    unsafe {
        py::PyType_Check(class.as_ptr()) != 0
            && py::PyType_HasFeature(class.as_ptr().cast(), py::Py_TPFLAGS_IMMUTABLETYPE) != 0
            && (*class.as_ptr().cast::<py::PyTypeObject>()).tp_basicsize as usize
                >= size_of::<py::PyObject>() + count * size_of::<Ptr>()
    }
}

impl Connection {
    /// The connection of an object; None if [`find`] has found nothing, or if anything about it is not as expected.
    pub fn of(parts: &Parts<'_>) -> Option<Connection> {
        let library = LIBRARY.get()?.as_ref()?;
        let Parts { object, context, incoming, outgoing, .. } = *parts;
        let is_known = has_fields(parts.object_class, 3)
            && has_fields(parts.context_class, 1)
            && has_fields(parts.bio_class, 1)
            && is_instance(object, parts.object_class)
            && is_instance(context, parts.context_class)
            && is_instance(incoming, parts.bio_class)
            && is_instance(outgoing, parts.bio_class);
        if !is_known {
            return None;
        }
        // SAFETY: the objects are of the module's classes, and large enough. Since 3.11, the fields of an _SSLSocket
        // begin with a weak reference to a socket, null for memory BIOs, the SSL and the context. If the first and the
        // third are so, the second is an SSL. It has a reference back to its object.
        unsafe {
            if !field::<c_void>(object, 0).is_null() || field::<py::PyObject>(object, 2) != context.as_ptr() {
                return None;
            }
            let ssl: *mut Ssl = field(object, 1);
            if ssl.is_null()
                || (library.SSL_get_ex_data)(ssl, APPLICATION_DATA).cast() != object.as_ptr()
                || (library.SSL_get_SSL_CTX)(ssl) != field::<Context>(context, 0)
            {
                return None;
            }
            let (read, write) = ((library.SSL_get_rbio)(ssl), (library.SSL_get_wbio)(ssl));
            if read.is_null()
                || write.is_null()
                || read != field::<Bio>(incoming, 0)
                || write != field::<Bio>(outgoing, 0)
                || !library.is_memory(read)
                || !library.is_memory(write)
            {
                return None;
            }
            Some(Connection { object: object.clone(), ssl, incoming: read, outgoing: write, library })
        }
    }

    /// The object.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// How many bytes of records have come and are not decrypted.
    #[inline]
    pub fn undecrypted(&self) -> usize {
        self.size(self.incoming)
    }

    /// How many bytes of records wait to be taken.
    #[inline]
    pub fn unsent(&self) -> usize {
        self.size(self.outgoing)
    }

    fn size(&self, bio: *mut Bio) -> usize {
        // SAFETY: the object owns the BIO.
        unsafe { (self.library.BIO_ctrl)(bio, PENDING, 0, ptr::null_mut()) }.max(0) as usize
    }

    /// How many bytes are decrypted and not read.
    pub fn decrypted(&self) -> usize {
        // SAFETY: the object owns the SSL.
        unsafe { (self.library.SSL_pending)(self.ssl) }.max(0) as usize
    }

    /// Takes records from the peer. False if there is no memory for them.
    #[must_use]
    pub fn feed(&self, records: &[u8]) -> bool {
        records.chunks(MOST).all(|piece| {
            let size = piece.len() as c_int;
            // SAFETY: the object owns the BIO; the bytes are valid during the call.
            unsafe { (self.library.BIO_write)(self.incoming, piece.as_ptr().cast(), size) == size }
        })
    }

    /// Whether there is nothing to read, not even a part of a record.
    #[inline]
    pub fn is_drained(&self) -> bool {
        self.undecrypted() == 0 && self.decrypted() == 0
    }

    /// Reads decrypted data, until the buffer is full or there is no more. Returns how many bytes it has then, and what
    /// the last call said. [`Outcome::Ask`] must be followed by the object's method at once.
    pub fn read(&self, buffer: &mut [MaybeUninit<u8>]) -> (usize, Outcome) {
        let mut filled = 0;
        let mut outcome = Outcome::NotNow;
        // A call that finds nothing costs as much as one that finds a record.
        while filled < buffer.len() && !self.is_drained() {
            outcome = self.read_record(&mut buffer[filled..]);
            let Outcome::Done(count) = outcome else { break };
            filled += count;
        }
        (filled, outcome)
    }

    fn read_record(&self, buffer: &mut [MaybeUninit<u8>]) -> Outcome {
        let mut count = 0;
        self.forget_errors();
        // SAFETY: the object owns the SSL; the buffer may be written to. Nothing else uses the SSL meanwhile, because
        // the GIL is held.
        let done = guarded(|| unsafe {
            (self.library.SSL_read_ex)(self.ssl, buffer.as_mut_ptr().cast(), buffer.len(), &mut count)
        });
        self.outcome(done, count)
    }

    /// Encrypts data, which is not empty.
    pub fn write(&self, data: &[u8]) -> Outcome {
        let mut count = 0;
        self.forget_errors();
        // SAFETY: as in `read_record`; the data are valid during the call.
        let done = guarded(|| unsafe {
            (self.library.SSL_write_ex)(self.ssl, data.as_ptr().cast(), data.len(), &mut count)
        });
        self.outcome(done, count)
    }

    /// Errors that other users of the library have left in this thread would be taken for the next call's.
    #[inline]
    fn forget_errors(&self) {
        // SAFETY: they may be called at any time.
        unsafe {
            if (self.library.ERR_peek_error)() != 0 {
                (self.library.ERR_clear_error)();
            }
        }
    }

    #[inline]
    fn outcome(&self, done: c_int, count: usize) -> Outcome {
        if done == 1 {
            return Outcome::Done(count);
        }
        // SAFETY: the object owns the SSL.
        match unsafe { (self.library.SSL_get_error)(self.ssl, done) } {
            WANT_READ => Outcome::NotNow,
            _ => Outcome::Ask,
        }
    }

    /// Takes all records that wait to be sent, as a bytes object; None if there are none.
    pub fn take_unsent(&self) -> Option<Result> {
        let taken = bytes::filled(self.unsent().min(MOST), |buffer| {
            // SAFETY: the object owns the BIO; the buffer may be written to.
            let count = unsafe {
                (self.library.BIO_read)(self.outgoing, buffer.as_mut_ptr().cast(), buffer.len() as c_int)
            };
            Ok(count.max(0) as usize)
        });
        taken.unwrap_or_default()
    }
}
