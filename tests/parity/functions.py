"""asyncio's functions are functions, whatever they are made of."""

import asyncio
import copy
import inspect
import pickle
import pydoc
import types
from unittest import mock

import ferrio

NAMES = [
    "as_completed",
    "create_task",
    "ensure_future",
    "gather",
    "isfuture",
    "iscoroutine",
    "new_event_loop",
    "open_connection",
    "open_unix_connection",
    "run",
    "run_coroutine_threadsafe",
    "shield",
    "sleep",
    "start_server",
    "start_unix_server",
    "timeout",
    "timeout_at",
    "to_thread",
    "wait",
    "wait_for",
    "wrap_future",
]


def accepts(function, *arguments, **keywords):
    try:
        result = function(*arguments, **keywords)
    except TypeError as error:
        return str(error)
    if inspect.iscoroutine(result):
        result.close()
    return "accepted"


def kinds(function):
    asked = (
        inspect.isfunction,
        inspect.isbuiltin,
        inspect.isroutine,
        inspect.iscoroutinefunction,
        inspect.isclass,
    )
    return [ask.__name__ for ask in asked if ask(function)]


class Holder:
    """A function in a class becomes a method."""

    sleep = ferrio.sleep
    gather = ferrio.gather


async def patched():
    with mock.patch("asyncio.sleep", autospec=True) as sleep:
        await asyncio.sleep(5)
        print(sleep.mock_calls)
    with mock.patch("asyncio.gather", autospec=True, return_value=5) as gather:
        print(asyncio.gather(1, 2), gather.mock_calls, accepts(asyncio.gather, bad=1))
    print(await asyncio.sleep(0, "real"), await asyncio.gather(asyncio.sleep(0, 1)))


for name in NAMES:
    function = getattr(ferrio, name)
    print(name, kinds(function), isinstance(function, types.FunctionType), callable(function))
    # The default of a stream's limit has another name, and 3.11 has no loop_factory.
    if name != "run":
        print("  ", inspect.signature(function), function.__name__, function.__qualname__)
    print(
        "  ",
        bool(function.__doc__),
        bool(function.__code__),
        pydoc.render_doc(function).split("\n")[0].split(" in ")[0],
    )
    spec = mock.create_autospec(function)
    print("  ", inspect.isfunction(spec), inspect.iscoroutinefunction(spec))
    if not inspect.iscoroutinefunction(function):
        print("  ", accepts(spec, bad_keyword=1))
    print("  ", copy.copy(function) is function, copy.deepcopy([function])[0] is function)
    print("  ", pickle.loads(pickle.dumps(function)) is function, name in inspect.getsource(function))
for name in ("sleep", "gather"):
    print(name, inspect.ismethod(getattr(Holder(), name)), inspect.isfunction(getattr(Holder, name)))
for name in ("acquire", "release", "locked", "__aenter__"):
    method = getattr(ferrio.Lock, name)
    print(
        name,
        inspect.iscoroutinefunction(method),
        inspect.isroutine(method),
        *inspect.signature(method).parameters,
    )
ferrio.run(patched())
