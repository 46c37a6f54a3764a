//! Checks of objects whose class should be known.

use super::error::type_error;
use super::{Class, Object, Own, Result};

impl<T: Class> Own<T> {
    /// The object as an instance of T's class. `TypeError` if it is not one: the caller has passed a wrong object,
    /// which must not lead to a wrong memory access.
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
