//! Who awaits a future of another make, for call graphs: asyncio's functions write it down, from 3.14 on.
//!
//! For Ferrio's own futures it is read off their callbacks.

use super::{Callback, Future, own_future};
use crate::compat;
use crate::ffi::class::{Method, module_function};
use crate::ffi::error::type_error;
use crate::ffi::{Args, Import, Name, Object, Own, Result, recursion, set};
use crate::stdlib::{self, FUTURES, TASKS};

static ADD: Name = Name::new(c"future_add_to_awaited_by");
static DISCARD: Name = Name::new(c"future_discard_from_awaited_by");

/// The task that runs, if there is one and call graphs are made of it.
pub fn current(running: &Object) -> Result<Option<Object>> {
    if !compat::FUTURES_KNOW_AWAITERS || running.is_none() {
        return Ok(None);
    }
    current_task(running)
}

/// The task that runs on a loop, if there is one.
pub fn current_task(running: &Object) -> Result<Option<Object>> {
    let task = TASKS.get()?.getattr(&stdlib::CURRENT_TASK)?.call(&[running])?;
    Ok(Some(task).filter(|task| !task.is_none()))
}

/// Calls the function that asyncio's module has now: a program may choose the one in Python or the one in C.
fn call(function: &Name, future: &Object, task: Option<Object>) -> Result<()> {
    match task {
        Some(task) if compat::FUTURES_KNOW_AWAITERS && own_future(future).is_none() => {
            FUTURES.get()?.getattr(function)?.call(&[future, &task]).map(drop)
        }
        _ => Ok(()),
    }
}

/// Writes down that a task awaits a future.
pub fn add(future: &Object, task: Option<Object>) -> Result<()> {
    call(&ADD, future, task)
}

/// Writes down that a task awaits a future no more.
pub fn discard(future: &Object, task: Option<Object>) -> Result<()> {
    call(&DISCARD, future, task)
}

/// The functions of the module that stand for asyncio's.
pub fn functions() -> Vec<Method> {
    vec![
        module_function(
            c"future_add_to_awaited_by",
            |args| change(args, Own::<Future>::add_awaiter, &stdlib::ADD_TO_AWAITED_BY),
            c"future_add_to_awaited_by(fut, waiter, /)\n--\n\nWrite down that a future is awaited by another.",
        ),
        module_function(
            c"future_discard_from_awaited_by",
            |args| change(args, Own::<Future>::discard_awaiter, &stdlib::DISCARD_FROM_AWAITED_BY),
            c"future_discard_from_awaited_by(fut, waiter, /)\n--\n\nWrite down that a future is awaited no more.",
        ),
    ]
}

/// Applies a change to the awaiters of a future of Ferrio's; other futures are left to asyncio's function.
fn change(args: &Args<'_>, change: fn(&Own<Future>, &Object) -> Result<()>, original: &'static Import) -> Result {
    let [future, waiter] = args.positional() else {
        return Err(type_error("a future and its waiter are expected"));
    };
    match (Own::<Future>::downcast(future), Own::<Future>::downcast(waiter)) {
        (Some(future), Some(_)) => change(future, waiter).map(|()| Object::none()),
        _ => original.get()?.call(&[future, waiter]),
    }
}

impl Own<Future> {
    /// Who waits for it: None or a frozenset, as call graphs want it. For tasks that simply await it nothing
    /// is written down while they run; they are read off the callbacks.
    pub(super) fn awaited_by(&self) -> Result {
        let mut waiting = self.waiting_tasks()?;
        if let Some(awaiters) = self.awaiters.get() {
            waiting.extend(set::items(&awaiters)?);
        }
        if waiting.is_empty() {
            return Ok(Object::none());
        }
        let waiting = Object::list(waiting)?;
        set::frozen(&waiting)
    }

    /// The tasks of Ferrio's own that wait for it, directly or by way of another observer.
    pub fn waiting_tasks(&self) -> Result<Vec<Object>> {
        let mut waiting = Vec::new();
        for callback in self.callbacks.all() {
            match callback {
                Callback::Observer(observer, owner) => {
                    let tasks = || observer.waiting_tasks(&owner);
                    waiting.extend(recursion::guarded(c" while looking for who waits", tasks)?);
                }
                Callback::Call(..) => {}
            }
        }
        Ok(waiting)
    }

    /// Writes down that `waiter` waits for it; for those who wait by callbacks of their own, as gather.
    pub fn add_awaiter(&self, waiter: &Object) -> Result<()> {
        if self.awaiters.is_empty() {
            self.awaiters.put(set::new()?);
        }
        set::add(&self.awaiters.get_or_none(), waiter)
    }

    /// Writes down that `waiter` waits no more.
    pub fn discard_awaiter(&self, waiter: &Object) -> Result<()> {
        self.awaiters.get().map_or(Ok(()), |awaiters| set::discard(&awaiters, waiter))
    }
}
