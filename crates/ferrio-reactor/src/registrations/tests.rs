use super::*;
use crate::poller::Events;
use rustix::fd::AsRawFd;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

struct Bench {
    registrations: Registrations<&'static str>,
    poller: Poller,
    events: Events,
    ours: UnixStream,
    theirs: UnixStream,
}

impl Bench {
    fn new() -> io::Result<Bench> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (registrations, events) = (Registrations::default(), Events::default());
        Ok(Bench { registrations, poller: Poller::new()?, events, ours, theirs })
    }

    fn watch(
        &mut self,
        direction: Direction,
        mode: Mode,
        mut registered: Option<&'static str>,
    ) -> io::Result<Option<&'static str>> {
        let fd = self.ours.as_raw_fd();
        self.registrations.watch(&self.poller, fd, direction, mode, &mut registered)?;
        Ok(registered)
    }

    fn poll(&mut self) -> io::Result<Vec<&'static str>> {
        let mut taken = Vec::new();
        self.poller.wait(&mut self.events, Some(Duration::ZERO))?;
        for event in self.events.iter() {
            self.registrations.take_interested(event, |one| taken.push(one));
        }
        Ok(taken)
    }

    fn repeats(&self, last: LastRead) -> bool {
        self.registrations.reader_to_repeat(self.ours.as_raw_fd(), last).is_some()
    }
}

use Direction::{Read as Reading, Write as Writing};

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn levels_are_reported_until_they_are_exchanged() -> io::Result<()> {
    let mut bench = Bench::new()?;
    assert_eq!(bench.watch(Reading, Mode::Level, None)?, None, "nothing is known, nothing is taken out");
    assert!(!bench.registrations.are_any_public());
    assert_eq!(bench.watch(Reading, Mode::Level, Some("reader"))?, None);
    assert_eq!(bench.watch(Writing, Mode::Level, Some("writer"))?, None);
    assert_eq!(bench.poll()?, ["writer"]);
    bench.theirs.write_all(b"x")?;
    for _ in 0..2 {
        assert_eq!(bench.poll()?, ["reader", "writer"]);
    }
    assert_eq!(bench.watch(Reading, Mode::Level, Some("other"))?, Some("reader"));
    assert_eq!(bench.registrations.iter().copied().collect::<Vec<_>>(), ["other", "writer"]);
    assert_eq!(bench.watch(Writing, Mode::Level, None)?, Some("writer"));
    assert_eq!(bench.poll()?, ["other"]);
    assert!(bench.registrations.are_any_public());
    assert_eq!(bench.watch(Reading, Mode::Level, None)?, Some("other"));
    assert!(!bench.registrations.are_any_public());
    assert!(bench.poll()?.is_empty());
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn a_reader_of_edges_is_told_or_repeated_until_all_is_read() -> io::Result<()> {
    let mut bench = Bench::new()?;
    bench.watch(Reading, Mode::Edge, Some("reader"))?;
    bench.theirs.write_all(b"xx")?;
    assert_eq!(bench.poll()?, ["reader"]);
    bench.ours.read_exact(&mut [0])?;
    // Either the poller reports again that there is more, or the reader is repeated.
    assert_eq!(bench.repeats(LastRead::Full), Poller::EDGE_TRIGGERED);
    assert_eq!(bench.poll()?.is_empty(), Poller::EDGE_TRIGGERED);
    assert!(!bench.repeats(LastRead::Empty));
    assert!(!bench.repeats(LastRead::Short));
    bench.ours.read_exact(&mut [0])?;
    // After the end of the stream a short read is not the last.
    bench.theirs.shutdown(std::net::Shutdown::Write)?;
    assert_eq!(bench.poll()?, ["reader"]);
    assert_eq!(bench.repeats(LastRead::Short), Poller::EDGE_TRIGGERED);
    // With a writer it is level-triggered.
    bench.watch(Writing, Mode::Level, Some("writer"))?;
    for _ in 0..2 {
        assert_eq!(bench.poll()?, ["reader", "writer"]);
        assert!(!bench.repeats(LastRead::Full));
    }
    bench.watch(Writing, Mode::Level, None)?;
    assert_eq!(bench.repeats(LastRead::Full), Poller::EDGE_TRIGGERED);
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn once_is_once_and_may_be_armed_again() -> io::Result<()> {
    let mut bench = Bench::new()?;
    bench.theirs.write_all(b"x")?;
    for _ in 0..3 {
        assert_eq!(bench.watch(Reading, Mode::Once, Some("reader"))?, None);
        assert!(bench.registrations.are_any_public());
        assert_eq!(bench.poll()?, ["reader"]);
        assert!(!bench.registrations.are_any_public());
        assert!(bench.poll()?.is_empty());
    }
    assert_eq!(bench.watch(Writing, Mode::Once, Some("writer"))?, None);
    assert_eq!(bench.watch(Writing, Mode::Once, None)?, Some("writer"));
    assert!(bench.poll()?.is_empty());
    assert!(!bench.registrations.are_any_public());
    // A level after an event.
    bench.watch(Reading, Mode::Once, Some("reader"))?;
    assert_eq!(bench.poll()?, ["reader"]);
    bench.watch(Reading, Mode::Level, Some("level"))?;
    assert_eq!(bench.poll()?, ["level"]);
    assert_eq!(bench.poll()?, ["level"]);
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn once_beside_another_is_a_level() -> io::Result<()> {
    let mut bench = Bench::new()?;
    bench.watch(Reading, Mode::Once, Some("reader"))?;
    bench.watch(Writing, Mode::Once, Some("writer"))?;
    assert_eq!(bench.poll()?, ["writer"]);
    bench.theirs.write_all(b"x")?;
    assert_eq!(bench.poll()?, ["reader", "writer"]);
    assert_eq!(bench.watch(Writing, Mode::Level, None)?, Some("writer"));
    assert_eq!(bench.poll()?, ["reader"]);
    assert_eq!(bench.watch(Reading, Mode::Level, None)?, Some("reader"));
    assert!(!bench.registrations.are_any_public());
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn a_number_that_comes_again_is_watched_again() -> io::Result<()> {
    for mode in [Mode::Level, Mode::Edge, Mode::Once] {
        let mut bench = Bench::new()?;
        bench.theirs.write_all(b"x")?;
        bench.watch(Reading, mode, Some("reader"))?;
        if mode == Mode::Once {
            assert_eq!(bench.poll()?, ["reader"]);
        }
        // The descriptor is closed, and another gets its number.
        let (other, mut peer) = UnixStream::pair()?;
        let mut ours = std::mem::replace(&mut bench.ours, other.try_clone()?).into();
        rustix::io::dup2(&other, &mut ours)?;
        bench.ours = ours.into();
        bench.watch(Reading, mode, Some("again"))?;
        assert!(bench.poll()?.is_empty(), "nothing has come yet");
        peer.write_all(b"y")?;
        assert_eq!(bench.poll()?, ["again"]);
    }
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn a_new_poller_is_told_what_the_last_was() -> io::Result<()> {
    for mode in [Mode::Level, Mode::Edge, Mode::Once] {
        let mut bench = Bench::new()?;
        bench.watch(Reading, mode, Some("reader"))?;
        bench.poller = Poller::new()?;
        bench.registrations.register_anew(&bench.poller);
        assert!(bench.poll()?.is_empty());
        bench.theirs.write_all(b"x")?;
        assert_eq!(bench.poll()?, ["reader"]);
        if mode == Mode::Once {
            bench.poller = Poller::new()?;
            bench.registrations.register_anew(&bench.poller);
            assert!(bench.poll()?.is_empty());
            bench.watch(Reading, mode, Some("reader"))?;
            assert_eq!(bench.poll()?, ["reader"]);
        }
    }
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn a_failure_changes_nothing() -> io::Result<()> {
    let mut registrations = Registrations::default();
    let (poller, file) = (Poller::new()?, std::fs::File::open(std::env::current_exe()?)?);
    let mut registered = Some("reader");
    for fd in [file.as_raw_fd(), -1, RawFd::MAX] {
        for mode in [Mode::Level, Mode::Edge, Mode::Once] {
            assert!(registrations.watch(&poller, fd, Reading, mode, &mut registered).is_err());
            assert_eq!(registered, Some("reader"));
        }
    }
    assert!(!registrations.are_any_public());
    assert_eq!(registrations.iter().count(), 0);
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "system calls")]
fn the_loops_own_descriptors_are_not_public() -> io::Result<()> {
    let mut bench = Bench::new()?;
    bench.registrations.set_internal(bench.ours.as_raw_fd())?;
    bench.watch(Reading, Mode::Level, Some("reader"))?;
    assert!(!bench.registrations.are_any_public());
    bench.theirs.write_all(b"x")?;
    assert_eq!(bench.poll()?, ["reader"]);
    assert_eq!(bench.registrations.take_all(), ["reader"]);
    Ok(())
}
