//! Registry: a linked list through all tasks that are not done.
//!
//! asyncio has its tasks in a `WeakSet`. To add a task to it takes a microsecond; this list costs three pointers. The
//! list does not own its members: a task leaves it when it is done or freed. Any thread that has the GIL may use it.

use super::Task;
use crate::ffi::listing::List;
use crate::ffi::{Object, Own, Result};

static TASKS: List = List::new();

/// Adds a task, unless it is in the list.
pub fn add(task: &Own<Task>) {
    TASKS.join(task, |task| &task.links);
}

/// Removes a task, if it is in the list.
pub fn remove(task: &Task) {
    task.links.leave();
}

/// A list of the tasks, oldest first.
pub fn all() -> Result {
    Object::list(TASKS.members())
}
