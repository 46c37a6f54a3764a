//! Files: the objects that the program has passed to `add_reader()` and `add_writer()`.
//!
//! The loop keeps such an object alive, because its end would close the descriptor. It also finds the descriptor of an
//! object that the program has closed too early.

use super::descriptor_of;
use super::readiness::{Fd, table_error};
use super::runnable::Runnable;
use crate::ffi::{Object, Result, Visitor};
use ferrio_reactor::fd_table::FdTable;
use ferrio_reactor::registrations::Registrations;
use std::cell::RefCell;

/// The objects, by descriptor.
#[derive(Default)]
pub struct Files(RefCell<FdTable<Option<Object>>>);

impl Files {
    /// Keeps the object of a watched descriptor. A plain number does not replace an earlier object, unless that object
    /// has another number now.
    pub fn keep(&self, fd: Fd, file: &Object) -> Result<()> {
        let known = self.0.borrow().get(fd).cloned().flatten();
        let is_known = known.is_some_and(|known| known.is(file) || descriptor_of_or_none(&known) == Some(fd));
        if is_known {
            return Ok(());
        }
        let kept = (!file.is_int()).then(|| file.clone());
        let mut files = self.0.borrow_mut();
        let before = match kept {
            Some(file) => files.get_or_insert(fd).map_err(table_error)?.replace(file),
            None => files.get_mut(fd).and_then(Option::take),
        };
        drop(files);
        drop(before);
        Ok(())
    }

    /// The descriptor that an object had when it was watched.
    #[cold]
    pub fn descriptor_of_closed(&self, file: &Object) -> Option<Fd> {
        let files = self.0.borrow();
        files.iter().find(|(_, kept)| kept.as_ref().is_some_and(|kept| kept.is(file))).map(|(fd, _)| fd)
    }

    /// Drops the object of a descriptor that is not watched any more.
    pub fn forget_unwatched(&self, registrations: &RefCell<Registrations<Runnable>>, fd: Fd) {
        let before = {
            let mut files = self.0.borrow_mut();
            let Some(kept) = files.get_mut(fd) else { return };
            if kept.is_none() || !registrations.borrow().is_unwatched(fd) {
                return;
            }
            kept.take()
        };
        drop(before);
    }

    /// Drops all objects.
    pub fn release(&self) {
        drop(self.0.take());
    }

    /// Shows the objects to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        if let Ok(files) = self.0.try_borrow() {
            files.iter().filter_map(|(_, kept)| kept.as_ref()).for_each(|file| visitor.object(file));
        }
    }
}

fn descriptor_of_or_none(file: &Object) -> Option<Fd> {
    match descriptor_of(file) {
        Ok(fd) => Some(fd),
        Err(raised) => {
            raised.discard();
            None
        }
    }
}
