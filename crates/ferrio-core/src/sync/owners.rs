//! Owners: the tasks that have acquired a lock or a semaphore.
//!
//! They are noted in debug mode, or when the program asks for it (`ferrio.note_owners()`). Otherwise a lock only looks
//! at one flag.

use crate::ffi::class::{Method, module_function};
use crate::ffi::error::type_error;
use crate::ffi::{Args, Object, Result, Slot, Visitor};
use crate::futures::awaiters;
use crate::loop_::running_or_none;
use crate::stdlib;
use std::cell::RefCell;
use std::sync::atomic::{AtomicI64, Ordering};

/// How many want it: each loop in debug mode while it runs, and the program.
static WANTED_BY: AtomicI64 = AtomicI64::new(0);

/// Whether owners are noted.
#[inline]
pub fn are_noted() -> bool {
    WANTED_BY.load(Ordering::Relaxed) > 0
}

/// `_note_owners(change)`.
pub fn note_owners() -> Method {
    module_function(
        c"_note_owners",
        |args: &Args<'_>| {
            let [change] = args.positional() else { return Err(type_error("a number is expected")) };
            let change = change.to_i64()?;
            Object::int(WANTED_BY.fetch_add(change, Ordering::Relaxed) + change)
        },
        c"_note_owners(change, /)\n--\n\nHave primitives note who acquires them. Return how many want that.",
    )
}

/// A primitive is new: notes where it was made.
#[inline]
pub fn note_origin(primitive: &Object) -> Result<()> {
    if are_noted() { stdlib::NOTE_ORIGIN.get()?.call(&[primitive]).map(drop) } else { Ok(()) }
}

/// The task that runs now. An error must not disturb what a lock does, so it means that there is none.
fn current() -> Option<Object> {
    let found = running_or_none()
        .and_then(|running| if running.is_none() { Ok(None) } else { awaiters::current_task(&running) });
    found.unwrap_or_else(|raised| {
        raised.discard();
        None
    })
}

/// The owner of a lock.
#[derive(Default)]
pub struct Owner(pub Slot);

impl Owner {
    /// The running task is about to acquire it.
    #[inline]
    pub fn acquired(&self) {
        if are_noted() {
            self.note();
        }
    }

    #[cold]
    fn note(&self) {
        self.0.set(current());
    }

    /// It is free.
    #[inline]
    pub fn released(&self) {
        if !self.0.is_empty() {
            self.0.clear();
        }
    }
}

/// The owners of a semaphore, the oldest first.
#[derive(Default)]
pub struct Owners(RefCell<Vec<Object>>);

impl Owners {
    /// The running task is about to acquire a unit.
    #[inline]
    pub fn acquired(&self) {
        if are_noted() {
            self.note();
        }
    }

    #[cold]
    fn note(&self) {
        if let Some(task) = current() {
            self.0.borrow_mut().push(task);
        }
    }

    /// A unit was released: by the running task if it has one, or else for the task that has had one for longest.
    #[inline]
    pub fn released(&self) {
        if !self.0.borrow().is_empty() {
            self.forget();
        }
    }

    #[cold]
    fn forget(&self) {
        let task = current();
        let mut owners = self.0.borrow_mut();
        let place = owners.iter().position(|owner| task.as_ref().is_some_and(|task| owner.is(task)));
        let owner = if owners.is_empty() { None } else { Some(owners.remove(place.unwrap_or(0))) };
        drop(owners);
        drop(owner);
    }

    /// A list of them.
    pub fn list(&self) -> Result {
        let owners = self.0.borrow().clone();
        Object::list(owners)
    }

    /// Shows them to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        if let Ok(owners) = self.0.try_borrow() {
            owners.iter().for_each(|owner| visitor.object(owner));
        }
    }

    /// Drops them.
    pub fn clear(&self) {
        drop(self.0.take());
    }
}
