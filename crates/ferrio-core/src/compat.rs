//! What differs between the asyncio of different interpreters, as named facts.
//!
//! A fact names the minor version that brought the change, and CPython's issue where it is known. To add an
//! interpreter, compare its `asyncio` with the one before. Add a fact here for each change of behaviour, and an arm to
//! each table whose text has changed. Then mark in `stdlib.rs` the names that came or went. The constants fold at
//! compile time, so a branch that is not taken costs nothing.
//!
//! No other file asks for the version, except `ffi/version.rs` and `ffi/sys.rs`, which have the differences of the C
//! API. `tests/test_layers.py` checks this.

use std::ffi::CStr;

// Handles and the loop.

/// A handle of `call_soon_threadsafe` may be cancelled from other threads (3.14, gh-128340).
pub const HANDLES_ARE_THREADSAFE: bool = cfg!(Py_3_14);

/// `_format_callback_source` shows the arguments of a callback only in debug mode, and asks for the mode
/// (3.13, gh-112997).
pub const CALLBACK_ARGUMENTS_ARE_DEBUG_ONLY: bool = cfg!(Py_3_13);

/// `loop.create_task` passes every `name` and `context` to the task factory (3.14, gh-128307). Earlier versions set the
/// name afterwards, and pass a context only if it is not None.
pub const TASK_FACTORY_TAKES_ALL_KEYWORDS: bool = cfg!(Py_3_14);

/// `loop.create_task` names a factory's task by its `set_name` (3.13). Earlier versions call `tasks._set_task_name`,
/// which warns if the task has no such method.
pub const FACTORY_TASK_HAS_SET_NAME: bool = cfg!(Py_3_13);

/// `asyncio.iscoroutinefunction` is deprecated in favour of inspect's (3.14, gh-122858). `call_soon` uses it to refuse
/// coroutine functions.
pub const ISCOROUTINEFUNCTION_IS_DEPRECATED: bool = cfg!(Py_3_14);

// Futures.

/// A future or a task can be initialized only once (3.15, gh-142615).
pub const FUTURES_INITIALIZE_ONCE: bool = cfg!(Py_3_15);

/// Futures know who awaits them, for call graphs (3.14, gh-91048).
pub const FUTURES_KNOW_AWAITERS: bool = cfg!(Py_3_14);

/// `gather` counts children that are done already at once, as eager tasks may be (3.12, gh-97696).
pub const GATHER_SEES_DONE_CHILDREN: bool = cfg!(Py_3_12);

/// `as_completed` returns an object that can be iterated over with `async for` (3.13, gh-77714).
pub const AS_COMPLETED_IS_ASYNC_ITERABLE: bool = cfg!(Py_3_13);

/// A cancelled wait for the next of `as_completed` does not use up a result (3.14).
pub const AS_COMPLETED_SURVIVES_CANCELLATION: bool = cfg!(Py_3_14);

/// `shield` leaves the inner exception unretrieved when the outer future was cancelled (3.14).
pub const SHIELD_LEAVES_EXCEPTION: bool = cfg!(Py_3_14);

/// A concurrent future that is done sets the result of its asyncio future at once if the thread runs that future's loop
/// (3.14). Earlier versions always use `call_soon_threadsafe`.
pub const CHAINED_FUTURES_COMPLETE_IN_PLACE: bool = cfg!(Py_3_14);

// Tasks and timeouts.

/// `asyncio.create_task` and `TaskGroup.create_task` set the name of a task after its creation, so it uses up a number
/// (up to 3.11).
pub const NAMED_TASK_TAKES_NUMBER: bool = cfg!(not(Py_3_12));

/// `Task.get_context()` exists (3.12).
pub const TASKS_SHOW_CONTEXT: bool = cfg!(Py_3_12);

/// A task checks its context when it is created (3.15). In earlier versions it fails when it enters the context.
pub const TASK_CHECKS_CONTEXT: bool = cfg!(Py_3_15);

/// When `uncancel()` reaches zero, a cancellation that was not delivered yet is revoked (3.13, gh-116720).
pub const UNCANCEL_CLEARS_PENDING: bool = cfg!(Py_3_13);

/// The current task is kept in the thread's state, not in a dict (3.14, gh-129898).
pub const CURRENT_TASK_IS_PER_THREAD: bool = cfg!(Py_3_14);

/// `sleep()` refuses NaN (3.13, gh-105331).
pub const SLEEP_REFUSES_NAN: bool = cfg!(Py_3_13);

/// `wait_for()` is built on `timeout()` (3.12, gh-96764).
pub const WAIT_FOR_USES_TIMEOUT: bool = cfg!(Py_3_12);

/// The parameters of `asyncio.Task`: eager tasks came with 3.12 (gh-97696).
pub const TASK_PARAMETERS: &[&str] = if cfg!(Py_3_12) {
    &["coro", "loop", "name", "context", "eager_start"]
} else {
    &["coro", "loop", "name", "context"]
};

/// The documentation of `Task`. It begins with the signature.
pub const TASK_DOC: &CStr = if cfg!(Py_3_12) {
    c"Task(coro, *, loop=None, name=None, context=None, eager_start=False)\n--\n\nA coroutine that the loop runs (see asyncio.Task)."
} else {
    c"Task(coro, *, loop=None, name=None, context=None)\n--\n\nA coroutine that the loop runs (see asyncio.Task)."
};

/// The parameters of `loop.create_task`.
pub const CREATE_TASK_PARAMETERS: &[&str] =
    if cfg!(Py_3_12) { &["coro", "name", "context", "eager_start"] } else { &["coro", "name", "context"] };

// Task groups.

/// A cancellation that arrives while the group waits for its tasks is handled when they are done (3.13, gh-116720).
pub const GROUP_HANDLES_CANCELLATION_LAST: bool = cfg!(Py_3_13);

/// A group drops its parent task and its errors at its end (3.14, gh-124958).
pub const GROUP_DROPS_REFERENCES: bool = cfg!(Py_3_14);

/// A group has `cancel()`, which also works before it is entered (3.15, gh-108951). `__aexit__` decides by the group's
/// state whether a cancellation is its own, and returns True at a normal end.
pub const GROUP_CAN_BE_CANCELLED: bool = cfg!(Py_3_15);

/// The coroutine functions that a traceback shows at the end of a group. `_aexit` was split off in 3.14.
pub const GROUP_EXIT_FRAMES: &[&str] =
    if cfg!(Py_3_14) { &["TaskGroup.__aexit__", "TaskGroup._aexit"] } else { &["TaskGroup.__aexit__"] };

// Primitives.

/// A semaphore wakes as many waiters as its value allows (3.13, gh-111693). In earlier versions it wakes one.
pub const SEMAPHORE_WAKES_MANY: bool = cfg!(Py_3_13);

/// `Condition.wait()` creates its future before it releases the lock, and passes the notification on when it fails.
/// `notify()` calls `_notify()` (3.13, gh-112202).
pub const CONDITION_PASSES_NOTIFICATION_ON: bool = cfg!(Py_3_13);

/// `Condition.wait()` raises the `CancelledError` that it was cancelled with (3.13, gh-111693). Earlier versions raise
/// a new one.
pub const CONDITION_KEEPS_CANCELLED_ERROR: bool = cfg!(Py_3_13);

/// The message of `Barrier` for too few parties (a new text from 3.14 on).
pub const BARRIER_PARTIES_MESSAGE: &str =
    if cfg!(Py_3_14) { "parties must be >= 1" } else { "parties must be > 0" };

// Streams and transports.

/// `readuntil()` takes a tuple of separators (3.13, gh-81322).
pub const READUNTIL_TAKES_TUPLE: bool = cfg!(Py_3_13);

/// `sendto()` sends empty datagrams (3.13, gh-113812).
pub const EMPTY_DATAGRAMS_ARE_SENT: bool = cfg!(Py_3_13);

/// What a waiting datagram counts in addition to its data, in bytes. So empty datagrams fill the buffer too: asyncio's
/// `_header_size` (3.13, gh-113812).
pub const DATAGRAM_HEADER_SIZE: usize = if cfg!(Py_3_13) { 8 } else { 0 };

/// What `write` of pipes and `sendto` take, for their messages.
pub const BYTES_LIKE: &str = "a bytes-like object";

/// What `write` of a stream transport takes, for its messages (a new text from 3.14 on).
pub const STREAM_BYTES_LIKE: &str =
    if cfg!(Py_3_14) { "a bytes, bytearray, or memoryview object" } else { BYTES_LIKE };
