"""Random programs of tasks and primitives, run on asyncio and on Ferrio; their traces have to be equal.

A program is data, made of a seed. Nothing in it depends on the clock: timeouts are over at once or never. Its
tasks say in a trace what they do and what comes of it, in the order in which it happens.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import ferrio

Step = tuple[Any, ...]

# How often the others are given way to before a program that stands still is cancelled.
PATIENCE = 40


class Program:
    """A random program."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.tasks = [self.steps(2) for _ in range(self.chance.randint(1, 5))]

    def steps(self, depth: int) -> list[Step]:
        """Return the steps of one coroutine."""
        return [self.step(depth) for _ in range(self.chance.randint(1, 5))]

    def step(self, depth: int) -> Step:
        """Return one step: its name, and what it works with."""
        pick = self.chance.choice
        simple: list[Callable[[], Step]] = [
            lambda: ("sleep",),
            lambda: ("sleep_result", self.chance.randint(0, 9)),
            lambda: ("event", pick(["wait", "wait", "set", "clear", "is_set"]), pick([0, 1])),
            lambda: (
                "queue",
                pick(["put", "get", "put_nowait", "get_nowait", "task_done", "join"]),
                pick([0, 1, 2]),
            ),
            lambda: ("queue", pick(["put", "get"]), pick([0, 1, 2])),
            lambda: ("future", pick(["await", "result", "exception", "cancel", "callback"]), pick([0, 1, 2])),
            lambda: ("cancel", pick([0, 1, 2, 3]), pick([None, None, "why"])),
            lambda: ("uncancel",),
            lambda: ("raise", pick(["ValueError", "KeyError", "CancelledError"])),
            lambda: ("call_soon", self.chance.randint(0, 9)),
            lambda: ("call_later", pick([0, -1, 0.0]), self.chance.randint(0, 9)),
            lambda: ("notify", pick([1, 2, 5])),
            lambda: ("barrier",),
            lambda: ("reader", pick(["feed", "feed", "eof", "readline", "readexactly", "read", "readuntil"])),
            lambda: ("await_task", pick([0, 1, 2, 3])),
            lambda: ("shield_task", pick([0, 1, 2, 3])),
            lambda: (
                "wait_tasks",
                pick(["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"]),
                pick([None, 0]),
            ),
        ]
        nested: list[Callable[[], Step]] = [
            lambda: ("try", pick(["swallow", "again", "finally"]), self.steps(depth - 1)),
            lambda: ("lock", pick([0, 1]), self.steps(depth - 1)),
            lambda: ("semaphore", self.steps(depth - 1)),
            lambda: ("condition", pick(["enter", "wait"]), self.steps(depth - 1)),
            lambda: ("timeout", pick([0, None, 1000, -1]), self.steps(depth - 1)),
            lambda: ("wait_for", pick([0, None, 1000, -1]), self.steps(depth - 1)),
            lambda: ("gather", pick([True, False]), self.several(depth - 1)),
            # One task: a group cancels several in the order of their addresses.
            lambda: ("group", self.steps(depth - 1), self.steps(depth - 1)),
            lambda: ("as_completed", pick([None, 1000]), self.several(depth - 1)),
            lambda: ("shield", self.steps(depth - 1)),
            lambda: ("spawn", self.steps(depth - 1)),
            lambda: ("inline", self.steps(depth - 1)),
        ]
        return pick(simple + (nested if depth > 0 else []))()

    def several(self, depth: int) -> list[list[Step]]:
        """Return the steps of several coroutines."""
        return [self.steps(depth) for _ in range(self.chance.randint(1, 3))]


class Run:
    """One run of a program, with the names of one module: asyncio or ferrio."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.trace: list[str] = []
        self.tasks: list[Any] = []
        self.numbers = 0

    def say(self, who: str, *what: Any) -> None:
        """Write a line into the trace."""
        self.trace.append(f"{who}: {' '.join(map(str, what))}")

    async def main(self, program: Program) -> None:
        """Run the program to its end."""
        api = self.api
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self.unhandled)
        self.locks = [api.Lock(), api.Lock()]
        self.events = [api.Event(), api.Event()]
        self.semaphore = api.Semaphore(2)
        self.condition = api.Condition()
        self.barrier = api.Barrier(2)
        self.queues = [api.Queue(2), api.LifoQueue(), api.PriorityQueue(1)]
        self.futures = [loop.create_future() for _ in range(3)]
        self.reader = api.StreamReader(limit=16)
        self.tasks = [self.task(steps) for steps in program.tasks]
        for attempt in range(4):
            for _ in range(PATIENCE):
                await asyncio.sleep(0)
            for task in list(self.tasks):
                if not task.done():
                    task.cancel(f"attempt {attempt}")
        for _ in range(PATIENCE):
            await asyncio.sleep(0)
        for task in self.tasks:
            self.say(task.get_name(), *self.outcome(task), task.cancelling())
        for index, queue in enumerate(self.queues):
            self.say("queue", index, queue.qsize(), queue.empty(), queue.full())
        for lock in (*self.locks, self.semaphore, self.condition):
            self.say("lock", lock.locked())
        self.say("barrier", self.barrier.n_waiting, self.barrier.broken)
        # What is left over is nobody's fault here, and ends in any order.
        self.say = lambda *what: None  # type: ignore[method-assign]
        for _ in range(10):
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task._log_destroy_pending = False
                task.cancel()
            for _ in range(PATIENCE):
                await asyncio.sleep(0)

    def unhandled(self, loop: Any, context: dict[str, Any]) -> None:
        """Write what reaches the loop's exception handler into the trace."""
        error = context.get("exception")
        if "never retrieved" in context["message"]:
            return  # said when the memory is freed, which is no promise
        self.say("handler", context["message"].split(" <")[0].split(" at 0x")[0], self.shown(error))

    def outcome(self, future: Any) -> list[str]:
        """Return what has become of a future."""
        if not future.done():
            return ["pending"]
        if future.cancelled():
            return ["cancelled"]
        error = future.exception()
        return ["failed", self.shown(error)] if error else ["result", str(future.result())]

    def shown(self, error: Any) -> str:
        """Return an exception without its addresses."""
        if isinstance(error, BaseExceptionGroup):
            return f"group[{', '.join(self.shown(one) for one in error.exceptions)}]"
        if error is None:
            return "None"
        text = type(error).__name__ + str([str(one) for one in error.args if "0x" not in str(one)])
        for name in ("__cause__", "__context__"):
            other = getattr(error, name)
            text += f" {name[2:-2]}={type(other).__name__}" if other else ""
        return text

    def task(self, steps: list[Step]) -> Any:
        """Make a task of steps."""
        self.numbers += 1
        name = f"t{self.numbers}"
        return self.api.create_task(self.run(name, steps), name=name)

    def coroutine(self, steps: list[Step]) -> Any:
        """Make a coroutine of steps."""
        self.numbers += 1
        return self.run(f"c{self.numbers}", steps)

    async def run(self, who: str, steps: list[Step]) -> str:
        """Run steps, one after another."""
        for number, step in enumerate(steps):
            self.say(who, number, step[0], "begins")
            try:
                result = await getattr(self, f"do_{step[0]}")(who, *step[1:])
            except BaseException as error:
                self.say(who, number, step[0], self.shown(error))
                raise
            self.say(who, number, step[0], "gives", result)
        return who

    def earlier(self) -> list[Any]:
        """Return the tasks that the current one may wait for: in a circle none would come to an end."""
        current = asyncio.current_task()
        return self.tasks[: self.tasks.index(current)] if current in self.tasks else []

    # The steps.

    async def do_sleep(self, who: str) -> Any:
        return await self.api.sleep(0)

    async def do_sleep_result(self, who: str, result: int) -> Any:
        return await self.api.sleep(0, result)

    async def do_event(self, who: str, what: str, index: int) -> Any:
        event = self.events[index]
        return await event.wait() if what == "wait" else getattr(event, what)()

    async def do_queue(self, who: str, what: str, index: int) -> Any:
        queue = self.queues[index]
        self.numbers += 1
        if what in {"put", "put_nowait"}:
            answer = getattr(queue, what)(self.numbers)
        else:
            answer = getattr(queue, what)()
        return await answer if what in {"put", "get", "join"} else answer

    async def do_future(self, who: str, what: str, index: int) -> Any:
        future = self.futures[index]
        if what == "await":
            return await future
        if what == "callback":
            return future.add_done_callback(
                lambda future: self.say("callback of", index, *self.outcome(future))
            )
        if what == "result":
            return future.set_result(who)
        if what == "exception":
            return future.set_exception(ValueError(who))
        return future.cancel(who)

    async def do_cancel(self, who: str, index: int, message: Any) -> Any:
        return self.tasks[index % len(self.tasks)].cancel(message)

    async def do_uncancel(self, who: str) -> Any:
        return asyncio.current_task().uncancel()  # type: ignore[union-attr]  # in a task

    async def do_raise(self, who: str, name: str) -> Any:
        raise {"ValueError": ValueError, "KeyError": KeyError, "CancelledError": asyncio.CancelledError}[
            name
        ](who)

    async def do_call_soon(self, who: str, number: int) -> Any:
        asyncio.get_running_loop().call_soon(self.say, "soon", number)

    async def do_call_later(self, who: str, delay: float, number: int) -> Any:
        asyncio.get_running_loop().call_later(delay, self.say, "later", number)

    async def do_notify(self, who: str, count: int) -> Any:
        return self.condition.notify(count)

    async def do_barrier(self, who: str) -> Any:
        return await self.barrier.wait()

    async def do_reader(self, who: str, what: str) -> Any:
        reader = self.reader
        if what == "feed":
            return reader.feed_data(b"ab\ncd;ef\n" if not reader.at_eof() and not reader._eof else b"")
        if what == "eof":
            return reader.feed_eof()
        arguments = {"readexactly": (5,), "read": (4,), "readuntil": (b";",)}.get(what, ())
        return await getattr(reader, what)(*arguments)

    async def do_await_task(self, who: str, index: int) -> Any:
        tasks = self.earlier()
        return await tasks[index % len(tasks)] if tasks else None

    async def do_shield_task(self, who: str, index: int) -> Any:
        tasks = self.earlier()
        return await self.api.shield(tasks[index % len(tasks)]) if tasks else None

    async def do_wait_tasks(self, who: str, until: str, timeout: Any) -> Any:
        if not (tasks := self.earlier()):
            return None
        done, pending = await self.api.wait(tasks, timeout=timeout, return_when=until)
        return sorted(task.get_name() for task in done), sorted(task.get_name() for task in pending)

    async def do_try(self, who: str, how: str, steps: list[Step]) -> Any:
        try:
            return await self.run(f"{who}'", steps)
        except (Exception, asyncio.CancelledError) as error:
            self.say(who, "has caught", self.shown(error))
            if how == "swallow":
                return "swallowed"
            if how == "again":
                return await self.run(f'{who}"', steps[:1])
            raise
        finally:
            if how == "finally":
                await self.api.sleep(0)

    async def do_lock(self, who: str, index: int, steps: list[Step]) -> Any:
        async with self.locks[index]:
            return await self.run(who + "l", steps)

    async def do_semaphore(self, who: str, steps: list[Step]) -> Any:
        async with self.semaphore:
            return await self.run(who + "s", steps)

    async def do_condition(self, who: str, how: str, steps: list[Step]) -> Any:
        async with self.condition:
            if how == "wait":
                self.say(who, await self.condition.wait())
            return await self.run(who + "c", steps)

    async def do_timeout(self, who: str, delay: Any, steps: list[Step]) -> Any:
        async with self.api.timeout(delay) as timeout:
            result = await self.run(who + "t", steps)
        return result, timeout.expired()

    async def do_wait_for(self, who: str, delay: Any, steps: list[Step]) -> Any:
        return await self.api.wait_for(self.coroutine(steps), delay)

    async def do_gather(self, who: str, exceptions: bool, several: list[list[Step]]) -> Any:
        results = await self.api.gather(*map(self.coroutine, several), return_exceptions=exceptions)
        return [self.shown(one) if isinstance(one, BaseException) else one for one in results]

    async def do_group(self, who: str, child: list[Step], steps: list[Step]) -> Any:
        async with self.api.TaskGroup() as group:
            self.numbers += 1
            group.create_task(self.run(f"g{self.numbers}", child), name=f"g{self.numbers}")
            return await self.run(who + "g", steps)

    async def do_as_completed(self, who: str, timeout: Any, several: list[list[Step]]) -> Any:
        results = []
        for one in self.api.as_completed([self.task(steps) for steps in several], timeout=timeout):
            try:
                results.append(await one)
            except Exception as error:
                results.append(self.shown(error))
        # Those that were done before were told in the order of their addresses.
        return sorted(results)

    async def do_shield(self, who: str, steps: list[Step]) -> Any:
        return await self.api.shield(self.task(steps))

    async def do_spawn(self, who: str, steps: list[Step]) -> Any:
        task = self.task(steps)
        self.tasks.append(task)
        return task.get_name()

    async def do_inline(self, who: str, steps: list[Step]) -> Any:
        return await self.coroutine(steps)


def trace(seed: int, api: Any, new_loop: Callable[[], Any]) -> list[str]:
    """Run the program of a seed, and return its trace."""
    run = Run(api)
    # No Runner: it waits for tasks that wait for a lock for ever, which can't be cancelled.
    loop = new_loop()
    try:
        loop.run_until_complete(run.main(Program(seed)))
    finally:
        loop.close()
    return run.trace


def difference(seed: int) -> str | None:
    """Return where the traces of a program differ, or None."""
    model = trace(seed, asyncio, asyncio.SelectorEventLoop)
    for name, api in (("loop only", asyncio), ("whole", ferrio)):
        other = trace(seed, api, ferrio.new_event_loop)
        if other != model:
            pairs = zip([*model, "the end"], [*other, "the end"], strict=False)
            at = next((index for index, (one, two) in enumerate(pairs) if one != two), 0)
            context = "\n".join(model[max(0, at - 10) : at])
            return (
                f"program {seed}, {name}: after\n{context}\nasyncio says\n  {model[at : at + 3]}\n"
                f"Ferrio says\n  {other[at : at + 3]}"
            )
    return None
