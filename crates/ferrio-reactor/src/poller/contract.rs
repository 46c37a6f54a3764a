//! The tests of every backend. Each backend includes this file as its module `contract`.

use super::{Events, Poller, Waker};
use crate::poller::{Event, Interest, Mode};
use rustix::fd::AsRawFd;
use std::io::{self, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

const TOKEN: u64 = 7;
const NOW: Option<Duration> = Some(Duration::ZERO);

fn setup(mode: Mode) -> io::Result<(Poller, Waker, Events)> {
    let (poller, waker) = (Poller::new()?, Waker::new()?);
    poller.add(waker.as_raw_fd(), Interest::READABLE, mode, TOKEN)?;
    Ok((poller, waker, Events::default()))
}

fn count(poller: &Poller, events: &mut Events) -> io::Result<usize> {
    poller.wait(events, NOW)?;
    Ok(events.iter().count())
}

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn a_wake_ends_the_wait_until_it_is_reset() -> io::Result<()> {
    let (poller, waker, mut events) = setup(Mode::Level)?;
    for _ in 0..2 {
        // More wakes than one read of a reset takes.
        (0..1000).for_each(|_| waker.wake());
        poller.wait(&mut events, None)?;
        let seen: Vec<_> = events.iter().collect();
        assert_eq!(seen, [Event { token: TOKEN, readable: true, writable: false, rearm: false }]);
        waker.reset();
        assert_eq!(count(&poller, &mut events)?, 0);
        assert!(events.is_empty());
    }
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn another_thread_ends_the_wait() -> io::Result<()> {
    let (poller, waker, mut events) = setup(Mode::Level)?;
    std::thread::scope(|scope| {
        scope.spawn(|| waker.wake());
        poller.wait(&mut events, None)
    })?;
    assert_eq!(events.iter().count(), 1);
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn an_edge_is_reported_once_and_anew_when_modified() -> io::Result<()> {
    let (poller, waker, mut events) = setup(Mode::Level)?;
    let after_an_edge = if Poller::EDGE_TRIGGERED { 0 } else { 1 };
    waker.wake();
    for _ in 0..2 {
        assert_eq!(count(&poller, &mut events)?, 1, "a level");
        assert_eq!(count(&poller, &mut events)?, 1, "the same level");
        poller.modify(waker.as_raw_fd(), Interest::READABLE, Mode::Edge, TOKEN)?;
        assert_eq!(count(&poller, &mut events)?, 1, "what is ready");
        assert_eq!(count(&poller, &mut events)?, after_an_edge, "no change");
        waker.wake();
        assert_eq!(count(&poller, &mut events)?, 1, "a change");
        poller.modify(waker.as_raw_fd(), Interest::READABLE, Mode::Level, TOKEN)?;
    }
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn one_event_is_reported_until_it_is_modified() -> io::Result<()> {
    let (poller, mut ours, theirs, mut events) = connected(Interest::READABLE, Mode::Once)?;
    assert_eq!(count(&poller, &mut events)?, 0, "nothing yet");
    let mut theirs = theirs;
    for _ in 0..2 {
        theirs.write_all(b"x")?;
        assert_eq!(count(&poller, &mut events)?, 1);
        assert_eq!(count(&poller, &mut events)?, 0, "it has had its event");
        poller.modify(ours.as_raw_fd(), Interest::READABLE, Mode::Once, TOKEN)?;
        assert_eq!(count(&poller, &mut events)?, 1, "what is ready");
        io::Read::read_exact(&mut ours, &mut [0])?;
        poller.modify(ours.as_raw_fd(), Interest::READABLE, Mode::Once, TOKEN)?;
    }
    poller.modify(ours.as_raw_fd(), Interest::WRITABLE, Mode::Once, TOKEN)?;
    assert_eq!(count(&poller, &mut events)?, 1);
    drop(theirs);
    assert_eq!(count(&poller, &mut events)?, 0, "not a hang-up either");
    poller.modify(ours.as_raw_fd(), Interest::WRITABLE, Mode::Level, TOKEN)?;
    assert_eq!(count(&poller, &mut events)?, 1);
    assert_eq!(count(&poller, &mut events)?, 1);
    Ok(())
}

fn connected(interest: Interest, mode: Mode) -> io::Result<(Poller, UnixStream, UnixStream, Events)> {
    let (ours, theirs) = UnixStream::pair()?;
    let poller = Poller::new()?;
    poller.add(ours.as_raw_fd(), interest, mode, TOKEN)?;
    Ok((poller, ours, theirs, Events::default()))
}

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn a_hang_up_is_readable_and_writable() -> io::Result<()> {
    for interest in [Interest::READABLE, Interest::WRITABLE] {
        let (poller, _ours, theirs, mut events) = connected(interest, Mode::Level)?;
        drop(theirs);
        poller.wait(&mut events, None)?;
        assert!(events.iter().all(|event| event.readable && event.writable));
        assert_eq!(events.iter().count(), 1);
    }
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn a_wait_is_never_cut_short() -> io::Result<()> {
    let (poller, _waker, mut events) = setup(Mode::Level)?;
    for wait in [100, 900_000, 1_500_000].map(Duration::from_nanos) {
        let start = Instant::now();
        poller.wait(&mut events, Some(wait))?;
        assert!(start.elapsed() >= wait);
    }
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn what_is_removed_or_closed_is_not_reported() -> io::Result<()> {
    let (poller, waker, mut events) = setup(Mode::Level)?;
    waker.wake();
    poller.remove(waker.as_raw_fd())?;
    assert_eq!(count(&poller, &mut events)?, 0);

    let (poller, ours, theirs, mut events) = connected(Interest::READABLE, Mode::Level)?;
    drop(theirs);
    drop(ours);
    let (start, wait) = (Instant::now(), Duration::from_millis(2));
    poller.wait(&mut events, Some(wait))?;
    assert!(events.is_empty() && start.elapsed() >= wait, "a closed descriptor ends no wait");
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn errors_are_told_apart() -> io::Result<()> {
    let (poller, waker, _events) = setup(Mode::Level)?;
    let kind = |result: io::Result<()>| result.err().map(|error| error.kind());
    let interest = Interest::READABLE;
    let (known, other) = (waker.as_raw_fd(), Waker::new()?);
    assert_eq!(kind(poller.add(known, interest, Mode::Level, TOKEN)), Some(ErrorKind::AlreadyExists));
    assert_eq!(kind(poller.modify(other.as_raw_fd(), interest, Mode::Level, TOKEN)), Some(ErrorKind::NotFound));
    assert_eq!(kind(poller.remove(other.as_raw_fd())), Some(ErrorKind::NotFound));
    let file = std::fs::File::open("/proc/self/exe")
        .or_else(|_| std::env::current_exe().and_then(std::fs::File::open))?;
    let refused = poller.add(file.as_raw_fd(), interest, Mode::Level, TOKEN);
    assert_eq!(kind(refused), Some(ErrorKind::PermissionDenied));
    let refused = poller.add(-1, interest, Mode::Level, TOKEN);
    assert_eq!(refused.err().and_then(|error| error.raw_os_error()), Some(libc::EBADF));
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn every_descriptor_has_its_own_token() -> io::Result<()> {
    let wakers = (0..10).map(|_| Waker::new()).collect::<io::Result<Vec<_>>>()?;
    let (poller, mut events) = (Poller::new()?, Events::default());
    for (token, waker) in (0..).zip(&wakers) {
        poller.add(waker.as_raw_fd(), Interest::READABLE, Mode::Level, token)?;
        waker.wake();
    }
    for waker in wakers.iter().step_by(2) {
        poller.remove(waker.as_raw_fd())?;
    }
    poller.wait(&mut events, None)?;
    let mut seen: Vec<_> = events.iter().map(|event| event.token).collect();
    seen.sort_unstable();
    assert_eq!(seen, [1, 3, 5, 7, 9]);
    Ok(())
}
