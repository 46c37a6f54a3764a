"""The values that the programs of api.py use: what lives in slots, and what is made for a parameter."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import functools
import gc
import io
import os
import random
import socket
import time
import types
from collections.abc import Callable
from typing import Any

import ferrio
import ferrio._core
from evil import (
    BYTES,
    EXCEPTIONS,
    FLOATS,
    HUGE,
    NUMBERS,
    STRINGS,
    make,
    make_class,
    trap,
)
from exports import BLOCKING, CLASSES, FUNCTIONS, is_fault_of_cpython

# How many places a program has for objects.
SLOTS = 20

# How long another thread sleeps, in seconds.
NAP = 0.002


def print_nothing(*_: object, **__: object) -> None:
    """Do nothing, whatever is given."""


class Values:
    """What a program is made of. Its state is in `api.Program`."""

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
