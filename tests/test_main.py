"""python -m ferrio: programs run as under python, prompts, and looking at live processes."""

import os
import pty
import signal
import subprocess
import sys
import textwrap
import time
import zipfile

import pytest

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
    for wrong in (("--nonsense",), ("-c",), ("-m",)):
        outcome = run(*wrong)
        assert outcome.returncode == 2
        assert "usage" in outcome.stderr


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
        "print(i._listening[1]); os.fork() or os._exit(0); os.wait()"
    )
    path = run("-c", code).stdout.strip()
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
