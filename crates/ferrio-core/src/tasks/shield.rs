//! `shield()`: an outer future that can be cancelled without the inner one.

use crate::compat;
use crate::coroutines::{AsyncioFunctionDefinition, asyncio_function};
use crate::ffi::class::Bound;
use crate::ffi::{Args, Object, Own, Result, Signature};
use crate::futures::{DoneObserver, Future, own_future, waiter};
use crate::stdlib::{ASYNCIO_SHIELD as ORIGINAL, ENSURE_FUTURE, TASKS};
use std::sync::OnceLock;

static SHIELD: Signature =
    Signature { name: "shield", parameters: &["arg"], positional: 1, required: 1, variadic: false };

/// The outer future, as an observer of the inner one.
static INNER_OBSERVER: DoneObserver = DoneObserver::new(inner_done, inner_callable, |outer| {
    own_future(outer).map_or(Ok(Vec::new()), Own::<Future>::waiting_tasks)
});
/// The inner future, as an observer of the outer one.
static OUTER_OBSERVER: DoneObserver = DoneObserver::new(outer_done, outer_callable, |_| Ok(Vec::new()));

/// Imports asyncio's function before `install()` replaces it.
pub fn remember_original() -> Result<()> {
    ORIGINAL.get().map(drop)
}

/// The function.
pub fn definition() -> AsyncioFunctionDefinition {
    asyncio_function(
        c"shield",
        |args: &Args<'_>| {
            let ([argument], [], _) = args.bind::<1, 0>(&SHIELD)?;
            shield(argument)
        },
        &TASKS,
    )
}

fn shield(argument: &Object) -> Result {
    let inner = match own_future(argument) {
        Some(_) => argument.clone(),
        None => ENSURE_FUTURE.get()?.call(&[argument])?,
    };
    if own_future(&inner).is_none() {
        return ORIGINAL.get()?.call(&[&inner]);
    }
    if waiter::is_done(&inner)? {
        return Ok(inner);
    }
    let outer = waiter::create(&waiter::loop_of(&inner)?)?;
    INNER_OBSERVER.observe(&inner, &outer)?;
    OUTER_OBSERVER.observe(&outer, &inner)?;
    Ok(outer)
}

/// The inner future is done. Completes the outer one, unless it was cancelled.
fn inner_done(outer: &Object, inner: &Object) -> Result<()> {
    if waiter::is_cancelled(outer)? {
        // This marks the exception as retrieved.
        if !compat::SHIELD_LEAVES_EXCEPTION && !waiter::is_cancelled(inner)? {
            waiter::exception(inner)?;
        }
        return Ok(());
    }
    if waiter::is_cancelled(inner)? {
        return waiter::cancel(outer);
    }
    let exception = waiter::exception(inner)?;
    if exception.is_none() {
        waiter::set_result(outer, waiter::result(inner)?)
    } else {
        waiter::set_exception(outer, &exception)
    }
}

/// The outer future is done. It does not observe the inner one any more.
fn outer_done(inner: &Object, outer: &Object) -> Result<()> {
    if waiter::is_done(inner)? { Ok(()) } else { INNER_OBSERVER.stop_observing(inner, outer) }
}

/// The callback of the inner future for Python code.
fn inner_callable(outer: &Object) -> Result {
    static BOUND: OnceLock<Bound> = OnceLock::new();
    let bound = BOUND.get_or_init(|| {
        Bound::new(c"_inner_done_callback", |outer, inner| inner_done(outer, inner).map(|()| Object::none()))
    });
    bound.bind(outer)
}

/// The callback of the outer future for Python code.
fn outer_callable(inner: &Object) -> Result {
    static BOUND: OnceLock<Bound> = OnceLock::new();
    let bound = BOUND.get_or_init(|| {
        Bound::new(c"_outer_done_callback", |inner, outer| outer_done(inner, outer).map(|()| Object::none()))
    });
    bound.bind(inner)
}
