"""What differs between the interpreters that Ferrio supports, as named facts.

No other module asks for the version. To add an interpreter, change only this file of the Python code. Each
fact names the change of CPython. (The stubs ask for the version themselves, because type checkers understand
nothing else.)
"""

import sys

__all__ = (
    "AS_COMPLETED_IS_ASYNC_ITERATOR",
    "BIND_ERROR_HAS_NUMBER",
    "CALL_GRAPHS",
    "CHILD_WATCHERS",
    "CHILD_WATCHER_IS_ASKED_ITSELF",
    "EXITS_ARE_BOUND",
    "FRAME_LOCALS_ARE_VIEWS",
    "HANDLER_RUNS_IN_CONTEXT",
    "INTERPRETER",
    "ISCOROUTINEFUNCTION_IS_INSPECTS",
    "SENDFILE_ALWAYS_SEEKS",
    "SERVERS_SKIP_UNAVAILABLE_ADDRESSES",
    "SERVE_FOREVER_CLOSES_CLIENTS",
    "UNIX_SERVERS_REMOVE_THEIR_PATH",
    "UVLOOP_WARNS_OF_INSTALL",
    "WAIT_CLOSED_WAITS_FOR_CLIENTS",
    "WAIT_FOR_RUNS_IN_PLACE",
)

# For people: the version that runs.
INTERPRETER = sys.version.split()[0]

# 3.12

# wait_for() awaits in the caller's task, inside timeout(), and creates no task (gh-96764).
WAIT_FOR_RUNS_IN_PLACE = sys.version_info >= (3, 12)

# A loop's exception handler runs in the context of the task, future or handle that failed (gh-96704).
HANDLER_RUNS_IN_CONTEXT = sys.version_info >= (3, 12)

# Server.wait_closed() waits until the connections are gone. In 3.11 it returns after close() (gh-79033).
WAIT_CLOSED_WAITS_FOR_CLIENTS = sys.version_info >= (3, 12)

# subprocess_exec() asks the child watcher itself whether it is active. 3.11 asks the result of __enter__(),
# because child watchers were not deprecated yet (gh-94597).
CHILD_WATCHER_IS_ASKED_ITSELF = sys.version_info >= (3, 12)

# uvloop.install() warns if asyncio.run() takes a loop factory (gh-99388).
UVLOOP_WARNS_OF_INSTALL = sys.version_info >= (3, 12)

# 3.13

# as_completed() returns an object that is also an asynchronous iterator (gh-77714).
AS_COMPLETED_IS_ASYNC_ITERATOR = sys.version_info >= (3, 13)

# A function's frame.f_locals is a view. Before, it is a dict that the frame keeps (gh-74929).
FRAME_LOCALS_ARE_VIEWS = sys.version_info >= (3, 13)

# A Unix server removes the path of its socket when it is closed (gh-111246).
UNIX_SERVERS_REMOVE_THEIR_PATH = sys.version_info >= (3, 13)

# sendto() sends empty datagrams (gh-113812).
EMPTY_DATAGRAMS_ARE_SENT = sys.version_info >= (3, 13)

# create_server() skips an address that this machine does not have, if it can bind others (gh-75128).
SERVERS_SKIP_UNAVAILABLE_ADDRESSES = sys.version_info >= (3, 13)

# The message of a failed bind() has the number of the error (from the change above, gh-75128).
BIND_ERROR_HAS_NUMBER = sys.version_info >= (3, 13)

# A cancelled Server.serve_forever() closes the connections before it waits for them (gh-123720).
SERVE_FOREVER_CLOSES_CLIENTS = sys.version_info >= (3, 13)

# 3.14

# Futures know which tasks await them: future_add_to_awaited_by(), capture_call_graph() (gh-91048).
CALL_GRAPHS = sys.version_info >= (3, 14)

# While a `with` statement runs, the coroutine has the bound method __aexit__ on its stack. From 3.14 on, it
# has the function and the object side by side (gh-128563).
EXITS_ARE_BOUND = sys.version_info < (3, 14)

# A program may set a child watcher. They were removed in 3.14 (gh-120804).
CHILD_WATCHERS = sys.version_info < (3, 14)

# asyncio.iscoroutinefunction() is deprecated; asyncio itself uses the one of inspect (gh-122858).
ISCOROUTINEFUNCTION_IS_INSPECTS = sys.version_info >= (3, 14)

# sock_sendfile() sets the position of the file even if it has sent nothing: its helper
# _sock_sendfile_update_filepos() lacks the condition.
SENDFILE_ALWAYS_SEEKS = sys.version_info >= (3, 14)
