"""Asynchronous iterators, generators, context managers and comprehensions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType

import ferrio


class Countdown:
    """An asynchronous iterator."""

    def __init__(self, start: int) -> None:
        self.left = start

    def __aiter__(self) -> "Countdown":
        return self

    async def __anext__(self) -> int:
        if self.left == 0:
            raise StopAsyncIteration
        await asyncio.sleep(0)
        self.left -= 1
        return self.left + 1


async def squares(count: int) -> AsyncIterator[int]:
    """An asynchronous generator that says when it is closed."""
    try:
        for number in range(count):
            await asyncio.sleep(0)
            yield number * number
    finally:
        print("squares closed")


class Resource:
    """An asynchronous context manager."""

    async def __aenter__(self) -> str:
        await asyncio.sleep(0)
        print("resource opened")
        return "resource"

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        await asyncio.sleep(0)
        print("resource closed after", repr(error))
        return isinstance(error, LookupError)


@asynccontextmanager
async def managed(name: str) -> AsyncIterator[str]:
    """A context manager made of a generator."""
    print("enter", name)
    try:
        yield name.upper()
    finally:
        await asyncio.sleep(0)
        print("leave", name)


async def main() -> None:
    """Use them all."""
    print([number async for number in Countdown(5)])
    print({number async for number in squares(5) if number % 2 == 0})
    print({number: -number async for number in Countdown(3)})
    print(await asyncio.gather(*[anext(Countdown(start)) for start in (3, 2, 1)]))
    async for number in squares(10):
        if number > 3:
            break
        print("square", number)
    async with Resource() as resource, managed("thing") as thing:
        print(resource, thing)
    async with Resource():
        raise LookupError("swallowed")
    left_open = squares(3)
    print("first", await anext(left_open))
    # the loop closes what is left open when it ends


if __name__ == "__main__":
    ferrio.run(main())
