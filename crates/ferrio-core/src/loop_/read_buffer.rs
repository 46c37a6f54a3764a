//! ReadBuffer: receiving from sockets.
//!
//! A loop has one buffer for everything that it receives before it knows the size: stream transports, datagrams, pipes
//! and `sock_recv()` use it. The buffer is created at its first use.

use super::Loop;
use super::readiness::LastRead;
use crate::ffi::{Object, Result, bytes};
use ferrio_reactor::socket;
use std::cell::{Cell, RefCell};
use std::io;
use std::mem::MaybeUninit;

/// The size of the buffer that every stream transport reads into, in bytes; asyncio's `max_size`.
const READ_BUFFER_SIZE: usize = 256 * 1024;

/// After a read of at least this many bytes, the next read goes directly into a bytes object. Smaller reads go through
/// the shared buffer: to copy them costs less than an allocation of the full size that is then cut.
const READS_IN_PLACE: usize = 32 * 1024;

/// How the last read from a socket went.
#[derive(Default)]
pub struct Progress {
    /// How many bytes arrived.
    count: Cell<usize>,
    /// How many bytes have arrived in all.
    pub total: Cell<u64>,
    pub last: Cell<LastRead>,
}

impl Progress {
    /// Notes a `recv` of at most `most` bytes.
    #[inline]
    pub fn note(&self, read: &io::Result<usize>, most: usize) {
        self.last.set(match read {
            Ok(count) if *count < most => LastRead::Short,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => LastRead::Empty,
            _ => LastRead::Full,
        });
        if let Ok(count) = read {
            self.count.set(*count);
            self.total.set(self.total.get() + *count as u64);
        }
    }
}

/// The buffer; empty until it is needed.
#[derive(Default)]
pub struct ReadBuffer(RefCell<Vec<MaybeUninit<u8>>>);

impl ReadBuffer {
    /// Frees the memory.
    pub fn release(&self) {
        *self.0.borrow_mut() = Vec::new();
    }
}

impl Loop {
    /// Lends the read buffer to `work`, which must not call into Python.
    pub fn with_read_buffer<T>(&self, work: impl FnOnce(&mut [MaybeUninit<u8>]) -> T) -> T {
        let mut buffer = self.read_buffer.0.borrow_mut();
        if buffer.is_empty() {
            keep_large_blocks();
            buffer.resize(READ_BUFFER_SIZE, MaybeUninit::uninit());
        }
        work(&mut buffer)
    }

    /// Receives up to `most` bytes from a socket; nothing at the end of the stream.
    ///
    /// Small messages are received into the loop's buffer and copied into a bytes object of the exact size. After a
    /// large one, the next is received directly into a bytes object.
    ///
    /// # Errors
    /// The outer error is the system's, the inner one `MemoryError`.
    pub fn receive(
        &self,
        descriptor: i32,
        most: usize,
        progress: &Progress,
    ) -> io::Result<Option<Result<Object>>> {
        let most = most.min(READ_BUFFER_SIZE);
        let receive = |buffer: &mut [MaybeUninit<u8>]| {
            let read = socket::recv(descriptor, buffer);
            progress.note(&read, most);
            read
        };
        if progress.count.get() >= READS_IN_PLACE {
            return bytes::filled(most, receive);
        }
        self.with_read_buffer(|buffer| {
            let count = receive(&mut buffer[..most])?;
            Ok((count > 0).then(|| Object::bytes(bytes::received(buffer, count))))
        })
    }
}

/// Makes the C library's allocator keep blocks of the size of a read.
///
/// glibc takes large blocks from the kernel and returns each when it is freed, until a block of at least that size has
/// been freed. A bytes object is cut to its length before it is freed, so glibc would never keep such blocks. To get,
/// clear and return the memory would cost more than the rest of a read.
fn keep_large_blocks() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(2 * READ_BUFFER_SIZE)));
}
