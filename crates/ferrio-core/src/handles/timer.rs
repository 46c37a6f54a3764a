//! TimerHandle: a handle with a deadline.

use super::Handle;
use crate::ffi::class::{Members, free_list, getter, method0, type_cell};
use crate::ffi::{Args, Class, Object, Own, Result, Signature, Visitor};
use crate::loop_::Loop;
use crate::stdlib;
use pyo3_ffi as py;
use std::cell::Cell;
use std::ffi::{CStr, c_int, c_void};

/// The body of a TimerHandle. It begins with a Handle's, so that it is one.
#[derive(Default)]
#[repr(C)]
pub struct TimerHandle {
    handle: Handle,
    when: Cell<f64>,
    /// Whether it is in the loop's timers.
    scheduled: Cell<bool>,
}

impl TimerHandle {
    /// A timer's body, not yet scheduled.
    #[inline]
    pub fn body(when: f64, handle: Handle) -> TimerHandle {
        TimerHandle { handle, when: Cell::new(when), scheduled: Cell::new(false) }
    }

    /// The deadline, in seconds on the loop's clock.
    #[inline]
    pub fn when(&self) -> f64 {
        self.when.get()
    }

    /// Says whether it is in the loop's timers.
    #[inline]
    pub fn set_scheduled(&self, scheduled: bool) {
        self.scheduled.set(scheduled);
    }

    /// The part that every handle has.
    #[inline]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Own<TimerHandle> {
    /// The timer as any handle.
    #[inline]
    pub fn as_handle(&self) -> &Own<Handle> {
        // SAFETY: TimerHandle's class derives from Handle's, and its body begins with a Handle.
        unsafe { Own::from_ref_unchecked(self.as_object()) }
    }

    fn cancel(&self) -> Result<()> {
        if self.handle.is_cancelled() {
            return Ok(());
        }
        let loop_ = self.handle.loop_.get_or_none();
        let Some(loop_) = Own::<Loop>::downcast(&loop_) else {
            if self.scheduled.get() && !loop_.is_none() {
                loop_.method1(&stdlib::TIMER_HANDLE_CANCELLED, self.as_object())?;
            }
            return self.as_handle().cancel();
        };
        self.as_handle().cancel()?;
        // The loop may have taken it out while the callback's arguments went.
        if self.scheduled.get() {
            loop_.timer_cancelled();
        }
        Ok(())
    }

    fn compare(&self, other: &Own<TimerHandle>, operation: c_int) -> Result<bool> {
        let (left, right) = (self.when(), other.when());
        Ok(match operation {
            py::Py_LT => left < right,
            py::Py_GT => left > right,
            py::Py_LE => left < right || self.equals(other)?,
            py::Py_GE => left > right || self.equals(other)?,
            py::Py_NE => !self.equals(other)?,
            _ => self.equals(other)?,
        })
    }

    fn equals(&self, other: &Own<TimerHandle>) -> Result<bool> {
        let (left, right) = (&self.handle, &other.handle);
        Ok(self.when() == other.when()
            && left.callback.get_or_none().equals(&right.callback.get_or_none())?
            && left.arguments.as_tuple()?.equals(&right.arguments.as_tuple()?)?
            && left.is_cancelled() == right.is_cancelled())
    }
}

unsafe extern "C" fn richcompare(
    left: *mut py::PyObject,
    right: *mut py::PyObject,
    operation: c_int,
) -> *mut py::PyObject {
    // SAFETY: live objects; the interpreter has checked the left one, the right one is checked here.
    let (left, right) = unsafe { (Object::from_ref(&left), Object::from_ref(&right)) };
    let answer = match (Own::<TimerHandle>::downcast(left), Own::<TimerHandle>::downcast(right)) {
        (Some(left), Some(right)) => left.compare(right, operation).map(Object::bool),
        // SAFETY: a static object.
        _ => Ok(unsafe { Object::borrowed(py::Py_NotImplemented()) }),
    };
    answer.map_or(std::ptr::null_mut(), Object::into_ptr)
}

unsafe extern "C" fn hash(timer: *mut py::PyObject) -> py::Py_hash_t {
    // SAFETY: the interpreter has checked the type; hashing a float needs a live float.
    unsafe {
        let timer = Object::from_ref(&timer);
        let Some(timer) = Own::<TimerHandle>::downcast(timer) else { return -1 };
        Object::float(timer.when()).map_or(-1, |when| py::PyObject_Hash(when.as_ptr()))
    }
}

static SIGNATURE: Signature = Signature {
    name: "TimerHandle",
    parameters: &["when", "callback", "args", "loop", "context"],
    positional: 5,
    required: 4,
    variadic: false,
};

impl Class for TimerHandle {
    const NAME: &'static CStr = c"ferrio._core.TimerHandle";
    const DOC: &'static CStr = c"TimerHandle(when, callback, args, loop, context=None)\n--\n\nA callback that is going to be called at a given time; returned by call_later and call_at (see asyncio.TimerHandle).";
    const WEAK: Option<usize> = Handle::WEAK;
    const SUBCLASSABLE: bool = true;
    type_cell!();
    free_list!();

    fn empty() -> Self {
        TimerHandle::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([when, callback, arguments, loop_, context], _) = args.bind::<5>(&SIGNATURE)?;
        let (Some(when), Some(callback), Some(arguments), Some(loop_)) = (when, callback, arguments, loop_) else {
            return Ok(());
        };
        this.when.set(when.to_f64()?);
        this.as_handle().fill(callback, arguments, loop_, context)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.handle.traverse(visitor);
    }

    fn clear(&self) {
        self.handle.clear();
    }

    fn members() -> Members {
        Members {
            methods: vec![
                method0::<TimerHandle, _>(
                    c"cancel",
                    |this| this.cancel().map(|()| Object::none()),
                    c"cancel($self, /)\n--\n\nCancel the callback.",
                ),
                method0::<TimerHandle, _>(
                    c"when",
                    |this| Object::float(this.when()),
                    c"when($self, /)\n--\n\nReturn the time of the call, in seconds on the clock of loop.time().",
                ),
            ],
            properties: vec![
                getter::<TimerHandle, _>(c"__class__", |this| {
                    let exact = Own::<TimerHandle>::downcast_exact(this.as_object()).is_some();
                    if exact { stdlib::TIMER_HANDLE.get().cloned() } else { Ok(this.as_handle().own_class()) }
                }),
                getter::<TimerHandle, _>(c"_when", |this| Object::float(this.when())),
                getter::<TimerHandle, _>(c"_scheduled", |this| Ok(Object::bool(this.scheduled.get()))),
            ],
            slots: vec![
                py::PyType_Slot { slot: py::Py_tp_richcompare, pfunc: richcompare as *mut c_void },
                py::PyType_Slot { slot: py::Py_tp_hash, pfunc: hash as *mut c_void },
            ],
        }
    }
}
