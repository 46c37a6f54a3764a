//! Runnable: an entry of the ready queue or of the table of descriptors.
//!
//! The loop does not know what it runs, except handles. Everything else is an object of Ferrio's own and a function
//! that the object's folder has passed with it.

use super::Loop;
use crate::debug::{Report, shown};
use crate::ffi::{Object, Own, Result, Visitor};
use crate::handles::{Handle, Queued};

/// A function that the loop calls with the object that came with it.
pub type Method = fn(&Object) -> Result<()>;

/// A [`Method`] with another object as its argument.
pub type MethodWithArgument = fn(&Object, &Object) -> Result<()>;

/// Something to run.
#[derive(Clone)]
pub enum Runnable {
    /// A callback.
    Handle(Queued),
    /// An object of Ferrio's own and the function to call with it, for example a task and its step.
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
    /// Runs a handle that the garbage collector sees already.
    #[inline]
    pub fn handle(handle: Own<Handle>) -> Runnable {
        Runnable::Handle(Queued::seen(handle))
    }

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

    /// Runs it. It raises only `KeyboardInterrupt` and `SystemExit`; other exceptions are reported.
    #[inline]
    pub fn run(&self, loop_: &Own<Loop>) -> Result<()> {
        let result = match self {
            Runnable::Handle(handle) => handle.run(&loop_.spare_context),
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

    /// The entry for a place other than the ready queue: the garbage collector sees its handle from here on.
    pub fn shown(self) -> Runnable {
        if let Runnable::Handle(handle) = &self {
            handle.show();
        }
        self
    }

    /// Shows the object to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(self.object());
        if let Runnable::Native(_, Call::WithArgument(_, argument)) = self {
            visitor.object(argument);
        }
    }
}

// The loop moves a Runnable in and out of the ready queue for each step of a task, so it has no extra word for its
// kind.
const _: () = assert!(size_of::<Runnable>() == 3 * size_of::<usize>());
