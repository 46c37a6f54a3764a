//! Every task that is not done, in lists through the tasks themselves.
//!
//! From 3.14 on these are the interpreter's own lists, one for each thread, beside asyncio's tasks: `all_tasks()` and
//! the interpreter's tools walk them. Where that is not possible, and for earlier interpreters, it is one list of
//! Ferrio's, which `all_tasks()` gets by way of a set (`python/ferrio/tasks.py`).
//!
//! A list does not own its members: a task leaves it when it is done or freed. Any thread that holds the GIL may use
//! it. asyncio keeps tasks of other makes in a `WeakSet`, which costs a microsecond for each; a list costs two pointers.

use super::{Task, layout};
use crate::ffi::listing::List;
use crate::ffi::{Object, Own, Result, thread_state};
use crate::stdlib;
use std::sync::atomic::{AtomicBool, Ordering};

static TASKS: List = List::new();

/// Adds a task, unless it is in a list.
#[inline]
pub fn add(task: &Own<Task>) -> Result<()> {
    if !IS_VISIBLE.load(Ordering::Relaxed) {
        make_visible()?;
    }
    thread_state::tasks().unwrap_or_else(|| TASKS.head()).join(&task.links);
    Ok(())
}

/// Takes a task out, if it is in a list.
#[inline]
pub fn remove(task: &Task) {
    task.links.leave();
}

/// A list of the tasks, of each thread oldest first.
pub fn all() -> Result {
    let mut heads = thread_state::all_tasks().unwrap_or_default();
    heads.push(TASKS.head());
    Object::list(heads.into_iter().flat_map(|head| head.members::<Task>(layout::LINKS)).collect::<Vec<_>>())
}

/// Whether asyncio's functions know of Ferrio's tasks.
static IS_VISIBLE: AtomicBool = AtomicBool::new(false);

/// Has asyncio's functions know of Ferrio's tasks: before the first of them is in a list.
#[cold]
fn make_visible() -> Result<()> {
    stdlib::FERRIO_MAKE_TASKS_VISIBLE.get()?.call0()?;
    IS_VISIBLE.store(true, Ordering::Relaxed);
    Ok(())
}
