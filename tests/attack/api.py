"""A random program over everything that Ferrio exports, with evil objects: nothing of it may crash or hang.

    python tests/attack/api.py SEED [--trace] [--steps 1,5,9] [--actions N]

The names are found by introspection, so that a new one is attacked at once. A program is a list of steps. Each has
random numbers of its own and works on slots with fixed places, so that steps can be left out without a change of
those that stay: `scripts/attack PYTHON --minimise SEED` does that. Exceptions of Python are fine, whichever they are;
death by a signal, an abort, a hang, SystemError and a panic of Rust are not.

What is tamed, because a right answer to it would block, kill or reach out of this process:
- `CallQueue.work`, the body of an executor's threads, runs on threads of its own only;
- a step that takes longer than PATIENCE is interrupted by an exception from a signal handler;
- loops run on the main thread, and on threads that the interpreter does not wait for;
- signals are SIGUSR1 and SIGUSR2 only; programs to start are `true` only;
- tracebacks of more than LONG_TRACEBACK frames are not formatted; the recursion limit is not raised, as the
  interpreter overflows its own stack then; at most 200 tasks wait for each other in a row;
- names and addresses are those of the loopback interface: `socket.getaddrinfo` resolves nothing else;
- nothing is told that it is in the child of a fork: `NEVER`;
- a task of CPython's own is not initialised again, and neither is done what else makes CPython's
  own objects crash: `is_fault_of_cpython`;
- sockets and pipes are the program's own; descriptors 0 to 2 are never given in by number for writing;
- numbers that are huge are not used as the length of what has to be made by a right answer, beyond what the limit of
  address space turns into a MemoryError.
"""

from __future__ import annotations

import _asyncio
import argparse
import asyncio
import concurrent.futures
import contextlib
import contextvars
import copy
import functools
import gc
import inspect
import io
import logging
import os
import pickle
import random
import signal
import socket
import ssl
import sys
import threading
import time
import traceback
import types
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import ferrio
import ferrio._core
import guard
from evil import (
    BYTES,
    EXCEPTIONS,
    FLOATS,
    HUGE,
    NUMBERS,
    STRINGS,
    make,
    make_class,
    open_pipes,
    trap,
)

STEPS = 60
SLOTS = 20

# The first steps put something into slots.
FIRST = 14

# How many actions of evil objects a program has in all, and how deep they nest.
ACTIONS = 250
DEPTH = 4

# Seconds after which a step is interrupted.
PATIENCE = 0.15

# Of other threads.
NAP = 0.002


class Interrupted(BaseException):
    """A step has taken too long."""


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


class Program:
    """The program of a seed."""

    def __init__(self, seed: int, actions: int = ACTIONS, tracing: bool = False) -> None:
        self.seed = seed
        self.actions = actions
        self.tracing = tracing
        self.depth = 0
        self.slots: list[Any] = [None] * SLOTS
        self.loops: list[Any] = []
        self.threads: list[threading.Thread] = []
        self.figures = {"programs": 1, "steps": 0, "calls": 0, "actions": 0}
        self.main = threading.get_ident()
        self.kept: list[Any] = []

    # What is said of what is done

    def say(self, text: str) -> None:
        """Write down what comes, before it is done."""
        if self.tracing:
            os.write(2, f"{'  ' * self.depth}{text}\n".encode(errors="backslashreplace"))

    def show(self, value: Any) -> str:
        """Return a text for a value, without asking an evil object for one."""
        if not self.tracing:
            return ""
        for place, found in enumerate(self.slots):
            if found is value and value is not None:
                return f"slot{place}:{type(value).__name__}"
        if type(value) is int and abs(value) > 2**80:
            return "10**5000"
        if type(value) in (int, float, bool, type(None), str, bytes):
            text = ascii(value)
            return text if len(text) < 60 else text[:50] + "..."
        if isinstance(value, type):
            return type.__repr__(value)
        if isinstance(value, (types.FunctionType, types.BuiltinFunctionType)):
            return str(value.__qualname__)
        if type(value) in (list, tuple):
            return "[" + ", ".join(map(self.show, value)) + "]"
        return f"<{type(value).__name__} {[name for name in vars(type(value)) if name not in ('__module__', '__doc__')][:8]}>"

    # Values

    def slot(self, chance: random.Random) -> Any:
        """Return what is in a slot."""
        return chance.choice(self.slots)

    def put(self, chance: random.Random, value: Any) -> Any:
        """Put a value into a slot; what was there may die."""
        if type(value) is types.BuiltinFunctionType and value.__name__ in BLOCKING:
            return value
        if value is not None and type(value) not in (int, bool, float, str):
            place = chance.randrange(SLOTS)
            self.say(f"  -> slot{place} = {type(value).__name__}")
            self.slots[place] = value
        return value

    def find(self, chance: random.Random, kinds: Any) -> Any:
        """Return something of a kind out of the slots; None if there is none."""
        found = [value for value in self.slots if issubclass(type(value), kinds)]
        return chance.choice(found) if found else None

    def loop(self, chance: random.Random) -> Any:
        """Return a loop: often one that is open, seldom a closed one, one of another thread or asyncio's."""
        where = chance.random()
        if where < 0.04:
            loop = asyncio.SelectorEventLoop()
        elif where < 0.1 or not self.loops:
            loop = ferrio.new_event_loop()
        else:
            loop = chance.choice(self.loops[-3:])
            if loop.is_closed() and chance.random() < 0.9:
                loop = ferrio.new_event_loop()
        if loop not in self.loops:
            self.loops.append(loop)
        return loop

    def number(self, chance: random.Random) -> Any:
        """Return a number."""
        return chance.choice(chance.choice([NUMBERS, NUMBERS, FLOATS, HUGE]))

    def callback(self, chance: random.Random) -> Any:
        """Return something to be called."""
        seed = chance.randrange(2**32)
        kind = chance.random()
        if kind < 0.35:
            return trap(self, "callback", seed)
        if kind < 0.6:
            target = self.slot(chance)
            name = chance.choice(
                [
                    "cancel",
                    "close",
                    "set_result",
                    "stop",
                    "abort",
                    "send",
                    "throw",
                    "_run",
                    "release",
                    "set",
                    "__init__",
                ]
            )
            if not is_fault_of_cpython(target, name) and (
                name != "_run" or not isinstance(target, ferrio._core.Loop)
            ):
                with contextlib.suppress(Exception):
                    return getattr(target, name)
        if kind < 0.65:
            return functools.partial(trap(self, "partial", seed), self.slot(chance))
        if kind < 0.7:
            return chance.choice(
                [gc.collect, print_nothing, int, ferrio.Future, repr, ferrio.Task, ferrio.sleep]
            )
        if kind < 0.9:
            return make(self, chance, chance.choice(["plain", "attributes"]))
        return self.value(chance)

    def exception(self, chance: random.Random) -> Any:
        """Return an exception, or a class of exceptions."""
        kind = chance.choice(EXCEPTIONS)
        if chance.random() < 0.2:
            return kind
        if chance.random() < 0.15:
            base = chance.choice([Exception, asyncio.CancelledError, StopIteration, OSError, KeyError])
            kind = make_class(
                self,
                chance,
                base,
                ["__init__", "__str__", "__repr__", "__eq__", "__del__", "with_traceback"],
                0.4,
            )
        try:
            return kind(*chance.choice([(), ("caf\udce9",), (self.slot(chance),)]))
        except BaseException:
            return kind

    def coroutine(self, chance: random.Random) -> Any:
        """Return something to be awaited or driven."""
        kind = chance.random()
        if kind < 0.5:
            return self.routine(chance.randrange(2**32))
        if kind < 0.75:
            maker = chance.choice(
                [
                    lambda: ferrio.sleep(chance.choice([0, 0, 0.001, 10])),
                    lambda: ferrio.wait([self.future(chance)], timeout=chance.choice([None, 0, 0.001])),
                    lambda: asyncio.wait_for(self.slot(chance), chance.choice([None, 0, 0.001, 5])),
                    lambda: ferrio.wait_for(self.future(chance), chance.choice([None, 0, 0.001, 5])),
                    lambda: ferrio.Queue(1).get(),
                    lambda: ferrio.Event().wait(),
                    lambda: ferrio.Lock().acquire(),
                    lambda: ferrio.Condition().wait(),
                    lambda: ferrio.StreamReader(loop=self.loop(chance)).readline(),
                    lambda: ferrio.to_thread(time.sleep, NAP),
                    lambda: ferrio.Barrier(2).wait(),
                    lambda: ferrio.Semaphore(0).acquire(),
                ]
            )
            return maker()
        if kind < 0.85:
            return make(self, chance, "coroutine")
        return self.slot(chance)

    def future(self, chance: random.Random) -> Any:
        """Return a future, or what pretends to be one."""
        if chance.random() < 0.5:
            found = self.find(chance, (ferrio.Future, asyncio.Future))
            if found is not None:
                return found
        if chance.random() < 0.15:
            return make(self, chance, "future")
        loop = self.loop(chance)
        return ferrio.Future(loop=loop)

    def protocol(self, chance: random.Random) -> Any:
        """Return a protocol."""
        kind = chance.random()
        if kind < 0.2:
            return make(self, chance, "protocol")
        base = chance.choice(
            [
                asyncio.Protocol,
                asyncio.BufferedProtocol,
                asyncio.DatagramProtocol,
                ferrio.StreamReaderProtocol,
            ]
        )
        if base is ferrio.StreamReaderProtocol:
            return base(ferrio.StreamReader(loop=self.loop(chance)), loop=self.loop(chance))
        return make_class(self, chance, base, [name for name in dir(base) if not name.startswith("_")], 0.4)()

    def sock(self, chance: random.Random) -> Any:
        """Return a socket that does not block; its other end goes into a slot."""
        if chance.random() < 0.3:
            found = self.find(chance, socket.socket)
            if found is not None:
                return found
        if chance.random() < 0.1:
            return make(self, chance, "socket")
        kind = chance.random()
        if kind < 0.7:
            one, other = socket.socketpair(type=chance.choice([socket.SOCK_STREAM] * 3 + [socket.SOCK_DGRAM]))
            other.setblocking(False)
            if chance.random() < 0.7:
                with contextlib.suppress(OSError):
                    other.send(chance.choice(BYTES))
            self.put(chance, other)
        else:
            one = socket.socket(type=chance.choice([socket.SOCK_STREAM, socket.SOCK_DGRAM]))
            one.bind(("127.0.0.1", 0))
            if kind < 0.9 and one.type == socket.SOCK_STREAM:
                one.listen()
        one.setblocking(chance.random() < 0.05)
        if chance.random() < 0.05:
            one.close()
        return one

    def pipe(self, chance: random.Random) -> Any:
        """Return an end of a pipe; the other goes into a slot."""
        ends = os.pipe()
        files = [os.fdopen(ends[0], "rb", 0), os.fdopen(ends[1], "wb", 0)]
        chance.shuffle(files)
        self.put(chance, files[1])
        return files[0]

    def transport(self, chance: random.Random) -> Any:
        """Return a transport, out of a slot or a new one."""
        kinds = [
            CLASSES[f"_core.{name}"]
            for name in ("SocketTransport", "DatagramTransport", "ReadPipeTransport", "WritePipeTransport")
        ]
        found = self.find(chance, tuple(kinds))
        if found is not None and chance.random() < 0.7:
            return found
        if chance.random() < 0.2:
            return make(self, chance, "transport")
        kind = chance.choice(kinds)
        file = self.pipe(chance) if "Pipe" in kind.__name__ else self.sock(chance)
        return self.put(chance, kind(self.loop(chance), file, self.protocol(chance)))

    def context(self, chance: random.Random) -> Any:
        """Return a context."""
        return chance.choice([contextvars.copy_context, contextvars.Context])()

    def value(self, chance: random.Random) -> Any:
        """Return any value."""
        kind = chance.random()
        if kind < 0.4:
            return self.slot(chance)
        if kind < 0.5:
            return self.number(chance)
        if kind < 0.65:
            return make(self, chance)
        makers: list[Callable[[random.Random], Any]] = [
            self.callback, self.exception, self.future, self.coroutine, self.protocol, self.sock, self.context, self.loop,
            lambda chance: chance.choice(STRINGS),
            lambda chance: chance.choice(BYTES),
            lambda chance: chance.choice([bytearray(b"ab"), memoryview(b"abc"), memoryview(bytearray(9))[::2]]),
            lambda chance: chance.choice(list(CLASSES.values())),
            lambda chance: chance.choice(list(FUNCTIONS.values())),
            lambda chance: [self.slot(chance), self.slot(chance)],
            lambda chance: {"x": self.slot(chance)},
            lambda chance: io.StringIO(),
            lambda chance: concurrent.futures.Future(),
            lambda chance: None,
            lambda chance: object(),
        ]  # fmt: skip
        return chance.choice(makers)(chance)

    def argument(self, chance: random.Random, name: str) -> Any:
        """Return a value that a parameter of that name takes, mostly."""
        if name in ("sig", "signal", "signum"):
            return chance.choice([signal.SIGUSR1, signal.SIGUSR2])
        if name in ("cmd", "program"):
            return "true"
        if name in ("host", "local_addr", "remote_addr", "address", "addr") and chance.random() < 0.9:
            return "127.0.0.1" if name == "host" else ("127.0.0.1", chance.choice([0, 9, 1]))
        if chance.random() < 0.25:
            return self.value(chance)
        maker = ARGUMENTS.get(name.strip("_"))
        return maker(self, chance) if maker else self.value(chance)

    def arguments(self, chance: random.Random, function: Any) -> tuple[list[Any], dict[str, Any]]:
        """Return arguments for a call: mostly as many as it takes, and of the right kinds."""
        named: dict[str, Any] = {}
        parameters = parameters_of_any(function)
        if parameters is None or chance.random() < 0.1:
            return [self.value(chance) for _ in range(chance.choice([0, 1, 1, 2, 3]))], named
        plain: list[Any] = []
        for one in parameters:
            if one.kind is one.VAR_POSITIONAL:
                plain += [self.argument(chance, one.name) for _ in range(chance.choice([0, 1, 2, 5]))]
            elif one.kind is one.VAR_KEYWORD:
                if chance.random() < 0.2:
                    named[chance.choice(["context", "name", "eager_start", "loop", "x"])] = self.value(chance)
            elif one.default is not one.empty and chance.random() < 0.6:
                break_here = one.kind is not one.KEYWORD_ONLY
                if break_here and chance.random() < 0.5:
                    break
                if one.kind is one.POSITIONAL_OR_KEYWORD:
                    named[one.name] = self.argument(chance, one.name)
            elif one.kind is one.KEYWORD_ONLY or named:
                named[one.name] = self.argument(chance, one.name)
            else:
                plain.append(self.argument(chance, one.name))
        if chance.random() < 0.03:
            plain.append(self.value(chance))
        return plain, named

    # What is done

    def call(self, chance: random.Random, function: Any, text: str = "") -> Any:
        """Call a function with arguments for it; what it returns goes into a slot."""
        plain, named = self.arguments(chance, function)
        return self.invoke(chance, function, plain, named, text)

    def invoke(
        self, chance: random.Random, function: Any, plain: list[Any], named: dict[str, Any], text: str = ""
    ) -> Any:
        """Call a function with these arguments."""
        self.figures["calls"] += 1
        if self.tracing:
            shown = [*map(self.show, plain), *(f"{name}={self.show(value)}" for name, value in named.items())]
            self.say(f"{text or self.show(function)}({', '.join(shown)})")
        return self.put(chance, function(*plain, **named))

    def target(self, chance: random.Random) -> Any:
        """Return an object of Ferrio's to act on."""
        if chance.random() < 0.1:
            return self.transport(chance)
        if chance.random() < 0.15:
            return self.loop(chance)
        own = [value for value in self.slots if str(type(value).__module__).startswith(("ferrio", "asyncio"))]
        if own and chance.random() < 0.85:
            return chance.choice(own)
        return chance.choice([value for value in self.slots if value is not None] or [None])

    def do_method(self, chance: random.Random) -> None:
        """Call a method of what is in a slot."""
        target = self.target(chance)
        name = chance.choice(names_of(type(target)))
        self.say(f"{self.show(target)}.{name}")
        if is_fault_of_cpython(target, name):
            return
        method = getattr(target, name)
        if name in RUNNING and threading.get_ident() != self.main:
            return
        if name in BLOCKING:
            threading.Thread(target=self.quietly, args=(method,), daemon=True).start()
        elif callable(method):
            self.call(chance, method, f"{self.show(target)}.{name}")

    def do_unbound(self, chance: random.Random) -> None:
        """Call a method of a class with a wrong self."""
        kind = CLASSES[chance.choice(OWN)]
        name = chance.choice(names_of(kind))
        self.say(f"{kind.__name__}.{name} unbound")
        method = inspect.getattr_static(kind, name)
        target = self.value(chance)
        if name in BLOCKING and isinstance(target, kind):
            return
        action = chance.random()
        if action < 0.5 and callable(method):
            plain, named = self.arguments(chance, method)
            self.invoke(chance, method, [target, *plain], named, f"{kind.__name__}.{name}")
        elif action < 0.8 and hasattr(type(method), "__get__"):
            self.say(f"{kind.__name__}.{name}.__get__({self.show(target)})")
            self.put(chance, type(method).__get__(method, target, type(target)))
        elif hasattr(type(method), "__set__"):
            value = self.value(chance)
            self.say(f"{kind.__name__}.{name}.__set__({self.show(target)}, {self.show(value)})")
            type(method).__set__(method, target, value)

    def do_make(self, chance: random.Random) -> None:
        """Make an object of a class."""
        kind = CLASSES[chance.choice(OWN)]
        how = chance.random()
        if how < 0.75:
            self.call(chance, kind)
        elif how < 0.9:
            self.say(f"{kind.__name__}.__new__")
            self.put(chance, kind.__new__(kind))
        else:
            other = CLASSES[chance.choice(OWN)]
            self.say(f"{kind.__name__}.__new__({other.__name__})")
            self.put(chance, kind.__new__(other))

    def do_init(self, chance: random.Random) -> None:
        """Initialise again what lives."""
        target = self.target(chance)
        if is_fault_of_cpython(target, "__init__"):
            return
        plain, named = self.arguments(chance, type(target))
        self.invoke(chance, target.__init__, plain, named, f"{self.show(target)}.__init__")

    def do_subclass(self, chance: random.Random) -> None:
        """Make a class that overrides methods, and an object of it."""
        base = CLASSES[chance.choice(OWN)]
        names = chance.sample(names_of(base), min(5, len(names_of(base))))
        self.say(f"class Evil({base.__name__}) with {names}")
        kind = make_class(self, chance, base, names, 0.7)
        if chance.random() < 0.8:
            self.call(chance, kind)
        else:
            self.put(chance, kind.__new__(kind))

    def do_attribute(self, chance: random.Random) -> None:
        """Read, set or delete an attribute."""
        target = self.target(chance)
        name = chance.choice(names_of(type(target)))
        how = chance.random()
        if how < 0.4:
            self.say(f"{self.show(target)}.{name}")
            if not is_fault_of_cpython(target, name):
                self.put(chance, getattr(target, name))
        elif how < 0.8:
            value = self.argument(chance, name)
            self.say(f"{self.show(target)}.{name} = {self.show(value)}")
            setattr(target, name, value)
        elif how < 0.92:
            self.say(f"del {self.show(target)}.{name}")
            delattr(target, name)
        elif how < 0.96:
            kind = chance.choice([*CLASSES.values(), type(self.slot(chance))])
            self.say(f"{self.show(target)}.__class__ = {kind}")
            target.__class__ = kind
        else:
            self.say(f"vars({self.show(target)}).clear()")
            vars(target).clear()

    def do_function(self, chance: random.Random) -> None:
        """Call a function of the module."""
        name = chance.choice(OWN_FUNCTIONS if chance.random() < 0.85 else list(FUNCTIONS))
        self.call(chance, FUNCTIONS[name], name)

    def do_protocol(self, chance: random.Random) -> None:
        """Use an operation of the language on something."""
        target = self.target(chance)
        other = self.value(chance)
        uses: dict[str, Callable[[], Any]] = {
            "repr": lambda: repr(target),
            "str": lambda: str(target),
            "hash": lambda: hash(target),
            "==": lambda: target == other,
            "<": lambda: target < other,
            "bool": lambda: bool(target),
            "len": lambda: len(target),
            "iter": lambda: self.put(chance, iter(target)),
            "next": lambda: self.put(chance, next(target)),
            "in": lambda: other in target,
            "copy": lambda: self.put(chance, copy.copy(target)),
            "deepcopy": lambda: copy.deepcopy(target),
            "pickle": lambda: pickle.dumps(target),
            "ref": lambda: self.put(chance, weakref.ref(target)),
            "finalize": lambda: weakref.finalize(target, trap(self, "finalizer", chance.randrange(2**32))),
            "isinstance": lambda: isinstance(target, chance.choice(list(CLASSES.values()))),
            "dir": lambda: dir(target),
            "getrefcount": lambda: gc.get_referents(target),
            "send": lambda: self.put(chance, target.send(None)),
            "throw": lambda: self.put(chance, target.throw(self.exception(chance))),
            "close": lambda: target.close(),
            "await": lambda: self.put(chance, target.__await__()),
            "with": lambda: target.__enter__(),
            "signature": lambda: inspect.signature(target),
        }
        name = chance.choice(list(uses))
        self.say(f"{name} of {self.show(target)} (and {self.show(other)})")
        if not is_fault_of_cpython(target, name):
            uses[name]()

    def do_coroutine(self, chance: random.Random) -> None:
        """Drive a coroutine by hand: send, throw, close."""
        target = self.coroutine(chance)
        if not hasattr(target, "send") and hasattr(target, "__await__"):
            target = target.__await__()
        self.put(chance, target)
        for _ in range(chance.choice([1, 1, 2, 4])):
            how = chance.random()
            if how < 0.6:
                value = None if chance.random() < 0.8 else self.value(chance)
                self.say(f"{self.show(target)}.send({self.show(value)})")
                if not is_fault_of_cpython(target, "send"):
                    self.put(chance, target.send(value))
            elif how < 0.85:
                error = self.exception(chance)
                self.say(f"{self.show(target)}.throw({self.show(error)})")
                self.put(chance, target.throw(error))
            else:
                self.say(f"{self.show(target)}.close()")
                target.close()

    def do_inside(self, chance: random.Random) -> None:
        """Drive a coroutine by hand while a loop passes for the running one."""
        loop = self.loop(chance)
        asyncio._set_running_loop(loop)
        try:
            self.say("with a running loop:")
            for _ in range(chance.choice([1, 3])):
                self.act_once(chance)
        finally:
            asyncio._set_running_loop(None)

    def do_run(self, chance: random.Random) -> None:
        """Run a loop for a few iterations."""
        if threading.get_ident() != self.main:
            return
        loop = self.loop(chance)
        how = chance.random()
        self.say(f"run {self.show(loop)}")
        if how < 0.6:
            loop.call_later(chance.choice([0, 0.001, 0.003]), loop.stop)
            loop.run_forever()
        elif how < 0.9:
            coroutine = self.coroutine(chance)
            self.say(f"run_until_complete({self.show(coroutine)})")
            loop.call_later(0.01, loop.stop)
            self.put(chance, loop.run_until_complete(coroutine))
        else:
            ferrio.run(self.routine(chance.randrange(2**32)))

    def do_task(self, chance: random.Random) -> None:
        """Make a task."""
        loop = self.loop(chance)
        coroutine = self.coroutine(chance)
        self.say(f"task of {self.show(coroutine)}")
        if chance.random() < 0.6:
            self.put(chance, loop.create_task(coroutine))
        else:
            self.put(chance, ferrio.Task(coroutine, loop=loop))

    def do_schedule(self, chance: random.Random) -> None:
        """Hand a callback to a loop, from here or from another thread."""
        loop = self.loop(chance)
        callback = self.callback(chance)
        arguments = [self.value(chance) for _ in range(chance.choice([0, 1, 2, 4]))]
        named = {"context": self.context(chance)} if chance.random() < 0.3 else {}
        self.say(f"schedule {self.show(callback)}{self.show(arguments)}")
        how = chance.random()
        if how < 0.5:
            self.put(chance, loop.call_soon(callback, *arguments, **named))
        elif how < 0.7:
            self.put(chance, loop.call_later(self.number(chance), callback, *arguments, **named))
        elif how < 0.8:
            self.put(chance, loop.run_in_executor(None, callback, *arguments))
        else:
            thread = threading.Thread(
                target=self.quietly,
                args=(loop.call_soon_threadsafe, callback, *arguments),
                kwargs=named,
                daemon=True,
            )
            self.threads.append(thread)
            thread.start()

    def do_context(self, chance: random.Random) -> None:
        """Hand out a context, and enter it where others do too."""
        context = self.context(chance)
        loop = self.loop(chance)
        self.put(chance, context)
        self.say("a context that is entered twice")
        task = loop.create_task(self.routine(chance.randrange(2**32)), context=context)
        self.put(chance, task)
        loop.call_soon(context.run, trap(self, "callback", chance.randrange(2**32)), context=context)
        loop.call_soon(loop.stop)
        context.run(loop.run_forever)

    def do_stream(self, chance: random.Random) -> None:
        """Connect streams over a pair of sockets, and use them in a task."""
        loop = self.loop(chance)
        one, other = socket.socketpair()
        seed = chance.randrange(2**32)
        self.say("streams")

        async def talk() -> None:
            inner = random.Random(seed)
            reader, writer = await ferrio.open_connection(sock=one, limit=inner.choice([1, 10, 65536]))
            peer, back = await ferrio.open_connection(sock=other)
            for thing in (reader, writer, peer, back, writer.transport):
                self.put(inner, thing)
            for _ in range(6):
                back.write(inner.choice(BYTES))
                self.act(inner)
                with contextlib.suppress(Exception):
                    what = inner.choice(
                        [reader.readline, reader.read, writer.drain, reader.readuntil, reader.readexactly]
                    )
                    plain, named = self.arguments(inner, what)
                    await asyncio.wait_for(what(*plain, **named), 0.005)
            writer.close()

        self.put(chance, loop.create_task(talk()))
        loop.call_later(0.03, loop.stop)
        loop.run_forever()

    def do_connect(self, chance: random.Random) -> None:
        """Connect a protocol full of traps."""
        loop = self.loop(chance)
        protocol = self.protocol(chance)
        self.say(f"connect {self.show(protocol)}")

        async def connect() -> None:
            how = chance.random()
            if how < 0.5:
                transport, _ = await loop.create_connection(lambda: protocol, sock=self.sock(chance))
            elif how < 0.6:
                transport, _ = await loop.connect_read_pipe(lambda: protocol, self.pipe(chance))
            elif how < 0.7:
                transport, _ = await loop.connect_write_pipe(lambda: protocol, self.pipe(chance))
            elif how < 0.8:
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: protocol, local_addr=("127.0.0.1", 0)
                )
            elif how < 0.9:
                server = await loop.create_server(lambda: protocol, "127.0.0.1", 0)
                self.put(chance, server)
                transport, _ = await loop.create_connection(
                    lambda: self.protocol(chance), *server.sockets[0].getsockname()
                )
            else:
                context = ssl.create_default_context()
                transport, _ = await loop.create_connection(
                    lambda: protocol, sock=self.sock(chance), ssl=context, server_hostname="ferrio"
                )
            self.put(chance, transport)
            for _ in range(3):
                self.act(chance)
                await asyncio.sleep(0)

        loop.call_later(0.02, loop.stop)
        self.put(chance, loop.run_until_complete(connect()))

    def do_thread(self, chance: random.Random) -> None:
        """Act from another thread, or run a loop there."""
        seed = chance.randrange(2**32)

        def other() -> None:
            inner = random.Random(seed)
            if inner.random() < 0.5:
                for _ in range(3):
                    self.quietly(self.act, inner)
                return
            loop = ferrio.new_event_loop()
            self.loops.append(loop)
            self.quietly(loop.call_later, NAP, tick, loop)
            self.quietly(loop.run_forever)

        def tick(loop: Any) -> None:
            time.sleep(NAP)  # gives the interpreter's lock away inside of a callback
            loop.call_soon(tick, loop)

        self.say("a thread")
        thread = threading.Thread(target=other, daemon=True)
        self.threads.append(thread)
        thread.start()
        if chance.random() < 0.5:
            thread.join(0.01)

    def do_deep(self, chance: random.Random) -> None:
        """Nest awaitables deeply, then await them or drop them."""
        depth = chance.choice([10, 500, 3000, 30_000])
        loop = self.loop(chance)
        wrappers: dict[str, Callable[[Any], Any]] = {
            "wait_for": lambda inner: ferrio.wait_for(inner, None),
            "shield": ferrio.shield,
            "gather": lambda inner: ferrio.gather(inner),
            "task": lambda inner: ferrio.Task(chain(inner), loop=loop),
            "coroutine": lambda inner: chain(inner),
            "partial": lambda inner: loop.call_soon(print_nothing, inner),
            "await": lambda inner: inner.__await__(),
            "list": lambda inner: [inner],
        }
        name = chance.choice(list(wrappers))
        if name == "task":
            # Each that is dropped tells of all that it waits for, with asyncio too.
            depth = min(depth, 200)
        value: Any = chance.choice([ferrio.Future(loop=loop), ferrio.sleep(0)])
        self.say(f"{depth} times {name} around {self.show(value)}")
        asyncio._set_running_loop(loop)
        try:
            for _ in range(depth):
                value = wrappers[name](value)
        finally:
            asyncio._set_running_loop(None)
        how = chance.random()
        self.say(f"and then {how:.2f}")
        if how < 0.4:
            loop.call_later(0.05, loop.stop)
            loop.run_until_complete(value)
        elif how < 0.5:
            loop.create_task(chain(value)).cancel()
        elif how < 0.6:
            repr(value)
        elif how < 0.7:
            value.close()
        del value

    def do_collect(self, chance: random.Random) -> None:
        """Collect garbage, or set how often that happens."""
        how = chance.random()
        self.say("gc")
        if how < 0.6:
            gc.collect()
        elif how < 0.7:
            gc.set_threshold(1)
        elif how < 0.8:
            gc.set_threshold(700)
        elif how < 0.9:
            gc.callbacks.append(trap(self, "collected", chance.randrange(2**32)))
        else:
            gc.callbacks.clear()

    def do_drop(self, chance: random.Random) -> None:
        """Drop what is in a slot, or make a cycle of it."""
        place = chance.randrange(SLOTS)
        if chance.random() < 0.6:
            self.say(f"drop slot{place}")
            self.slots[place] = None
        else:
            value = self.value(chance)
            self.say(f"slot{place}.attribute = {self.show(value)}")
            self.slots[place].attribute = value

    def do_trace(self, chance: random.Random) -> None:
        """Do things under a trace or profile function that raises or acts."""
        hook = trap(self, "traced", chance.randrange(2**32))
        loop = self.loop(chance)
        loop.call_soon(loop.stop)
        setter = chance.choice([sys.settrace, sys.setprofile])
        self.say(setter.__name__)
        # The interpreter forgets a function that raises: so several times, and in the end until it has forgotten.
        for deed in (loop.run_forever, self.act_once, self.act_once, loop.run_forever, self.act_once):
            try:
                setter(hook)
                deed(chance) if deed == self.act_once else deed()
            except BaseException as error:
                self.examine(error)
        for reset in (sys.settrace, sys.setprofile, sys.settrace, sys.setprofile):
            try:
                reset(None)
            except BaseException:
                pass

    def do_settings(self, chance: random.Random) -> None:
        """Change what holds for the whole program."""
        how = chance.choice(
            ["debug", "warnings", "limit", "install", "uninstall", "switch", "factory", "handler"]
        )
        self.say(how)
        loop = self.loop(chance)
        if how == "debug":
            loop.set_debug(chance.random() < 0.5)
            loop.slow_callback_duration = chance.choice([0, 0.1, *FLOATS, 10**5000])
        elif how == "warnings":
            warnings.simplefilter(chance.choice(["error", "ignore", "always"]))
        elif how == "limit":
            sys.setrecursionlimit(chance.choice([150, 1000]))
        elif how == "install" and chance.random() < 0.3:
            ferrio.install()
        elif how == "uninstall":
            ferrio.uninstall()
        elif how == "switch":
            sys.setswitchinterval(chance.choice([1e-6, 0.005]))
        elif how == "factory":
            loop.set_task_factory(self.callback(chance))
        elif how == "handler":
            loop.set_exception_handler(self.callback(chance))

    DEEDS: dict[str, int] = {
        "method": 30, "unbound": 8, "make": 14, "init": 4, "subclass": 5, "attribute": 14, "function": 10, "protocol": 8,
        "coroutine": 9, "inside": 5, "run": 10, "task": 7, "schedule": 8, "context": 2, "stream": 3, "connect": 5,
        "thread": 2, "deep": 2, "collect": 5, "drop": 6, "trace": 1, "settings": 2,
    }  # fmt: skip

    # What evil objects do: nothing that takes long.
    ACTS: dict[str, int] = {
        "method": 30, "unbound": 5, "make": 6, "init": 4, "attribute": 12, "function": 5, "protocol": 8, "coroutine": 6,
        "run": 1, "task": 4, "schedule": 5, "collect": 6, "drop": 10,
    }  # fmt: skip

    def act_once(self, chance: random.Random) -> None:
        """Do one deed."""
        name = chance.choices(list(self.ACTS), list(self.ACTS.values()))[0]
        getattr(self, f"do_{name}")(chance)

    def act(self, chance: random.Random) -> None:
        """Do something to what lives in the program, unless enough was done."""
        if self.depth >= DEPTH or self.actions <= 0:
            return
        if threading.get_ident() == self.main and not INTERRUPTS[0]:
            # Nothing would end it if it waits.
            return
        self.actions -= 1
        self.depth += 1
        self.figures["actions"] += 1
        try:
            self.act_once(chance)
        except BaseException as error:
            self.examine(error)
            if chance.random() < 0.3:
                raise
        finally:
            self.depth -= 1

    def quietly(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call a function; what it raises is looked at."""
        try:
            return function(*arguments, **named)
        except BaseException as error:
            self.examine(error)

    def examine(self, error: BaseException) -> None:
        """Say so if an exception is a fault."""
        while error is not None:
            if is_fault(error):
                text = "".join(traceback.format_exception(error)).encode(errors="backslashreplace")
                os.write(2, b"A SystemError or a panic:\n" + text)
            error = error.__context__  # type: ignore[assignment]
            if isinstance(error, Interrupted):
                break

    def do_fill(self, chance: random.Random) -> None:
        """Put something of Ferrio's into a slot."""
        loop = self.loop(chance)
        makers: list[Callable[[], Any]] = [
            lambda: ferrio.Future(loop=loop),
            lambda: self.transport(chance),
            lambda: loop.create_task(self.coroutine(chance)),
            lambda: self.coroutine(chance),
            lambda: loop.call_soon(self.callback(chance), self.value(chance)),
            lambda: loop.call_later(0.001, self.callback(chance)),
            lambda: CLASSES[chance.choice(["Queue", "PriorityQueue", "LifoQueue"])](chance.choice([0, 1])),
            lambda: CLASSES[chance.choice(["Lock", "Event", "Condition", "Semaphore", "BoundedSemaphore"])](),
            lambda: ferrio.Barrier(chance.choice([1, 2])),
            lambda: ferrio.StreamReader(limit=chance.choice([0, 10, 1000]), loop=loop),
            lambda: ferrio.TaskGroup(),
            lambda: ferrio.Timeout(None),
            lambda: make(self, chance),
        ]
        self.say(f"{self.show(self.put(chance, chance.choice(makers)()))}")

    def step(self, number: int) -> None:
        """Do one step of the program."""
        chance = random.Random(f"{self.seed} {number}")
        name = "fill" if number < FIRST else chance.choices(list(self.DEEDS), list(self.DEEDS.values()))[0]
        self.say(f"step {number}: {name}")
        self.figures["steps"] += 1
        try:
            interrupt_after(PATIENCE)
            getattr(self, f"do_{name}")(chance)
        except BaseException as error:
            interrupt_after(0)
            self.say(f"    raised {type(error).__name__}")
            self.examine(error)
        finally:
            interrupt_after(0)

    async def routine(self, seed: int) -> Any:
        """Await and do things."""
        chance = random.Random(seed)
        for _ in range(chance.choice([1, 2, 4])):
            how = chance.random()
            try:
                if how < 0.3:
                    self.act(chance)
                elif how < 0.6:
                    await self.coroutine(chance)
                elif how < 0.7:
                    await self.future(chance)
                elif how < 0.8:
                    await odd(self.value(chance))
                elif how < 0.84:
                    async with ferrio.timeout(chance.choice([0, 0.001, None])):
                        await self.coroutine(chance)
                elif how < 0.88:
                    async with ferrio.TaskGroup() as group:
                        self.put(chance, group)
                        self.put(chance, group.create_task(self.routine(chance.randrange(2**32))))
                        await self.coroutine(chance)
                elif how < 0.92:
                    lock = (
                        self.find(chance, (ferrio.Lock, ferrio.Condition, ferrio.Semaphore)) or ferrio.Lock()
                    )
                    async with lock:
                        self.act(chance)
                        await asyncio.sleep(0)
                elif how < 0.96:
                    self.put(chance, await ferrio.gather(self.coroutine(chance), self.future(chance)))
                else:
                    for next_one in ferrio.as_completed([self.coroutine(chance)]):
                        await next_one
            except BaseException as error:
                self.examine(error)
                if chance.random() < 0.3:
                    raise
        return self.value(chance)


INTERRUPTS = [False]


def interrupt(*_: object) -> None:
    """Interrupt a step that takes too long."""
    if INTERRUPTS[0]:
        raise Interrupted


def interrupt_after(seconds: float) -> None:
    """Interrupt this thread after so many seconds, and again and again; 0 ends that."""
    INTERRUPTS[0] = bool(seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.05 if seconds else 0)


def print_nothing(*_: object, **__: object) -> None:
    """Do nothing, whatever is given."""


async def chain(inner: Any) -> Any:
    """Await something."""
    return await inner


@types.coroutine
def odd(value: Any) -> Iterator[Any]:
    """Yield any value to whoever drives the coroutine."""
    return (yield value)


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


def ready_loop(program: Program, chance: random.Random) -> Any:
    """Return a loop, or one that pretends to be one."""
    return make(program, chance, "loop") if chance.random() < 0.08 else program.loop(chance)


ARGUMENTS: dict[str, Callable[[Program, random.Random], Any]] = {
    "loop": ready_loop,
    "coro": Program.coroutine,
    "main": Program.coroutine,
    "callback": Program.callback,
    "fn": Program.callback,
    "func": Program.callback,
    "function": Program.callback,
    "predicate": Program.callback,
    "protocol_factory": lambda program, chance: lambda: program.protocol(chance),
    "client_connected_cb": Program.callback,
    "accept_tls": Program.callback,
    "factory": Program.callback,
    "handler": Program.callback,
    "context": Program.context,
    "delay": lambda program, chance: chance.choice([0, 0, 0.001, -1, *FLOATS, *HUGE]),
    "timeout": lambda program, chance: chance.choice([None, 0, 0.001, 5, *FLOATS]),
    "when": lambda program, chance: chance.choice([None, 0, time.monotonic(), *FLOATS]),
    "fut": Program.future,
    "future": Program.future,
    "task": Program.future,
    "waiter": lambda program, chance: chance.choice([None, program.future(chance)]),
    "coros_or_futures": Program.coroutine,
    "fs": lambda program, chance: [program.future(chance) for _ in range(chance.choice([0, 1, 3]))],
    "arg": Program.coroutine,
    "sock": Program.sock,
    "server": lambda program, chance: chance.choice([None, program.value(chance)]),
    "pipe": Program.pipe,
    "protocol": Program.protocol,
    "transport": Program.transport,
    "fd": lambda program, chance: chance.choice(
        [program.sock(chance), *open_pipes(), 10**6, 2**31 - 1, -1, 2**40]
    ),
    "data": lambda program, chance: chance.choice(BYTES),
    "buf": lambda program, chance: chance.choice([bytearray(10), memoryview(bytearray(3)), b"x"]),
    "separator": lambda program, chance: chance.choice([b"\n", b"", b"xx", (b"a", b"bb")]),
    "list_of_data": lambda program, chance: [chance.choice(BYTES), chance.choice(BYTES)],
    "n": Program.number,
    "limit": Program.number,
    "maxsize": Program.number,
    "value": Program.number,
    "parties": Program.number,
    "backlog": lambda program, chance: chance.choice([1, 100, *HUGE]),
    "high": Program.number,
    "low": Program.number,
    "exception": Program.exception,
    "exc": Program.exception,
    "exc_type": lambda program, chance: chance.choice([None, *EXCEPTIONS]),
    "et": lambda program, chance: chance.choice([None, *EXCEPTIONS]),
    "exc_val": Program.exception,
    "tb": lambda program, chance: None,
    "exc_tb": lambda program, chance: None,
    "name": lambda program, chance: chance.choice(STRINGS),
    "msg": Program.value,
    "result": Program.value,
    "args": lambda program, chance: chance.choice([(), (1,), [1, 2], program.value(chance)]),
    "extra": lambda program, chance: chance.choice([None, {}, {"peername": 1}]),
    "executor": lambda program, chance: chance.choice([None, make(program, chance, "executor")]),
    "reader": lambda program, chance: ferrio.StreamReader(loop=program.loop(chance)),
    "stream_reader": lambda program, chance: ferrio.StreamReader(loop=program.loop(chance)),
    "lock": lambda program, chance: chance.choice([None, ferrio.Lock(), make(program, chance, "lock")]),
    "sslcontext": lambda program, chance: ssl.create_default_context(),
    "ssl": lambda program, chance: chance.choice([None, ssl.create_default_context()]),
    "port": lambda program, chance: chance.choice([0, 9, 2**16, -1]),
    "path": lambda program, chance: chance.choice(["socket", "\0ferrio-attack", "socket\udce9"]),
    "file": lambda program, chance: chance.choice([None, io.StringIO(), make(program, chance)]),
    "eager_start": lambda program, chance: chance.choice([True, False]),
    "return_exceptions": lambda program, chance: chance.choice([True, False]),
    "return_when": lambda program, chance: chance.choice(
        ["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION", "x"]
    ),
}


def prepare() -> None:
    """Set up what holds for the whole process."""
    signal.signal(signal.SIGALRM, interrupt)
    socket.getaddrinfo = resolve_loopback
    log = logging.getLogger("asyncio")
    log.handlers[:] = [Log()]
    log.propagate = False
    logging.raiseExceptions = False
    warnings.simplefilter("ignore")
    warnings.showwarning = print_nothing
    threading.excepthook = lambda hook: None
    sys.set_asyncgen_hooks(None, None)

    def unraisable(hook: Any) -> None:
        if is_fault(hook.exc_value):
            os.write(
                2,
                b"An ignored SystemError or panic:\n"
                + "".join(traceback.format_exception(hook.exc_value)).encode(errors="replace"),
            )

    sys.unraisablehook = unraisable


def run(
    seed: int, steps: list[int] | None = None, actions: int = ACTIONS, tracing: bool = False
) -> dict[str, int]:
    """Run the program of a seed; return figures."""
    prepare()
    program = Program(seed, actions, tracing)
    for number in range(STEPS) if steps is None else steps:
        try:
            program.step(number)
        except Interrupted:  # between the step and its end
            INTERRUPTS[0] = False
    interrupt_after(0)
    gc.callbacks.clear()
    gc.set_threshold(700, 10, 10)
    sys.setrecursionlimit(1000)
    program.say("the end")
    program.actions = min(program.actions, 20)
    chance = random.Random(seed)
    if chance.random() < 0.15:
        # Everything is left to the end of the interpreter.
        KEPT.append(program)
        return program.figures

    def clear() -> None:
        for place in range(SLOTS):
            program.quietly(program.slots.__setitem__, place, None)

    def close(loop: Any) -> None:
        if not loop.is_running():
            loop.close()

    closes = [functools.partial(close, loop) for loop in program.loops]
    for last in (clear, gc.collect, *closes, gc.collect):
        try:
            interrupt_after(1)
            last()
        except BaseException as error:
            INTERRUPTS[0] = False
            program.examine(error)
    interrupt_after(0)
    return program.figures


# What lives until the interpreter ends.
KEPT: list[Program] = []


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("seed", type=int)
    parser.add_argument("--trace", action="store_true", help="print each step before it is made")
    parser.add_argument("--steps", help="the steps to be made, with commas between")
    parser.add_argument("--actions", type=int, default=ACTIONS, help="how often evil objects act")
    parser.add_argument("--count", action="store_true", help="print how many steps a program has")
    args = parser.parse_args()
    if args.count:
        print(STEPS)
        return
    steps = None if args.steps is None else [int(step) for step in args.steps.split(",") if step]
    guard.once(lambda seed: run(seed, steps, args.actions, args.trace), args.seed)


if __name__ == "__main__":
    main()
