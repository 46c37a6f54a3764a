"""The protocols of the ends that transports.py attacks. Each hands what it is told to its end."""

from __future__ import annotations

import asyncio
from typing import Any

import arena
from support.sockets import new_buffer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ends import End


class Protocol:
    """Tells an end of what its transport says, whichever way the data comes."""

    def __init__(self, end: End) -> None:
        self.end = end

    def connection_made(self, transport: Any) -> None:
        self.end.connection_made(self, transport)

    def eof_received(self) -> bool | None:
        return self.end.eof_received(self)

    def pause_writing(self) -> None:
        self.end.pause_writing(self)

    def resume_writing(self) -> None:
        self.end.resume_writing(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.end.connection_lost(self, exc)


class Plain(Protocol, asyncio.Protocol):
    """Bytes, as they come."""

    def data_received(self, data: bytes) -> None:
        self.end.data_received(self, data)


class Buffered(Protocol, asyncio.BufferedProtocol):
    """Into buffers of its own."""

    def __init__(self, end: End) -> None:
        super().__init__(end)
        self.sizes = end.scene.chance.choice(
            [[1], [7, 4096], [65_536], [1, 100, 1000, 16_384], [16_383, 16_385]]
        )
        self.kind = end.scene.chance.choice(["bytearray", "view", "part", "array", "same"])
        if arena.on_asyncio and self.kind != "part":
            # asyncio's TLS writes past the first record into a copy of these.
            self.kind = "view"
        self.same = bytearray(self.sizes[-1])
        self.buffer: Any = None

    def get_buffer(self, sizehint: int) -> Any:
        end = self.end
        end.alive(self, "get_buffer")
        chance, scene = end.scene.chance, end.scene
        if chance.random() < scene.rude * 0.3 and scene.budget > 0:
            end.provoked = True
            scene.faults.expected += (TypeError, BufferError, RuntimeError, ValueError)
            kind = chance.choice(
                ["readonly", "empty", "none", "strided", "raise", "close", "abort", "pause", "write"]
            )
            arena.trace(end.name, "get_buffer", kind)
            match kind:
                case "readonly":
                    return bytes(100)
                case "empty":
                    return bytearray()
                case "none":
                    return None
                case "strided":
                    return memoryview(bytearray(100))[::2]
                case "raise":
                    raise arena.Evil("get_buffer")
                case "close" | "abort" | "pause" | "write":
                    end.operate(kind)
        size = chance.choice(self.sizes)
        self.buffer = self.same if self.kind == "same" else new_buffer(self.kind, size)
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        view = memoryview(self.buffer).cast("B")
        if not 0 < nbytes <= len(view):
            self.end.scene.faults.add(f"{self.end.name}: buffer_updated({nbytes}) of {len(view)}")
        data = bytes(view[:nbytes])
        if self.kind != "same":
            self.buffer = None
        view.release()
        self.end.data_received(self, data)
