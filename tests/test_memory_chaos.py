"""Everything at once on ferrio.testing's network in memory, as a seed chooses: no error inside, and two runs are equal."""

import asyncio
import functools
import random

from ferrio import testing
from support.certificates import contexts
from support.simulations import cancelled_connections, echo  # noqa: F401
from support.traced import trace_of

SERVERS, CLIENTS, SEEDS = 3, 4, 15

SERVER_TLS, CLIENT_TLS = contexts()


class Echo(asyncio.DatagramProtocol):
    """Sends back what it gets."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


async def server():
    loop = asyncio.get_running_loop()

    await asyncio.start_server(echo, port=1)
    await asyncio.start_server(echo, port=2, ssl=SERVER_TLS)
    await asyncio.start_unix_server(echo, "/socket")
    await loop.create_datagram_endpoint(Echo, ("0.0.0.0", 1))
    # A client on the same host.
    reader, writer = await asyncio.open_unix_connection("/socket")
    try:
        while True:
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
            await asyncio.sleep(3)
    finally:
        writer.close()


async def talk(name, counts, kinds):
    """Ask a server by TCP, TLS or UDP; what comes back is what was sent, or an error of the network comes."""
    data = random.randbytes(random.choice([1, 1000, 100_000, 600_000]))
    kind = random.choice(kinds)
    writer = None
    try:
        async with asyncio.timeout(random.choice([0.5, 30, 300])):
            if kind == "udp":
                loop = asyncio.get_running_loop()
                transport, _ = await loop.create_datagram_endpoint(Echo, remote_addr=(name, 1))
                transport.sendto(data[:100])
                await asyncio.sleep(1)
                transport.close()
            else:
                tls = {"ssl": CLIENT_TLS, "server_hostname": "localhost"} if kind == "tls" else {}
                reader, writer = await asyncio.open_connection(name, 2 if tls else 1, **tls)
                writer.write(data)
                # What arrives is a beginning of what was sent, in its order.
                got = await reader.readexactly(len(data))
                assert got == data
        counts[kind] = counts.get(kind, 0) + 1
    except (OSError, asyncio.IncompleteReadError) as error:
        counts[type(error).__name__] = counts.get(type(error).__name__, 0) + 1
    finally:
        if writer is not None:
            writer.transport.abort() if random.random() < 0.3 else writer.close()


async def chaos(kinds=("tcp", "tcp", "tls", "udp")):
    net, counts = testing.network(), {}
    servers = [net.host(f"server{number}") for number in range(SERVERS)]
    names = [host.name for host in servers]
    net.latency, net.jitter, net.loss, net.duplication = 0.01, 0.02, 0.1, 0.1
    for host in servers:
        host.start(server)

    async def client():
        for _ in range(8):
            await talk(random.choice(names), counts, kinds)
            await asyncio.sleep(random.random())

    tasks = [net.host(f"client{number}").create_task(client()) for number in range(CLIENTS)]
    while not all(task.done() for task in tasks):
        await asyncio.sleep(random.random() * 2)
        host, other = random.choice(servers), f"client{random.randrange(CLIENTS)}"
        match random.randrange(10):
            case 0:
                host.crash(silently=random.random() < 0.5)
            case 1 | 2:
                host.restart()
            case 3 if host.is_up:
                host.pause()
            case 4 | 5 if host.is_up:
                host.resume()
            case 6:
                net.partition(host.name, other, one_way=random.random() < 0.5)
            case 7:
                net.heal()
            case 8:
                random.choice([net.reset, net.half_open])(host.name, other)
            case 9:
                net.link(host.name, other).bandwidth = random.choice([None, 100_000])
                host.reading_rate = random.choice([None, 200_000])
    await asyncio.gather(*tasks)
    assert sum(counts.values()) == CLIENTS * 8
    return counts


def test_no_error_inside_and_two_runs_are_equal(reports):
    total = {}
    for seed in range(SEEDS):
        for kind, count in testing.run(chaos(), seed=seed, network="memory").items():
            total[kind] = total.get(kind, 0) + count
    # All of it happened.
    assert {"tcp", "tls", "udp", "TimeoutError", "ConnectionResetError", "ConnectionRefusedError"} <= {
        *total
    }, total
    # Without TLS: the lengths of its signatures are chance, and with a bandwidth they take time.
    without_tls = functools.partial(chaos, ("tcp", "udp"))
    for seed in range(0, SEEDS, 7):
        assert trace_of(without_tls, seed) == trace_of(without_tls, seed)
    # A server's own connection may be cut off.
    assert not [text for text in reports.texts if "ferrio/testing" in text.split("Traceback")[-1]]
