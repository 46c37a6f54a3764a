"""What help() shows of Ferrio's names."""

from __future__ import annotations

import asyncio
import inspect
import pydoc
import warnings

import ferrio
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # asyncio's policies are deprecated
    ALL = {name: getattr(ferrio, name) for name in ferrio.__all__}
    THEIRS = {id(getattr(asyncio, name)) for name in asyncio.__all__}
CLASSES = [name for name, value in ALL.items() if inspect.isclass(value) and id(value) not in THEIRS]


def shown(thing: object) -> str:
    return pydoc.render_doc(thing, renderer=pydoc.plaintext)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_says_what_it_is(name: str) -> None:
    of_class = ALL[name]
    assert of_class.__doc__
    # That of the class in Rust below it is no documentation.
    assert "in Rust" not in shown(of_class)
