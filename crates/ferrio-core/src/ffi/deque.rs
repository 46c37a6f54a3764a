//! `collections.deque`, as asyncio keeps waiters and items in it: Python code may look at it at any time.

use super::error::Builtin;
use super::sys as py;
use super::{Import, Name, Object, Raised, Result};

static DEQUE: Import = Import::new(c"collections", c"deque");
static APPEND: Name = Name::new(c"append");
static POPLEFT: Name = Name::new(c"popleft");
static REMOVE: Name = Name::new(c"remove");

/// Makes an empty one.
pub fn new() -> Result {
    DEQUE.get()?.call0()
}

/// Appends an item on the right.
pub fn append(deque: &Object, item: &Object) -> Result<()> {
    deque.method1(&APPEND, item).map(drop)
}

/// Takes the leftmost item out, if there is one.
pub fn pop_left(deque: &Object) -> Result<Option<Object>> {
    if is_empty(deque)? { Ok(None) } else { deque.method0(&POPLEFT).map(Some) }
}

/// Takes an item out, wherever it is; whether it was there.
pub fn remove(deque: &Object, item: &Object) -> Result<bool> {
    match deque.method1(&REMOVE, item) {
        Ok(_) => Ok(true),
        Err(raised) => {
            if raised.is(Builtin::Value) {
                raised.discard();
                Ok(false)
            } else {
                Err(raised)
            }
        }
    }
}

/// How many items there are, in anything that has a length.
#[inline]
pub fn len(items: &Object) -> Result<usize> {
    // SAFETY: a live object; a negative answer says that an error is set.
    unsafe { usize::try_from(py::PyObject_Size(items.as_ptr())).map_err(|_| Raised::assume()) }
}

/// Whether there is no item, in anything that has a length.
#[inline]
pub fn is_empty(items: &Object) -> Result<bool> {
    Ok(len(items)? == 0)
}

/// The item at a place.
pub fn item(deque: &Object, index: usize) -> Result {
    deque.item(index as isize)
}

/// The first item that is `wanted`. What asks may change the deque: its length is read anew each time.
pub fn find(deque: &Object, wanted: impl Fn(&Object) -> Result<bool>) -> Result<Option<Object>> {
    let mut index = 0;
    while index < len(deque)? {
        let item = item(deque, index)?;
        if wanted(&item)? {
            return Ok(Some(item));
        }
        index += 1;
    }
    Ok(None)
}
