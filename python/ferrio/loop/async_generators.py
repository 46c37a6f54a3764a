"""Closing the asynchronous generators that are still open: loop.shutdown_asyncgens()."""

from __future__ import annotations

import asyncio

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ferrio.loop import Loop

__all__ = ("close_all",)


async def close_all(loop: Loop) -> None:
    """Close every asynchronous generator of the loop; report what fails to the exception handler."""
    closing = list(loop._asyncgens)
    loop._asyncgens.clear()
    results = await asyncio.gather(*[agen.aclose() for agen in closing], return_exceptions=True)
    for result, agen in zip(results, closing, strict=True):
        if isinstance(result, Exception):
            loop.call_exception_handler(
                {
                    "message": f"an error occurred during closing of asynchronous generator {agen!r}",
                    "exception": result,
                    "asyncgen": agen,
                }
            )
