//! macOS. This file is type-checked; no test runs on that system yet.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::FdFlags;
use rustix::net::{SendFlags, SocketAddrAny, SocketAddrUnix};
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;

/// There is no flag. CPython ignores SIGPIPE when it starts.
pub(crate) const SEND_FLAGS: SendFlags = SendFlags::empty();

/// It takes two calls. If another thread starts a program between them, the program inherits the descriptor.
fn prepare(fd: impl AsFd) -> io::Result<()> {
    rustix::io::fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
    Ok(rustix::io::ioctl_fionbio(&fd, true)?)
}

pub(crate) fn accept(listener: BorrowedFd<'_>) -> io::Result<(OwnedFd, Option<SocketAddrAny>)> {
    let (accepted, address) = rustix::net::acceptfrom(listener)?;
    prepare(&accepted)?;
    Ok((accepted, address))
}

pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = rustix::pipe::pipe()?;
    prepare(&reader)?;
    prepare(&writer)?;
    Ok((reader, writer))
}

/// Only Linux has abstract names.
pub(crate) fn abstract_name(_: &SocketAddrUnix) -> Option<&[u8]> {
    None
}

/// The system does not say.
pub(crate) fn timer_slack() -> Option<NonZeroU64> {
    None
}

/// It can't be set.
pub(crate) fn set_timer_slack(_nanoseconds: NonZeroU64) -> bool {
    false
}

pub(crate) fn stack() -> Option<Range<usize>> {
    // SAFETY: both calls only read data of the calling thread.
    let (top, size) = unsafe {
        let thread = libc::pthread_self();
        (libc::pthread_get_stackaddr_np(thread) as usize, libc::pthread_get_stacksize_np(thread))
    };
    Some(top.checked_sub(size)?..top)
}
