"""What the tree promises: which way imports point, where versions are asked for, where a primitive stands."""

import ast
import asyncio
import importlib
import re
import warnings
from pathlib import Path

import ferrio
import pytest
from ferrio import _core

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "python/ferrio"


def dependencies(crate):
    """The crates that a crate depends on, tests aside."""
    text = (ROOT / "crates" / crate / "Cargo.toml").read_text()
    section = re.search(r"^\[dependencies\]\n(.*?)(?=^\[|\Z)", text, re.DOTALL | re.MULTILINE)
    return set(re.findall(r"^([\w-]+)", section.group(1), re.MULTILINE))


def test_the_lower_crates_know_nothing_of_python():
    assert not dependencies("ferrio-sched") & {
        "pyo3-ffi",
        "pyo3",
        "ferrio-core",
        "ferrio-reactor",
        "libc",
        "rustix",
    }
    assert not dependencies("ferrio-reactor") & {"pyo3-ffi", "pyo3", "ferrio-core", "ferrio-sched"}


def test_the_c_api_is_spoken_with_in_one_crate_only():
    for path in (ROOT / "crates").glob("*/src/**/*.rs"):
        if "ferrio-core" not in path.parts:
            assert "pyo3" not in path.read_text(), path


def test_scheduling_makes_no_system_calls():
    for path in (ROOT / "crates/ferrio-sched/src").rglob("*.rs"):
        assert not re.search(r"std::(net|fs|os|process)\b", path.read_text()), path


# Whoever imports these has the toolkit.
HOST_TOOLKITS = {
    "guest/glib.py": {"gi"},
    "inspection/console.py": {"textual", "textual_serve"},
    "metrics.py": {"prometheus_client", "opentelemetry"},
}


def test_python_imports_only_itself_and_the_standard_library():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module]
            for name in names:
                top = name.split(".")[0]
                if top in HOST_TOOLKITS.get(str(path.relative_to(PACKAGE)), ()):
                    continue
                assert top == "ferrio" or top in __import__("sys").stdlib_module_names, (path, name)


def test_every_folder_of_the_core_is_a_noun_of_asyncio():
    folders = {path.name for path in (ROOT / "crates/ferrio-core/src").iterdir() if path.is_dir()}
    nouns = "loop_ handles futures tasks coroutines taskgroups timeouts transports sockets tls streams sync queues threads"
    nouns += " subprocess debug"
    # The layer below, and the Rust tests.
    assert folders <= {"ffi", "embedded", *nouns.split()}


def test_unsafe_code_of_the_core_is_in_one_folder():
    source = ROOT / "crates/ferrio-core/src"
    found = [
        f"{path.relative_to(source)}: {line}"
        for path in source.rglob("*.rs")
        if "ffi" not in path.relative_to(source).parts
        for line in path.read_text().splitlines()
        if "unsafe" in line
    ]
    assert found == ["lib.rs: #![deny(unsafe_code)]"]


def test_the_c_api_comes_by_way_of_one_file():
    source = ROOT / "crates/ferrio-core/src"
    found = {str(path.relative_to(source)) for path in source.rglob("*.rs") if "pyo3_ffi" in path.read_text()}
    assert found == {"ffi/sys.rs"}


CORE = ROOT / "crates/ferrio-core/src"


def order_of_the_core():
    """The modules of ferrio-core as ARCHITECTURE.md lists them, the lowest first."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    section = re.search(r"^## Order inside ferrio-core\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return re.findall(r"^\d+\. `(\w+)`", section.group(1), re.MULTILINE)


def code_of(path):
    """A Rust file without comments and the text of string literals."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    return re.sub(r"//.*", "", text)


def imported_modules(code):
    """The modules that a piece of Rust names by `crate::name` or in a list, `crate::{a, b::{C, D}}`."""
    names = set(re.findall(r"\bcrate::(\w+)", code))
    for match in re.finditer(r"\bcrate::\{", code):
        depth, item = 1, ""
        for character in code[match.end() :]:
            depth += {"{": 1, "}": -1}.get(character, 0)
            if depth == 0 or (depth == 1 and character == ","):
                names |= set(re.findall(r"^\s*(\w+)", item))
                item = ""
            else:
                item += character
            if depth == 0:
                break
    return names


def imported_by_super(path, code):
    """The modules that a file names by as many `super::` as lead to the crate."""
    levels = len(path.parts) - (path.name == "mod.rs")
    return set(re.findall(r"(?<!super::)\b" + "super::" * levels + r"(?!super\b)(\w+)", code))


def imports_that_point_up(sources, order):
    """Pairs of a file and a module that it names though the module stands above the file's own."""
    found = []
    for path, code in sources.items():
        module = path.parts[0].removesuffix(".rs")
        for name in imported_modules(code) | imported_by_super(path, code):
            if order.index(name) > order.index(module):
                found.append((str(path), name))
    return sorted(found)


def sources_of_the_core():
    return {path.relative_to(CORE): code_of(path) for path in CORE.rglob("*.rs")}


def test_the_order_of_the_core_names_every_module():
    modules = {path.parts[0].removesuffix(".rs") for path in sources_of_the_core()}
    order = order_of_the_core()
    assert len(order) == len(set(order))
    assert set(order) == modules


def test_no_module_of_the_core_imports_one_above_it():
    assert imports_that_point_up(sources_of_the_core(), order_of_the_core()) == []


@pytest.mark.parametrize(
    "line",
    [
        "use crate::tasks;",
        "use crate::tasks::Task;",
        "use crate::{ffi::{Object, Own}, tasks::Task};",
        "fn run() { crate::tasks::run() }",
        "use super::super::tasks;",
    ],
)
def test_an_import_of_the_tasks_in_the_loop_is_found(line):
    path = Path("loop_/runnable.rs")
    code = code_of(CORE / path)
    assert imports_that_point_up({path: f"{line}\n{code}"}, order_of_the_core()) == [(str(path), "tasks")]


def test_versions_of_the_interpreter_are_told_apart_in_one_file():
    # Where asyncio differs, and where the C API does.
    may = {"compat.rs", "ffi/sys.rs", "ffi/version.rs"}
    source = ROOT / "crates/ferrio-core/src"
    found = {str(path.relative_to(source)) for path in source.rglob("*.rs") if "Py_3_" in path.read_text()}
    assert found == may


def test_what_tells_versions_apart_stands_low():
    text = (ROOT / "crates/ferrio-core/src/compat.rs").read_text()
    assert set(re.findall(r"\bcrate::(\w+)", text)) <= {"ffi"}
    assert "super::" not in text


def test_the_version_of_the_interpreter_is_asked_in_one_python_file():
    asking = re.compile(r"version_info|hexversion|sys\.version\b|python_version|sys import .*version")
    found = {
        str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if asking.search(path.read_text())
    }
    # The command line prints it.
    assert found == {"versions.py", "__main__.py"}
    assert asking.findall((PACKAGE / "__main__.py").read_text()) == ["sys.version"]


def test_every_fact_about_versions_is_used():
    sources = [path.read_text() for path in PACKAGE.rglob("*.py") if path.name != "versions.py"]
    for fact in re.findall(r"^([A-Z][A-Z_]+) = ", (PACKAGE / "versions.py").read_text(), re.MULTILINE):
        assert any(f"versions.{fact}" in source for source in sources), fact


# The supported interpreters

VERSIONS = [
    tuple(map(int, version))
    for version in re.findall(r"Python :: (\d+)\.(\d+)", (ROOT / "pyproject.toml").read_text())
]
FIRST, LAST = (f"{major}.{minor}" for major, minor in (min(VERSIONS), max(VERSIONS)))
NEXT = f"({max(VERSIONS)[0]}, {max(VERSIONS)[1] + 1})"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("README.md", f"CPython {FIRST} to {LAST}"),
        ("docs/index.md", f"CPython {FIRST} to {LAST}"),
        ("scripts/tools", f"sys.version_info < {NEXT}"),
        ("scripts/tools", f"CPython {FIRST} to {LAST}"),
        ("scripts/build_backend/ferrio_build.py", f"TOO_NEW = {min(VERSIONS)!s}, {NEXT}"),
        ("scripts/wheels", "".join(f'"{major}.{minor}", ' for major, minor in sorted(VERSIONS))[:-2]),
        ("python/ferrio/executor.py", f"the same from {FIRST} to {LAST}"),
    ],
)
def test_the_supported_versions_are_the_same_everywhere(file, text):
    assert text in (ROOT / file).read_text()


# The sizes of files

SOURCES = {".rs", ".py", ".pyi"}
LONG = 400
REASON = re.compile(r"\bThis file has more than 400 lines because \w+")


def opening_of(text):
    """The comments or the docstring at the top of a file."""
    match = re.match(r'(?:(?:#|//).*\n)*(?:"""(?s:.*?)""")?', text)
    return " ".join(re.sub(r"^(?:#|//!?)", "", line) for line in match.group().splitlines())


def lacks_a_reason(text):
    return text.count("\n") > LONG and not REASON.search(re.sub(r"\s+", " ", opening_of(text)))


def test_a_long_file_says_why_it_is_long():
    folders = ("benches", "crates", "examples", "fuzz/src", "fuzz/fuzz_targets", "python", "scripts", "tests")
    found = [
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and (path.suffix in SOURCES or folder == "scripts") and "target" not in path.parts
        if lacks_a_reason(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize("mark", ['"""{}"""', "#!/bin/sh\n# {}", "//! {}", "# One.\n#\n# {}"])
def test_a_long_file_without_a_reason_is_found(mark):
    lines = "\n" * LONG
    assert lacks_a_reason(mark.format("What it is.") + "\n" + lines)
    assert not lacks_a_reason(
        mark.format("This file has more than 400 lines\n# because it may.") + "\n" + lines
    )
    assert lacks_a_reason(f"x = 1\n# This file has more than 400 lines because it may.{lines}")


# A primitive's places


def definitions(stub):
    """The names that a stub defines or imports, whatever interpreter they are for; "*" for all of asyncio's."""
    names = set()
    for node in ast.walk(ast.parse((PACKAGE / stub).read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def primitives():
    """What Ferrio has in place of asyncio's: (name, its own value), from the Rust module and the Python modules."""
    found = {}
    for path in PACKAGE.glob("[a-z]*.py"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # policies are deprecated
            module = importlib.import_module(f"ferrio.{path.stem}")
        # Python classes of which the hot part is Rust, and what derives from them.
        for name, value in vars(module).items():
            if isinstance(value, type) and any(base.__module__ == "ferrio._core" for base in value.__mro__):
                found[name] = value
    for name, value in vars(_core).items():
        found.setdefault(name, value)
    return {
        name: value
        for name, value in found.items()
        if not name.startswith("_") and hasattr(asyncio, name) and name not in NOT_PRIMITIVES
    }


# The first gives asyncio.all_tasks() Ferrio's tasks. The second stands below asyncio's abstract class of that name. The
# last two are what install() puts into asyncio; of the package they are Loop.
NOT_PRIMITIVES = {"all_tasks", "DatagramTransport", "EventLoop", "SelectorEventLoop"}

PRIMITIVES = primitives()
USED_BY_PARITY_SCRIPTS = {
    node.attr
    for path in (ROOT / "tests/parity").glob("*.py")
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.Attribute)
    and isinstance(node.value, ast.Name)
    and node.value.id in {"asyncio", "ferrio"}
}


def test_every_primitive_of_asyncio_is_found():
    modules = (asyncio.locks, asyncio.queues, asyncio.taskgroups, asyncio.timeouts, asyncio.streams)
    theirs = {
        name
        for module in modules
        for name in module.__all__
        if isinstance(getattr(module, name), type) and not issubclass(getattr(module, name), Exception)
    }
    assert theirs <= set(PRIMITIVES)


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_a_primitive_is_in_the_package(name):
    assert getattr(ferrio, name) is PRIMITIVES[name]
    assert name in dir(ferrio)
    assert name in ferrio.__all__ or name not in asyncio.__all__


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_a_primitive_is_in_the_stubs(name):
    bases = [base for base in getattr(PRIMITIVES[name], "__mro__", ()) if base.__module__ == "ferrio._core"]
    for core_name in {base.__name__ for base in bases} or {name}:
        assert core_name in definitions("_core.pyi")
    package = definitions("__init__.pyi")
    assert name in package or ("*" in package and name in asyncio.__all__)


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_a_primitive_is_in_the_parity_scripts(name):
    assert name in USED_BY_PARITY_SCRIPTS


# Functions of the C API that run no Python code, drop no reference, and make no object that the garbage collector
# tracks; and those by which a thread itself gives the GIL up and takes it (PyEval_*, PyGILState_*), which have guards of
# their own. embedded.rs is for tests.
UNGUARDED = re.findall(
    r"Py\w+",
    """
    Py_INCREF Py_LeaveRecursiveCall Py_REFCNT Py_TYPE Py_None Py_True Py_False Py_NotImplemented
    PyByteArray_AsString PyByteArray_Check PyByteArray_Size
    PyBytes_AsString PyBytes_Check PyBytes_CheckExact PyBytes_FromStringAndSize PyBytes_Size
    PyCallable_Check PyContext_CheckExact PyDict_Next
    PyErr_Fetch PyErr_GetRaisedException PyErr_Occurred
    PyEval_RestoreThread PyEval_SaveThread
    PyExceptionClass_Check PyExceptionInstance_Check PyException_GetContext PyException_GetTraceback
    PyFloat_CheckExact PyFloat_FromDouble PyGen_Check
    PyInterpreterState_Get PyInterpreterState_Main PyInterpreterState_ThreadHead
    PyList_Check PyList_GET_ITEM PyList_GET_SIZE
    PyLong_Check PyLong_CheckExact PyLong_FromLongLong PyMemoryView_Check PyModuleDef_Init
    PyObject_GC_IsFinalized PyObject_GC_Track PyObject_GC_UnTrack PyObject_Init
    PySet_Check PyThreadState_Get PyThreadState_Next PyThread_get_thread_ident PyTraceBack_Check
    PyTuple_Check PyTuple_CheckExact PyTuple_GET_SIZE PyTuple_SET_ITEM
    PyType_Check PyType_HasFeature PyType_IsSubtype
    PyUnicode_Check PyUnicode_CheckExact PyUnicode_FromStringAndSize PyUnicode_InternFromString
    PyVectorcall_NARGS
    """,
)


def test_functions_that_may_end_the_thread_are_guarded():
    """Those of pyo3-ffi have no guard: a function that is new to the crate stands in ffi/sys.rs or above."""
    folder = ROOT / "crates/ferrio-core/src"
    guarded = set(
        re.findall(r"fn (_?Py\w+)\(", (folder / "ffi/sys.rs").read_text().split("may_end_thread! {")[1])
    )
    assert len(guarded) > 80 and not guarded & set(UNGUARDED)
    used = {
        name
        for path in folder.rglob("*.rs")
        if path.name not in {"sys.rs", "embedded.rs"}
        for name in re.findall(r"\b(?:py|sys)::(_?Py\w+)\s*\(", path.read_text())
    }
    assert sorted(used - guarded - set(UNGUARDED)) == []
    assert sorted(set(UNGUARDED) - used) == []
