"""The parameters that a Rust function binds are those that its documentation shows, or asyncio's function has.

A method in Rust has its parameters twice: in a `Signature`, by which arguments are bound, and in the first line of its
documentation. A function that replaces one of asyncio's shows asyncio's.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from pathlib import Path

import pytest
from ferrio import _core

CORE = Path(__file__).parents[1] / "crates/ferrio-core/src"
SIGNATURE = re.compile(
    r'Signature\s*\{\s*name:\s*"(?P<name>[\w.]+)",\s*parameters:\s*&\[(?P<parameters>[^]]*)\],'
    r"\s*positional:\s*(?P<positional>\d+),\s*required:\s*(?P<required>\d+),\s*variadic:\s*(?P<variadic>\w+)"
)
# Shared by functions of several names, or by the methods of an iterator, which the interpreter's own have.
SHARED = {"throw", "PipeTransport"}

Shape = tuple[list[str], int, int, bool]


def bound() -> list[tuple[str, str, Shape]]:
    """Each signature that Rust binds arguments by: its file, its name, its shape."""
    found = []
    for path in sorted(CORE.rglob("*.rs")):
        for match in SIGNATURE.finditer(path.read_text()):
            names = re.findall(r'"(\w+)"', match["parameters"])
            shape = names, int(match["positional"]), int(match["required"]), match["variadic"] == "true"
            if match["name"] not in SHARED:
                found.append((str(path.relative_to(CORE)), match["name"], shape))
    return found


def shape_of(signature: inspect.Signature) -> Shape:
    """The parameters without self: their names, how many are positional, how many of these are required."""
    named = [
        one
        for one in signature.parameters.values()
        if one.name != "self" and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    positional = [one for one in named if one.kind is not one.KEYWORD_ONLY]
    required = [one for one in positional if one.default is one.empty]
    variadic = any(one.kind is one.VAR_POSITIONAL for one in signature.parameters.values())
    return [one.name for one in named], len(positional), len(required), variadic


def documented(file: str, name: str) -> list[Shape]:
    """The shapes that the documentation in the file gives for a name."""
    found = []
    for text in re.findall(rf'c"{re.escape(name)}\((.*?)\)\\n--\\n', (CORE / file).read_text()):
        # "*, x=None" and "$self, /, x" are Python's, but for the dollar and what can't be written down.
        plain = text.replace("$", "").replace("<unrepresentable>", "None")
        scope: dict[str, object] = {}
        exec(f"def function({plain}): pass", scope)
        found.append(shape_of(inspect.signature(scope["function"])))  # type: ignore[arg-type]
    return found


def asyncios(name: str) -> list[Shape]:
    """The shapes of asyncio's functions of this name."""
    class_name, _, method = name.rpartition(".")
    holders = [asyncio, *(value for value in vars(_core).values() if isinstance(value, type))]
    if class_name:
        holders = [getattr(asyncio, class_name), *(one for one in holders if one.__name__ == class_name)]
    found = []
    for holder in holders:
        function = getattr(holder, method, None)
        if function is not None:
            try:
                found.append(shape_of(inspect.signature(function)))
            except (TypeError, ValueError):
                continue
    return found


BOUND = bound()


def test_the_signatures_are_found() -> None:
    # Every one that has its parameters in place; those of compat.rs depend on the version.
    written = sum(path.read_text().count("Signature {") for path in CORE.rglob("*.rs"))
    assert len(BOUND) > 0.8 * written > 0


def test_another_shape_is_noticed() -> None:
    assert documented("queues/methods.rs", "Queue") == [(["maxsize"], 1, 0, False)]
    assert documented("loop_/methods.rs", "call_soon") == [(["callback", "context"], 1, 1, True)]
    assert (["sock", "n"], 2, 2, False) in asyncios("sock_recv")
    assert not documented("queues/methods.rs", "gone")
    assert not asyncios("gone")


@pytest.mark.parametrize(
    ("file", "name", "shape"), BOUND, ids=[f"{Path(file).stem}:{name}" for file, name, _ in BOUND]
)
def test_a_function_binds_the_parameters_that_it_shows(file: str, name: str, shape: Shape) -> None:
    shown = documented(file, name.rpartition(".")[2]) or asyncios(name)
    assert shape in shown
