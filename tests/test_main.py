"""python -m ferrio: programs run as under python, prompts, and looking at live processes."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import textwrap
import time
import zipfile

import pytest
from ferrio.inspection.client import _paths

PROGRAM = """
import asyncio, sys, os
print(__name__, __file__ if "__file__" in globals() else None, __spec__)
print(sys.argv, sys.path[0], sys.modules["__main__"].__dict__ is globals())

async def main():
    await asyncio.sleep(0)
    return 7

print(asyncio.run(main()))
"""


def run(*arguments, on=("-m", "ferrio"), **keywords):
    return subprocess.run(
        [sys.executable, *on, *arguments], capture_output=True, text=True, timeout=60, check=False, **keywords
    )


def both(*arguments, **keywords):
    """Run under python and under python -m ferrio; return the latter's outcome, which is the same."""
    theirs, ours = run(*arguments, on=(), **keywords), run(*arguments, **keywords)
    assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr)
    return ours


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("from . import other\n" + PROGRAM)
    (package / "other.py").write_text("print('other')")
    application = tmp_path / "application"
    application.mkdir()
    (application / "__main__.py").write_text("import beside\n" + PROGRAM)
    (application / "beside.py").write_text("print('beside')")
    with zipfile.ZipFile(tmp_path / "application.zip", "w") as archive:
        archive.write(application / "__main__.py", "__main__.py")
        archive.write(application / "beside.py", "beside.py")
    return tmp_path


def program_lines(outcome):
    # How a module was found says more of the interpreter than of us.
    return [line for line in outcome.stdout.splitlines() if "ModuleSpec" not in line]


@pytest.mark.parametrize(
    "arguments",
    [
        ("program.py", "a", "--debug"),
        ("./program.py",),
        ("-m", "program", "x"),
        ("-m", "package", "-c", "y"),
        ("application", "z"),
        ("application.zip",),
        ("-c", PROGRAM, "a", "-m"),
    ],
)
def test_a_program_sees_what_it_sees_under_python(folder, arguments):
    theirs, ours = run(*arguments, on=(), cwd=folder), run(*arguments, cwd=folder)
    assert ours.returncode == 0, ours.stderr
    assert program_lines(ours) == program_lines(theirs)
    assert "7" in ours.stdout


def test_a_program_from_standard_input(folder):
    for arguments in ((), ("-", "a")):
        theirs = run(*arguments, on=(), cwd=folder, input=PROGRAM)
        ours = run(*arguments, cwd=folder, input=PROGRAM)
        assert program_lines(ours)[1:] == program_lines(theirs)[1:]


def test_asyncio_is_ferrios_there():
    code = "import asyncio\nasync def main(): print(type(asyncio.get_running_loop()).__module__)\nasyncio.run(main())"
    assert run("-c", code).stdout == "ferrio.loop\n"


@pytest.mark.parametrize(
    "code",
    [
        "import sys; sys.exit(3)",
        "import sys; sys.exit('a message')",
        "raise SystemExit",
        "raise ValueError('wrong')",
        "def f():\n    1 / 0\nf()",
        "syntax error",
        "import no_such_module",
        "raise ExceptionGroup('several', [ValueError(1), TypeError(2)])",
        "import atexit, threading\natexit.register(print, 'at exit')\nthreading.Thread(target=print).start()",
        "import sys\nsys.excepthook = lambda *a: print('hook', a[2].tb_lineno)\n1 / 0",
    ],
)
def test_a_program_ends_as_under_python(tmp_path, code):
    (tmp_path / "program.py").write_text(code)
    both("program.py", cwd=tmp_path)


@pytest.mark.parametrize(
    "arguments", [("no_such_file.py",), ("-m", "no_such_module"), ("-m", "json.decoder.x")]
)
def test_what_is_not_there(tmp_path, arguments):
    both(*arguments, cwd=tmp_path)


def test_ctrl_c_ends_a_program_as_under_python(tmp_path):
    (tmp_path / "program.py").write_text(
        "import asyncio\nasync def main():\n    try:\n        print('waiting', flush=True)\n"
        "        await asyncio.sleep(30)\n    except asyncio.CancelledError:\n        print('cancelled')\n"
        "        raise\nasyncio.run(main())"
    )
    outcomes = []
    for on in ((), ("-m", "ferrio")):
        child = subprocess.Popen(
            [sys.executable, *on, "program.py"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stdout.readline() == "waiting\n"
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
        outcomes.append((child.returncode, out, err.splitlines()[-1]))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][1:] == ("cancelled\n", "KeyboardInterrupt")


def test_a_compiled_program(tmp_path):
    import py_compile

    (tmp_path / "program.py").write_text("print('compiled', __name__)")
    py_compile.compile(str(tmp_path / "program.py"), str(tmp_path / "program.pyc"))
    assert run("program.pyc", cwd=tmp_path).stdout == "compiled __main__\n"


def test_options():
    assert run("--version").stdout.startswith("ferrio 0.")
    assert "usage: python -m ferrio" in run("--help").stdout
    code = (
        "import asyncio\nasync def main(): print(asyncio.get_running_loop().get_debug())\nasyncio.run(main())"
    )
    assert run("--debug", "-c", code).stdout == "True\n"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--nonsense",), "ferrio: unknown option --nonsense"),
        (("-O", "program.py"), "ferrio: unknown option -O (those of Python go before -m)"),
        (("-c",), "ferrio: argument expected for the -c option"),
        (("-m",), "ferrio: argument expected for the -m option"),
        (("ps",), "usage: python -m ferrio ps PID"),
        (("pstree",), "usage: python -m ferrio pstree PID"),
        (("pstree", "--help"), "usage: python -m ferrio pstree PID"),
        (("ps", "1", "2"), "usage: python -m ferrio ps PID"),
    ],
)
def test_a_wrong_command_line_gets_a_short_answer(tmp_path, arguments, message):
    outcome = run(*arguments, cwd=tmp_path)
    assert (outcome.returncode, outcome.stdout) == (2, "")
    first, *rest = outcome.stderr.splitlines()
    assert first.startswith(message)
    assert len(rest) <= 2
    assert "usage: python -m ferrio" in outcome.stderr


def test_a_program_named_ps_is_run(tmp_path):
    (tmp_path / "ps").write_text("print('a program')")
    assert run("ps", cwd=tmp_path).stdout == "a program\n"


def test_a_prompt_with_top_level_await():
    primary, secondary = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "ferrio"],
        stdin=secondary,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHON_BASIC_REPL": "1", "TERM": "dumb"},
    )
    os.close(secondary)
    os.write(primary, b"await asyncio.sleep(0, 6) * 7\n")
    os.write(primary, b"type(asyncio.get_running_loop()).__module__\n")
    os.write(primary, b"exit()\n")
    out, _ = child.communicate(timeout=30)
    os.close(primary)
    assert b"42" in out
    assert b"ferrio.loop" in out


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
