//! Names, imports and other objects that are looked up once.

use super::sys as py;
use super::{Object, Ptr, Result};
use std::ffi::CStr;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// An interned name of an attribute, a method or a keyword. It is made at its first use, and never freed.
pub struct Name {
    text: &'static CStr,
    object: AtomicPtr<py::PyObject>,
}

impl Name {
    /// A name that is not made yet.
    pub const fn new(text: &'static CStr) -> Name {
        Name { text, object: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The interned string, borrowed.
    #[inline]
    pub fn get(&self) -> Result<Ptr> {
        let object = self.object.load(Ordering::Relaxed);
        if object.is_null() { self.make() } else { Ok(object) }
    }

    /// The interned string.
    #[inline]
    pub fn object(&'static self) -> Result<&'static Object> {
        self.get()?;
        // SAFETY: the pointer lives in a static and is never cleared; the string is kept for ever.
        Ok(unsafe { Object::from_ref(&*self.object.as_ptr().cast_const()) })
    }

    #[cold]
    fn make(&self) -> Result<Ptr> {
        // SAFETY: a C string; a new reference that is never dropped.
        let object = unsafe { Object::owned(py::PyUnicode_InternFromString(self.text.as_ptr()))? }.into_ptr();
        self.object.store(object, Ordering::Relaxed);
        Ok(object)
    }
}

/// An attribute of a module. It is imported at its first use, and never dropped.
pub struct Import {
    module: &'static CStr,
    attribute: &'static CStr,
    object: AtomicPtr<py::PyObject>,
}

impl Import {
    /// An object that is not imported yet.
    pub const fn new(module: &'static CStr, attribute: &'static CStr) -> Import {
        Import { module, attribute, object: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The object.
    #[inline]
    pub fn get(&'static self) -> Result<&'static Object> {
        if self.object.load(Ordering::Relaxed).is_null() {
            self.import()?;
        }
        // SAFETY: the pointer lives in a static and is never cleared; the object is kept for ever.
        Ok(unsafe { Object::from_ref(&*self.object.as_ptr().cast_const()) })
    }

    #[cold]
    fn import(&self) -> Result<()> {
        // SAFETY: C strings; new references or null.
        let object = unsafe {
            let module = Object::owned(py::PyImport_ImportModule(self.module.as_ptr()))?;
            Object::owned(py::PyObject_GetAttrString(module.as_ptr(), self.attribute.as_ptr()))?
        };
        self.object.store(object.into_ptr(), Ordering::Relaxed);
        Ok(())
    }
}

/// An object that Ferrio makes at its first use and never drops.
pub struct Made {
    object: AtomicPtr<py::PyObject>,
}

impl Made {
    /// An object that is not made yet.
    pub const fn new() -> Made {
        Made { object: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The object. At the first use, `make` makes it.
    #[inline]
    pub fn get(&'static self, make: impl FnOnce() -> Result) -> Result<&'static Object> {
        if self.object.load(Ordering::Relaxed).is_null() {
            self.object.store(make()?.into_ptr(), Ordering::Relaxed);
        }
        // SAFETY: the pointer lives in a static and is never cleared; the object is kept for ever.
        Ok(unsafe { Object::from_ref(&*self.object.as_ptr().cast_const()) })
    }
}

/// A member of an enumeration. It is looked up at its first use, and never dropped.
pub struct Member {
    enumeration: &'static Import,
    name: Name,
    object: AtomicPtr<py::PyObject>,
}

impl Member {
    /// A member that is not looked up yet.
    pub const fn new(enumeration: &'static Import, name: &'static CStr) -> Member {
        Member { enumeration, name: Name::new(name), object: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The member.
    #[inline]
    pub fn get(&'static self) -> Result<&'static Object> {
        if self.object.load(Ordering::Relaxed).is_null() {
            let member = self.enumeration.get()?.getattr(&self.name)?;
            self.object.store(member.into_ptr(), Ordering::Relaxed);
        }
        // SAFETY: as for an import.
        Ok(unsafe { Object::from_ref(&*self.object.as_ptr().cast_const()) })
    }
}

/// Declares names: `names! { CALL_SOON = c"call_soon"; }`.
macro_rules! names {
    ($($(#[$attribute:meta])* $constant:ident = $text:literal;)*) => {
        $($(#[$attribute])* pub static $constant: $crate::ffi::Name = $crate::ffi::Name::new($text);)*
    };
}
pub(crate) use names;

/// Declares imports: `imports! { CANCELLED_ERROR = c"asyncio.exceptions", c"CancelledError"; }`.
macro_rules! imports {
    ($($constant:ident = $module:literal, $attribute:literal;)*) => {
        $(pub static $constant: $crate::ffi::Import = $crate::ffi::Import::new($module, $attribute);)*
    };
}
pub(crate) use imports;
