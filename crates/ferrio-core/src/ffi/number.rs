//! Number: a number of the program, with which Ferrio computes.
//!
//! asyncio computes in Python, so it takes a float, a `Fraction` or an int of any size. Ferrio's fast paths take ints
//! of 64 bits. Any other number stays the program's object, and Python computes with it.

use super::{Object, Result, Slot, Visitor};
use std::cell::Cell;

/// An int of 64 bits, or any other object.
#[derive(Default)]
pub struct Number {
    small: Cell<i64>,
    /// If there is an object, it replaces `small`.
    other: Slot,
}

impl Number {
    /// A number with the value of `object`.
    pub fn new(object: &Object) -> Number {
        let number = Number::default();
        number.put(object);
        number
    }

    /// The value, if it is an int of 64 bits.
    #[inline]
    pub fn small(&self) -> Option<i64> {
        self.other.is_empty().then(|| self.small.get())
    }

    /// The value as a Python object.
    pub fn get(&self) -> Result {
        match self.other.get() {
            Some(other) => Ok(other),
            None => Object::int(self.small.get()),
        }
    }

    /// The greatest size that is not above it; 0 if it is negative. If Python cannot compare it, there is no limit.
    #[inline]
    pub fn as_size(&self) -> usize {
        match self.small() {
            Some(value) => usize::try_from(value).unwrap_or(0),
            None => self.other_as_size(),
        }
    }

    #[cold]
    fn other_as_size(&self) -> usize {
        match self.get().and_then(|value| value.to_f64()) {
            Ok(value) => value as usize,
            Err(raised) => {
                raised.discard();
                usize::MAX
            }
        }
    }

    /// Changes the value to an int.
    #[inline]
    pub fn set(&self, value: i64) {
        self.small.set(value);
        if !self.other.is_empty() {
            self.other.clear();
        }
    }

    /// Changes the value to `object`, which may be any object.
    pub fn put(&self, object: &Object) {
        match object.small_int() {
            Some(value) => self.set(value),
            None => self.other.put(object.clone()),
        }
    }

    /// `self += by`.
    #[inline]
    pub fn add(&self, by: i64) -> Result<()> {
        match self.small().and_then(|value| value.checked_add(by)) {
            Some(sum) => self.small.set(sum),
            None => self.put(&self.get()?.plus(&Object::int(by)?)?),
        }
        Ok(())
    }

    /// `self == value`.
    #[inline]
    pub fn is(&self, value: i64) -> Result<bool> {
        match self.small() {
            Some(small) => Ok(small == value),
            None => self.get()?.equals(&Object::int(value)?),
        }
    }

    /// `self > value`.
    #[inline]
    pub fn is_above(&self, value: i64) -> Result<bool> {
        match self.small() {
            Some(small) => Ok(small > value),
            None => Object::int(value)?.is_less(&self.get()?),
        }
    }

    /// `self <= value`.
    #[inline]
    pub fn is_at_most(&self, value: i64) -> Result<bool> {
        match self.small() {
            Some(small) => Ok(small <= value),
            None => self.get()?.is_at_most(&Object::int(value)?),
        }
    }

    /// `self < value`.
    #[inline]
    pub fn is_below(&self, value: i64) -> Result<bool> {
        match self.small() {
            Some(small) => Ok(small < value),
            None => self.get()?.is_less(&Object::int(value)?),
        }
    }

    /// Shows its object to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.other);
    }

    /// Drops its object.
    pub fn clear(&self) {
        self.other.clear();
    }
}
