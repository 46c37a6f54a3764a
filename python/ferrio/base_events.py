"""The event loop apart from connections: running, tasks, executors, exceptions, asynchronous generators."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import os
import socket
import sys
import threading
import traceback
import warnings
import weakref
from asyncio import coroutines, events
from asyncio import tasks as asyncio_tasks
from asyncio.log import logger
from collections.abc import AsyncGenerator, Callable

from ferrio import _core

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("BaseLoop",)

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__ = functools.partial(getattr, asyncio.base_events)

# Lookups at the same time, in threads of their own: as many as concurrent.futures would take for waiting.
_RESOLVER_THREADS = min(32, (os.cpu_count() or 1) + 4)

# asyncio.futures has names that its type stubs do not.
futures: Any = asyncio.futures

_RUN_ENDINGS = (SystemExit, KeyboardInterrupt)


# Called before any loop runs; for those who watch the process.
before_run: Callable[[], None] | None = None


# Nothing is looked up.
_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV

# getaddrinfo() has an argument of this name.
type_of = type


def _may_be_literal(host: str) -> bool:
    return host[:1].isdigit() or ":" in host


class BaseLoop(_core.Loop, asyncio.AbstractEventLoop):  # type: ignore[misc]
    """What every program uses of a loop; the hot part of it is in the base class, in Rust."""

    # The dict stays for attributes of the program's own. As long as there are none, it is not made, and the
    # interpreter finds the loop's methods without looking into it.
    __slots__ = (
        "_asyncgens",
        "_asyncgens_shutdown_called",
        "_default_executor",
        "_exception_handler",
        "_executor_shutdown_called",
        "_origin_tracking_depth_before",
        "_own_executor",
        "_resolver",
        "_tracks_coroutine_origins",
    )

    def __init__(self) -> None:
        super().__init__()
        self._default_executor: Any = None
        # The one that the loop has made, if it is still the default.
        self._own_executor: Any = None
        self._executor_shutdown_called = False
        self._resolver: Any = None
        self._exception_handler: Any = None
        self._asyncgens: weakref.WeakSet[Any] = weakref.WeakSet()
        self._asyncgens_shutdown_called = False
        self._tracks_coroutine_origins = False
        self._origin_tracking_depth_before = 0
        self.set_debug(_is_debug_mode())

    def __repr__(self) -> str:
        return (
            f"<{self.__class__.__name__} running={self.is_running()} "
            f"closed={self.is_closed()} debug={self.get_debug()}>"
        )

    def __del__(self, _warn: Any = warnings.warn) -> None:
        if not self.is_closed():
            _warn(f"unclosed event loop {self!r}", ResourceWarning, source=self)
            if not self.is_running():
                self.close()

    # Running

    def _check_running(self) -> None:
        if self.is_running():
            raise RuntimeError("This event loop is already running")
        if events._get_running_loop() is not None:
            raise RuntimeError("Cannot run the event loop while another loop is running")

    def run_forever(self) -> None:
        """Run until stop() is called."""
        self._check_closed()
        self._check_running()
        if before_run is not None:
            before_run()
        self._track_coroutine_origins(self._debug)
        asyncgen_hooks = sys.get_asyncgen_hooks()
        try:
            sys.set_asyncgen_hooks(
                firstiter=self._asyncgen_firstiter_hook, finalizer=self._asyncgen_finalizer_hook
            )
            self._set_running_loop(self)
            with self._interruptible():  # type: ignore[attr-defined]
                self._run()
        finally:
            self._set_running_loop(None)
            self._track_coroutine_origins(False)
            sys.set_asyncgen_hooks(*asyncgen_hooks)

    @staticmethod
    def _set_running_loop(loop: Any) -> None:
        events._set_running_loop(loop)
        set_in_c = getattr(events, "_c__set_running_loop", None)
        if set_in_c is not None and set_in_c is not events._set_running_loop:
            # Somebody uses asyncio's Python versions of its functions; the current task needs the other.
            set_in_c(loop)

    def run_until_complete(self, future: Any) -> Any:
        """Run until a future is done; a coroutine is wrapped in a task. Return its result.

        RuntimeError if the loop is stopped before that.
        """
        self._check_closed()
        self._check_running()
        is_new = not futures.isfuture(future)
        future = asyncio_tasks.ensure_future(future, loop=self)
        if is_new:
            # Whoever stops the loop early gets an error; the task need not complain as well.
            future._log_destroy_pending = False
        future.add_done_callback(_run_until_complete_cb)
        try:
            self.run_forever()
        except BaseException:
            if is_new and future.done() and not future.cancelled():
                # The exception comes out of here; nobody else can ask for it.
                future.exception()
            raise
        finally:
            future.remove_done_callback(_run_until_complete_cb)
        if not future.done():
            raise RuntimeError("Event loop stopped before Future completed.")
        return future.result()

    def close(self) -> None:
        """Close the loop: drop what is queued, give back descriptors. RuntimeError while it runs."""
        if self.is_running():
            raise RuntimeError("Cannot close a running event loop")
        if self.is_closed():
            return
        if self._debug:
            logger.debug("Close %r", self)
        self._close_files()  # type: ignore[attr-defined]
        self._close()
        self._executor_shutdown_called = True
        executor, self._default_executor, self._own_executor = self._default_executor, None, None
        if executor is not None:
            executor.shutdown(wait=False)
        resolver, self._resolver = self._resolver, None
        if resolver is not None:
            resolver.shutdown(wait=False, cancel_futures=True)

    def set_debug(self, enabled: bool) -> None:
        """Turn debug mode on or off."""
        self._set_debug(enabled)
        if self.is_running():
            self.call_soon_threadsafe(self._track_coroutine_origins, enabled)

    def _track_coroutine_origins(self, enabled: bool) -> None:
        enabled = bool(enabled)
        if enabled == self._tracks_coroutine_origins:
            return
        if enabled:
            self._origin_tracking_depth_before = sys.get_coroutine_origin_tracking_depth()
            sys.set_coroutine_origin_tracking_depth(asyncio.constants.DEBUG_STACK_DEPTH)
        else:
            sys.set_coroutine_origin_tracking_depth(self._origin_tracking_depth_before)
        self._tracks_coroutine_origins = enabled

    # Asynchronous generators

    def _asyncgen_firstiter_hook(self, agen: AsyncGenerator[Any, Any]) -> None:
        if self._asyncgens_shutdown_called:
            warnings.warn(
                f"asynchronous generator {agen!r} was scheduled after loop.shutdown_asyncgens() call",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )
        self._asyncgens.add(agen)

    def _asyncgen_finalizer_hook(self, agen: AsyncGenerator[Any, Any]) -> None:
        self._asyncgens.discard(agen)
        if not self.is_closed():
            self.call_soon_threadsafe(self.create_task, agen.aclose())

    async def shutdown_asyncgens(self) -> None:
        """Close every asynchronous generator that is still open."""
        self._asyncgens_shutdown_called = True
        closing = list(self._asyncgens)
        self._asyncgens.clear()
        if not closing:
            return
        results = await asyncio.gather(*[agen.aclose() for agen in closing], return_exceptions=True)
        for result, agen in zip(results, closing, strict=True):
            if isinstance(result, Exception):
                self.call_exception_handler(
                    {
                        "message": f"an error occurred during closing of asynchronous generator {agen!r}",
                        "exception": result,
                        "asyncgen": agen,
                    }
                )

    # Executors

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Call func(*args) in an executor, by default a thread pool. Return a future."""
        self._check_closed()
        if self._debug:
            _check_executor_function(func)
        if executor is None:
            executor = self._default_executor
            # A shutdown is for good, also if no executor was ever used.
            if self._executor_shutdown_called:
                raise RuntimeError("Executor shutdown has been called")
            if executor is None:
                executor = self._default_executor = self._own_executor = self._make_executor("asyncio")
            if executor is self._own_executor:
                return executor.call(self, func, args)
        return _core.wrap_future(executor.submit(func, *args), loop=self)

    @staticmethod
    def _make_executor(name: str, threads: int | None = None) -> Any:
        # Not every program needs one.
        from ferrio import executor

        return executor.Executor(threads, name)

    def _forget_threads(self) -> None:
        """Part with the executors in the child of a fork, where they have no threads."""
        for executor in (self._own_executor, self._resolver):
            if executor is not None:
                executor.forget()
        if self._default_executor is self._own_executor:
            self._default_executor = None
        self._own_executor = self._resolver = None

    def set_default_executor(self, executor: Any) -> None:
        """Set the executor that run_in_executor(None, ...) uses. TypeError unless it is a thread pool."""
        if not isinstance(executor, concurrent.futures.ThreadPoolExecutor):
            raise TypeError("executor must be ThreadPoolExecutor instance")
        self._default_executor = executor
        if executor is not self._own_executor:
            # Its threads end once what they were given is done.
            self._own_executor = None

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait until the default executor's threads have ended, for at most timeout seconds."""
        self._executor_shutdown_called = True
        if self._default_executor is None:
            return
        done = self.create_future()
        thread = threading.Thread(target=self._join_executor, args=(done,))
        thread.start()
        try:
            async with asyncio.timeout(timeout):
                await done
        except TimeoutError:
            warnings.warn(
                f"The executor did not finishing joining its threads within {timeout} seconds.",
                RuntimeWarning,
                stacklevel=2,
            )
            self._default_executor.shutdown(wait=False)
        else:
            thread.join()

    def _join_executor(self, done: Any) -> None:
        try:
            self._default_executor.shutdown(wait=True)
            if not self.is_closed():
                self.call_soon_threadsafe(futures._set_result_unless_cancelled, done, None)
        except Exception as error:
            if not self.is_closed() and not done.cancelled():
                self.call_soon_threadsafe(done.set_exception, error)

    # Names

    def _in_resolver(self, func: Callable[..., Any], *args: Any) -> Any:
        """Call a function of the name service in a thread that nobody else can keep busy."""
        self._check_closed()
        if self._resolver is None:
            self._resolver = self._make_executor("ferrio-resolver", _RESOLVER_THREADS)
        return self._resolver.call(self, func, args)

    async def getaddrinfo(
        self, host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> Any:
        """Return socket.getaddrinfo() without blocking the loop."""
        if not self._debug and type_of(host) is str and type_of(port) is int and _may_be_literal(host):
            # Of a literal address the system knows all there is to know without asking anybody.
            try:
                return socket.getaddrinfo(host, port, family, type, proto, flags | _NUMERIC)
            except OSError:
                pass  # a name, or an error that is the resolver's to tell
        function = self._getaddrinfo_debug if self._debug else socket.getaddrinfo
        return await self._in_resolver(function, host, port, family, type, proto, flags)

    def _getaddrinfo_debug(self, host: Any, port: Any, family: int, type: int, proto: int, flags: int) -> Any:
        question = [f"{host}:{port!r}"]
        question += [
            f"{name}={value!r}"
            for name, value in (("family", family), ("type", type), ("proto", proto), ("flags", flags))
            if value
        ]
        asked = ", ".join(question)
        logger.debug("Get address info %s", asked)
        start = self.time()
        infos = socket.getaddrinfo(host, port, family, type, proto, flags)
        duration = self.time() - start
        log = logger.info if duration >= self.slow_callback_duration else logger.debug
        log("Getting address info %s took %.3fms: %r", asked, duration * 1e3, infos)
        return infos

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> Any:
        """Return socket.getnameinfo() without blocking the loop."""
        return await self._in_resolver(socket.getnameinfo, sockaddr, flags)

    # Exceptions

    def get_exception_handler(self) -> Any:
        """Return the exception handler, or None for the default one."""
        return self._exception_handler

    def set_exception_handler(self, handler: Any) -> None:
        """Set the callable that hears of unhandled exceptions, (loop, context); None for the default."""
        if handler is not None and not callable(handler):
            raise TypeError(f"A callable object or None is expected, got {handler!r}")
        self._exception_handler = handler

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Log an unhandled exception and what is known of it."""
        message = context.get("message") or "Unhandled exception in event loop"
        exception = context.get("exception")
        exc_info: Any = False
        if exception is not None:
            exc_info = (type(exception), exception, exception.__traceback__)
        current = getattr(self._current, "_source_traceback", None)
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

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Call the exception handler with a context: message, exception, future, task, handle..."""
        if self._exception_handler is None:
            try:
                self.default_exception_handler(context)
            except _RUN_ENDINGS:
                raise
            except BaseException:
                logger.error("Exception in default exception handler", exc_info=True)
            return
        try:
            self._call_user_exception_handler(context)
        except _RUN_ENDINGS:
            raise
        except BaseException as error:
            try:
                self.default_exception_handler(
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

    def _call_user_exception_handler(self, context: dict[str, Any]) -> None:
        """Call the handler in the context of the thing that failed (3.12 and later)."""
        if sys.version_info >= (3, 12):
            thing = next((context[key] for key in ("task", "future", "handle") if context.get(key)), None)
            get_context = getattr(thing, "get_context", None)
            variables = get_context() if get_context is not None else None
            if variables is not None and hasattr(variables, "run"):
                variables.run(self._exception_handler, self, context)
                return
        self._exception_handler(self, context)


def _is_debug_mode() -> bool:
    """Return whether the environment or the interpreter's options ask for debug mode."""
    return sys.flags.dev_mode or (
        not sys.flags.ignore_environment and bool(os.environ.get("PYTHONASYNCIODEBUG"))
    )


def _run_until_complete_cb(future: Any) -> None:
    """Stop the loop when the future that it runs for is done."""
    if not future.cancelled() and isinstance(future.exception(), _RUN_ENDINGS):
        # The loop has been left by the exception already.
        return
    futures._get_loop(future).stop()


def _check_executor_function(func: Any) -> None:
    if coroutines.iscoroutine(func) or _iscoroutinefunction(func):
        raise TypeError("coroutines cannot be used with run_in_executor()")
    if not callable(func):
        raise TypeError(f"a callable object was expected by run_in_executor(), got {func!r}")


def _iscoroutinefunction(func: Any) -> bool:
    if sys.version_info >= (3, 14):
        import inspect

        return inspect.iscoroutinefunction(func)
    return coroutines.iscoroutinefunction(func)
