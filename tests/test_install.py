"""The namespace: every name of asyncio's is there; install() puts Ferrio's into asyncio and takes them back."""

import asyncio
import inspect
import subprocess
import sys

import ferrio
import pytest
from ferrio.installation import originals

NAMES = sorted({*asyncio.__all__, "TaskGroup"})


@pytest.mark.parametrize("name", NAMES)
def test_the_name_is_there_with_the_same_signature(name):
    theirs, ours = originals[name], getattr(ferrio, name)
    if theirs is ours:
        return
    assert inspect.isclass(ours) == inspect.isclass(theirs)
    assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs)
    assert ours.__doc__ or not theirs.__doc__
    try:
        wanted = inspect.signature(theirs).parameters
    except ValueError:
        return
    given = inspect.signature(ours).parameters
    assert wanted.keys() <= given.keys()
    for parameter in wanted.values():
        assert given[parameter.name].kind is parameter.kind
        assert given[parameter.name].default == parameter.default
    for extra in given.keys() - wanted.keys():
        assert given[extra].default is not inspect.Parameter.empty


@pytest.mark.parametrize("name", [name for name in NAMES if inspect.isclass(originals[name])])
def test_the_methods_are_those_of_asyncio(name):
    theirs, ours = originals[name], getattr(ferrio, name)
    for method in dir(theirs):
        if method.startswith("_") or theirs is asyncio.SelectorEventLoop:
            continue
        assert hasattr(ours, method), method
        their_method, our_method = getattr(theirs, method), getattr(ours, method)
        assert callable(our_method) == callable(their_method)
        assert inspect.iscoroutinefunction(our_method) == inspect.iscoroutinefunction(their_method), method


def instances():
    """An instance of each class that Ferrio has its own of, by asyncio's name for the class."""

    async def nothing():
        pass

    async def make():
        loop = asyncio.get_running_loop()
        made = {
            "Future": loop.create_future(),
            "Task": loop.create_task(nothing()),
            "Handle": loop.call_soon(print),
            "TimerHandle": loop.call_later(1, print),
            "Server": await loop.create_server(asyncio.Protocol, "127.0.0.1", 0),
        }
        made["Server"].close()
        made["Handle"].cancel()
        made["TimerHandle"].cancel()
        await made["Task"]
        return made

    return ferrio.run(make())


def test_instances_are_instances_of_asyncios_classes():
    for name, instance in instances().items():
        assert isinstance(instance, originals[name])
        assert isinstance(instance, getattr(ferrio, name))


def test_subclass_relations_are_kept():
    classes = [name for name in NAMES if inspect.isclass(originals[name])]
    for one in classes:
        for other in classes:
            if other == "BaseEventLoop":
                continue  # the base of asyncio's own loops only
            theirs = issubclass(originals[one], originals[other])
            ours = issubclass(getattr(ferrio, one), getattr(ferrio, other))
            assert ours == theirs, (one, other)


def test_exceptions_and_abstract_classes_are_asyncios_own():
    for name in NAMES:
        theirs = originals[name]
        if inspect.isclass(theirs) and (
            issubclass(theirs, BaseException) or name.startswith(("Abstract", "Base"))
        ):
            assert getattr(ferrio, name) is theirs


def isolated(code):
    """Run code in a process of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_install_and_uninstall():
    assert isolated(
        """
import asyncio, asyncio.tasks, asyncio.streams
before = {name: dict(vars(module)) for name, module in __import__("sys").modules.items() if name.startswith("asyncio")}
import ferrio
print(ferrio.installed())
ferrio.uninstall()
ferrio.install()
ferrio.install()
print(asyncio.Task is ferrio.Task, asyncio.tasks.Task is ferrio.Task, asyncio.Future is ferrio.futures.Future)
print(all(getattr(asyncio, name) is value for name, value in ferrio.installed().items()))
print({"Task", "Future", "run", "Runner", "SelectorEventLoop"} <= ferrio.installed().keys())
import types
module = types.ModuleType("fresh")
exec("from asyncio import Task, Future\\nimport asyncio\\nloop = asyncio.new_event_loop()", module.__dict__)
print(module.Task is ferrio.Task, type(module.loop) is ferrio.Loop)
module.loop.close()
async def main():
    for call in (ferrio.install, ferrio.uninstall):
        try: call()
        except RuntimeError as error: print(error)
    return type(asyncio.get_running_loop()) is ferrio.Loop
print(asyncio.run(main()))
ferrio.uninstall()
ferrio.uninstall()
stays = {"future_add_to_awaited_by", "future_discard_from_awaited_by", "_build_graph_for_future",
    "_c_future_add_to_awaited_by", "_c_future_discard_from_awaited_by", "_event_loop_policy"}
for name, names in before.items():
    for key, value in names.items():
        # what makes tasks visible to call graphs stays
        if vars(__import__("sys").modules[name])[key] is not value and key not in stays:
            print("left", name, key)
print(type(asyncio.new_event_loop()).__module__)
""".replace(
            "print(type(asyncio.new_event_loop()).__module__)",
            """
loop = asyncio.new_event_loop()
print(type(loop).__module__)
loop.close()
""",
        )
    ) == [
        "{}",
        "True True True",
        "True",
        "True",
        "True True",
        "ferrio.install() cannot be called from a running event loop",
        "ferrio.uninstall() cannot be called from a running event loop",
        "True",
        "asyncio.unix_events",
    ]


def test_what_others_have_replaced_meanwhile_stays():
    assert isolated("""
import asyncio, ferrio
ferrio.install()
asyncio.run = print
ferrio.uninstall()
print(asyncio.run is print, asyncio.Task is ferrio.Task)
""") == ["True False"]


def test_a_policy_that_somebody_has_set_is_respected():
    assert isolated("""
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
import asyncio, ferrio
made = []
class Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        made.append(1)
        return super().new_event_loop()
ferrio.install()
asyncio.set_event_loop_policy(Policy())
asyncio.run(asyncio.sleep(0))
ferrio.run(asyncio.sleep(0))
print(len(made))
""") == ["2"]


def test_programs_that_choose_a_selector_get_a_loop():
    assert isolated("""
import asyncio, selectors, ferrio
ferrio.install()
loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
print(type(loop) is ferrio.Loop, isinstance(loop, asyncio.SelectorEventLoop), loop.run_until_complete(asyncio.sleep(0, 5)))
loop.close()
""") == ["True True 5"]


def test_ferrio_as_asyncio():
    assert isolated("""
import ferrio as asyncio
async def main():
    queue = asyncio.Queue()
    queue.put_nowait(1)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        task = group.create_task(queue.get())
    child = await asyncio.create_subprocess_exec("true", stdout=asyncio.subprocess.PIPE)
    return task.result(), await child.wait(), asyncio.tasks.all_tasks is not None
print(asyncio.run(main()))
try: asyncio.no_such_name
except AttributeError as error: print(error)
""") == ["(1, 0, True)", "module 'ferrio' has no attribute 'no_such_name'"]
