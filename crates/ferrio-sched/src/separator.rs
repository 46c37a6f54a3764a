//! Searching a stream's buffer for the end of a record, as `readuntil` defines it.
//!
//! The buffer grows between two searches. A search begins where the last one ended, less the bytes that may be the
//! beginning of a separator.

use memchr::memmem;

/// One or more separators, the shortest first.
#[derive(Debug, Clone)]
pub struct Separators(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// One byte, for example a newline.
    Byte(u8),
    /// Any, the shortest first.
    Any(Vec<Box<[u8]>>),
}

/// What a search has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A separator was found: where it begins, and where the record ends.
    At { start: usize, end: usize },
    /// There is none yet. The next search begins at this place.
    Nothing { searched: usize },
}

impl Separators {
    /// Sorts the separators. Returns None if there is no separator or one of them is empty.
    pub fn new(mut separators: Vec<Box<[u8]>>) -> Option<Separators> {
        separators.sort_by_key(|separator| separator.len());
        match separators.as_slice() {
            [] => None,
            [first, ..] if first.is_empty() => None,
            [only] if only.len() == 1 => Some(Separators(Kind::Byte(only[0]))),
            _ => Some(Separators(Kind::Any(separators))),
        }
    }

    /// A newline.
    pub const fn newline() -> Separators {
        Separators(Kind::Byte(b'\n'))
    }

    /// Searches a buffer from the place where the last search ended, for the separator that ends first.
    pub fn find(&self, buffer: &[u8], searched: usize) -> Found {
        let separators = match &self.0 {
            Kind::Byte(byte) => return find_byte(*byte, buffer, searched),
            Kind::Any(separators) => separators,
        };
        let (Some(shortest), Some(longest)) = (separators.first(), separators.last()) else {
            return Found::Nothing { searched };
        };
        if buffer.len() < searched + shortest.len() {
            return Found::Nothing { searched };
        }
        let rest = &buffer[searched..];
        let mut best: Option<(usize, usize)> = None;
        for separator in separators {
            if let Some(place) = memmem::find(rest, separator) {
                let (start, end) = (searched + place, searched + place + separator.len());
                if best.is_none_or(|(_, best_end)| end < best_end) {
                    best = Some((start, end));
                }
            }
        }
        match best {
            Some((start, end)) => Found::At { start, end },
            None => Found::Nothing { searched: (buffer.len() + 1).saturating_sub(longest.len()) },
        }
    }
}

fn find_byte(byte: u8, buffer: &[u8], searched: usize) -> Found {
    match memchr::memchr(byte, &buffer[searched.min(buffer.len())..]) {
        Some(place) => Found::At { start: searched + place, end: searched + place + 1 },
        None => Found::Nothing { searched: buffer.len() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The separator that ends first, the shorter one where two end together, found the slow way.
    fn naive(buffer: &[u8], separators: &[Box<[u8]>]) -> Option<(usize, usize)> {
        (0..=buffer.len()).find_map(|end| {
            let ending = separators.iter().find(|separator| buffer[..end].ends_with(separator));
            ending.map(|separator| (end - separator.len(), end))
        })
    }

    proptest! {
        #[test]
        fn a_buffer_that_grows_piece_by_piece_gives_what_the_whole_gives(
            buffer in proptest::collection::vec(0u8..3, 0..40),
            separators in proptest::collection::vec(proptest::collection::vec(0u8..3, 1..4), 1..4),
            steps in proptest::collection::vec(1usize..8, 1..40),
        ) {
            let list: Vec<Box<[u8]>> = separators.into_iter().map(Vec::into_boxed_slice).collect();
            let Some(separators) = Separators::new(list.clone()) else { return Ok(()) };
            let (mut there, mut searched) = (0, 0);
            for step in steps.into_iter().chain(std::iter::repeat_n(8, 6)) {
                there = (there + step).min(buffer.len());
                match separators.find(&buffer[..there], searched) {
                    Found::At { start, end } => {
                        // With all of it there, the first to end is found; the same end, with pieces.
                        let (_, first_end) = naive(&buffer[..there], &list).unwrap_or_default();
                        prop_assert_eq!(end, first_end);
                        prop_assert!(start < end);
                        return Ok(());
                    }
                    Found::Nothing { searched: place } => {
                        prop_assert!(naive(&buffer[..there], &list).is_none());
                        prop_assert!(place <= there);
                        searched = place;
                    }
                }
            }
            prop_assert!(naive(&buffer, &list).is_none());
        }
    }

    #[test]
    fn empty_separators_are_refused() {
        assert!(Separators::new(vec![]).is_none());
        assert!(Separators::new(vec![b"".as_slice().into(), b"x".as_slice().into()]).is_none());
    }

    #[test]
    fn a_newline_is_found() {
        assert_eq!(Separators::newline().find(b"ab\ncd", 0), Found::At { start: 2, end: 3 });
        assert_eq!(Separators::newline().find(b"abcd", 0), Found::Nothing { searched: 4 });
    }
}
