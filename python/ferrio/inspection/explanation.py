"""Who waits for whom, in words."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator

from ferrio import _core
from ferrio.inspection.breathing import breathe
from ferrio.inspection.chains import place_of
from ferrio.inspection.graph import Graph, all_tasks
from ferrio.inspection.names import coroutine_of, task_label, task_name
from ferrio.inspection.waits import Wait

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("brief", "circles", "explain", "explain_all", "find", "line", "sentences")

# So many tasks are named where one waits for many, so many groups of tasks are listed, and so deep a chain is
# followed.
_MOST_BRANCHES = 10
_MOST_GROUPS = 30
_DEEPEST = 50

# So many tasks are named in a few words.
_MOST_NAMED = 3


def explain(task: Any = None) -> str:
    """Return why a task does not go on: the chain of what it waits for, in words.

    It names the lock, event, queue, stream, process, call in a thread or time that the task waits for, the
    tasks that hold a lock or have to end, what these wait for, and so on. Tasks that wait for each other in a
    circle are called a deadlock. Without a task, all tasks of the process: first the deadlocks, then what the
    others wait for.

    Any thread may call it. Locks that were acquired without `async with` have known holders in debug mode, or
    after ferrio.note_owners().

    TypeError for an object that is no task.
    """
    if task is None:
        return explain_all()
    if not isinstance(task, asyncio.Task | _core.Task):
        raise TypeError(f"a Task is expected, not {type(task).__name__}")
    tasks = all_tasks()
    graph = Graph(tasks if task.done() or any(one is task for one in tasks) else [*tasks, task])
    return "\n".join(sentences(graph, task))


def explain_all(tasks: list[Any] | None = None) -> str:
    """Return the deadlocks among tasks, and what the tasks wait for, like ones together."""
    graph = Graph(all_tasks() if tasks is None else tasks)
    if not graph.tasks:
        return "no tasks"
    lines = list(circles(graph))
    groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for task in graph.tasks:
        what = _what_and_tasks(graph, task, with_limit=False)
        breathe()
        groups[place_of(coroutine_of(task)), what].append(task)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    for (place, what), members in ordered[:_MOST_GROUPS]:
        if len(members) == 1:
            lines.append(line(graph, members[0]))
            continue
        plural = what.replace("waits for", "wait for", 1).replace("is ready", "are ready", 1)
        lines.append(f"{len(members)} tasks, {task_name(members[0])} and others ({place}), {plural}")
    if len(ordered) > _MOST_GROUPS:
        rest = sum(len(members) for _, members in ordered[_MOST_GROUPS:])
        lines.append(f"... and {rest} more tasks")
    return "\n".join(lines)


def find(name: str) -> list[Any]:
    """Return the tasks of this process that have a name, or the number that ps shows."""
    tasks = all_tasks()
    found = [task for task in tasks if _has_name(task, name)]
    if not found:
        try:
            number = int(name, 0)
        except ValueError:
            return []
        found = [task for task in tasks if id(task) == number]
    return found


def _has_name(task: Any, name: str) -> bool:
    try:
        return bool(str(task.get_name()) == name)
    except Exception:
        return False


def circles(graph: Graph) -> Iterator[str]:
    """Yield a line for each deadlock."""
    circles = graph.circles()
    for circle in circles:
        first, *others = circle
        text = f"{task_label(first)} waits for {_object(graph, first)}"
        for task in others:
            text += f" {task_label(task)}, which waits for {_object(graph, task)}"
        end = "itself" if not others else f"Task {task_name(first)}"
        yield f"Deadlock: {text} {end}."
    inside = {id(task) for circle in circles for task in circle}
    behind = len(graph.stuck - inside)
    if circles and behind:
        yield f"{behind} more tasks can't go on because of {'this' if len(circles) == 1 else 'these'}."


def line(graph: Graph, task: Any) -> str:
    """Return what a task waits for, in a line, with the names of the tasks that it depends on."""
    return f"{task_label(task)} {_what_and_tasks(graph, task)}"


def brief(graph: Graph, task: Any) -> str:
    """Return what a task does or waits for, in a few words, from what is known of this task alone."""
    wait = graph.wait(task)
    if _is_state(wait.text) and wait.subject is None:
        return wait.text
    names = ", ".join(f"Task {task_name(one)}" for one in wait.tasks[:_MOST_NAMED])
    more = f" and {len(wait.tasks) - _MOST_NAMED} more" if len(wait.tasks) > _MOST_NAMED else ""
    return f"{_object(graph, task)} {names}{more}".strip()


def _what_and_tasks(graph: Graph, task: Any, with_limit: bool = True) -> str:
    names = [f"Task {task_name(one)}" for one in graph.wait(task).tasks]
    more = f" and {len(names) - _MOST_BRANCHES} more" if len(names) > _MOST_BRANCHES else ""
    return f"{_what(graph, task, with_limit)} {', '.join(names[:_MOST_BRANCHES])}{more}".rstrip()


def sentences(graph: Graph, task: Any) -> list[str]:
    """Return the chain of what a task waits for, as lines."""
    lines: list[str] = []
    _tell(graph, task, task_label(task), "", [], set(), lines)
    return lines


def _tell(
    graph: Graph, task: Any, text: str, indentation: str, path: list[Any], told: set[int], lines: list[str]
) -> None:
    """Append the sentence about a task that begins with a text, and those about what it depends on."""
    verb = " "
    while True:
        path = [*path, task]
        told.add(id(task))
        text += verb + _what(graph, task)
        nexts = graph.wait(task).tasks
        if len(nexts) != 1 or len(path) > _DEEPEST:
            break
        (following,) = nexts
        if any(one is following for one in path):
            circle = following is task
            text += " itself" if circle else f" Task {task_name(following)}"
            text += ": a deadlock" if id(task) in graph.stuck else ": a circle"
            lines.append(indentation + text)
            return
        text += f" {task_label(following)}"
        if id(following) in told:
            lines.append(f"{indentation}{text} (see above)")
            return
        task, verb = following, ", which "
    lines.append(indentation + text)
    if len(path) > _DEEPEST:
        lines.append(f"{indentation}  ... and so on")
        return
    for following in nexts[:_MOST_BRANCHES]:
        if any(one is following for one in path):
            end = "a deadlock" if id(following) in graph.stuck else "a circle"
            lines.append(f"{indentation}  Task {task_name(following)}: {end}")
        elif id(following) in told:
            lines.append(f"{indentation}  Task {task_name(following)} (see above)")
        else:
            _tell(graph, following, task_label(following), indentation + "  ", path, told, lines)
    if len(nexts) > _MOST_BRANCHES:
        lines.append(f"{indentation}  ... and {len(nexts) - _MOST_BRANCHES} more")


def _what(graph: Graph, task: Any, with_limit: bool = True) -> str:
    """Return what a task does, without the tasks that it depends on: it waits, is ready, has ended."""
    wait = graph.wait(task)
    if wait.subject is None and wait.text and not wait.tasks and _is_state(wait.text):
        return wait.text
    left = _since(graph, task) + _left(wait) if with_limit else ""
    text = f"waits{left} for {_object(graph, task)}"
    if not wait.tasks and wait.limit is None and graph.is_lonely(task):
        text += ", to which nobody else refers"
    return text.rstrip()


def _is_state(text: str) -> bool:
    return text.startswith(("is ", "runs ", "was ", "has "))


def _object(graph: Graph, task: Any) -> str:
    """Return what a task waits for, up to the tasks that it depends on."""
    wait = graph.wait(task)
    text = wait.text
    if wait.relation and wait.tasks:
        text += f", {wait.relation}"
        if len(wait.tasks) > 1:
            text += f" {len(wait.tasks)} tasks:"
    return text


def _since(graph: Graph, task: Any) -> str:
    """Return for how long a task has waited, if the tasks' times are noted."""
    time = graph.times.get(id(task))
    return "" if time is None else f" since {time.waiting:.1f} s"


def _left(wait: Wait) -> str:
    """Return how long the wait may last at most."""
    return "" if wait.limit is None else f", with {wait.limit:.1f} s left,"
