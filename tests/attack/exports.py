"""What the programs of api.py may call: what Ferrio exports, and what is kept away from them.

What no right extension raises is here too: `is_fault`.
"""

from __future__ import annotations

import _asyncio
import functools
import inspect
import logging
import socket
import sys
import types
import warnings
from typing import Any

import ferrio
import ferrio._core


def exported() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the classes and the functions that Ferrio exports."""
    classes: dict[str, Any] = {}
    functions: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {name: getattr(ferrio, name) for name in dir(ferrio)}
        found |= {f"_core.{name}": value for name, value in vars(ferrio._core).items()}
    for name, value in found.items():
        if isinstance(value, type):
            classes[name] = value
        elif callable(value):
            functions[name] = value
    return classes, functions


CLASSES, FUNCTIONS = exported()

# Asyncio's own classes are attacked seldom.
OWN = [name for name, value in CLASSES.items() if str(value.__module__).startswith("ferrio")]
OWN_FUNCTIONS = [
    name
    for name, value in FUNCTIONS.items()
    if name.startswith("_core.") or str(getattr(value, "__module__", "")).startswith("ferrio")
]

# Calls that would end the process, or leave what the machine has to get rid of. `_after_fork`, `_forget_threads`
# and `forget` tell a loop or an executor that it is in the child of a fork, which has no threads: those that it has here
# would never be told to end, and the interpreter waits for them.
NEVER = {"__subclasses__", "_after_fork", "_forget_threads", "forget"}

# What waits for work without listening to signals, as a thread of an executor does: never on the main thread.
BLOCKING = {"work"}

# What runs a loop, on other threads: nothing ends it there, and an executor's threads hold up the interpreter's end.
RUNNING = {"_run", "run_forever", "run_until_complete", "run"}

# CPython's own, whatever `ferrio.install()` does: see is_fault_of_cpython().
STOCK_TASK: Any = _asyncio.Task
STOCK_ITERATOR: Any = type(
    _asyncio.Future.__iter__(_asyncio.Future(loop=types.SimpleNamespace(get_debug=bool)))
)


def is_fault_of_cpython(target: Any, name: str) -> bool:
    """Whether this attribute of an object is a call that CPython has a fault in, without Ferrio too.

    One is `__init__` of a task of CPython's own that was initialised before. In the task's own step it frees the
    coroutine that runs (SIGSEGV, CPython 3.13.0 and 3.14.10):

        async def other(): pass
        async def main(): asyncio.current_task().__init__(other()); await asyncio.sleep(0)
        loop = asyncio.new_event_loop()
        loop.create_task(main())
        loop.call_later(0.1, loop.stop)
        loop.run_forever()

    If it finds no loop it raises, and leaves a pending task without one, whose end asks NULL for an attribute (SIGSEGV,
    CPython 3.13.0 and 3.14.10):

        async def main(): pass
        loop, coroutine = asyncio.new_event_loop(), main()
        asyncio.set_event_loop(None)
        task = loop.create_task(coroutine)
        try: task.__init__(coroutine)
        except RuntimeError: loop._ready.clear()
        del task

    The other is `send` of the iterator of a future of CPython's own, which raises SystemError once the iterator is closed
    or at its end (CPython 3.13.0, no longer 3.14.10). The call's text is in the message, see is_fault(), or not, as the
    interpreter has specialised the call or has not:

        iterator = iter(asyncio.new_event_loop().create_future())
        iterator.close()
        iterator.send(1)
    """
    if name == "send":
        return sys.version_info < (3, 14) and type(target) is STOCK_ITERATOR
    return name == "__init__" and STOCK_TASK in type.mro(type(target))


SPECIAL = [
    "__repr__", "__str__", "__hash__", "__eq__", "__lt__", "__ge__", "__iter__", "__next__", "__await__", "__aiter__",
    "__anext__", "__aenter__", "__aexit__", "__enter__", "__exit__", "__del__", "__init__", "__reduce_ex__",
    "__sizeof__", "__dir__", "__format__", "__class_getitem__", "__getattribute__", "__setattr__", "__delattr__",
    "__init_subclass__", "__get__", "__call__", "__copy__", "__getstate__",
]  # fmt: skip


@functools.cache
def names_of(kind: type) -> list[str]:
    """Return the attributes of a class's instances that an attack may name."""
    usual = [
        name
        for name in dir(kind)
        if not (name.startswith("__") and name.endswith("__")) and name not in NEVER
    ]
    return [*usual, *usual, *(name for name in SPECIAL if hasattr(kind, name))]


@functools.cache
def parameters_of(function: Any) -> list[inspect.Parameter] | None:
    """Return a function's parameters, None if it does not tell."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    except SystemError as error:
        # CPython 3.11 counts wrongly when a finaliser parses something in the midst of parsing the signature.
        if "AST constructor recursion depth mismatch" not in str(error):
            raise
        return None


def resolve_loopback(
    host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> Any:
    """Stand for socket.getaddrinfo: only literal addresses, and the loopback interface for none."""
    host = host or "127.0.0.1"
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return REAL_GETADDRINFO(host, port, family, type, proto, flags | socket.AI_NUMERICHOST)


REAL_GETADDRINFO = socket.getaddrinfo


LONG_TRACEBACK = 300


def length(error: BaseException | None) -> int:
    """Return how many frames the tracebacks of an exception and of those behind it have, or more than enough."""
    count = 0
    while error is not None and count <= LONG_TRACEBACK:
        frame = error.__traceback__
        while frame is not None:
            count, frame = count + 1, frame.tb_next
        if isinstance(error, BaseExceptionGroup):
            count += LONG_TRACEBACK
        count, error = count + 1, error.__cause__ or error.__context__
    return count


class Log(logging.Handler):
    """Formats what is logged, and passes on what is a fault of Ferrio."""

    def handle(self, record: logging.LogRecord) -> bool:
        # Without a lock: an interrupt between its taking and the block that gives it back would keep it for ever.
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and length(record.exc_info[1]) > LONG_TRACEBACK:
            # The interpreter takes minutes to format it.
            record.exc_info = None
        text = self.format(record)
        if record.exc_info and isinstance(record.exc_info[1], (SystemError,)):
            sys.stderr.write(f"logged: {text}\n")
        elif "panicked" in text:
            sys.stderr.write(f"logged: {text!a}\n")


def is_fault(error: BaseException | None) -> bool:
    """Whether an exception is one that a right interpreter and a right extension never raise."""
    if isinstance(error, SystemError):
        # Those of asyncio's own objects, which the programs have too, are the interpreter's, and so is what its parser says.
        return not any(words in str(error) for words in ("_asyncio.", "AST constructor recursion depth"))
    return isinstance(error, RuntimeError) and "panicked" in str(error.args)


def parameters_of_any(function: Any) -> list[inspect.Parameter] | None:
    """Return a function's parameters, without asking evil objects."""
    kind = type(function)
    if kind is type or kind in (types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType):
        return parameters_of(function)
    if kind.__module__ in ("ferrio._core", "builtins") and kind is not types.MethodType:
        try:
            return list(inspect.signature(function).parameters.values())
        except BaseException:
            return None
    if kind is types.MethodType and type(function.__func__) is types.FunctionType:
        return (parameters_of(function.__func__) or [])[1:]
    return None
