//! The event loop.
//!
//! [`iteration`] has the steps of the loop as a numbered list. [`schedule`] has `call_soon` and the other ways to add
//! work, [`readiness`] the watching of descriptors, [`read_buffer`] the receiving, [`methods`] the Python side. Cold
//! paths, for example making connections, are in a Python class derived from this one (`python/ferrio/loop/`).
//!
//! A loop belongs to the thread that runs it. Other threads may only call `call_soon_threadsafe`.

mod files;
pub mod hooks;
mod iteration;
mod methods;
pub use methods::register;
pub mod end_of_iteration;
pub mod guest;
mod owners;
mod read_buffer;
mod readiness;
pub mod runnable;
pub use read_buffer::Progress;
pub use readiness::{Direction, LastRead, descriptor_of};
mod schedule;
pub mod simulation;
mod statistics;

use crate::ffi::class::{Dict, WeakList};
use crate::ffi::context::SpareContext;
use crate::ffi::error::runtime_error;
use crate::ffi::with_gil::WithGil;
use crate::ffi::{Object, Overridden, Own, Result, SkippedMethods, Slot, thread_state};
use crate::handles::TimerHandle;
use crate::stdlib;
use end_of_iteration::EndOfIteration;
use ferrio_reactor::poller::{Events, Interest, Mode, Poller, Waker};
use ferrio_reactor::registrations::Registrations;
use ferrio_sched::ready::Ready;
use ferrio_sched::remote_queue::RemoteQueue;
use ferrio_sched::timers::Timers;
use files::Files;
use guest::Guest;
use owners::Owners;
use read_buffer::ReadBuffer;
use runnable::Runnable;
use simulation::Simulation;
use statistics::Statistics;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A callback that takes this long, in seconds, is logged in debug mode; asyncio's default.
const SLOW_CALLBACK_DURATION: f64 = 0.1;

/// The methods that Ferrio skips, unless a derived class or an attribute of the loop overrides them.
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

/// Something to run that another thread has sent to the loop.
type Remote = WithGil<Runnable>;

/// The objects of the operating system that a loop has until it is closed.
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

/// The duty to wake a loop for an entry from another thread. It is done at the latest when this is dropped. Until then,
/// no other thread wakes the loop, so no Python code may run before.
#[must_use]
#[derive(Default)]
pub struct WakeUp(Option<Rc<System>>);

impl WakeUp {
    /// What to wake, for a thread that does it without the GIL.
    pub fn system(&self) -> Option<&System> {
        self.0.as_deref()
    }

    /// Notes that the loop was woken.
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
    let running = running_or_none()?;
    if running.is_none() {
        return Err(runtime_error("no running event loop"));
    }
    Ok(running)
}

/// The loop that runs in this thread, or None.
#[inline]
pub fn running_or_none() -> Result {
    match thread_state::running_loop() {
        Some(running) => Ok(running.unwrap_or_else(Object::none)),
        None => stdlib::GET_RUNNING_LOOP.get()?.call0(),
    }
}

/// One of the loop's callbacks, while it runs.
#[derive(Clone, Copy)]
pub struct RunningCallback {
    /// How many callbacks have begun, including this one.
    pub number: u64,
    /// Whether it is the last one of its iteration.
    pub is_last: bool,
}

/// The body of a Loop.
pub struct Loop {
    ready: RefCell<Ready<Runnable>>,
    /// The context of callbacks that have none of their own.
    spare_context: SpareContext,
    timers: RefCell<Timers<Own<TimerHandle>>>,
    /// In a box, because Python's memory does not have its alignment.
    remote_queue: Box<RemoteQueue<Remote>>,
    registrations: RefCell<Registrations<Runnable>>,
    owners: RefCell<Owners>,
    files: Files,
    system: RefCell<Option<Rc<System>>>,
    events: RefCell<Events>,
    read_buffer: ReadBuffer,
    /// How many callbacks have begun, and whether the last of them still runs.
    callbacks: Cell<u64>,
    is_in_callback: Cell<bool>,
    /// How many callbacks are left in this iteration.
    callbacks_left: Cell<usize>,
    end_of_iteration: EndOfIteration,
    /// How many iterations have run since the last poll.
    iterations_unpolled: Cell<u32>,
    stopping: Cell<bool>,
    closed: Cell<bool>,
    debug: Cell<bool>,
    /// Whether debug mode is on, or the tasks' times are noted: what runs asks only this.
    watched: Cell<bool>,
    statistics: Statistics,
    guest: Guest,
    /// Whether one of the three above asks for more than an entry in the ready queue. Hot methods ask only this.
    watchful: Cell<bool>,
    slow_callback_duration: Slot,
    /// The thread that runs the loop; 0 if it does not run.
    thread: Cell<u64>,
    /// What a derived class overrides.
    overridden: Cell<Overridden>,
    /// The program's task factory, if it has set one.
    pub(crate) task_factory: Slot,
    /// What is called when nothing in the loop can wake it; nothing, or a function of the loop.
    stuck: Slot,
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
            spare_context: SpareContext::default(),
            timers: RefCell::default(),
            remote_queue: Box::default(),
            registrations: RefCell::default(),
            owners: RefCell::default(),
            files: Files::default(),
            system: RefCell::new(None),
            events: RefCell::default(),
            read_buffer: ReadBuffer::default(),
            callbacks: Cell::new(0),
            is_in_callback: Cell::new(false),
            callbacks_left: Cell::new(0),
            end_of_iteration: EndOfIteration::default(),
            iterations_unpolled: Cell::new(0),
            stopping: Cell::new(false),
            // Until `open`.
            closed: Cell::new(true),
            debug: Cell::new(false),
            watched: Cell::new(false),
            statistics: Statistics::default(),
            guest: Guest::default(),
            watchful: Cell::new(true),
            slow_callback_duration: Slot::default(),
            thread: Cell::new(0),
            overridden: Cell::new(Overridden::ALL),
            task_factory: Slot::default(),
            stuck: Slot::default(),
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
        self.set_closed(false);
        Ok(())
    }

    /// Notes whether it is closed; returns whether it was.
    fn set_closed(&self, closed: bool) -> bool {
        let before = self.closed.replace(closed);
        self.note_watchful();
        before
    }

    fn note_watchful(&self) {
        self.watchful.set(self.closed.get() || self.debug.get() || self.guest.is_idle());
    }

    fn note_watched(&self) {
        self.watched.set(self.debug.get() || self.statistics.is_timing());
    }

    /// What the loop counts.
    pub fn counters(&self) -> &Statistics {
        &self.statistics
    }

    /// Takes a poller and a waker of its own in the child of a fork. The inherited ones are shared with the parent: a
    /// change of the registrations here would change the parent's too.
    fn reopen_after_fork(&self) -> Result<()> {
        if self.closed.get() {
            return Ok(());
        }
        self.open()?;
        let system = self.system()?;
        self.registrations.borrow_mut().register_anew(&system.poller);
        self.reopen_guest(&system)?;
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

    /// Whether `call_soon` is this class's own. If so, futures put their callbacks directly into the ready queue.
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

    /// `close()`: drops everything. `RuntimeError` while the loop runs.
    fn close(&self) -> Result<()> {
        if self.is_running() {
            return Err(runtime_error("Cannot close a running event loop"));
        }
        if self.set_closed(true) {
            return Ok(());
        }
        self.release();
        Ok(())
    }

    /// Drops everything that is queued or registered, and the descriptors. Dropping may run finalisers that use the
    /// loop, so each part is taken out first.
    fn release(&self) {
        drop(self.ready.borrow_mut().take_all());
        drop(self.guest.take_postponed());
        let timers = self.timers.borrow_mut().take_all();
        timers.iter().for_each(|timer| timer.set_scheduled(false));
        drop(timers);
        let mut remote = Vec::new();
        self.remote_queue.drain(|handle| remote.push(handle));
        drop(remote);
        let entries = self.registrations.borrow_mut().take_all();
        drop(entries);
        drop(self.owners.take());
        self.files.release();
        drop(self.system.borrow_mut().take());
        self.read_buffer.release();
    }
}
