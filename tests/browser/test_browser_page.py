"""The browser that tests of pages stand on: it is a real one, and it lets no fault of a page pass in silence."""

import asyncio
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from browser_page import WINDOW, Complaints, stays_here, violations
from playwright.sync_api import Page, expect

GOOD = """<!doctype html><html lang="ja"><title>見本</title><link rel="icon" href="data:,">
<main><h1>見本</h1><p id="word">はじめ</p></main></html>"""


class Sample(BaseHTTPRequestHandler):
    """One page, and nothing else."""

    def do_GET(self) -> None:
        body = GOOD.encode() if self.path == "/" else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def sample() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Sample) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_page_is_drawn_and_its_script_runs(page: Page, sample: str) -> None:
    page.goto(sample)

    page.evaluate("setTimeout(() => document.querySelector('#word').textContent = 'あと')")

    expect(page.locator("#word")).to_have_text("あと")
    assert page.viewport_size == WINDOW


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("console.error('こまった'); done()", "console error: こまった"),
        ("setTimeout(() => { setTimeout(done); throw new Error('こわれた') })", "uncaught error: こわれた"),
        ("fetch('/missing').then(done)", "404"),
        ("fetch('http://192.0.2.1/').catch(done)", "asked for http://192.0.2.1/"),
        ("const image = new Image(); image.onerror = done; image.src = 'http://cdn.example/'", "cdn.example"),
        ("new WebSocket('ws://cdn.example/').onerror = done", "asked for ws://cdn.example/"),
    ],
)
def test_a_fault_of_a_page_is_heard(
    page: Page, sample: str, complaints: Complaints, script: str, complaint: str
) -> None:
    page.goto(sample)

    page.evaluate(f"() => new Promise(done => {{ {script} }}).then(() => null)")
    page.context.close()

    assert any(complaint in heard for heard in complaints.left), complaints.heard
    complaints.allow("")


def test_only_what_a_test_allows_is_let_pass() -> None:
    complaints = Complaints(["console error: a", "uncaught error: b"])

    complaints.allow("console error")

    assert complaints.left == ["uncaught error: b"]


def test_axe_finds_nothing_in_a_good_page_and_names_what_is_wrong_in_a_bad_one(page: Page, sample: str) -> None:
    page.goto(sample)
    good = violations(page)

    page.evaluate("document.querySelector('#word').style.color = '#ccc'")
    page.evaluate("document.body.append(new Image())")
    bad = violations(page)

    assert good == []
    assert sorted(line.split(" ")[0] for line in bad) == ["color-contrast", "image-alt", "region"]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8090/", "http://[::1]/", "http://localhost/", "data:,a", "blob:http://127.0.0.1/1"]
)
def test_an_address_of_this_machine_stays_here(url: str) -> None:
    assert stays_here(url)


@pytest.mark.parametrize("url", ["http://192.0.2.1/", "https://cdn.example/", "ws://127.0.0.1.example/", "file:///a"])
def test_any_other_address_does_not_stay_here(url: str) -> None:
    assert not stays_here(url)


def test_a_test_with_a_loop_of_its_own_runs_beside_tests_with_a_browser() -> None:
    """The browser keeps a loop running in this thread; this test stands last here and is run before it starts."""
    assert asyncio.run(asyncio.sleep(0, "done")) == "done"
