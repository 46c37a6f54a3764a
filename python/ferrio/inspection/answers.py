"""The answers of the server: the tasks for `ps`, an explanation, a sample for `top`."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
import threading
import time
from typing import Any

from ferrio import versions
from ferrio.inspection import statistics
from ferrio.inspection.blocking import stack_of
from ferrio.inspection.breathing import breathe
from ferrio.inspection.chains import place_of
from ferrio.inspection.explanation import brief, circles, explain, explain_all, find
from ferrio.inspection.graph import Graph, all_tasks
from ferrio.inspection.names import coroutine_of, task_name
from ferrio.inspection.sorting import SORTS
from ferrio.inspection.tasks import describe_tasks
from ferrio.loop import is_any_running, living_loops

__all__ = ("answer", "sample")

# Tasks of an explanation, and connections of a sample.
_MOST_EXPLAINED = 20
_MOST_CONNECTIONS = 100

# A callback that runs for so many seconds is shown with its stack.
_BLOCKED = 0.02

# More tasks than these are not searched for deadlocks in each sample: `explain` does it.
_MOST_SEARCHED = 2000


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Answer a client's question."""
    ask = question.get("ask")
    if ask == "tasks":
        return {"running": is_any_running(), "tasks": describe_tasks()}
    if ask == "explain":
        task = question.get("task")
        return _explanation(task if isinstance(task, str) else None)
    if ask == "top":
        limit, sort = question.get("limit", 50), question.get("sort", "time")
        if type(limit) is not int or limit < 0 or sort not in SORTS:
            raise ValueError("limit or sort")
        return sample(limit, sort)
    raise ValueError("no such question")


def _explanation(name: str | None) -> dict[str, Any]:
    if name is None:
        return {"running": is_any_running(), "text": explain_all()}
    tasks = find(name)
    if not tasks:
        return {"error": f"there is no task {name!r} that is not done"}
    texts = [explain(task) for task in tasks[:_MOST_EXPLAINED]]
    if len(tasks) > _MOST_EXPLAINED:
        texts.append(f"... and {len(tasks) - _MOST_EXPLAINED} more tasks of this name")
    return {"running": True, "text": "\n".join(texts)}


def sample(limit: int, sort: str = "time") -> dict[str, Any]:
    """Return what `top` shows: the process, its loops, and as many tasks as limit says, sorted."""
    statistics.look()
    graph = Graph(all_tasks())
    loops = living_loops()
    threads = {thread.ident: thread.native_id for thread in threading.enumerate()}
    described = []
    for loop in loops:
        loop._keep_times_of([id(task) for task in graph.tasks])
        described.append(
            {
                "id": id(loop),
                "thread": threads.get(loop._thread_id or 0) or 0,
                **dataclasses.asdict(statistics.stats(loop)),
                "callback": _callback(loop),
                "open": [dataclasses.asdict(one) for one in statistics.connections(loop)[:_MOST_CONNECTIONS]],
            }
        )
    chosen = _chosen(graph, limit, sort)
    deadlocks = list(circles(graph)) if len(graph.tasks) <= _MOST_SEARCHED else None
    return {
        "pid": os.getpid(),
        "time": time.time(),
        "python": versions.INTERPRETER,
        **statistics.process_times(),
        "loops": described,
        "tasks_total": len(graph.tasks),
        "tasks": [_task(graph, task) for task in chosen],
        "deadlocks": deadlocks,
    }


def _callback(loop: Any) -> dict[str, Any] | None:
    """Return what a loop has been running for a while: the task's name, for how long, and the stack."""
    number = loop._running_callback()
    blocked = loop._statistics()[-1]
    if number is None or blocked < _BLOCKED:
        return None
    task = asyncio.current_task(loop)
    stack = stack_of(sys._current_frames().get(loop._thread_id or 0))
    if loop._running_callback() != number:
        return None
    return {"task": None if task is None else task_name(task), "seconds": blocked, "stack": stack}


def _chosen(graph: Graph, limit: int, sort: str) -> list[Any]:
    if sort == "name":
        return sorted(graph.tasks, key=task_name)[:limit]
    attribute = SORTS[sort]
    return sorted(graph.tasks, key=lambda task: -getattr(graph.times.get(id(task)), attribute, 0.0))[:limit]


def _task(graph: Graph, task: Any) -> dict[str, Any]:
    breathe()
    times = graph.times.get(id(task))
    wait = graph.wait(task)
    return {
        "id": id(task),
        "name": task_name(task),
        "loop": id(task.get_loop()),
        "place": place_of(coroutine_of(task)),
        "what": brief(graph, task),
        "on": [id(one) for one in wait.tasks],
        **({} if times is None else dataclasses.asdict(times)),
    }
