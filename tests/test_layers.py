"""Imports point downward only: Python above ferrio-core, that above ferrio-reactor and ferrio-sched."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


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
    for path in (ROOT / "python/ferrio").rglob("*.py"):
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
    source = ROOT / "python/ferrio"
    asking = re.compile(r"version_info|hexversion|sys\.version\b|python_version|sys import .*version")
    found = {
        str(path.relative_to(source)) for path in source.rglob("*.py") if asking.search(path.read_text())
    }
    # The command line prints it.
    assert found == {"versions.py", "__main__.py"}
    assert asking.findall((source / "__main__.py").read_text()) == ["sys.version"]


def test_every_fact_about_versions_is_used():
    sources = [
        path.read_text() for path in (ROOT / "python/ferrio").rglob("*.py") if path.name != "versions.py"
    ]
    for fact in re.findall(
        r"^([A-Z][A-Z_]+) = ", (ROOT / "python/ferrio/versions.py").read_text(), re.MULTILINE
    ):
        assert any(f"versions.{fact}" in source for source in sources), fact
