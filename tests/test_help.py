"""What help() shows of Ferrio's names."""

from __future__ import annotations

import asyncio
import inspect
import pydoc

import ferrio
import pytest

CLASSES = [name for name in ferrio.__all__ if inspect.isclass(getattr(ferrio, name))]


def shown(thing: object) -> str:
    return pydoc.render_doc(thing, renderer=pydoc.plaintext)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_says_what_it_is(name: str) -> None:
    of_class = getattr(ferrio, name)
    if issubclass(of_class, BaseException) or of_class is getattr(asyncio, name, None):
        return  # asyncio's own
    assert of_class.__doc__
    # That of the class in Rust below it is no documentation.
    assert "in Rust" not in shown(of_class)


def test_methods_in_rust_have_asyncios_documentation() -> None:
    text = shown(ferrio.StreamReader)
    assert "Read up to `n` bytes from the stream." in text
    assert "Remove and return an item from the queue." in shown(ferrio.Queue)
    assert "Coroutine that completes after a given time" in shown(ferrio.sleep)
