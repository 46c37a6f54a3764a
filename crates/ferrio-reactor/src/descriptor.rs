//! Descriptors that somebody else owns.

use rustix::fd::{BorrowedFd, RawFd};
use std::io;

/// The caller's descriptor as rustix wants it.
pub(crate) fn borrow<'fd>(descriptor: RawFd) -> io::Result<BorrowedFd<'fd>> {
    if descriptor < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: not -1; used for one system call only, which answers EBADF for one that is not open.
    Ok(unsafe { BorrowedFd::borrow_raw(descriptor) })
}

/// Has calls on a descriptor not wait.
pub fn set_nonblocking(descriptor: RawFd) -> io::Result<()> {
    Ok(rustix::io::ioctl_fionbio(borrow(descriptor)?, true)?)
}

/// Whether a descriptor of this number is open.
pub fn is_open(descriptor: RawFd) -> bool {
    borrow(descriptor).is_ok_and(|descriptor| rustix::io::fcntl_getfd(descriptor).is_ok())
}
