//! Recursion: the interpreter's limit, for code that calls itself without Python code in between.

use super::error::{Builtin, raise};
use super::{Raised, Result, sys as py};
use std::cell::Cell;
use std::ffi::CStr;
use std::ops::Range;

/// How much of a thread's stack stays free, in bytes, for the interpreter and finalisers at the deepest level.
const RESERVE: usize = 256 * 1024;

/// Calls `work` one level deeper. `RecursionError` if that is too deep; `place` is the end of its message.
///
/// The interpreter counts levels, and up to 3.13 it assumes that each is small. So the stack itself is checked too.
pub fn guarded<T>(place: &'static CStr, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let here = 0_u8;
    if ((&raw const here) as usize) < lowest_place() {
        let place = place.to_string_lossy();
        return Err(raise(Builtin::Recursion, &format!("maximum recursion depth exceeded{place}")));
    }
    // SAFETY: the GIL is held, and the place is a C string. The guard leaves the level that is entered here.
    unsafe { Raised::check(-py::Py_EnterRecursiveCall(place.as_ptr()).abs())? };
    let _level = Level;
    work()
}

/// A level that is left when it is dropped.
struct Level;

impl Drop for Level {
    fn drop(&mut self) {
        // SAFETY: the GIL is held, and one level has been entered.
        unsafe { py::Py_LeaveRecursiveCall() }
    }
}

/// The lowest usable address of this thread's stack; 0 if it is not known.
fn lowest_place() -> usize {
    let stack = this_stack();
    // musl's threads have 128 KB, unless the interpreter asks for more.
    if stack.is_empty() { 0 } else { stack.start + RESERVE.min(stack.len() / 4) }
}

/// Whether an address is on this thread's stack; false if that is not known.
pub fn is_on_this_stack(address: usize) -> bool {
    this_stack().contains(&address)
}

/// This thread's stack; empty if it is not known.
fn this_stack() -> Range<usize> {
    thread_local! {
        static STACK: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
    }
    let (start, end) = STACK.get().unwrap_or_else(|| {
        let stack = ferrio_reactor::stack::of_this_thread().unwrap_or_default();
        STACK.set(Some((stack.start, stack.end)));
        (stack.start, stack.end)
    });
    start..end
}
