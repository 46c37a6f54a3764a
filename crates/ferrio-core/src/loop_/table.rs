//! A table by descriptor number, small also if the numbers are high.
//!
//! It has pages, each made when a number of its range is first put in. To look a number up never makes one. The
//! kernel gives out low numbers first, so that the pages are few; a program may still move a descriptor up to any
//! number below its limit (`dup2`), or name one that is not open.

use ferrio_reactor::descriptor;
use std::collections::TryReserveError;

/// How many numbers a page is for: of registrations, it takes 16 KB.
const PAGE: usize = 256;

/// The table. What is not in it is the default.
pub struct Table<T>(Vec<Vec<T>>);

/// Why something can't be put in.
#[derive(Debug)]
pub enum Refused {
    /// No descriptor has this number.
    NotOpen,
    NoMemory,
}

impl From<TryReserveError> for Refused {
    fn from(_: TryReserveError) -> Self {
        Refused::NoMemory
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table(Vec::new())
    }
}

fn place(number: i32) -> Option<(usize, usize)> {
    let number = usize::try_from(number).ok()?;
    Some((number / PAGE, number % PAGE))
}

impl<T: Default> Table<T> {
    /// What is at a number.
    #[inline]
    pub fn get(&self, number: i32) -> Option<&T> {
        let (page, index) = place(number)?;
        self.0.get(page)?.get(index)
    }

    /// What is at a number, to be changed.
    #[inline]
    pub fn get_mut(&mut self, number: i32) -> Option<&mut T> {
        let (page, index) = place(number)?;
        self.0.get_mut(page)?.get_mut(index)
    }

    /// Takes out what is at a number, or the default.
    pub fn take(&mut self, number: i32) -> T {
        self.get_mut(number).map(std::mem::take).unwrap_or_default()
    }

    /// Puts something in at the number of a descriptor that is open. Where [`Table::take`] found something, it
    /// never fails.
    pub fn put(&mut self, number: i32, value: T) -> Result<(), Refused> {
        if let Some(known) = self.get_mut(number) {
            *known = value;
            return Ok(());
        }
        let (page, index) = place(number).ok_or(Refused::NotOpen)?;
        if !descriptor::is_open(number) {
            return Err(Refused::NotOpen);
        }
        if page >= self.0.len() {
            self.0.try_reserve(page + 1 - self.0.len())?;
            self.0.resize_with(page + 1, Vec::new);
        }
        let Some(entries) = self.0.get_mut(page) else { return Err(Refused::NotOpen) };
        entries.try_reserve_exact(PAGE)?;
        entries.resize_with(PAGE, T::default);
        if let Some(entry) = entries.get_mut(index) {
            *entry = value;
        }
        Ok(())
    }

    /// All entries, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (i32, &T)> {
        (0..).zip(&self.0).flat_map(|(page, entries)| (page * PAGE as i32..).zip(entries))
    }

    /// All entries, with their numbers, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (i32, &mut T)> {
        (0..).zip(&mut self.0).flat_map(|(page, entries)| (page * PAGE as i32..).zip(entries))
    }

    /// Takes all entries out.
    pub fn take_all(&mut self) -> impl Iterator<Item = T> + use<T> {
        std::mem::take(&mut self.0).into_iter().flatten()
    }
}
