import asyncio
import signal

import ferrio


class Child(asyncio.SubprocessProtocol):
    def __init__(self):
        self.log = []
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.log.append("made")

    def pipe_data_received(self, fd, data):
        self.log.append((fd, data))

    def pipe_connection_lost(self, fd, error):
        self.log.append(("lost", fd, error))

    def process_exited(self):
        self.log.append("exited")

    def connection_lost(self, error):
        self.log.append(("end", error))
        self.ended.set_result(None)


async def main():
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.subprocess_exec(Child, "cat")
    print(isinstance(transport, asyncio.SubprocessTransport), transport.get_returncode())
    print(transport.get_pid() > 0, transport.get_protocol() is protocol, transport.is_closing())
    print([transport.get_pipe_transport(fd) is not None for fd in (0, 1, 2)], transport.get_pipe_transport(5))
    transport.get_pipe_transport(0).write(b"hello")
    while (1, b"hello") not in protocol.log:
        await asyncio.sleep(0.001)
    transport.get_pipe_transport(0).close()
    await protocol.ended
    print(sorted(map(str, protocol.log)), transport.get_returncode())
    transport.close()
    print(transport.is_closing())
    # Closing kills.
    transport, protocol = await loop.subprocess_exec(
        Child, "sleep", "100", stdin=None, stdout=None, stderr=None
    )
    transport.close()
    await protocol.ended
    print(protocol.log, transport.get_returncode())
    # Through the transport.
    transport, protocol = await loop.subprocess_shell(
        Child, "exec sleep 100", stdin=None, stdout=None, stderr=None
    )
    transport.send_signal(signal.SIGTERM)
    await protocol.ended
    print(protocol.log, transport.get_returncode())
    transport.close()
    transport, protocol = await loop.subprocess_shell(Child, "exit 9", stdin=None, stdout=None, stderr=None)
    await protocol.ended
    print(
        protocol.log, transport.get_extra_info("subprocess").returncode, repr(transport).count("returncode=9")
    )
    for call in (transport.terminate, transport.kill):
        try:
            call()
        except ProcessLookupError:
            print("no process")
    transport.close()


ferrio.run(main())
