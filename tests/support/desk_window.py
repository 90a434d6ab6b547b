"""The desk in a real browser: a busy or a quiet hub behind real HTTP, and somebody who comes in by its link."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from hub_http import listening
from hub_world import World
from playwright.sync_api import Page, ViewportSize

from hub import create_app
from hub.desk.base.gate import Gate
from hub.served import Office

WIDE: Final = ViewportSize(width=1280, height=720)
NARROW: Final = ViewportSize(width=320, height=640)


@dataclass
class Window:
    """An open desk: its address, its gate, and the browser's page that looks at it."""

    url: str
    gate: Gate
    page: Page

    @property
    def link(self) -> str:
        """The link that opens the desk once."""
        return f"{self.url}/desk/sign-in?key={self.gate.unused_key}"

    def sign_in(self) -> None:
        """Come in by the link, as operator 3."""
        self.page.goto(self.link)
        self.page.get_by_label("担当番号").fill("3")
        self.page.get_by_role("button", name="窓口を開く").click()
        self.page.wait_for_url(f"{self.url}/desk/")

    def open(self, path: str) -> None:
        """Open a page of the desk."""
        self.page.goto(self.url + path)


@contextmanager
def desk_window(world: World, page: Page) -> Iterator[Window]:
    """Serve the world's hub and look at its desk, not yet signed in."""
    gate = Gate(world.hub.random_bytes)
    with listening(create_app(world.hub, gate, Office(address="http://127.0.0.1:8080"))) as url:
        yield Window(url, gate, page)
        page.goto("about:blank")  # the browser lets go of its connections before the hub ends
