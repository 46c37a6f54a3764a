//! WithGil: values for the thread that has the GIL.

/// A value that only the thread with the GIL uses: in a static, or on its way from one thread to another.
///
/// The invariant of the crate is that the thread has the GIL. Code that runs without it ([`detach`](super::detach))
/// must not call [`WithGil::get`] or [`WithGil::into_inner`].
#[derive(Default)]
pub struct WithGil<T>(T);

// SAFETY: the GIL passes from thread to thread with the guarantees of a lock, and only the thread that has it uses the
// value. An interpreter that runs without the GIL cannot import the module.
unsafe impl<T> Sync for WithGil<T> {}
// SAFETY: as above.
unsafe impl<T> Send for WithGil<T> {}

impl<T> WithGil<T> {
    /// Wraps a value.
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
