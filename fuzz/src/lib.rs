//! Models of the event loop's data structures: each reads steps from bytes, makes them on the structure and on
//! something plain, and panics where the two differ. `fuzz_targets/` has a fuzzer choose the bytes; the tests
//! take them from a seed.

pub mod queues;
pub mod separators;
pub mod timers;

#[cfg(test)]
mod tests {
    /// How many strings of bytes a test makes.
    const STRINGS: u64 = 20_000;

    /// Calls a model with strings of bytes that a seed makes (xorshift64).
    fn drive(check: fn(&[u8])) {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for _ in 0..STRINGS {
            let length = next() % 400;
            let data: Vec<u8> = (0..length).map(|_| next().to_le_bytes()[3]).collect();
            check(&data);
        }
    }

    #[test]
    fn timers() {
        drive(crate::timers::check);
    }

    #[test]
    fn queues() {
        drive(crate::queues::check);
    }

    #[test]
    fn separators() {
        drive(crate::separators::check);
    }
}
