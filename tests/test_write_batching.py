"""Which small writes wait for the end of the loop's iteration, and that nothing is lost by it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from typing import Any

import ferrio
import pytest
from ferrio import _core


class Keeper(asyncio.Protocol):
    """Knows its transport, and what happened to it."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.on_data(data)

    def on_data(self, data: bytes) -> None:
        """Be replaced by tests that expect something."""

    def pause_writing(self) -> None:
        self.events.append("pause")

    def connection_lost(self, exc: Any) -> None:
        self.events.append(f"lost {exc!r}")


async def connected(rounds: int = 5) -> tuple[Any, Keeper, socket.socket]:
    """Return a transport that was written to in bursts, its protocol, and the peer."""
    loop = asyncio.get_running_loop()
    # Whole messages, so that one can tell how often was sent.
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one.setblocking(False)
    other.setblocking(False)
    # create_connection() would refuse it.
    protocol, started = Keeper(), loop.create_future()
    transport = _core.SocketTransport(loop, one, protocol, started)
    await started
    for _ in range(rounds):
        transport.write(b"head")
        transport.write(b"body")
        await asyncio.sleep(0)
        while waiting(other):
            pass
    return transport, protocol, other


def waiting(sock: socket.socket) -> bytes:
    """Return the next message; empty if there is none."""
    try:
        return sock.recv(100_000)
    except BlockingIOError:
        return b""


def close(transport: Any, other: socket.socket) -> None:
    transport.abort()
    other.close()


def test_who_writes_once_is_sent_at_once() -> None:
    async def main() -> None:
        transport, _, other = await connected(0)
        for _ in range(10):
            transport.write(b"all")
            assert waiting(other) == b"all"
            await asyncio.sleep(0)
        close(transport, other)

    ferrio.run(main())


def test_a_burst_is_sent_at_the_end_of_the_callback() -> None:
    async def main() -> None:
        transport, _, other = await connected()
        transport.write(b"head")
        transport.write(b"body")
        transport.writelines([b"1", b"2"])
        transport.write(b"tail")
        assert waiting(other) == b""
        await asyncio.sleep(0)
        assert waiting(other) == b"headbody12tail"
        transport.write(b"head")
        transport.writelines([b"1", bytes(50_000)])
        assert waiting(other) == b"head"
        assert len(waiting(other)) == 50_001
        await asyncio.sleep(0)
        transport.write(b"head")
        transport.write(b"body")
        await asyncio.sleep(0)
        assert waiting(other) == b"headbody"
        transport.write(b"head")
        transport.write(bytearray(b"body"))
        assert waiting(other) == b""
        await asyncio.sleep(0)
        assert waiting(other) == b"headbody"
        close(transport, other)

    ferrio.run(main())


def test_the_habit_is_forgotten() -> None:
    async def main() -> None:
        transport, _, other = await connected()
        for _ in range(5):
            transport.write(b"all")
            await asyncio.sleep(0)
            assert waiting(other) == b"all"
        transport.write(b"all")
        assert waiting(other) == b"all"
        close(transport, other)

    ferrio.run(main())


@pytest.mark.parametrize(
    "look",
    [
        lambda transport: transport.get_write_buffer_size(),
        lambda transport: transport.set_write_buffer_limits(high=10),
        lambda transport: transport.get_extra_info("socket"),
        lambda transport: transport.set_protocol(Keeper()),
        lambda transport: transport.write_eof(),
        lambda transport: transport.close(),
        lambda transport: transport.abort(),
        lambda transport: transport.write(bytes(50_000)),
    ],
    ids=["size", "limits", "socket", "protocol", "eof", "close", "abort", "large"],
)
def test_who_looks_finds_it_sent(look: Any) -> None:
    async def main() -> None:
        transport, _, other = await connected()
        transport.write(b"head")
        assert not look(transport) or transport.get_write_buffer_size() == 0
        assert waiting(other) == b"head"
        close(transport, other)
        await asyncio.sleep(0)

    ferrio.run(main())


@pytest.mark.parametrize("high", [0, 5, 20_000])
def test_no_more_waits_than_the_protocol_may_have_unsent(high: int) -> None:
    async def main() -> None:
        transport, protocol, other = await connected()
        transport.set_write_buffer_limits(high=high)
        transport.write(b"12345")
        assert waiting(other) == (b"12345" if high < 5 else b"")
        transport.write(b"6")
        assert (waiting(other) + waiting(other) == b"") == (high == 20_000)
        for _ in range(10):
            transport.write(bytes(5000))
        assert protocol.events == []
        close(transport, other)

    ferrio.run(main())


async def answered(rounds: int, *others: Any) -> tuple[Any, Keeper, socket.socket]:
    """Return a connection whose requests were answered from a task; `others` run after its last answer."""
    loop = asyncio.get_running_loop()
    transport, protocol, other = await connected(0)
    for left in reversed(range(rounds)):
        asked = loop.create_future()

        def ask(data: bytes, asked: Any = asked, is_last: bool = left == 0) -> None:
            asked.set_result(data)
            for callback in others if is_last else ():
                loop.call_soon(callback, other)

        protocol.on_data = ask  # type: ignore[method-assign]
        other.send(b"request")
        await asked
        transport.write(b"answer")
        if left > 0:
            assert waiting(other) == b"answer"
    return transport, protocol, other


@pytest.mark.parametrize(("rounds", "expected"), [(1, b"answer"), (2, b""), (5, b"")])
def test_an_answer_of_a_task_waits_for_the_other_callbacks(rounds: int, expected: bytes) -> None:
    async def main() -> None:
        seen: list[bytes] = []
        transport, _, other = await answered(rounds, lambda other: seen.append(waiting(other)))
        await asyncio.sleep(0)
        assert seen == [expected]
        assert waiting(other) == (b"" if expected else b"answer")
        close(transport, other)

    ferrio.run(main())


def test_an_answer_does_not_wait_if_nobody_else_wants_to_run() -> None:
    async def main() -> None:
        transport, _, other = await answered(5)
        assert waiting(other) == b"answer"
        close(transport, other)

    ferrio.run(main())


def test_an_answer_does_not_wait_for_several_that_take_long() -> None:
    async def main() -> None:
        seen: list[bytes] = []
        # The first callback takes longer than an answer may wait.
        transport, _, other = await answered(
            5, lambda other: time.sleep(0.002), lambda other: seen.append(waiting(other)), lambda other: None
        )
        await asyncio.sleep(0)
        assert seen == [b"answer"]
        close(transport, other)

    ferrio.run(main())


def test_an_answer_that_is_written_where_the_request_is_read_goes_out_at_once() -> None:
    async def main() -> None:
        one, two = await connected(0), await connected(0)
        both = asyncio.Event()
        seen: list[bytes] = []

        def answer(data: bytes, mine: Any, others: Any) -> None:
            seen.append(waiting(others[2]))
            mine[0].write(b"answer")
            if len(seen) == 2:
                both.set()

        one[1].on_data = lambda data: answer(data, one, two)  # type: ignore[method-assign]
        two[1].on_data = lambda data: answer(data, two, one)  # type: ignore[method-assign]
        for _ in range(10):
            seen.clear()
            both.clear()
            one[2].send(b"request")
            two[2].send(b"request")
            await both.wait()
            assert seen == [b"", b"answer"]
            assert waiting(one[2]) + waiting(two[2]) == b"answer"
        close(one[0], one[2])
        close(two[0], two[2])

    ferrio.run(main())


def test_an_answer_is_there_before_those_who_hear_of_it() -> None:
    """What a program makes happen after a write happens after it."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        told = loop.create_future()
        transport, _, other = await answered(5, lambda other: None)
        loop.call_soon(lambda: told.set_result(waiting(other)))
        assert await told == b"answer"
        close(transport, other)

    ferrio.run(main())


def test_a_burst_that_fails_ends_the_connection() -> None:
    async def main() -> list[str]:
        transport, protocol, other = await connected()
        other.close()
        transport.write(b"head")
        transport.write(b"body")
        assert protocol.events == []
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        close(transport, other)
        return protocol.events

    events = ferrio.run(main())
    assert len(events) == 1
    assert events[0].startswith("lost BrokenPipeError")


def test_a_callback_that_ends_the_loop_has_its_burst_sent() -> None:
    received = []

    async def main() -> None:
        transport, _, other = await connected()

        def fail() -> None:
            transport.write(b"head")
            transport.write(b"body")
            raise SystemExit(3)

        asyncio.get_running_loop().call_soon(fail)
        try:
            await asyncio.sleep(10)
        finally:
            received.append(waiting(other))
            close(transport, other)

    with pytest.raises(SystemExit):
        ferrio.run(main())
    assert received == [b"headbody"]


def test_one_that_fails_and_ends_the_loop_keeps_no_other_from_being_sent() -> None:
    received = []

    def leave(record: Any) -> bool:
        if "Fatal write error" in record.getMessage():
            assert record.exc_info[0] is BrokenPipeError
            raise SystemExit(3)
        return True

    async def main() -> None:
        asyncio.get_running_loop().set_debug(True)
        failing, _, gone = await connected()
        transport, _, other = await connected()
        gone.close()
        try:
            failing.write(b"head")
            transport.write(b"head")
            await asyncio.sleep(10)
        finally:
            received.append(waiting(other))
            close(transport, other)
            failing.abort()

    logger = logging.getLogger("asyncio")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addFilter(leave)
    try:
        with pytest.raises(SystemExit):
            ferrio.run(main())
    finally:
        logger.removeFilter(leave)
        logger.setLevel(level)
    assert received == [b"head"]


def test_a_child_does_not_send_it_again() -> None:
    async def main() -> None:
        transport, _, other = await connected()
        loop = asyncio.get_running_loop()
        never = loop.create_future()
        transport.write(b"head")
        if (child := os.fork()) == 0:
            # Its loop goes on to the end of the callback, and to the next.
            loop.call_soon(os._exit, 0)
            await never
        os.waitpid(child, 0)
        transport.write(b"body")
        await asyncio.sleep(0)
        assert [waiting(other) for _ in range(3)] == [b"head", b"body", b""]
        close(transport, other)

    ferrio.run(main())


def test_what_another_thread_writes_is_sent_at_once() -> None:
    async def main() -> None:
        transport, _, other = await connected()
        await asyncio.to_thread(transport.write, b"head")
        assert waiting(other) == b"head"
        close(transport, other)

    ferrio.run(main())
