//! Who awaits a future, for call graphs and for the interpreter's tools, from 3.14 on.
//!
//! Each wait is written down where asyncio writes it down: in the future itself, at the place that asyncio's futures
//! have for it ([`Common`]). A task that awaits a future of asyncio's is written into that one. Futures of other makes,
//! in Python, are left to asyncio's function.
//!
//! Nobody awaits a future that is done: who waited need not be taken out then.
//!
//! Earlier interpreters have no such place. There it is read off the callbacks when `python -m ferrio ps` asks.

use super::common::Common;
use super::{Callback, Future, own_future};
use crate::compat;
use crate::ffi::class::{Method, module_function};
use crate::ffi::error::type_error;
use crate::ffi::{Args, Import, Name, Object, Own, Result, recursion, set, thread_state};
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
    if let Some(Some(task)) = thread_state::current_task(running) {
        return Ok(Some(task));
    }
    // The module's function, as it is now: a program may choose the one in Python or the one in C.
    let task = TASKS.get()?.getattr(&stdlib::CURRENT_TASK)?.call(&[running])?;
    Ok(Some(task).filter(|task| !task.is_none()))
}

/// The fields of a future of Ferrio's, or of asyncio's in C, that say who awaits it.
fn fields(future: &Object) -> Option<&Common> {
    if let Some(own) = own_future(future).or_else(|| Own::<Future>::downcast(future)) {
        return Some(&own.common);
    }
    let class = stdlib::ASYNCIO_FUTURE.get().ok()?;
    thread_state::laid_out_as_asyncios::<Common>(future, class)
}

/// Writes down that a task awaits a future.
#[inline]
pub fn add(future: &Object, task: Option<&Object>) -> Result<()> {
    match task {
        Some(task) if compat::FUTURES_KNOW_AWAITERS => change(future, task, Common::add_awaiter, &ADD),
        _ => Ok(()),
    }
}

/// Writes down that a task awaits a future no more.
#[inline]
pub fn discard(future: &Object, task: Option<&Object>) -> Result<()> {
    match task {
        Some(task) if compat::FUTURES_KNOW_AWAITERS => change(future, task, Common::discard_awaiter, &DISCARD),
        _ => Ok(()),
    }
}

/// Writes down that a task awaits a future that is not of Ferrio's own classes, if it has a place for that: one of
/// asyncio's in C, or of a class derived from Ferrio's.
pub fn add_to_foreign(future: &Object, task: &Object) -> Result<()> {
    match fields(future) {
        Some(fields) if compat::FUTURES_KNOW_AWAITERS => fields.add_awaiter(task),
        _ => Ok(()),
    }
}

/// Writes down that a task awaits such a future no more.
#[cold]
pub fn discard_from_foreign(future: &Object, task: &Object) -> Result<()> {
    match fields(future) {
        Some(fields) if compat::FUTURES_KNOW_AWAITERS => fields.discard_awaiter(task),
        _ => Ok(()),
    }
}

fn change(
    future: &Object,
    task: &Object,
    change: fn(&Common, &Object) -> Result<()>,
    function: &Name,
) -> Result<()> {
    match fields(future) {
        Some(fields) => change(fields, task),
        // The module's function, as it is now.
        None => FUTURES.get()?.getattr(function)?.call(&[future, task]).map(drop),
    }
}

/// The functions of the module that replace asyncio's.
pub fn functions() -> Vec<Method> {
    vec![
        module_function(
            c"future_add_to_awaited_by",
            |args| change_by_function(args, Common::add_awaiter, &stdlib::ADD_TO_AWAITED_BY),
            c"future_add_to_awaited_by(fut, waiter, /)\n--\n\nWrite down that a future is awaited by another.",
        ),
        module_function(
            c"future_discard_from_awaited_by",
            |args| change_by_function(args, Common::discard_awaiter, &stdlib::DISCARD_FROM_AWAITED_BY),
            c"future_discard_from_awaited_by(fut, waiter, /)\n--\n\nWrite down that a future is awaited no more.",
        ),
    ]
}

/// Applies a change to the awaiters of a future where Ferrio's are among the two; the rest is left to asyncio's
/// function.
fn change_by_function(
    args: &Args<'_>,
    change: fn(&Common, &Object) -> Result<()>,
    original: &'static Import,
) -> Result {
    let [future, waiter] = args.positional() else {
        return Err(type_error("a future and its waiter are expected"));
    };
    let is_own = [future, waiter].iter().any(|one| Own::<Future>::downcast(one).is_some());
    match (fields(future), fields(waiter)) {
        (Some(fields), Some(_)) if is_own => change(fields, waiter).map(|()| Object::none()),
        _ => original.get()?.call(&[future, waiter]),
    }
}

impl Own<Future> {
    /// Who waits for it: None or a frozenset, as call graphs want it.
    pub(super) fn awaited_by(&self) -> Result {
        let mut waiting = self.common.awaiters()?;
        if !compat::FUTURES_KNOW_AWAITERS {
            waiting.extend(self.waiting_tasks()?);
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

    /// Writes down that a task awaits it.
    #[inline]
    pub fn add_awaiter(&self, task: &Object) -> Result<()> {
        self.common.add_awaiter(task)
    }
}
