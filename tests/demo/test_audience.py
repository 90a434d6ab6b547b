"""The demo's story waits for somebody to watch it, and no longer than it said."""

import asyncio
import os
import select
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from kiosk_booth import HandClock

from demo.audience import CONNECTIONS, is_visited, wait_for_audience

PATIENCE_SECONDS = 60.0  # only a failing test waits so long


class RunningClock(HandClock):
    """Every look at it is half a minute later."""

    def monotonic_ms(self) -> int:
        self.monotonic += 30_000
        return self.monotonic


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A descriptor to read lines from, and the one to write them to."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


@pytest.fixture
def booth() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def port_of(booth: socket.socket) -> int:
    return int(booth.getsockname()[1])


def wait(ports: set[int], terminal: int, clock: HandClock) -> None:
    """Wait a minute by the clock, which never comes while it stands still."""
    waiting = wait_for_audience(ports, terminal, 60.0, clock)
    asyncio.run(asyncio.wait_for(waiting, PATIENCE_SECONDS))


def test_only_a_connection_that_stands_is_a_visit(booth: socket.socket) -> None:
    ports = {port_of(booth)}
    before = is_visited(ports, CONNECTIONS.read_text())

    with closing(socket.create_connection(booth.getsockname())):
        during = is_visited(ports, CONNECTIONS.read_text())
        elsewhere = is_visited({1}, CONNECTIONS.read_text())

    assert (before, during, elsewhere) == (False, True, False)


def test_the_story_begins_when_a_screen_is_opened(booth: socket.socket, terminal: tuple[int, int]) -> None:
    with closing(socket.create_connection(booth.getsockname())):
        wait({port_of(booth)}, terminal[0], HandClock())


def test_the_story_begins_at_enter_and_nobody_finds_the_line_later(
    booth: socket.socket, terminal: tuple[int, int]
) -> None:
    os.write(terminal[1], b"\n")

    wait({port_of(booth)}, terminal[0], HandClock())

    assert select.select([terminal[0]], [], [], 0) == ([], [], [])


def test_the_story_begins_at_last_without_anybody(booth: socket.socket, terminal: tuple[int, int]) -> None:
    clock = RunningClock()

    wait({port_of(booth)}, terminal[0], clock)

    assert clock.monotonic - HandClock().monotonic >= 60_000
