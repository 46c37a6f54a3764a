//! `collections.deque`, in which asyncio has waiters and items. Python code may use it at any time.

use super::error::Builtin;
use super::sys as py;
use super::{Import, Name, Object, Raised, Result};

static DEQUE: Import = Import::new(c"collections", c"deque");
static APPEND: Name = Name::new(c"append");
static POPLEFT: Name = Name::new(c"popleft");
static REMOVE: Name = Name::new(c"remove");

/// Makes an empty deque.
pub fn new() -> Result {
    DEQUE.get()?.call0()
}

/// Appends an item on the right.
pub fn append(deque: &Object, item: &Object) -> Result<()> {
    deque.method1(&APPEND, item).map(drop)
}

/// Takes out the leftmost item, if there is one.
pub fn pop_left(deque: &Object) -> Result<Option<Object>> {
    if is_empty(deque)? { Ok(None) } else { deque.method0(&POPLEFT).map(Some) }
}

/// Removes an item. Returns whether it was there.
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

/// The length of any object that has one.
#[inline]
pub fn len(items: &Object) -> Result<usize> {
    // SAFETY: a live object; a negative answer means that an error is set.
    unsafe { usize::try_from(py::PyObject_Size(items.as_ptr())).map_err(|_| Raised::assume()) }
}

/// Whether the length of an object is 0.
#[inline]
pub fn is_empty(items: &Object) -> Result<bool> {
    Ok(len(items)? == 0)
}

/// The item with an index.
pub fn item(deque: &Object, index: usize) -> Result {
    deque.item(index as isize)
}

/// The first item that is `wanted`. The length is read each time, because `wanted` may change the deque.
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
