"""Unhandled exceptions: loop.call_exception_handler(), loop.default_exception_handler()."""

from __future__ import annotations

import traceback
from asyncio.log import logger

from ferrio import versions

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ferrio.loop import Loop

__all__ = ("call_exception_handler", "default_exception_handler")

# These end the run of the loop, wherever they are raised.
_RUN_ENDINGS = (SystemExit, KeyboardInterrupt)


def default_exception_handler(loop: Loop, context: dict[str, Any]) -> None:
    """Log an unhandled exception and its context."""
    message = context.get("message") or "Unhandled exception in event loop"
    exception = context.get("exception")
    exc_info: Any = False
    if exception is not None:
        exc_info = (type(exception), exception, exception.__traceback__)
    current = getattr(loop._current, "_source_traceback", None)
    if "source_traceback" not in context and current:
        context["handle_traceback"] = current
    lines = [message]
    for key in sorted(context):
        if key in {"message", "exception"}:
            continue
        value = context[key]
        if key in {"source_traceback", "handle_traceback"}:
            made = "Object" if key == "source_traceback" else "Handle"
            frames = "".join(traceback.format_list(value)).rstrip()
            lines.append(f"{key}: {made} created at (most recent call last):\n{frames}")
        else:
            lines.append(f"{key}: {value!r}")
    logger.error("\n".join(lines), exc_info=exc_info)


def call_exception_handler(loop: Loop, context: dict[str, Any]) -> None:
    """Call the program's exception handler, or the default one."""
    if loop._exception_handler is None:
        try:
            loop.default_exception_handler(context)
        except _RUN_ENDINGS:
            raise
        except BaseException:
            logger.error("Exception in default exception handler", exc_info=True)
        return
    try:
        _call_user_exception_handler(loop, context)
    except _RUN_ENDINGS:
        raise
    except BaseException as error:
        try:
            loop.default_exception_handler(
                {
                    "message": "Unhandled error in exception handler",
                    "exception": error,
                    "context": context,
                }
            )
        except _RUN_ENDINGS:
            raise
        except BaseException:
            logger.error(
                "Exception in default exception handler while handling an unexpected error "
                "in custom exception handler",
                exc_info=True,
            )


def _call_user_exception_handler(loop: Loop, context: dict[str, Any]) -> None:
    """Call the handler; from 3.12 on, in the context of the object that failed."""
    if versions.HANDLER_RUNS_IN_CONTEXT:
        thing = next((context[key] for key in ("task", "future", "handle") if context.get(key)), None)
        get_context = getattr(thing, "get_context", None)
        variables = get_context() if get_context is not None else None
        if variables is not None and hasattr(variables, "run"):
            variables.run(loop._exception_handler, loop, context)
            return
    loop._exception_handler(loop, context)
