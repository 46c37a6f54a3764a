"""By what the tasks of `top` may be sorted."""

from __future__ import annotations

__all__ = ("SORTS",)

# The attribute of a task's times, the highest first; or its name.
SORTS = {
    "time": "running",
    "age": "age",
    "steps": "steps",
    "longest": "longest",
    "waiting": "waiting",
    "name": "",
}
