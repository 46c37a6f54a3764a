"""The loop's executors: run_in_executor() and the default executor, a thread pool (`ferrio.executor`)."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import warnings
from asyncio import coroutines

from ferrio.executor import Executor
from ferrio.loop.coroutine_functions import is_coroutine_function

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ferrio.loop import Loop

__all__ = (
    "forget_threads",
    "join_default_executor",
    "run_in_executor",
    "set_default_executor",
)

# The type stubs of asyncio.futures lack some names.
futures: Any = asyncio.futures


def run_in_executor(loop: Loop, executor: Any, func: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Call func(*args) in an executor, by default a thread pool. Return a future."""
    loop._check_closed()
    if loop._debug:
        _check_function(func)
    if executor is None:
        executor = loop._default_executor
        # A shutdown is final, even if no executor was used.
        if loop._executor_shutdown_called:
            raise RuntimeError("Executor shutdown has been called")
        if executor is None:
            executor = loop._default_executor = loop._own_executor = Executor(None, "asyncio")
        if executor is loop._own_executor:
            return executor.call(loop, func, args)
    return loop._answer_of(executor.submit(func, *args), func)


def set_default_executor(loop: Loop, executor: Any) -> None:
    """Set the executor that run_in_executor(None, ...) uses. TypeError unless it is a thread pool."""
    if not isinstance(executor, concurrent.futures.ThreadPoolExecutor):
        raise TypeError("executor must be ThreadPoolExecutor instance")
    loop._default_executor = executor
    if executor is not loop._own_executor:
        # Its threads end after their calls.
        loop._own_executor = None


async def join_default_executor(loop: Loop, timeout: float | None) -> None:
    """Wait until the default executor's threads have ended, for at most timeout seconds."""
    done = loop.create_future()
    thread = threading.Thread(target=_join, args=(loop, done))
    thread.start()
    try:
        async with asyncio.timeout(timeout):
            await done
    except TimeoutError:
        warnings.warn(
            f"The executor did not finishing joining its threads within {timeout} seconds.",
            RuntimeWarning,
            # For the caller of loop.shutdown_default_executor().
            stacklevel=4,
        )
        loop._default_executor.shutdown(wait=False)
    else:
        thread.join()


def _join(loop: Loop, done: Any) -> None:
    try:
        loop._default_executor.shutdown(wait=True)
        if not loop.is_closed():
            loop.call_soon_threadsafe(futures._set_result_unless_cancelled, done, None)
    except Exception as error:
        if not loop.is_closed() and not done.cancelled():
            loop.call_soon_threadsafe(done.set_exception, error)


def forget_threads(loop: Loop) -> None:
    """Forget the executors in the child of a fork, where they have no threads."""
    for executor in (loop._own_executor, loop._resolver):
        if executor is not None:
            executor.forget()
    if loop._default_executor is loop._own_executor:
        loop._default_executor = None
    loop._own_executor = loop._resolver = None


def _check_function(func: Any) -> None:
    if coroutines.iscoroutine(func) or is_coroutine_function(func):
        raise TypeError("coroutines cannot be used with run_in_executor()")
    if not callable(func):
        raise TypeError(f"a callable object was expected by run_in_executor(), got {func!r}")
