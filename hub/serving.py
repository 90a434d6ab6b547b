"""Runs a hub's app on loopback until it is told to end. Turns a host and a port into an address, never into one the
network sees.
"""

from __future__ import annotations

import errno
import gc
import ipaddress
import resource
import signal
import socket
from collections.abc import Callable
from types import FrameType

from flask import Flask
from waitress.server import create_server

from sync.batch import LENGTH_LIMIT

THREADS = 8
"""At least 8: event streams of later pages hold one each."""
HEADER_LIMIT = 16_384
CONNECTIONS = 4_000
"""Twice as many as the booths of a large city; each idle one costs a file descriptor and nothing else."""
IDLE_SECONDS = 20
"""After which a connection is closed on which nothing comes; a booth that has something to send opens another one."""
LOOK_SECONDS = 5


class NotLoopback(Exception):
    """A host that is not this machine alone; the text says why it is refused."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} では始められません。サインイン機能ができるまでは、この機械の中(127.0.0.1)だけで動きます。 / "
            f"Refusing to listen on {host}: until there is sign-in, the hub listens on loopback (127.0.0.1) only."
        )


class PortTaken(Exception):
    """The port is not to be had; the text says why and what to do."""

    def __init__(self, port: int, *, needs_rights: bool = False) -> None:
        why = "管理者だけが使えます" if needs_rights else "別のプログラムが使っています"
        reason = "is for privileged programs only" if needs_rights else "is taken by another program"
        super().__init__(
            f"ポート {port} は{why}。--port で別の番号にしてください。 / "
            f"Port {port} {reason}; choose another with --port."
        )


def loopback(host: str) -> str:
    """Return the host as an IP address. Raises NotLoopback."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    except ValueError:
        raise NotLoopback(host) from None
    if not address.is_loopback:
        raise NotLoopback(host)
    return str(address)


def serve(app: Flask, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Listen, call `announce` with the address (http://host:port), and serve until SIGTERM or SIGINT; then up to five
    seconds are left to requests under way. Raises NotLoopback and PortTaken.
    """
    listening = _listen(loopback(host), port)
    server = create_server(
        app,
        sockets=[listening],
        threads=THREADS,
        max_request_body_size=LENGTH_LIMIT,
        max_request_header_size=HEADER_LIMIT,
        connection_limit=_connections(),
        channel_timeout=IDLE_SECONDS,
        cleanup_interval=LOOK_SECONDS,
        asyncore_use_poll=True,  # select() ends at 1,024 connections
        ident=None,
    )
    before = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        announce(_address(listening))
        spare_collector()
        server.run()
    except SystemExit:
        pass  # told to end before it was running
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        server.close()


def _connections() -> int:
    """Return how many connections may be open at once: as many as wanted, where the system gives so many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + _OTHER_FILES
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return max(100, min(CONNECTIONS, limit - _OTHER_FILES))


_OTHER_FILES = 200
"""Databases, libraries, pictures and pages."""


def spare_collector() -> None:
    """Keep what a program holds for good after its start from Python's collector of reference cycles: else it looks
    through all modules again and again while a batch is read, which nearly doubles the time that takes.
    """
    gc.collect()
    gc.freeze()


def _listen(ip: str, port: int) -> socket.socket:
    try:
        return socket.create_server((ip, port), family=socket.AF_INET6 if ":" in ip else socket.AF_INET)
    except OSError as error:
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            raise PortTaken(port, needs_rights=error.errno == errno.EACCES) from error
        raise


def _address(listening: socket.socket) -> str:
    ip, port = listening.getsockname()[:2]
    return f"http://[{ip}]:{port}" if ":" in ip else f"http://{ip}:{port}"


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
