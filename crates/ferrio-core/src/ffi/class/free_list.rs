//! FreeList: the memory of freed instances, for the next ones.

use crate::ffi::Ptr;
use std::cell::UnsafeCell;

/// The memory of freed instances of one class, each with its garbage collector's header.
pub struct FreeList(UnsafeCell<Vec<Ptr>>);

// SAFETY: only making and freeing instances calls `take` and `keep`, and only the thread that has the GIL does that. An
// interpreter that runs without the GIL cannot import the module.
unsafe impl Sync for FreeList {}

/// The memory of how many instances a class keeps: enough for what a server with a thousand busy connections frees and
/// makes again in one iteration. A full list takes 280 KB for tasks, the largest, and less for the others.
const FREE_LIST_CAPACITY: usize = 1024;

impl FreeList {
    /// An empty list.
    pub const fn new() -> FreeList {
        FreeList(UnsafeCell::new(Vec::new()))
    }

    #[inline]
    pub(super) fn take(&self) -> Option<Ptr> {
        // SAFETY: the GIL is held, and nothing that is called meanwhile can use the list.
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

/// Declares a free list for a class.
macro_rules! free_list {
    () => {
        fn free_list() -> Option<&'static $crate::ffi::class::FreeList> {
            static LIST: $crate::ffi::class::FreeList = $crate::ffi::class::FreeList::new();
            Some(&LIST)
        }
    };
}
pub(crate) use free_list;
