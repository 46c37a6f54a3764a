//! Thin typed wrappers over Python's C API.
//!
//! Everything else in this crate speaks to the interpreter through them. They cost nothing: an
//! [`Object`] is a pointer, an error is the interpreter's own error indicator and [`Raised`] says that
//! it is set.
//!
//! Invariant of the whole crate: the calling thread holds the GIL. `Object` and all that contains one is
//! neither `Send` nor `Sync`, so it can't leave the thread; [`detach`] is the one place that lets the
//! GIL go, and what runs inside is `Send`.
//!
//! The border is checked once: [`class`] hands a method its `self` as a typed reference because the
//! interpreter's own descriptors have checked the type; everything else arrives as an `Object` and is
//! downcast with [`Own::downcast`].

#![allow(unsafe_code)]

pub mod args;
pub mod buffer;
pub mod bytearray;
pub mod bytes;
pub mod call;
pub mod class;
pub mod context;
pub mod deque;
pub mod dict;
mod elf;
#[cfg(test)]
pub mod embedded;
pub mod error;
mod expect;
pub mod file;
pub mod inline_box;
pub mod listing;
pub mod module;
pub mod name;
pub mod object;
mod overrides;
pub mod recursion;
mod sequence;
pub mod set;
mod slot;
pub mod stop_iteration;
pub mod sys;
pub mod text;
pub mod thread_state;
pub mod traceback;
pub mod version;
pub mod weak;
pub mod with_gil;

pub use args::{Args, Signature};
pub use class::{Class, Own, Visitor};
pub use error::{Raised, Result};
pub use name::{Import, Made, Member, Name};
pub use object::{Object, Ptr};
pub use overrides::{Overridden, SkippedMethods};
pub use slot::{Reference, Slot};
pub use weak::Weak;

use sys as py;

/// Runs `work` without the GIL.
pub fn detach<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    // SAFETY: the GIL is held (the crate's invariant); `work` is Send and so has no Object in it; a
    // panic in it would leave the thread detached, so the guard takes the GIL back on every way out.
    struct Detached(*mut py::PyThreadState);
    impl Drop for Detached {
        fn drop(&mut self) {
            // SAFETY: the state is the one that was saved by this thread.
            unsafe { py::PyEval_RestoreThread(self.0) }
        }
    }
    // SAFETY: as above.
    let _guard = Detached(unsafe { py::PyEval_SaveThread() });
    work()
}

/// The calling thread, as `threading.get_ident()` has it.
pub fn thread_ident() -> u64 {
    // SAFETY: may be called at any time.
    unsafe { py::PyThread_get_thread_ident() as u64 }
}
