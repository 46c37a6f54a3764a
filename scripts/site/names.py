"""The tables of every public name, from the installed package."""

import asyncio
import inspect
import re
from typing import Any

import ferrio

# The names that not every supported interpreter has: the first that has it, and the last.
SINCE = {
    "EventLoop": "3.13",
    "FrameCallGraphEntry": "3.14",
    "FutureCallGraph": "3.14",
    "QueueShutDown": "3.13",
    "capture_call_graph": "3.14",
    "create_eager_task_factory": "3.12",
    "eager_task_factory": "3.12",
    "format_call_graph": "3.14",
    "future_add_to_awaited_by": "3.14",
    "future_discard_from_awaited_by": "3.14",
    "print_call_graph": "3.14",
}
UNTIL = {
    "AbstractChildWatcher": "3.13",
    "AbstractEventLoopPolicy": "3.13",
    "DefaultEventLoopPolicy": "3.13",
    "FastChildWatcher": "3.13",
    "MultiLoopChildWatcher": "3.13",
    "PidfdChildWatcher": "3.13",
    "SafeChildWatcher": "3.13",
    "ThreadedChildWatcher": "3.13",
    "get_child_watcher": "3.13",
    "set_child_watcher": "3.13",
}
# How the behaviour of a name differs between interpreters; the documentation of asyncio has the details.
DIFFERS = {
    "Server": "3.12: `wait_closed()` waits for the connections. 3.13: a closed Unix server removes its path.",
    "as_completed": "3.13: the result is an asynchronous iterator too. Before, it is asyncio's Python code.",
    "get_event_loop": "3.14: RuntimeError where there is no loop. Before, it creates one in the main thread.",
    "iscoroutinefunction": "3.14: deprecated; use the one of `inspect`.",
    "run": "3.11 has no `loop_factory` in asyncio; Ferrio's has it everywhere.",
    "wait_for": "3.12: awaits in the caller's own task. On 3.11 it is asyncio's Python code.",
}


def _maker(name: str, value: Any) -> str:
    """Say whose code stands behind a name."""
    if value is getattr(asyncio, name, None):
        return "asyncio"
    core = [cls for cls in getattr(value, "__mro__", (type(value),)) if cls.__module__ == "ferrio._core"]
    module = getattr(value, "__module__", "")
    in_rust = core or module == "ferrio._core" or type(value).__module__ == "ferrio._core"
    return "Ferrio, Rust" if in_rust or inspect.isbuiltin(value) else "Ferrio, Python"


def _interpreters(name: str) -> str:
    if name in SINCE:
        return f"from {SINCE[name]}"
    return f"to {UNTIL[name]}" if name in UNTIL else "all"


def _summary(value: Any) -> str:
    """Return the first sentence of a documentation string."""
    if not callable(value):
        return f"`{value!r}`"
    text = re.sub(r"\s+", " ", (inspect.getdoc(value) or "").split("\n\n")[0])
    return text.split(". ")[0].rstrip(".").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def names() -> list[str]:
    """Return every public name of this interpreter, those with an underscore left out."""
    return sorted({name for name in ferrio.__all__ if not name.startswith("_")}, key=str.lower)


def tables() -> str:
    """Return the table of every name, as Markdown."""
    lines = ["| name | made by | Python | what it is |", "|---|---|---|---|"]
    here = dict.fromkeys(names())
    for name in sorted({*here, *SINCE, *UNTIL}, key=str.lower):
        if name in here:
            value = getattr(ferrio, name)
            notes = [_summary(value), DIFFERS.get(name, "")]
            maker = _maker(name, value)
        else:
            notes, maker = ["Not in the interpreter that built this page."], "asyncio"
        said = ". ".join(filter(None, notes))
        lines.append(f"| `{name}` | {maker} | {_interpreters(name)} | {said} |")
    return "\n".join(lines)
