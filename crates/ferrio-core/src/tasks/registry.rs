//! Every task that is not done, in a list through the tasks themselves.
//!
//! asyncio keeps its tasks in a `WeakSet`, which costs a microsecond for each; this list costs two
//! pointers. It does not own its members: a task leaves it when it is done or freed. Any thread that
//! holds the GIL may use it.

use super::Task;
use crate::ffi::{Object, Own, Result};
use pyo3_ffi as py;
use std::cell::{Cell, UnsafeCell};
use std::ptr;

/// A task's place in the list.
pub struct Links {
    previous: Cell<*const Task>,
    next: Cell<*const Task>,
    /// The object around the task; null while it is not in the list.
    object: Cell<*mut py::PyObject>,
}

impl Default for Links {
    fn default() -> Self {
        Links {
            previous: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            object: Cell::new(ptr::null_mut()),
        }
    }
}

struct Head(UnsafeCell<*const Task>);

// SAFETY: used only with the GIL held.
unsafe impl Sync for Head {}

/// The youngest task.
static HEAD: Head = Head(UnsafeCell::new(ptr::null()));

fn head() -> &'static Cell<*const Task> {
    // SAFETY: the GIL is held, so there is one user at a time; a Cell has the layout of its contents.
    unsafe { &*HEAD.0.get().cast::<Cell<*const Task>>() }
}

/// Adds a task, unless it is in the list.
pub fn add(task: &Own<Task>) {
    let links = &task.links;
    if !links.object.get().is_null() {
        return;
    }
    links.object.set(task.as_ptr());
    links.previous.set(ptr::null());
    let next = head().replace(&raw const **task);
    links.next.set(next);
    if !next.is_null() {
        // SAFETY: members of the list are alive: they leave it before they are freed.
        unsafe { (*next).links.previous.set(&raw const **task) };
    }
}

/// Takes a task out, if it is in the list.
pub fn remove(task: &Task) {
    let links = &task.links;
    if links.object.replace(ptr::null_mut()).is_null() {
        return;
    }
    let (previous, next) = (links.previous.get(), links.next.get());
    // SAFETY: members of the list are alive: they leave it before they are freed.
    unsafe {
        match previous.as_ref() {
            Some(previous) => previous.links.next.set(next),
            None => head().set(next),
        }
        if let Some(next) = next.as_ref() {
            next.links.previous.set(previous);
        }
    }
}

/// A list of the tasks, oldest first.
pub fn all() -> Result {
    let mut tasks = Vec::new();
    let mut next = head().get();
    // SAFETY: members of the list are alive. One whose count is 0 is being freed at this moment and has
    // not come to its removal; it must not be brought back.
    while let Some(task) = unsafe { next.as_ref() } {
        let object = task.links.object.get();
        // SAFETY: as above.
        unsafe {
            if py::Py_REFCNT(object) > 0 {
                tasks.push(Object::borrowed(object));
            }
        }
        next = task.links.next.get();
    }
    tasks.reverse();
    Object::list(tasks)
}
