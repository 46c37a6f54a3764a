"""answer_of(): the answer of a call in an executor, which the loop runs when its schedule chooses it."""

from __future__ import annotations

import concurrent.futures
import contextvars
import functools
from collections.abc import Callable
from typing import Any

from ferrio import _core

__all__ = ("answer_of",)


def answer_of(loop: Any, submitted: Any, function: Callable[..., Any]) -> Any:
    """Return a future of a simulated loop for what an executor's submit() has returned."""
    # Outside of any host: also what a host has begun ends, when the host has crashed.
    nowhere = contextvars.Context()
    if not isinstance(submitted, concurrent.futures.Future):
        future = _core.wrap_future(submitted, loop=loop)
        loop._hold(1)
        future.add_done_callback(lambda _: loop._hold(-1), context=nowhere)
        return future
    answer = _Answer(loop.create_future(), submitted, function)
    number = loop._expect(answer)

    def forget(future: Any) -> None:
        if future.cancelled():
            loop._forget_answer(number)
            submitted.cancel()

    answer.future.add_done_callback(forget, context=nowhere)
    # Called by the thread, or at once if the call has ended.
    submitted.add_done_callback(lambda _: loop._answered(number))
    return answer.future


class _Answer:
    """What the loop calls for the answer. A trace shows its name."""

    def __init__(self, future: Any, submitted: Any, function: Callable[..., Any]) -> None:
        self.future, self._submitted = future, submitted
        self.__qualname__ = f"answer of {_name(function)}"

    def __call__(self) -> None:
        _core._set_state(self.future, self._submitted)


def _name(function: Any) -> str:
    """Return the name of a function; to_thread() wraps it."""
    if isinstance(function, functools.partial):
        inner = function.func
        is_of_context = isinstance(getattr(inner, "__self__", None), contextvars.Context)
        return _name(function.args[0] if is_of_context and function.args else inner)
    return getattr(function, "__qualname__", None) or type(function).__name__
