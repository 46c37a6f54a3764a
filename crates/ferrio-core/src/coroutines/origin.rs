//! Where coroutines are created, in debug mode: "Coroutine created at", and `cr_origin`.
//!
//! The interpreter notes it for its own coroutines. Ferrio's look at one number for that: how many loops track origins.
//! `sys.set_coroutine_origin_tracking_depth()` without a loop in debug mode therefore concerns only the interpreter's.

use super::storage::Stored;
use super::{Coroutine, State};
use crate::ffi::class::{Method, module_function};
use crate::ffi::{Args, Object, Own, Result};
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

impl Coroutine {
    /// As [`start`](Coroutine::start), with the origin.
    #[cold]
    pub(super) fn start_with_origin(names: &'static [&'static str], operation: Stored) -> Result {
        let state = match here()? {
            Some(origin) => State::CreatedAt(operation, origin),
            None => State::Created(operation),
        };
        Own::new(Coroutine { state: RefCell::new(state), names }).map(Own::into_object)
    }

    /// Whether it has not run yet.
    #[inline]
    pub(super) fn is_created(&self) -> bool {
        matches!(&*self.state.borrow(), State::Created(_) | State::CreatedAt(..))
    }

    /// Where it was created, if that was noted and it has not run yet.
    pub(super) fn origin(&self) -> Option<Object> {
        match &*self.state.borrow() {
            State::CreatedAt(_, origin) => Some(origin.clone()),
            _ => None,
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
