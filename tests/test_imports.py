"""What is imported when: little at first, the rest when it is used, with the same names as if it had been there."""

import asyncio
import types

import ferrio
import pytest
from support.processes import run_script


def run(code):
    """The words that a program prints in a new interpreter."""
    done = run_script(code)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_an_empty_run_imports_neither_connections_nor_primitives():
    loaded = run("""
import sys, ferrio
async def main(): pass
ferrio.run(main())
print(*(name for name in sys.modules if name.startswith("ferrio.")))
""")
    assert sorted(loaded) == [
        f"ferrio.{name}"
        for name in ("_core", "loop", "loop.exceptions", "loop.running", "runners", "tasks", "versions")
    ]


@pytest.mark.parametrize("state", ["enable", "disable"])
def test_importing_leaves_the_garbage_collector_as_it_was(state):
    assert run(f"import gc; gc.{state}(); import ferrio; print(gc.isenabled())") == [str(state == "enable")]


def test_names_are_found_whichever_way_they_are_asked_for():
    assert run(
        "import ferrio; from ferrio import *; print(Queue is ferrio.Queue is ferrio.queues.Queue)"
    ) == ["True"]
    # A module of Ferrio's before asyncio's of the same name.
    assert run("from ferrio import taskgroups; print(taskgroups.__name__)") == ["ferrio.taskgroups"]
    # One that Ferrio does not have is asyncio's.
    assert run("from ferrio import base_events; print(base_events.__name__)") == ["asyncio.base_events"]
    assert run("import ferrio.queues as q; print(q.QueueEmpty.__name__)") == ["QueueEmpty"]
    assert run(
        "import ferrio; print({'Queue', 'install', 'Task', 'CancelledError'} <= set(dir(ferrio)))"
    ) == ["True"]
    with pytest.raises(AttributeError, match="module 'ferrio' has no attribute 'nonsense'"):
        ferrio.nonsense  # noqa: B018


LOOP_METHODS = [name for name in dir(asyncio.AbstractEventLoop) if not name.startswith("_")]


@pytest.mark.parametrize("name", LOOP_METHODS)
def test_a_method_of_the_loop_stands_in_its_class_and_stays_there(name):
    before = dict(vars(ferrio.Loop))
    if name not in before:
        assert name in vars(ferrio.Loop.__base__)
        return
    method = getattr(ferrio.Loop, name)
    assert isinstance(method, types.FunctionType)
    assert method.__module__ == "ferrio.loop"
    # asyncio's, because programs filter warnings by it.
    assert method.__qualname__ == getattr(asyncio.unix_events._UnixSelectorEventLoop, name).__qualname__
    # To ask for it changes nothing.
    assert dict(vars(ferrio.Loop)) == before


def test_a_subclass_extends_a_method_that_is_not_imported_yet():
    assert run("""
import asyncio, ferrio
class Loop(ferrio.Loop):
    async def create_server(self, *arguments, **keywords):
        print("mine")
        return await super().create_server(*arguments, **keywords)
async def main():
    server = await asyncio.start_server(print, "127.0.0.1", 0)
    print(server.is_serving())
    server.close()
with asyncio.Runner(loop_factory=Loop) as runner: runner.run(main())
""") == ["mine", "True"]


def test_a_method_that_was_replaced_before_its_first_use_stays_replaced():
    assert run("""
import asyncio, ferrio
async def create_unix_server(self, *arguments): return "replaced"
ferrio.Loop.create_unix_server = create_unix_server
async def main():
    loop = asyncio.get_running_loop()
    (await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)).close()
    print(await loop.create_unix_server(asyncio.Protocol, "path"))
ferrio.run(main())
""") == ["replaced"]


def test_the_functions_for_call_graphs_are_the_ones_in_asyncio():
    """From the first task on."""
    ferrio.run(asyncio.sleep(0))
    for name in ("future_add_to_awaited_by", "future_discard_from_awaited_by"):
        assert getattr(ferrio, name, None) is getattr(asyncio, name, None)
