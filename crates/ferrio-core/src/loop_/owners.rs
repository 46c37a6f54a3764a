//! Owners: which transport a descriptor belongs to. `add_reader()`, `remove_reader()` and the like refuse a descriptor
//! that has an owner.

use super::Loop;
use super::readiness::{Fd, table_error};
use crate::ffi::error::{Builtin, raise_text};
use crate::ffi::text::{Piece, concat};
use crate::ffi::{Object, Own, Result, Weak};
use crate::stdlib;
use ferrio_reactor::fd_table::FdTable;
use ferrio_reactor::socket::errno::EBADF;

/// The transports that descriptors belong to.
pub type Owners = FdTable<Option<Weak>>;

impl Own<Loop> {
    /// Notes that a descriptor belongs to a transport.
    ///
    /// A descriptor that is not open has no owner. Its first use fails.
    pub fn claim(&self, fd: Fd, owner: &Object) -> Result<()> {
        if self.closed.get() {
            return Ok(());
        }
        self.counters().note_transport();
        let owner = Weak::new(owner)?;
        let before = self.owners.borrow_mut().get_or_insert(fd).map(|place| place.replace(owner));
        match before {
            Ok(_) => Ok(()),
            Err(error) if error.raw_os_error() == Some(EBADF) => Ok(()),
            Err(error) => Err(table_error(error)),
        }
    }

    /// Notes that a descriptor does not belong to a transport any more.
    pub fn disclaim(&self, fd: Fd, owner: &Object) {
        let before = {
            let mut owners = self.owners.borrow_mut();
            let Some(place) = owners.get_mut(fd) else { return };
            // A transport that is gone owns nothing either.
            place.take_if(|weak| weak.get().is_none_or(|known| known.is(owner)))
        };
        drop(before);
    }

    /// A list of the transports.
    pub fn transports(&self) -> Result {
        let owners = self.owners.borrow();
        let found: Vec<_> = owners.iter().filter_map(|(_, owner)| owner.as_ref()?.get()).collect();
        drop(owners);
        Object::list(found)
    }

    /// `RuntimeError` if a descriptor belongs to a transport.
    pub fn check_no_owner(&self, fd: Fd, shown: &Object) -> Result<()> {
        let owner = {
            let owners = self.owners.borrow();
            owners.get(fd).and_then(|owner| owner.as_ref()?.get())
        };
        let Some(owner) = owner else { return Ok(()) };
        if owner.method0(&stdlib::IS_CLOSING)?.is_true()? {
            return Ok(());
        }
        let pieces: [&dyn Piece; 4] =
            [&"File descriptor ", &shown.repr()?, &" is used by transport ", &owner.repr()?];
        Err(raise_text(Builtin::Runtime, concat(&pieces)))
    }
}
