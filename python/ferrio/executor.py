"""Executor: the thread pool that a loop creates for itself.

It has the threads and the shutdown of a ThreadPoolExecutor. A call by a loop goes directly from the loop's
future to a thread and back; see CallQueue in the Rust code.
"""

from __future__ import annotations

import concurrent.futures
import threading
import weakref
from concurrent.futures import thread

from ferrio import _core

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ("Executor",)

# This module uses private names of concurrent.futures.thread, which are the same from 3.11 to 3.15. There is
# no public way to make the interpreter end the threads of a pool at its exit. At the exit, it sets _shutdown
# under _global_shutdown_lock, and puts None into the queue of each thread in _threads_queues. The class below
# uses _shutdown, _shutdown_lock, _threads, _max_workers, _thread_name_prefix and _work_queue of
# ThreadPoolExecutor, and it overrides _adjust_thread_count().
_interpreter: Any = thread


# Executors of a parent process. They are kept, because a thread may have held one of their locks at the fork.
_of_parents: list[Executor] = []


class _Item:
    """A call whose result goes into a concurrent future."""

    __slots__ = ("_arguments", "_function", "_keywords", "future")

    def __init__(self, function: Any, arguments: Any, keywords: Any) -> None:
        self.future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self._function, self._arguments, self._keywords = function, arguments, keywords

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self._function(*self._arguments, **self._keywords)
        except BaseException as error:
            self.future.set_exception(error)
            # Its traceback refers to this frame.
            del self
        else:
            self.future.set_result(result)


class Executor(concurrent.futures.ThreadPoolExecutor):
    """A ThreadPoolExecutor, with its max_workers and thread_name_prefix."""

    _threads: set[threading.Thread]

    def __init__(self, max_workers: int | None = None, thread_name_prefix: str = "") -> None:
        super().__init__(max_workers, thread_name_prefix)
        self._work_queue: Any = _core.CallQueue()

    def call(self, loop: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Return a future of the loop for function(*arguments). RuntimeError after a shutdown."""
        future = self._begin(self._work_queue.add, loop, function, arguments)
        # A loop whose methods the program overrides is informed through them, and a simulated loop chooses.
        return loop._answer_of(self.submit(function, *arguments), function) if future is None else future

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Return a concurrent future for fn(*args, **kwargs). RuntimeError after a shutdown."""
        item = _Item(fn, args, kwargs)
        self._begin(self._work_queue.put, item)
        return item.future

    def _begin(self, put: Callable[..., Any], *call: Any) -> Any:
        """Put a call into the queue, and ensure that there is a thread for it."""
        with self._shutdown_lock, _interpreter._global_shutdown_lock:
            if self._shutdown:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if _interpreter._shutdown:
                raise RuntimeError("cannot schedule new futures after interpreter shutdown")
            future = put(*call)
            if self._work_queue.lacks_thread:
                self._adjust_thread_count()
            return future

    def _adjust_thread_count(self) -> None:
        number = len(self._threads)
        if number >= self._max_workers:
            return
        queue = self._work_queue
        # The end of an executor wakes its threads, which then end too.
        reference = weakref.ref(self, lambda _: queue.put(None))
        worker = threading.Thread(
            name=f"{self._thread_name_prefix}_{number}",
            target=_work,
            args=(reference, queue),
        )
        worker.start()
        try:
            self._threads.add(worker)
            _interpreter._threads_queues[worker] = queue
        except BaseException:
            # A trace function or a signal handler has raised. The interpreter waits for the thread at the
            # interpreter's end.
            queue.put(None)
            raise

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the threads after all calls; with cancel_futures, after those that have begun."""
        super().shutdown(wait=False)
        if cancel_futures:
            for loop, waiting in self._work_queue.take():
                if loop is None:
                    waiting.future.cancel()
                elif not loop.is_closed():
                    loop.call_soon_threadsafe(waiting.cancel)
        if wait:
            for worker in self._threads:
                worker.join()

    def forget(self) -> None:
        """Forget the threads, in the child of a fork, which does not have them."""
        for worker in self._threads:
            _interpreter._threads_queues.pop(worker, None)
        _of_parents.append(self)


def _work(executor_reference: weakref.ref[Executor], queue: Any) -> None:
    """Run calls until the executor is shut down or gone, or the interpreter ends."""
    while True:
        queue.work()
        executor = executor_reference()
        if executor is None or executor._shutdown or _interpreter._shutdown:
            if executor is not None:
                executor._shutdown = True
            # For the next thread.
            queue.put(None)
            return
        del executor
