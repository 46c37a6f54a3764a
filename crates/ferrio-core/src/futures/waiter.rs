//! Futures for the tasks that wait for a primitive: Ferrio's on Ferrio's loop, the loop's own on other loops.

use super::{Future, FutureState, own_future};
use crate::ffi::{Name, Object, Own, Result};
use crate::loop_::Loop;
use crate::stdlib::{self, CANCELLED};

/// `loop.create_future()`.
#[inline]
pub fn create(loop_: &Object) -> Result {
    if let Some(own) = Own::<Loop>::downcast(loop_)
        && own.has_own_create_future()
    {
        return super::create::create_future(own);
    }
    loop_.method0(&stdlib::CREATE_FUTURE)
}

/// `waiter.done()`.
#[inline]
pub fn is_done(waiter: &Object) -> Result<bool> {
    match own_future(waiter) {
        Some(future) => Ok(future.is_done()),
        None => waiter.method0(&stdlib::DONE)?.is_true(),
    }
}

/// `waiter.cancelled()`.
pub fn is_cancelled(waiter: &Object) -> Result<bool> {
    match own_future(waiter) {
        Some(future) => Ok(future.state() == FutureState::Cancelled),
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

/// `future.result()`. Raises the future's exception.
pub fn result(future: &Object) -> Result {
    match own_future(future) {
        Some(own) => own.result(),
        None => future.method0(&stdlib::RESULT),
    }
}

/// `future.exception()`, or None.
pub fn exception(future: &Object) -> Result {
    match own_future(future) {
        Some(own) => own.exception(),
        None => future.method0(&stdlib::EXCEPTION),
    }
}

/// Sets the result of a future, unless it is done, for example cancelled.
pub fn set_result_unless_done(future: &Object, result: Object) -> Result<()> {
    if is_done(future)? { Ok(()) } else { set_result(future, result) }
}

/// Sets the exception of a future, unless it is done, for example cancelled.
pub fn set_exception_unless_done(future: &Object, exception: &Object) -> Result<()> {
    if is_done(future)? { Ok(()) } else { set_exception(future, exception) }
}

/// `waiter.set_exception(exception)`.
pub fn set_exception(waiter: &Object, exception: &Object) -> Result<()> {
    match Own::<Future>::downcast_exact(waiter) {
        Some(future) => future.set_exception(exception),
        None => waiter.method1(&stdlib::SET_EXCEPTION, exception).map(drop),
    }
}

/// `waiter.cancel()`.
pub fn cancel(waiter: &Object) -> Result<()> {
    match Own::<Future>::downcast_exact(waiter) {
        Some(future) => future.cancel(None).map(drop),
        None => waiter.method0(&stdlib::CANCEL).map(drop),
    }
}

/// The loop of a future of any class.
pub fn loop_of(future: &Object) -> Result {
    static LOOP: Name = Name::new(c"_loop");
    match future.getattr_opt(&stdlib::GET_LOOP)? {
        Some(get_loop) => get_loop.call0(),
        None => future.getattr(&LOOP),
    }
}

/// `loop.call_later(delay, callback, *arguments)`: the timer.
pub fn call_later(loop_: &Object, delay: &Object, callback: &Object, arguments: &[Object]) -> Result {
    match Own::<Loop>::downcast(loop_) {
        Some(own) if own.has_own_timers() && !delay.is_none() => {
            let when = own.deadline_after(delay)?;
            own.call_at(when, callback, arguments, None, "call_later").map(Own::into_object)
        }
        _ => {
            let arguments: Vec<&Object> = [delay, callback].into_iter().chain(arguments).collect();
            loop_.method(&stdlib::CALL_LATER, &arguments)
        }
    }
}
