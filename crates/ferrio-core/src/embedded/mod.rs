//! Tests of the state machines without a loop, in an interpreter that the test program embeds.
//!
//! `scripts/embedded` links the test program to libpython and runs it. The tests hold one lock: there is one
//! interpreter. A test drives Rust through the classes' public methods, so that it stays true when the code
//! behind them changes; what is hostile (`__eq__`, `__del__`, callbacks) is Python.

mod coroutines;
mod futures;
mod handles;

use crate::ffi::embedded::{self, run_statements};
use crate::ffi::{Name, Object, Result, dict};

/// Runs a test with the GIL held, in an interpreter that has Ferrio's module.
fn in_python(test: impl FnOnce() -> Result<()>) {
    embedded::in_python(crate::module::PyInit__core, test);
}

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

/// The names of a script.
struct Script(Object);

impl Script {
    /// A script with the prelude's names.
    fn new() -> Result<Script> {
        let names = Script(dict::new()?);
        names.run(PRELUDE)?;
        Ok(names)
    }

    /// Gives an object a name.
    fn set(&self, name: &'static Name, object: &Object) -> Result<()> {
        dict::set(&self.0, name.object()?, object)
    }

    /// The object of that name.
    fn get(&self, name: &'static Name) -> Result {
        Ok(dict::get(&self.0, name.object()?)?.unwrap_or_else(Object::none))
    }

    /// Runs statements; an assertion that fails in them fails the test.
    fn run(&self, source: &str) -> Result<()> {
        run_statements(source, &self.0)
    }
}

/// Runs one script as a test.
fn script(source: &str) {
    in_python(|| Script::new()?.run(source));
}
