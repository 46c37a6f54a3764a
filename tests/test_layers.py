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


def test_python_imports_only_itself_and_the_standard_library():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module]
            for name in names:
                top = name.split(".")[0]
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


# The first gives asyncio.all_tasks() Ferrio's tasks. The second stands below asyncio's abstract class of that name.
NOT_PRIMITIVES = {"all_tasks", "DatagramTransport"}

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
