//! The objects that Ferrio imports, and the names of attributes and methods of asyncio's and programs' objects.
//!
//! The objects are in one list, which shows what Ferrio uses of the standard library. `tests/test_stdlib.py` checks
//! that each exists in the running interpreter. `ffi/` imports a few itself. A name that only one file uses may be in
//! that file.

use crate::ffi::name::{imports, names};

names! {
    ACQUIRE = c"acquire";
    ADD_DONE_CALLBACK = c"add_done_callback";
    AENTER = c"__aenter__";
    AEXIT = c"__aexit__";
    ASYNCIO_FUTURE_BLOCKING = c"_asyncio_future_blocking";
    ATTACH = c"_attach";
    BUFFER_UPDATED = c"buffer_updated";
    CALL_AT = c"call_at";
    CALL_EXCEPTION_HANDLER = c"call_exception_handler";
    CALL_LATER = c"call_later";
    CALL_SOON = c"call_soon";
    CALL_SOON_THREADSAFE = c"call_soon_threadsafe";
    CANCEL = c"cancel";
    CANCELLED = c"cancelled";
    CLOSE = c"close";
    CONNECTION_LOST = c"connection_lost";
    CONNECTION_MADE = c"connection_made";
    CONTEXT = c"context";
    CREATE_FUTURE = c"create_future";
    CREATE_TASK = c"create_task";
    CURRENT_TASK = c"current_task";
    DATAGRAM_RECEIVED = c"datagram_received";
    DATA_RECEIVED = c"data_received";
    DEBUG = c"debug";
    DONE = c"done";
    EOF_RECEIVED = c"eof_received";
    ERROR_RECEIVED = c"error_received";
    EXCEPTION = c"exception";
    EXC_INFO = c"exc_info";
    FAMILY = c"family";
    FEED_DATA = c"feed_data";
    FILENO = c"fileno";
    GET = c"get";
    GETPEERNAME = c"getpeername";
    GETSOCKNAME = c"getsockname";
    GET_BUFFER = c"get_buffer";
    GET_DEBUG = c"get_debug";
    GET_LOOP = c"get_loop";
    IS_CLOSING = c"is_closing";
    JOIN = c"join";
    LOCKED = c"locked";
    LOOP = c"loop";
    MSG = c"msg";
    NAME = c"name";
    PAUSE_READING = c"pause_reading";
    PAUSE_WRITING = c"pause_writing";
    POPLEFT = c"popleft";
    PUT_NOWAIT = c"put_nowait";
    READ = c"read";
    RELEASE = c"release";
    RESULT = c"result";
    RESUME_READING = c"resume_reading";
    RESUME_WRITING = c"resume_writing";
    SENDTO = c"sendto";
    SERVER_DETACH = c"_detach";
    SET_EXCEPTION = c"set_exception";
    SET_NAME = c"set_name";
    SET_RESULT = c"set_result";
    SOURCE = c"source";
    THROW = c"throw";
    TIME = c"time";
    TIMER_HANDLE_CANCELLED = c"_timer_handle_cancelled";
    VALUE = c"value";
    WAIT = c"wait";
    WARNING = c"warning";
    WRITE = c"write";
}

// asyncio. A comment behind a name says in which versions it exists, unless it exists in all.
imports! {
    // Modules. Their functions are looked up at each call, because a program may choose those in Python or those in C.
    TASKS = c"asyncio", c"tasks";
    FUTURES = c"asyncio", c"futures";
    THREADS = c"asyncio", c"threads";
    TIMEOUTS = c"asyncio", c"timeouts";
    ASYNCIO_C_NAMESPACE = c"_asyncio", c"__dict__";
    ASYNCIO_FUTURE = c"_asyncio", c"Future";
    ASYNCIO_TASK = c"_asyncio", c"Task";
    CURRENT_TASKS = c"_asyncio", c"_current_tasks"; // up to 3.13
    SWAP_CURRENT_TASK = c"_asyncio", c"_swap_current_task"; // from 3.12
    ADD_TO_AWAITED_BY = c"_asyncio", c"future_add_to_awaited_by"; // from 3.14
    DISCARD_FROM_AWAITED_BY = c"_asyncio", c"future_discard_from_awaited_by"; // from 3.14
    FORMAT_HANDLE = c"asyncio.base_events", c"_format_handle";
    FUTURE_REPR_INFO = c"asyncio.base_futures", c"_future_repr_info";
    TASK_GET_STACK = c"asyncio.base_tasks", c"_task_get_stack";
    TASK_PRINT_STACK = c"asyncio.base_tasks", c"_task_print_stack";
    TASK_REPR_INFO = c"asyncio.base_tasks", c"_task_repr_info";
    SENDFILE_MODE = c"asyncio.constants", c"_SendfileMode";
    ISCOROUTINE = c"asyncio.coroutines", c"iscoroutine";
    ISCOROUTINEFUNCTION_OF_ASYNCIO = c"asyncio.coroutines", c"iscoroutinefunction"; // up to 3.13
    HANDLE = c"asyncio.events", c"Handle";
    TIMER_HANDLE = c"asyncio.events", c"TimerHandle";
    // The handles of `call_soon_threadsafe`.
    THREADSAFE_HANDLE = c"asyncio.events", c"_ThreadSafeHandle"; // from 3.14
    GET_RUNNING_LOOP = c"asyncio.events", c"_get_running_loop";
    GET_EVENT_LOOP = c"asyncio.events", c"get_event_loop";
    BROKEN_BARRIER_ERROR = c"asyncio.exceptions", c"BrokenBarrierError";
    CANCELLED_ERROR = c"asyncio.exceptions", c"CancelledError";
    INCOMPLETE_READ_ERROR = c"asyncio.exceptions", c"IncompleteReadError";
    INVALID_STATE_ERROR = c"asyncio.exceptions", c"InvalidStateError";
    LIMIT_OVERRUN_ERROR = c"asyncio.exceptions", c"LimitOverrunError";
    FORMAT_CALLBACK_SOURCE = c"asyncio.format_helpers", c"_format_callback_source";
    EXTRACT_STACK_SHORT = c"asyncio.format_helpers", c"extract_stack";
    FUTURES_NAMESPACE = c"asyncio.futures", c"__dict__";
    CONVERT_FUTURE_EXC = c"asyncio.futures", c"_convert_future_exc";
    ISFUTURE = c"asyncio.futures", c"isfuture";
    ASYNCIO_WRAP_FUTURE = c"asyncio.futures", c"wrap_future";
    ASYNCIO_BARRIER = c"asyncio.locks", c"Barrier";
    ASYNCIO_CONDITION = c"asyncio.locks", c"Condition";
    ASYNCIO_LOCK = c"asyncio.locks", c"Lock";
    ASYNCIO_SEMAPHORE = c"asyncio.locks", c"Semaphore";
    BARRIER_STATE = c"asyncio.locks", c"_BarrierState";
    LOGGER = c"asyncio.log", c"logger";
    BUFFERED_PROTOCOL = c"asyncio.protocols", c"BufferedProtocol";
    ASYNCIO_LIFO_QUEUE = c"asyncio.queues", c"LifoQueue";
    ASYNCIO_PRIORITY_QUEUE = c"asyncio.queues", c"PriorityQueue";
    ASYNCIO_QUEUE = c"asyncio.queues", c"Queue";
    QUEUE_EMPTY = c"asyncio.queues", c"QueueEmpty";
    QUEUE_FULL = c"asyncio.queues", c"QueueFull";
    QUEUE_SHUT_DOWN = c"asyncio.queues", c"QueueShutDown"; // from 3.13
    SELECTOR_LOOP = c"asyncio.selector_events", c"BaseSelectorEventLoop";
    TLS_STATES = c"asyncio.sslproto", c"SSLProtocolState";
    ASYNCIO_STREAM_READER = c"asyncio.streams", c"StreamReader";
    ASYNCIO_STREAM_WRITER = c"asyncio.streams", c"StreamWriter";
    ASYNCIO_TASK_GROUP = c"asyncio.taskgroups", c"TaskGroup";
    TASKS_NAMESPACE = c"asyncio.tasks", c"__dict__";
    CANCEL_AND_WAIT = c"asyncio.tasks", c"_cancel_and_wait";
    SET_TASK_NAME = c"asyncio.tasks", c"_set_task_name"; // up to 3.12
    ASYNCIO_WAIT_INNER = c"asyncio.tasks", c"_wait";
    ASYNCIO_CREATE_TASK = c"asyncio.tasks", c"create_task";
    ENSURE_FUTURE = c"asyncio.tasks", c"ensure_future";
    ASYNCIO_SHIELD = c"asyncio.tasks", c"shield";
    ASYNCIO_TIMEOUT = c"asyncio.timeouts", c"Timeout";
    TIMEOUT_STATE = c"asyncio.timeouts", c"_State";
    DATAGRAM_TRANSPORT = c"asyncio.transports", c"DatagramTransport";
    FLOW_CONTROL = c"asyncio.transports", c"_FlowControlMixin";
    READ_TRANSPORT = c"asyncio.transports", c"ReadTransport";
    TRANSPORT = c"asyncio.transports", c"Transport";
    TRANSPORT_SOCKET = c"asyncio.trsock", c"TransportSocket";
    // This class is both a Transport and a WriteTransport, and so is Ferrio's.
    WRITE_TRANSPORT = c"asyncio.unix_events", c"_UnixWritePipeTransport";
}

// The rest of the standard library.
imports! {
    ASSERTION_ERROR = c"builtins", c"AssertionError";
    CONNECTION_ABORTED_ERROR = c"builtins", c"ConnectionAbortedError";
    CONNECTION_RESET_ERROR = c"builtins", c"ConnectionResetError";
    MEMORY_ERROR = c"builtins", c"MemoryError";
    RESOURCE_WARNING = c"builtins", c"ResourceWarning";
    STOP_ASYNC_ITERATION = c"builtins", c"StopAsyncIteration";
    TIMEOUT_ERROR = c"builtins", c"TimeoutError";
    LIST = c"builtins", c"list";
    TYPE = c"builtins", c"type";
    CONCURRENT_FUTURE = c"concurrent.futures", c"Future";
    PARTIAL = c"functools", c"partial";
    HEAPPOP = c"heapq", c"heappop";
    HEAPPUSH = c"heapq", c"heappush";
    ISAWAITABLE = c"inspect", c"isawaitable";
    ISCOROUTINEFUNCTION_OF_INSPECT = c"inspect", c"iscoroutinefunction";
    RESOLVE_NAME = c"pkgutil", c"resolve_name";
    AF_INET = c"socket", c"AF_INET";
    SOCKET = c"socket", c"socket";
    SSL_ERROR = c"ssl", c"SSLError";
    SSL_MODULE = c"ssl", c"_ssl";
    // The class for connections on memory BIOs.
    SSL_OBJECT = c"ssl", c"SSLObject";
    SSL_SYSCALL = c"ssl", c"SSLSyscallError";
    SSL_WANT_READ = c"ssl", c"SSLWantReadError";
    EXTRACT_STACK = c"traceback", c"extract_stack";
    SIMPLE_NAMESPACE = c"types", c"SimpleNamespace";
    WARN = c"warnings", c"warn";
    WARN_UNAWAITED_COROUTINE = c"warnings", c"_warn_unawaited_coroutine";
}

// Ferrio's own objects: the classes that programs use, and the functions that are passed to a loop.
imports! {
    RELEASE_WAITER = c"ferrio._core", c"_release_waiter";
    SET_RESULT_UNLESS_CANCELLED = c"ferrio._core", c"_set_result_unless_cancelled";
    SET_FUTURE_STATE = c"ferrio._core", c"_set_state";
    COROUTINE_ORIGIN = c"ferrio.loop.running", c"coroutine_origin";
    FERRIO_CONDITION = c"ferrio.locks", c"Condition";
    FERRIO_EVENT = c"ferrio.locks", c"Event";
    FERRIO_LOCK = c"ferrio.locks", c"Lock";
    NOTE_ORIGIN = c"ferrio.inspection.owners", c"note_origin";
    FERRIO_QUEUE = c"ferrio.queues", c"Queue";
    // The writer knows its `_drain_helper` and need not call it.
    FERRIO_STREAM_PROTOCOL = c"ferrio.streams", c"StreamReaderProtocol";
    FERRIO_MAKE_TASKS_VISIBLE = c"ferrio.tasks", c"make_visible";
    FERRIO_TIMEOUT = c"ferrio.timeouts", c"Timeout";
    WAITING_LINE = c"ferrio.waiting_lines", c"waiting_line";
}
