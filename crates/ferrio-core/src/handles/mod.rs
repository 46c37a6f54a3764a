//! Handle and TimerHandle: a scheduled callback.
//!
//! A handle owns its callback, arguments and context until it is cancelled. Handles belong to the loop's thread.
//! `call_soon_threadsafe` may create them in other threads, before anything else knows them.

mod call_lock;
pub mod timer;

pub use timer::TimerHandle;

use crate::compat;
use crate::ffi::class::{
    Members, WeakList, free_list, getter, make_derived_type, make_type, method0, names, type_cell, unary_slot,
};
use crate::ffi::module::Module;
use crate::ffi::text::{concat, join};
use crate::ffi::{Args, Class, Object, Own, Result, Signature, Slot, Visitor, context, sys};
use crate::stdlib;
use call_lock::CallLock;
use std::cell::Cell;
use std::mem::offset_of;

/// Up to this many arguments are in the handle itself; more are in a tuple. Callbacks with more than three are rare,
/// and each place costs every handle a word.
const ARGUMENTS_INSIDE: usize = 3;

/// The arguments of a callback.
#[derive(Default)]
struct Arguments {
    places: [Slot; ARGUMENTS_INSIDE],
    /// How many places are used. [`Arguments::IN_TUPLE`] means that the first place has a tuple of all arguments.
    count: Cell<u8>,
}

impl Arguments {
    const IN_TUPLE: u8 = u8::MAX;

    fn store(&self, arguments: &[Object]) -> Result<()> {
        if arguments.len() > ARGUMENTS_INSIDE {
            self.places[0].put(Object::tuple_of(arguments)?);
            self.count.set(Arguments::IN_TUPLE);
            return Ok(());
        }
        for (place, argument) in self.places.iter().zip(arguments) {
            place.put(argument.clone());
        }
        self.count.set(arguments.len() as u8);
        Ok(())
    }

    fn as_tuple(&self) -> Result {
        if self.count.get() == Arguments::IN_TUPLE {
            return Ok(self.places[0].get_or_none());
        }
        let arguments: Vec<Object> = self.places.iter().filter_map(Slot::get).collect();
        Object::tuple_of(&arguments)
    }

    fn clear(&self) {
        self.count.set(0);
        self.places.iter().for_each(Slot::clear);
    }

    /// Calls with the arguments. They stay alive, whatever the callee does to the handle.
    #[inline]
    fn call(&self, callback: &Object) -> Result {
        let count = self.count.get();
        if count == Arguments::IN_TUPLE {
            return callback.call_tuple(&self.places[0].get_or_none());
        }
        let held = [self.places[0].get(), self.places[1].get(), self.places[2].get()];
        callback.call_held(&held, usize::from(count))
    }
}

/// The body of a Handle.
#[derive(Default)]
#[repr(C)]
pub struct Handle {
    callback: Slot,
    arguments: Arguments,
    context: Slot,
    loop_: Slot,
    /// Where the handle was created, in debug mode.
    source_traceback: Slot,
    /// The representation of a cancelled handle, in debug mode.
    repr: Slot,
    cancelled: Cell<bool>,
    /// For a timer: whether the program passed its time as an int. It is here because there is room.
    when_is_int: Cell<bool>,
    call_lock: CallLock,
    weak: WeakList,
}

impl Handle {
    /// The body of a handle. Without a context, it gets a copy of the current one.
    #[inline]
    pub fn body(
        loop_: &Object,
        callback: &Object,
        arguments: &[Object],
        context: Option<&Object>,
        debug: bool,
    ) -> Result<Handle> {
        let context = match context {
            Some(context) if !context.is_none() => context.clone(),
            _ => context::copy_current()?,
        };
        let handle = Handle {
            callback: Slot::new(callback.clone()),
            context: Slot::new(context),
            loop_: Slot::new(loop_.clone()),
            ..Handle::default()
        };
        handle.arguments.store(arguments)?;
        if debug {
            handle.source_traceback.put(stdlib::EXTRACT_STACK_SHORT.get()?.call0()?);
        }
        Ok(handle)
    }

    /// Whether it was cancelled.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    /// The context that the callback runs in.
    pub fn context(&self) -> Option<Object> {
        self.context.get()
    }

    /// Notes that other threads know the handle.
    pub fn share_with_threads(&self) {
        self.call_lock.share();
    }

    fn is_debug(&self) -> Result<bool> {
        match self.loop_.get() {
            Some(loop_) => loop_.method0(&stdlib::GET_DEBUG)?.is_true(),
            None => Ok(false),
        }
    }

    /// The callback as messages show it.
    fn format_callback(&self) -> Result {
        let formatter = stdlib::FORMAT_CALLBACK_SOURCE.get()?;
        let (callback, arguments) = (self.callback.get_or_none(), self.arguments.as_tuple()?);
        if !compat::CALLBACK_ARGUMENTS_ARE_DEBUG_ONLY {
            return formatter.call(&[&callback, &arguments]);
        }
        let debug = Object::bool(self.is_debug()?);
        formatter.call_keywords(&[&callback, &arguments], &[(&stdlib::DEBUG, &debug)])
    }
}

/// Reports what a callback has raised that the loop has called without a handle, as if it had had one.
#[cold]
pub fn report(loop_: &Object, callback: &Object, arguments: &[Object], exception: Object) -> Result<()> {
    Own::new(Handle::body(loop_, callback, arguments, None, false)?)?.report(exception)
}

impl Own<Handle> {
    /// Calls the callback in its context. Its exceptions go to the loop's exception handler, except `KeyboardInterrupt`
    /// and `SystemExit`.
    #[inline]
    pub fn run(&self) -> Result<()> {
        let (Some(callback), Some(context)) = (self.callback.get(), self.context.get()) else {
            return Ok(());
        };
        match self.call_lock.run(|| context::run(&context, || self.arguments.call(&callback))) {
            Ok(_) => Ok(()),
            Err(raised) => self.report(raised.take()),
        }
    }

    #[cold]
    fn report(&self, exception: Object) -> Result<()> {
        if exception.is_exit() {
            return Err(exception.raise());
        }
        let text = crate::debug::shown_as(self.as_object(), self.format_callback())?;
        let report = crate::debug::Report::new(&[&"Exception in callback ", &text])?;
        report.set(c"exception", &exception)?;
        report.set(c"handle", self.as_object())?;
        if let Some(traceback) = self.source_traceback.get() {
            report.set(c"source_traceback", &traceback)?;
        }
        report.send_handling(&self.loop_.get_or_none(), &exception)
    }

    /// Marks it as cancelled, and drops the callback.
    pub fn cancel(&self) -> Result<()> {
        self.call_lock.wait();
        if self.cancelled.replace(true) {
            return Ok(());
        }
        if self.is_debug()? {
            self.repr.put(crate::debug::shown(self.as_object())?);
        }
        self.callback.clear();
        self.arguments.clear();
        Ok(())
    }

    /// The parts of the repr after the class's name.
    fn repr_info(&self) -> Result<Vec<Object>> {
        let mut info = Vec::new();
        if self.cancelled.get() {
            info.push(Object::str("cancelled")?);
        }
        if let Some(timer) = Own::<TimerHandle>::downcast(self.as_object()) {
            info.push(concat(&[&"when=", &Object::float(timer.when())?.repr()?])?);
        }
        if !self.callback.is_empty() {
            info.push(self.format_callback()?);
        }
        if let Some(traceback) = self.source_traceback.get()
            && let Some(place) = crate::debug::last_frame(&traceback)?
        {
            info.push(concat(&[&"created at ", &place])?);
        }
        Ok(info)
    }

    fn repr(&self) -> Result {
        if let Some(repr) = self.repr.get() {
            return Ok(repr);
        }
        let name = self.as_object().type_name();
        let info = self.repr_info()?;
        concat(&[&format!("<{name} "), &join(" ", info)?, &">"])
    }
}

static SIGNATURE: Signature = Signature {
    name: "Handle.__init__",
    parameters: &["callback", "args", "loop", "context"],
    positional: 4,
    required: 3,
    variadic: false,
};

impl Class for Handle {
    const NAME: &'static std::ffi::CStr = c"ferrio._core.Handle";
    const DOC: &'static std::ffi::CStr =
        c"Handle(callback, args, loop, context=None)\n--\n\nA scheduled callback; returned by call_soon (see asyncio.Handle).";
    const WEAK: Option<usize> = Some(offset_of!(Handle, weak));
    const SUBCLASSABLE: bool = true;
    type_cell!();
    free_list!();

    fn empty() -> Self {
        Handle::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([callback, arguments, loop_], [context], _) = args.bind::<3, 1>(&SIGNATURE)?;
        this.fill(callback, arguments, loop_, context)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        for slot in [&self.callback, &self.context, &self.loop_, &self.source_traceback, &self.repr] {
            visitor.slot(slot);
        }
        self.arguments.places.iter().for_each(|place| visitor.slot(place));
    }

    fn clear(&self) {
        self.arguments.clear();
        for slot in [&self.callback, &self.context, &self.loop_, &self.source_traceback, &self.repr] {
            slot.clear();
        }
    }

    fn members() -> Members {
        Members {
            methods: vec![
                names::<Handle>(),
                method0::<Handle, _>(
                    c"cancel",
                    |this| this.cancel().map(|()| Object::none()),
                    c"cancel($self, /)\n--\n\nCancel the callback.",
                ),
                method0::<Handle, _>(
                    c"cancelled",
                    |this| {
                        this.call_lock.wait();
                        Ok(Object::bool(this.is_cancelled()))
                    },
                    c"cancelled($self, /)\n--\n\nReturn True if the callback was cancelled.",
                ),
                method0::<Handle, _>(
                    c"get_context",
                    |this| Ok(this.context.get_or_none()),
                    c"get_context($self, /)\n--\n\nReturn the contextvars.Context of the handle.",
                ),
                method0::<Handle, _>(
                    c"_run",
                    |this| this.run().map(|()| Object::none()),
                    c"_run($self, /)\n--\n\nCall the callback now.",
                ),
            ],
            properties: vec![
                getter::<Handle, _>(c"__class__", |this| {
                    if !this.is_exact() {
                        return Ok(this.as_object().class());
                    }
                    let class =
                        if this.call_lock.is_shared() { &stdlib::THREADSAFE_HANDLE } else { &stdlib::HANDLE };
                    class.get().cloned()
                }),
                getter::<Handle, _>(c"_callback", |this| Ok(this.callback.get_or_none())),
                getter::<Handle, _>(c"_args", |this| {
                    if this.cancelled.get() { Ok(Object::none()) } else { this.arguments.as_tuple() }
                }),
                getter::<Handle, _>(c"_context", |this| Ok(this.context.get_or_none())),
                getter::<Handle, _>(c"_loop", |this| Ok(this.loop_.get_or_none())),
                getter::<Handle, _>(c"_cancelled", |this| Ok(Object::bool(this.is_cancelled()))),
                getter::<Handle, _>(c"_source_traceback", |this| Ok(this.source_traceback.get_or_none())),
            ],
            slots: vec![unary_slot::<Handle, _>(sys::Py_tp_repr, |this| this.repr())],
        }
    }
}

impl Own<Handle> {
    /// Fills a handle that Python code created.
    fn fill(&self, callback: &Object, arguments: &Object, loop_: &Object, context: Option<&Object>) -> Result<()> {
        let arguments = arguments.to_tuple()?;
        let debug = loop_.method0(&stdlib::GET_DEBUG)?.is_true()?;
        let body = Handle::body(loop_, callback, &[], context, debug)?;
        self.callback.set(body.callback.take());
        self.context.set(body.context.take());
        self.loop_.set(body.loop_.take());
        self.source_traceback.set(body.source_traceback.take());
        self.arguments.places[0].put(arguments);
        self.arguments.count.set(Arguments::IN_TUPLE);
        Ok(())
    }
}

/// Adds the classes.
pub fn register(module: &Module) -> Result<()> {
    module.add(c"Handle", &make_type::<Handle>()?)?;
    module.add(c"TimerHandle", &make_derived_type::<TimerHandle, Handle>()?)
}
