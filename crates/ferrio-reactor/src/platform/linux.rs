//! Linux.

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::net::{SendFlags, SocketAddrAny, SocketAddrUnix, SocketFlags};
use rustix::pipe::PipeFlags;
use rustix::thread::{current_timer_slack, set_current_timer_slack};
use std::io;
use std::mem::MaybeUninit;
use std::num::NonZeroU64;
use std::ops::Range;

pub(crate) const SEND_FLAGS: SendFlags = SendFlags::NOSIGNAL;

pub(crate) fn accept(listener: BorrowedFd<'_>) -> io::Result<(OwnedFd, Option<SocketAddrAny>)> {
    Ok(rustix::net::acceptfrom_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?)
}

pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?)
}

pub(crate) fn abstract_name(address: &SocketAddrUnix) -> Option<&[u8]> {
    address.abstract_name()
}

pub(crate) fn timer_slack() -> Option<NonZeroU64> {
    current_timer_slack().ok().and_then(NonZeroU64::new)
}

/// Sets the slack (`man 2 PR_SET_TIMERSLACK`). Returns whether that succeeded.
pub(crate) fn set_timer_slack(nanoseconds: NonZeroU64) -> bool {
    set_current_timer_slack(Some(nanoseconds)).is_ok()
}

pub(crate) fn stack() -> Option<Range<usize>> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the first call fills the attributes of the calling thread. They are read, and destroyed once.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let (mut address, mut size) = (std::ptr::null_mut(), 0);
        let status = libc::pthread_attr_getstack(attributes.as_ptr(), &mut address, &mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        (status == 0).then(|| whole(address as usize..address as usize + size))
    }
}

/// The whole stack: musl tells of the main thread's only what is mapped so far. The kernel maps the rest when it is used,
/// down to the limit of the process. glibc tells that by itself.
fn whole(stack: Range<usize>) -> Range<usize> {
    /// In bytes: how far the main thread's stack may end below what the kernel has put on top of it. It is a page or two.
    const NEAR: usize = 64 * 1024;
    /// In bytes: what is assumed where there is no limit; the usual one.
    const UNLIMITED: usize = 8 * 1024 * 1024;
    if !cfg!(target_env = "musl") {
        return stack;
    }
    // SAFETY: it reads what the kernel has passed to the process.
    let (random, top) = unsafe { (libc::getauxval(libc::AT_RANDOM), libc::getauxval(libc::AT_EXECFN)) };
    if stack.end.abs_diff(random as usize) > NEAR {
        return stack;
    }
    let limit = rustix::process::getrlimit(rustix::process::Resource::Stack).current;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(UNLIMITED);
    let start = stack.end.max(top as usize).saturating_sub(limit);
    start.min(stack.start)..stack.end
}
