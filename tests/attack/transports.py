"""Random sequences of transport operations from inside callbacks, with every byte looked at where it arrives.

A seed makes a few connections on one loop: TCP, Unix sockets, TLS, TLS that begins in mid-stream, pipes, datagrams;
each end is a protocol, a stream, or a socket that is driven by hand. What an end sends is known beforehand for
every position (`Wire`), and is of that connection alone. So whatever arrives must be what stands there:

- what arrives is a prefix of what was sent, the whole of it where both ended in order;
- `connection_lost` comes exactly once, and nothing after it;
- all ends, within a time;
- no descriptor stays open, nothing is reported that was not provoked.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

import arena
from connections import KINDS
from others import Datagrams, Hand, Stream
from wires import Scene


def waits_to_write(transport: Any) -> bool:
    """Whether a transport has bytes that its kernel has not taken yet."""
    return hasattr(transport, "get_write_buffer_size") and transport.get_write_buffer_size() > 0


async def play(scene: Scene) -> None:
    """Make the connections, let them act, end them."""
    chance, loop = scene.chance, scene.loop
    loop.set_exception_handler(scene.faults.handler)

    async def connect(kind: Any, name: str) -> None:
        try:
            await kind(scene, name)
            scene.figures["connections"] += 1
        except (OSError, arena.Evil) as error:
            arena.trace(name, "not connected:", repr(error))

    kinds = [chance.choice(KINDS) for _ in range(chance.choice([1, 2, 4]))]
    for number, kind in enumerate(kinds):
        if chance.random() < 0.5:
            await connect(kind, f"{kind.__name__} {number}")
        else:
            scene.task(connect(kind, f"{kind.__name__} {number}"))
    drivers = []
    known = 0
    for _ in range(chance.randrange(1, 40)):
        for end in scene.ends[known:]:
            drivers.append(loop.create_task(end.drive()))
        known = len(scene.ends)
        await asyncio.sleep(chance.choice([0, 0.001]))
    if chance.random() < 0.1:
        # The loop is going to be closed as it is.
        loop.stop()
        await asyncio.sleep(3600)
    await scene.until(lambda: not scene.tasks, 1)
    # Some wait for a peer that has paused.
    scene.settling = True
    arena.trace("settling")
    for end in scene.ends:
        end.settle()
    if not await scene.until(lambda: not scene.tasks, 12):
        scene.faults.add(f"tasks do not end: {scene.tasks}")
    for end in scene.ends[known:]:
        drivers.append(loop.create_task(end.drive()))
        end.settle()
    for driver, end in zip(drivers, scene.ends, strict=True):
        if not isinstance(end, Hand) and not await scene.until(driver.done):
            scene.faults.add(f"{end.name}: does not go on: {driver}")
    # Connections that stand must bring what was sent.
    partners: dict[Any, list[Any]] = {}
    for end in scene.ends:
        if not isinstance(end, Datagrams):
            for wire in (end.outgoing, end.incoming):
                partners.setdefault(wire, []).append(end)
    for wire, ends in partners.items():
        # A stream that waits for more keeps what has come.
        if any(isinstance(end, Stream) and end.incoming is wire for end in ends):
            continue
        if not await scene.moving(wire, lambda: wire.is_quiet() or any(end.is_ending() for end in ends)):
            transports = [getattr(end, "transport", None) for end in ends]
            scene.faults.add(f"{wire.name}: stalled, {wire.received} of {wire.sent} arrived: {transports}")
    ends = list(scene.ends)
    chance.shuffle(ends)
    for end in ends:
        end.finish()
        if chance.random() < 0.5:
            await asyncio.sleep(0.001)
    await scene.until(lambda: all(end.is_over() for end in scene.ends))
    # Two that close while each has more to send than the other's kernel takes wait for each other; asyncio's too.
    stuck = [end for end in scene.ends if not end.is_over()]
    waiting = [getattr(end, "transport", None) for end in stuck]
    if all(one is not None and one.is_closing() and waits_to_write(one) for one in waiting):
        for one in waiting:
            one.abort()
    for end in scene.ends:
        if not await scene.until(end.is_over):
            scene.faults.add(f"{end.name}: does not end: {getattr(end, 'transport', None)}")
        if (
            isinstance(end, Stream)
            and end.task is not None
            and end.task.done()
            and end.task.exception() is not None
        ):
            scene.faults.exception(f"{end.name}: reading", end.task.exception())
    for driver, end in zip(drivers, scene.ends, strict=True):
        if not await scene.until(driver.done):
            scene.faults.add(f"{end.name}: does not stop: {driver}")
        elif not driver.cancelled() and driver.exception() is not None:
            scene.faults.exception(f"{end.name}: driver", driver.exception())
    for wire in partners:
        wire.check()
    # Whatever comes after the end comes now.
    for _ in range(5):
        await asyncio.sleep(0)
    for end in scene.ends:
        end.check()


def look_at_bystanders(scene: Scene) -> None:
    """Nothing of a transport may have come to a connection that is not its own."""
    for left, right in scene.bystanders:
        try:
            data = right.recv(100_000)
            scene.faults.add(f"somebody else's connection got {data[:30]!r}")
        except BlockingIOError:
            pass
        except OSError as error:
            scene.faults.add(f"somebody else's connection: {error!r}")
        try:
            data = left.recv(100)
        except OSError as error:
            data = repr(error).encode()
        if data != b"not yours":
            scene.faults.add(f"somebody else's connection lost {data!r}")
        left.close()
        right.close()


def program(chance: random.Random, faults: arena.Faults, figures: dict[str, int]) -> None:
    """Run one seed."""
    scene = Scene(chance, faults, figures)
    faults.expected = (*faults.expected, TimeoutError)
    loop = scene.loop = arena.new_loop()
    loop.set_debug(chance.random() < 0.1)
    loop.slow_callback_duration = 100
    asyncio.set_event_loop(loop)
    main = loop.create_task(play(scene))

    def stop(_: object) -> None:
        loop.stop()

    main.add_done_callback(stop)
    loop.run_forever()
    main.remove_done_callback(stop)
    if main.done():
        if main.exception() is not None:
            faults.exception("play", main.exception())
    # In the middle of it all, nobody is told how things end.
    else:
        faults.ignored = "Task was destroyed"
        faults.closed_loop = True
    if not main.done() and chance.random() < 0.5:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.call_later(0.01, loop.stop)
        loop.run_forever()
    scene.settling = True
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    asyncio.set_event_loop(None)
    look_at_bystanders(scene)
    for end in scene.ends:
        if isinstance(end, Hand):
            end.close()
    scene.ends.clear()
    scene.tasks.clear()


def run(seed: int) -> dict[str, int]:
    """Run one seed."""
    return arena.attack(seed, program)


if __name__ == "__main__":
    arena.main(run)
