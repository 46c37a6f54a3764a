"""python -m ferrio ps and pstree: the tasks of live processes, and who can be looked at."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from ferrio.inspection.client import _paths
from support.processes import run_ferrio as run

WAITING = textwrap.dedent("""
    import asyncio, sys, time

    async def leaf():
        await asyncio.Event().wait()

    async def middle():
        await leaf()

    async def group():
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(middle(), name="one")

    async def main():
        third = asyncio.create_task(leaf(), name="three")
        if len(sys.argv) > 1:
            asyncio.get_running_loop().call_later(0.05, blocks)
        asyncio.get_running_loop().call_later(0.05, lambda: print("waiting", flush=True))
        await asyncio.gather(asyncio.create_task(group(), name="two"), third)

    def blocks():
        print("waiting", flush=True)
        time.sleep(60)  # who looks at the process does not wait for that

    asyncio.run(main())
""")


@pytest.fixture(params=["waits", "is blocked"])
def waiting(request, tmp_path):
    """A process with waiting tasks."""
    (tmp_path / "program.py").write_text(WAITING)
    extra = ["block"] if request.param == "is blocked" else []
    child = subprocess.Popen(
        [sys.executable, "-m", "ferrio", str(tmp_path / "program.py"), *extra],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "waiting\n"
    yield child
    child.kill()
    child.wait()
    child.stdout.close()


def test_ps_and_pstree_show_the_tasks_of_a_process(waiting):
    table = run("ps", str(waiting.pid))
    assert table.returncode == 0, table.stderr
    head, line, *rows = table.stdout.splitlines()
    assert head.split() == [
        "tid",
        "task",
        "id",
        "task",
        "name",
        "coroutine",
        "stack",
        "awaiter",
        "chain",
        "awaiter",
        "name",
        "awaiter",
        "id",
    ]
    assert set(line) == {"-"}
    by_name = {row.split()[2]: row for row in rows}
    assert set(by_name) >= {"one", "two", "three"}
    assert "leaf -> middle" in by_name["one"]
    assert "two" in by_name["one"].split()
    assert int(rows[0].split()[0]) == waiting.pid
    tree = run("pstree", str(waiting.pid)).stdout
    assert tree.index("(T) two") < tree.index("(T) one")
    assert "middle" in tree
    assert "program.py:" in tree


def test_ps_of_what_can_not_be_looked_at():
    for pid, message in (("1", "there is no process"), ("text", "is not a process id")):
        outcome = run("ps", pid)
        assert outcome.returncode == 1
        assert message in outcome.stderr


def test_the_socket_is_private_and_goes_with_the_process():
    code = (
        "import asyncio, os, ferrio.inspection.server as i\nasyncio.run(asyncio.sleep(0))\n"
        "print(i._listening[0]); os.fork() or os._exit(0); os.wait()"
    )
    path = run("-c", code).stdout.strip()
    assert os.path.isabs(path)
    assert not os.path.exists(path)
    assert os.stat(os.path.dirname(path)).st_mode & 0o077 == 0


def test_a_forked_process_can_be_looked_at():
    code = (
        "import asyncio, os, time, sys\nasync def main():\n    print(os.getpid(), flush=True)\n"
        "    await asyncio.sleep(60)\nif os.fork() == 0: asyncio.run(main())\nelse: os.wait()"
    )
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "ferrio", "-c", code], stdout=subprocess.PIPE, text=True
    )
    try:
        grandchild = int(child.stdout.readline())
        deadline = time.monotonic() + 10
        while "main" not in run("ps", str(grandchild)).stdout:
            assert time.monotonic() < deadline
    finally:
        os.kill(grandchild, signal.SIGKILL)
        child.wait()
        child.stdout.close()


@contextlib.contextmanager
def running(code, on=("-m", "ferrio"), **environment):
    """A process that runs a program, which has printed a word."""
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", *on, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    try:
        child.word = child.stdout.readline().strip()
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


RUNS = """
import asyncio, sys, time
async def main():
    print("runs", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
NO_LOOP = "no event loop is running in process "


@pytest.mark.parametrize(
    "before",
    [
        "",
        "import asyncio",
        "import asyncio; asyncio.run(asyncio.sleep(0))",
        "import ferrio; ferrio.new_event_loop()",
    ],
)
@pytest.mark.parametrize("command", ["ps", "pstree"])
def test_a_process_without_a_running_loop_says_so(before, command):
    with running(f"import time\n{before}\nprint('waits', flush=True)\ntime.sleep(60)") as child:
        outcome = run(command, str(child.pid))
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, f"{NO_LOOP}{child.pid}\n", "")


def test_a_running_loop_without_tasks_is_a_running_loop():
    code = "import asyncio\nloop = asyncio.new_event_loop()\nloop.call_soon(lambda: print('runs', flush=True))\nloop.run_forever()"
    with running(code) as child:
        assert run("pstree", str(child.pid)).stdout == "no tasks\n"
        assert "coroutine stack" in run("ps", str(child.pid)).stdout


def test_a_process_leads_to_those_that_it_has_started():
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {RUNS!r}])"
    with running(code) as child:
        outcome = run("pstree", str(child.pid))
        first, second = outcome.stdout.splitlines()
        assert first == f"{NO_LOOP}{child.pid}"
        grandchild = second.split()[-1]
        try:
            assert second == f"it has started process {grandchild}: python -m ferrio pstree {grandchild}"
            assert "(T) Task-1" in run("pstree", grandchild).stdout
        finally:
            os.kill(int(grandchild), signal.SIGKILL)


@pytest.mark.parametrize("command", ["ps", "pstree", "explain"])
def test_a_process_with_a_loop_leads_to_those_that_it_has_started_too(command):
    """The master of gunicorn has a loop for its control socket."""
    code = f"""import asyncio, sys
async def main():
    child = await asyncio.create_subprocess_exec(sys.executable, '-c', {RUNS!r})
    await child.wait()
asyncio.run(main())"""
    with running(code) as child:
        *tasks, last = run(command, str(child.pid)).stdout.splitlines()
        grandchild = last.split()[-1]
        try:
            assert last == f"it has started process {grandchild}: python -m ferrio {command} {grandchild}"
            assert "Task-1" in "".join(tasks) and not tasks[0].startswith(NO_LOOP)
        finally:
            os.kill(int(grandchild), signal.SIGKILL)


def test_a_child_that_has_no_loop_yet_says_so():
    code = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', {!r}])".format(
        "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)"
    )
    with running(code) as child:
        try:
            assert run("ps", child.word).stdout == f"{NO_LOOP}{child.word}\n"
        finally:
            os.kill(int(child.word), signal.SIGKILL)


def test_what_a_killed_process_leaves_is_removed():
    with running(RUNS) as child:
        assert "main" in run("ps", str(child.pid)).stdout
        (path,) = [path for path in _paths(child.pid) if os.path.exists(path)]
    assert os.path.exists(path)
    outcome = run("ps", str(child.pid))
    assert outcome.returncode == 1
    assert "there is no process" in outcome.stderr
    assert not os.path.exists(path)


def test_nothing_is_removed_from_a_folder_that_is_not_private(tmp_path):
    folder = tmp_path / "ferrio"
    folder.mkdir(mode=0o755)
    (folder / "1").write_text("not a socket")
    environment = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert "there is no process" in run("ps", "1", env=environment).stderr
    assert (folder / "1").exists()
    folder.chmod(0o700)
    assert "there is no process" in run("ps", "1", env=environment).stderr
    assert not (folder / "1").exists()


def test_a_fork_does_not_keep_its_parents_socket():
    # The child lives on without a loop, and nobody answers for its parent.
    code = """
import asyncio, os, time
async def main():
    pid = os.fork()
    if pid == 0:
        print(os.getpid(), flush=True)
        time.sleep(60)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    with running(code) as child:
        pass
    try:
        assert "there is no process" in run("ps", str(child.pid)).stderr
    finally:
        os.kill(int(child.word), signal.SIGKILL)


@pytest.mark.parametrize(
    "code, environment",
    [
        ("import ferrio\nferrio.listen()\nferrio.listen()\n", {}),
        ("import ferrio\n", {"FERRIO_LISTEN": "1"}),
        ("import ferrio\nferrio.install()\n", {"FERRIO_LISTEN": "1"}),
    ],
)
def test_a_program_can_let_itself_be_looked_at(code, environment):
    runs = RUNS.replace("asyncio.run(", "import ferrio; ferrio.run(")
    with running(code + runs, on=(), **environment) as child:
        assert "(T) Task-1" in run("pstree", str(child.pid)).stdout


def test_a_program_that_listens_is_looked_at_before_it_has_a_loop():
    code = "import ferrio, time\nferrio.listen()\nprint('waits', flush=True)\ntime.sleep(60)"
    with running(code, on=()) as child:
        assert run("ps", str(child.pid)).stdout == f"{NO_LOOP}{child.pid}\n"


@pytest.mark.parametrize("environment", [{}, {"FERRIO_LISTEN": "0"}])
def test_a_program_that_does_not_ask_for_it_is_not_looked_at(environment):
    runs = RUNS.replace("asyncio.run(", "import ferrio; ferrio.run(")
    with running(runs, on=(), **environment) as child:
        outcome = run("ps", str(child.pid))
    assert outcome.returncode == 1
    assert "ferrio.listen()" in outcome.stderr


def test_threads_that_run_their_first_loops_at_once_open_one_socket():
    code = """
import asyncio, os, threading, ferrio.inspection.server as server
# Who opens a socket waits a moment for another to do so too, of whom one is then faster.
meeting = threading.Barrier(2, timeout=0.3)
make_folder = server.make_folder
def meet():
    try:
        if meeting.wait() == 0:
            while server._listening is None: pass
    except threading.BrokenBarrierError: pass
    return make_folder()
server.make_folder = meet
threads = [threading.Thread(target=lambda: asyncio.run(asyncio.sleep(0))) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
names = [thread.name for thread in threading.enumerate()]
print(names.count("ferrio-inspection"), os.path.exists(server._listening[0]))
"""
    assert run("-c", code).stdout == "1 True\n"


def test_the_socket_is_found_wherever_the_process_has_it(tmp_path):
    with running(RUNS, XDG_RUNTIME_DIR=str(tmp_path)) as child:
        assert os.path.exists(tmp_path / "ferrio" / str(child.pid))
        assert "main" in run("ps", str(child.pid)).stdout


def test_what_only_an_answer_needs_is_imported_for_the_answer():
    code = "import asyncio, sys\nasyncio.run(asyncio.sleep(0))\nprint({'json', 'ferrio.inspection.tasks'} & set(sys.modules))"
    assert run("-c", code).stdout == "set()\n"


def test_nothing_is_imported_before_somebody_asks():
    """A child that is forked in the middle of an import would have half of a module."""
    program = """
import asyncio, sys, time
async def main():
    time.sleep(0.1)  # the thread that answers has begun
    print(sorted(name for name in sys.modules if name.startswith("ferrio.inspection")))
asyncio.run(main())
"""
    assert run("-c", program).stdout.splitlines() == [
        "['ferrio.inspection', 'ferrio.inspection.folders', 'ferrio.inspection.server']"
    ]
