//! Where a task has what the interpreter's tools read: `python -m asyncio ps`, `profiling.sampling`. They look into the
//! memory of another process, and take every task in its lists for one of asyncio's in C.
//!
//! The fields are laid out for the interpreters from 3.14 on. [`share`] compares that with what the running one says.

use super::Task;
use crate::ffi::class::body_offset;
use crate::ffi::thread_state::{self, TaskLayout};
use crate::ffi::{Name, Object, Result, dict};
use crate::futures::{Future, common};
use crate::stdlib;
use std::mem::offset_of;
use std::path::PathBuf;

/// Where a body of Task has its links, in bytes from the body's beginning.
pub const LINKS: usize = offset_of!(Task, links);

const COMMON: usize = body_offset::<Task>() + offset_of!(Task, future) + offset_of!(Future, common);

const LAYOUT: TaskLayout = TaskLayout {
    name: body_offset::<Task>() + offset_of!(Task, name),
    awaited_by: COMMON + common::AWAITERS,
    is_task: COMMON + common::IS_TASK,
    awaited_by_is_set: COMMON + common::IS_SET,
    coroutine: body_offset::<Task>() + offset_of!(Task, native_coroutine),
    links: body_offset::<Task>() + LINKS,
};

/// Has the interpreter see Ferrio's tasks. Returns None, or why it can't.
pub fn share() -> Result {
    static FILE: Name = Name::new(c"__file__");
    let file = match dict::get(stdlib::ASYNCIO_C_NAMESPACE.get()?, FILE.object()?)? {
        Some(file) if !file.is_none() => Some(PathBuf::from(file.to_text()?)),
        _ => None,
    };
    let running = stdlib::GET_RUNNING_LOOP.get()?.call0()?;
    let size = body_offset::<Task>() + size_of::<Task>();
    match thread_state::share(&LAYOUT, size, file.as_deref(), &running) {
        Ok(()) => Ok(Object::none()),
        Err(reason) => Object::str(&reason),
    }
}
