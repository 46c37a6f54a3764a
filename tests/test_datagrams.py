"""Datagram transports over real sockets."""

import asyncio
import os

import ferrio
from support.clock import turns
from support.connections import Recorder


def test_an_exception_in_datagram_received_is_reported_and_the_endpoint_goes_on():
    class Bad(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.came = asyncio.get_running_loop().create_future()

        def datagram_received(self, data, address):
            if data == b"x":
                raise ValueError("not today")
            self.came.set_result(data)

    async def main():
        loop = asyncio.get_running_loop()
        reports = []
        loop.set_exception_handler(lambda loop, context: reports.append(context))
        server, protocol = await loop.create_datagram_endpoint(Bad, local_addr=("127.0.0.1", 0))
        client, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=server.get_extra_info("sockname")
        )
        client.sendto(b"x")
        client.sendto(b"y")
        assert await protocol.came == b"y"
        assert [str(report["exception"]) for report in reports] == ["not today"]
        assert not server.is_closing()
        assert not client.is_closing()
        server.close()
        client.close()
        await asyncio.sleep(0)

    ferrio.run(main())


def test_datagrams_of_every_size():
    class Endpoint(asyncio.DatagramProtocol):
        def __init__(self):
            self.received = asyncio.Queue()

        def datagram_received(self, data, address):
            self.received.put_nowait((data, address))

    async def main():
        loop = asyncio.get_running_loop()
        server, endpoint = await loop.create_datagram_endpoint(Endpoint, local_addr=("127.0.0.1", 0))
        address = server.get_extra_info("sockname")
        for arguments in ({"remote_addr": address}, {"local_addr": ("127.0.0.1", 0)}):
            client, _ = await loop.create_datagram_endpoint(Endpoint, **arguments)
            for size in (1, 1000, 65507):
                data = os.urandom(size)
                client.sendto(data, None if "remote_addr" in arguments else address)
                assert await endpoint.received.get() == (data, client.get_extra_info("sockname"))
            client.close()
        server.close()
        await turns()

    ferrio.run(main())


def test_what_breaks_a_datagram_transport_is_logged_with_the_place(caplog, reports) -> None:
    """The log said what was wrong with the address, and not who had given it."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(Recorder, ("127.0.0.1", 0))
        transport.sendto(b"data", ("127.0.0.1", 70_000))
        assert isinstance(await protocol.lost, OverflowError)

    ferrio.run(main())
    (record,) = caplog.records
    assert "Fatal write error on datagram transport" in record.message
    (report,) = reports.take()
    assert report.startswith(record.message)
    assert "Traceback (most recent call last)" in caplog.text
    assert 'transport.sendto(b"data", ("127.0.0.1", 70_000))' in caplog.text
