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
use std::cell::{Cell, RefCell};
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

/// The task that acquires something now, if owners are noted.
#[inline]
fn acquirer() -> Option<Object> {
    if are_noted() { current() } else { None }
}

/// The task that runs now. An error must not disturb what a lock does, so it means that there is none.
#[cold]
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
        if let Some(task) = acquirer() {
            self.0.set(Some(task));
        }
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
pub struct Owners {
    tasks: RefCell<Vec<Object>>,
    /// How many units there are, if each was acquired by a task that was noted, and released by the same task. Otherwise
    /// 0: nobody knows who may release a unit.
    units: Cell<u32>,
}

impl Owners {
    /// The semaphore has so many units, and none is acquired.
    pub fn begin(&self, units: Option<u32>) {
        self.units.set(units.unwrap_or(0));
    }

    /// The running task is about to acquire a unit.
    #[inline]
    pub fn acquired(&self) {
        match acquirer() {
            Some(task) => self.tasks.borrow_mut().push(task),
            None => self.units.set(0),
        }
    }

    /// A unit was released: by the running task if it has one, or else for the task that has had one for longest.
    #[inline]
    pub fn released(&self) {
        if self.tasks.borrow().is_empty() {
            self.units.set(0);
        } else {
            self.forget();
        }
    }

    #[cold]
    fn forget(&self) {
        let task = current();
        let mut owners = self.tasks.borrow_mut();
        let place = owners.iter().position(|owner| task.as_ref().is_some_and(|task| owner.is(task)));
        if place.is_none() {
            self.units.set(0);
        }
        let owner = if owners.is_empty() { None } else { Some(owners.remove(place.unwrap_or(0))) };
        drop(owners);
        drop(owner);
    }

    /// Whether these are all tasks that may release a unit, unless a task does that for another one.
    pub fn are_all(&self) -> bool {
        self.units.get() > 0 && self.tasks.borrow().len() == self.units.get() as usize
    }

    /// A list of them.
    pub fn list(&self) -> Result {
        let owners = self.tasks.borrow().clone();
        Object::list(owners)
    }

    /// Shows them to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        if let Ok(owners) = self.tasks.try_borrow() {
            owners.iter().for_each(|owner| visitor.object(owner));
        }
    }

    /// Drops them.
    pub fn clear(&self) {
        drop(self.tasks.take());
    }
}
