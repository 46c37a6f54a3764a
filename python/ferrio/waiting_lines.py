"""The lines at which asyncio's coroutine functions wait, for the stacks of those that are Rust here."""

from __future__ import annotations

import dis
import functools
import types

__all__ = ("waiting_line",)

# Functions that wait at their first await; the earlier ones of others are for rare cases. Condition.wait()
# awaits the lock afterwards.
_WAITS_FIRST = {"Condition.wait"}


@functools.cache
def waiting_line(code: types.CodeType) -> int:
    """Return the line of the await at which a function waits, or its first line if it has none."""
    lines = []
    for instruction in dis.get_instructions(code):
        # The argument tells await from what `async with` awaits.
        if instruction.opname == "GET_AWAITABLE" and not instruction.arg:
            positions = instruction.positions
            if positions is not None and positions.lineno is not None:
                lines.append(positions.lineno)
    if not lines:
        return code.co_firstlineno
    return lines[0] if code.co_qualname in _WAITS_FIRST else lines[-1]
