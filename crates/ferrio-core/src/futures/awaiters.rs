//! Awaiters: which tasks await a future, for call graphs (3.14 and later). For foreign futures, asyncio's functions
//! record it.
//!
//! For Ferrio's own futures, it follows from their callbacks.

use super::{Callback, Future, own_future};
use crate::compat;
use crate::ffi::class::{Method, module_function};
use crate::ffi::error::type_error;
use crate::ffi::{Args, Import, Name, Object, Own, Result, recursion, set};
use crate::stdlib::{self, FUTURES, TASKS};

static ADD: Name = Name::new(c"future_add_to_awaited_by");
static DISCARD: Name = Name::new(c"future_discard_from_awaited_by");

/// The running task, if there is one and the interpreter has call graphs.
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

/// Calls the function that asyncio's module has now, because a program may choose the one in Python or the one in C.
fn call(function: &Name, future: &Object, task: Option<Object>) -> Result<()> {
    match task {
        Some(task) if compat::FUTURES_KNOW_AWAITERS && own_future(future).is_none() => {
            FUTURES.get()?.getattr(function)?.call(&[future, &task]).map(drop)
        }
        _ => Ok(()),
    }
}

/// Records that a task awaits a future.
pub fn add(future: &Object, task: Option<Object>) -> Result<()> {
    call(&ADD, future, task)
}

/// Records that a task does not await a future any more.
pub fn discard(future: &Object, task: Option<Object>) -> Result<()> {
    call(&DISCARD, future, task)
}

/// The functions of the module that replace asyncio's.
pub fn functions() -> Vec<Method> {
    vec![
        module_function(
            c"future_add_to_awaited_by",
            |args| change(args, Own::<Future>::add_awaiter, &stdlib::ADD_TO_AWAITED_BY),
            c"future_add_to_awaited_by(fut, waiter, /)\n--\n\nRecord that a future is awaited by another.",
        ),
        module_function(
            c"future_discard_from_awaited_by",
            |args| change(args, Own::<Future>::discard_awaiter, &stdlib::DISCARD_FROM_AWAITED_BY),
            c"future_discard_from_awaited_by(fut, waiter, /)\n--\n\nRecord that a future is not awaited by another any more.",
        ),
    ]
}

/// Changes the awaiters of a future of Ferrio's. Other futures are left to asyncio's function.
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
    /// What awaits it: None or a frozenset, for call graphs. Tasks that await it directly are not recorded; they are
    /// found among the callbacks.
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

    /// Ferrio's tasks that wait for it, directly or through another observer.
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

    /// Records that `waiter` waits for it. For objects that wait with a callback of their own, for example asyncio's
    /// gather().
    pub fn add_awaiter(&self, waiter: &Object) -> Result<()> {
        if self.awaiters.is_empty() {
            self.awaiters.put(set::new()?);
        }
        set::add(&self.awaiters.get_or_none(), waiter)
    }

    /// Records that `waiter` does not wait any more.
    pub fn discard_awaiter(&self, waiter: &Object) -> Result<()> {
        self.awaiters.get().map_or(Ok(()), |awaiters| set::discard(&awaiters, waiter))
    }
}
