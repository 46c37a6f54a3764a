//! StopIteration: the end of iterators with a result. And the exceptions that are thrown into iterators.

use super::error::{Builtin, raise_object, type_error, warn};
use super::sys as py;
use super::version;
use super::{Args, Made, Object, Raised, Result, Signature};

/// The end of an iterator that returns `value`, for `for` and `await`. The value is not None.
#[inline]
pub fn end(value: Object) -> Raised {
    if value.is_the_true() { stop_with_true(value) } else { stop_iteration(value) }
}

/// `StopIteration(True)`, with which locks and events end. One exception is used again and again, unless the program
/// has kept or changed it.
fn stop_with_true(value: Object) -> Raised {
    static CACHED: Made = Made::new();
    match CACHED.get(|| Builtin::StopIteration.class().call(&[&value])) {
        Ok(exception) if is_unused(exception, &value) => exception.clone().raise(),
        Ok(_) => stop_iteration(value),
        Err(raised) => raised,
    }
}

/// Whether a `StopIteration` has no other reference and is unchanged.
fn is_unused(exception: &Object, value: &Object) -> bool {
    // SAFETY: the object is a StopIteration, because only `stop_with_true` makes it. Its args are a tuple.
    unsafe {
        let fields = exception.as_ptr().cast::<py::PyStopIterationObject>();
        let args = Object::from_ref(&(*fields).args);
        py::Py_REFCNT(exception.as_ptr()) == 1
            && (*fields).traceback.is_null()
            && (*fields).context.is_null()
            && (*fields).cause.is_null()
            && (*fields).dict.is_null()
            && (*fields).notes.is_null()
            && (*fields).value == value.as_ptr()
            && args.tuple_items().is_some_and(|items| matches!(items, [only] if only.is(value)))
    }
}

/// `StopIteration(value)`.
pub fn stop_iteration(value: Object) -> Raised {
    // The interpreter would take a tuple for the arguments of the class, and an exception for the exception itself. So
    // these are packed.
    if !value.is_tuple() && !value.is_exception() {
        return raise_object(Builtin::StopIteration.as_ptr(), &value);
    }
    match Builtin::StopIteration.class().call(&[&value]) {
        Ok(exception) => exception.raise(),
        Err(raised) => raised,
    }
}

/// The exception that the arguments of `throw()` stand for.
pub fn thrown_exception(args: &Args<'_>) -> Result {
    let ([class], [value, traceback], _) = args.bind::<1, 2>(&THROW)?;
    if version::THROW_WITH_THREE_ARGUMENTS_WARNS && value.is_some() {
        warn_deprecated()?;
    }
    let value = value.filter(|value| !value.is_none());
    let exception = {
        if class.is_exception_class() {
            match value {
                Some(value) if value.isinstance(class)? => value.clone(),
                Some(value) => class.call(&[value])?,
                None => class.call0()?,
            }
        } else if class.is_exception() {
            if value.is_some() {
                return Err(type_error("instance exception may not have a separate value"));
            }
            class.clone()
        } else {
            let name = class.type_name();
            let message =
                format!("exceptions must be classes or instances deriving from BaseException, not {name}");
            return Err(type_error(&message));
        }
    };
    if let Some(traceback) = traceback.filter(|traceback| !traceback.is_none()) {
        if !traceback.is_traceback() {
            return Err(type_error("throw() third argument must be a traceback"));
        }
        exception.set_traceback(traceback)?;
    }
    Ok(exception)
}

fn warn_deprecated() -> Result<()> {
    warn(
        Builtin::Deprecation,
        c"the (type, exc, tb) signature of throw() is deprecated, use the single-arg signature instead.",
    )
}

static THROW: Signature =
    Signature { name: "throw", parameters: &["type", "val", "tb"], positional: 3, required: 1, variadic: false };
