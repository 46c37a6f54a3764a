//! The current task, in the place where asyncio's `current_task()` finds it.
//!
//! Up to 3.13 that is a dict from loops to tasks; from 3.14 on it is the thread's state, which is changed in place
//! where its layout is known, and by `_swap_current_task` elsewhere.

use super::Task;
use crate::compat;
use crate::ffi::dict;
use crate::ffi::error::{Builtin, raise_text};
use crate::ffi::text::{Piece, concat};
use crate::ffi::{Object, Own, Raised, Result, thread_state};
use crate::stdlib::{CURRENT_TASKS, SWAP_CURRENT_TASK};
use std::mem::ManuallyDrop;

/// Makes a task (or none) the current one of a loop. Returns the one before.
#[inline]
fn swap(loop_: &Object, task: Option<&Object>) -> Result<Option<Object>> {
    match thread_state::swap_current_task(loop_, task) {
        Some(before) => Ok(before),
        None => swap_by_asyncio(loop_, task),
    }
}

fn swap_by_asyncio(loop_: &Object, task: Option<&Object>) -> Result<Option<Object>> {
    if compat::CURRENT_TASK_IS_PER_THREAD {
        let task = task.cloned().unwrap_or_else(Object::none);
        let before = SWAP_CURRENT_TASK.get()?.call(&[loop_, &task])?;
        return Ok(Some(before).filter(|before| !before.is_none()));
    }
    let tasks = CURRENT_TASKS.get()?;
    let before = dict::get(tasks, loop_)?.filter(|before| !before.is_none());
    match (task, &before) {
        (Some(task), _) => dict::set(tasks, loop_, task)?,
        (None, Some(_)) => dict::delete(tasks, loop_)?,
        (None, None) => {}
    }
    Ok(before)
}

/// Runs `work` with `task` as the current one. `RuntimeError` if there is one already.
#[inline]
pub fn with<T>(loop_: &Object, task: &Own<Task>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    if let Some(before) = swap(loop_, Some(task.as_object()))? {
        return Err(refuse(loop_, task, &before)?);
    }
    Entered { loop_, before: None }.run(work)
}

/// Leaves the current task as it was, and says so.
#[cold]
fn refuse(loop_: &Object, task: &Own<Task>, before: &Object) -> Result<Raised> {
    swap(loop_, Some(before))?;
    let (entered, running) = (task.as_object().repr()?, before.repr()?);
    let message = [
        &"Cannot enter into task " as &dyn Piece,
        &entered,
        &" while another task ",
        &running,
        &" is being executed.",
    ];
    Ok(raise_text(Builtin::Runtime, concat(&message)))
}

/// Runs `work` with `task` as the current one, inside the present one; for an eager start.
pub fn with_nested<T>(loop_: &Object, task: &Own<Task>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = swap(loop_, Some(task.as_object()))?;
    Entered { loop_, before }.run(work)
}

/// A task that has been made the current one of a loop, in place of another or none.
struct Entered<'swap> {
    loop_: &'swap Object,
    before: Option<Object>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Err(raised) = swap(self.loop_, self.before.as_ref()) {
            raised.discard();
        }
    }
}

impl Entered<'_> {
    /// Runs `work`, and swaps back. Keeps an exception that `work` raised.
    #[inline]
    fn run<T>(self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let result = work();
        let loop_ = self.loop_;
        // Only an unwinding leaves by way of the guard.
        let before = ManuallyDrop::new(self).before.take();
        match result {
            Ok(value) => swap(loop_, before.as_ref()).map(|_| value),
            Err(raised) => {
                let exception = raised.take();
                swap(loop_, before.as_ref())?;
                Err(exception.raise())
            }
        }
    }
}
