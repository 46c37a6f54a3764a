//! Memory of freed instances, used again for the next ones.

use crate::ffi::Ptr;
use std::cell::UnsafeCell;

/// Memory of freed instances of one class, each still with its garbage collector's header.
pub struct FreeList(UnsafeCell<Vec<Ptr>>);

// SAFETY: `take` and `keep` are called by what makes and frees instances, and only the thread that has the GIL does
// that. The module refuses to be imported where there is no GIL.
unsafe impl Sync for FreeList {}

/// How many instances' memory a class keeps.
const FREE_LIST_CAPACITY: usize = 1024;

impl FreeList {
    /// An empty one.
    pub const fn new() -> FreeList {
        FreeList(UnsafeCell::new(Vec::new()))
    }

    #[inline]
    pub(super) fn take(&self) -> Option<Ptr> {
        // SAFETY: the GIL is held, and nothing is called meanwhile that could come here again.
        unsafe { (*self.0.get()).pop() }
    }

    #[inline]
    pub(super) fn keep(&self, memory: Ptr) -> bool {
        // SAFETY: as above.
        let list = unsafe { &mut *self.0.get() };
        let has_room = list.len() < FREE_LIST_CAPACITY;
        if has_room {
            list.push(memory);
        }
        has_room
    }
}

/// Declares that a class keeps the memory of freed instances.
macro_rules! free_list {
    () => {
        fn free_list() -> Option<&'static $crate::ffi::class::FreeList> {
            static LIST: $crate::ffi::class::FreeList = $crate::ffi::class::FreeList::new();
            Some(&LIST)
        }
    };
}
pub(crate) use free_list;
