"""What a task waits for: a lock, an event, a queue, other tasks, a call in a thread, a process, a time."""

from __future__ import annotations

import asyncio
import asyncio.subprocess
import contextlib
import functools
import gc
from collections.abc import Callable, Iterator

from ferrio import _core, locks, queues, streams, taskgroups, timeouts, versions
from ferrio.inspection import chains, names

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("Wait", "contents", "wait_of")

# asyncio's own classes, from which Ferrio's derive.

# Functions that add only a limit to what they await, or nothing.
_AROUND = {"wait_for", "_ContextManagerMixin.__aenter__", "to_thread"}


class Wait:
    """What a task waits for.

    text: in words, without the tasks. subject: the primitive, future or process, or None. tasks: who has to
    act: tasks that have to end, or those that hold a lock. relation: the words between the text and the
    tasks. needs: "all" or "any" of the tasks; None if something else may end the wait. limit: seconds until
    a timeout ends it, or None.
    """

    __slots__ = ("limit", "needs", "relation", "subject", "tasks", "text")

    def __init__(
        self, text: str, subject: Any = None, *, tasks: Any = (), relation: str = "", needs: str | None = None
    ) -> None:
        self.text = text
        self.subject = subject
        self.tasks: list[Any] = list(tasks)
        self.relation = relation
        self.needs = needs
        self.limit: float | None = None


def wait_of(task: Any, links: list[Any], holders: Callable[[Any], list[Any]]) -> Wait:
    """Return what a task waits for.

    links: its coroutine and what that awaits. holders: returns the tasks that hold a lock or a semaphore.
    """
    if task.done():
        return Wait(_outcome(task))
    waiter = getattr(task, "_fut_waiter", None)
    if waiter is None:
        if asyncio.current_task(task.get_loop()) is task:
            return Wait("runs now")
        return Wait("is ready to run")
    library = _library_part(links)
    found = None
    for link in library:
        found = _of_link(link, waiter, links, holders)
        if found is not None:
            break
    if found is None:
        found = _of_future(waiter, links)
        name = next((name for name in map(chains.name_of, library) if name and name not in _AROUND), "")
        if name and found.subject is waiter and not found.tasks:
            found = Wait(f"{name}()", waiter)
    found.limit = _limit(task, links, library)
    return found


def _outcome(task: Any) -> str:
    if task.cancelled():
        return "was cancelled"
    # Not exception(): that marks it as retrieved.
    error = getattr(task, "_exception", None)
    return "has ended" if error is None else f"has raised {type(error).__name__}"


def _library_part(links: list[Any]) -> list[Any]:
    """Return the innermost links that are asyncio's or Ferrio's, the outermost of them first."""
    part: list[Any] = []
    for link in reversed(links):
        if asyncio.isfuture(link) or type(link).__name__ in {"FutureIterator", "FutureIter"}:
            continue
        if not chains.is_library(link):
            break
        part.insert(0, link)
    return part


def _of_link(link: Any, waiter: Any, links: list[Any], holders: Callable[[Any], list[Any]]) -> Wait | None:
    """Return what a coroutine of asyncio's or Ferrio's waits for, or None."""
    name = chains.name_of(link)
    if name == "sleep":
        return Wait("sleep()")
    referents = gc.get_referents(link)
    if name == "wait_for":
        # Up to 3.11 it awaits a future of its own, and a task does the work.
        inner = [one for one in _pending(referents) if one is not waiter]
        return _of_future(inner[0], links) if inner and not versions.WAIT_FOR_RUNS_IN_PLACE else None
    if name in {"wait", "_wait"}:
        return _of_wait(referents, waiter)
    if name == "to_thread":
        return Wait(f"a call in a thread{_function_in(referents)}", waiter)
    for thing in referents:
        for classes, describe in _DESCRIPTIONS:
            # Not isinstance(): that asks mocks and proxies.
            if issubclass(type(thing), classes):
                found: Wait | None = describe(thing, name, waiter, links, holders)
                return found
    return None


def _of_lock(
    lock: Any, name: str, waiter: Any, links: list[Any], holders: Callable[[Any], list[Any]]
) -> Wait:
    text = names.label(lock, links)
    if not lock._locked:
        return Wait(f"{text}, which is free and about to be its own", lock)
    return _held(Wait(text, lock), holders(lock), "all")


def _held(wait: Wait, tasks: list[Any], needs: str | None) -> Wait:
    """Complete the wait for a lock or a semaphore that these tasks hold."""
    wait.tasks = tasks
    wait.relation = "held by"
    wait.needs = needs if tasks else None
    if not tasks:
        from ferrio.inspection.owners import are_noted

        wait.text += ", held by an unknown task" + ("" if are_noted() else " (see ferrio.note_owners())")
    return wait


def _of_semaphore(
    semaphore: Any, name: str, waiter: Any, links: list[Any], holders: Callable[[Any], list[Any]]
) -> Wait:
    tasks = holders(semaphore)
    text = f"{names.label(semaphore, links)} ({semaphore._value} free)"
    # Any task may release a unit. Only where all units are known to be held, the holders are all there is.
    bound = getattr(semaphore, "_bound_value", None)
    is_complete = bound == len(tasks) or getattr(semaphore, "_owners_are_all", False)
    return _held(Wait(text, semaphore), tasks, "any" if is_complete else None)


def _of_condition(
    condition: Any, name: str, waiter: Any, links: list[Any], holders: Callable[[Any], list[Any]]
) -> Wait:
    text = names.label(condition, links)
    if any(one is waiter for one in list(condition._waiters or ())):
        return Wait(f"{text} to be notified", condition)
    lock = condition._lock
    if issubclass(type(lock), locks._Lock) and lock._locked:
        return _held(Wait(f"the lock of {text}", lock), holders(lock), "all")
    return Wait(f"the lock of {text}", lock)


def _of_event(event: Any, name: str, waiter: Any, links: list[Any], _: Any) -> Wait:
    return Wait(f"{names.label(event, links)} to be set", event)


def _of_barrier(barrier: Any, name: str, waiter: Any, links: list[Any], _: Any) -> Wait:
    there = f"{barrier._count} of {barrier._parties} tasks are there"
    return Wait(f"{names.label(barrier, links)} ({there})", barrier)


def _of_queue(queue: Any, name: str, waiter: Any, links: list[Any], _: Any) -> Wait:
    method = name.rpartition(".")[2]
    state = f"{queue.qsize()} items" if type(queue).qsize in _SIZES else "of the program's own class"
    if method == "join":
        state = f"{queue._unfinished_tasks} items are not done"
    elif method == "get":
        state = "empty"
    elif method == "put":
        state = f"full: {state}"
    return Wait(f"Queue.{method}() of {names.label(queue, links)} ({state})", queue)


_SIZES = (queues._Queue.qsize, queues.Queue.qsize)


def _of_group(group: Any, name: str, waiter: Any, links: list[Any], _: Any) -> Wait:
    tasks = _pending(group._tasks)
    return Wait(f"the end of a TaskGroup of {_count(tasks)}:", group, tasks=tasks, needs="all")


def _of_reader(reader: Any, name: str, waiter: Any, links: list[Any], _: Any) -> Wait:
    return Wait(f"{name}() of {_connection(reader, links)}", reader)


def _of_writer(writer: Any, name: str, waiter: Any, links: list[Any], _: Any) -> Wait:
    return Wait(f"{name}() of {_connection(writer, links)}", writer)


def _connection(stream: Any, links: list[Any]) -> str:
    """Return what a stream is connected to."""
    transport: Any = getattr(stream, "_transport", None)
    otherwise = names.label(stream, links)
    if type(transport).__module__.partition(".")[0] not in {"asyncio", "ferrio"}:
        return otherwise
    with contextlib.suppress(Exception):
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            return f"the connection to {peer[0]}:{peer[1]}"
        if isinstance(peer, str) and peer:
            return f"the connection to {peer}"
    return otherwise


def _of_process(process: Any, name: str, waiter: Any, links: list[Any], _: Any) -> Wait:
    pid = getattr(process, "pid", None) or getattr(process, "_pid", None)
    return Wait(f"{name}() of child process {pid}", process)


def _of_wait(referents: list[Any], waiter: Any) -> Wait | None:
    """wait(): the futures are in a set of asyncio's coroutine, or in the observer of Ferrio's."""
    inside: list[Any] = []
    needs = "all"
    for thing in referents:
        if type(thing) in (set, list, tuple, frozenset):
            inside += thing
        elif isinstance(thing, str) and thing in {asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION}:
            needs = "any"
        elif _is_observer(thing):
            inside += thing._futures
            needs = "any" if thing._ends_early else needs
    pending = [one for one in _pending(inside) if one is not waiter]
    if not pending:
        return None
    words = "the first" if needs == "any" else "all"
    tasks = [one for one in pending if _is_task(one)]
    # A future that is no task may be done by anybody.
    return Wait(
        f"wait() for {words} of {_count(pending)}:",
        pending,
        tasks=tasks,
        needs=needs if tasks and (needs == "all" or len(tasks) == len(pending)) else None,
    )


def _of_future(future: Any, links: list[Any]) -> Wait:
    """What a future is that a task awaits."""
    if _is_task(future):
        return Wait("", future, tasks=[future], needs="all")
    children = getattr(future, "_children", None)
    if children:
        pending = _pending(children)
        tasks = [one for one in pending if _is_task(one)]
        return Wait(f"gather() of {_count(pending)}:", future, tasks=tasks, needs="all" if tasks else None)
    for callback, *_ in list(getattr(future, "_callbacks", None) or ()):
        if getattr(callback, "__name__", "") == "_outer_done_callback":
            inner = _shielded(callback)
            if inner is not None:
                found = _of_future(inner, links)
                found.text = f"shield() of {found.text}".rstrip()
                return found
    call = _call_in_thread(future)
    if call:
        return Wait(call, future)
    return Wait(names.label(future, links), future)


def _shielded(callback: Any) -> Any:
    """Return the inner future of shield(): a variable of asyncio's callback, or in Ferrio's tuple."""
    code = getattr(callback, "__code__", None)
    if code is not None and "inner" in code.co_freevars:
        return callback.__closure__[code.co_freevars.index("inner")].cell_contents
    owner = getattr(callback, "__self__", None)
    inner = owner[0] if type(owner) is tuple and owner else owner
    return inner if asyncio.isfuture(inner) else None


def _call_in_thread(future: Any) -> str:
    """Return what a future of run_in_executor() is about, or an empty str."""
    loop = future.get_loop()
    for name in ("_own_executor", "_resolver"):
        queue = getattr(getattr(loop, name, None), "_work_queue", None)
        if isinstance(queue, _core.CallQueue):
            for address, function, is_running in queue.calls():
                if address == id(future):
                    waits = "" if is_running else f", which waits for a thread ({queue.qsize()} calls do)"
                    return f"a call in a thread{_named(function)}{waits}"
    for callback, *_ in list(getattr(future, "_callbacks", None) or ()):
        if getattr(callback, "__name__", "") in {"_call_check_cancel", "_check_cancel"}:
            return "a call in an executor, or another concurrent future"
    return ""


def _function_in(referents: list[Any]) -> str:
    """Return the name of the function that to_thread() calls."""
    for thing in referents:
        if isinstance(thing, functools.partial):
            return _named(thing)
    return ""


def _named(function: Any) -> str:
    while isinstance(function, functools.partial):
        # to_thread() has the context's run() call the function.
        inner = function.args[0] if function.args and callable(function.args[0]) else None
        is_run = getattr(function.func, "__name__", "") == "run"
        function = inner if is_run and inner is not None else function.func
    name = getattr(function, "__qualname__", None)
    return f": {name}()" if isinstance(name, str) else ""


def _is_observer(thing: Any) -> bool:
    """Return whether an object is what wait() of Ferrio's has on its futures."""
    return type(thing).__name__ == "_Waiting" and type(thing).__module__ == "ferrio._core"


def _is_task(future: Any) -> bool:
    return isinstance(future, asyncio.Task | _core.Task)


def _pending(futures: Any) -> list[Any]:
    """Return those of some objects that are futures and not done, each of them once."""
    found = {id(one): one for one in list(futures) if asyncio.isfuture(one) and not one.done()}
    return list(found.values())


def _count(futures: list[Any]) -> str:
    what = "task" if all(map(_is_task, futures)) else "future"
    return f"{len(futures)} {what}{'' if len(futures) == 1 else 's'}"


def contents(callback: Any) -> Iterator[Any]:
    """Yield the objects of a callback: the object of a method, its arguments, its variables."""
    while isinstance(callback, functools.partial):
        yield from callback.args
        callback = callback.func
    owner = getattr(callback, "__self__", None)
    if type(owner) is tuple:
        yield from owner
    yield owner
    for cell in getattr(callback, "__closure__", None) or ():
        with contextlib.suppress(ValueError):  # an empty one
            yield cell.cell_contents


def _limit(task: Any, links: list[Any], library: list[Any]) -> float | None:
    """Return the seconds until a timer or a timeout ends the wait, or None."""
    times: list[float] = []
    ours = {id(link) for link in library}
    for link in links:
        for thing in gc.get_referents(link):
            times += _deadline(thing, in_library=id(link) in ours)
            if isinstance(thing, chains.FUNCTIONS):
                # __aexit__() of a timeout that was entered.
                times += _deadline(getattr(thing, "__self__", None), in_library=False)
    if not times:
        return None
    return max(0.0, min(times) - float(task.get_loop().time()))


def _deadline(thing: Any, in_library: bool) -> list[float]:
    kind = type(thing)
    when: Any = None
    if issubclass(kind, timeouts._Timeout):
        when = thing.when()
    elif in_library and issubclass(kind, asyncio.TimerHandle | _core.TimerHandle):
        when = None if thing.cancelled() else thing.when()
    elif _is_observer(thing):
        return [time for inner in gc.get_referents(thing) for time in _deadline(inner, True)]
    elif kind.__name__ == "CancelScope":
        # anyio's.
        when = getattr(thing, "deadline", None)
    return [float(when)] if isinstance(when, int | float) and when != float("inf") else []


# What a coroutine of asyncio's works on, and who describes it. The first that fits counts.
_DESCRIPTIONS: list[tuple[Any, Any]] = [
    (locks._Lock, _of_lock),
    (locks._Semaphore, _of_semaphore),
    (locks._Barrier, _of_barrier),
    (locks._Condition, _of_condition),
    (locks._Event, _of_event),
    (queues._Queue, _of_queue),
    (taskgroups._TaskGroup, _of_group),
    (streams._StreamReader, _of_reader),
    (streams._StreamWriter, _of_writer),
    ((asyncio.subprocess.Process, asyncio.SubprocessTransport), _of_process),
]
