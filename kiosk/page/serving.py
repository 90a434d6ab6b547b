"""Runs the screen's app on loopback in a thread beside the scan loop, and ends it without waiting for open streams."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask
from waitress.server import create_server

HOST = "127.0.0.1"
THREADS = 8
"""Twice what event streams may hold at most (kiosk.page.streams), so that pictures and typed numbers always get one."""
HEADER_LIMIT = 16_384
BODY_LIMIT = 4_096


class PortTaken(Exception):
    """The port is not to be had; the text says why and what to do."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"画面のポート {port} は使えません(ほかのプログラムが使用中など)。"
            "--port で別の番号にするか、--no-page で画面なしにしてください。"
            f" / Port {port} for the screen is not to be had: another program has it, or it is for privileged programs."
            " Choose another with --port (0: any free one), or --no-page for none."
        )


@contextlib.contextmanager
def served(app: Flask, port: int, end_streams: Callable[[], None]) -> Iterator[str]:
    """Serve `app` while the context is open; give its address (http://127.0.0.1:N/). `port` 0 is any free one.
    `end_streams` lets open event streams go. Raises PortTaken.
    """
    listening = _listen(port)
    logging.getLogger("waitress").setLevel(logging.ERROR)  # it warns of requests that a closing page leaves behind
    channels: dict[int, Any] = {}
    server: Any = create_server(
        app,
        map=channels,
        sockets=[listening],
        threads=THREADS,
        max_request_body_size=BODY_LIMIT,
        max_request_header_size=HEADER_LIMIT,
        ident=None,
    )
    is_over = threading.Event()

    def turn() -> None:
        while not is_over.is_set():
            server.asyncore.loop(timeout=1, use_poll=True, map=channels, count=1)

    thread = threading.Thread(target=turn, name="page", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{listening.getsockname()[1]}/"
    finally:
        end_streams()
        server.task_dispatcher.shutdown()
        is_over.set()
        server.trigger.pull_trigger()
        thread.join()
        for channel in tuple(channels.values()):  # the listening socket and the trigger are among them
            channel.close()


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            raise PortTaken(port) from error
        raise
