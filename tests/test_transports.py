"""Transports over real sockets."""

import asyncio
import contextvars
import hashlib
import os
import random
import socket

import ferrio
import pytest
from support.certificates import contexts
from support.clock import only_this_task, turns, until
from support.connections import Recorder, connected, finish
from support.growth import objects, resident_memory
from support.processes import run_script
from support.sockets import has_input, reset_on_close


def test_extra_info():
    async def main():
        server, protocols, transport, _ = await connected()
        accepted = protocols[0].transport
        assert accepted.get_extra_info("peername") == transport.get_extra_info("sockname")
        assert accepted.get_extra_info("sockname") == transport.get_extra_info("peername")
        sock = accepted.get_extra_info("socket")
        assert isinstance(sock, asyncio.trsock.TransportSocket)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert accepted.get_extra_info("nonsense", "default") == "default"
        transport.close()
        await protocols[0].lost
        await asyncio.sleep(0)
        assert accepted.get_extra_info("peername") == transport.get_extra_info("sockname")
        await finish(server, accepted)

    ferrio.run(main())


def test_pause_in_connection_made_holds_back_the_first_byte():
    class Paused(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.pause_reading()

    async def main():
        server, protocols, transport, _ = await connected(Paused)
        transport.write(b"early")
        await until(lambda: has_input(protocols[0].transport.get_extra_info("socket")))
        await turns()
        assert protocols[0].data == b""
        protocols[0].transport.resume_reading()
        while not protocols[0].data:
            await asyncio.sleep(0)
        assert protocols[0].data == b"early"
        await finish(server, transport, protocols[0].transport)

    ferrio.run(main())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tls", [False, True])
def test_every_byte_arrives_in_order_with_pauses_on_both_sides(seed, tls):
    chance = random.Random(seed)
    chunks = [chance.randbytes(chance.choice([0, 1, 100, 5000, 70_000, 400_000])) for _ in range(60)]
    server_context, client_context = contexts()

    async def main():
        received = asyncio.get_running_loop().create_future()

        async def serve(reader, writer):
            digest = hashlib.sha256()
            while data := await reader.read(chance.choice([1000, 100_000])):
                digest.update(data)
                if chance.random() < 0.1:
                    await asyncio.sleep(0.001)  # the writer gets ahead meanwhile
            received.set_result(digest.digest())
            writer.close()

        server = await asyncio.start_server(
            serve, "127.0.0.1", 0, ssl=server_context if tls else None, limit=10_000
        )
        reader, writer = await asyncio.open_connection(
            *server.sockets[0].getsockname(),
            ssl=client_context if tls else None,
            server_hostname="localhost" if tls else None,
        )
        writer.transport.set_write_buffer_limits(chance.choice([0, 1000, 65536]))
        for chunk in chunks:
            if chance.random() < 0.5:
                writer.write(bytearray(chunk))
            else:
                writer.writelines([chunk[:10], memoryview(chunk)[10:]])
            await writer.drain()
        if tls:
            writer.close()
        else:
            writer.write_eof()
        assert await received == hashlib.sha256(b"".join(chunks)).digest()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    ferrio.run(main())


def test_a_write_of_a_bytearray_is_not_changed_afterwards():
    async def main():
        server, protocols, transport, _ = await connected()
        protocols[0].transport.pause_reading()
        data = bytearray(b"a" * 8_000_000)
        transport.write(data)
        data[:] = b"b" * len(data)
        data.clear()
        protocols[0].transport.resume_reading()
        while len(protocols[0].data) < 8_000_000:
            await asyncio.sleep(0)
        assert set(protocols[0].data) == {ord("a")}
        await finish(server, transport, protocols[0].transport)

    ferrio.run(main())


def test_half_close():
    class Answer(Recorder):
        def eof_received(self):
            super().eof_received()
            asyncio.get_running_loop().call_later(0.005, self.finish)
            return True

        def finish(self):
            self.transport.write(b"after your end")
            self.transport.close()

    async def main():
        server, _, transport, protocol = await connected(Answer)
        transport.write(b"x")
        transport.write_eof()
        assert await protocol.lost is None
        assert protocol.data == b"after your end"
        await finish(server, transport)

    ferrio.run(main())


def test_a_reset_is_told_to_the_protocol_only(caplog):
    async def main():
        server, protocols, transport, _ = await connected()
        sock = transport.get_extra_info("socket")
        reset_on_close(sock)
        transport.abort()
        assert isinstance(await protocols[0].lost, ConnectionResetError)
        await finish(server, transport)

    ferrio.run(main())
    assert not caplog.records


def test_closing_inside_of_callbacks():
    class Closes(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.abort()
            self.transport.write(b"into nothing")
            self.transport.close()

    async def main():
        server, protocols, transport, protocol = await connected(Closes)
        transport.write(b"x")
        await protocol.lost
        assert protocols[0].log == ["made", "data", "lost"]
        await finish(server, transport)

    ferrio.run(main())


def test_pause_writing_may_call_back_into_its_transport():
    class Wild(Recorder):
        def pause_writing(self):
            self.log.append("pause")
            self.transport.set_write_buffer_limits(0)
            self.transport.write(b"y" * 100)
            self.transport.abort()

    async def main():
        server, protocols, transport, protocol = await connected(client_factory=Wild)
        protocols[0].transport.pause_reading()
        transport.write(b"x" * 10_000_000)
        assert await protocol.lost is None
        assert protocol.log == ["made", "pause", "lost"]
        await finish(server, transport, protocols[0].transport)

    ferrio.run(main())


def test_many_tls_handshakes_leave_nothing_behind():
    server_context, client_context = contexts()

    async def main():
        async def echo(reader, writer):
            writer.write(await reader.readexactly(3))
            writer.close()

        async def ask():
            reader, writer = await asyncio.open_connection(
                *address, ssl=client_context, server_hostname="localhost"
            )
            writer.write(b"abc")
            assert await reader.read() == b"abc"
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=server_context)
        address = server.sockets[0].getsockname()

        async def rounds(count):
            for _ in range(count):
                await asyncio.gather(*[ask() for _ in range(20)])
            await only_this_task()
            return objects(), resident_memory()

        # The allocators' arenas fill first.
        await rounds(5)
        count, memory = await rounds(1)
        count_after, memory_after = await rounds(15)
        assert count_after - count < 200
        assert memory_after - memory < 2
        server.close()
        await server.wait_closed()

    ferrio.run(main())


def test_callbacks_see_the_context_of_the_place_that_made_the_connection():
    variable = contextvars.ContextVar("variable", default="nobody")
    seen = []

    class Looks(Recorder):
        def data_received(self, data):
            super().data_received(data)
            seen.append(variable.get())

    async def main():
        variable.set("server's maker")
        server, protocols, transport, _ = await connected(Looks)
        variable.set("later")
        transport.write(b"x")
        while not seen:
            await asyncio.sleep(0)
        await finish(server, transport, protocols[0].transport)

    ferrio.run(main())
    assert seen == ["server's maker"]


def test_the_server_leaves_connections_alone():
    async def main():
        server, protocols, transport, protocol = await connected()
        server.close()
        transport.write(b"still here")
        while not protocols[0].data:
            await asyncio.sleep(0)
        protocols[0].transport.write(b"yes")
        while not protocol.data:
            await asyncio.sleep(0)
        await finish(server, transport, protocols[0].transport)

    ferrio.run(main())


def test_the_loop_refuses_a_transports_descriptor():
    async def main():
        loop = asyncio.get_running_loop()
        server, protocols, transport, _ = await connected()
        sock = transport.get_extra_info("socket")
        for attempt in (loop.add_reader, loop.add_writer):
            with pytest.raises(RuntimeError, match="is used by transport"):
                attempt(sock, print)
        with pytest.raises(RuntimeError, match="is used by transport"):
            loop.remove_reader(sock)
        await finish(server, transport, protocols[0].transport)

    ferrio.run(main())


def test_accept_without_descriptors_rests_and_goes_on():
    async def main():
        loop = asyncio.get_running_loop()
        reports = []
        loop.set_exception_handler(lambda loop, context: reports.append(context["message"]))
        server = await loop.create_server(Recorder, "127.0.0.1", 0)
        client = socket.socket()
        client.setblocking(False)
        taken = []
        try:
            while True:
                taken.append(os.dup(0))
                if len(taken) > 2000:
                    return "no limit to reach"
        except OSError:
            pass
        await loop.sock_connect(client, server.sockets[0].getsockname())
        await until(lambda: reports)
        for descriptor in taken:
            os.close(descriptor)
        assert reports == ["socket.accept() out of system resource"]
        # Accepting rests for a second.
        await until(lambda: server._clients)
        (transport,) = server._clients
        client.close()
        await finish(server, transport)
        return "done"

    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        assert ferrio.run(main()) == "done"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.measures
def test_large_messages_do_not_ask_the_kernel_for_memory_again_and_again():
    # A process of its own: an allocator that has once freed a large block keeps such blocks from then on.
    script = """
        import asyncio, resource, socket, ferrio

        async def main():
            loop = asyncio.get_running_loop()
            one, other = socket.socketpair()
            one.setblocking(False)
            received = 0

            class Sink(asyncio.Protocol):
                def data_received(self, data):
                    nonlocal received
                    received += len(data)

            transport, _ = await loop.create_connection(Sink, sock=other)

            async def send(count):
                for number in range(count):
                    wanted = received + 100_000
                    await loop.sock_sendall(one, bytes(100_000))
                    while received < wanted:
                        await asyncio.sleep(0)

            await send(20)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            await send(300)
            print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
            transport.close()
            one.close()

        ferrio.run(main())
    """
    result = run_script(script)
    assert result.returncode == 0, result.stderr
    faults = int(result.stdout)
    # Twenty for each message, else.
    assert faults < 1000


def test_a_closing_pipe_sends_what_waits_although_the_program_goes_on_writing(caplog):
    async def main():
        loop = asyncio.get_running_loop()
        read_end, write_end = os.pipe()
        transport, protocol = await loop.connect_write_pipe(Recorder, os.fdopen(write_end, "wb", 0))
        size = 300_000  # more than a pipe holds
        transport.write(bytes(size))
        transport.close()
        for _ in range(6):
            transport.write(b"too late")
        received = 0
        with os.fdopen(read_end, "rb", 0) as file:
            while chunk := await loop.run_in_executor(None, file.read, size):
                received += len(chunk)
        assert await protocol.lost is None
        assert received == size

    ferrio.run(main())
    assert caplog.messages.count("pipe closed by peer or os.write(pipe, data) raised exception.") == 2
