"""The two ends of a connection of the network in memory."""

from __future__ import annotations

import asyncio
import collections
import contextvars
from typing import Any

from ferrio.testing.memory_sockets import MemorySocket, reset_error, timeout_error

__all__ = ("MemoryTransport",)

# How many bytes a connection takes on their way and unread at its other end, before its writer has to wait:
# about the buffers of a kernel.
_WINDOW = 256 * 1024

# asyncio's limits for what waits to be sent.
_HIGH_WATER = 64 * 1024


class MemoryTransport(asyncio.Transport):
    """One end of a connection. What is written arrives at the other end when the network has carried it."""

    _start_tls_compatible = True

    def __init__(
        self, network: Any, host: Any, sockname: Any, peer_host: Any, peername: Any, server: Any = None
    ) -> None:
        super().__init__(
            {"sockname": sockname, "peername": peername, "socket": MemorySocket(sockname, peername)}
        )
        self._loop = network.loop
        self._network = network
        self.host: Any = host
        self.peer_host: Any = peer_host
        self._protocol: Any = None
        self._server = server
        self.peer: MemoryTransport | None = None
        # The time of the loop at which the last piece arrives at the other end: none overtakes another.
        self.last_arrival: float = 0.0
        # What is on its way: calls of the other end, with their arguments.
        self.pipe: collections.deque[tuple[Any, ...]] = collections.deque()
        # Written, and held back because the window is full; bytes on their way or unread at the other end.
        self._waiting: collections.deque[bytes] = collections.deque()
        self._under_way = 0
        # Arrived, and unread because reading is paused; None is the end of the stream.
        self._unread: collections.deque[bytes | None] = collections.deque()
        self._is_reading = True
        # Whether the host reads no more for now, because it reads slowly.
        self._rests = False
        # The handle that ends the connection when the other end does not answer.
        self.patience: Any = None
        # Whether the host has forgotten this end without a word to the other.
        self.is_gone = False
        # Of the code that made this end: what arrives runs in it, and not in the other end's.
        self.context: Any = None
        self._is_made = False
        self._is_closing = self._is_lost = self._has_ended = self._peer_has_ended = self._fin_is_sent = False
        self._is_protocol_paused = False
        self._high, self._low = _HIGH_WATER, _HIGH_WATER // 4
        if server is not None:
            server._attach(self)

    def __repr__(self) -> str:
        state = "closed" if self._is_lost else "closing" if self._is_closing else "open"
        addresses = f"{self._extra['sockname']} to {self._extra['peername']}"  # type: ignore[attr-defined]
        return f"<{type(self).__name__} {state} {addresses}>"

    def connect(self, protocol: Any, waiter: Any = None) -> None:
        """Begin: tell the protocol, then whoever waits."""
        self._protocol = protocol
        self.context = contextvars.copy_context()
        self._soon(self._connection_made, waiter)

    def _soon(self, call: Any, *args: Any) -> None:
        self._loop.call_soon(call, *args, context=self.context)

    def _connection_made(self, waiter: Any) -> None:
        if self._is_lost:
            if waiter is not None and not waiter.done():
                waiter.set_exception(reset_error())
            return
        self._is_made = True
        try:
            self._protocol.connection_made(self)
        finally:
            # The loop reports what it raises, and the connection stands, as in asyncio.
            if waiter is not None and not waiter.done():
                waiter.set_result(None)
            self._soon(self._read)

    # Writing

    def write(self, data: Any) -> None:
        """Send bytes; see asyncio.Transport.write()."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._has_ended:
            raise RuntimeError("Cannot call write() after write_eof()")
        if not data or self._is_closing or self._is_lost:
            return
        data = bytes(data)
        if not self._waiting and self._under_way + len(data) <= _WINDOW:
            # The usual case: it goes at once, and what the protocol knows of the flow stays as it is.
            self._under_way += len(data)
            self._network.carry(self, data)
            return
        self._waiting.append(data)
        self.send()

    def writelines(self, list_of_data: Any) -> None:
        """Send several pieces of bytes."""
        self.write(b"".join(list_of_data))

    def send(self) -> None:
        """Have as much arrive at the other end as the window takes."""
        while self._waiting and self._under_way < _WINDOW:
            data = self._waiting.popleft()
            room = _WINDOW - self._under_way
            if len(data) > room:
                self._waiting.appendleft(data[room:])
                data = data[:room]
            self._under_way += len(data)
            self._network.carry(self, data)
        if not self._waiting and not self._fin_is_sent and (self._has_ended or self._is_closing):
            self._fin_is_sent = True
            self._network.carry(self, None)
            if self._is_closing:
                self._soon(self._lose, None)
        self._tell_flow()

    def _tell_flow(self) -> None:
        size = self.get_write_buffer_size()
        if not self._is_protocol_paused and size > self._high:
            self._is_protocol_paused = True
            self._call_protocol("pause_writing")
        elif self._is_protocol_paused and size <= self._low:
            self._is_protocol_paused = False
            self._call_protocol("resume_writing")

    def _call_protocol(self, name: str) -> None:
        try:
            getattr(self._protocol, name)()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            context = {"exception": error, "transport": self, "protocol": self._protocol}
            self._loop.call_exception_handler({"message": f"protocol.{name}() failed", **context})

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait to be sent."""
        return sum(map(len, self._waiting))

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the limits of flow control, (low, high), in bytes."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the limits of flow control, in bytes. ValueError unless high >= low >= 0."""
        if high is None:
            high = _HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high, self._low = high, low
        if self._protocol is not None:
            self._tell_flow()

    def can_write_eof(self) -> bool:
        """Return True."""
        return True

    def write_eof(self) -> None:
        """End the stream once what waits is sent; reading goes on."""
        if self._is_closing or self._has_ended:
            return
        self._has_ended = True
        self.send()

    def deliver_first(self) -> None:
        """Have arrive what was sent first of what is on its way."""
        if self.pipe:
            call, *args = self.pipe.popleft()
            call(*args)

    def take_pipe(self) -> list[tuple[Any, ...]]:
        """Return what is on its way, which does not arrive then."""
        pipe = list(self.pipe)
        self.pipe.clear()
        return pipe

    # Reading

    def arrive(self, data: bytes | None) -> None:
        """Take what the other end has sent; None is the end of its stream."""
        if self._is_lost or self._is_closing:
            # Nobody reads it any more: the kernel answers with a reset.
            if data and self.peer is not None:
                self._network.carry_reset(self)
            return
        self._unread.append(data)
        self._read()

    def _read(self) -> None:
        while (
            self._unread
            and self._is_made
            and self._is_reading
            and not self._rests
            and not self._is_lost
            and not self._is_closing
        ):
            data = self._unread.popleft()
            try:
                if data is None:
                    self._peer_has_ended = True
                    if not self._protocol.eof_received():
                        self.close()
                    continue
                self._give(data)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self._fail(error, "Fatal error: protocol.data_received() call failed.")
                return
            peer = self.peer
            if peer is not None:
                peer._under_way -= len(data)
                if peer._waiting:
                    self._network.carry_credit(self)
            rate = self.host.reading_rate
            if rate:
                self._rests = True
                self._loop.call_later(len(data) / rate, self._read_on, context=self.context)

    def _read_on(self) -> None:
        self._rests = False
        self._read()

    def _give(self, data: bytes) -> None:
        if not isinstance(self._protocol, asyncio.BufferedProtocol):
            self._protocol.data_received(data)
            return
        view = memoryview(data)
        while view:
            buffer: Any = self._protocol.get_buffer(len(view))
            count = min(len(buffer), len(view))
            if not count:
                raise RuntimeError("get_buffer() returned an empty buffer")
            buffer[:count] = view[:count]
            view = view[count:]
            self._protocol.buffer_updated(count)

    def is_reading(self) -> bool:
        """Return whether the protocol gets what arrives."""
        return self._is_reading and not self._is_closing and not self._is_lost

    def pause_reading(self) -> None:
        """Keep what arrives from the protocol."""
        self._is_reading = False

    def resume_reading(self) -> None:
        """Give the protocol what arrives again."""
        if self._is_reading or self._is_closing:
            return
        self._is_reading = True
        if self._unread:
            self._soon(self._read)

    # The protocol, and the end

    def set_protocol(self, protocol: Any) -> None:
        """Set the protocol."""
        self._protocol = protocol

    def get_protocol(self) -> Any:
        """Return the protocol."""
        return self._protocol

    def is_closing(self) -> bool:
        """Return whether the transport is closed, or will be once what waits is sent."""
        return self._is_closing or self._is_lost

    def close(self) -> None:
        """Close the connection once what waits is sent."""
        if self._is_closing or self._is_lost:
            return
        self._is_closing = True
        unread = any(self._unread)
        self._unread.clear()
        if unread:
            self._network.carry_reset(self)
        if self._fin_is_sent:
            self._soon(self._lose, None)
        else:
            self.send()

    def abort(self) -> None:
        """Close the connection at once; what waits is lost, and the other end is reset."""
        self._force(None)

    def _fail(self, error: BaseException, message: str) -> None:
        if not isinstance(error, OSError):
            self._loop.call_exception_handler(
                {"message": message, "exception": error, "transport": self, "protocol": self._protocol}
            )
        self._force(error)

    # asyncio's SSLProtocol calls these by their names.
    def _fatal_error(self, error: BaseException, message: str = "Fatal error on transport") -> None:
        self._fail(error, message)

    def _force_close(self, error: BaseException | None) -> None:
        self._force(error)

    def _force(self, error: BaseException | None) -> None:
        if self._is_lost:
            return
        self._waiting.clear()
        self._unread.clear()
        self._is_closing = True
        if not self._fin_is_sent or not self._peer_has_ended:
            self._network.carry_reset(self)
        self._fin_is_sent = True
        self._soon(self._lose, error)

    def was_reset(self) -> None:
        """The other end has reset the connection."""
        self._end_with(reset_error())

    def timed_out(self) -> None:
        """The other end has not answered for too long."""
        self.is_gone = True
        self._end_with(timeout_error())

    def was_cut_off(self) -> None:
        """This end is lost, and the other does not hear of it."""
        self.timed_out()

    def _end_with(self, error: OSError) -> None:
        if self._is_lost:
            return
        self._waiting.clear()
        self._unread.clear()
        self._is_closing = self._fin_is_sent = True
        self._soon(self._lose, error)

    def stop_patience(self) -> None:
        """The other end answers again."""
        if self.patience is not None:
            self.patience.cancel()
            self.patience = None

    def vanish(self) -> None:
        """The host has crashed: the protocol hears nothing of the end."""
        self.is_gone = self._is_closing = self._is_lost = self._fin_is_sent = True
        self._let_go()
        self._waiting.clear()
        self._unread.clear()
        self._network.forget(self)

    def _let_go(self) -> None:
        """Leave the protocol and the server. TLS's transport is not what somebody forgot to close."""
        self.stop_patience()
        tls = getattr(self._protocol, "_app_transport", None)
        if tls is not None:
            tls._closed = True
        self._protocol = self._server = None

    def end(self) -> None:
        """The network is gone, and the loop is closed."""
        self._is_closing = self._is_lost = True
        self._let_go()
        self.peer = self.context = None
        self._waiting.clear()
        self._unread.clear()
        self.pipe.clear()

    def _lose(self, error: BaseException | None) -> None:
        if self._is_lost:
            return
        self._is_lost = True
        self.stop_patience()
        self._network.forget(self)
        protocol, server = self._protocol, self._server
        try:
            if protocol is not None:
                protocol.connection_lost(error)
        finally:
            self._protocol = self._server = None
            self._unread.clear()
            if server is not None:
                server._detach(self)
