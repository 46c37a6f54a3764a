"""Nothing of asyncio's classes is missing: each method is there, takes the same arguments, is tested."""

import ast
import asyncio
import inspect
import re
from collections import defaultdict
from pathlib import Path

import ferrio
import pytest
from ferrio import _core
from ferrio.loop.subprocesses import _SubprocessTransport
from ferrio.server import Server

HERE = Path(__file__).parent

# asyncio's classes, and Ferrio's that stand for them.
CLASSES = [
    # The abstract class has a parameter that asyncio's own loop takes no more.
    (asyncio.SelectorEventLoop, ferrio.Loop),
    (asyncio.Transport, _core.SocketTransport),
    (asyncio.DatagramTransport, _core.DatagramTransport),
    (asyncio.ReadTransport, _core.ReadPipeTransport),
    (asyncio.WriteTransport, _core.WritePipeTransport),
    (asyncio.SubprocessTransport, _SubprocessTransport),
    (asyncio.AbstractServer, Server),
    (asyncio.Server, Server),
    (asyncio.Handle, ferrio.Handle),
    (asyncio.TimerHandle, ferrio.TimerHandle),
    (asyncio.Future, ferrio.Future),
    (asyncio.Task, ferrio.Task),
]

METHODS = [
    pytest.param(theirs, ours, name, id=f"{ours.__name__}.{name}")
    for theirs, ours in CLASSES
    for name in sorted(dir(asyncio.AbstractEventLoop if ours is ferrio.Loop else theirs))
    if not name.startswith("_") and callable(getattr(theirs, name))
]

# What tests call the instances of a class: the end of the expression before the method's name.
NAMES = {
    ferrio.Loop: r"loop(\(\))?|[Ll]oop\(.*\)|super\(\)",
    _core.SocketTransport: r"transport|sending|accepted",
    _core.DatagramTransport: r"transport|endpoint|datagrams",
    _core.ReadPipeTransport: r"transport|reading",
    _core.WritePipeTransport: r"transport|writing",
    _SubprocessTransport: r"transport|process",
    Server: r"server",
    ferrio.Handle: r"handle|call_soon\(.*\)",
    ferrio.TimerHandle: r"timer|call_(at|later)\(.*\)",
    ferrio.Future: r"future(\(\))?|Future\(.*\)",
    ferrio.Task: r"task(s?\[.\]|\(.*\))?|current",
}


def used() -> dict[str, set[str]]:
    """The expressions that each attribute is taken of, in the code of the tests and the examples."""
    found: dict[str, set[str]] = defaultdict(set)
    paths = [path for path in HERE.rglob("*.py") if path != Path(__file__)]
    for path in [*paths, *(HERE.parent / "examples").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                found[node.attr].add(ast.unparse(node.value))
    return found


USED = used()


def parameters(function):
    """The names of a function's parameters, self aside; None for those who don't tell."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    return [parameter for parameter in signature.parameters.values() if parameter.name != "self"]


@pytest.mark.parametrize(("theirs", "ours", "name"), METHODS)
def test_the_method_is_there_and_takes_the_same(theirs, ours, name):
    method = getattr(ours, name)
    # get_extra_info() alone is not abstract: it reads a dict.
    assert method is not getattr(theirs, name) or name == "get_extra_info", "still abstract"
    wanted, given = parameters(getattr(theirs, name)), parameters(method)
    if wanted is None or given is None:
        return
    takes_any_keyword = any(one.kind is one.VAR_KEYWORD for one in given)
    for number, parameter in enumerate(wanted):
        by_name = [one for one in given if one.name == parameter.name]
        if by_name:
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                assert by_name[0].kind is not by_name[0].KEYWORD_ONLY
            assert (parameter.default is parameter.empty) >= (by_name[0].default is parameter.empty)
        elif parameter.kind is not parameter.VAR_KEYWORD:
            # What goes by position may have another name.
            positional = number < len(given) and given[number].kind is not parameter.KEYWORD_ONLY
            assert takes_any_keyword or positional, parameter


@pytest.mark.parametrize(("theirs", "ours", "name"), METHODS)
def test_the_method_is_tested(theirs, ours, name):
    names = re.compile(rf"(.*\b|.*_)?({NAMES[ours]})", re.DOTALL)
    assert any(map(names.fullmatch, USED[name])), f"no test calls {name}() of {sorted(USED[name])}"


LOOP_METHODS = [name for name in dir(asyncio.AbstractEventLoop) if not name.startswith("_")]


@pytest.mark.parametrize("name", LOOP_METHODS)
def test_what_is_a_coroutine_function_stays_one(name):
    theirs = getattr(asyncio.AbstractEventLoop, name)
    if inspect.iscoroutinefunction(theirs) and name != "create_task":
        assert inspect.iscoroutinefunction(getattr(ferrio.Loop, name))
