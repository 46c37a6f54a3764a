//! Callbacks: what a future calls when it is done.
//!
//! Nearly every future has one callback, the task that waits for it. The first callback has a place of its own; the
//! others are in a list.

use super::{DoneObserver, Future};
use crate::ffi::{Object, Own, Result, Visitor};
use crate::stdlib;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

/// One of a future's callbacks.
#[derive(Clone)]
pub enum Callback {
    /// An object of Ferrio's own, for example the task that waits.
    Observer(&'static DoneObserver, Object),
    /// A callable, and the context to call it in.
    Call(Object, Object),
}

impl Callback {
    /// Passes the callback to the future's loop.
    #[inline]
    pub fn schedule(self, future: &Own<Future>) -> Result<()> {
        match self {
            Callback::Observer(observer, owner) => observer.schedule(owner, future),
            Callback::Call(callable, context) => match future.native_loop() {
                Some(loop_) => loop_.call_soon_in(&callable, &[future.as_object().clone()], &context).map(drop),
                None => {
                    let loop_ = future.loop_.get_or_none();
                    let keywords = [(&stdlib::CONTEXT, &context)];
                    loop_
                        .method_keywords(&stdlib::CALL_SOON, &[&callable, future.as_object()], &keywords)
                        .map(drop)
                }
            },
        }
    }

    /// Whether both have the same objects.
    pub fn is_same(&self, other: &Callback) -> bool {
        match (self, other) {
            (Callback::Observer(observer, one), Callback::Observer(other_observer, other)) => {
                observer.is(other_observer) && one.is(other)
            }
            (Callback::Call(one, context), Callback::Call(other, other_context)) => {
                one.is(other) && context.is(other_context)
            }
            _ => false,
        }
    }

    /// The callable as Python code sees it.
    pub fn callable(&self) -> Result {
        match self {
            Callback::Observer(observer, owner) => observer.callable(owner),
            Callback::Call(callable, _) => Ok(callable.clone()),
        }
    }

    /// The context it is called in.
    pub fn context(&self) -> Object {
        match self {
            Callback::Observer(observer, owner) => observer.context(owner),
            Callback::Call(_, context) => context.clone(),
        }
    }
}

/// The callbacks of one future, in the order of their addition.
#[derive(Default)]
pub struct Callbacks {
    first: Cell<Option<Callback>>,
    /// The callbacks after the first one.
    others: RefCell<VecDeque<Callback>>,
}

impl Callbacks {
    /// Appends a callback.
    #[inline]
    pub fn push(&self, callback: Callback) {
        match self.first.take() {
            None => self.first.set(Some(callback)),
            first => {
                self.first.set(first);
                self.others.borrow_mut().push_back(callback);
            }
        }
    }

    /// Takes the oldest callback.
    #[inline]
    pub fn take_first(&self) -> Option<Callback> {
        let first = self.first.take()?;
        if !self.others.borrow().is_empty() {
            self.first.set(self.others.borrow_mut().pop_front());
        }
        Some(first)
    }

    /// Removes some callbacks. `is_meant` compares pointers; it must not run Python code.
    pub fn remove(&self, is_meant: impl Fn(&Callback) -> bool) {
        let all = self.take_all();
        let (removed, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(is_meant);
        kept.into_iter().for_each(|callback| self.push(callback));
        // This may free objects and run finalisers.
        drop(removed);
    }

    /// All of them, oldest first.
    pub fn all(&self) -> Vec<Callback> {
        let first = self.first.take();
        self.first.set(first.clone());
        first.into_iter().chain(self.others.borrow().iter().cloned()).collect()
    }

    /// Takes all of them, oldest first.
    pub fn take_all(&self) -> Vec<Callback> {
        let first = self.first.take();
        let others = std::mem::take(&mut *self.others.borrow_mut());
        first.into_iter().chain(others).collect()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        let first = self.first.take();
        let empty = first.is_none();
        self.first.set(first);
        empty
    }

    /// Shows them to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        let show = |callback: &Callback| match callback {
            Callback::Observer(_, owner) => visitor.object(owner),
            Callback::Call(callable, context) => {
                visitor.object(callable);
                visitor.object(context);
            }
        };
        let first = self.first.take();
        first.iter().for_each(show);
        self.first.set(first);
        if let Ok(others) = self.others.try_borrow() {
            others.iter().for_each(show);
        }
    }
}
