//! The names of Python's world that the crate speaks to: attributes, methods, imported objects.
//!
//! One list, so that what Ferrio relies on in the standard library can be seen at a glance.

use crate::ffi::name::{imports, names};

names! {
    ACQUIRE = c"acquire";
    AENTER = c"__aenter__";
    AEXIT = c"__aexit__";
    RELEASE = c"release";
    CREATE_TASK = c"create_task";
    CREATE_FUTURE = c"create_future";
    CURRENT_TASK = c"current_task";
    VALUE = c"value";
    ADD_DONE_CALLBACK = c"add_done_callback";
    ASYNCIO_FUTURE_BLOCKING = c"_asyncio_future_blocking";
    BUFFER_UPDATED = c"buffer_updated";
    CALL_EXCEPTION_HANDLER = c"call_exception_handler";
    CALL_LATER = c"call_later";
    CALL_SOON_THREADSAFE = c"call_soon_threadsafe";
    CALL_SOON = c"call_soon";
    CANCEL = c"cancel";
    CLOSE = c"close";
    CONNECTION_LOST = c"connection_lost";
    CONNECTION_MADE = c"connection_made";
    CONTEXT = c"context";
    DATAGRAM_RECEIVED = c"datagram_received";
    DATA_RECEIVED = c"data_received";
    DEBUG = c"debug";
    DONE = c"done";
    EOF_RECEIVED = c"eof_received";
    ERROR_RECEIVED = c"error_received";
    EXCEPTION = c"exception";
    FILENO = c"fileno";
    GET_BUFFER = c"get_buffer";
    GET_DEBUG = c"get_debug";
    GETPEERNAME = c"getpeername";
    GETSOCKNAME = c"getsockname";
    GET_LOOP = c"get_loop";
    LOOP = c"loop";
    MSG = c"msg";
    NAME = c"name";
    PAUSE_WRITING = c"pause_writing";
    RESULT = c"result";
    RESUME_WRITING = c"resume_writing";
    SENDTO = c"sendto";
    SET_EXCEPTION = c"set_exception";
    SET_RESULT = c"set_result";
    SET_NAME = c"set_name";
    SOURCE = c"source";
    THROW = c"throw";
    TIME = c"time";
    WARNING = c"warning";
    EXC_INFO = c"exc_info";
    FAMILY = c"family";
    ATTACH = c"_attach";
    SERVER_DETACH = c"_detach";
    TIMER_HANDLE_CANCELLED = c"_timer_handle_cancelled";
}

imports! {
    ASYNCIO_FUTURE = c"_asyncio", c"Future";
    ASYNCIO_TASK = c"_asyncio", c"Task";
    CANCELLED_ERROR = c"asyncio.exceptions", c"CancelledError";
    INVALID_STATE_ERROR = c"asyncio.exceptions", c"InvalidStateError";
    GET_EVENT_LOOP = c"asyncio.events", c"get_event_loop";
    GET_RUNNING_LOOP = c"asyncio.events", c"_get_running_loop";
    HANDLE = c"asyncio.events", c"Handle";
    TIMER_HANDLE = c"asyncio.events", c"TimerHandle";
    TRANSPORT = c"asyncio.transports", c"Transport";
    READ_TRANSPORT = c"asyncio.transports", c"ReadTransport";
    // A Transport as well as a WriteTransport, and so is Ferrio's.
    WRITE_TRANSPORT = c"asyncio.unix_events", c"_UnixWritePipeTransport";
    DATAGRAM_TRANSPORT = c"asyncio.transports", c"DatagramTransport";
    BUFFERED_PROTOCOL = c"asyncio.protocols", c"BufferedProtocol";
    TRANSPORT_SOCKET = c"asyncio.trsock", c"TransportSocket";
    SOCKET = c"socket", c"socket";
    EXTRACT_STACK = c"traceback", c"extract_stack";
    EXTRACT_STACK_SHORT = c"asyncio.format_helpers", c"extract_stack";
    FORMAT_CALLBACK_SOURCE = c"asyncio.format_helpers", c"_format_callback_source";
    FUTURE_REPR_INFO = c"asyncio.base_futures", c"_future_repr_info";
    TASK_REPR_INFO = c"asyncio.base_tasks", c"_task_repr_info";
    TASK_GET_STACK = c"asyncio.base_tasks", c"_task_get_stack";
    TASK_PRINT_STACK = c"asyncio.base_tasks", c"_task_print_stack";
    ISCOROUTINE = c"asyncio.coroutines", c"iscoroutine";
    LOGGER = c"asyncio.log", c"logger";
    WARN = c"warnings", c"warn";
    RESOURCE_WARNING = c"builtins", c"ResourceWarning";
}
