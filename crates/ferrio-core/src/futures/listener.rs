//! Ferrio's own objects that want to know when a future is done.
//!
//! Each kind has an object, its owner, and is known to the future as a callback: nothing is allocated for
//! one more. Python code sees a callable in its place.

use super::shield;
use super::waiting::Waiting;
use super::{Callback, Future, Gathering, own_future};
use crate::ffi::{Name, Object, Own, Result};
use crate::futures::completions::Completions;
use crate::stdlib;
use crate::taskgroups::TaskGroup;
use crate::threads;

static REMOVE_DONE_CALLBACK: Name = Name::new(c"remove_done_callback");
static DONE_CALLBACK: Name = Name::new(c"_done_callback");
static ON_COMPLETION: Name = Name::new(c"_on_completion");
static HANDLE_COMPLETION: Name = Name::new(c"_handle_completion");
static ON_TASK_DONE: Name = Name::new(c"_on_task_done");

/// The kinds, with their owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Listener {
    /// `gather()`: a [`Gathering`].
    Gather,
    /// `wait()`: a [`Waiting`].
    Wait,
    /// `shield()`, of the inner future: the outer one.
    Shield,
    /// `shield()`, of the outer future: the inner one.
    Shielded,
    /// `as_completed()`: a [`Completions`].
    AsCompleted,
    /// A [`TaskGroup`].
    TaskGroup,
    /// `wrap_future()`: the concurrent future.
    Concurrent,
}

impl Listener {
    /// Has a future of any make tell `owner` when it is done.
    #[inline]
    pub fn listen(self, future: &Object, owner: &Object) -> Result<()> {
        if let Some(own) = own_future(future)
            && own.native_loop().is_some()
        {
            return own.add_callback(Callback::Listener(self, owner.clone()));
        }
        future.method1(&stdlib::ADD_DONE_CALLBACK, &self.callable(owner)?).map(drop)
    }

    /// Has a future not tell `owner` any more.
    #[inline]
    pub fn stop_listening(self, future: &Object, owner: &Object) -> Result<()> {
        if let Some(own) = own_future(future)
            && own.native_loop().is_some()
        {
            own.remove_listener(self, owner);
            return Ok(());
        }
        future.method1(&REMOVE_DONE_CALLBACK, &self.callable(owner)?).map(drop)
    }

    /// Tells the owner that a future is done.
    #[inline]
    pub fn tell(self, owner: &Object, future: &Object) -> Result<()> {
        match self {
            Listener::Gather => Own::<Gathering>::expect(owner)?.child_done(future),
            Listener::Wait => Own::<Waiting>::expect(owner)?.future_done(future),
            Listener::Shield => shield::inner_done(owner, future),
            Listener::Shielded => shield::outer_done(owner, future),
            Listener::AsCompleted => Own::<Completions>::expect(owner)?.future_done(future),
            Listener::TaskGroup => Own::<TaskGroup>::expect(owner)?.task_done(future),
            Listener::Concurrent => threads::future_done(owner, future),
        }
    }

    /// What Python code sees in its place. Two of one kind and owner are equal.
    pub fn callable(self, owner: &Object) -> Result {
        match self {
            Listener::Gather => owner.getattr(&DONE_CALLBACK),
            Listener::Wait => owner.getattr(&ON_COMPLETION),
            Listener::Shield => shield::inner_callable(owner),
            Listener::Shielded => shield::outer_callable(owner),
            Listener::AsCompleted => owner.getattr(&HANDLE_COMPLETION),
            Listener::TaskGroup => owner.getattr(&ON_TASK_DONE),
            Listener::Concurrent => threads::callable(owner),
        }
    }

    /// The tasks that wait for the future by way of the owner, for call graphs.
    pub fn awaiters(self, owner: &Object) -> Result<Vec<Object>> {
        let one = match self {
            Listener::Gather => Own::<Gathering>::expect(owner)?.caller(),
            Listener::Wait => Own::<Waiting>::expect(owner)?.caller(),
            Listener::Shield => return own_future(owner).map_or(Ok(Vec::new()), Own::<Future>::waiting_tasks),
            Listener::Shielded | Listener::Concurrent => None,
            Listener::AsCompleted => Own::<Completions>::expect(owner)?.caller(),
            Listener::TaskGroup => Own::<TaskGroup>::expect(owner)?.parent(),
        };
        Ok(one.into_iter().collect())
    }
}
