//! CallQueue: calls that wait for a thread of the loop's own executor (`python/ferrio/executor.py`).
//!
//! A call by a loop has the loop's future. The thread that runs the call sends the result to the loop directly, without
//! a future of `concurrent.futures`. It wakes the loop after it has released the GIL, because the loop would only wait
//! for the GIL before.
//!
//! The calls are used with the GIL only. A thread waits for a permit without the GIL. There are as many permits as
//! calls.

use super::{RUN, fail};
use crate::ffi::class::{Members, getter, method, method0, method1, type_cell};
use crate::ffi::error::type_error;
use crate::ffi::{Args, Class, Object, Own, Result, Visitor, detach};
use crate::futures::{Future, waiter};
use crate::loop_::runnable::Runnable;
use crate::loop_::{Loop, WakeUp};
use ferrio_sched::thread_semaphore::ThreadSemaphore;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::CStr;

/// An entry of the queue.
enum Call {
    /// A function to call with a tuple of arguments, for a loop's future.
    Loop { loop_: Own<Loop>, future: Own<Future>, function: Object, arguments: Object },
    /// Any other item. `item.run()` handles the result itself.
    Item(Object),
    /// The thread checks whether it should end.
    Stop,
}

/// The body of a CallQueue.
#[derive(Default)]
pub struct CallQueue {
    calls: RefCell<VecDeque<Call>>,
    permits: ThreadSemaphore,
    /// The calls of loops that run: the future's address, and the function.
    running: RefCell<Vec<(usize, Object)>>,
    /// How many threads wait for a permit.
    waiting: Cell<usize>,
}

impl CallQueue {
    fn push(&self, call: Call) {
        self.calls.borrow_mut().push_back(call);
        self.permits.add();
    }

    /// A call has ended. The caller still has the function.
    fn forget_running(&self, address: usize) {
        let mut running = self.running.borrow_mut();
        let place = running.iter().position(|(one, _)| *one == address);
        let call = place.map(|place| running.swap_remove(place));
        drop(running);
        drop(call);
    }

    /// The calls of loops: tuples of the future's address, the function, and whether it runs.
    fn calls(&self) -> Result {
        let mut calls =
            self.running.borrow().iter().map(|(one, call)| (*one, call.clone(), true)).collect::<Vec<_>>();
        for call in self.calls.borrow().iter() {
            if let Call::Loop { future, function, .. } = call {
                calls.push((future.as_object().address(), function.clone(), false));
            }
        }
        let tuples = calls.into_iter().map(|(address, function, runs)| {
            Object::tuple([Object::int(address as i64)?, function, Object::bool(runs)])
        });
        Object::list(tuples.collect::<Result<Vec<_>>>()?)
    }

    /// Waits for a call. Before that, wakes the loop that the last call has sent something to.
    fn next(&self, to_wake: WakeUp) -> Option<Call> {
        self.waiting.set(self.waiting.get() + 1);
        let (permits, system) = (&self.permits, to_wake.system());
        detach(move || {
            if let Some(system) = system {
                system.wake();
            }
            permits.take();
        });
        to_wake.done();
        self.waiting.set(self.waiting.get() - 1);
        self.calls.borrow_mut().pop_front()
    }
}

impl Own<CallQueue> {
    /// Runs calls until there is a [`Call::Stop`].
    fn work(&self) -> Result<()> {
        let mut to_wake = WakeUp::default();
        loop {
            match self.next(std::mem::take(&mut to_wake)) {
                Some(Call::Loop { loop_, future, function, arguments }) => {
                    to_wake = run(self, loop_, future, function, arguments);
                }
                Some(Call::Item(item)) => drop(item.method0(&RUN)?),
                Some(Call::Stop) => return Ok(()),
                // `take` has removed the call and left its permit.
                None => {}
            }
        }
    }

    /// Takes out everything except the entries that stop threads. Dropping may run finalisers that use the queue.
    fn take(&self) -> Result {
        let (mut taken, mut stops) = (Vec::new(), Vec::new());
        for call in self.calls.take() {
            match call {
                Call::Loop { loop_, future, .. } => taken.push([loop_.into_object(), future.into_object()]),
                Call::Item(item) => taken.push([Object::none(), item]),
                Call::Stop => stops.push(call),
            }
        }
        self.calls.borrow_mut().extend(stops);
        Object::list(taken.into_iter().map(Object::tuple).collect::<Result<Vec<_>>>()?)
    }

    /// A future for the result of a function; None if the loop or one of its methods is not Ferrio's own, or if the loop is
    /// simulated.
    fn add(&self, loop_: &Object, function: &Object, arguments: &Object) -> Result {
        let Some(own) =
            Own::<Loop>::downcast(loop_).filter(|own| own.has_own_call_soon_threadsafe() && !own.is_simulated())
        else {
            return Ok(Object::none());
        };
        let future = waiter::create(loop_)?;
        let Some(future) = Own::<Future>::downcast_exact(&future) else { return Ok(Object::none()) };
        self.push(Call::Loop {
            loop_: own.clone(),
            future: future.clone(),
            function: function.clone(),
            arguments: arguments.clone(),
        });
        Ok(future.as_object().clone())
    }
}

/// Runs a call of a loop. Returns what to wake for the result.
fn run(queue: &CallQueue, loop_: Own<Loop>, future: Own<Future>, function: Object, arguments: Object) -> WakeUp {
    if future.is_done() {
        // Cancelled before it began.
        return WakeUp::default();
    }
    let future = future.into_object();
    let address = future.address();
    queue.running.borrow_mut().push((address, function.clone()));
    let result = match function.call_tuple(&arguments) {
        Ok(value) => Runnable::with_argument(future, returned, value),
        Err(raised) => Runnable::with_argument(future, raised_in_thread, raised.take()),
    };
    queue.forget_running(address);
    // Dropping may run finalisers, which may wait for the loop. So none of the program's objects are dropped between
    // sending the result and the wake-up.
    drop((function, arguments));
    loop_.push_remote(result)
}

/// The loop runs this for a call that has returned.
fn returned(future: &Object, value: &Object) -> Result<()> {
    waiter::set_result_unless_done(future, value.clone())
}

/// The loop runs this for a call that has raised.
fn raised_in_thread(future: &Object, exception: &Object) -> Result<()> {
    // It may have been cancelled meanwhile.
    if waiter::is_done(future)? { Ok(()) } else { fail(future, exception) }
}

impl Class for CallQueue {
    const NAME: &'static CStr = c"ferrio._core.CallQueue";
    const DOC: &'static CStr = c"CallQueue()\n--\n\nThe calls that wait for a thread of an executor.";
    type_cell!();

    fn empty() -> Self {
        CallQueue::default()
    }

    fn init(_: &Own<Self>, args: &Args<'_>) -> Result<()> {
        args.expect_none("CallQueue.__init__")
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        if let Ok(running) = self.running.try_borrow() {
            running.iter().for_each(|(_, function)| visitor.object(function));
        }
        let Ok(calls) = self.calls.try_borrow() else { return };
        for call in calls.iter() {
            match call {
                Call::Loop { loop_, future, function, arguments } => {
                    visitor.object(loop_);
                    visitor.object(future);
                    visitor.object(function);
                    visitor.object(arguments);
                }
                Call::Item(item) => visitor.object(item),
                Call::Stop => {}
            }
        }
    }

    fn clear(&self) {
        drop(self.calls.take());
    }

    fn members() -> Members {
        Members {
            methods: vec![
                method::<CallQueue, _>(
                    c"add",
                    |this, args| match args.positional() {
                        [loop_, function, arguments] => this.add(loop_, function, arguments),
                        _ => Err(type_error("a loop, a function and its arguments are expected")),
                    },
                    c"add($self, loop, func, args, /)\n--\n\nCall func(*args) in a thread. Return the loop's future, or None.",
                ),
                method1::<CallQueue, _>(
                    c"put",
                    |this, item| {
                        this.push(if item.is_none() { Call::Stop } else { Call::Item(item.clone()) });
                        Ok(Object::none())
                    },
                    c"put($self, item, /)\n--\n\nCall item.run() in a thread. None makes a thread return from work().",
                ),
                method0::<CallQueue, _>(
                    c"work",
                    |this| this.work().map(|()| Object::none()),
                    c"work($self, /)\n--\n\nRun calls until there is a None.",
                ),
                method0::<CallQueue, _>(
                    c"qsize",
                    |this| Object::int(this.calls.borrow().len() as i64),
                    c"qsize($self, /)\n--\n\nReturn how many calls wait.",
                ),
                method0::<CallQueue, _>(
                    c"calls",
                    |this| this.calls(),
                    c"calls($self, /)\n--\n\nReturn the calls of loops, as (id of the loop's future, function, whether it runs).",
                ),
                method0::<CallQueue, _>(
                    c"take",
                    |this| this.take(),
                    c"take($self, /)\n--\n\nTake out the waiting calls. Return a list of (loop, its future) and (None, item).",
                ),
            ],
            properties: vec![
                getter::<CallQueue, _>(c"lacks_thread", |this| {
                    Ok(Object::bool(this.calls.borrow().len() > this.waiting.get()))
                }),
                getter::<CallQueue, _>(c"idle", |this| Object::int(this.waiting.get() as i64)),
            ],
            slots: vec![],
        }
    }
}
