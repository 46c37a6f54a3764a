//! The end of a group: waits until its tasks are done.

use super::{ORIGINAL, TaskGroup};
use crate::compat;
use crate::coroutines::{
    AsyncioFunctionDefinition, Coroutine, Operation, Outcome, Poll, asyncio_method, remember,
};
use crate::ffi::{Args, Name, Object, Own, Result, Signature, Visitor, deque};
use crate::futures::{is_cancellation, waiter};
use crate::stdlib;

static AEXIT: Signature = Signature {
    name: "TaskGroup.__aexit__",
    parameters: &["et", "exc", "tb"],
    positional: 3,
    required: 3,
    variadic: false,
};

/// Registers asyncio's coroutine functions, which the frames name.
pub fn remember_original(class: &Object) -> Result<()> {
    static INNER: Name = Name::new(c"_aexit");
    class.getattr_opt(&INNER)?.as_ref().map_or(Ok(()), remember)
}

/// `__aexit__()`.
pub fn definition() -> AsyncioFunctionDefinition {
    asyncio_method::<TaskGroup, _>(
        c"__aexit__",
        |this, args: &Args<'_>| {
            let ([class, _, _], [], _) = args.bind::<3, 0>(&AEXIT)?;
            let is_fine = class.is_none() && this.is_fine()?;
            if !is_fine || (!compat::GROUP_HANDLES_CANCELLATION_LAST && this.has_tasks()?) {
                return args.call_as(&ORIGINAL, &stdlib::AEXIT, this.as_object());
            }
            Coroutine::start(compat::GROUP_EXIT_FRAMES, Exit { group: this.clone(), waiting: None })
        },
        &ORIGINAL,
    )
}

impl TaskGroup {
    /// Whether no task has failed and the group is not cancelled.
    fn is_fine(&self) -> Result<bool> {
        if self.aborting.get() || self.parent_cancel_requested.get() {
            return Ok(false);
        }
        let (errors, base_error) = (self.errors.get_or_none(), self.base_error.get_or_none());
        Ok(base_error.is_none() && (errors.is_none() || deque::is_empty(&errors)?))
    }

    /// The group is at its end: drops its objects, as asyncio does.
    fn finish(&self) {
        if compat::GROUP_DROPS_REFERENCES {
            self.parent.put(Object::none());
            self.errors.put(Object::none());
            self.base_error.put(Object::none());
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    ForTasks,
    /// Waiting for asyncio's code.
    ForOriginal,
}

struct Exit {
    group: Own<TaskGroup>,
    waiting: Option<Waiting>,
}

impl Exit {
    /// A task has failed, or the group is cancelled: asyncio's code continues.
    fn leave_to_original(&mut self, exception: Option<&Object>) -> Result<Poll> {
        self.waiting = Some(Waiting::ForOriginal);
        let none = Object::none();
        let class = exception.map_or_else(Object::none, Object::class);
        let exit = ORIGINAL.get()?.getattr(&stdlib::AEXIT)?;
        exit.call(&[self.group.as_object(), &class, exception.unwrap_or(&none), &none]).map(Poll::Await)
    }
}

impl Operation for Exit {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        match self.waiting {
            Some(Waiting::ForOriginal) => return outcome.value().map(Poll::Ready),
            Some(Waiting::ForTasks) => {
                if let Err(raised) = outcome.value() {
                    let exception = raised.take();
                    if !is_cancellation(&exception)? {
                        return Err(exception.raise());
                    }
                    self.group.completed.put(Object::none());
                    // If the group is aborting already, the cancellation is its own.
                    let from_outside = !self.group.aborting.get() || compat::GROUP_CAN_BE_CANCELLED;
                    return self.leave_to_original(Some(&exception).filter(|_| from_outside));
                }
                self.group.completed.put(Object::none());
            }
            None => self.group.exiting.set(true),
        }
        let group = &self.group;
        if !group.is_fine()? {
            return self.leave_to_original(None);
        }
        if !group.has_tasks()? {
            group.finish();
            return Ok(Poll::Ready(if compat::GROUP_CAN_BE_CANCELLED {
                Object::bool(true)
            } else {
                Object::none()
            }));
        }
        let completed = waiter::create(&group.loop_.get_or_none())?;
        group.completed.put(completed.clone());
        self.waiting = Some(Waiting::ForTasks);
        Ok(Poll::Await(completed))
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.group);
    }
}
