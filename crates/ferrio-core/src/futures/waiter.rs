//! Futures that a primitive makes for those who wait: Ferrio's own on its own loop, others on others.

use super::{Future, State};
use crate::ffi::{Name, Object, Own, Result};
use crate::loop_::Loop;
use crate::stdlib;

static CANCELLED: Name = Name::new(c"cancelled");

/// `loop.create_future()`.
#[inline]
pub fn create(loop_: &Object) -> Result {
    if let Some(own) = Own::<Loop>::downcast(loop_)
        && own.has_own_create_future()
    {
        return crate::loop_::create_future(own);
    }
    loop_.method0(&stdlib::CREATE_FUTURE)
}

/// `waiter.done()`.
#[inline]
pub fn is_done(waiter: &Object) -> Result<bool> {
    match Own::<Future>::downcast_exact(waiter) {
        Some(future) => Ok(future.is_done()),
        None => waiter.method0(&stdlib::DONE)?.is_true(),
    }
}

/// `waiter.cancelled()`.
pub fn is_cancelled(waiter: &Object) -> Result<bool> {
    match Own::<Future>::downcast_exact(waiter) {
        Some(future) => Ok(future.state() == State::Cancelled),
        None => waiter.method0(&CANCELLED)?.is_true(),
    }
}

/// `waiter.set_result(result)`.
#[inline]
pub fn set_result(waiter: &Object, result: Object) -> Result<()> {
    match Own::<Future>::downcast_exact(waiter) {
        Some(future) => future.set_result(result),
        None => waiter.method1(&stdlib::SET_RESULT, &result).map(drop),
    }
}

/// `waiter.cancel()`.
pub fn cancel(waiter: &Object) -> Result<()> {
    match Own::<Future>::downcast_exact(waiter) {
        Some(future) => future.cancel(None).map(drop),
        None => waiter.method0(&stdlib::CANCEL).map(drop),
    }
}

/// The loop of a future of any make.
pub fn loop_of(future: &Object) -> Result {
    static LOOP: Name = Name::new(c"_loop");
    match future.getattr_opt(&stdlib::GET_LOOP)? {
        Some(get_loop) => get_loop.call0(),
        None => future.getattr(&LOOP),
    }
}
