//! The CPU time of all threads of another process, from the kernel's accounting.

use std::io;
use std::time::Duration;

/// How much CPU time a process has used; zero for the process number 0, which stands for no process.
pub fn time_of(pid: i32) -> io::Result<Duration> {
    if pid == 0 {
        return Ok(Duration::ZERO);
    }
    let mut clock = 0;
    // SAFETY: the pointer is to a local variable. The call takes any process number.
    let status = unsafe { libc::clock_getcpuclockid(pid, &mut clock) };
    if status != 0 {
        return Err(io::Error::from_raw_os_error(status));
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a local variable. The call fails for an unknown clock.
    if unsafe { libc::clock_gettime(clock, &mut time) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}
