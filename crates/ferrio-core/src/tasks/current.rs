//! The current task, where asyncio's own `current_task()` looks for it.
//!
//! Up to 3.13 that is a dict from loops to tasks; from 3.14 on it is the thread's state, which only
//! `_swap_current_task` reaches.

use super::Task;
#[cfg(not(Py_3_14))]
use crate::ffi::Raised;
use crate::ffi::error::runtime_error;
use crate::ffi::{Import, Object, Own, Result};
#[cfg(not(Py_3_14))]
use pyo3_ffi as py;

#[cfg(not(Py_3_14))]
static CURRENT_TASKS: Import = Import::new(c"_asyncio", c"_current_tasks");
#[cfg(Py_3_14)]
static SWAP_CURRENT_TASK: Import = Import::new(c"_asyncio", c"_swap_current_task");

/// Makes a task (or none) the loop's current one; returns the one before.
#[cfg(Py_3_14)]
#[inline]
fn swap(loop_: &Object, task: &Object) -> Result {
    SWAP_CURRENT_TASK.get()?.call(&[loop_, task])
}

/// Makes a task (or none) the loop's current one; returns the one before.
#[cfg(not(Py_3_14))]
#[inline]
fn swap(loop_: &Object, task: &Object) -> Result {
    let tasks = CURRENT_TASKS.get()?.as_ptr();
    // SAFETY: a dict and live objects; what it gives is borrowed, or null with or without an error.
    unsafe {
        let before = py::PyDict_GetItemWithError(tasks, loop_.as_ptr());
        if before.is_null() && !py::PyErr_Occurred().is_null() {
            return Err(Raised);
        }
        let before = if before.is_null() { Object::none() } else { Object::borrowed(before) };
        let status = if !task.is_none() {
            py::PyDict_SetItem(tasks, loop_.as_ptr(), task.as_ptr())
        } else if !before.is_none() {
            py::PyDict_DelItem(tasks, loop_.as_ptr())
        } else {
            0
        };
        if status < 0 { Err(Raised) } else { Ok(before) }
    }
}

/// Runs `work` with `task` as the current one. `RuntimeError` if there is one already.
#[inline]
pub fn with<T>(loop_: &Object, task: &Own<Task>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = swap(loop_, task.as_object())?;
    if !before.is_none() {
        swap(loop_, &before)?;
        let (entered, running) = (task.as_object().repr_text()?, before.repr_text()?);
        return Err(runtime_error(&format!(
            "Cannot enter into task {entered} while another task {running} is being executed."
        )));
    }
    leave(work(), || swap(loop_, &Object::none()))
}

/// Runs `work` with `task` as the current one, in the middle of the one that is; for an eager start.
pub fn with_nested<T>(loop_: &Object, task: &Own<Task>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = swap(loop_, task.as_object())?;
    leave(work(), || swap(loop_, &before))
}

/// Swaps back without losing an exception that is on its way.
#[inline]
fn leave<T>(result: Result<T>, swap_back: impl FnOnce() -> Result) -> Result<T> {
    match result {
        Ok(value) => swap_back().map(|_| value),
        Err(raised) => {
            let exception = raised.take();
            swap_back()?;
            Err(exception.raise())
        }
    }
}
