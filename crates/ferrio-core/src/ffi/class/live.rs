//! How many instances of each class live. Debug builds count them, so that a test can see that it left none behind; in a
//! release build this file is not there.

use super::{Method, TypeCell, module_function};
use crate::ffi::{Object, Result};
use std::ffi::CStr;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

/// Every class that was made: its qualified name and its cell, which has the count.
static CLASSES: Mutex<Vec<(&'static CStr, &'static TypeCell)>> = Mutex::new(Vec::new());

impl TypeCell {
    /// Adds the class to those whose instances [`definition`] tells about.
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

/// `_core._live_instances()`: pairs of a class's name and how many of its instances live. One of a class that Python
/// code derived counts as one of Ferrio's class, one of a class that Ferrio derived only as one of that.
pub fn definition() -> Method {
    module_function(
        c"_live_instances",
        |_| {
            // The lock is given back before anything is called that could run Python code.
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
