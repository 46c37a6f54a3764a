"""The arguments of the calls of api.py: for each name of a parameter, values that it takes, mostly."""

from __future__ import annotations

import io
import random
import signal
import ssl
import time
from collections.abc import Callable
from typing import Any

import ferrio
import ferrio._core
from evil import (
    BYTES,
    EXCEPTIONS,
    FLOATS,
    HUGE,
    STRINGS,
    make,
    open_pipes,
)
from exports import parameters_of_any
from values import Values


class Arguments(Values):
    """Chooses arguments."""

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


def ready_loop(program: Values, chance: random.Random) -> Any:
    """Return a loop, or one that pretends to be one."""
    return make(program, chance, "loop") if chance.random() < 0.08 else program.loop(chance)


ARGUMENTS: dict[str, Callable[[Values, random.Random], Any]] = {
    "loop": ready_loop,
    "coro": Values.coroutine,
    "main": Values.coroutine,
    "callback": Values.callback,
    "fn": Values.callback,
    "func": Values.callback,
    "function": Values.callback,
    "predicate": Values.callback,
    "protocol_factory": lambda program, chance: lambda: program.protocol(chance),
    "client_connected_cb": Values.callback,
    "accept_tls": Values.callback,
    "factory": Values.callback,
    "handler": Values.callback,
    "context": Values.context,
    "delay": lambda program, chance: chance.choice([0, 0, 0.001, -1, *FLOATS, *HUGE]),
    "timeout": lambda program, chance: chance.choice([None, 0, 0.001, 5, *FLOATS]),
    "when": lambda program, chance: chance.choice([None, 0, time.monotonic(), *FLOATS]),
    "fut": Values.future,
    "future": Values.future,
    "task": Values.future,
    "waiter": lambda program, chance: chance.choice([None, program.future(chance)]),
    "coros_or_futures": Values.coroutine,
    "fs": lambda program, chance: [program.future(chance) for _ in range(chance.choice([0, 1, 3]))],
    "arg": Values.coroutine,
    "sock": Values.sock,
    "server": lambda program, chance: chance.choice([None, program.value(chance)]),
    "pipe": Values.pipe,
    "protocol": Values.protocol,
    "transport": Values.transport,
    "fd": lambda program, chance: chance.choice(
        [program.sock(chance), *open_pipes(), 10**6, 2**31 - 1, -1, 2**40]
    ),
    "data": lambda program, chance: chance.choice(BYTES),
    "buf": lambda program, chance: chance.choice([bytearray(10), memoryview(bytearray(3)), b"x"]),
    "separator": lambda program, chance: chance.choice([b"\n", b"", b"xx", (b"a", b"bb")]),
    "list_of_data": lambda program, chance: [chance.choice(BYTES), chance.choice(BYTES)],
    "n": Values.number,
    "limit": Values.number,
    "maxsize": Values.number,
    "value": Values.number,
    "parties": Values.number,
    "backlog": lambda program, chance: chance.choice([1, 100, *HUGE]),
    "high": Values.number,
    "low": Values.number,
    "exception": Values.exception,
    "exc": Values.exception,
    "exc_type": lambda program, chance: chance.choice([None, *EXCEPTIONS]),
    "et": lambda program, chance: chance.choice([None, *EXCEPTIONS]),
    "exc_val": Values.exception,
    "tb": lambda program, chance: None,
    "exc_tb": lambda program, chance: None,
    "name": lambda program, chance: chance.choice(STRINGS),
    "msg": Values.value,
    "result": Values.value,
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
