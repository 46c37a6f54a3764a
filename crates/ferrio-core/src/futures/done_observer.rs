//! Ferrio's own objects that want to know when a future is done: tasks, `gather()`, task groups.
//!
//! Each has an observer, a table of functions, and is known to the future as a callback: nothing is allocated for
//! one more. The future knows none of them. Python code sees a callable in its place.

use super::{Callback, Future, own_future};
use crate::ffi::{Name, Object, Own, Result};
use crate::loop_::runnable::{MethodWithArgument, Runnable};
use crate::stdlib;

static REMOVE_DONE_CALLBACK: Name = Name::new(c"remove_done_callback");

/// What one kind of object does when a future is done. The first argument of each function is the object.
pub struct DoneObserver {
    /// Tells the object that a future is done.
    notify: MethodWithArgument,
    /// What Python code sees in its place. Two of one kind and object are equal.
    callable: fn(&Object) -> Result,
    /// The tasks that wait for the future by way of the object, for call graphs.
    waiting_tasks: fn(&Object) -> Result<Vec<Object>>,
    /// How a task is woken up; the others are told by the future's loop.
    wakeup: Option<Wakeup>,
}

struct Wakeup {
    schedule: fn(Object, &Own<Future>) -> Result<()>,
    context: fn(&Object) -> Object,
}

impl DoneObserver {
    /// One that the future's loop notifies, or the future itself where the loop is a foreign one.
    pub const fn new(
        notify: MethodWithArgument,
        callable: fn(&Object) -> Result,
        waiting_tasks: fn(&Object) -> Result<Vec<Object>>,
    ) -> DoneObserver {
        DoneObserver { notify, callable, waiting_tasks, wakeup: None }
    }

    /// Has `schedule` called as soon as the future is done; it notifies the object in its own way, in a context.
    pub const fn scheduled_by(
        self,
        schedule: fn(Object, &Own<Future>) -> Result<()>,
        context: fn(&Object) -> Object,
    ) -> DoneObserver {
        DoneObserver { wakeup: Some(Wakeup { schedule, context }), ..self }
    }

    /// Has a future of any make notify `owner` when it is done.
    #[inline]
    pub fn observe(&'static self, future: &Object, owner: &Object) -> Result<()> {
        if let Some(own) = own_future(future)
            && own.native_loop().is_some()
        {
            return own.add_callback(Callback::Observer(self, owner.clone()));
        }
        future.method1(&stdlib::ADD_DONE_CALLBACK, &self.callable(owner)?).map(drop)
    }

    /// Has a future not notify `owner` any more.
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

    /// The future is done: has the owner notified.
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

    /// What Python code sees in its place.
    pub(super) fn callable(&self, owner: &Object) -> Result {
        (self.callable)(owner)
    }

    /// The context that it runs in: None for those that call nothing of the program's.
    pub(super) fn context(&self, owner: &Object) -> Object {
        self.wakeup.as_ref().map_or_else(Object::none, |wakeup| (wakeup.context)(owner))
    }

    /// The tasks that wait for the future by way of the owner.
    pub(super) fn waiting_tasks(&self, owner: &Object) -> Result<Vec<Object>> {
        (self.waiting_tasks)(owner)
    }

    /// Whether both are the same.
    pub(super) fn is(&self, other: &DoneObserver) -> bool {
        std::ptr::eq(self, other)
    }
}
