//! Values that belong to whoever has the GIL.

/// A value that only the thread with the GIL touches: in a static, or on its way from one thread to another.
///
/// The invariant of the crate is that whoever can touch Python's objects has the GIL; what runs without it
/// ([`detach`](super::detach)) must not call [`WithGil::get`] or [`WithGil::into_inner`].
#[derive(Default)]
pub struct WithGil<T>(T);

// SAFETY: the GIL passes from thread to thread with all the guarantees of a lock, and only who has it gets at the value.
// The module refuses to be imported where there is no GIL.
unsafe impl<T> Sync for WithGil<T> {}
// SAFETY: as above.
unsafe impl<T> Send for WithGil<T> {}

impl<T> WithGil<T> {
    /// Keeps a value.
    pub const fn new(value: T) -> WithGil<T> {
        WithGil(value)
    }

    /// The value.
    #[inline]
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The value.
    #[inline]
    pub fn into_inner(self) -> T {
        self.0
    }
}
