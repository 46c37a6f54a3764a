//! WriteQueue: data that a transport has to write and the kernel has not taken yet.

use crate::ffi::buffer::{Buffer, bytes_of, is_bytes_like};
use crate::ffi::error::type_error;
use crate::ffi::{Object, Result};
use ferrio_reactor::socket::{BUFFERS_PER_WRITE, is_transient};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice};

/// The bytes of one write. Immutable bytes are kept; others are copied, because their owner may change them as soon as
/// `write` has returned.
enum Chunk {
    Bytes(Object),
    Copied(Vec<u8>),
}

impl Chunk {
    fn as_slice(&self) -> &[u8] {
        match self {
            Chunk::Bytes(bytes) => bytes_of(bytes).unwrap_or_default(),
            Chunk::Copied(bytes) => bytes,
        }
    }
}

/// The bytes, oldest first.
#[derive(Default)]
pub struct WriteQueue {
    chunks: RefCell<VecDeque<Chunk>>,
    /// How much of the first chunk is written already.
    written: Cell<usize>,
    size: Cell<usize>,
    /// How many bytes were sent, with and without the queue.
    sent: Cell<u64>,
}

impl WriteQueue {
    /// How many bytes are in the queue.
    #[inline]
    pub fn size(&self) -> usize {
        self.size.get()
    }

    /// Whether the queue is empty.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.size.get() == 0
    }

    /// Appends the rest of a write, after its first `written` bytes.
    pub fn push(&self, data: &Data<'_>, written: usize) {
        let rest = data.as_slice().len() - written;
        if rest == 0 {
            return;
        }
        let mut chunks = self.chunks.borrow_mut();
        if let (Data::Bytes(bytes), true) = (data, written == 0 || chunks.is_empty()) {
            if written > 0 {
                self.written.set(written);
            }
            chunks.push_back(Chunk::Bytes((*bytes).clone()));
        } else {
            chunks.push_back(Chunk::Copied(data.as_slice()[written..].to_vec()));
        }
        self.size.set(self.size.get() + rest);
    }

    /// Drops everything.
    pub fn clear(&self) {
        self.size.set(0);
        self.written.set(0);
        drop(std::mem::take(&mut *self.chunks.borrow_mut()));
    }

    /// Lets `write` take as much as it can, several chunks at a time. `WouldBlock` is not an error here.
    pub fn flush(&self, write: impl Fn(&[IoSlice<'_>]) -> io::Result<usize>) -> io::Result<()> {
        while !self.is_empty() {
            let (result, offered) = {
                let chunks = self.chunks.borrow();
                let mut slices = [IoSlice::new(&[]); BUFFERS_PER_WRITE];
                let mut offered = 0;
                let mut skip = self.written.get();
                let mut count = 0;
                for (slice, chunk) in slices.iter_mut().zip(chunks.iter()) {
                    let bytes = &chunk.as_slice()[skip..];
                    skip = 0;
                    offered += bytes.len();
                    *slice = IoSlice::new(bytes);
                    count += 1;
                }
                (write(&slices[..count]), offered)
            };
            match result {
                Ok(written) => {
                    self.advance(written);
                    if written < offered {
                        return Ok(());
                    }
                }
                Err(error) if is_transient(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Notes bytes that were sent without the queue.
    #[inline]
    pub fn note_sent(&self, count: usize) {
        self.sent.set(self.sent.get() + count as u64);
    }

    /// How many bytes were sent in all.
    pub fn sent(&self) -> u64 {
        self.sent.get()
    }

    fn advance(&self, mut written: usize) {
        self.note_sent(written);
        self.size.set(self.size.get() - written);
        let mut chunks = self.chunks.borrow_mut();
        while let Some(first) = chunks.front() {
            let rest = first.as_slice().len() - self.written.get();
            if written < rest {
                self.written.set(self.written.get() + written);
                return;
            }
            written -= rest;
            self.written.set(0);
            // Dropping a bytes object runs no code.
            drop(chunks.pop_front());
        }
    }
}

/// The argument of `write`.
pub enum Data<'call> {
    /// A `bytes` object.
    Bytes(&'call Object),
    /// A `bytearray` or `memoryview`.
    View(Buffer),
}

impl<'call> Data<'call> {
    /// Takes what asyncio's transports take. `TypeError` for other objects; its message says that `kinds` are taken.
    #[inline]
    pub fn of(object: &'call Object, kinds: &str) -> Result<Data<'call>> {
        if bytes_of(object).is_some() {
            return Ok(Data::Bytes(object));
        }
        if !is_bytes_like(object) {
            let name = object.type_name();
            return Err(type_error(&format!("data argument must be {kinds}, not '{name}'")));
        }
        Buffer::readable(object).map(Data::View)
    }

    /// The bytes.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Data::Bytes(bytes) => bytes_of(bytes).unwrap_or_default(),
            Data::View(view) => view.as_slice(),
        }
    }
}
