//! File descriptors that other code owns.

use rustix::fd::{BorrowedFd, RawFd};
use std::io;

/// The caller's descriptor in the type that rustix takes.
pub(crate) fn borrow<'fd>(fd: RawFd) -> io::Result<BorrowedFd<'fd>> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: the number is not -1. It is used for one system call only, which fails with EBADF if it is not open.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}

/// Makes calls on a descriptor non-blocking.
pub fn set_nonblocking(fd: RawFd) -> io::Result<()> {
    Ok(rustix::io::ioctl_fionbio(borrow(fd)?, true)?)
}

/// Whether this number is an open descriptor.
pub fn is_open(fd: RawFd) -> bool {
    borrow(fd).is_ok_and(|fd| rustix::io::fcntl_getfd(fd).is_ok())
}

/// Whether a poller can wait for an open descriptor. It cannot wait for regular files and directories, which are always
/// ready.
pub(crate) fn can_be_polled(fd: RawFd) -> io::Result<bool> {
    let status = rustix::fs::fstat(borrow(fd)?)?;
    let kind = rustix::fs::FileType::from_raw_mode(status.st_mode);
    Ok(!matches!(kind, rustix::fs::FileType::RegularFile | rustix::fs::FileType::Directory))
}
