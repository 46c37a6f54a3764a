//! The fields that asyncio's futures have at the same place, in C: the interpreter's tools read them, and Ferrio writes
//! who awaits a future of asyncio's into it.

use super::FutureState;
use crate::ffi::{Object, Result, Slot, Visitor, set};
use std::cell::Cell;

/// Who awaits a future, and what has become of it.
#[derive(Default)]
#[repr(C)]
pub struct Common {
    /// The tasks that await it: nothing, a task, or a set.
    pub(super) awaiters: Slot,
    pub(super) state: Cell<FutureState>,
    /// Its hash, if its loop is simulated and somebody has asked; else 0. In asyncio the state takes these bytes as well.
    hash: Cell<i16>,
    is_task: bool,
    /// Whether `awaiters` is a set.
    pub(super) is_set: Cell<bool>,
    /// Whether an exception was set that nobody has asked for. From here on the fields are Ferrio's own: asyncio has
    /// other things there.
    pub(super) log_traceback: Flag,
    /// Set by `__await__` and cleared by the task that waits: tells `await` from a plain `yield`.
    pub(crate) blocking: Flag,
}

/// The fields that follow in a task stand where asyncio has them only if these take no more.
const _: () = assert!(size_of::<Common>() == size_of::<usize>() + 8);

/// A bool, in a byte that may have any value.
#[derive(Default)]
#[repr(transparent)]
pub struct Flag(Cell<u8>);

impl Flag {
    #[inline]
    pub fn get(&self) -> bool {
        self.0.get() != 0
    }

    #[inline]
    pub fn set(&self, value: bool) {
        self.0.set(u8::from(value));
    }

    #[inline]
    pub fn replace(&self, value: bool) -> bool {
        self.0.replace(u8::from(value)) != 0
    }
}

/// Where the fields are that the interpreter's tools read, in bytes from the beginning.
pub const AWAITERS: usize = std::mem::offset_of!(Common, awaiters);
pub const IS_TASK: usize = std::mem::offset_of!(Common, is_task);
pub const IS_SET: usize = std::mem::offset_of!(Common, is_set);

impl Common {
    /// The fields of a new task.
    #[inline]
    pub(super) fn of_task() -> Common {
        Common { is_task: true, ..Common::default() }
    }

    /// Writes down that a task waits for it.
    #[inline]
    pub(super) fn add_awaiter(&self, task: &Object) -> Result<()> {
        if self.awaiters.is_empty() {
            self.awaiters.put(task.clone());
            return Ok(());
        }
        self.add_one_more(task)
    }

    #[cold]
    fn add_one_more(&self, task: &Object) -> Result<()> {
        if self.awaiters.is(task) {
            return Ok(());
        }
        let awaiters = self.awaiters.get_or_none();
        if self.is_set.get() {
            return set::add(&awaiters, task);
        }
        let both = set::new()?;
        set::add(&both, task)?;
        set::add(&both, &awaiters)?;
        let one = self.awaiters.replace(Some(both));
        self.is_set.set(true);
        drop(one);
        Ok(())
    }

    /// Writes down that a task waits no more, if it did.
    pub(super) fn discard_awaiter(&self, task: &Object) -> Result<()> {
        if self.is_set.get() {
            return set::discard(&self.awaiters.get_or_none(), task);
        }
        if self.awaiters.is(task) {
            self.awaiters.clear();
        }
        Ok(())
    }

    /// Those who wait, who need not be tasks.
    pub(super) fn awaiters(&self) -> Result<Vec<Object>> {
        match self.awaiters.get() {
            Some(awaiters) if self.is_set.get() => set::items(&awaiters),
            one => Ok(one.into_iter().collect()),
        }
    }

    /// Its hash, which is that of `new_hash` when it is asked for the first time.
    #[inline]
    pub(super) fn hash(&self, new_hash: impl FnOnce() -> Option<i16>) -> Option<i16> {
        if self.hash.get() == 0 {
            self.hash.set(new_hash()?);
        }
        Some(self.hash.get())
    }

    /// Nobody waits any more.
    #[inline]
    pub(super) fn clear(&self) {
        if !self.awaiters.is_empty() {
            let awaiters = self.awaiters.take();
            self.is_set.set(false);
            drop(awaiters);
        }
    }

    /// Shows them to the garbage collector.
    pub(super) fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.awaiters);
    }
}
