//! TaskGroup: groups whose tasks do not fail.
//!
//! If a task fails or the group is cancelled, asyncio's code continues. It finds the state under its usual names.

mod exit;

use crate::compat;
use crate::coroutines::{AsyncioFunctionDefinition, Coroutine, Operation, Outcome, Poll, asyncio_method};
use crate::ffi::class::{Members, bool_property, make_type, method1, slot_property, type_cell};
use crate::ffi::module::Module;
use crate::ffi::{Args, Class, Name, Object, Own, Result, Slot, Visitor, deque, set};
use crate::futures::{DoneObserver, awaiters, waiter};
use crate::stdlib::{self, ASYNCIO_TASK_GROUP as ORIGINAL};
use crate::tasks::{create_task_on, has_failed, loop_for};
use std::cell::Cell;
use std::ffi::CStr;

static ON_TASK_DONE: Name = Name::new(c"_on_task_done");

static OBSERVER: DoneObserver = DoneObserver::new(
    |group, task| Own::<TaskGroup>::expect(group)?.task_done(task),
    |group| group.getattr(&ON_TASK_DONE),
    |group| Ok(Own::<TaskGroup>::expect(group)?.parent().into_iter().collect()),
);

/// The body of a TaskGroup.
#[derive(Default)]
pub struct TaskGroup {
    loop_: Slot,
    /// The tasks that are not done: a set.
    tasks: Slot,
    /// The task that has entered the group.
    parent: Slot,
    /// The future that `__aexit__()` waits for, or None.
    completed: Slot,
    errors: Slot,
    base_error: Slot,
    entered: Cell<bool>,
    exiting: Cell<bool>,
    aborting: Cell<bool>,
    parent_cancel_requested: Cell<bool>,
}

impl TaskGroup {
    fn slots(&self) -> [&Slot; 6] {
        [&self.loop_, &self.tasks, &self.parent, &self.completed, &self.errors, &self.base_error]
    }

    /// The task that has entered the group.
    fn parent(&self) -> Option<Object> {
        self.parent.get().filter(|parent| !parent.is_none())
    }

    fn has_tasks(&self) -> Result<bool> {
        let tasks = self.tasks.get_or_none();
        Ok(!tasks.is_none() && !deque::is_empty(&tasks)?)
    }

    /// Whether a task may be created: the group is entered and not at its end.
    fn takes_tasks(&self) -> Result<bool> {
        Ok(self.entered.get() && !self.aborting.get() && (!self.exiting.get() || self.has_tasks()?))
    }
}

impl Own<TaskGroup> {
    /// `create_task()`.
    fn create_task(&self, args: &Args<'_>) -> Result {
        let loop_ = self.loop_.get_or_none();
        // asyncio's code raises the errors, and creates tasks that run before they are in the group.
        let Some(own) = (if self.takes_tasks()? { loop_for(&loop_, args)? } else { None }) else {
            return args.call_as(&ORIGINAL, &stdlib::CREATE_TASK, self.as_object());
        };
        let task = create_task_on(own, args)?;
        awaiters::add(&task, self.parent())?;
        set::add(&self.tasks.get_or_none(), &task)?;
        OBSERVER.observe(&task, self.as_object())?;
        Ok(task)
    }

    /// One of the tasks is done.
    fn task_done(&self, task: &Object) -> Result<()> {
        let tasks = self.tasks.get_or_none();
        set::discard(&tasks, task)?;
        awaiters::discard(task, self.parent())?;
        if has_failed(task)? {
            let original = ORIGINAL.get()?.getattr(&ON_TASK_DONE)?;
            return original.call(&[self.as_object(), task]).map(drop);
        }
        let completed = self.completed.get_or_none();
        if !completed.is_none() && deque::is_empty(&tasks)? {
            waiter::set_result_unless_done(&completed, Object::bool(true))?;
        }
        Ok(())
    }
}

/// `__aenter__()` of a group that was not entered.
struct Enter(Own<TaskGroup>);

impl Operation for Enter {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        let group = &self.0;
        let running = stdlib::GET_RUNNING_LOOP.get()?.call0()?;
        let parent = match &outcome {
            Outcome::Start if !group.entered.get() && !running.is_none() => awaiters::current_task(&running)?,
            Outcome::Start => None,
            // The outcome of asyncio's code.
            _ => return outcome.value().map(Poll::Ready),
        };
        let Some(parent) = parent else {
            let enter = ORIGINAL.get()?.getattr(&stdlib::AENTER)?;
            return enter.call(&[group.as_object()]).map(Poll::Await);
        };
        group.loop_.put(running);
        group.parent.put(parent);
        group.entered.set(true);
        Ok(Poll::Ready(group.as_object().clone()))
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.0);
    }
}

impl Class for TaskGroup {
    const NAME: &'static CStr = c"ferrio._core.TaskGroup";
    const DOC: &'static CStr = c"TaskGroup()\n--\n\nThe part of ferrio.TaskGroup that is in Rust.";
    const SUBCLASSABLE: bool = true;
    type_cell!();

    fn empty() -> Self {
        TaskGroup::default()
    }

    fn init(_: &Own<Self>, _: &Args<'_>) -> Result<()> {
        Ok(())
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.slots().into_iter().for_each(|slot| visitor.slot(slot));
    }

    fn clear(&self) {
        self.slots().into_iter().for_each(Slot::clear);
    }

    fn members() -> Members {
        Members {
            methods: vec![method1::<TaskGroup, _>(
                c"_on_task_done",
                |this, task| this.task_done(task).map(|()| Object::none()),
                c"_on_task_done($self, task, /)\n--\n\nNote that a task is done.",
            )],
            properties: vec![
                slot_property::<TaskGroup, _>(c"_loop", |this| &this.loop_),
                slot_property::<TaskGroup, _>(c"_tasks", |this| &this.tasks),
                slot_property::<TaskGroup, _>(c"_parent_task", |this| &this.parent),
                slot_property::<TaskGroup, _>(c"_on_completed_fut", |this| &this.completed),
                slot_property::<TaskGroup, _>(c"_errors", |this| &this.errors),
                slot_property::<TaskGroup, _>(c"_base_error", |this| &this.base_error),
                bool_property::<TaskGroup, _>(c"_entered", |this| &this.entered),
                bool_property::<TaskGroup, _>(c"_exiting", |this| &this.exiting),
                bool_property::<TaskGroup, _>(c"_aborting", |this| &this.aborting),
                bool_property::<TaskGroup, _>(c"_parent_cancel_requested", |this| &this.parent_cancel_requested),
            ],
            slots: vec![],
        }
    }

    fn functions() -> Vec<AsyncioFunctionDefinition> {
        let mut functions = vec![
            asyncio_method::<TaskGroup, _>(c"create_task", Own::<TaskGroup>::create_task, &ORIGINAL),
            exit::definition(),
        ];
        // If a group can be cancelled before it is entered, asyncio's code checks that.
        if !compat::GROUP_CAN_BE_CANCELLED {
            functions.push(asyncio_method::<TaskGroup, _>(
                c"__aenter__",
                |this, args| {
                    args.expect_none("TaskGroup.__aenter__")?;
                    Coroutine::start(&["TaskGroup.__aenter__"], Enter(this.clone()))
                },
                &ORIGINAL,
            ));
        }
        functions
    }
}

/// Adds the class.
pub fn register(module: &Module) -> Result<()> {
    // Imports asyncio's class before `install()` replaces it.
    exit::remember_original(ORIGINAL.get()?)?;
    module.add(c"TaskGroup", &make_type::<TaskGroup>()?)
}
