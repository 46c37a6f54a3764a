//! Thin typed wrappers over Python's C API.
//!
//! Everything else in this crate uses the interpreter through them. They cost nothing: an [`Object`] is a pointer, an
//! error is the interpreter's own error indicator, and a [`Raised`] proves that it is set.
//!
//! The invariant of the whole crate is that the calling thread holds the GIL. `Object` and every type that contains one
//! is neither `Send` nor `Sync`, so it cannot leave the thread. Only [`detach`] releases the GIL, and what runs inside
//! is `Send`.
//!
//! Types are checked once: [`class`] passes `self` to a method as a typed reference, because the interpreter's own
//! descriptors have checked the type. Everything else arrives as an `Object`, and is downcast with [`Own::downcast`].
//!
//! In the SAFETY comments, "a live object" means that the pointer comes from a reference (`&Object`), which owns a
//! count for the whole call, and that the GIL is held. The function of the C API accepts any object then, or reports an
//! error by its result. "A new reference or null with an error" is the contract of [`Object::owned`].

#![allow(unsafe_code)]

pub mod args;
pub mod buffer;
pub mod bytearray;
pub mod bytes;
pub mod call;
pub mod class;
pub mod context;
pub mod datetime;
pub mod deque;
pub mod dict;
mod elf;
#[cfg(test)]
pub mod embedded;
pub mod error;
mod exception;
mod expect;
pub mod file;
pub mod inline_box;
pub mod listing;
pub mod module;
pub mod name;
mod number;
pub mod object;
pub mod openssl;
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
pub use number::Number;
pub use object::{Object, Ptr};
pub use overrides::{Overridden, Replaceable, SkippedMethods};
pub use slot::{Reference, Slot};
pub use weak::Weak;

use sys as py;

/// Releases the GIL while `work` runs.
pub fn detach<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    // SAFETY: the GIL is held (the crate's invariant). `work` is Send and so has no Object. The guard takes the GIL
    // again on every way out, also after a panic.
    struct Detached(*mut py::PyThreadState);
    impl Drop for Detached {
        fn drop(&mut self) {
            // SAFETY: this thread saved the state.
            unsafe { py::PyEval_RestoreThread(self.0) }
        }
    }
    // SAFETY: as above.
    let _guard = Detached(unsafe { py::PyEval_SaveThread() });
    work()
}

/// The number of the calling thread, as of `threading.get_ident()`.
pub fn thread_ident() -> u64 {
    // SAFETY: it may be called at any time.
    unsafe { py::PyThread_get_thread_ident() as u64 }
}
