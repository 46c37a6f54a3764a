//! TaskGroup: what happens when one of its tasks is done.
//!
//! That is here as long as the task has not failed; the rest is asyncio's code, which finds the state by its
//! usual names.

use crate::ffi::class::{Members, method1, slot_property, type_cell};
use crate::ffi::{Args, Class, Import, Name, Object, Own, Result, Slot, Visitor, deque};
use crate::futures::{State, own_future, waiter};
use crate::stdlib;
use pyo3_ffi as py;
use std::ffi::CStr;

static ORIGINAL: Import = Import::new(c"asyncio.taskgroups", c"TaskGroup");
/// The function is looked up each time: a program may have chosen between asyncio's two makes of it.
static FUTURES: Import = Import::new(c"asyncio", c"futures");
static DISCARD_FROM_AWAITED_BY: Name = Name::new(c"future_discard_from_awaited_by");
static ON_TASK_DONE: Name = Name::new(c"_on_task_done");

/// Finds asyncio's class while it still stands under its name.
pub fn remember_original() -> Result<()> {
    ORIGINAL.get().map(drop)
}

/// The body of a TaskGroup.
#[derive(Default)]
pub struct TaskGroup {
    /// The tasks that are not done: a set.
    tasks: Slot,
    /// The task that has entered the group.
    parent: Slot,
    /// What `__aexit__()` waits for, or None.
    completed: Slot,
}

impl Own<TaskGroup> {
    fn task_done(&self, task: &Object) -> Result<()> {
        let tasks = self.tasks.get_or_none();
        // SAFETY: live objects; what is not a set is refused with an error.
        if unsafe { py::PySet_Discard(tasks.as_ptr(), task.as_ptr()) } < 0 {
            return Err(crate::ffi::Raised);
        }
        let parent = self.parent.get_or_none();
        if cfg!(Py_3_14) {
            match own_future(task) {
                Some(own) => own.discard_awaiter(&parent)?,
                None => drop(FUTURES.get()?.getattr(&DISCARD_FROM_AWAITED_BY)?.call(&[task, &parent])?),
            }
        }
        if has_failed(task)? {
            let original = ORIGINAL.get()?.getattr(&ON_TASK_DONE)?;
            return original.call(&[self.as_object(), task]).map(drop);
        }
        let completed = self.completed.get_or_none();
        if !completed.is_none() && deque::is_empty(&tasks)? && !waiter::is_done(&completed)? {
            waiter::set_result(&completed, Object::bool(true))?;
        }
        Ok(())
    }
}

/// Whether a task that is done has ended with an exception other than its cancellation.
fn has_failed(task: &Object) -> Result<bool> {
    if let Some(own) = own_future(task) {
        return Ok(own.state() == State::Finished && !own.exception()?.is_none());
    }
    Ok(!waiter::is_cancelled(task)? && !task.method0(&stdlib::EXCEPTION)?.is_none())
}

impl Class for TaskGroup {
    const NAME: &'static CStr = c"ferrio._core.TaskGroup";
    const DOC: &'static CStr = c"TaskGroup()\n--\n\nThe hot part of ferrio.TaskGroup.";
    const SUBCLASSABLE: bool = true;
    type_cell!();

    fn empty() -> Self {
        TaskGroup::default()
    }

    fn init(_: &Own<Self>, _: &Args<'_>) -> Result<()> {
        Ok(())
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        for slot in [&self.tasks, &self.parent, &self.completed] {
            visitor.slot(slot);
        }
    }

    fn clear(&self) {
        for slot in [&self.tasks, &self.parent, &self.completed] {
            slot.clear();
        }
    }

    fn members() -> Members {
        Members {
            methods: vec![method1::<TaskGroup, _>(
                c"_on_task_done",
                |this, task| this.task_done(task).map(|()| Object::none()),
                c"_on_task_done($self, task, /)\n--\n\nTake note that a task is done.",
            )],
            properties: vec![
                slot_property::<TaskGroup, _>(c"_tasks", |this| &this.tasks),
                slot_property::<TaskGroup, _>(c"_parent_task", |this| &this.parent),
                slot_property::<TaskGroup, _>(c"_on_completed_fut", |this| &this.completed),
            ],
            slots: vec![],
        }
    }
}
