//! Python objects that own a descriptor: sockets, the files of pipes, and any object with `fileno()`.

use super::sys as py;
use super::{Import, Name, Object, Result, Slot, Visitor};
use std::cell::Cell;
use std::ffi::c_int;
use std::mem;
use std::sync::atomic::{AtomicU8, Ordering};

/// The interpreter's own class of sockets. `socket.socket` and all others derive from it.
static SOCKET: Import = Import::new(c"_socket", c"socket");
static FILENO: Name = Name::new(c"fileno");
static FAMILY: Name = Name::new(c"family");
static TYPE: Name = Name::new(c"type");
static PROTO: Name = Name::new(c"proto");

/// The number that means "no descriptor", also in a closed socket object.
pub const NO_DESCRIPTOR: c_int = -1;

/// The first fields of a socket of the interpreter's class (`PySocketSockObject` in `socketmodule.h`).
#[repr(C)]
struct SocketObject {
    header: py::PyObject,
    descriptor: c_int,
    family: c_int,
    kind: c_int,
    protocol: c_int,
}

/// Whether sockets have this layout. The first socket is checked.
static LAYOUT: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const AS_EXPECTED: u8 = 1;
const OTHER: u8 = 2;

/// Whether the object is a socket with the layout of [`SocketObject`].
fn is_readable(object: &Object) -> Result<bool> {
    let class: *mut py::PyTypeObject = SOCKET.get()?.as_ptr().cast();
    // SAFETY: live types.
    if unsafe { py::PyType_IsSubtype(object.type_ptr(), class) } == 0 {
        return Ok(false);
    }
    if LAYOUT.load(Ordering::Relaxed) == UNKNOWN {
        let known = if is_as_expected(object)? { AS_EXPECTED } else { OTHER };
        LAYOUT.store(known, Ordering::Relaxed);
    }
    Ok(LAYOUT.load(Ordering::Relaxed) == AS_EXPECTED)
}

/// Whether the fields of a socket have the values of the attributes of its class.
fn is_as_expected(socket: &Object) -> Result<bool> {
    let class = SOCKET.get()?;
    // SAFETY: a field of a live type.
    let size = unsafe { (*class.as_ptr().cast::<py::PyTypeObject>()).tp_basicsize };
    if size < mem::size_of::<SocketObject>() as py::Py_ssize_t {
        return Ok(false);
    }
    // The attributes of the class, not those of a derived one.
    let own = |name: &Name| class.getattr(name)?.call_getter(socket)?.to_i64();
    let said = [class.getattr(&FILENO)?.call(&[socket])?.to_i64()?, own(&FAMILY)?, own(&TYPE)?, own(&PROTO)?];
    // SAFETY: an instance of the class, which has at least this size.
    let found = unsafe {
        let socket = socket.as_ptr().cast::<SocketObject>();
        [(*socket).descriptor, (*socket).family, (*socket).kind, (*socket).protocol]
    };
    Ok(said == found.map(i64::from))
}

impl Object {
    /// `type(self).__get__(self, instance)`: the value of a class's descriptor for an instance.
    fn call_getter(&self, instance: &Object) -> Result {
        static GET: Name = Name::new(c"__get__");
        self.method1(&GET, instance)
    }
}

/// A field with an object that owns a descriptor, or nothing.
#[derive(Default)]
pub struct FileSlot {
    object: Slot,
    /// Whether the object is a socket with the known layout.
    is_socket: Cell<bool>,
}

impl FileSlot {
    /// Stores an object. The object is checked before it is stored.
    pub fn put(&self, object: &Object) -> Result<()> {
        let is_socket = is_readable(object)?;
        let before = self.object.replace(Some(object.clone()));
        self.is_socket.set(is_socket);
        drop(before);
        Ok(())
    }

    /// The object.
    pub fn get(&self) -> Option<Object> {
        self.object.get()
    }

    /// Takes the object out.
    pub fn take(&self) -> Option<Object> {
        self.is_socket.set(false);
        self.object.take()
    }

    /// Shows the object to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.object);
    }

    /// The object's current descriptor, [`NO_DESCRIPTOR`] if it is closed; None if there is no object.
    ///
    /// For a socket this is one load. Another object is asked. If it raises an exception other than `KeyboardInterrupt`
    /// and `SystemExit`, it counts as closed.
    #[inline]
    pub fn descriptor(&self) -> Result<Option<c_int>> {
        if self.object.is_empty() {
            return Ok(None);
        }
        if self.is_socket.get() {
            // SAFETY: `put` has checked that the object, which the slot keeps alive, is an instance of the
            // interpreter's class or of a derived one, and that these have this layout. The program may change its
            // class afterwards, but only to one with the same layout.
            return Ok(Some(unsafe { (*self.object.ptr().cast::<SocketObject>()).descriptor }));
        }
        self.ask().map(Some)
    }

    #[cold]
    fn ask(&self) -> Result<c_int> {
        let answer = self.object.get_or_none().method0(&FILENO).and_then(|number| number.to_i64());
        match answer {
            Ok(number) => Ok(c_int::try_from(number).unwrap_or(NO_DESCRIPTOR)),
            Err(raised) => {
                let exception = raised.take();
                if exception.is_ordinary_exception() { Ok(NO_DESCRIPTOR) } else { Err(exception.raise()) }
            }
        }
    }
}
