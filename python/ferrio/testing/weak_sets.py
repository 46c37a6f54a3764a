"""OrderedWeakSet: what asyncio keeps in a WeakSet, in an order that does not depend on addresses."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ("OrderedWeakSet",)


class OrderedWeakSet:
    """Weak references to objects, in the order in which they were added."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        self._items: weakref.WeakKeyDictionary[Any, None] = weakref.WeakKeyDictionary()
        for item in items:
            self.add(item)

    def __contains__(self, item: object) -> bool:
        return item in self._items

    def __iter__(self) -> Iterator[Any]:
        # What an iteration does with its objects may remove others.
        return iter(list(self._items))

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: Any) -> None:
        """Add an object, at the end."""
        self._items[item] = None

    def discard(self, item: Any) -> None:
        """Remove an object if it is there."""
        self._items.pop(item, None)

    def clear(self) -> None:
        """Remove all."""
        self._items.clear()

    def copy(self) -> OrderedWeakSet:
        """Return another set of the same objects."""
        return OrderedWeakSet(self)
