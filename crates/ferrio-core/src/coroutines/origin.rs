//! Where coroutines are created, in debug mode: "Coroutine created at", and `cr_origin`.
//!
//! The interpreter notes it for its own coroutines. Ferrio's look at one number for that: how many loops track origins.
//! `sys.set_coroutine_origin_tracking_depth()` without a loop in debug mode therefore concerns only the interpreter's.

use super::storage::Stored;
use super::{Coroutine, Operation, Outcome, Poll, State};
use crate::ffi::class::{Method, module_function};
use crate::ffi::{Args, Object, Own, Result, Visitor};
use crate::stdlib;
use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The number of loops that track origins. The GIL protects it.
static LOOPS: AtomicUsize = AtomicUsize::new(0);

/// Whether any loop tracks origins.
#[inline]
pub fn is_tracked() -> bool {
    LOOPS.load(Relaxed) != 0
}

/// The frames of the caller, as `cr_origin` has them. None if this thread does not track origins.
#[cold]
fn here() -> Result<Option<Object>> {
    let origin = stdlib::COROUTINE_ORIGIN.get()?.call0()?;
    Ok(if origin.is_none() { None } else { Some(origin) })
}

/// An operation with the place where its coroutine was created. So coroutines without one have no room for it.
struct Placed {
    operation: Stored,
    origin: Object,
}

impl Operation for Placed {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        self.operation.get_mut().resume(outcome)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.operation.get().traverse(visitor);
        visitor.object(&self.origin);
    }

    fn origin(&self) -> Option<&Object> {
        Some(&self.origin)
    }
}

impl Coroutine {
    /// As [`start`](Coroutine::start), with the origin.
    #[cold]
    pub(super) fn start_with_origin(names: &'static [&'static str], operation: Stored) -> Result {
        let operation = match here()? {
            Some(origin) => Stored::new(Placed { operation, origin }),
            None => operation,
        };
        Own::new(Coroutine { state: RefCell::new(State::Created(operation)), names }).map(Own::into_object)
    }

    /// Where it was created, if that was noted. While it runs, nobody knows.
    pub(super) fn origin(&self) -> Option<Object> {
        match &*self.state.borrow() {
            State::Created(operation) | State::Suspended(operation, _) => operation.get().origin().cloned(),
            State::Running(_) | State::Closed => None,
        }
    }
}

/// `_note_origin_tracking(enabled)`: a loop begins or ends to track origins.
pub fn note_tracking() -> Method {
    module_function(
        c"_note_origin_tracking",
        |args: &Args<'_>| {
            if let [enabled] = args.positional() {
                let loops = LOOPS.load(Relaxed);
                LOOPS.store(if enabled.is_true()? { loops + 1 } else { loops.saturating_sub(1) }, Relaxed);
            }
            Ok(Object::none())
        },
        c"_note_origin_tracking(enabled, /)\n--\n\nNote that a loop begins or ends to track the origins of coroutines.",
    )
}
