//! Tuples, lists and other sequences.

use super::{Object, Raised, Result, sys as py};

impl Object {
    /// A `tuple` of the given objects.
    pub fn tuple<const N: usize>(items: [Object; N]) -> Result<Object> {
        // SAFETY: each item of a new tuple may be set once; the tuple takes over the references.
        unsafe {
            let tuple = Object::owned(py::PyTuple_New(N as py::Py_ssize_t))?;
            for (index, item) in items.into_iter().enumerate() {
                py::PyTuple_SET_ITEM(tuple.as_ptr(), index as py::Py_ssize_t, item.into_ptr());
            }
            Ok(tuple)
        }
    }

    /// A `list` of the given objects.
    pub fn list(items: impl IntoIterator<Item = Object>) -> Result<Object> {
        // SAFETY: the list is new; appending takes a new reference.
        unsafe {
            let list = Object::owned(py::PyList_New(0))?;
            for item in items {
                Raised::check(py::PyList_Append(list.as_ptr(), item.as_ptr()))?;
            }
            Ok(list)
        }
    }

    /// `tuple(self)`.
    pub fn to_tuple(&self) -> Result {
        // SAFETY: a live object; a new tuple or an error.
        unsafe { Object::owned(py::PySequence_Tuple(self.as_ptr())) }
    }

    /// A `tuple` of clones.
    pub fn tuple_of(items: &[Object]) -> Result {
        // SAFETY: the tuple is new, and each place is set once, with a new reference.
        unsafe {
            let tuple = Object::owned(py::PyTuple_New(items.len() as py::Py_ssize_t))?;
            for (index, item) in items.iter().enumerate() {
                py::PyTuple_SET_ITEM(tuple.as_ptr(), index as py::Py_ssize_t, item.clone().into_ptr());
            }
            Ok(tuple)
        }
    }

    /// The items of a tuple; None for other objects, also for those of a derived class.
    #[inline]
    pub fn tuple_items(&self) -> Option<&[Object]> {
        // SAFETY: a live object that is a tuple. It keeps its items while it is borrowed.
        unsafe { (py::PyTuple_CheckExact(self.as_ptr()) != 0).then(|| super::args::items(self.as_ptr())) }
    }

    /// `list(self)`.
    pub fn to_list(&self) -> Result {
        // SAFETY: a live object; a new reference or null with an error.
        unsafe { Object::owned(py::PySequence_List(self.as_ptr())) }
    }

    /// `self[index]` of a sequence.
    pub fn item(&self, index: isize) -> Result {
        // SAFETY: a live object; a new reference or null with an error.
        unsafe { Object::owned(py::PySequence_GetItem(self.as_ptr(), index)) }
    }

    /// `self[index] = item` of a sequence.
    pub fn set_index(&self, index: isize, item: &Object) -> Result<()> {
        // SAFETY: live objects.
        unsafe { Raised::check(py::PySequence_SetItem(self.as_ptr(), index, item.as_ptr())) }
    }

    /// `del self[start:end]` of a sequence.
    pub fn delete_slice(&self, start: usize, end: usize) -> Result<()> {
        // SAFETY: a live object.
        unsafe { Raised::check(py::PySequence_DelSlice(self.as_ptr(), start as isize, end as isize)) }
    }

    /// The items of a list; none for other objects.
    pub fn list_items(&self) -> Vec<Object> {
        // SAFETY: a live object.
        if unsafe { py::PyList_Check(self.as_ptr()) } == 0 {
            return Vec::new();
        }
        // SAFETY: a list, from which the items are borrowed. Counting a reference runs nothing that could change the
        // list.
        unsafe {
            (0..py::PyList_GET_SIZE(self.as_ptr()))
                .map(|index| Object::borrowed(py::PyList_GET_ITEM(self.as_ptr(), index)))
                .collect()
        }
    }
}
