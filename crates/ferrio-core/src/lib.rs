//! `ferrio._core`: asyncio's meaning, on Python objects.
//!
//! There is a folder for each noun of asyncio. Only [`ffi`] calls the C API. ARCHITECTURE.md describes the folders, and
//! SAFETY.md the invariants of `ffi`.

#![deny(unsafe_code)]

mod compat;
mod coroutines;
mod debug;
#[cfg(test)]
mod embedded;
mod ffi;
mod futures;
mod handles;
mod loop_;
mod module;
mod queues;
mod sockets;
mod stdlib;
mod streams;
mod sync;
mod taskgroups;
mod tasks;
mod threads;
mod timeouts;
mod tls;
mod transports;
