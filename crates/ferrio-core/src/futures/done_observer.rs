//! DoneObserver: how Ferrio's own objects (tasks, `gather()`, task groups) learn that a future is done.
//!
//! Each kind of object has an observer, which is a table of functions. The future has the object and its observer as a
//! callback, which needs no allocation. The future does not know the kinds. Python code sees a callable in place of the
//! object.

use super::{Callback, Future, own_future};
use crate::ffi::{Name, Object, Own, Result};
use crate::loop_::runnable::{MethodWithArgument, Runnable};
use crate::stdlib;

static REMOVE_DONE_CALLBACK: Name = Name::new(c"remove_done_callback");

/// The functions of one kind of object. Their first argument is the object.
pub struct DoneObserver {
    /// Notifies the object that a future is done.
    notify: MethodWithArgument,
    /// The callable that Python code sees. Two of the same kind and object are equal.
    callable: fn(&Object) -> Result,
    /// The tasks that wait for the future through the object, for call graphs.
    waiting_tasks: fn(&Object) -> Result<Vec<Object>>,
    /// How a task is woken up. The future's loop notifies the others.
    wakeup: Option<Wakeup>,
}

struct Wakeup {
    schedule: fn(Object, &Own<Future>) -> Result<()>,
    context: fn(&Object) -> Object,
}

impl DoneObserver {
    /// An observer that the future's loop notifies. On a foreign loop, the future does.
    pub const fn new(
        notify: MethodWithArgument,
        callable: fn(&Object) -> Result,
        waiting_tasks: fn(&Object) -> Result<Vec<Object>>,
    ) -> DoneObserver {
        DoneObserver { notify, callable, waiting_tasks, wakeup: None }
    }

    /// An observer whose `schedule` is called as soon as the future is done. It notifies the object in its own way, in
    /// a context.
    pub const fn scheduled_by(
        self,
        schedule: fn(Object, &Own<Future>) -> Result<()>,
        context: fn(&Object) -> Object,
    ) -> DoneObserver {
        DoneObserver { wakeup: Some(Wakeup { schedule, context }), ..self }
    }

    /// Makes a future of any class notify `owner` when it is done.
    #[inline]
    pub fn observe(&'static self, future: &Object, owner: &Object) -> Result<()> {
        if let Some(own) = own_future(future)
            && own.native_loop().is_some()
        {
            return own.add_callback(Callback::Observer(self, owner.clone()));
        }
        future.method1(&stdlib::ADD_DONE_CALLBACK, &self.callable(owner)?).map(drop)
    }

    /// Stops a future from notifying `owner`.
    #[inline]
    pub fn stop_observing(&'static self, future: &Object, owner: &Object) -> Result<()> {
        if let Some(own) = own_future(future)
            && own.native_loop().is_some()
        {
            own.remove_observer(self, owner);
            return Ok(());
        }
        future.method1(&REMOVE_DONE_CALLBACK, &self.callable(owner)?).map(drop)
    }

    /// The future is done: notifies the owner.
    #[inline]
    pub(super) fn schedule(&self, owner: Object, future: &Own<Future>) -> Result<()> {
        if let Some(wakeup) = &self.wakeup {
            return (wakeup.schedule)(owner, future);
        }
        match future.native_loop() {
            Some(loop_) => loop_.push(Runnable::with_argument(owner, self.notify, future.as_object().clone())),
            None => {
                let callable = (self.callable)(&owner)?;
                future.loop_.get_or_none().method(&stdlib::CALL_SOON, &[&callable, future.as_object()]).map(drop)
            }
        }
    }

    /// The callable that Python code sees.
    pub(super) fn callable(&self, owner: &Object) -> Result {
        (self.callable)(owner)
    }

    /// The context that it runs in. None if it calls no code of the program.
    pub(super) fn context(&self, owner: &Object) -> Object {
        self.wakeup.as_ref().map_or_else(Object::none, |wakeup| (wakeup.context)(owner))
    }

    /// The tasks that wait for the future through the owner.
    pub(super) fn waiting_tasks(&self, owner: &Object) -> Result<Vec<Object>> {
        (self.waiting_tasks)(owner)
    }

    /// Whether both are the same.
    pub(super) fn is(&self, other: &DoneObserver) -> bool {
        std::ptr::eq(self, other)
    }
}
