"""python -m ferrio: run an unmodified asyncio program on Ferrio."""

from __future__ import annotations

# Modules that not every program needs are imported at their use, so that a program that does not import
# asyncio starts as fast as under python -m.
import importlib.util
import io
import os
import runpy
import sys

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType, TracebackType
    from typing import Any, NoReturn

USAGE = """\
usage: python -m ferrio [OPTION ...] SCRIPT [ARGUMENT ...]
       python -m ferrio [OPTION ...] -m MODULE [ARGUMENT ...]
       python -m ferrio [OPTION ...] -c CODE [ARGUMENT ...]
       python -m ferrio [OPTION ...] [- [ARGUMENT ...]]
       python -m ferrio ps PID
       python -m ferrio pstree PID
       python -m ferrio explain PID [TASK]
       python -m ferrio top PID [OPTION ...]

Run a program as python does, with asyncio's names giving Ferrio's. SCRIPT may be a file, or a directory or
zip file with a __main__.py. Without a program: standard input, or at a terminal a prompt with top-level
await.

ps and pstree show the tasks of a process in a table or as a tree. explain says in words what they wait for,
and names deadlocks; TASK is a name. top shows what a process does, again and again. The process was started
in this way, or by such a program; or it has called ferrio.listen(), or imported ferrio with FERRIO_LISTEN=1
in its environment.

  --debug        turn on asyncio's debug mode, as PYTHONASYNCIODEBUG=1 does
  --keep-uvloop  let a program that asks for uvloop have it, and not Ferrio's loop, as FERRIO_KEEP_UVLOOP=1
                 does
  --no-children  let the Python programs that the program starts use plain asyncio, as FERRIO_CHILDREN=0 does
  --watch        log each callback that blocks the loop for longer than 0.1 s, while it does, with its stack;
                 FERRIO_SLOW_CALLBACK=SECONDS does so for another time
  --version      print the version
  --help         print this"""

_SHORT_USAGE = """\
usage: python -m ferrio [OPTION ...] SCRIPT | -m MODULE | -c CODE [ARGUMENT ...]
python -m ferrio --help says more"""

# Options that only set an environment variable.
_VARIABLES = {
    "--debug": ("PYTHONASYNCIODEBUG", "1"),
    "--keep-uvloop": ("FERRIO_KEEP_UVLOOP", "1"),
    "--no-children": ("FERRIO_CHILDREN", "0"),
    "--watch": ("FERRIO_SLOW_CALLBACK", "0.1"),
}

# Commands that look at another process, and how many arguments they take at most; top has options of its own.
_COMMANDS = {"ps": 1, "pstree": 1, "explain": 2, "top": 0}

# The offset of the code in a .pyc file: after the magic number, the flags, and the time and size or the hash
# of the source.
_PYC_HEADER_SIZE = 16


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    while arguments and arguments[0] in {*_VARIABLES, "--version", "--help", "-h"}:
        option = arguments.pop(0)
        if option == "--version":
            print(f"ferrio {_version()}, Python {sys.version.split()[0]}")
            return
        if option not in _VARIABLES:
            print(USAGE)
            return
        variable, value = _VARIABLES[option]
        os.environ[variable] = value
    if arguments and arguments[0] in _COMMANDS and not os.path.exists(arguments[0]):
        _look(*arguments)
        return
    program = arguments[0] if arguments else ""
    if program.startswith("-") and program not in {"-", "-c", "-m"}:
        _refuse(f"ferrio: unknown option {program} (those of Python go before -m)\n{_SHORT_USAGE}")
    if program in {"-c", "-m"} and len(arguments) < 2:
        _refuse(f"ferrio: argument expected for the {program} option\n{_SHORT_USAGE}")
    from ferrio import startup

    startup.begin(required=True)
    startup.pass_on()
    if program == "" and sys.stdin.isatty():
        _prompt()
        return
    _run_as_python_does(program, arguments)


def _look(command: str, *arguments: str) -> None:
    """Do a command that looks at another process."""
    if command == "top":
        from ferrio.inspection.top import main as top

        top(list(arguments))
        return
    most = _COMMANDS[command]
    if not 1 <= len(arguments) <= most or arguments[0].startswith("-"):
        _refuse(f"usage: python -m ferrio {command} PID{' [TASK]' if most > 1 else ''}")
    from ferrio.inspection.client import show

    show(command, list(arguments))


def _version() -> str:
    from ferrio import startup

    # All of Ferrio is imported from here on.
    startup.begin(required=True)
    import ferrio

    return ferrio.__version__


def _refuse(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(2)


def _prompt() -> None:
    """Run asyncio's own prompt, which creates its loop as any program does."""
    sys.argv = ["asyncio"]
    runpy.run_module("asyncio", run_name="__main__", alter_sys=True)


def _run_as_python_does(program: str, arguments: list[str]) -> None:
    """Run a program in a __main__ module of its own."""
    module = type(sys)("__main__")
    module.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = module
    try:
        if program == "-m":
            # This first argument means that the interpreter still looks for the module.
            sys.argv = ["-m", *arguments[2:]]
            runpy._run_module_as_main(arguments[1])  # type: ignore[attr-defined]
        elif program == "-c":
            sys.argv = ["-c", *arguments[2:]]
            _set_first_path("")
            exec(compile(arguments[1], "<string>", "exec", dont_inherit=True), module.__dict__)
        elif program in {"", "-"}:
            sys.argv = [program, *arguments[1:]]
            _set_first_path("")
            exec(compile(sys.stdin.read(), "<stdin>", "exec", dont_inherit=True), module.__dict__)
        else:
            sys.argv = arguments
            _run_file(program, module)
    except BaseException as error:
        _leave_own_frames_out(error)
        raise


def _set_first_path(path: str) -> None:
    """Set the first path of imports. python -m has put the current directory there."""
    if not sys.flags.safe_path:
        sys.path[0] = path


def _run_file(path: str, module: ModuleType) -> None:
    if _has_main_module(path):
        # A directory or a zip file: its __main__.py is found on the path, as any module. As python does it,
        # also in safe-path mode.
        sys.path[: 0 if sys.flags.safe_path else 1] = [os.path.join(os.getcwd(), path)]
        runpy._run_module_as_main("__main__", False)  # type: ignore[attr-defined]
        return
    try:
        with io.open_code(os.path.abspath(path)) as file:
            source = file.read()
    except OSError as error:
        reason = f"[Errno {error.errno}] {error.strerror}"
        print(f"{sys.executable}: can't open file {os.path.abspath(path)!r}: {reason}", file=sys.stderr)
        raise SystemExit(2) from None
    _set_first_path(os.path.dirname(os.path.realpath(path)))
    # Absolute, but otherwise as it was passed.
    module.__file__ = os.path.join(os.getcwd(), path)
    code: Any
    if source.startswith(importlib.util.MAGIC_NUMBER):
        import marshal

        code = marshal.loads(source[_PYC_HEADER_SIZE:])
    else:
        code = compile(source, module.__file__, "exec", dont_inherit=True)
    exec(code, module.__dict__)


def _has_main_module(path: str) -> bool:
    if os.path.isdir(path):
        return True
    # As python does it. So an archive may have anything in front of it.
    import zipimport

    try:
        zipimport.zipimporter(path)
    except zipimport.ZipImportError:
        return False
    return True


def _leave_own_frames_out(error: BaseException) -> None:
    """Make the traceback that is printed at the end begin with the program's own frames."""
    own = {__file__, runpy.__file__, "<frozen runpy>"}
    before = sys.excepthook

    def hook(kind: type[BaseException], value: BaseException, traceback: TracebackType | None) -> None:
        if value is error:
            while traceback is not None and traceback.tb_frame.f_code.co_filename in own:
                traceback = traceback.tb_next
            value = value.with_traceback(traceback)
        before(kind, value, traceback)

    sys.excepthook = hook


if __name__ == "__main__":
    main(sys.argv[1:])
