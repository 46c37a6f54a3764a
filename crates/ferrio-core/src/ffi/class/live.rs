//! The count of live instances of each class, so that a test can check that it left none. Only debug builds have this
//! file.

use super::{Method, TypeCell, module_function};
use crate::ffi::{Object, Result};
use std::ffi::CStr;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

/// Every class that was made: its qualified name, and its cell with the count.
static CLASSES: Mutex<Vec<(&'static CStr, &'static TypeCell)>> = Mutex::new(Vec::new());

impl TypeCell {
    /// Adds the class to those whose instances [`definition`] returns.
    pub(super) fn count_as(&'static self, name: &'static CStr) {
        CLASSES.lock().unwrap_or_else(PoisonError::into_inner).push((name, self));
    }

    /// A body of the class was written.
    pub(super) fn add_live(&self) {
        self.live.fetch_add(1, Ordering::Relaxed);
    }

    /// A body of the class was dropped.
    pub(super) fn remove_live(&self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `_core._live_instances()`: pairs of the name of a class and the number of its live instances. An instance of a
/// Python class counts for the class of Ferrio that it derives from. An instance of a class of Ferrio does not count
/// for its base.
pub fn definition() -> Method {
    module_function(
        c"_live_instances",
        |_| {
            // The lock is released before anything could run Python code.
            let counts: Vec<_> = CLASSES
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .map(|(name, cell)| (name.to_string_lossy(), cell.live.load(Ordering::Relaxed)))
                .collect();
            let pairs: Result<Vec<_>> = counts
                .iter()
                .map(|(name, live)| Object::tuple([Object::str(name)?, Object::int(*live)?]))
                .collect();
            Object::list(pairs?)
        },
        c"_live_instances()\n--\n\nReturn each class's name and how many of its instances live.",
    )
}
