//! StreamBuffer: what a StreamReader has received and the program has not read.
//!
//! Usually this is a part of one `bytes` object, the last one from the transport. The buffer keeps the object, and a
//! `read()` of the whole object returns it without a copy. If more arrives, or the program looks at `_buffer`, the
//! buffer becomes a bytearray, as in asyncio.

use crate::ffi::{Name, Object, Result, Slot, Visitor, buffer, bytearray};
use std::cell::Cell;

/// The buffer. The chunk and the bytearray are never both in use.
#[derive(Default)]
pub struct StreamBuffer {
    /// A `bytes` object.
    chunk: Slot,
    /// How much of the chunk has been read.
    offset: Cell<usize>,
    /// A bytearray, if one was needed.
    array: Slot,
}

/// The bytes of the chunk.
fn bytes_of(chunk: &Object) -> &[u8] {
    buffer::bytes_of(chunk).unwrap_or_default()
}

impl StreamBuffer {
    /// How many bytes there are.
    #[inline]
    pub fn len(&self) -> usize {
        match self.chunk.get() {
            Some(chunk) => bytes_of(&chunk).len() - self.offset.get(),
            None => self.array.get().as_ref().map_or(0, bytearray::len),
        }
    }

    /// Whether it is empty.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Passes the bytes to `look`, which must not call into Python.
    pub fn with<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        if let Some(chunk) = self.chunk.get() {
            return look(&bytes_of(&chunk)[self.offset.get()..]);
        }
        match self.array.get() {
            Some(array) => bytearray::with(&array, look),
            None => look(&[]),
        }
    }

    /// Appends received bytes.
    #[inline]
    pub fn push(&self, data: &Object) -> Result<()> {
        if buffer::bytes_of(data).is_some() && self.is_empty() {
            self.chunk.put(data.clone());
            self.offset.set(0);
            return Ok(());
        }
        static EXTEND: Name = Name::new(c"extend");
        self.array()?.method1(&EXTEND, data).map(drop)
    }

    /// The bytearray with everything in it.
    pub fn array(&self) -> Result {
        let array = match self.array.get() {
            Some(array) => array,
            None => {
                let array = bytearray::new()?;
                self.array.put(array.clone());
                array
            }
        };
        if let Some(chunk) = self.chunk.take() {
            let rest = &bytes_of(&chunk)[self.offset.get()..];
            if let Err(raised) = bytearray::set(&array, rest) {
                self.chunk.put(chunk.clone());
                return Err(raised);
            }
        }
        Ok(array)
    }

    /// Replaces the bytearray.
    pub fn replace(&self, array: &Object) -> Result<()> {
        if !bytearray::is_one(array) {
            return Err(crate::ffi::error::type_error("a bytearray is expected"));
        }
        self.chunk.clear();
        self.array.put(array.clone());
        Ok(())
    }

    /// Takes up to `count` bytes from the front.
    pub fn take(&self, count: usize) -> Result {
        let count = count.min(self.len());
        if let Some(chunk) = self.chunk.get() {
            let (all, offset) = (bytes_of(&chunk), self.offset.get());
            if offset + count == all.len() {
                self.chunk.clear();
            } else {
                self.offset.set(offset + count);
            }
            return if count == all.len() { Ok(chunk) } else { Object::bytes(&all[offset..offset + count]) };
        }
        let taken = self.with(|bytes| Object::bytes(&bytes[..count]))?;
        self.drop_first(count)?;
        Ok(taken)
    }

    /// Drops the first `count` bytes. There must be as many.
    pub fn drop_first(&self, count: usize) -> Result<()> {
        if let Some(chunk) = self.chunk.get() {
            if self.offset.get() + count >= bytes_of(&chunk).len() {
                self.chunk.clear();
            } else {
                self.offset.set(self.offset.get() + count);
            }
            return Ok(());
        }
        let Some(array) = self.array.get() else { return Ok(()) };
        // Deleting at the front moves nothing.
        array.delete_slice(0, count)
    }

    /// Takes everything out.
    pub fn take_all(&self) -> Result {
        self.take(self.len())
    }

    /// Shows the objects to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.chunk);
        visitor.slot(&self.array);
    }

    /// Drops everything.
    pub fn clear(&self) {
        self.chunk.clear();
        self.array.clear();
    }
}
