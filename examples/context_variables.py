"""Context variables: each task has its own copy, callbacks have their maker's."""

import asyncio
import contextvars

import ferrio

request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="none")


async def handle(number: int) -> str:
    """Set the variable and find it again after others have run."""
    request.set(f"request {number}")
    await asyncio.sleep(0.001 * (3 - number))
    return await inner()


async def inner() -> str:
    """See the caller's value."""
    return request.get()


async def main() -> None:
    """Show what is seen where."""
    print(await asyncio.gather(*[handle(number) for number in range(3)]))
    print("outside:", request.get())
    request.set("main")
    print("in a task:", await asyncio.create_task(inner()))
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_soon(lambda: done.set_result(request.get()))
    request.set("changed later")
    print("in a callback:", await done)
    other = contextvars.copy_context()
    other.run(request.set, "of another context")
    print("in a given context:", await asyncio.create_task(inner(), context=other))
    print("in a thread:", await asyncio.to_thread(request.get))
    loop.call_soon(request.set, "by a callback", context=other)
    await asyncio.sleep(0)
    print("still:", request.get(), "| there:", other[request])


if __name__ == "__main__":
    ferrio.run(main())
