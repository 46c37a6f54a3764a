//! Calls on non-blocking sockets and pipes. The caller handles `WouldBlock` and `Interrupted`.

use crate::address::Address;
use crate::fd::borrow;
use crate::platform::{self, SEND_FLAGS};
use rustix::fd::{OwnedFd, RawFd};
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;

/// How many buffers one vectored write takes. More than the kernel's `UIO_MAXIOV` (1,024) would fail; with 64, the cost
/// of the call is spread enough, and the list stays on the stack.
pub const BUFFERS_PER_WRITE: usize = 64;

/// Reads from a socket into `buffer`, without waiting; 0 is the end of the stream.
pub fn recv(fd: RawFd, buffer: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    let (read, _) = rustix::net::recv(borrow(fd)?, buffer, RecvFlags::DONTWAIT)
        .map(|((read, _), length)| (read.len(), length))?;
    Ok(read)
}

/// Reads from any descriptor into `buffer`; 0 is the end of the stream.
pub fn read(fd: RawFd, buffer: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    Ok(rustix::io::read(borrow(fd)?, buffer).map(|(read, _)| read.len())?)
}

/// Sends on a connected socket, without waiting. If the peer is gone, this is an error, never a signal.
pub fn send(fd: RawFd, data: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(borrow(fd)?, data, SEND_FLAGS | SendFlags::DONTWAIT)?)
}

/// Sends several buffers with one call.
pub fn send_vectored(fd: RawFd, data: &[IoSlice<'_>]) -> io::Result<usize> {
    if let [one] = data {
        return send(fd, one); // the kernel does less for this call
    }
    let mut control = rustix::net::SendAncillaryBuffer::default();
    Ok(rustix::net::sendmsg(borrow(fd)?, data, &mut control, SEND_FLAGS)?)
}

/// Writes several buffers to any descriptor with one call.
pub fn write_vectored(fd: RawFd, data: &[IoSlice<'_>]) -> io::Result<usize> {
    Ok(rustix::io::writev(borrow(fd)?, data)?)
}

/// Shuts down the sending side.
pub fn shutdown_write(fd: RawFd) -> io::Result<()> {
    Ok(rustix::net::shutdown(borrow(fd)?, Shutdown::Write)?)
}

/// Accepts a connection, non-blocking and not inherited by child programs.
pub fn accept(fd: RawFd) -> io::Result<(OwnedFd, Option<Address>)> {
    let (accepted, address) = platform::accept(borrow(fd)?)?;
    Ok((accepted, address.and_then(Address::decode)))
}

/// The address that a socket is bound to; None for a family that `Address` does not know.
pub fn local_address(fd: RawFd) -> io::Result<Option<Address>> {
    Ok(Address::decode(rustix::net::getsockname(borrow(fd)?)?))
}

/// Receives one datagram, cut to the size of the buffer. Returns its size and the sender.
pub fn recv_from(fd: RawFd, buffer: &mut [MaybeUninit<u8>]) -> io::Result<(usize, Option<Address>)> {
    let ((read, _), _, address) = rustix::net::recvfrom(borrow(fd)?, buffer, RecvFlags::empty())?;
    Ok((read.len(), address.and_then(Address::decode)))
}

/// Sends one datagram to an address. `Unsupported` for an address that cannot be encoded here.
pub fn send_to(fd: RawFd, data: &[u8], address: &Address) -> io::Result<usize> {
    let address = address.encode().ok_or(io::ErrorKind::Unsupported)?;
    Ok(rustix::net::sendto(borrow(fd)?, data, SEND_FLAGS, &address)?)
}

/// Sets `TCP_NODELAY`. It fails for sockets that are not TCP.
pub fn set_no_delay(fd: RawFd) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_tcp_nodelay(borrow(fd)?, true)?)
}

/// Whether an error only means "not now".
pub fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The error numbers that callers distinguish and `io::ErrorKind` does not.
pub mod errno {
    pub use libc::{EBADF, EIO, EMFILE, ENFILE, ENOBUFS, ENOMEM};
}
