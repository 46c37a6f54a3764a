//! Room for an operation inside of its coroutine: most are a few words long, and need no allocation.

use super::{Operation, Outcome, Poll};
use crate::ffi::{Result, Visitor};
use std::mem::{self, MaybeUninit};

/// How many words an operation may be long; longer ones are boxed. A stream's `read()` has as many.
const WORDS: usize = 6;

/// An operation of any type.
pub struct Stored {
    words: [MaybeUninit<usize>; WORDS],
    /// Gives the words their type back.
    typed: unsafe fn(*mut MaybeUninit<usize>) -> *mut dyn Operation,
}

unsafe fn typed<T: Operation>(words: *mut MaybeUninit<usize>) -> *mut dyn Operation {
    words.cast::<T>()
}

impl Stored {
    /// Moves an operation in.
    #[inline]
    pub fn new<T: Operation>(operation: T) -> Stored {
        if mem::size_of::<T>() > WORDS * mem::size_of::<usize>() || mem::align_of::<T>() > mem::align_of::<usize>()
        {
            return Stored::new(Boxed(Box::new(operation)));
        }
        let mut words = [MaybeUninit::uninit(); WORDS];
        // SAFETY: size and alignment have been checked.
        unsafe { words.as_mut_ptr().cast::<T>().write(operation) };
        Stored { words, typed: typed::<T> }
    }

    /// The operation.
    #[inline]
    pub fn get(&self) -> &dyn Operation {
        // SAFETY: the words hold an operation of the type that `typed` was made for. Shared access only.
        unsafe { &*(self.typed)(self.words.as_ptr().cast_mut()) }
    }

    /// The operation.
    #[inline]
    pub fn get_mut(&mut self) -> &mut dyn Operation {
        // SAFETY: the words hold an operation of the type that `typed` was made for.
        unsafe { &mut *(self.typed)(self.words.as_mut_ptr()) }
    }
}

impl Drop for Stored {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the operation is dropped once, here; `Stored` is moved as a whole.
        unsafe { std::ptr::drop_in_place((self.typed)(self.words.as_mut_ptr())) }
    }
}

/// One that is too long.
struct Boxed(Box<dyn Operation>);

impl Operation for Boxed {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        self.0.resume(outcome)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.0.traverse(visitor);
    }
}
