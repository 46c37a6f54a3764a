"""Protocols whose methods raise: that connection is closed and reported, and nothing else is touched."""

import asyncio

import ferrio
import pytest
from support.clock import until
from support.connections import Recorder, connected, finish


def test_an_exception_in_connection_made_is_reported_and_the_connection_goes_on():
    class Bad(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            raise ValueError("not today")

    async def main():
        reports = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context))
        server, protocols, transport, protocol = await connected(Bad)
        transport.write(b"data")
        await until(lambda: protocols[0].data == b"data")
        assert [str(report["exception"]) for report in reports] == ["not today"]
        assert server.is_serving()
        assert not protocols[0].transport.is_closing()
        await finish(server, transport, protocols[0].transport)

    ferrio.run(main())


class BadBuffer(asyncio.BufferedProtocol):
    def connection_made(self, transport):
        self.transport = transport
        self.lost = asyncio.get_running_loop().create_future()

    def get_buffer(self, sizehint):
        return bytearray(100)

    def connection_lost(self, error):
        self.lost.set_result(error)


class BadUpdate(BadBuffer):
    def buffer_updated(self, count):
        raise ValueError("not today")


class NoBuffer(BadBuffer):
    def get_buffer(self, sizehint):
        raise ValueError("not today")


class BadData(Recorder):
    def data_received(self, data):
        raise ValueError("not today")


class BadEnd(Recorder):
    def eof_received(self):
        raise ValueError("not today")


@pytest.mark.parametrize("bad", [BadUpdate, NoBuffer, BadData, BadEnd])
def test_an_exception_of_the_protocol_closes_that_connection_only(bad):
    async def main():
        reports = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context))
        server, protocols, transport, protocol = await connected(bad)
        other, _ = await asyncio.get_running_loop().create_connection(
            Recorder, *server.sockets[0].getsockname()
        )
        transport.write(b"x")
        transport.write_eof()
        await protocols[0].lost
        await protocol.lost
        assert [str(report["exception"]) for report in reports] == ["not today"]
        assert reports[0]["transport"] is protocols[0].transport
        assert server.is_serving()
        assert not other.is_closing()
        await finish(server, transport, other, *[one.transport for one in protocols])

    ferrio.run(main())
