//! Lock, Event, Condition, Semaphore, Barrier: the hot part of asyncio's primitives.
//!
//! Python's classes (`python/ferrio/locks.py`) derive from these and from asyncio's own of the same name:
//! state and hot methods are here, the rest is asyncio's, which finds the state by its usual names. A
//! derived class that overrides one of the methods that another is made of gets asyncio's version of the
//! latter.

mod barrier;
mod condition;
mod condition_wait;
mod event;
mod lock;
mod semaphore;

use barrier::Barrier;
use condition::Condition;
pub use event::Event;
use lock::Lock;
use semaphore::Semaphore;

use crate::ffi::class::make_type;
use crate::ffi::error::{Builtin, raise_text};
use crate::ffi::module::Module;
use crate::ffi::text::concat;
use crate::ffi::{Object, Result, Slot, deque};
use crate::futures::waiter;

/// The loop that a primitive belongs to: the one that it was first waited for on.
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

/// Futures of those who wait, in a `deque` that is made when the first one comes.
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

    /// The futures, if there is any.
    pub fn any(&self) -> Result<Option<Object>> {
        match self.0.get() {
            Some(waiters) if !waiters.is_none() && !deque::is_empty(&waiters)? => Ok(Some(waiters)),
            _ => Ok(None),
        }
    }

    /// Takes a future out.
    pub fn remove(&self, future: &Object) -> Result<()> {
        deque::remove(&self.0.get_or_none(), future).map(drop)
    }
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
