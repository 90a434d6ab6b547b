"""Starts the demo's child processes, reads what they say line by line, and ends each by its own process number.

Whatever is waited for is bounded in time; where it does not come, the error tells what the child said last.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from demo.readiness import Readiness

ROOT = Path(__file__).resolve().parent.parent
"""Where `python -m` finds our modules, whatever folder the demo was started in."""

LAST_LINES = 12
LINE_LIMIT = 1 << 20
TERM_SECONDS = 20.0

SAID = "said"
"""Where the text of a line stands that is no JSON object."""

Found = TypeVar("Found")
Line = dict[str, object]


class DidNotCome(Exception):
    """Something that was waited for did not come; the text says what, and what the child said last."""


class Child:
    """A running child process. Its standard output is taken line by line; its last words on standard error are kept."""

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self.process = process
        self.last_words: deque[str] = deque(maxlen=LAST_LINES)
        self._lines: asyncio.Queue[Line | None] = asyncio.Queue()
        self._readers = [asyncio.create_task(self._read_output()), asyncio.create_task(self._read_errors())]

    @classmethod
    async def start(cls, name: str, *arguments: str, notify_socket: str = "") -> Child:
        """Start `python ARGUMENTS` in a session of its own, so that Ctrl-C reaches only the demo, which ends it."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=ROOT,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=LINE_LIMIT,
            start_new_session=True,
            env=_environment(notify_socket),
        )
        return cls(name, process)

    @property
    def is_running(self) -> bool:
        """Tell whether it has not ended yet."""
        return self.process.returncode is None

    async def next_line(self, seconds: float) -> Line | None:
        """Return the next line it prints, or None if none comes in time. Raises DidNotCome when it has ended."""
        try:
            async with asyncio.timeout(seconds):
                line = await self._lines.get()
        except TimeoutError:
            return None
        if line is None:
            self._lines.put_nowait(None)  # for whoever asks next
            status = await self.process.wait()
            raise self.did_not_come(f"ended with status {status}")
        return line

    async def wait_for(self, look: Callable[[Line], Found | None], seconds: float, what: str) -> Found:
        """Return what `look` finds in the next line in which it finds something; lines before it are passed over.
        Raises DidNotCome.
        """
        try:
            async with asyncio.timeout(seconds):
                while True:
                    line = await self.next_line(seconds)
                    found = look(line) if line is not None else None
                    if found is not None:
                        return found
        except TimeoutError:
            raise self.did_not_come(f"no {what} within {seconds:g} s") from None

    async def ended(self, seconds: float) -> None:
        """Return when it has ended well. Raises DidNotCome."""
        try:
            async with asyncio.timeout(seconds):
                status = await self._wait()
        except TimeoutError:
            raise self.did_not_come(f"did not end within {seconds:g} s") from None
        if status != 0:
            raise self.did_not_come(f"ended with status {status}")

    def lines_so_far(self) -> list[Line]:
        """Return what it has printed and nobody has taken."""
        lines = []
        while not self._lines.empty():
            line = self._lines.get_nowait()
            if line is None:
                self._lines.put_nowait(None)
                break
            lines.append(line)
        return lines

    def say(self, line: bytes) -> None:
        """Write a line to its standard input. One that has just ended hears nothing; whoever waits for it will see."""
        if self.process.stdin is not None and not self.process.stdin.is_closing():
            self.process.stdin.write(line)

    def hang_up(self) -> None:
        """End its standard input."""
        if self.process.stdin is not None:
            self.process.stdin.close()

    async def kill(self) -> list[Line]:
        """End it at once by SIGKILL, as a power cut would; return what it had still printed."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self._wait()
        return self.lines_so_far()

    async def end(self) -> int:
        """End it with SIGTERM, and with SIGKILL where that is not enough; return its status."""
        self.hang_up()
        if self.is_running:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), TERM_SECONDS)
        if self.is_running:
            self.last_words.append(f"(did not end within {TERM_SECONDS:g} s of SIGTERM)")
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        return await self._wait()

    def did_not_come(self, what: str) -> DidNotCome:
        """Return the error for something that did not come."""
        words = "".join(f"\n    {line}" for line in self.last_words) or "\n    (nothing)"
        return DidNotCome(f"{self.name}: {what}. Last words on standard error:{words}")

    async def _wait(self) -> int:
        status = await self.process.wait()
        await asyncio.gather(*self._readers)
        return status

    async def _read_output(self) -> None:
        assert self.process.stdout is not None
        async for encoded in self.process.stdout:
            try:
                self._lines.put_nowait(msgspec.json.decode(encoded, type=dict[str, object]))
            except msgspec.DecodeError:
                self._lines.put_nowait({SAID: _words(encoded)})
        self._lines.put_nowait(None)

    async def _read_errors(self) -> None:
        assert self.process.stderr is not None
        async for encoded in self.process.stderr:
            self.last_words.append(_words(encoded))


class Family:
    """All children of one run, so that none is left behind."""

    def __init__(self) -> None:
        self._children: list[Child] = []
        self._listening: list[Readiness] = []

    async def start(self, name: str, *arguments: str, notify_socket: str = "") -> Child:
        """Start a child that will be ended at the latest with the family."""
        child = await Child.start(name, *arguments, notify_socket=notify_socket)
        self._children.append(child)
        return child

    async def start_service(self, name: str, *arguments: str, seconds: float) -> Child:
        """Start a child and return when it has said that it is ready (sd_notify(3)). Raises DidNotCome."""
        readiness = Readiness()
        await readiness.open()
        self._listening.append(readiness)
        child = await self.start(name, *arguments, notify_socket=readiness.address)
        waits = [asyncio.create_task(readiness.is_ready.wait()), asyncio.create_task(child.process.wait())]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if not readiness.is_ready.is_set():
            raise child.did_not_come(f"was not ready within {seconds:g} s, or ended first")
        return child

    async def end(self) -> None:
        """End whoever is still running, the youngest first."""
        for child in reversed(self._children):
            await child.end()
        for readiness in self._listening:
            readiness.close()


def _environment(notify_socket: str) -> dict[str, str]:
    """Return ours, but for the service manager's socket: whoever started the demo is not told about the children."""
    ours = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    return {**ours, "NOTIFY_SOCKET": notify_socket} if notify_socket else ours


def _words(encoded: bytes) -> str:
    return encoded.decode("utf-8", "replace").rstrip()
