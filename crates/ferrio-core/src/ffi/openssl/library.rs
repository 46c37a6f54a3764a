//! The functions of the OpenSSL that the interpreter's module `_ssl` uses.

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_ulong, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What OpenSSL calls `SSL`, `SSL_CTX`, `BIO` and `BIO_METHOD`. Only pointers to them are used.
pub(super) enum Ssl {}
pub(super) enum Context {}
pub(super) enum Bio {}
pub(super) enum BioMethod {}

/// A handle of the dynamic linker.
type Handle = *mut c_void;

/// `dlopen` binds symbols when they are called, and finds only what is loaded already.
const RTLD_LAZY: c_int = 1;
const RTLD_NOLOAD: c_int = 4;

unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> Handle;
    fn dlsym(handle: Handle, symbol: *const c_char) -> *mut c_void;
    fn dlclose(handle: Handle) -> c_int;
}

/// Declares the functions, and how they are looked up. A callback of Python's may run in one of them, and take the GIL:
/// so a forced unwinding may pass.
macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions, under OpenSSL's own names.
        #[allow(non_snake_case)]
        pub(super) struct Library {
            $(pub(super) $name: unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?,)*
            /// What `BIO_method_name` gives for a BIO in this library's memory.
            memory: *const c_char,
        }

        impl Library {
            /// Looks each of them up; None if one is missing.
            ///
            /// # Safety
            /// The handle is the dynamic linker's, for a library that is never closed and has OpenSSL's functions.
            unsafe fn look_up(handle: Handle) -> Option<Library> {
                Some(Library {
                    $($name: {
                        let name = CString::new(stringify!($name)).ok()?;
                        // SAFETY: a valid handle and a name. The functions have the types that OpenSSL's manual says.
                        unsafe {
                            let found = dlsym(handle, name.as_ptr());
                            if found.is_null() {
                                return None;
                            }
                            std::mem::transmute::<*mut c_void, unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?>(found)
                        }
                    },)*
                    memory: std::ptr::null(),
                })
            }
        }
    };
}

functions! {
    SSL_read_ex: fn(*mut Ssl, *mut c_void, usize, *mut usize) -> c_int;
    SSL_write_ex: fn(*mut Ssl, *const c_void, usize, *mut usize) -> c_int;
    SSL_pending: fn(*const Ssl) -> c_int;
    SSL_get_error: fn(*const Ssl, c_int) -> c_int;
    SSL_get_rbio: fn(*const Ssl) -> *mut Bio;
    SSL_get_wbio: fn(*const Ssl) -> *mut Bio;
    SSL_get_ex_data: fn(*const Ssl, c_int) -> *mut c_void;
    SSL_get_SSL_CTX: fn(*const Ssl) -> *mut Context;
    BIO_new: fn(*const BioMethod) -> *mut Bio;
    BIO_s_mem: fn() -> *const BioMethod;
    BIO_free: fn(*mut Bio) -> c_int;
    BIO_method_name: fn(*const Bio) -> *const c_char;
    BIO_read: fn(*mut Bio, *mut c_void, c_int) -> c_int;
    BIO_write: fn(*mut Bio, *const c_void, c_int) -> c_int;
    BIO_ctrl: fn(*mut Bio, c_int, c_long, *mut c_void) -> c_long;
    ERR_peek_error: fn() -> c_ulong;
    ERR_clear_error: fn();
    OpenSSL_version: fn(c_int) -> *const c_char;
}

// SAFETY: it consists of addresses of functions, and of a constant string of the library.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

impl Library {
    /// The OpenSSL that an extension module is linked to, if it is of the version that the module says.
    pub(super) fn of_module(file: &Path, version: &str) -> Option<Library> {
        // Its relatives have functions of the same names, and other rules.
        if !version.starts_with("OpenSSL ") {
            return None;
        }
        let path = CString::new(file.as_os_str().as_bytes()).ok()?;
        // SAFETY: a path. A library that is loaded is not initialized again, and this handle of it is never closed if
        // the functions are used.
        unsafe {
            let handle = dlopen(path.as_ptr(), RTLD_LAZY | RTLD_NOLOAD);
            if handle.is_null() {
                return None;
            }
            let library = Library::look_up(handle).filter(|library| library.version() == version.as_bytes());
            let library = library.and_then(Library::with_memory);
            if library.is_none() {
                dlclose(handle);
            }
            library
        }
    }

    fn version(&self) -> &[u8] {
        // SAFETY: 0 asks for the library's version, a constant string.
        unsafe { CStr::from_ptr((self.OpenSSL_version)(0)).to_bytes() }
    }

    fn with_memory(mut self) -> Option<Library> {
        // SAFETY: the BIO is made, asked and freed here.
        unsafe {
            let bio = (self.BIO_new)((self.BIO_s_mem)());
            if bio.is_null() {
                return None;
            }
            self.memory = (self.BIO_method_name)(bio);
            (self.BIO_free)(bio);
        }
        Some(self)
    }

    /// Whether a BIO is one in memory, made by this very library and not by another copy of it.
    ///
    /// # Safety
    /// The pointer is a BIO's.
    pub(super) unsafe fn is_memory(&self, bio: *const Bio) -> bool {
        // SAFETY: the caller's promise.
        unsafe { (self.BIO_method_name)(bio) == self.memory }
    }
}
