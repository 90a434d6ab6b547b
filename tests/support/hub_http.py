"""A hub behind real HTTP for tests: its app under waitress in a thread, on a free port of loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server

from sync.batch import LENGTH_LIMIT


@contextmanager
def listening(app: Flask) -> Iterator[str]:
    """Serve `app` as `hub serve` does, and yield its address."""
    server: Any = create_server(app, listen="127.0.0.1:0", threads=8, max_request_body_size=LENGTH_LIMIT, ident=None)
    stopped = threading.Event()

    def run() -> None:
        while not stopped.is_set():
            wasyncore.loop(timeout=0.05, map=server._map, count=1)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        stopped.set()
        thread.join()
        server.task_dispatcher.shutdown()
        server.close()
        wasyncore.close_all(server._map)
