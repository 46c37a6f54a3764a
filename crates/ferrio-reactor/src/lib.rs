//! What an event loop needs of the operating system, without Python.
//!
//! - [`poller`]: waiting for descriptors and ending the wait; one contract, a folder for each kernel interface;
//! - [`registrations`]: what runs when a descriptor is ready;
//! - [`fd_table`]: a table by descriptor number;
//! - [`fd`]: what can be asked of any descriptor;
//! - [`socket`]: stream and datagram calls on non-blocking descriptors;
//! - [`address`]: socket addresses in a form that needs no resolving;
//! - [`clock`]: the one clock;
//! - [`alarm`]: a time as a descriptor;
//! - [`timer_slack`]: waits that end on time;
//! - [`stack`]: where the calling thread's stack ends;
//! - `platform`: what of these differs between operating systems.
//!
//! Calls return `io::Result` with the kernel's error number inside. Only the loop's thread uses them, except
//! [`poller::Waker`], which any thread may use.

pub mod address;
pub mod alarm;
pub mod clock;
pub mod fd;
pub mod fd_table;
mod platform;
pub mod poller;
pub mod registrations;
pub mod socket;
pub mod stack;
pub mod timer_slack;
