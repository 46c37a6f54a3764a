"""Coroutine functions, which asyncio refuses as callbacks."""

from __future__ import annotations

from asyncio import coroutines

from ferrio import versions

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("is_coroutine_function",)


def is_coroutine_function(func: Any) -> bool:
    """Return whether the interpreter's asyncio takes a function for a coroutine function."""
    if versions.ISCOROUTINEFUNCTION_IS_INSPECTS:
        import inspect

        return inspect.iscoroutinefunction(func)
    return coroutines.iscoroutinefunction(func)
