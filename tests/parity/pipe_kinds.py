import asyncio
import os
import pty
import socket
import tempfile
import tty

import ferrio


class Log(asyncio.Protocol):
    def __init__(self):
        self.log = []
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.log.append("made")

    def data_received(self, data):
        self.log.append(data)

    def eof_received(self):
        self.log.append("eof")

    def connection_lost(self, error):
        self.log.append(f"lost {error!r}")
        self.lost.set_result(None)


async def until(condition):
    while not condition():
        await asyncio.sleep(0.001)


async def main():
    loop = asyncio.get_running_loop()
    # A FIFO.
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "fifo")
        os.mkfifo(path)
        reading = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", 0)
        writing = open(os.open(path, os.O_WRONLY | os.O_NONBLOCK), "wb", 0)
        reader, read_log = await loop.connect_read_pipe(Log, reading)
        writer, write_log = await loop.connect_write_pipe(Log, writing)
        writer.write(b"fifo")
        await until(lambda: b"fifo" in read_log.log)
        writer.close()
        await read_log.lost
        print(read_log.log, write_log.log, reader.is_closing(), writer.is_closing())
    # A socket pair.
    one, other = socket.socketpair()
    writer, log = await loop.connect_write_pipe(Log, one)
    reader, read_log = await loop.connect_read_pipe(Log, other)
    writer.write(b"socket")
    await until(lambda: b"socket" in read_log.log)
    reader.close()
    await log.lost
    await asyncio.sleep(0)
    print(read_log.log, log.log)
    # A pseudo terminal.
    master, slave = pty.openpty()
    tty.setraw(slave)
    reader, read_log = await loop.connect_read_pipe(Log, open(master, "rb", 0))
    writer, write_log = await loop.connect_write_pipe(Log, open(slave, "wb", 0))
    writer.write(b"terminal")
    await until(lambda: b"terminal" in read_log.log)
    writer.close()
    await read_log.lost
    print(read_log.log[:2], type(read_log.lost).__name__, write_log.log)
    # A character device.
    writer, write_log = await loop.connect_write_pipe(Log, open("/dev/null", "wb", 0))
    writer.write(b"nothing")
    print(writer.get_write_buffer_size(), writer.can_write_eof(), writer.get_extra_info("pipe").name)
    writer.write_eof()
    await write_log.lost
    print(write_log.log)


ferrio.run(main())
