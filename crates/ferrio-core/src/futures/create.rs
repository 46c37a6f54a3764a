//! `loop.create_future()`.

use super::Future;
use crate::ffi::class::{Method, method0};
use crate::ffi::{Class, Import, Name, Object, Own, Result, dict};
use crate::loop_::Loop;
use crate::stdlib;

static FUTURE: Name = Name::new(c"Future");

/// The method of the loop.
pub fn loop_methods() -> Vec<Method> {
    vec![method0::<Loop, _>(
        c"create_future",
        create_future,
        c"create_future($self, /)\n--\n\nReturn a new Future of this loop.",
    )]
}

/// A new future of Ferrio's own loop.
pub fn create_future(loop_: &Own<Loop>) -> Result {
    if let Some(class) = replaced::<Future>(&stdlib::FUTURES_NAMESPACE, &FUTURE, &stdlib::ASYNCIO_FUTURE)? {
        return class.call_keywords(&[], &[(&stdlib::LOOP, loop_.as_object())]);
    }
    let future = Own::new(Future::pending(loop_))?;
    if loop_.is_debug() {
        future.trace_source()?;
    }
    Ok(future.into_object())
}

/// The class by which a program has replaced asyncio's own in a module. A loop then creates instances of that class.
#[inline]
pub fn replaced<T: Class>(
    namespace: &'static Import,
    name: &'static Name,
    class: &'static Import,
) -> Result<Option<Object>> {
    let found = dict::get(namespace.get()?, name.object()?)?;
    Ok(match found {
        Some(found) if !found.is(class.get()?) && !found.is(&Own::<T>::class_object()?) => Some(found),
        _ => None,
    })
}
