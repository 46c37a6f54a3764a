//! InlineBox: a value of any type that implements a trait, stored in place.

use std::marker::PhantomData;
use std::mem::{self, MaybeUninit};

/// The conversion of a reference to T into one to `dyn Trait`. It is implemented for `dyn Trait`. Both functions return
/// the value itself.
pub trait Erase<T> {
    fn erase(value: &T) -> &Self;
    fn erase_mut(value: &mut T) -> &mut Self;
}

/// The functions that know the type of the words.
struct Functions<U: ?Sized> {
    get: unsafe fn(*const MaybeUninit<usize>) -> *const U,
    get_mut: unsafe fn(*mut MaybeUninit<usize>) -> *mut U,
    drop: unsafe fn(*mut MaybeUninit<usize>),
}

/// A value of any type that implements the trait `U` and has at most `WORDS` words.
pub struct InlineBox<U: ?Sized + 'static, const WORDS: usize> {
    words: [MaybeUninit<usize>; WORDS],
    functions: &'static Functions<U>,
    /// The value may be bound to its thread.
    kind: PhantomData<Box<U>>,
}

impl<U: ?Sized + 'static, const WORDS: usize> InlineBox<U, WORDS> {
    /// Whether a value of type T fits.
    pub const fn has_room<T>() -> bool {
        WORDS > 0
            && mem::size_of::<T>() <= WORDS * mem::size_of::<usize>()
            && mem::align_of::<T>() <= mem::align_of::<usize>()
    }

    /// Moves a value in. Returns it if it does not fit.
    #[inline]
    pub fn new<T: 'static>(value: T) -> Result<Self, T>
    where
        U: Erase<T>,
    {
        if !Self::has_room::<T>() {
            return Err(value);
        }
        let mut words = [MaybeUninit::uninit(); WORDS];
        // SAFETY: size and alignment have been checked.
        unsafe { words.as_mut_ptr().cast::<T>().write(value) };
        let functions = const {
            &Functions {
                // SAFETY: for all three functions: the words have a T while they are borrowed.
                get: |words| unsafe { &raw const *U::erase(&*words.cast::<T>()) },
                // SAFETY: as above.
                get_mut: |words| unsafe { &raw mut *U::erase_mut(&mut *words.cast::<T>()) },
                // SAFETY: as above; the value is not used again.
                drop: |words| unsafe { words.cast::<T>().drop_in_place() },
            }
        };
        Ok(InlineBox { words, functions, kind: PhantomData })
    }

    /// The value.
    #[inline]
    pub fn get(&self) -> &U {
        // SAFETY: the words hold a value of the type that the functions were made for.
        unsafe { &*(self.functions.get)(self.words.as_ptr()) }
    }

    /// The value.
    #[inline]
    pub fn get_mut(&mut self) -> &mut U {
        // SAFETY: the words hold a value of the type that the functions were made for.
        unsafe { &mut *(self.functions.get_mut)(self.words.as_mut_ptr()) }
    }
}

impl<U: ?Sized + 'static, const WORDS: usize> Drop for InlineBox<U, WORDS> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the value is dropped once, here; the box is moved as a whole.
        unsafe { (self.functions.drop)(self.words.as_mut_ptr()) }
    }
}
