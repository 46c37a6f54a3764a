"""A random program over everything that Ferrio exports, with evil objects: nothing of it may crash or hang.

    python tests/attack/api.py SEED [--trace] [--steps 1,5,9] [--actions N]

The names are found by introspection, so that a new one is attacked at once. A program is a list of steps. Each has
random numbers of its own and works on slots with fixed places, so that steps can be left out without a change of
those that stay: `scripts/attack PYTHON --minimise SEED` does that. Exceptions of Python are fine, whichever they are;
death by a signal, an abort, a hang, SystemError and a panic of Rust are not.

`exports.py` finds what can be called, `values.py` and `arguments.py` make what it is called with, `deeds.py` and
`surroundings.py` have the kinds of steps.

What is tamed, because a right answer to it would block, kill or reach out of this process:
- `CallQueue.work`, the body of an executor's threads, runs on threads of its own only;
- a step that takes longer than PATIENCE is interrupted by an exception from a signal handler;
- loops run on the main thread, and on threads that the interpreter does not wait for;
- signals are SIGUSR1 and SIGUSR2 only; programs to start are `true` only;
- tracebacks of more than LONG_TRACEBACK frames are not formatted; the recursion limit is not raised, as the
  interpreter overflows its own stack then; at most 200 tasks wait for each other in a row;
- names and addresses are those of the loopback interface: `socket.getaddrinfo` resolves nothing else;
- nothing is told that it is in the child of a fork: `NEVER` in exports.py;
- a task of CPython's own is not initialised again, and neither is done what else makes CPython's
  own objects crash: `is_fault_of_cpython` in exports.py;
- sockets and pipes are the program's own; descriptors 0 to 2 are never given in by number for writing;
- numbers that are huge are not used as the length of what has to be made by a right answer, beyond what the limit of
  address space turns into a MemoryError.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import gc
import logging
import os
import random
import signal
import socket
import sys
import threading
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import ferrio
import ferrio._core
import guard
from arguments import Arguments
from deeds import Deeds
from evil import (
    make,
)
from exports import CLASSES, Log, is_fault, resolve_loopback
from interrupts import INTERRUPTS, Interrupted, interrupt, interrupt_after
from surroundings import Surroundings
from values import SLOTS, print_nothing

# How many steps a program has.
STEPS = 60

# The first steps put something into slots.
FIRST = 14

# How many actions of evil objects a program has in all, and how deep they nest.
ACTIONS = 250
DEPTH = 4

# Seconds after which a step is interrupted.
PATIENCE = 0.15


class Program(Deeds, Surroundings, Arguments):
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


@types.coroutine
def odd(value: Any) -> Iterator[Any]:
    """Yield any value to whoever drives the coroutine."""
    return (yield value)


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
