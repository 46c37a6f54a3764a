"""Objects that answer wrongly, raise, or act on what lives in the program when Ferrio asks them something.

An evil object's class is made for it: some of its methods are traps. What a trap does follows from the seed of the
object and from how often it was asked.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Callable
from typing import Any, Protocol


class World(Protocol):
    """What evil objects need of the program that they are in."""

    def act(self, chance: random.Random) -> Any:
        """Do something to what lives in the program, unless enough was done."""

    def value(self, chance: random.Random) -> Any:
        """Return any value."""


class EvilError(Exception):
    """Raised by traps."""


class EvilExit(BaseException):
    """Raised by traps; no `except Exception` catches it."""


HUGE = [
    2**15, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64, 2**70, -1, -2, -(2**31), -(2**63), -(2**63) - 1, -(2**80),
    10**5000,
]  # fmt: skip
NUMBERS = [0, 1, 2, 3, 5, 64, 1000, True, False]
FLOATS = [0.0, -0.0, 0.001, 0.5, 1.5, -1.0, 1e-320, 1e18, 1e308, float("nan"), float("inf"), float("-inf")]
STRINGS = ["", "ferrio", "caf\udce9.txt", "\ud800", "é", "日本", "a" * 5000, "\0", "%s%n{}", "ALL_COMPLETED"]
BYTES = [b"", b"x", b"\n", b"line\nline\n", b"\xff" * 100, b"y" * 70_000]

REPRESENTATIONS = ["__repr__", "__str__", "__format__"]
COMPARISONS = ["__eq__", "__ne__", "__lt__", "__hash__", "__bool__"]
NUMERIC = ["__index__", "__int__", "__float__", "__len__"]
ITERATION = ["__iter__", "__next__", "__await__", "__aiter__", "__anext__", "__getitem__", "__contains__"]
CONTEXT = ["__enter__", "__exit__", "__aenter__", "__aexit__"]
ATTRIBUTES = ["__getattr__", "__setattr__", "__delattr__", "__getattribute__"]
CALLS = ["__call__", "__get__", "__set__", "__del__"]
COROUTINE = ["send", "throw", "close", "__await__", "__next__", "__iter__"]
FUTURE = [
    "add_done_callback", "remove_done_callback", "result", "exception", "cancel", "cancelled", "done", "get_loop",
    "_asyncio_future_blocking", "_callbacks", "__await__", "__iter__", "_make_cancelled_error", "_result", "_exception",
    "_source_traceback",
]  # fmt: skip
PROTOCOL = [
    "connection_made", "data_received", "eof_received", "connection_lost", "pause_writing", "resume_writing",
    "get_buffer", "buffer_updated", "datagram_received", "error_received", "pipe_data_received", "process_exited",
    "_get_close_waiter",
]  # fmt: skip
LOOP = [
    "call_soon", "call_soon_threadsafe", "call_later", "call_at", "call_exception_handler", "create_future",
    "create_task", "get_debug", "time", "is_running", "is_closed", "stop", "close", "_timer_handle_cancelled",
    "run_in_executor", "_add_callback", "add_reader", "remove_reader", "_run_once",
]  # fmt: skip
SOCKET = [
    "fileno", "recv", "recv_into", "send", "sendall", "close", "detach", "getpeername", "getsockname", "family",
    "type", "proto", "gettimeout", "setblocking", "shutdown", "listen", "accept", "getsockopt", "setsockopt", "read",
    "write", "mode", "name", "closed", "connect", "_closed",
]  # fmt: skip
TRANSPORT = [
    "write", "writelines", "close", "abort", "is_closing", "get_extra_info", "set_protocol", "get_protocol",
    "pause_reading", "resume_reading", "is_reading", "get_write_buffer_size", "set_write_buffer_limits", "_loop",
    "can_write_eof", "write_eof", "_force_close",
]  # fmt: skip
EXECUTOR = ["submit", "shutdown", "add_done_callback", "set_running_or_notify_cancel"]
LOCK = ["acquire", "release", "locked", "_loop", "_waiters", "_at_fork_reinit"]
SSL = [
    "do_handshake",
    "read",
    "write",
    "unwrap",
    "pending",
    "wrap_bio",
    "getpeercert",
    "cipher",
    "eof",
    "write_eof",
]

FLAVOURS: dict[str, list[str]] = {
    "plain": [*REPRESENTATIONS, *COMPARISONS, *NUMERIC, *CALLS],
    "attributes": [*ATTRIBUTES, "__call__", "__repr__", "__class__", "__name__", "__qualname__", "__doc__"],
    "iterable": [*ITERATION, *CONTEXT, "__repr__"],
    "coroutine": [*COROUTINE, "cr_frame", "cr_code", "__name__", "__qualname__", "__del__"],
    "future": [*FUTURE, "__del__", "__eq__", "__hash__"],
    "protocol": PROTOCOL,
    "loop": LOOP,
    "socket": SOCKET,
    "transport": TRANSPORT,
    "executor": EXECUTOR,
    "lock": LOCK,
    "ssl": SSL,
}

BASES: list[Any] = [
    object, object, object, int, float, str, bytes, bytearray, list, dict, tuple, set, Exception, BaseException,
    asyncio.CancelledError, KeyError, StopIteration, asyncio.Protocol, asyncio.BufferedProtocol, asyncio.Future,
    contextvars.Context, type, memoryview,
]  # fmt: skip

EXCEPTIONS: list[Any] = [
    EvilError, EvilExit, StopIteration, StopAsyncIteration, GeneratorExit, KeyboardInterrupt, SystemExit,
    asyncio.CancelledError, RecursionError, MemoryError, AttributeError, TypeError, BlockingIOError, TimeoutError,
    ConnectionResetError, OSError, asyncio.InvalidStateError,
]  # fmt: skip


def expected(name: str, evil: Any, arguments: tuple[Any, ...], world: World, chance: random.Random) -> Any:
    """Return what a well-behaved method of that name could return."""
    if name in (
        "__eq__",
        "__ne__",
        "__lt__",
        "__bool__",
        "__contains__",
        "done",
        "cancelled",
        "cancel",
        "is_closing",
    ):
        return chance.random() < 0.5
    if name in ("__hash__", "__index__", "__int__", "__len__"):
        return chance.choice([*NUMBERS, *HUGE])
    if name == "__float__":
        return chance.choice(FLOATS)
    if name in ("__repr__", "__str__", "__format__", "__name__", "__qualname__", "__doc__"):
        return chance.choice(STRINGS)
    if name in ("__iter__", "__await__", "__aiter__"):
        return chance.choice([evil, iter([world.value(chance)]), iter([None, None]), iter(())])
    if name in ("__next__", "send", "throw"):
        if chance.random() < 0.4:
            raise StopIteration(world.value(chance))
        return world.value(chance)
    if name == "fileno":
        return chance.choice([-1, 1_000_000, 2**31 - 1, 2**40, None, *open_pipes()])
    if name == "get_buffer":
        return chance.choice([bytearray(100), memoryview(bytearray(7)), bytes(10), bytearray(), None])
    if name == "__get__":
        return evil
    return world.value(chance)


_pipes: list[int] = []


def open_pipes() -> list[int]:
    """Return descriptors that evil objects may name: of this process's own, which nobody needs."""
    if not _pipes:
        import os

        _pipes.extend(os.pipe2(os.O_NONBLOCK))
    return _pipes


def trap(world: World, name: str, seed: int) -> Callable[..., Any]:
    """Return a method that acts on the world, raises, or returns right or wrong values."""
    calls = 0

    def method(self: Any = None, *arguments: Any, **keywords: Any) -> Any:
        nonlocal calls
        calls += 1
        chance = random.Random(f"{seed} {name} {calls}")
        what = chance.random()
        if what < 0.35:
            world.act(chance)
        if what < 0.15 or what > 0.85:
            raise chance.choice(EXCEPTIONS)(*chance.choice([(), ("caf\udce9",), (1, 2)]))
        if 0.75 < what < 0.85:
            return world.value(chance)
        if name == "__getattribute__":
            return object.__getattribute__(self, *arguments)
        if name in ("__setattr__", "__delattr__"):
            return None
        if name == "__getattr__":
            return trap(world, f"{arguments[0] if arguments else ''}", seed)
        return expected(name, self, arguments, world, chance)

    return method


def make_class(world: World, chance: random.Random, base: Any, names: list[str], share: float) -> type:
    """Return a class derived from base; a share of the methods are traps."""
    seed = chance.randrange(2**32)
    body: dict[str, Any] = {}
    for name in names:
        if chance.random() < share:
            found = trap(world, name, seed)
            kind = chance.random()
            if kind < 0.08:
                body[name] = property(found)
            elif kind < 0.12:
                body[name] = staticmethod(found)
            elif kind < 0.15:
                body[name] = chance.choice([None, 1, world.value(chance)])
            else:
                body[name] = found
    if "__eq__" in body and "__hash__" not in body and chance.random() < 0.7:
        body["__hash__"] = object.__hash__
    return type(f"Evil{getattr(base, '__name__', '')}", (base,), body)


def make(world: World, chance: random.Random, flavour: str | None = None) -> Any:
    """Return an evil object."""
    flavour = flavour or chance.choice(list(FLAVOURS))
    names = FLAVOURS[flavour]
    base = chance.choice(BASES) if flavour in ("plain", "attributes", "iterable") else object
    if chance.random() < 0.3:
        names = [*names, *chance.sample([*REPRESENTATIONS, *COMPARISONS, *NUMERIC, *CALLS, *ITERATION], 4)]
    kind = make_class(world, chance, base, names, chance.choice([0.15, 0.3, 0.6, 1.0]))
    try:
        return kind(*chance.choice([(), (), (1,), ("1",)]))
    except BaseException:
        # A constructor that wants more, or that met a trap.
        return make_class(world, chance, object, names, 0.3)()
