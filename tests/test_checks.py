"""ferrio.testing's checks: eventually(), always(), what is left at the end, and what leaves the simulation."""

import asyncio
import functools
import gc
import os
import socket
import subprocess
import threading
import time
import warnings

import ferrio
import pytest
from ferrio import testing

in_memory = functools.partial(testing.run, network="memory")


def test_eventually_waits_in_virtual_time():
    async def main():
        loop, values = asyncio.get_running_loop(), []
        loop.call_later(50, values.append, 7)
        assert await testing.eventually(lambda: values, within=60) == [7]
        assert 1050 <= loop.time() < 1050.2

        async def asked():
            await asyncio.sleep(1)
            return len(values) > 1

        loop.call_later(5, values.append, 8)
        assert await testing.eventually(asked, within=60, every=1) is True
        start = loop.time()
        with pytest.raises(AssertionError, match="did not hold within 10 seconds: it is None"):
            await testing.eventually(lambda: None, within=10, every=3)
        assert loop.time() == start + 10
        assert await testing.eventually(lambda: 5, within=0) == 5
        for bad, error in ((None, TypeError), (asyncio.sleep(1), TypeError)):
            with pytest.raises(error):
                await testing.eventually(bad, within=1)
        for every in (0, -1, float("nan")):
            with pytest.raises(ValueError):
                await testing.eventually(lambda: True, within=1, every=every)

    testing.run(main())
    # It needs no simulation.
    ferrio.run(testing.eventually(lambda: True, within=1))


def test_always_is_asked_after_each_step():
    leaders = []

    async def lead(name):
        await asyncio.sleep(1)
        leaders.append(name)
        await asyncio.sleep(0)
        leaders.remove(name)

    async def main():
        leaders.clear()
        with testing.always(lambda: len(leaders) <= 1):
            await lead("first")
            await asyncio.gather(lead("first"), lead("second"))

    # In most orders both lead at one time, if only between two steps.
    with pytest.raises(AssertionError, match="does not always hold: it is False at 1002"):
        testing.run(main())
    failure = testing.find(main)
    assert isinstance(failure.error, AssertionError) and failure.deviations == ()

    async def stopped():
        leaders.clear()
        watch = testing.always(lambda: len(leaders) <= 1)
        await lead("first")
        watch.stop()
        watch.stop()
        await asyncio.gather(lead("first"), lead("second"))
        with pytest.raises(AssertionError, match="it is 0 at"), testing.always(lambda: 0):
            raise NotImplementedError

    testing.run(stopped())


def test_always_refuses_what_it_cannot_ask():
    async def main():
        async def condition():
            return True

        for bad in (None, condition, condition()):
            with pytest.raises(TypeError):
                testing.always(bad)

        def raises():
            if asyncio.get_running_loop().time() > 1001:
                raise LookupError
            return True

        testing.always(raises)
        await asyncio.sleep(5)

    with pytest.raises(LookupError):
        testing.run(main())

    async def real():
        with pytest.raises(RuntimeError, match="not simulated"):
            testing.always(lambda: True)

    ferrio.run(real())


@pytest.mark.parametrize("network", ["real", "memory"])
def test_what_is_left_open_is_a_leak(network):
    kept = []

    async def transport():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        kept.append((await loop.create_connection(asyncio.Protocol, *address))[0])
        server.close()

    async def datagrams():
        loop = asyncio.get_running_loop()
        kept.append((await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0)))[0])

    async def timer():
        kept.append(asyncio.get_running_loop().call_later(60, print))

    async def clean():
        loop = asyncio.get_running_loop()
        loop.call_later(60, print).cancel()
        await transport()
        kept.pop().close()
        await asyncio.sleep(1)

    strict = functools.partial(testing.run, strict=True, network=network)
    with warnings.catch_warnings():
        # What is left warns, as always.
        warnings.simplefilter("ignore", ResourceWarning)
        for leak, text in (
            (transport, "transports are open"),
            (datagrams, "transports are open"),
            (timer, "timers are left"),
        ):
            testing.run(leak(), network=network)
            with pytest.raises(testing.LeakError, match=text) as caught:
                strict(leak())
            assert "0x" not in str(caught.value)
            del caught
            kept.clear()
            gc.collect()
    strict(clean())


def test_a_coroutine_that_nobody_awaits_is_a_leak():
    async def forgotten():
        pass

    async def main():
        forgotten()
        asyncio.Queue().get()

    with pytest.raises(testing.LeakError) as caught:
        testing.run(main(), strict=True)
    assert "coroutine 'test_a_coroutine_that_nobody_awaits_is_a_leak.<locals>.forgotten' was never" in str(
        caught.value
    )
    assert "coroutine 'Queue.get' was never awaited" in str(caught.value)

    async def warns():
        warnings.warn("something else", stacklevel=1)

    # Other warnings reach whoever listens to them.
    with pytest.warns(UserWarning, match="something else"), warnings.catch_warnings():
        warnings.simplefilter("always")
        testing.run(warns(), strict=True)


# What leaves the simulation


async def in_a_thread():
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()


async def in_an_executor():
    await asyncio.to_thread(lambda: None)


async def through_a_socket():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", ("127.0.0.1", 9))


async def by_connecting():
    with socket.socket() as listening, socket.socket() as sock:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        sock.connect(listening.getsockname())


async def by_a_name():
    socket.getaddrinfo("localhost", 80)


async def by_a_reader():
    one, other = socket.socketpair()
    with one, other:
        loop = asyncio.get_running_loop()
        loop.add_reader(one, print)
        loop.remove_reader(one)


async def by_a_socket_call():
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        other.send(b"x")
        await asyncio.get_running_loop().sock_recv(one, 1)


async def in_a_process():
    subprocess.run(["true"], check=True)


async def in_a_child():
    child = await asyncio.create_subprocess_exec("true")
    await child.wait()


async def in_a_shell():
    os.system("true")


async def by_sleeping():
    time.sleep(0.001)


LEAVING = {
    "threads": [in_a_thread, in_an_executor],
    "sockets": [through_a_socket, by_connecting, by_a_name, by_a_reader, by_a_socket_call],
    "processes": [in_a_process, in_a_child, in_a_shell],
    "wall time": [by_sleeping],
}


@pytest.mark.parametrize(
    ("kind", "leave"), [(kind, leave) for kind, ways in LEAVING.items() for leave in ways]
)
def test_what_leaves_the_simulation_raises_unless_it_is_allowed(kind, leave):
    others = [other for other in LEAVING if other != kind]
    for options in ({"network": "memory"}, {"network": "memory", "allow": others}, {"allow": others}):
        if options.get("network") != "memory" and leave in {in_an_executor, by_a_reader, by_a_socket_call}:
            # On a real network the loop itself is not closed: it holds its clock still for these.
            continue
        with pytest.raises(testing.LeavesSimulationError, match=f"allow=..{kind}"):
            testing.run(leave(), **options)
    allowed = [kind, "threads"] if kind == "processes" else [kind]
    testing.run(leave(), network="memory", allow=allowed)
    testing.run(leave())
    # It is over.
    time.sleep(0)
    socket.getaddrinfo("localhost", 80)


def test_the_time_of_the_wall_is_the_loops_unless_it_is_allowed():
    async def look():
        before = time.time(), time.monotonic(), time.perf_counter(), time.monotonic_ns()
        await asyncio.sleep(86400)
        after = time.time(), time.monotonic(), time.perf_counter(), time.monotonic_ns()
        return [round(one - other) for one, other in zip(after, before, strict=True)]

    assert in_memory(look()) == [86400, 86400, 86400, 86400 * 10**9]
    real = in_memory(look(), allow=["wall time"])
    assert real[:3] == [0, 0, 0] and real[3] < 10**9
    assert testing.run(look())[0] == 0
    assert time.gmtime(0).tm_year == 1970 and time.strftime("%Y", time.gmtime(0)) == "1970"


def test_other_threads_are_not_simulated():
    async def main():
        times = []
        thread = threading.Thread(target=lambda: times.append(time.time()))
        thread.start()
        thread.join()
        return times[0], time.time()

    there, here = in_memory(main(), allow=["threads"])
    assert abs(there - time.time()) < 60 and here == 1767225600


def test_what_may_be_allowed():
    async def main():
        raise AssertionError

    for bad, error in (
        ("threads", TypeError),
        (["everything"], ValueError),
        (5, TypeError),
        ([5], ValueError),
    ):
        with pytest.raises(error):
            testing.run(main(), allow=bad)
        with pytest.raises(error):
            testing.explore(main, allow=bad)


def test_an_import_may_do_what_the_program_may_not(tmp_path, monkeypatch):
    """trio asks a program of the system for a library when it is imported, and httpx imports it late."""
    (tmp_path / "needy_module.py").write_text(
        "import subprocess, time; subprocess.run(['true']); time.sleep(0)"
    )
    monkeypatch.syspath_prepend(tmp_path)

    async def main():
        import needy_module  # type: ignore[import-not-found]

        with pytest.raises(testing.LeavesSimulationError):
            needy_module.subprocess.run(["true"])

    in_memory(main())
