//! The search for a separator in a buffer that grows, against a look at every place of the whole.

use arbitrary::Unstructured;
use ferrio_sched::separator::{Found, Separators};

/// Where the separator that ends first ends.
fn first_end(buffer: &[u8], separators: &[Box<[u8]>]) -> Option<usize> {
    (0..=buffer.len()).find(|&end| separators.iter().any(|separator| buffer[..end].ends_with(separator)))
}

/// Searches, with the separators, the buffer and the sizes of its pieces that the bytes say.
pub fn check(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    // Of a few letters, so that separators begin everywhere.
    let mut letters = |longest: usize| -> arbitrary::Result<Box<[u8]>> {
        let length = bytes.int_in_range(0..=longest)?;
        (0..length).map(|_| Ok(b'a' + bytes.int_in_range(0..=2)?)).collect()
    };
    let Ok(count) = letters(4) else { return };
    let Ok(list) = count.iter().map(|_| letters(6)).collect::<arbitrary::Result<Vec<_>>>() else { return };
    let Ok(buffer) = letters(60) else { return };
    let Some(separators) = Separators::new(list.clone()) else {
        assert!(list.is_empty() || list.iter().any(|separator| separator.is_empty()));
        return;
    };
    let (mut there, mut searched) = (0, 0);
    loop {
        match separators.find(&buffer[..there], searched) {
            Found::At { start, end } => {
                assert_eq!(Some(end), first_end(&buffer[..there], &list));
                assert!(list.iter().any(|separator| **separator == buffer[start..end]));
                return;
            }
            Found::Nothing { searched: place } => {
                assert_eq!(first_end(&buffer[..there], &list), None);
                assert!(searched <= place && place <= there);
                searched = place;
            }
        }
        if there == buffer.len() {
            return;
        }
        let piece = bytes.int_in_range(1..=9).unwrap_or(9);
        there = (there + piece).min(buffer.len());
    }
}
