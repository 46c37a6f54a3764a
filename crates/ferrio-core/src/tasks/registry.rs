//! Every task that is not done, in a list through the tasks themselves.
//!
//! asyncio keeps its tasks in a `WeakSet`, which costs a microsecond for each; this list costs three
//! pointers. It does not own its members: a task leaves it when it is done or freed. Any thread that
//! holds the GIL may use it.

use super::Task;
use crate::ffi::listing::List;
use crate::ffi::{Object, Own, Result};

static TASKS: List = List::new();

/// Adds a task, unless it is in the list.
pub fn add(task: &Own<Task>) {
    TASKS.join(task, |task| &task.links);
}

/// Takes a task out, if it is in the list.
pub fn remove(task: &Task) {
    task.links.leave();
}

/// A list of the tasks, oldest first.
pub fn all() -> Result {
    Object::list(TASKS.members())
}
