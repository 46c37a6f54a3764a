"""The interpreter's own tools, from 3.14 on: they see Ferrio's tasks as they see asyncio's.

They read the memory of another process, which takes the rights of its user: on some systems that is root's alone.

This file has more than 400 lines because the programs that the tools look at stand beside their tests.
"""

import asyncio
import contextlib
import gc
import re
import subprocess
import sys
import threading
import weakref

import ferrio
import pytest
from ferrio import _core
from support.clock import block_until
from support.processes import ENVIRONMENT, output

pytestmark = pytest.mark.skipif(sys.version_info < (3, 14), reason="the tools came with 3.14")

# One task for each way to wait for another; the program tells when all of them wait.
PROGRAM = """
import asyncio, sys
mode = sys.argv[1]
if mode != "asyncio":
    import ferrio
if mode == "install":
    ferrio.install()

async def leaf(event):
    await event.wait()

async def middle(event):
    await leaf(event)

async def awaits(task):
    await task

async def gathers(*tasks):
    await asyncio.gather(*tasks)

async def shields(task):
    await asyncio.shield(task)

async def waits(*tasks):
    await asyncio.wait(tasks, timeout=1000)

async def completes(*tasks):
    async for task in asyncio.as_completed(tasks):
        await task

async def times(task):
    async with asyncio.timeout(1000):
        await asyncio.wait_for(task, 1000)

async def groups(event):
    async with asyncio.TaskGroup() as group:
        group.create_task(middle(event), name="grouped")
        group.create_task(leaf(event))

async def bare(future):
    await future

async def gives_up(task):
    # These wait no more.
    await asyncio.wait([task], timeout=0.001)
    with __import__("contextlib").suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(task), 0.001)
    gathering = asyncio.gather(task, failing(), return_exceptions=False)
    with __import__("contextlib").suppress(LookupError):
        await gathering
    await asyncio.get_running_loop().create_future()

async def failing():
    raise LookupError

async def main():
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    new = asyncio.create_task
    one = new(middle(event), name="one")
    left = new(leaf(event), name="left")
    tasks = [
        new(awaits(one), name="awaits"),
        new(gathers(new(leaf(event)), new(leaf(event), name="gathered")), name="gathers"),
        new(shields(new(leaf(event), name="shielded")), name="shields"),
        new(waits(new(leaf(event), name="waited for")), name="waits"),
        new(completes(new(leaf(event), name="completes")), name="as_completed"),
        new(times(new(leaf(event), name="timed")), name="odd \\t%s{} name"),
        new(groups(event), name="group"),
        new(bare(loop.create_future())),
        new(asyncio.sleep(1000), name="sleeps"),
        new(gives_up(left), name="gave up"),
        asyncio.Task(leaf(event), eager_start=True, loop=loop, name="eager"),
    ]
    renamed = new(leaf(event))
    assert renamed.get_name().startswith("Task-")
    tasks.append(renamed)
    done = new(asyncio.sleep(0), name="done")
    await done
    await asyncio.sleep(0.2)
    print("ready", flush=True)
    await asyncio.gather(*tasks)

if mode == "loop":
    asyncio.run(main(), loop_factory=ferrio.new_event_loop)
else:
    asyncio.run(main())
"""


@contextlib.contextmanager
def running(program, *arguments):
    """Run a program; give its process once it has printed a line."""
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def look(command, pid):
    """Return the lines that `python -m asyncio` prints of a process."""
    # The first look may meet a process that changes; the tool itself says to try again.
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-m", "asyncio", command, str(pid)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode == 0:
            break
    if "ermission" in done.stdout + done.stderr:
        pytest.skip("this user may not read the memory of other processes")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def tree(lines, is_shown=lambda text: True):
    """Return the lines of pstree as (depth, text); what is not shown gives its children to its parent."""
    drawn = []
    shown_depths = []
    for line in lines:
        indent, text = re.fullmatch(r"((?:│   |    )*)[├└]── (.*)", line).groups()
        depth = len(indent) // 4
        shown_depths = shown_depths[:depth]
        if is_shown(text):
            drawn.append((sum(shown_depths), text))
        shown_depths.append(is_shown(text))
    return drawn


def is_of_the_program(text):
    """Return whether a line of pstree is a task, or a function of the program's own."""
    return text.startswith("(T)") or "<string>" in text


def masked(lines):
    """Return the lines of ps without addresses and the thread's number."""
    return [re.sub(r"^\d+ +", "", re.sub(r"0x[0-9a-f]+ *", "0x ", line)) for line in lines]


def table(pid):
    """Return the rows that ps prints, with only the program's own functions."""
    from asyncio import tools

    def own(stack):
        return [name for name in stack.split(" -> ") if name in FUNCTIONS]

    rows = tools.build_task_table(tools.get_all_awaited_by(pid))
    return [(name, own(stack), own(chain), awaiter) for _, _, name, stack, chain, awaiter, _ in rows]


def looks(mode):
    """Return what pstree prints of the program, what ps prints, and the rows of the latter."""
    with running(PROGRAM, mode) as process:
        return look("pstree", process.pid), look("ps", process.pid), table(process.pid)


@pytest.fixture(scope="module")
def on_asyncio():
    return looks("asyncio")


FUNCTIONS = set(re.findall(r"async def (\w+)", PROGRAM))


def test_with_ferrios_loop_the_tools_print_the_same(on_asyncio):
    expected, found = on_asyncio, looks("loop")
    assert found[0] == expected[0]
    assert masked(found[1]) == masked(expected[1])
    assert len(found[1]) > 20


def test_installed_the_tools_print_the_same_of_the_programs_own_functions(on_asyncio):
    """Functions that are in Rust have no frames."""
    expected, found = on_asyncio, looks("install")
    assert tree(found[0], is_of_the_program) == tree(expected[0], is_of_the_program)
    assert found[2] == expected[2]


def test_the_program_shows_what_it_should(on_asyncio):
    """What the comparisons are worth: there is a task that nobody awaits any more, and one with a deep chain."""
    lines = tree(on_asyncio[0])
    assert (0, "(T) left") in lines
    assert max(depth for depth, _ in lines) > 6


THREADS = """
import asyncio, sys, threading
if sys.argv[1] != "asyncio":
    import ferrio
    ferrio.install()

async def leaf(ready):
    ready()
    await asyncio.get_running_loop().create_future()

async def parent(name, ready):
    await asyncio.create_task(leaf(ready), name=f"leaf of {name}")

def run(name, ready):
    asyncio.run(parent(name, ready))

kept = []
def ends():
    loop = asyncio.new_event_loop()
    kept.append((loop, loop.create_task(leaf(print), name="of a thread that has ended")))

thread = threading.Thread(target=ends)
thread.start()
thread.join()
for name in "ab":
    event = threading.Event()
    threading.Thread(target=run, args=(name, event.set), daemon=True).start()
    event.wait()

async def main():
    print("ready", flush=True)
    await asyncio.get_running_loop().create_future()

asyncio.run(main())
"""


def test_tasks_of_several_threads():
    seen = []
    for mode in ("asyncio", "install"):
        with running(THREADS, mode) as process:
            seen.append((sorted(look("pstree", process.pid)), len(look("ps", process.pid))))
    assert seen[0] == seen[1]
    assert "of a thread that has ended" in str(seen[1])


def test_all_tasks_of_a_loop_in_another_thread():
    loop = ferrio.new_event_loop()
    future = loop.create_future()
    tasks = []

    async def main():
        tasks.append(asyncio.current_task())
        await future

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    block_until(lambda: tasks)
    assert asyncio.all_tasks(loop) == set(tasks)
    assert asyncio.current_task(loop) in {None, *tasks}
    assert tasks[0] in _core.all_tasks()
    loop.call_soon_threadsafe(future.set_result, None)
    thread.join()
    assert asyncio.all_tasks(loop) == set()
    loop.close()


def test_tasks_that_end_while_they_are_looked_at():
    """The process that is looked at is not disturbed, and most looks succeed."""
    program = """
import asyncio, ferrio, itertools
async def nothing():
    await asyncio.sleep(0)
async def churn():
    for n in itertools.count():
        await asyncio.gather(*(asyncio.create_task(nothing()) for _ in range(n % 7)))
        await asyncio.sleep(0.001)
async def main():
    tasks = [asyncio.create_task(churn(), name=f"churn {n}") for n in range(3)]
    print("ready", flush=True)
    await asyncio.gather(*tasks)
ferrio.install()
asyncio.run(main())
"""
    seen = 0
    with running(program) as process:
        for _ in range(5):
            done = subprocess.run(
                [sys.executable, "-m", "asyncio", "ps", str(process.pid)],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            seen += all(f"churn {n}" in done.stdout for n in range(3))
            assert process.poll() is None
    assert seen > 0


def test_all_tasks_needs_no_substitute():
    assert (
        output("""
import asyncio, asyncio.tasks, gc, weakref, sys
before = {(module, name): value for module, namespace in list(sys.modules.items()) if module.startswith("asyncio")
    for name, value in vars(namespace).items()}
import ferrio, _asyncio
after = {(module, name): vars(sys.modules[module])[name] for module, name in before}
print([key for key in before if before[key] is not after[key]])
sets = [one for one in gc.get_referents(_asyncio) if isinstance(one, weakref.WeakSet)]
async def main():
    task = asyncio.create_task(asyncio.sleep(0))
    assert asyncio.all_tasks() == {task, asyncio.current_task()}
    assert [type(one) for one in sets] == [weakref.WeakSet] * len(sets) and sets
    await task
    assert asyncio.all_tasks() == {asyncio.current_task()}
ferrio.run(main())
""")
        == "[]\n"
    )


def test_all_tasks_of_several_kinds_and_loops():
    async def wait(future):
        await future

    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        ours = [asyncio.create_task(wait(future)) for _ in range(3)]
        theirs = [asyncio.tasks._CTask(wait(future), loop=loop) for _ in range(3)]
        other = ferrio.new_event_loop()
        elsewhere = other.create_task(wait(other.create_future()))
        assert asyncio.all_tasks() == {*ours, *theirs, asyncio.current_task()}
        assert asyncio.all_tasks(other) == {elsewhere}
        assert set(_core.all_tasks()) >= {*ours, elsewhere}
        assert not set(theirs) & set(_core.all_tasks())
        future.set_result(None)
        await asyncio.gather(*ours, *theirs)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        elsewhere.cancel()
        return other, elsewhere

    other, elsewhere = ferrio.run(main())
    with contextlib.suppress(asyncio.CancelledError):
        other.run_until_complete(elsewhere)
    other.close()


def test_a_task_outlives_its_thread():
    """The interpreter moves it to a list of its own; the task leaves that when it ends, or is freed."""
    kept = []

    def make():
        loop = ferrio.new_event_loop()
        kept.append(loop)
        kept.append(loop.create_task(asyncio.sleep(0)))
        kept.append(loop.create_task(asyncio.sleep(0)))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    loop, finishes, freed = kept
    assert asyncio.all_tasks(loop) == {finishes, freed}
    loop.run_until_complete(finishes)
    assert asyncio.all_tasks(loop) <= {freed}
    reference = weakref.ref(freed)
    loop.run_until_complete(asyncio.sleep(0))
    del freed, kept[:]
    gc.collect()
    assert reference() is None
    assert asyncio.all_tasks(loop) == set()
    loop.close()


def test_who_awaits_is_written_into_asyncios_tasks():
    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        async def wait(thing):
            return await thing

        theirs = asyncio.tasks._CTask(wait(future), loop=loop)
        ours = [ferrio.Task(wait(theirs), loop=loop) for _ in range(2)]
        await asyncio.sleep(0)
        assert theirs._asyncio_awaited_by == set(ours)
        graph = asyncio.capture_call_graph(theirs)
        assert {awaiter.future for awaiter in graph.awaited_by} == set(ours)
        ours[0].cancel()
        await asyncio.wait([ours[0]])
        future.cancel()
        await asyncio.wait([*ours, theirs])
        assert not theirs._asyncio_awaited_by
        references = [weakref.ref(task) for task in ours]
        ours.clear()
        del graph
        gc.collect()
        assert not any(reference() for reference in references)

    ferrio.run(main())


def test_nobody_awaits_what_is_done():
    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        async def wait(thing):
            return await thing

        tasks = [asyncio.create_task(wait(future)) for _ in range(3)]
        await asyncio.sleep(0)
        assert future._asyncio_awaited_by == set(tasks)
        future.set_result(None)
        assert future._asyncio_awaited_by is None
        await asyncio.wait(tasks)
        references = [weakref.ref(task) for task in tasks]
        tasks.clear()
        assert not any(reference() for reference in references)

    ferrio.run(main())


def test_a_task_is_as_small_as_it_can_be():
    size = sys.getsizeof(ferrio.Task.__new__(ferrio.Task))
    header = sys.getsizeof(object()) - object.__basicsize__
    assert ferrio.Task.__basicsize__ <= 208, (size, header)


@pytest.mark.skipif(sys.version_info < (3, 15), reason="the profiler came with 3.15")
def test_the_sampling_profiler_finds_the_task_that_runs(tmp_path):
    program = """
import asyncio, ferrio, time
def burns():
    end = time.perf_counter() + 0.02
    while time.perf_counter() < end:
        pass
async def worker():
    while True:
        burns()
        await asyncio.sleep(0)
async def parent():
    await asyncio.create_task(worker(), name="the worker")
async def main():
    task = asyncio.create_task(parent(), name="the parent")
    idle = asyncio.create_task(asyncio.sleep(1000), name="idle")
    print("ready", flush=True)
    await asyncio.gather(task, idle)
ferrio.install()
asyncio.run(main())
"""
    result = tmp_path / "collapsed"
    with running(program) as process:
        done = subprocess.run(
            [
                *[sys.executable, "-m", "profiling.sampling", "attach", "--async-aware", "--collapsed"],
                *["-d", "2", "-o", str(result), str(process.pid)],
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert process.poll() is None
    assert done.returncode == 0, done.stdout + done.stderr
    stacks = result.read_text().splitlines()
    counts = {line.rpartition(" ")[0]: int(line.rpartition(" ")[2]) for line in stacks}
    burning = sum(count for stack, count in counts.items() if "the worker" in stack and "burns" in stack)
    assert burning > sum(counts.values()) / 2, stacks
    # Those who wait for it are above it.
    assert any("the parent" in stack and "main" in stack for stack in counts), stacks


def test_where_the_layout_is_another_asyncio_finds_the_tasks_by_its_set():
    """As with earlier interpreters; one line says that the tools find nothing."""
    assert (
        output("""
import asyncio, importlib.util, logging, sys
logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s", stream=sys.stdout)
[folder] = importlib.util.find_spec("ferrio").submodule_search_locations
finder = importlib.machinery.PathFinder()
spec = finder.find_spec("ferrio._core", [folder])
core = importlib.util.module_from_spec(spec)
sys.modules["ferrio._core"] = core
spec.loader.exec_module(core)
core.share_tasks = lambda: "that is a test"
import ferrio
async def main():
    task = asyncio.create_task(asyncio.sleep(0))
    assert asyncio.all_tasks() == {task, asyncio.current_task()} == set(core.all_tasks())
    await task
    assert asyncio.all_tasks() == {asyncio.current_task()}
for _ in range(2):
    ferrio.run(main())
""")
        == "ferrio INFO python -m asyncio ps and pstree will not show Ferrio's tasks: that is a test\n"
    )
