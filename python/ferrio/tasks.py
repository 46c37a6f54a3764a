"""Making Ferrio's tasks visible to asyncio.all_tasks(), to call graphs and to the interpreter's tools.

From 3.14 on they are in the interpreter's own lists of tasks. Where that is not possible, and for earlier
interpreters, asyncio finds tasks of other makes in a WeakSet. Putting each task in would cost a microsecond
for every one, so that set is taught to look into Ferrio's own list when somebody asks.
"""

from __future__ import annotations

import asyncio.tasks
import functools
import gc
import itertools
import weakref
from collections.abc import Iterator

from ferrio import _core, versions

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    _WeakSet = weakref.WeakSet[Any]
else:
    _WeakSet = weakref.WeakSet

__all__ = ("make_visible",)

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__: Callable[[str], Any] = functools.partial(getattr, asyncio.tasks)


class _TaskSet(_WeakSet):
    """asyncio's set of tasks, together with Ferrio's."""

    def __iter__(self) -> Iterator[Any]:
        return itertools.chain(super().__iter__(), _core.all_tasks())

    def __len__(self) -> int:
        return super().__len__() + len(_core.all_tasks())

    def __contains__(self, item: object) -> bool:
        return super().__contains__(item) or any(item is task for task in _core.all_tasks())


class _Probe:
    """An object by which a set is recognized."""


def _find_task_sets() -> list[weakref.WeakSet[Any]]:
    """Return the sets in which asyncio.all_tasks() looks: one, or two with the version in Python."""
    import _asyncio  # after asyncio, which it needs

    # It is _all_tasks in 3.11, and _scheduled_tasks in 3.12 and 3.13. Later versions have it in the state of
    # the C module, without a name. A trick finds it there: the garbage collector knows all objects of the
    # module, so the set is among gc.get_referents(). It is the one into which asyncio puts the probe. Earlier
    # versions must not be asked so: they show the collector freed objects that are kept for later use.
    names = ("_scheduled_tasks", "_all_tasks")
    known = [getattr(module, name, None) for module in (asyncio.tasks, _asyncio) for name in names]
    hidden = gc.get_referents(_asyncio) if versions.CALL_GRAPHS else []
    probe: Any = _Probe()
    asyncio.tasks._register_task(probe)
    try:
        sets = [one for one in hidden if isinstance(one, weakref.WeakSet) and probe in one]
    finally:
        asyncio.tasks._unregister_task(probe)
    sets += [one for one in known if isinstance(one, weakref.WeakSet)]
    if not sets:
        raise ImportError("ferrio does not know where this interpreter's asyncio keeps its tasks")
    return sets


def make_visible() -> None:
    """Teach asyncio where Ferrio's tasks are, and its call graphs who awaits them, before the first."""
    if versions.CALL_GRAPHS:
        _extend_call_graphs("future_add_to_awaited_by")
        _extend_call_graphs("future_discard_from_awaited_by")
    if _reason is None:
        return
    # The object stays the same, for C code holds it too; only its class changes.
    for tasks in _find_task_sets():
        tasks.__class__ = _TaskSet
    if versions.CALL_GRAPHS:
        _show_awaiters_of_others()


def _share_tasks() -> str | None:
    """Have the interpreter see Ferrio's tasks. Return None, or why it can't."""
    if not versions.CALL_GRAPHS:
        return "the interpreter has no lists of tasks"
    reason = _core.share_tasks()
    if reason is not None:
        import logging

        logger = logging.getLogger("ferrio")
        logger.info("python -m asyncio ps and pstree will not show Ferrio's tasks: %s", reason)
    return reason


# Before the first task: it joins a list.
_reason = _share_tasks()


# Makes tasks that run till they wait, at once, as soon as they are made; from 3.12 on.
eager_task_factory: Any = None
if hasattr(asyncio, "create_eager_task_factory"):
    eager_task_factory = asyncio.create_eager_task_factory(_core.Task)


def _extend_call_graphs(name: str) -> None:
    """Extend one of asyncio's functions: it then also records the awaiters of Ferrio's futures."""
    ours = getattr(_core, name)
    setattr(asyncio, name, ours)
    setattr(asyncio.futures, name, ours)
    # The name of asyncio's fast version, for programs that choose between the two.
    setattr(asyncio.futures, f"_c_{name}", ours)


def _show_awaiters_of_others() -> None:
    """Make call graphs show Ferrio's tasks that await a foreign future, which cannot list them."""
    theirs = asyncio.graph._build_graph_for_future  # type: ignore[attr-defined]

    @functools.wraps(theirs)
    def build(future: Any, **options: Any) -> Any:
        graph = theirs(future, **options)
        if isinstance(future, _core.Future):
            return graph
        tasks: list[Any] = _core.all_tasks()
        awaiting = (build(task, **options) for task in tasks if task._fut_waiter is future)
        import dataclasses

        return dataclasses.replace(graph, awaited_by=(*graph.awaited_by, *awaiting))

    asyncio.graph._build_graph_for_future = build  # type: ignore[attr-defined]
