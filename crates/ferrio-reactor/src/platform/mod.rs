//! What differs between operating systems, apart from polling: a folder or file for each, with the same functions.
//!
//! | function | what it does |
//! |---|---|
//! | `accept` | accepts a connection, non-blocking and not inherited by child programs |
//! | `pipe` | makes a pipe, likewise |
//! | `SEND_FLAGS` | lets a send to a peer that is gone fail without a signal, if the system has such a flag |
//! | `abstract_name` | the name of a Unix socket that has no path |
//! | `timer_slack`, `set_timer_slack` | how late the kernel may end a wait of the calling thread |
//! | `stack` | the addresses of the calling thread's stack |

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod macos;

#[cfg(target_os = "linux")]
pub(crate) use linux::{SEND_FLAGS, abstract_name, accept, pipe, set_timer_slack, stack, timer_slack};
#[cfg(not(target_os = "linux"))]
pub(crate) use macos::{SEND_FLAGS, abstract_name, accept, pipe, set_timer_slack, stack, timer_slack};
