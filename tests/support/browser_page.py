"""A real Chromium for tests of pages: how it is started, what no page of ours may do in it, and what axe says of one.

The fixtures stand in conftest.py. Nothing here reaches beyond this machine: the browser resolves no name but its own.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, ViewportSize, WebError, WebSocket

from kumapo_doctor import find_chromium

LAUNCH_ARGUMENTS: Final = (
    "--no-sandbox",  # the tests may run as root, where Chromium's sandbox refuses to start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",  # a booth sounds without anybody having touched its screen
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
)
WINDOW: Final = ViewportSize(width=1280, height=720)

WITHIN: Final = {"about", "blob", "data"}
"""Addresses that never leave the browser."""

AXE_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def chromium_path() -> str | None:
    """Where the system's own Chromium lies, or None: a browser that a package index brings is never used."""
    return find_chromium()


@dataclass
class Complaints:
    """What pages did that none may: console errors, uncaught JavaScript errors, asking for addresses beyond here."""

    heard: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, words: str) -> None:
        """Let complaints with these words in them pass: the test brings them about itself, by a cut cable, say."""
        self.allowed.append(words)

    @property
    def left(self) -> list[str]:
        """What was heard and not allowed."""
        return [complaint for complaint in self.heard if not any(words in complaint for words in self.allowed)]

    def listen(self, context: BrowserContext) -> None:
        """Hear every page of the context, from now on."""
        context.on("console", self._console)
        context.on("weberror", self._uncaught)
        context.on("request", self._request)
        context.on("page", lambda page: page.on("websocket", self._socket))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.heard.append(f"console error: {message.text} ({message.location['url']})")

    def _uncaught(self, error: WebError) -> None:
        self.heard.append(f"uncaught error: {error.error}")

    def _request(self, request: Request) -> None:
        self._asked(request.url)

    def _socket(self, socket: WebSocket) -> None:
        self._asked(socket.url)

    def _asked(self, url: str) -> None:
        if not stays_here(url):
            self.heard.append(f"asked for {url}")


def stays_here(url: str) -> bool:
    """Whether an address leads to this machine or nowhere at all."""
    parts = urlsplit(url)
    if parts.scheme in WITHIN or parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page as it stands, one line for each rule and place; tests ask for none."""
    options = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": AXE_RULES}}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]
