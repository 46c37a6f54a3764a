//! `ferrio._core`: asyncio's meaning, on Python objects.
//!
//! A folder for each of asyncio's nouns; [`ffi`] is the only one that speaks the C API's language: see
//! ARCHITECTURE.md, and SAFETY.md for what that relies on.

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
