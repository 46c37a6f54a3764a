"""What the programs of api.py do to all at once: run loops, connect, nest, trace, collect, change settings."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import socket
import ssl
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import ferrio
import ferrio._core
from evil import (
    BYTES,
    FLOATS,
    trap,
)
from values import NAP, SLOTS, print_nothing


async def chain(inner: Any) -> Any:
    """Await something."""
    return await inner


class Surroundings:
    """Deeds on loops, threads and the interpreter. The program's state is in `api.Program`."""

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
