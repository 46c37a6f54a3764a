"""python -m ferrio: programs run as under python, and prompts."""

import os
import pty
import signal
import subprocess
import sys
import zipfile

import pytest
from support.processes import run_ferrio as run

PROGRAM = """
import asyncio, sys, os
print(__name__, __file__ if "__file__" in globals() else None, __spec__)
print(sys.argv, sys.path[0], sys.modules["__main__"].__dict__ is globals())

async def main():
    await asyncio.sleep(0)
    return 7

print(asyncio.run(main()))
"""


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
