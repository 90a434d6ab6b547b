"""The network cable between a kiosk and the hub: carries TCP on loopback; can be cut, joined, and made to misbehave.

It knows bytes and connections only, never what they say. Kiosk and hub know nothing of it.
"""

import asyncio
import socket
import struct
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Self

Address = tuple[str, int]

CHUNK_BYTES = 64 * 1024
RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing says RST, as a dead line does


@dataclass(frozen=True, slots=True)
class LostRequest:
    """The request breaks off on its way: the hub gets so many bytes of it, then nobody hears anything."""

    bytes_before: int


@dataclass(frozen=True, slots=True)
class LostAnswer:
    """The hub did its work, but its answer breaks off after so many bytes."""

    bytes_before: int = 0


@dataclass(frozen=True, slots=True)
class Stall:
    """The hub did its work, but after so many bytes of its answer nothing more comes, and the line stays open."""

    bytes_before: int = 0


@dataclass(frozen=True, slots=True)
class Impostor:
    """Something else on the way answers; the hub never hears of the request."""

    answer: bytes


Fault = LostRequest | LostAnswer | Stall | Impostor


def http_answer(status: str, content_type: str, body: bytes) -> bytes:
    """A whole HTTP/1.1 answer after which the line is closed."""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body


CAPTIVE_PORTAL = Impostor(
    http_answer("200 OK", "text/html", b"<!DOCTYPE html><title>Wi-Fi</title><h1>Please sign in</h1>")
)
SERVER_ERROR = Impostor(http_answer("500 Internal Server Error", "text/plain", b"Internal Server Error"))


@dataclass(eq=False, slots=True)
class Line:
    """One TCP connection's two directions."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def reset(self) -> None:
        """Closes at once; the other end gets a reset, and what was still on its way is lost."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        self.writer.transport.abort()

    async def finish(self) -> None:
        """Closes after what was written has gone out."""
        self.writer.close()
        await self.writer.wait_closed()


class Cable:
    """Listens at `address` while entered and carries every connection to `hub`. Any thread may call its methods."""

    def __init__(self, hub: Address, *, most_connections: int = 64, records: bool = False) -> None:
        self.connections = 0  # carried or spoiled
        self.refused = 0  # met a cut cable, or one that carries as many as it may
        self.bytes_to_hub = 0
        self.bytes_from_hub = 0
        self.is_cut = False
        self.sent: list[bytearray] = []  # if it records: what each connection's kiosk has sent to the hub
        self._hub = hub
        self._records = records
        self._most_connections = most_connections
        self._faults: deque[Fault] = deque()
        self._carrying: set[asyncio.Task[None]] = set()
        self._opened: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, Address]] = Future()
        self._thread = threading.Thread(target=self._run, name="cable", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._loop, self._stop, self.address = self._opened.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def cut(self) -> None:
        """Every connection is reset now, and every new one until join()."""
        asyncio.run_coroutine_threadsafe(self._set_cut(is_cut=True), self._loop).result()

    def join(self) -> None:
        """New connections are carried again."""
        asyncio.run_coroutine_threadsafe(self._set_cut(is_cut=False), self._loop).result()

    def spoil(self, *faults: Fault) -> None:
        """The next connections meet these faults, one each. Open ones are reset, so that the next request is new."""
        asyncio.run_coroutine_threadsafe(self._add_faults(faults), self._loop).result()

    @property
    def faults_left(self) -> int:
        """How many faults no connection has met yet."""
        return len(self._faults)

    def _run(self) -> None:
        try:
            asyncio.run(self._listen())
        except OSError as error:  # no port to be had
            self._opened.set_exception(error)

    async def _listen(self) -> None:
        stop = asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._opened.set_result((asyncio.get_running_loop(), stop, server.sockets[0].getsockname()))
        await stop.wait()
        server.close()
        await self._drop_all()
        await server.wait_closed()

    async def _set_cut(self, *, is_cut: bool) -> None:
        self.is_cut = is_cut
        if is_cut:
            await self._drop_all()

    async def _add_faults(self, faults: tuple[Fault, ...]) -> None:
        self._faults.extend(faults)
        await self._drop_all()

    async def _drop_all(self) -> None:
        dropped = list(self._carrying)
        for task in dropped:
            task.cancel()
        await asyncio.gather(*dropped, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kiosk = Line(reader, writer)
        if self.is_cut or len(self._carrying) >= self._most_connections:
            self.refused += 1
            kiosk.reset()
            return
        self.connections += 1
        fault = self._faults.popleft() if self._faults else None
        task = asyncio.get_running_loop().create_task(self._serve(kiosk, fault))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def _serve(self, kiosk: Line, fault: Fault | None) -> None:
        """Carries one connection to its end; a side that breaks, or a cut, resets both."""
        lines = [kiosk]
        try:
            if isinstance(fault, Impostor):
                await self._answer_instead(kiosk, fault.answer)
            else:
                lines.append(Line(*await asyncio.open_connection(*self._hub)))
                await self._carry(kiosk, lines[1], fault)
            for line in lines:
                await line.finish()
        except OSError:
            return  # one side broke, or the hub is not there: the kiosk hears a reset
        finally:
            for line in lines:
                if not line.writer.is_closing():
                    line.reset()

    async def _answer_instead(self, kiosk: Line, answer: bytes) -> None:
        await kiosk.reader.read(CHUNK_BYTES)
        kiosk.writer.write(answer)
        kiosk.writer.write_eof()
        # Unread bytes at closing would reset the line, and the answer with it.
        while await kiosk.reader.read(CHUNK_BYTES):
            pass

    async def _carry(self, kiosk: Line, hub: Line, fault: Fault | None) -> None:
        up = asyncio.create_task(self._carry_up(kiosk, hub, fault))
        down = asyncio.create_task(self._carry_down(kiosk, hub, fault))
        try:
            if isinstance(fault, LostRequest):
                await up
            elif isinstance(fault, LostAnswer):
                await down
            else:
                await asyncio.gather(up, down)
        finally:
            up.cancel()
            down.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    async def _carry_up(self, kiosk: Line, hub: Line, fault: Fault | None) -> None:
        left = fault.bytes_before if isinstance(fault, LostRequest) else None
        sent = bytearray()
        if self._records:
            self.sent.append(sent)
        while (left is None or left > 0) and (chunk := await kiosk.reader.read(CHUNK_BYTES)):
            passed = chunk[:left]
            left = None if left is None else left - len(passed)
            self.bytes_to_hub += len(passed)
            if self._records:
                sent += passed
            hub.writer.write(passed)
            await hub.writer.drain()
        if left is None:
            hub.writer.write_eof()

    async def _carry_down(self, kiosk: Line, hub: Line, fault: Fault | None) -> None:
        left = fault.bytes_before if isinstance(fault, LostAnswer | Stall) else None
        while chunk := await hub.reader.read(CHUNK_BYTES):
            passed = chunk[:left]
            left = None if left is None else left - len(passed)
            self.bytes_from_hub += len(passed)
            kiosk.writer.write(passed)
            await kiosk.writer.drain()
            if left == 0 and isinstance(fault, LostAnswer):
                return
        if not isinstance(fault, Stall):
            kiosk.writer.write_eof()
