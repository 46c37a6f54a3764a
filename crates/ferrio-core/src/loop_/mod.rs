//! The event loop.
//!
//! [`iteration`] has the loop itself, as a numbered list; [`schedule`] what puts work into it;
//! [`readiness`] who watches descriptors; [`methods`] the Python side. Cold paths, as making
//! connections, are Python code in a class derived from this one (`python/ferrio/loop/`).
//!
//! A loop belongs to the thread that runs it. `call_soon_threadsafe` alone may be called from others.

mod iteration;
mod methods;
pub use methods::register;
pub mod end_of_iteration;
mod owners;
mod readiness;
pub mod runnable;
pub use readiness::{Direction, LastRead, descriptor_of};
mod schedule;
pub mod simulation;

use crate::ffi::class::{Dict, WeakList};
use crate::ffi::error::runtime_error;
use crate::ffi::with_gil::WithGil;
use crate::ffi::{Object, Overridden, Own, Result, SkippedMethods, Slot, bytes};
use crate::handles::TimerHandle;
use crate::stdlib;
use end_of_iteration::EndOfIteration;
use ferrio_reactor::poller::{Events, Interest, Mode, Poller, Waker};
use ferrio_reactor::registrations::Registrations;
use ferrio_reactor::socket;
use ferrio_sched::ready::Ready;
use ferrio_sched::remote_queue::RemoteQueue;
use ferrio_sched::timers::Timers;
use owners::Owners;
use runnable::Runnable;
use simulation::Simulation;
use std::cell::{Cell, RefCell};
use std::io;
use std::mem::MaybeUninit;
use std::rc::Rc;

/// A callback that takes this long, in seconds, is logged in debug mode; asyncio's default.
const SLOW_CALLBACK_DURATION: f64 = 0.1;

/// The size of the buffer that every stream transport reads into, in bytes; asyncio's `max_size`.
pub const READ_BUFFER_SIZE: usize = 256 * 1024;

/// From so many bytes on that came at once, the next are read to where they stay.
const READS_IN_PLACE: usize = 32 * 1024;

/// How reading from a socket went the last time.
#[derive(Default)]
pub struct Progress {
    /// How many bytes came.
    count: Cell<usize>,
    pub last: Cell<LastRead>,
}

impl Progress {
    /// Notes a `recv` of at most so many bytes.
    #[inline]
    pub fn note(&self, read: &io::Result<usize>, most: usize) {
        self.last.set(match read {
            Ok(count) if *count < most => LastRead::Short,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => LastRead::Empty,
            _ => LastRead::Full,
        });
        if let Ok(count) = read {
            self.count.set(*count);
        }
    }
}

/// The methods that Ferrio calls without a look at the class, unless a derived class or an attribute of the loop
/// overrides them.
#[derive(Clone, Copy)]
enum Overridable {
    CallSoon,
    CallSoonThreadsafe,
    Time,
    CreateFuture,
    CreateTask,
    CallLater,
    CallAt,
}

impl Overridable {
    /// In the order of the variants.
    const SKIPPED: &'static SkippedMethods = {
        static SKIPPED: SkippedMethods = SkippedMethods::new(&[
            &stdlib::CALL_SOON,
            &stdlib::CALL_SOON_THREADSAFE,
            &stdlib::TIME,
            &stdlib::CREATE_FUTURE,
            &stdlib::CREATE_TASK,
            &stdlib::CALL_LATER,
            &stdlib::CALL_AT,
        ]);
        &SKIPPED
    };
}

/// Something to run on its way to the loop from another thread.
type Remote = WithGil<Runnable>;

/// What a loop has of the operating system, until it is closed.
pub struct System {
    poller: Poller,
    waker: Waker,
}

impl System {
    /// Ends the wait of the poller.
    pub fn wake(&self) {
        self.waker.wake();
    }
}

/// The wake-up that a loop has to get, for what another thread has handed in. It gets it at the latest when this is
/// dropped: until then nobody else will wake it up, so no Python code may run before.
#[must_use]
#[derive(Default)]
pub struct WakeUp(Option<Rc<System>>);

impl WakeUp {
    /// What is to be woken up, for a thread that does it without the GIL.
    pub fn system(&self) -> Option<&System> {
        self.0.as_deref()
    }

    /// Says that it is done.
    pub fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for WakeUp {
    fn drop(&mut self) {
        if let Some(system) = &self.0 {
            system.wake();
        }
    }
}

/// The loop that runs in this thread. `RuntimeError` if there is none.
pub fn running() -> Result {
    let running = stdlib::GET_RUNNING_LOOP.get()?.call0()?;
    if running.is_none() {
        return Err(runtime_error("no running event loop"));
    }
    Ok(running)
}

/// One of the loop's callbacks, while it runs.
#[derive(Clone, Copy)]
pub struct Callback {
    /// How many have begun, this one included.
    pub number: u64,
    /// Whether no other is to run in the same iteration.
    pub is_last: bool,
}

/// The body of a Loop.
pub struct Loop {
    ready: RefCell<Ready<Runnable>>,
    timers: RefCell<Timers<Own<TimerHandle>>>,
    /// Apart from the body: it wants an alignment that Python's memory has not.
    remote_queue: Box<RemoteQueue<Remote>>,
    registrations: RefCell<Registrations<Runnable>>,
    owners: RefCell<Owners>,
    system: RefCell<Option<Rc<System>>>,
    events: RefCell<Events>,
    /// What stream transports read into before they know how much there is.
    read_buffer: RefCell<Vec<MaybeUninit<u8>>>,
    /// How many callbacks have begun, and whether the last of them still runs.
    callbacks: Cell<u64>,
    is_in_callback: Cell<bool>,
    /// How many are to run after it in the same iteration.
    callbacks_left: Cell<usize>,
    end_of_iteration: EndOfIteration,
    /// Iterations since the descriptors were last looked at without a need to wait.
    iterations_unpolled: Cell<u32>,
    stopping: Cell<bool>,
    closed: Cell<bool>,
    debug: Cell<bool>,
    slow_callback_duration: Slot,
    /// The thread that runs it; 0 while it does not run.
    thread: Cell<u64>,
    /// What a derived class overrides.
    overridden: Cell<Overridden>,
    /// What makes tasks in place of Ferrio's own class, if the program has set it.
    pub(crate) task_factory: Slot,
    /// For tests (`ferrio.testing`).
    simulation: RefCell<Option<Rc<Simulation>>>,
    /// What runs now, in debug mode.
    current: Slot,
    dict: Dict,
    weak: WeakList,
}

impl Loop {
    fn new_body() -> Loop {
        Loop {
            ready: RefCell::default(),
            timers: RefCell::default(),
            remote_queue: Box::default(),
            registrations: RefCell::default(),
            owners: RefCell::default(),
            system: RefCell::new(None),
            events: RefCell::default(),
            read_buffer: RefCell::default(),
            callbacks: Cell::new(0),
            is_in_callback: Cell::new(false),
            callbacks_left: Cell::new(0),
            end_of_iteration: EndOfIteration::default(),
            iterations_unpolled: Cell::new(0),
            stopping: Cell::new(false),
            // Until it has what it needs of the system.
            closed: Cell::new(true),
            debug: Cell::new(false),
            slow_callback_duration: Slot::default(),
            thread: Cell::new(0),
            overridden: Cell::new(Overridden::ALL),
            task_factory: Slot::default(),
            simulation: RefCell::new(None),
            current: Slot::default(),
            dict: Dict::default(),
            weak: WeakList::default(),
        }
    }

    /// Takes a poller and a waker from the operating system.
    fn open(&self) -> Result<()> {
        let (poller, waker) = (Poller::new()?, Waker::new()?);
        let fd = waker.as_raw_fd();
        poller.add(fd, Interest::READABLE, Mode::Level, fd as u64)?;
        *self.system.borrow_mut() = Some(Rc::new(System { poller, waker }));
        self.closed.set(false);
        Ok(())
    }

    /// Takes a poller and a waker of its own in the child of a fork: the inherited ones are shared with
    /// the parent, whose registrations a change made here would change too.
    fn reopen_after_fork(&self) -> Result<()> {
        if self.closed.get() {
            return Ok(());
        }
        self.open()?;
        let system = self.system()?;
        self.registrations.borrow_mut().register_anew(&system.poller);
        Ok(())
    }

    /// The poller and the waker; `RuntimeError` for a closed loop.
    fn system(&self) -> Result<Rc<System>> {
        self.system.borrow().clone().ok_or_else(|| runtime_error("Event loop is closed"))
    }

    #[inline]
    fn is_own(&self, method: Overridable) -> bool {
        !self.overridden.get().has(method as usize)
    }

    /// Whether futures may put their callbacks straight into the ready queue.
    #[inline]
    pub fn has_own_call_soon(&self) -> bool {
        self.is_own(Overridable::CallSoon)
    }

    /// Whether `call_soon_threadsafe` is this class's own.
    pub fn has_own_call_soon_threadsafe(&self) -> bool {
        self.is_own(Overridable::CallSoonThreadsafe)
    }

    /// Whether `create_future` is this class's own.
    #[inline]
    pub fn has_own_create_future(&self) -> bool {
        self.is_own(Overridable::CreateFuture)
    }

    /// Whether `create_task` is this class's own, and there is no task factory.
    #[inline]
    pub fn makes_own_tasks(&self) -> bool {
        self.is_own(Overridable::CreateTask) && self.task_factory.is_empty()
    }

    /// Whether `call_later` and `call_at` are this class's own.
    #[inline]
    pub fn has_own_timers(&self) -> bool {
        self.is_own(Overridable::CallLater) && self.is_own(Overridable::CallAt)
    }

    fn has_own_call_at(&self) -> bool {
        self.is_own(Overridable::CallAt)
    }

    /// Whether debug mode is on.
    #[inline]
    pub fn is_debug(&self) -> bool {
        self.debug.get()
    }

    /// `RuntimeError` for a closed loop.
    #[inline]
    pub fn check_closed(&self) -> Result<()> {
        if self.closed.get() { Err(runtime_error("Event loop is closed")) } else { Ok(()) }
    }

    /// Whether it runs now.
    pub fn is_running(&self) -> bool {
        self.thread.get() != 0
    }

    /// Lends the read buffer to `work`, which must not call into Python.
    pub fn with_read_buffer<T>(&self, work: impl FnOnce(&mut [MaybeUninit<u8>]) -> T) -> T {
        let mut buffer = self.read_buffer.borrow_mut();
        if buffer.is_empty() {
            keep_large_blocks();
            buffer.resize(READ_BUFFER_SIZE, MaybeUninit::uninit());
        }
        work(&mut buffer)
    }

    /// Receives up to `most` bytes from a socket; nothing at the end of the stream.
    ///
    /// Little is read into the loop's buffer and copied to where it just fits; where much comes, it is read to
    /// where it stays.
    ///
    /// # Errors
    /// The outer result is the system's, the inner one `MemoryError`.
    pub fn receive(
        &self,
        descriptor: i32,
        most: usize,
        progress: &Progress,
    ) -> io::Result<Option<Result<Object>>> {
        let most = most.min(READ_BUFFER_SIZE);
        let receive = |buffer: &mut [MaybeUninit<u8>]| {
            let read = socket::recv(descriptor, buffer);
            progress.note(&read, most);
            read
        };
        if progress.count.get() >= READS_IN_PLACE {
            return bytes::filled(most, receive);
        }
        self.with_read_buffer(|buffer| {
            let count = receive(&mut buffer[..most])?;
            Ok((count > 0).then(|| Object::bytes(bytes::received(buffer, count))))
        })
    }

    /// `close()`: lets go of everything. `RuntimeError` while it runs.
    fn close(&self) -> Result<()> {
        if self.is_running() {
            return Err(runtime_error("Cannot close a running event loop"));
        }
        if self.closed.replace(true) {
            return Ok(());
        }
        self.release();
        Ok(())
    }

    /// Drops all that is queued and registered, and the descriptors. What is dropped may run finalisers
    /// that come back here, so each is taken out first.
    fn release(&self) {
        drop(self.ready.borrow_mut().take_all());
        let timers = self.timers.borrow_mut().take_all();
        timers.iter().for_each(|timer| timer.set_scheduled(None));
        drop(timers);
        let mut remote = Vec::new();
        self.remote_queue.drain(|handle| remote.push(handle));
        drop(remote);
        let entries = self.registrations.borrow_mut().take_all();
        drop(entries);
        drop(self.owners.take());
        drop(self.system.borrow_mut().take());
        *self.read_buffer.borrow_mut() = Vec::new();
    }
}

/// Has the C library's allocator keep blocks of the size that is read at once.
///
/// glibc takes large ones from the kernel and gives each back when it is freed, until one of at least their size
/// has been freed. What is read in place is cut to its length before that, so it would never learn: to get, clear
/// and return the memory would cost more than all the rest of a read.
fn keep_large_blocks() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(2 * READ_BUFFER_SIZE)));
}
