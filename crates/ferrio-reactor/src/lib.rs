//! The operating system as an event loop sees it, without Python.
//!
//! - [`poller`]: waiting for descriptors; one contract, a file for each kernel interface;
//! - [`waker`]: ending a wait from another thread;
//! - [`clock`]: the one clock;
//! - [`timer_slack`]: waits that end on time;
//! - [`socket`]: stream and datagram calls on non-blocking descriptors;
//! - [`address`]: socket addresses in a form that needs no resolving;
//! - [`stack`]: where the calling thread's stack ends;
//! - [`descriptor`]: what can be asked of any descriptor.
//!
//! Calls return `io::Result` with the kernel's error number inside. Only [`waker`] may be used from a
//! thread other than the loop's.

pub mod address;
pub mod clock;
pub mod descriptor;
pub mod poller;
pub mod socket;
pub mod stack;
pub mod timer_slack;
pub mod waker;
