"""Lists of tasks as text: the table of `ps`, the tree of `pstree`."""

from __future__ import annotations

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("table", "tree")


def _names(stack: list[Any]) -> str:
    return " -> ".join(name for name, _, _ in stack)


def table(tasks: list[dict[str, Any]]) -> list[str]:
    """The columns of python -m asyncio ps."""
    by_id = {task["id"]: task for task in tasks}
    lines = [
        _row("tid", "task id", "task name", "coroutine stack", "awaiter chain", "awaiter name", "awaiter id")
    ]
    lines.append("-" * 180)
    for task in tasks:
        first = (task["thread"], hex(task["id"]), task["name"], _names(task["stack"]))
        for awaiter in task["awaited_by"]:
            parent = by_id[awaiter]
            lines.append(_row(*first, _names(parent["stack"]), parent["name"], hex(awaiter)))
        if not task["awaited_by"]:
            lines.append(_row(*first, "", "", "0x0"))
    return lines


def _row(*cells: Any) -> str:
    widths = (10, 20, 20, 50, 50, 15, 15)
    return " ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))


def tree(tasks: list[dict[str, Any]]) -> list[str]:
    """The tree of python -m asyncio pstree: a task, its functions, the tasks that these await."""
    by_id = {task["id"]: task for task in tasks}
    awaited: dict[int, list[int]] = {}
    for task in tasks:
        for awaiter in task["awaited_by"]:
            awaited.setdefault(awaiter, []).append(task["id"])
    lines: list[str] = []

    def draw(text: str, prefix: str, last: bool) -> str:
        lines.append(f"{prefix}{'└── ' if last else '├── '}{text}")
        return prefix + ("    " if last else "│   ")

    def draw_task(task: dict[str, Any], prefix: str, last: bool, above: frozenset[int]) -> None:
        prefix = draw(f"(T) {task['name']}", prefix, last)
        for name, file, line in reversed(task["stack"]):
            where = f"{name} {file}:{line}" if file else name
            prefix = draw(f" {where}", prefix, True)
        children = awaited.get(task["id"], [])
        for number, child in enumerate(children):
            is_last = number == len(children) - 1
            if child in above:
                draw(f"(T) {by_id[child]['name']}: they await each other", prefix, is_last)
            else:
                draw_task(by_id[child], prefix, is_last, above | {child})

    drawn_from = [task for task in tasks if not task["awaited_by"]] or tasks[:1]
    for task in drawn_from:
        draw_task(task, "", True, frozenset([task["id"]]))
    return lines
