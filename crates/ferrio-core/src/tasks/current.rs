//! The current task, in the place where asyncio's `current_task()` finds it.
//!
//! Up to 3.13 this is a dict from loops to tasks. From 3.14 on it is the thread's state, which only
//! `_swap_current_task` can change.

use super::Task;
use crate::compat;
use crate::ffi::dict;
use crate::ffi::error::{Builtin, raise_text};
use crate::ffi::text::concat;
use crate::ffi::{Object, Own, Result};
use crate::stdlib::{CURRENT_TASKS, SWAP_CURRENT_TASK};

/// Makes a task (or none) the current one of a loop. Returns the one before.
#[inline]
fn swap(loop_: &Object, task: &Object) -> Result {
    if compat::CURRENT_TASK_IS_PER_THREAD {
        return SWAP_CURRENT_TASK.get()?.call(&[loop_, task]);
    }
    let tasks = CURRENT_TASKS.get()?;
    let before = dict::get(tasks, loop_)?.unwrap_or_else(Object::none);
    if !task.is_none() {
        dict::set(tasks, loop_, task)?;
    } else if !before.is_none() {
        dict::delete(tasks, loop_)?;
    }
    Ok(before)
}

/// Runs `work` with `task` as the current one. `RuntimeError` if there is one already.
#[inline]
pub fn with<T>(loop_: &Object, task: &Own<Task>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = swap(loop_, task.as_object())?;
    if !before.is_none() {
        swap(loop_, &before)?;
        let (entered, running) = (task.as_object().repr()?, before.repr()?);
        return Err(raise_text(
            Builtin::Runtime,
            concat(&[
                &"Cannot enter into task ",
                &entered,
                &" while another task ",
                &running,
                &" is being executed.",
            ]),
        ));
    }
    Entered { loop_, before: &Object::none() }.run(work)
}

/// Runs `work` with `task` as the current one, inside the present one; for an eager start.
pub fn with_nested<T>(loop_: &Object, task: &Own<Task>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = swap(loop_, task.as_object())?;
    Entered { loop_, before: &before }.run(work)
}

/// A task that has been made the current one of a loop, in place of another or none.
struct Entered<'swap> {
    loop_: &'swap Object,
    before: &'swap Object,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Err(raised) = swap(self.loop_, self.before) {
            raised.discard();
        }
    }
}

impl Entered<'_> {
    /// Runs `work`, and swaps back. Keeps an exception that `work` raised.
    #[inline]
    fn run<T>(self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let result = work();
        let (loop_, before) = (self.loop_, self.before);
        // Only a panic uses the guard.
        std::mem::forget(self);
        match result {
            Ok(value) => swap(loop_, before).map(|_| value),
            Err(raised) => {
                let exception = raised.take();
                swap(loop_, before)?;
                Err(exception.raise())
            }
        }
    }
}
