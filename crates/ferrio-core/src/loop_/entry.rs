//! What the ready queue and the table of descriptors hold: something to run.

use super::Loop;
use crate::debug::Report;
use crate::ffi::{Object, Own, Result, Visitor};
use crate::futures::{Future, Listener};
use crate::handles::Handle;
use crate::tasks::{Task, step};

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
        };
        match result {
            Ok(()) => Ok(()),
            Err(raised) => self.report(raised.take(), loop_),
        }
    }

    /// Whether running it would do nothing.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        match self {
            Entry::Handle(handle) => handle.is_cancelled(),
            Entry::Task(_) | Entry::Done(..) | Entry::Native(..) => false,
        }
    }

    /// The object that runs.
    pub fn object(&self) -> &Object {
        match self {
            Entry::Handle(handle) => handle.as_object(),
            Entry::Task(task) => task.as_object(),
            Entry::Done(_, owner, _) => owner,
            Entry::Native(object, _) => object,
        }
    }

    #[cold]
    fn report(&self, exception: Object, loop_: &Own<Loop>) -> Result<()> {
        if exception.is_exit() {
            return Err(exception.raise());
        }
        let report = Report::new(&format!("Exception in callback {}", self.object().repr_text()?))?;
        report.set(c"exception", &exception)?;
        report.set(c"handle", self.object())?;
        report.send(loop_.as_object())
    }

    /// Shows the object to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(self.object().as_ptr());
        if let Entry::Done(_, _, future) = self {
            visitor.object(future.as_ptr());
        }
    }
}
