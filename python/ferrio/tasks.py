"""Making Ferrio's tasks visible for asyncio.all_tasks() and call graphs.

asyncio finds foreign tasks in a WeakSet. To add a task to it takes a microsecond. So Ferrio does not add its
tasks, but changes the class of the set: the set then also looks into Ferrio's own list.
"""

from __future__ import annotations

import asyncio.tasks
import functools
import gc
import itertools
import weakref
from collections.abc import Iterator

from ferrio import _core

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
    # module, so the set is among gc.get_referents(). It is the one into which asyncio puts the probe.
    names = ("_scheduled_tasks", "_all_tasks")
    known = [getattr(module, name, None) for module in (asyncio.tasks, _asyncio) for name in names]
    hidden = gc.get_referents(_asyncio)
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
    """Make Ferrio's tasks visible in asyncio's sets of tasks, and their awaiters in its call graphs."""
    # The object stays the same, because C code has it too. Only its class changes.
    for tasks in _find_task_sets():
        tasks.__class__ = _TaskSet
    if hasattr(asyncio, "future_add_to_awaited_by"):
        _extend_call_graphs("future_add_to_awaited_by")
        _extend_call_graphs("future_discard_from_awaited_by")
        _show_awaiters_of_others()


# A task factory whose tasks begin to run when they are created; from 3.12 on.
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
