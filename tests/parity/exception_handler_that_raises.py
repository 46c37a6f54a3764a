import asyncio
import logging
import socket
import sys
import traceback

import ferrio

asyncio.log.logger.handlers = [logging.NullHandler()]


class Show(logging.Handler):
    """Prints a record's exceptions, each with what it says of the one before."""

    def emit(self, record):
        print(record.getMessage().split("\n")[0])
        error = record.exc_info[1] if record.exc_info else None
        while error is not None:
            names = [
                frame.name for frame in traceback.extract_tb(error.__traceback__) if "tests" in frame.filename
            ]
            print("  ", repr(error), names)
            error = error.__cause__ or error.__context__


asyncio.log.logger.addHandler(Show())
asyncio.log.logger.propagate = False


class Raising(asyncio.Protocol):
    def data_received(self, data):
        raise LookupError("in data_received")

    def pause_writing(self):
        raise LookupError("in pause_writing")


def callback():
    raise KeyError("in the callback")


def handled(loop, context):
    print("handling", repr(sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]))


def raising(loop, context):
    raise ValueError("in the handler")


async def main():
    loop = asyncio.get_running_loop()
    for handler in (handled, raising):
        loop.set_exception_handler(handler)
        # Callbacks, timers, readers.
        loop.call_soon(callback)
        loop.call_soon_threadsafe(callback)
        loop.call_later(0, callback)
        await asyncio.sleep(0.01)
        left, right = socket.socketpair()

        def reader(left=left):
            loop.remove_reader(left)
            callback()

        loop.add_reader(left, reader)
        right.send(b"data")
        await asyncio.sleep(0.01)
        # A protocol.
        transport, protocol = await loop.create_connection(Raising, sock=left)
        right.send(b"data")
        await asyncio.sleep(0.01)
        right.close()
        left, right = socket.socketpair()
        transport, protocol = await loop.create_connection(Raising, sock=left)
        transport.write(b"x" * 1_000_000)
        transport.abort()
        right.close()
        # A future's callback, and what nobody has retrieved.
        future = loop.create_future()
        future.add_done_callback(lambda future: callback())
        future.set_result(None)
        future = loop.create_future()
        future.set_exception(LookupError("never retrieved"))
        del future
        await asyncio.sleep(0.01)

        # While something else is handled.
        try:
            raise OSError("outside")
        except OSError:
            loop.call_exception_handler({"message": "by hand"})
            loop.call_soon(callback)
            await asyncio.sleep(0.01)
            handled(loop, {})
        handled(loop, {})


ferrio.run(main())
