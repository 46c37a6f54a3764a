//! The calling thread's stack.

use std::mem::MaybeUninit;

/// The lowest address of the calling thread's stack, if the system says it. The main thread's stack grows down to it;
/// a limit that is changed later is not seen.
pub fn lowest_address() -> Option<usize> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the first call fills the attributes of a thread that runs; they are read, and destroyed once.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let (mut address, mut size) = (std::ptr::null_mut(), 0);
        let status = libc::pthread_attr_getstack(attributes.as_ptr(), &mut address, &mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        (status == 0).then_some(address as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::lowest_address;

    #[test]
    fn a_local_is_above_it() {
        let local = 0_u8;
        assert!(lowest_address().is_some_and(|lowest| lowest < (&raw const local) as usize));
    }
}
