//! What the ready queue and the table of descriptors hold: something to run.

use super::Loop;
use crate::debug::{Report, shown};
use crate::ffi::{Object, Own, Result, Visitor};
use crate::futures::{Future, Listener};
use crate::handles::Handle;
use crate::tasks::{Task, step};
use crate::threads::calls;

/// A method of Ferrio's own objects that the loop calls, with the object.
pub type Method = fn(&Object) -> Result<()>;

/// Something to run.
#[derive(Clone)]
pub enum Entry {
    /// A callback.
    Handle(Own<Handle>),
    /// A task's next step.
    Task(Own<Task>),
    /// A future that is done, and the owner of a listener to tell.
    Done(Listener, Object, Own<Future>),
    /// A transport's reading, writing or notification.
    Native(Object, Method),
    /// The future of a call that a thread of the executor has made, and what that has returned, or raised.
    Returned(Own<Future>, Object),
    Raised(Own<Future>, Object),
}

impl Entry {
    /// Runs it. Only `KeyboardInterrupt` and `SystemExit` come out; all else is reported.
    #[inline]
    pub fn run(&self, loop_: &Own<Loop>) -> Result<()> {
        let result = match self {
            Entry::Handle(handle) => handle.run(),
            Entry::Task(task) => step::run(task),
            Entry::Done(listener, owner, future) => listener.tell(owner, future.as_object()),
            Entry::Native(object, method) => method(object),
            Entry::Returned(future, value) => calls::returned(future, value),
            Entry::Raised(future, exception) => calls::raised(future, exception),
        };
        match result {
            Ok(()) => Ok(()),
            Err(raised) => self.report(raised.take(), loop_),
        }
    }

    /// Whether running it would do nothing.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Entry::Handle(handle) if handle.is_cancelled())
    }

    /// The object that runs.
    pub fn object(&self) -> &Object {
        match self {
            Entry::Handle(handle) => handle.as_object(),
            Entry::Task(task) => task.as_object(),
            Entry::Done(_, owner, _) => owner,
            Entry::Native(object, _) => object,
            Entry::Returned(future, _) | Entry::Raised(future, _) => future.as_object(),
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
        report.send(loop_.as_object())
    }

    /// Shows the object to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(self.object());
        match self {
            Entry::Done(_, _, future) => visitor.object(future),
            Entry::Returned(_, object) | Entry::Raised(_, object) => visitor.object(object),
            Entry::Handle(_) | Entry::Task(_) | Entry::Native(..) => {}
        }
    }
}

// The ready queue is read through at every switch: two pointers and the kind.
const _: () = assert!(size_of::<Entry>() == 3 * size_of::<usize>());
