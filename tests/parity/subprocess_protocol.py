import asyncio
import io

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    after = io.StringIO()

    class Child(asyncio.SubprocessProtocol):
        def connection_made(self, transport):
            print("made", isinstance(transport, asyncio.SubprocessTransport))

        def pipe_data_received(self, fd, data):
            print("data", fd, data)

        def pipe_connection_lost(self, fd, error):
            print("pipe lost", error, file=after)

        def process_exited(self):
            print("exited", file=after)

        def connection_lost(self, error):
            done.set_result(error)

    transport, _ = await loop.subprocess_shell(Child, "echo from the shell; exit 2", stdin=None, stderr=None)
    # Whether the end of the child or of its output is seen first is chance.
    print(await done, sorted(after.getvalue().split("\n")), transport.get_returncode())
    transport.close()


ferrio.run(main())
