"""Who waits for whom: the tasks of a process, what each waits for, and which of them wait in a circle."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import sys
import types
from collections import defaultdict
from collections.abc import Iterable, Iterator

from ferrio import _core, locks, queues, versions
from ferrio.inspection import chains, owners
from ferrio.inspection.breathing import breathe
from ferrio.inspection.names import coroutine_of
from ferrio.inspection.waits import Wait, wait_of
from ferrio.loop import living_loops

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("Graph", "all_tasks")

# What goes on only when somebody calls a method of it.
_PASSIVE: Any = (
    locks._Lock,
    locks._Semaphore,
    locks._Condition,
    locks._Event,
    locks._Barrier,
    queues._Queue,
    asyncio.Future,
    _core.Future,
)

_HELD: Any = (locks._Lock, locks._Semaphore, locks._Condition)


def all_tasks() -> list[Any]:
    """Return the tasks of all of this process's loops that are not done, the oldest of each loop first."""
    found: dict[int, Any] = {id(task): task for task in _core.all_tasks()}
    for loop in living_loops():
        # Tasks of other makes.
        with contextlib.suppress(RuntimeError):
            found.update((id(task), task) for task in asyncio.all_tasks(loop) if id(task) not in found)
    return [task for task in found.values() if not task.done()]


class Graph:
    """What some tasks wait for. All of the process's tasks have to be among them for true answers."""

    def __init__(self, tasks: Iterable[Any]) -> None:
        self.tasks = list(tasks)
        self._links: dict[int, list[Any]] = {}
        self._waits: dict[int, Wait] = {}
        self._lonely: dict[int, bool] = {}

    def links(self, task: Any) -> list[Any]:
        """Return a task's coroutine, what it awaits, and so on."""
        found = self._links.get(id(task))
        if found is None:
            found = self._links[id(task)] = list(chains.links(coroutine_of(task)))
        return found

    def wait(self, task: Any) -> Wait:
        """Return what a task waits for. What can't be found out is said so."""
        found = self._waits.get(id(task))
        if found is None:
            try:
                found = wait_of(task, self.links(task), self.holders)
            except Exception as error:
                # Objects of the program's have been asked, and other threads change what is looked at.
                found = Wait(f"something that can't be shown ({type(error).__name__})")
            self._waits[id(task)] = found
        return found

    @functools.cached_property
    def times(self) -> dict[int, Any]:
        """The times of tasks, by the identities of the tasks; as far as they are noted."""
        from ferrio.inspection.statistics import times_of

        found: dict[int, Any] = {}
        for loop in living_loops():
            found.update(times_of(loop))
        return found

    def holders(self, primitive: Any) -> list[Any]:
        """Return the tasks that have acquired a lock or a semaphore."""
        noted = owners.owners_of(primitive)
        return noted or self._entered.get(id(primitive), [])

    @functools.cached_property
    def _entered(self) -> dict[int, list[Any]]:
        """The tasks that are inside of `async with`, by the identity of the lock or semaphore."""
        found: dict[int, list[Any]] = defaultdict(list)
        for task in self.tasks:
            breathe()
            links = self.links(task)
            for at, link in enumerate(links):
                if not isinstance(link, types.CoroutineType | types.AsyncGeneratorType | types.GeneratorType):
                    continue
                entered = list(_entered(gc.get_referents(link)))
                # The statement that is about to enter has the method on the stack already.
                entering = _entering(links[at + 1 :])
                for primitive in entered:
                    if primitive is entering:
                        entering = None
                        continue
                    lock = getattr(primitive, "_lock", None) if _is_condition(primitive) else primitive
                    if task not in found[id(lock)]:
                        found[id(lock)].append(task)
        return found

    # Circles

    @functools.cached_property
    def stuck(self) -> set[int]:
        """The identities of the tasks that none but each other, or tasks that have ended, could wake."""
        waits = {}
        for task in self.tasks:
            breathe()
            waits[id(task)] = self.wait(task)
        dependents: dict[int, list[int]] = defaultdict(list)
        missing: dict[int, int] = {}
        alive: list[int] = []
        for key, wait in waits.items():
            if wait.needs is None or wait.limit is not None:
                alive.append(key)
                continue
            missing[key] = len(wait.tasks) if wait.needs == "all" else 1
            for other in wait.tasks:
                dependents[id(other)].append(key)
                if id(other) not in waits and not other.done():
                    # A task of another make, or a newer one.
                    alive.append(id(other))
        seen: set[int] = set()
        while alive:
            key = alive.pop()
            if key in seen:
                continue
            seen.add(key)
            for dependent in dependents[key]:
                missing[dependent] -= 1
                if missing[dependent] == 0:
                    alive.append(dependent)
        return {key for key in waits if key not in seen}

    def circles(self) -> list[list[Any]]:
        """Return the deadlocks: lists of tasks that wait for each other, in the order of the waits."""
        by_id = {id(task): task for task in self.tasks}
        found: list[list[Any]] = []
        known: set[int] = set()
        for task in self.tasks:
            path: list[int] = []
            at: Any = task
            while at is not None and id(at) in self.stuck and id(at) not in known:
                known.add(id(at))
                path.append(id(at))
                at = next((one for one in self.wait(at).tasks if id(one) in self.stuck), None)
            if at is not None and id(at) in path:
                found.append([by_id[key] for key in path[path.index(id(at)) :]])
        return found

    def is_lonely(self, task: Any) -> bool:
        """Return whether nobody but those that wait for it refers to what a task waits for.

        The references are counted. So it is never said of what somebody refers to, and sometimes not said of
        what nobody refers to.
        """
        wait = self.wait(task)
        if not issubclass(type(wait.subject), _PASSIVE) or hasattr(type(wait.subject), "get_coro"):
            return False
        key = id(wait.subject)
        if key not in self._lonely:
            self._lonely[key] = self._has_no_other_references(wait)
        return self._lonely[key]

    def _has_no_other_references(self, wait: Wait) -> bool:
        waiting = self._by_subject[id(wait.subject)]
        links = {id(link): link for one in waiting for link in self.links(one)}
        known = sum(_count(wait.subject, gc.get_referents(link)) for link in links.values())
        known += sum(getattr(one, "_fut_waiter", None) is wait.subject for one in waiting)
        # What this object and its answers refer to.
        known += len(waiting) + sum(_count(wait.subject, self.links(one)) for one in waiting)
        known += id(wait.subject) in links
        # An attribute of an object to which nothing else refers.
        probe = Wait("", object())
        return sys.getrefcount(wait.subject) - sys.getrefcount(probe.subject) + 1 <= known

    @functools.cached_property
    def _by_subject(self) -> dict[int, list[Any]]:
        """The tasks that wait for an object, by its identity."""
        found: dict[int, list[Any]] = defaultdict(list)
        for task in self.tasks:
            found[id(self.wait(task).subject)].append(task)
        return found


def _count(thing: Any, things: list[Any]) -> int:
    return sum(one is thing for one in things)


def _is_condition(thing: Any) -> bool:
    return issubclass(type(thing), locks._Condition)


def _entered(referents: list[Any]) -> Iterator[Any]:
    """Yield the locks and semaphores whose __aexit__() is on a coroutine's stack."""
    for at, thing in enumerate(referents):
        if issubclass(type(thing), contextlib.AsyncExitStack):
            for _, exit in list(thing._exit_callbacks):
                yield from _primitive(getattr(exit, "__self__", None))
        elif isinstance(thing, chains.FUNCTIONS) and getattr(thing, "__name__", "") == "__aexit__":
            if versions.EXITS_ARE_BOUND or isinstance(thing, types.MethodType):
                yield from _primitive(getattr(thing, "__self__", None))
            elif at + 1 < len(referents):
                yield from _primitive(referents[at + 1])


def _primitive(thing: Any) -> Iterator[Any]:
    if issubclass(type(thing), _HELD):
        yield thing


def _entering(links: list[Any]) -> Any:
    """Return the lock or semaphore that an `async with` statement is about to enter, or None."""
    if links and chains.name_of(links[0]).endswith("__aenter__") and chains.is_library(links[0]):
        return next((one for one in gc.get_referents(links[0]) if issubclass(type(one), _HELD)), None)
    return None
