//! What the ready queue and the table of descriptors hold: something to run.
//!
//! The loop does not know what it runs, except for handles. Everything else is an object of Ferrio's own and a
//! function that the object's folder has handed in with it.

use super::Loop;
use crate::debug::{Report, shown};
use crate::ffi::{Object, Own, Result, Visitor};
use crate::handles::Handle;

/// A function that the loop calls with the object that it was handed in with.
pub type Method = fn(&Object) -> Result<()>;

/// As [`Method`], with another object as the argument.
pub type MethodWithArgument = fn(&Object, &Object) -> Result<()>;

/// Something to run.
#[derive(Clone)]
pub enum Runnable {
    /// A callback.
    Handle(Own<Handle>),
    /// An object of Ferrio's own and the function to call with it: a task's step, a transport's reading.
    Native(Object, Call),
}

/// The function of a [`Runnable`], and the argument that it takes.
#[derive(Clone)]
pub enum Call {
    Method(Method),
    WithArgument(MethodWithArgument, Object),
}

impl Call {
    /// Calls it with the object that it belongs to.
    #[inline]
    pub fn call(&self, object: &Object) -> Result<()> {
        match self {
            Call::Method(method) => method(object),
            Call::WithArgument(method, argument) => method(object, argument),
        }
    }
}

impl Runnable {
    /// Calls `method(object)`.
    #[inline]
    pub fn method(object: Object, method: Method) -> Runnable {
        Runnable::Native(object, Call::Method(method))
    }

    /// Calls `method(object, argument)`.
    #[inline]
    pub fn with_argument(object: Object, method: MethodWithArgument, argument: Object) -> Runnable {
        Runnable::Native(object, Call::WithArgument(method, argument))
    }

    /// Runs it. Only `KeyboardInterrupt` and `SystemExit` come out; all else is reported.
    #[inline]
    pub fn run(&self, loop_: &Own<Loop>) -> Result<()> {
        let result = match self {
            Runnable::Handle(handle) => handle.run(),
            Runnable::Native(object, call) => call.call(object),
        };
        match result {
            Ok(()) => Ok(()),
            Err(raised) => self.report(raised.take(), loop_),
        }
    }

    /// Whether running it would do nothing.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Runnable::Handle(handle) if handle.is_cancelled())
    }

    /// The object that runs.
    pub fn object(&self) -> &Object {
        match self {
            Runnable::Handle(handle) => handle.as_object(),
            Runnable::Native(object, _) => object,
        }
    }

    #[cold]
    fn report(&self, exception: Object, loop_: &Own<Loop>) -> Result<()> {
        if exception.is_exit() {
            return Err(exception.raise());
        }
        let report = Report::new(&[&"Exception in callback ", &shown(self.object())?])?;
        report.set(c"exception", &exception)?;
        report.set(c"handle", self.object())?;
        report.send_handling(loop_.as_object(), &exception)
    }

    /// Shows the object to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(self.object());
        if let Runnable::Native(_, Call::WithArgument(_, argument)) = self {
            visitor.object(argument);
        }
    }
}

// The loop moves one in and out of the ready queue for each step of a task: it has no word for the kind.
const _: () = assert!(size_of::<Runnable>() == 3 * size_of::<usize>());
