"""What asyncio takes for a coroutine function, and refuses as a callback."""

from __future__ import annotations

from asyncio import coroutines

from ferrio import versions

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("is_coroutine_function",)


def is_coroutine_function(func: Any) -> bool:
    """Return whether a function is a coroutine function to the interpreter's asyncio."""
    if versions.ISCOROUTINEFUNCTION_IS_INSPECTS:
        import inspect

        return inspect.iscoroutinefunction(func)
    return coroutines.iscoroutinefunction(func)
