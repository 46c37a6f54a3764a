"""What tasks and primitives are called in explanations."""

from __future__ import annotations

import os
import types
from collections.abc import Iterator

from ferrio.inspection import chains, owners

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("label", "task_label", "task_name")

# The longest name that is shown, in characters.
_LONGEST = 80


def task_name(task: Any) -> str:
    """Return a task's name between quotation marks; its class and its name are the program's."""
    try:
        name = str(task.get_name())
    except Exception as error:
        return f"at {id(task):#x} (its get_name() raised {type(error).__name__})"
    return repr(name if len(name) <= _LONGEST else name[:_LONGEST] + "...")


def task_label(task: Any) -> str:
    """Return how a task is named in a sentence, with the place where it stands."""
    return f"Task {task_name(task)} ({chains.place_of(coroutine_of(task))})"


def coroutine_of(task: Any) -> Any:
    """Return a task's coroutine, or None."""
    try:
        return task.get_coro()
    except Exception:
        return None


def label(thing: Any, links: list[Any]) -> str:
    """Return how a primitive is named: its class, what the program calls it, and where it was made.

    links: the coroutines of a task that waits for it, the outermost first.
    """
    kind = type(thing).__name__
    name = _name_in(thing, links)
    made = owners.origin_of(thing)
    text = f"{kind} {name!r}" if name else kind
    # The address tells those apart that are made in one place.
    return f"{text} at {id(thing):#x}" + (f" (made at {made})" if made else "")


def _name_in(thing: Any, links: list[Any]) -> str:
    """Return the name of a variable or attribute of the waiting functions for an object, or an empty str.

    The innermost function is asked first.
    """
    for link in reversed(links):
        if not isinstance(link, types.CoroutineType | types.GeneratorType | types.AsyncGeneratorType):
            continue
        frame = chains.frame_of(link)
        if frame is None or chains.is_library(link):
            continue
        for name in _names(thing, frame):
            return name
    return ""


def _names(thing: Any, frame: types.FrameType) -> Iterator[str]:
    values = chains.locals_of(frame)
    for name, value in values.items():
        if value is thing:
            yield name
    for name, value in values.items():
        # Not getattr(): that may run code of the program.
        attributes = _dict_of(value)
        for attribute, inner in list(attributes.items()):
            if inner is thing:
                yield f"{name}.{attribute}"
        if type(value) is dict:
            for key, inner in list(value.items()):
                if inner is thing and isinstance(key, str | int):
                    yield f"{name}[{key!r}]"
    for name, value in list(frame.f_globals.items()):
        if value is thing:
            yield name


def _dict_of(value: Any) -> dict[str, Any]:
    """Return the attributes of an object of a class that stores them as usual."""
    if isinstance(value, type | types.ModuleType):
        return {}
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except Exception:
        return {}
    return attributes if type(attributes) is dict else {}


def place(frame: types.FrameType | None) -> str:
    """Return the innermost place outside of asyncio and Ferrio, as file:line, or an empty str."""
    while frame is not None and frame.f_code.co_filename.startswith(chains.LIBRARIES):
        frame = frame.f_back
    return "" if frame is None else f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
