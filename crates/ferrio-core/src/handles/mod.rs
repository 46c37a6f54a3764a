//! Handle and TimerHandle: a callback that is going to be called.
//!
//! A handle owns its callback, arguments and context until it is cancelled. Handles belong to the loop's
//! thread, except that `call_soon_threadsafe` makes them in others before anybody else knows them.

mod exclusion;
pub mod timer;

pub use timer::TimerHandle;

use crate::ffi::class::{Members, WeakList, free_list, getter, method0, type_cell, unary_slot};
use crate::ffi::{Args, Class, Import, Object, Own, Ptr, Result, Signature, Slot, Visitor, context};
use crate::stdlib;
use exclusion::Exclusion;
use pyo3_ffi as py;
use std::cell::Cell;
use std::mem::offset_of;
use std::ptr;

/// So many arguments are kept in the handle; more of them in a tuple.
const ARGUMENTS_INSIDE: usize = 3;

/// The arguments of a callback.
#[derive(Default)]
struct Arguments {
    places: [Slot; ARGUMENTS_INSIDE],
    /// How many places are used; [`Arguments::IN_TUPLE`] if the first one holds a tuple of them all.
    count: Cell<u8>,
}

impl Arguments {
    const IN_TUPLE: u8 = u8::MAX;

    fn store(&self, arguments: &[Object]) -> Result<()> {
        if arguments.len() > ARGUMENTS_INSIDE {
            self.places[0].put(tuple(arguments)?);
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
        tuple(&arguments)
    }

    fn clear(&self) {
        self.count.set(0);
        self.places.iter().for_each(Slot::clear);
    }

    /// Calls with the arguments; they stay alive whatever the callee does to the handle.
    #[inline]
    fn call(&self, callback: &Object) -> Result {
        let count = self.count.get();
        if count == Arguments::IN_TUPLE {
            return callback.call_tuple(&self.places[0].get_or_none());
        }
        let held = [self.places[0].get(), self.places[1].get(), self.places[2].get()];
        let mut stack: [Ptr; ARGUMENTS_INSIDE + 1] = [ptr::null_mut(); ARGUMENTS_INSIDE + 1];
        for (place, argument) in stack[1..].iter_mut().zip(&held) {
            *place = argument.as_ref().map_or(ptr::null_mut(), Object::as_ptr);
        }
        // SAFETY: so many places are filled, and `held` keeps them alive.
        unsafe { callback.call_stack(&stack[..=usize::from(count)]) }
    }
}

/// What asyncio calls the handles of `call_soon_threadsafe`; used where [`Exclusion`] is.
static SHARED_CLASS: Import = Import::new(c"asyncio.events", c"_ThreadSafeHandle");

/// A tuple of clones.
fn tuple(items: &[Object]) -> Result {
    // SAFETY: a new tuple, each place set once with a reference of its own.
    unsafe {
        let tuple = Object::owned(py::PyTuple_New(items.len() as py::Py_ssize_t))?;
        for (index, item) in items.iter().enumerate() {
            py::PyTuple_SET_ITEM(tuple.as_ptr(), index as py::Py_ssize_t, item.clone().into_ptr());
        }
        Ok(tuple)
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
    /// Where the handle was made, in debug mode.
    source_traceback: Slot,
    /// What a cancelled handle was, in debug mode.
    repr: Slot,
    cancelled: Cell<bool>,
    exclusion: Exclusion,
    weak: WeakList,
}

impl Handle {
    /// A handle's body; without a context it gets a copy of the current one.
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

    /// Says that other threads than the loop's know it.
    pub fn share_with_threads(&self) {
        self.exclusion.share();
    }

    fn is_debug(&self) -> Result<bool> {
        match self.loop_.get() {
            Some(loop_) => loop_.method0(&stdlib::GET_DEBUG)?.is_true(),
            None => Ok(false),
        }
    }

    /// The callback as shown in messages.
    fn format_callback(&self) -> Result<String> {
        let formatter = stdlib::FORMAT_CALLBACK_SOURCE.get()?;
        let (callback, arguments) = (self.callback.get_or_none(), self.arguments.as_tuple()?);
        #[cfg(Py_3_13)]
        let text = {
            let debug = Object::bool(self.is_debug()?);
            formatter.call_keywords(&[&callback, &arguments], &[(&stdlib::DEBUG, &debug)])?
        };
        #[cfg(not(Py_3_13))]
        let text = formatter.call(&[&callback, &arguments])?;
        text.to_text()
    }
}

impl Own<Handle> {
    /// Calls the callback in its context. What it raises goes to the loop's exception handler, except
    /// `KeyboardInterrupt` and `SystemExit`.
    #[inline]
    pub fn run(&self) -> Result<()> {
        let (Some(callback), Some(context)) = (self.callback.get(), self.context.get()) else {
            return Ok(());
        };
        match self.exclusion.run(|| context::run(&context, || self.arguments.call(&callback))) {
            Ok(_) => Ok(()),
            Err(raised) => self.report(raised.take()),
        }
    }

    #[cold]
    fn report(&self, exception: Object) -> Result<()> {
        if exception.is_exit() {
            return Err(exception.raise());
        }
        let text = self.format_callback()?;
        let report = crate::debug::Report::new(&format!("Exception in callback {text}"))?;
        report.set(c"exception", &exception)?;
        report.set(c"handle", self.as_object())?;
        if let Some(traceback) = self.source_traceback.get() {
            report.set(c"source_traceback", &traceback)?;
        }
        report.send(&self.loop_.get_or_none())
    }

    /// Marks it as cancelled and lets go of the callback.
    pub fn cancel(&self) -> Result<()> {
        self.exclusion.wait();
        if self.cancelled.replace(true) {
            return Ok(());
        }
        if self.is_debug()? {
            self.repr.put(self.as_object().repr()?);
        }
        self.callback.clear();
        self.arguments.clear();
        Ok(())
    }

    /// The parts of the repr after the class's name.
    fn repr_info(&self) -> Result<Vec<String>> {
        let mut info = Vec::new();
        if self.cancelled.get() {
            info.push("cancelled".to_owned());
        }
        if let Some(timer) = Own::<TimerHandle>::downcast(self.as_object()) {
            let when = Object::float(timer.when())?;
            info.push(format!("when={}", when.repr_text()?));
        }
        if !self.callback.is_empty() {
            info.push(self.format_callback()?);
        }
        if let Some(traceback) = self.source_traceback.get()
            && let Some(place) = crate::debug::last_frame(&traceback)?
        {
            info.push(format!("created at {place}"));
        }
        Ok(info)
    }

    fn repr(&self) -> Result {
        if let Some(repr) = self.repr.get() {
            return Ok(repr);
        }
        let name = self.as_object().type_name();
        let info = self.repr_info()?;
        Object::str(&format!("<{name} {}>", info.join(" ")))
    }
}

static SIGNATURE: Signature = Signature {
    name: "Handle",
    parameters: &["callback", "args", "loop", "context"],
    positional: 4,
    required: 3,
    variadic: false,
};

impl Class for Handle {
    const NAME: &'static std::ffi::CStr = c"ferrio._core.Handle";
    const DOC: &'static std::ffi::CStr =
        c"Handle(callback, args, loop, context=None)\n--\n\nA callback that is going to be called; returned by call_soon (see asyncio.Handle).";
    const WEAK: Option<usize> = Some(offset_of!(Handle, weak));
    const SUBCLASSABLE: bool = true;
    type_cell!();
    free_list!();

    fn empty() -> Self {
        Handle::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([callback, arguments, loop_, context], _) = args.bind::<4>(&SIGNATURE)?;
        let (Some(callback), Some(arguments), Some(loop_)) = (callback, arguments, loop_) else {
            return Ok(());
        };
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
                method0::<Handle, _>(
                    c"cancel",
                    |this| this.cancel().map(|()| Object::none()),
                    c"cancel($self, /)\n--\n\nCancel the callback.",
                ),
                method0::<Handle, _>(
                    c"cancelled",
                    |this| {
                        this.exclusion.wait();
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
                    if Own::<Handle>::downcast_exact(this.as_object()).is_none() {
                        return Ok(this.own_class());
                    }
                    let class = if this.exclusion.is_shared() { &SHARED_CLASS } else { &stdlib::HANDLE };
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
            slots: vec![unary_slot::<Handle, _>(py::Py_tp_repr, |this| this.repr())],
        }
    }
}

impl Own<Handle> {
    /// The class of the object as Python code made it.
    fn own_class(&self) -> Object {
        // SAFETY: a type is a live object.
        unsafe { Object::borrowed(self.as_object().type_ptr().cast()) }
    }

    /// Fills a handle that Python code made.
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
