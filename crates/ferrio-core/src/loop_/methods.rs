//! The methods and properties of Loop: asyncio's, and those that Ferrio's Python code uses.

use super::readiness::{Direction, Fd, checked, descriptor_of, number_of};
use super::runnable::Runnable;
use super::{Loop, Overridable, guest, simulation, statistics};
use crate::ffi::class::{
    Additions, Members, Method, Property, after_setattr_slot, getter, make_type_with, method, method0, method1,
    property, type_cell,
};
use crate::ffi::error::{runtime_error, type_error};
use crate::ffi::module::Module;
use crate::ffi::{Args, Class, Object, Own, Result, Signature, Visitor};
use crate::handles::{Handle, timer};
use crate::stdlib;
use std::ffi::CStr;
use std::mem::offset_of;

static CALL_SOON: Signature = Signature {
    name: "BaseEventLoop.call_soon",
    parameters: &["callback", "context"],
    positional: 1,
    required: 1,
    variadic: true,
};
static CALL_SOON_THREADSAFE: Signature = Signature { name: "BaseEventLoop.call_soon_threadsafe", ..CALL_SOON };
static CALL_LATER: Signature = Signature {
    name: "BaseEventLoop.call_later",
    parameters: &["delay", "callback", "context"],
    positional: 2,
    required: 2,
    variadic: true,
};
static CALL_AT_SIGNATURE: Signature =
    Signature { name: "BaseEventLoop.call_at", parameters: &["when", "callback", "context"], ..CALL_LATER };
static ADD_READER: Signature = Signature {
    name: "BaseSelectorEventLoop.add_reader",
    parameters: &["fd", "callback"],
    positional: 2,
    required: 2,
    variadic: true,
};

impl Class for Loop {
    const NAME: &'static CStr = c"ferrio._core.Loop";
    const DOC: &'static CStr = c"Loop()\n--\n\nThe event loop's hot paths; ferrio.Loop derives from it.";
    const DICT: Option<usize> = Some(offset_of!(Loop, dict));
    const SHOWS_DICT: bool = true;
    const WEAK: Option<usize> = Some(offset_of!(Loop, weak));
    const SUBCLASSABLE: bool = true;
    type_cell!();

    fn empty() -> Self {
        Loop::new_body()
    }

    fn init(this: &Own<Self>, _: &Args<'_>) -> Result<()> {
        if this.system.borrow().is_some() {
            // The descriptors of the present poller would never be reported again.
            return Err(runtime_error("the loop is already initialized"));
        }
        this.look_for_overrides()?;
        this.slow_callback_duration.put(Object::float(super::SLOW_CALLBACK_DURATION)?);
        this.open()
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        if let Ok(ready) = self.ready.try_borrow() {
            ready.iter().for_each(|entry| entry.traverse(visitor));
        }
        if let Ok(timers) = self.timers.try_borrow() {
            timers.iter().for_each(|timer| visitor.object(timer));
        }
        if let Ok(registrations) = self.registrations.try_borrow() {
            registrations.iter().for_each(|entry| entry.traverse(visitor));
        }
        self.files.traverse(visitor);
        self.end_of_iteration.for_each(|entry| entry.traverse(visitor));
        self.guest.for_each(|entry| entry.traverse(visitor));
        self.spare_context.traverse(visitor);
        visitor.slot(&self.slow_callback_duration);
        visitor.slot(&self.current);
        visitor.slot(&self.task_factory);
        visitor.slot(&self.stuck);
        if let Ok(simulation) = self.simulation.try_borrow() {
            simulation.iter().for_each(|simulation| simulation.traverse(visitor));
        }
    }

    fn clear(&self) {
        self.set_closed(true);
        self.release();
        self.slow_callback_duration.clear();
        self.current.clear();
        self.task_factory.clear();
        self.stuck.clear();
        if let Some(simulation) = self.simulation.take() {
            simulation.clear();
        }
    }

    fn members() -> Members {
        Members {
            methods: [
                scheduling(),
                running(),
                guest::methods(),
                descriptors(),
                simulation::methods(),
                statistics::methods(),
            ]
            .concat(),
            properties: [properties(), simulation::properties()].concat(),
            slots: vec![after_setattr_slot::<Loop, _>(|this, name| {
                if Overridable::SKIPPED.names(name)? { this.look_for_overrides() } else { Ok(()) }
            })],
        }
    }
}

/// Adds the class. The folders of futures, tasks and sockets supply the methods that create their objects.
pub fn register(module: &Module, additions: Additions) -> Result<()> {
    super::hooks::register()?;
    timer::ON_CANCEL.get_or_init(|| super::schedule::timer_cancelled);
    module.add(c"Loop", &make_type_with::<Loop>(additions)?)
}

fn scheduling() -> Vec<Method> {
    vec![
        method0::<Loop, _>(
            c"time",
            |this| Object::float(this.own_time()),
            c"time($self, /)\n--\n\nReturn the time on the loop's monotonic clock, in seconds.",
        ),
        method::<Loop, _>(
            c"call_soon",
            |this, args| {
                let ([callback], [context], arguments) = args.bind::<1, 1>(&CALL_SOON)?;
                this.call_soon(callback, arguments, context).map(Own::into_object)
            },
            c"call_soon($self, /, callback, *args, context=None)\n--\n\nSchedule the callback for the next iteration. Return its Handle.",
        ),
        method::<Loop, _>(
            c"call_soon_threadsafe",
            |this, args| {
                let ([callback], [context], arguments) = args.bind::<1, 1>(&CALL_SOON_THREADSAFE)?;
                this.call_soon_threadsafe(callback, arguments, context).map(Own::into_object)
            },
            c"call_soon_threadsafe($self, /, callback, *args, context=None)\n--\n\nSchedule the callback for the next iteration, from any thread. Return its Handle.",
        ),
        method::<Loop, _>(
            c"call_later",
            |this, args| {
                let ([delay, callback], [context], arguments) = args.bind::<2, 1>(&CALL_LATER)?;
                if delay.is_none() {
                    return Err(type_error("delay must not be None"));
                }
                if !this.has_own_call_at() {
                    let when = this.time_after(delay)?;
                    let arguments: Vec<&Object> = [&when, callback].into_iter().chain(arguments).collect();
                    let context = context.cloned().unwrap_or_else(Object::none);
                    let context = (&stdlib::CONTEXT, &context);
                    return this.as_object().method_keywords(&stdlib::CALL_AT, &arguments, &[context]);
                }
                let when = this.deadline_after(delay)?;
                this.call_at(when, callback, arguments, context, "call_later").map(Own::into_object)
            },
            c"call_later($self, /, delay, callback, *args, context=None)\n--\n\nSchedule the callback after delay seconds. Return its TimerHandle.",
        ),
        method::<Loop, _>(
            c"call_at",
            |this, args| {
                let ([when, callback], [context], arguments) = args.bind::<2, 1>(&CALL_AT_SIGNATURE)?;
                if when.is_none() {
                    return Err(type_error("when cannot be None"));
                }
                let timer = this.call_at(when.to_f64()?, callback, arguments, context, "call_at")?;
                timer.show_as(when);
                Ok(timer.into_object())
            },
            c"call_at($self, /, when, callback, *args, context=None)\n--\n\nSchedule the callback for a time of the loop's clock, in seconds. Return its TimerHandle.",
        ),
    ]
}

fn running() -> Vec<Method> {
    vec![
        method0::<Loop, _>(
            c"_run",
            |this| this.run().map(|()| Object::none()),
            c"_run($self, /)\n--\n\nRun iterations until stop() was called.",
        ),
        method0::<Loop, _>(
            c"stop",
            |this| {
                this.stopping.set(true);
                this.announce_work();
                Ok(Object::none())
            },
            c"stop($self, /)\n--\n\nEnd run_forever() after the running iteration.",
        ),
        method0::<Loop, _>(
            c"_running_callback",
            |this| {
                if !this.is_in_callback.get() {
                    return Ok(Object::none());
                }
                Object::int(this.callback_number() as i64)
            },
            c"_running_callback($self, /)\n--\n\nReturn the number of the callback that runs, or None between callbacks. Any thread may ask.",
        ),
        method0::<Loop, _>(
            c"is_running",
            |this| Ok(Object::bool(this.is_running())),
            c"is_running($self, /)\n--\n\nReturn True while the loop runs.",
        ),
        method0::<Loop, _>(
            c"is_closed",
            |this| Ok(Object::bool(this.closed.get())),
            c"is_closed($self, /)\n--\n\nReturn True if the loop was closed.",
        ),
        method0::<Loop, _>(
            c"_close",
            |this| this.close().map(|()| Object::none()),
            c"_close($self, /)\n--\n\nDrop everything queued and registered, and the descriptors.",
        ),
        method0::<Loop, _>(
            c"_check_closed",
            |this| this.check_closed().map(|()| Object::none()),
            c"_check_closed($self, /)\n--\n\nRaise RuntimeError if the loop was closed.",
        ),
        method1::<Loop, _>(
            c"_when_stuck",
            |this, call| {
                this.stuck.set(Some(call.clone()).filter(|call| !call.is_none()));
                Ok(Object::none())
            },
            c"_when_stuck($self, call, /)\n--\n\nCall call(loop) before the loop waits with no timer and no descriptor of the program's; None: don't.",
        ),
        method0::<Loop, _>(
            c"get_debug",
            |this| Ok(Object::bool(this.is_debug())),
            c"get_debug($self, /)\n--\n\nReturn True in debug mode.",
        ),
        method1::<Loop, _>(
            c"_set_debug",
            |this, enabled| {
                this.debug.set(enabled.is_true()?);
                this.note_watchful();
                this.note_watched();
                Ok(Object::none())
            },
            c"_set_debug($self, enabled, /)\n--\n\nTurn debug mode on or off.",
        ),
    ]
}

/// `add_reader`, `add_writer` and their private forms. The public ones refuse a descriptor that a transport owns.
fn add(this: &Own<Loop>, args: &Args<'_>, direction: Direction, public: bool) -> Result {
    let ([file, callback], [], arguments) = args.bind::<2, 0>(&ADD_READER)?;
    let descriptor = descriptor_of(file)?;
    if public {
        this.check_no_owner(descriptor, file)?;
    }
    this.check_closed()?;
    let handle = Own::new(Handle::body(this.as_object(), callback, arguments, None, this.is_debug())?)?;
    this.add_callback(descriptor, direction, &handle)?;
    this.files.keep(descriptor, file)?;
    Ok(if public { Object::none() } else { handle.into_object() })
}

fn remove(this: &Own<Loop>, file: &Object, direction: Direction, public: bool) -> Result {
    let number = number_of(file);
    if public && let Ok(Ok(descriptor)) = number.as_ref().map(|number| Fd::try_from(*number)) {
        this.check_no_owner(descriptor, file)?;
    }
    let descriptor = match number {
        Err(raised) if public => return Err(raised),
        _ if this.closed.get() => return Ok(Object::bool(false)),
        // A socket that the program has closed has no number any more.
        number => match number.and_then(checked) {
            Ok(descriptor) => descriptor,
            Err(raised) => this.files.descriptor_of_closed(file).ok_or(raised)?,
        },
    };
    this.remove_callback(descriptor, direction).map(Object::bool)
}

fn descriptors() -> Vec<Method> {
    use Direction::{Read, Write};
    vec![
        method::<Loop, _>(
            c"add_reader",
            |this, args| add(this, args, Read, true),
            c"add_reader($self, fd, callback, /, *args)\n--\n\nCall the callback whenever the descriptor is readable.",
        ),
        method::<Loop, _>(
            c"add_writer",
            |this, args| add(this, args, Write, true),
            c"add_writer($self, fd, callback, /, *args)\n--\n\nCall the callback whenever the descriptor is writable.",
        ),
        method1::<Loop, _>(
            c"remove_reader",
            |this, file| remove(this, file, Read, true),
            c"remove_reader($self, fd, /)\n--\n\nStop watching for reading. Return whether it was watched.",
        ),
        method1::<Loop, _>(
            c"remove_writer",
            |this, file| remove(this, file, Write, true),
            c"remove_writer($self, fd, /)\n--\n\nStop watching for writing. Return whether it was watched.",
        ),
        method::<Loop, _>(c"_add_reader", |this, args| add(this, args, Read, false), c""),
        method::<Loop, _>(c"_add_writer", |this, args| add(this, args, Write, false), c""),
        method1::<Loop, _>(c"_remove_reader", |this, file| remove(this, file, Read, false), c""),
        method1::<Loop, _>(c"_remove_writer", |this, file| remove(this, file, Write, false), c""),
        method1::<Loop, _>(
            c"_add_callback",
            |this, handle| {
                let Some(handle) = Own::<Handle>::downcast(handle) else {
                    return Err(type_error("a ferrio.Handle is expected"));
                };
                if !handle.is_cancelled() {
                    this.push(Runnable::Handle(handle.clone()))?;
                }
                Ok(Object::none())
            },
            c"_add_callback($self, handle, /)\n--\n\nAppend a handle to the ready queue.",
        ),
        method1::<Loop, _>(
            c"_ensure_fd_no_transport",
            |this, file| {
                this.check_no_owner(descriptor_of(file)?, file)?;
                Ok(Object::none())
            },
            c"_ensure_fd_no_transport($self, fd, /)\n--\n\nRaise RuntimeError if a transport owns the descriptor.",
        ),
        method1::<Loop, _>(
            c"_set_internal",
            |this, file| {
                this.set_internal(descriptor_of(file)?)?;
                Ok(Object::none())
            },
            c"_set_internal($self, fd, /)\n--\n\nMark the descriptor as one of the loop's own.",
        ),
        method0::<Loop, _>(
            c"_run_end_of_iteration",
            |this| this.end_of_iteration.run(this).map(|()| Object::none()),
            c"_run_end_of_iteration($self, /)\n--\n\nRun what is due at the end of this iteration now.",
        ),
        method0::<Loop, _>(
            c"_reopen_after_fork",
            |this| {
                this.reopen_after_fork()?;
                Ok(Object::none())
            },
            c"_reopen_after_fork($self, /)\n--\n\nTake a new poller, in the child of a fork.",
        ),
    ]
}

fn properties() -> Vec<Property> {
    vec![
        getter::<Loop, _>(c"_debug", |this| Ok(Object::bool(this.is_debug()))),
        getter::<Loop, _>(c"_closed", |this| Ok(Object::bool(this.closed.get()))),
        getter::<Loop, _>(c"_thread_id", |this| {
            let thread = this.thread.get();
            if thread == 0 { Ok(Object::none()) } else { Object::int(thread as i64) }
        }),
        getter::<Loop, _>(c"_current", |this| Ok(this.current.get_or_none())),
        property::<Loop, _, _>(
            c"slow_callback_duration",
            |this| Ok(this.slow_callback_duration.get_or_none()),
            |this, value| {
                this.slow_callback_duration.put(value.clone());
                Ok(())
            },
        ),
    ]
}
