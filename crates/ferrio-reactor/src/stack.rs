//! The calling thread's stack.

use std::ops::Range;

/// The addresses of the calling thread's stack; None if the system does not tell. The main thread's stack grows down to
/// the lowest address. A later change of its limit is not seen.
pub fn of_this_thread() -> Option<Range<usize>> {
    crate::platform::stack()
}

#[cfg(test)]
mod tests {
    use super::of_this_thread;

    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn a_local_is_on_it_and_not_on_anothers() {
        let local = 0_u8;
        let here = (&raw const local) as usize;
        assert!(of_this_thread().is_some_and(|stack| stack.contains(&here)));
        let other = std::thread::spawn(of_this_thread).join();
        assert!(other.is_ok_and(|stack| stack.is_some_and(|stack| !stack.contains(&here))));
    }
}
