//! A table by descriptor number. It is small even if the numbers are high.
//!
//! It consists of pages. A page is created when the first number of its range is put in; a lookup creates none. The
//! kernel gives out low numbers first, so there are few pages. But a program may move a descriptor to any number below
//! its limit (`dup2`), or pass the number of a descriptor that is not open.

use crate::fd;
use rustix::fd::RawFd;
use std::io;

/// How many numbers a page has. A page of registrations takes 16 KB, which is acceptable for a program with a few
/// connections. A server with 10,000 connections has 40 pages.
const PAGE: usize = 256;

/// The table. A number that is not in it has the default value.
pub struct FdTable<T>(Vec<Vec<T>>);

impl<T> Default for FdTable<T> {
    fn default() -> Self {
        FdTable(Vec::new())
    }
}

fn place(fd: RawFd) -> Option<(usize, usize)> {
    let number = usize::try_from(fd).ok()?;
    Some((number / PAGE, number % PAGE))
}

fn not_open() -> io::Error {
    io::Error::from_raw_os_error(libc::EBADF)
}

impl<T: Default> FdTable<T> {
    /// What is at a number.
    #[inline]
    pub fn get(&self, fd: RawFd) -> Option<&T> {
        let (page, index) = place(fd)?;
        self.0.get(page)?.get(index)
    }

    /// What is at a number, mutable.
    #[inline]
    pub fn get_mut(&mut self, fd: RawFd) -> Option<&mut T> {
        let (page, index) = place(fd)?;
        self.0.get_mut(page)?.get_mut(index)
    }

    /// What is at the number of an open descriptor; if there is nothing, the default is put in. It never fails if
    /// [`FdTable::get`] finds something.
    ///
    /// # Errors
    /// `EBADF` for a descriptor that is not open. `ErrorKind::OutOfMemory` without an error number if the table cannot
    /// grow.
    pub fn get_or_insert(&mut self, fd: RawFd) -> io::Result<&mut T> {
        let (page, index) = place(fd).ok_or_else(not_open)?;
        if self.get(fd).is_none() {
            if !fd::is_open(fd) {
                return Err(not_open());
            }
            if page >= self.0.len() {
                self.0.try_reserve(page + 1 - self.0.len())?;
                self.0.resize_with(page + 1, Vec::new);
            }
            let entries = self.0.get_mut(page).ok_or_else(not_open)?;
            entries.try_reserve_exact(PAGE)?;
            entries.resize_with(PAGE, T::default);
        }
        self.0.get_mut(page).and_then(|entries| entries.get_mut(index)).ok_or_else(not_open)
    }

    /// All entries, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (RawFd, &T)> {
        (0..).zip(&self.0).flat_map(|(page, entries)| (page * PAGE as RawFd..).zip(entries))
    }

    /// All entries with their numbers, mutable.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (RawFd, &mut T)> {
        (0..).zip(&mut self.0).flat_map(|(page, entries)| (page * PAGE as RawFd..).zip(entries))
    }

    /// Takes all entries out.
    pub fn take_all(&mut self) -> impl Iterator<Item = T> + use<T> {
        std::mem::take(&mut self.0).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fd::AsRawFd;

    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn only_open_descriptors_are_put_in() -> io::Result<()> {
        let (open, _other) = std::os::unix::net::UnixStream::pair()?;
        let mut table = FdTable::<u8>::default();
        assert_eq!(table.get(open.as_raw_fd()), None);
        *table.get_or_insert(open.as_raw_fd())? = 5;
        assert_eq!(table.get(open.as_raw_fd()), Some(&5));
        assert_eq!(table.iter().filter(|(_, value)| **value != 0).count(), 1);
        for number in [-1, RawFd::MAX] {
            let refused = table.get_or_insert(number).err().and_then(|error| error.raw_os_error());
            assert_eq!(refused, Some(libc::EBADF));
        }
        assert_eq!(table.take_all().map(u32::from).sum::<u32>(), 5);
        assert_eq!(table.get(open.as_raw_fd()), None);
        Ok(())
    }
}
