//! Objects that are known to be of a class, checked all the same.

use super::error::type_error;
use super::{Class, Object, Own, Result};

impl<T: Class> Own<T> {
    /// The object as the instance that it is. `TypeError` if it is none: whoever has paired it with a function of T
    /// was wrong, which must not become a read of foreign memory.
    #[inline]
    pub fn expect(object: &Object) -> Result<&Own<T>> {
        Own::downcast(object).ok_or_else(|| unexpected::<T>(object))
    }
}

#[cold]
fn unexpected<T: Class>(object: &Object) -> super::Raised {
    let wanted = T::NAME.to_string_lossy();
    type_error(&format!("a {wanted} is expected, got {}", object.type_name()))
}
