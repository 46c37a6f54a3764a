//! Tests of the state machines without a loop, in an interpreter that the test program embeds.
//!
//! `scripts/embedded` links the test program to libpython and runs it. The tests hold one lock: there is one
//! interpreter. A test drives Rust through the classes' public methods, so that it stays true when the code
//! behind them changes; what is hostile (`__eq__`, `__del__`, callbacks) is Python.

mod coroutines;
mod futures;
mod handles;

use crate::ffi::{Name, Object, Ptr, Result};
use pyo3_ffi as py;
use std::ffi::CString;
use std::ptr;
use std::sync::{Mutex, Once, PoisonError};

static STARTED: Once = Once::new();
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What every script finds among its names.
const PRELUDE: &str = r"
import gc, sys, weakref
import _core
from asyncio import CancelledError, InvalidStateError

sys.modules.setdefault('ferrio._core', _core)


class Loop:
    '''Stands for a loop: it writes down what it is asked for.'''

    def __init__(self):
        self.calls, self.reports = [], []

    def get_debug(self):
        return False

    def call_soon(self, callback, *args, context=None):
        self.calls.append((callback, args))

    def call_exception_handler(self, context):
        self.reports.append(context)


loop = Loop()


def raises(kind, call, *args):
    '''Return the exception, which has to be of that kind.'''
    try:
        call(*args)
    except kind as error:
        return error
    raise AssertionError(f'{kind.__name__} was not raised')
";

/// Starts the interpreter, with the module among its built-in ones. The thread that did it lets the GIL go.
fn start() {
    // SAFETY: the interpreter does not run yet, and this is done once. Names live for ever.
    unsafe {
        assert_eq!(py::PyImport_AppendInittab(c"_core".as_ptr(), Some(crate::module::PyInit__core)), 0);
        py::Py_InitializeEx(0);
        py::PyEval_SaveThread();
    }
}

/// The GIL, let go when dropped, after a failed assertion too.
struct Attached(py::PyGILState_STATE);

impl Attached {
    fn new() -> Attached {
        // SAFETY: the interpreter runs.
        Attached(unsafe { py::PyGILState_Ensure() })
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // SAFETY: the counterpart of the one above, in the same thread.
        unsafe { py::PyGILState_Release(self.0) }
    }
}

/// Runs a test with the GIL held. An exception that it returns is printed, and fails it.
fn in_python(test: impl FnOnce() -> Result<()>) {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    STARTED.call_once(start);
    let _attached = Attached::new();
    let passed = test().is_ok();
    // SAFETY: the GIL is held; printing takes the exception out of the error indicator.
    unsafe {
        if !passed {
            py::PyErr_Print();
        }
        assert!(passed, "an exception was raised");
        assert!(py::PyErr_Occurred().is_null(), "the error indicator is set, and nobody said so");
    }
}

/// The names of a script.
struct Script(Object);

impl Script {
    /// A script with the prelude's names.
    fn new() -> Result<Script> {
        // SAFETY: a new dict.
        let names = Script(unsafe { Object::owned(py::PyDict_New()) }?);
        names.run(PRELUDE)?;
        Ok(names)
    }

    /// Gives an object a name.
    fn set(&self, name: &'static Name, object: &Object) -> Result<()> {
        self.0.set_item(name, object)
    }

    /// The object of that name.
    fn get(&self, name: &'static Name) -> Result {
        let found: Option<Object> = self.0.unexpected_item(name, [ptr::null_mut(); 2])?;
        Ok(found.unwrap_or_else(Object::none))
    }

    /// Runs statements; an assertion that fails in them fails the test.
    fn run(&self, source: &str) -> Result<()> {
        let source = CString::new(source).unwrap_or_default();
        let names: Ptr = self.0.as_ptr();
        // SAFETY: a C string and a dict, which gets the built-in names by itself.
        let result =
            unsafe { py::PyRun_StringFlags(source.as_ptr(), py::Py_file_input, names, names, ptr::null_mut()) };
        // SAFETY: a new reference, or null with an error.
        unsafe { Object::owned(result) }.map(drop)
    }
}

/// Runs one script as a test.
fn script(source: &str) {
    in_python(|| Script::new()?.run(source));
}
