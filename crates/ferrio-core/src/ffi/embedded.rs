//! An interpreter in the test program.

use super::{Object, Ptr, Result, sys as py};
use std::ffi::CString;
use std::ptr;
use std::sync::{Mutex, Once, PoisonError};

static STARTED: Once = Once::new();
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Starts the interpreter, with the module as a built-in one. Releases the GIL.
fn start(entry_point: EntryPoint) {
    // SAFETY: the interpreter does not run yet, and this is done once. The names are static.
    unsafe {
        assert_eq!(py::PyImport_AppendInittab(c"_core".as_ptr(), Some(entry_point)), 0);
        py::Py_InitializeEx(0);
        py::PyEval_SaveThread();
    }
}

/// The GIL. It is released by the drop, also after a failed assertion.
struct Attached(py::PyGILState_STATE);

impl Attached {
    fn new() -> Attached {
        // SAFETY: the interpreter runs.
        Attached(unsafe { py::PyGILState_Ensure() })
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // SAFETY: the counterpart of the call above, in the same thread.
        unsafe { py::PyGILState_Release(self.0) }
    }
}

/// The function that makes the module.
pub type EntryPoint = unsafe extern "C" fn() -> Ptr;

/// Runs a test with the GIL, in an interpreter that has the module. If the test returns an exception, prints it and
/// fails.
pub fn in_python(entry_point: EntryPoint, test: impl FnOnce() -> Result<()>) {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    STARTED.call_once(|| start(entry_point));
    let _attached = Attached::new();
    let result = test();
    let passed = result.is_ok();
    if let Err(raised) = result {
        raised.leave();
    }
    // SAFETY: the GIL is held. Printing takes the exception out of the error indicator.
    unsafe {
        if !passed {
            py::PyErr_Print();
        }
        assert!(passed, "an exception was raised");
        assert!(py::PyErr_Occurred().is_null(), "the error indicator is set, and nobody said so");
    }
}

/// Runs statements with a dict of names. The interpreter adds the built-in names.
pub fn run_statements(source: &str, names: &Object) -> Result<()> {
    let source = CString::new(source).unwrap_or_default();
    let names = names.as_ptr();
    // SAFETY: a C string and a dict; a new reference, or null with an error.
    unsafe {
        let result = py::PyRun_StringFlags(source.as_ptr(), py::Py_file_input, names, names, ptr::null_mut());
        Object::owned(result).map(drop)
    }
}
