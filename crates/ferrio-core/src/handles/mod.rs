//! Handle and TimerHandle: a scheduled callback.
//!
//! A handle owns its callback, arguments and context until it is cancelled. Handles belong to the loop's thread.
//! `call_soon_threadsafe` may create them in other threads, before anything else knows them.

mod call_lock;
mod methods;
pub mod timer;

use timer::TimerFlags;
pub use timer::TimerHandle;

use crate::compat;
use crate::ffi::class::{WeakList, make_derived_type, make_type};
use crate::ffi::context::SpareContext;
use crate::ffi::module::Module;
use crate::ffi::text::{concat, join};
use crate::ffi::{Object, Own, Result, Slot, context};
use crate::stdlib;
use call_lock::CallLock;
use std::cell::{Cell, OnceCell};
use std::ops::Deref;

/// How a handle has the arguments of its callback. A second argument would cost each handle a word, and few callbacks
/// have one.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Arguments {
    #[default]
    None,
    /// The field has the argument.
    One,
    /// The field has a tuple of all arguments.
    Tuple,
}

/// What only debug mode has.
#[derive(Default)]
struct DebugNotes {
    /// Where the handle was created.
    source_traceback: Slot,
    /// The representation of a cancelled handle.
    repr: Slot,
}

/// The body of a Handle. A loop may have a million of them that wait, so its fields are few and small.
#[derive(Default)]
#[repr(C)]
pub struct Handle {
    callback: Slot,
    /// The argument or a tuple, as `arguments` says.
    argument: Slot,
    /// The context, or the variables that it will have; see `has_variables`.
    context: Slot,
    loop_: Slot,
    debug_notes: OnceCell<Box<DebugNotes>>,
    weak: WeakList,
    call_lock: CallLock,
    arguments: Cell<Arguments>,
    /// Whether `context` has variables, of which the context is made when somebody needs it.
    has_variables: Cell<bool>,
    cancelled: Cell<bool>,
    /// For a timer. They are here because there is room.
    timer: Cell<TimerFlags>,
}

const _: () = assert!(size_of::<Handle>() == size_of::<[usize; 8]>());

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
        let (context, has_variables) = match context {
            Some(context) if !context.is_none() => (context.clone(), false),
            _ => match context::current_variables() {
                Some(variables) => (variables, true),
                None => (context::copy_current()?, false),
            },
        };
        let handle = Handle {
            callback: Slot::new(callback.clone()),
            context: Slot::new(context),
            has_variables: Cell::new(has_variables),
            loop_: Slot::new(loop_.clone()),
            ..Handle::default()
        };
        match arguments {
            [] => {}
            [argument] => {
                handle.argument.put(argument.clone());
                handle.arguments.set(Arguments::One);
            }
            several => {
                handle.argument.put(Object::tuple_of(several)?);
                handle.arguments.set(Arguments::Tuple);
            }
        }
        if debug {
            handle.debug_notes().source_traceback.put(stdlib::EXTRACT_STACK_SHORT.get()?.call0()?);
        }
        Ok(handle)
    }

    /// Whether it was cancelled.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    /// The context that the callback runs in; None if the garbage collector has cleared it.
    fn context(&self) -> Result {
        if self.has_variables.get()
            && let Some(variables) = self.context.get()
        {
            self.set_context(context::with_variables(variables)?, false);
        }
        Ok(self.context.get_or_none())
    }

    /// Stores a context, or the variables of one. The former object goes when both fields agree again: that may run code
    /// of the program, which may ask for the context.
    #[inline]
    fn set_context(&self, context: Object, has_variables: bool) {
        let former = self.context.replace(Some(context));
        self.has_variables.set(has_variables);
        drop(former);
    }

    /// Whether its callback can be called now: no thread runs in its context.
    pub fn can_enter_context(&self) -> bool {
        self.has_variables.get() || self.context.get().is_none_or(|context| context::can_be_entered(&context))
    }

    /// Notes that other threads know the handle.
    pub fn share_with_threads(&self) {
        self.call_lock.share();
    }

    #[cold]
    fn debug_notes(&self) -> &DebugNotes {
        self.debug_notes.get_or_init(Box::default)
    }

    fn source_traceback(&self) -> Option<Object> {
        self.debug_notes.get()?.source_traceback.get()
    }

    fn is_debug(&self) -> Result<bool> {
        match self.loop_.get() {
            Some(loop_) => loop_.method0(&stdlib::GET_DEBUG)?.is_true(),
            None => Ok(false),
        }
    }

    /// The arguments of the callback.
    fn arguments_as_tuple(&self) -> Result {
        match self.arguments.get() {
            Arguments::None => Object::tuple_of(&[]),
            Arguments::One => Object::tuple_of(&[self.argument.get_or_none()]),
            Arguments::Tuple => Ok(self.argument.get_or_none()),
        }
    }

    fn clear_arguments(&self) {
        self.arguments.set(Arguments::None);
        self.argument.clear();
    }

    /// Calls the callback. The arguments stay alive, whatever the callee does to the handle.
    #[inline]
    fn call(&self, callback: &Object) -> Result {
        let argument = self.argument.get();
        match (self.arguments.get(), argument) {
            (Arguments::One, Some(argument)) => callback.call1(&argument),
            (Arguments::Tuple, Some(arguments)) => callback.call_tuple(&arguments),
            _ => callback.call0(),
        }
    }

    /// The callback as messages show it.
    fn format_callback(&self) -> Result {
        let formatter = stdlib::FORMAT_CALLBACK_SOURCE.get()?;
        let (callback, arguments) = (self.callback.get_or_none(), self.arguments_as_tuple()?);
        if !compat::CALLBACK_ARGUMENTS_ARE_DEBUG_ONLY {
            return formatter.call(&[&callback, &arguments]);
        }
        let debug = Object::bool(self.is_debug()?);
        formatter.call_keywords(&[&callback, &arguments], &[(&stdlib::DEBUG, &debug)])
    }
}

/// A handle that a loop is about to run.
///
/// A handle of `call_soon` lives for one iteration, mostly, and only the loop has it. While the loop runs it can't be
/// garbage, nor can the handle. So the handle is hidden from the garbage collector, until the loop lets go of it and
/// somebody else has it ([`Queued`]'s `drop`), or the loop ends its run ([`Queued::show`]).
#[derive(Clone)]
pub struct Queued(Own<Handle>);

impl Queued {
    /// A handle that the garbage collector sees already.
    #[inline]
    pub fn seen(handle: Own<Handle>) -> Queued {
        Queued(handle)
    }

    /// A handle of this body, and its place in the queue of a loop that runs.
    #[inline]
    pub fn hidden(body: Handle) -> Result<(Own<Handle>, Queued)> {
        let handle = Own::new_untracked(body)?;
        Ok((handle.clone(), Queued(handle)))
    }

    /// Has the garbage collector see it.
    pub fn show(&self) {
        self.0.track();
    }
}

impl Deref for Queued {
    type Target = Own<Handle>;

    #[inline]
    fn deref(&self) -> &Own<Handle> {
        &self.0
    }
}

impl Drop for Queued {
    #[inline]
    fn drop(&mut self) {
        if self.0.as_object().is_shared() {
            self.0.track();
        }
    }
}

/// Reports what a callback has raised that the loop has called without a handle, as if it had had one.
#[cold]
pub fn report(loop_: &Object, callback: &Object, arguments: &[Object], exception: Object) -> Result<()> {
    Own::new(Handle::body(loop_, callback, arguments, None, false)?)?.report(exception)
}

impl Own<Handle> {
    /// Calls the callback in its context. Its exceptions go to the loop's exception handler, except `KeyboardInterrupt`
    /// and `SystemExit`. `spare` is a context that the callback may use.
    #[inline]
    pub fn run(&self, spare: &SpareContext) -> Result<()> {
        let (Some(callback), Some(context)) = (self.callback.get(), self.context.get()) else {
            return Ok(());
        };
        let call = |context: &Object| self.call_lock.run(|| context::run(context, || self.call(&callback)));
        let result = if self.has_variables.get() {
            spare.take(context).and_then(|context| {
                self.set_context(context.clone(), false);
                let result = call(&context);
                // Nobody can ask for it any more. A report of an exception does.
                if result.is_ok() && !self.as_object().is_shared() {
                    self.context.clear();
                    spare.put_back(context);
                }
                result
            })
        } else {
            call(&context)
        };
        match result {
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
        if let Some(traceback) = self.source_traceback() {
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
            self.debug_notes().repr.put(crate::debug::shown(self.as_object())?);
        }
        self.callback.clear();
        self.clear_arguments();
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
        if let Some(traceback) = self.source_traceback()
            && let Some(place) = crate::debug::last_frame(&traceback)?
        {
            info.push(concat(&[&"created at ", &place])?);
        }
        Ok(info)
    }

    fn repr(&self) -> Result {
        if let Some(repr) = self.debug_notes.get().and_then(|notes| notes.repr.get()) {
            return Ok(repr);
        }
        let name = self.as_object().type_name();
        let info = self.repr_info()?;
        concat(&[&format!("<{name} "), &join(" ", info)?, &">"])
    }
}

/// Adds the classes.
pub fn register(module: &Module) -> Result<()> {
    context::find_layout()?;
    module.add(c"Handle", &make_type::<Handle>()?)?;
    module.add(c"TimerHandle", &make_derived_type::<TimerHandle, Handle>()?)
}
