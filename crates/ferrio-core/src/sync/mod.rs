//! Lock, Event, Condition, Semaphore, Barrier: the hot part of asyncio's primitives.
//!
//! The Python classes (`python/ferrio/locks.py`) derive from these and from asyncio's of the same name. The state and
//! the hot methods are here. The rest is asyncio's code, which finds the state under its usual names. If a derived
//! class overrides a method that another method uses, that other method is asyncio's.

mod barrier;
mod condition;
mod condition_wait;
mod event;
mod lock;
pub mod owners;
mod semaphore;

use barrier::Barrier;
use condition::Condition;
pub use event::Event;
use lock::Lock;
use semaphore::Semaphore;

use crate::ffi::class::{Method, make_type};
use crate::ffi::error::{Builtin, raise_text};
use crate::ffi::module::Module;
use crate::ffi::text::concat;
use crate::ffi::{Object, Result, Slot, deque};
use crate::futures::waiter;

/// The loop that a primitive belongs to: the one on which a task first waited for it.
#[derive(Default)]
pub struct BoundLoop(pub Slot);

impl BoundLoop {
    /// The running loop; `RuntimeError` if the primitive belongs to another.
    pub fn get(&self, owner: &Object) -> Result {
        let running = crate::loop_::running_or_none()?;
        if self.0.is_empty() {
            self.0.put(running.clone());
        } else if !self.0.is(&running) {
            let message = concat(&[&owner.repr()?, &" is bound to a different event loop"]);
            return Err(raise_text(Builtin::Runtime, message));
        }
        Ok(running)
    }
}

/// The futures of waiting tasks, in a `deque` that is created with the first one.
#[derive(Default)]
pub struct Waiters(pub Slot);

impl Waiters {
    /// Adds a new future.
    pub fn add(&self, loop_: &Object) -> Result {
        let future = waiter::create(loop_)?;
        self.append(&future)?;
        Ok(future)
    }

    /// Adds a future.
    pub fn append(&self, future: &Object) -> Result<()> {
        if self.0.get().is_none_or(|waiters| waiters.is_none()) {
            self.0.put(deque::new()?);
        }
        deque::append(&self.0.get_or_none(), future)
    }

    /// The futures, if there are any.
    pub fn any(&self) -> Result<Option<Object>> {
        match self.0.get() {
            Some(waiters) if !waiters.is_none() && !deque::is_empty(&waiters)? => Ok(Some(waiters)),
            _ => Ok(None),
        }
    }

    /// Removes a future.
    pub fn remove(&self, future: &Object) -> Result<()> {
        deque::remove(&self.0.get_or_none(), future).map(drop)
    }
}

/// The functions of the module.
pub fn functions() -> Vec<Method> {
    vec![owners::note_owners()]
}

/// Adds the classes.
pub fn register(module: &Module) -> Result<()> {
    barrier::remember_original()?;
    module.add(c"Lock", &make_type::<Lock>()?)?;
    module.add(c"Event", &make_type::<Event>()?)?;
    module.add(c"Condition", &make_type::<Condition>()?)?;
    module.add(c"Barrier", &make_type::<Barrier>()?)?;
    module.add(c"Semaphore", &make_type::<Semaphore>()?)
}
