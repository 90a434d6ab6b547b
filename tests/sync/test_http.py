"""The HTTP transport against a real server that answers as networks in parks do: never, by half, or as another."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest
from wire_fakes import MemoryHub, MemoryJournal, a_question, kiosk_with, no_time
from wire_samples import KIOSK_KEY, MANIFEST_KEY, certificate, manifest

from sync import http
from sync.batch import CONTENT_TYPE
from sync.engine import HubUnreachable, exchange, waiting
from sync.http import CBOR_TYPE, HttpTransport
from sync.manifest import write_manifest
from sync.request import KeyCarrier, is_fresh_nonce, make_nonce, read_request

SECRET: Final = b"the hub's secret"
Answer = Callable[[BaseHTTPRequestHandler, bytes], None]
"""Writes whatever a server says to a request and its body."""


@dataclass
class Place:
    """A server on a free port whose answer a test sets. It notes what it was asked."""

    answer: Answer
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    gives_nonces: bool = True
    """Answers for a nonce without being told to, and without noting it."""
    address: str = ""
    finished: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def place() -> Generator[Place]:
    """A server that answers 404 until it is told otherwise."""
    where = Place(lambda handler, _: handler.send_error(404))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def any_method(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.close_connection = True
            if self.path == "/sync/v1/nonce" and where.gives_nonces:
                return send(200, CBOR_TYPE, make_nonce(SECRET, 1_000))(self, body)
            where.asked.append((self.command, self.path, dict(self.headers), body))
            try:
                where.answer(self, body)
            except OSError:
                return None  # the kiosk hung up

        do_GET = do_POST = any_method  # noqa: N815  # the names http.server calls

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    where.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield where
    where.finished.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def line(place: Place) -> Generator[HttpTransport]:
    transport = HttpTransport(place.address, CARRIER)
    yield transport
    transport.close()


CARRIER: Final = KeyCarrier(KIOSK_KEY, certificate())


def send(status: int, content_type: str, body: bytes, **headers: str) -> Answer:
    """An answer in good form."""

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Connection", "close")
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def say(raw: bytes) -> Answer:
    """An answer that is not HTTP, or only half of it."""
    return lambda handler, _: (handler.wfile.write(raw), None)[1]


def hang_up(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    """Close without a word."""
    handler.connection.shutdown(socket.SHUT_RDWR)


HTML: Final = b"<!DOCTYPE html><html><body>Please log in to the Wi-Fi</body></html>"
HALF: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/cbor\r\nContent-Length: 500\r\n\r\n\x84\x4d\xa2"
CHUNKED: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/cbor\r\nTransfer-Encoding: chunked\r\n\r\n"

NO_ANSWERS: Final[dict[str, Answer]] = {
    "500": send(500, "text/html", b"<h1>Internal Server Error</h1>"),
    "503": send(503, "text/plain", b"", **{"Retry-After": "5"}),
    "404": send(404, "text/html", b"not here"),
    "413": send(413, "text/html", b"too large"),
    "201 in CBOR": send(201, CBOR_TYPE, b"\x00"),
    "204": send(204, CBOR_TYPE, b""),
    "500 in CBOR": send(500, CBOR_TYPE, b"\x00"),
    "a captive portal": send(200, "text/html; charset=utf-8", HTML),
    "no content type": say(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
    "a redirect": send(302, "text/html", b"", Location="http://192.0.2.1/login"),
    "a redirect in CBOR": send(307, CBOR_TYPE, b"\x00", Location="/elsewhere"),
    "a redirect into nonsense": send(302, "text/html", b"", Location="http://[/"),
    "a redirect without an end": say(
        b"HTTP/1.1 301 Moved\r\nLocation: //\xff\xfe\r\nContent-Length: 99999999\r\n\r\n<"
    ),
    "half an answer": say(HALF),
    "half a chunk": say(CHUNKED + b"ff\r\n\x84"),
    "a chunk of nonsense": say(CHUNKED + b"zz\r\n\x84\r\n0\r\n\r\n"),
    "a broken gzip": send(200, CBOR_TYPE, b"not gzip", **{"Content-Encoding": "gzip"}),
    "half a head": say(b"HTTP/1.1 200 OK\r\nContent-Ty"),
    "another protocol": say(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "noise": say(bytes(range(128, 256)) * 4),
    "a head without an end": say(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: y\r\n" * 300),
    "a line without an end": say(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000),
    "a hung-up call": hang_up,
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_what_is_no_answer_of_a_hub_is_weather_and_changes_nothing(
    name: str, place: Place, line: HttpTransport
) -> None:
    place.answer = NO_ANSWERS[name]
    journal = kiosk_with(3)
    before = journal.everything()

    done = exchange(journal, line, no_time, a_question())

    assert (done.sent, done.waiting, done.sample) == (4, 4, None)
    assert done.trouble
    assert "refused" not in done.trouble
    assert journal.everything() == before


def test_nobody_follows_a_redirect(place: Place, line: HttpTransport) -> None:
    place.answer = send(307, CBOR_TYPE, b"", Location="/elsewhere")

    exchange(kiosk_with(1), line, no_time, a_question())

    assert [path for _, path, _, _ in place.asked] == ["/sync/v1/batches"]


def test_a_hub_that_is_down_is_weather() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    journal, line = kiosk_with(3), HttpTransport(address, CARRIER)
    before = journal.everything()

    done = exchange(journal, line, no_time, a_question())
    line.close()

    assert (done.waiting, done.trouble) == (4, "ConnectionError")
    assert journal.everything() == before


@pytest.mark.parametrize("address", ["http://", "http://[", "nonsense", "http://kiosk.invalid:99999"])
def test_an_address_that_leads_nowhere_is_weather(address: str) -> None:
    line = HttpTransport(address, CARRIER)

    with pytest.raises(HubUnreachable):
        line.get_key_list()

    line.close()


def test_a_hub_that_does_not_answer_in_time_is_weather(
    place: Place, line: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT_SECONDS", (0.1, 0.1))
    place.answer = lambda _handler, _body: (place.finished.wait(), None)[1]
    journal = kiosk_with(3)
    before = journal.everything()

    done = exchange(journal, line, no_time, a_question())

    assert (done.waiting, done.trouble) == (4, "ReadTimeout")
    assert journal.everything() == before


def test_an_answer_that_stops_halfway_is_weather(
    place: Place, line: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT_SECONDS", (0.1, 0.1))

    def halfway(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.wfile.write(HALF)
        place.finished.wait()

    place.answer = halfway

    done = exchange(kiosk_with(3), line, no_time, a_question())

    assert done.waiting == 4
    assert "imeout" in done.trouble


def test_an_answer_that_drips_for_ever_is_given_up(place: Place) -> None:
    def drip(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/cbor\r\nContent-Length: 900\r\n\r\n")
        while not place.finished.wait(0.001):
            handler.wfile.write(b"\x00")

    place.answer = drip
    minutes = iter(range(0, 10**9, 60_000))
    line = HttpTransport(place.address, CARRIER, lambda: next(minutes))

    with pytest.raises(HubUnreachable, match="answer too long"):
        line.get_key_list()

    line.close()


def test_an_answer_that_is_too_long_is_given_up(
    place: Place, line: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "ANSWER_LIMIT", 200_000)
    place.answer = send(200, CBOR_TYPE, bytes(10_000_000))

    with pytest.raises(HubUnreachable, match="answer too long"):
        line.get_key_list()


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "identity"}])
def test_an_answer_comes_out_as_it_was_sent(place: Place, line: HttpTransport, headers: dict[str, str]) -> None:
    body = bytes(range(256)) * 1_000
    place.answer = send(200, CBOR_TYPE, body, **headers)

    assert line.get_key_list() == body


def test_an_answer_in_chunks_comes_out_whole(place: Place, line: HttpTransport) -> None:
    place.answer = say(CHUNKED + b"2\r\n\x01\x02\r\n1\r\n\x03\r\n0\r\n\r\n")

    assert line.get_key_list() == b"\x01\x02\x03"


# ---------------- a hub behind HTTP


def serve(hub: MemoryHub) -> Answer:
    """A hub's four addresses, as docs/wire.cddl names them."""

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        asked = (handler.command, handler.path)
        if asked == ("GET", "/sync/v1/keys"):
            content = hub.get_key_list()
        elif not is_signed(handler, body):
            handler.send_error(401)
            return
        elif asked == ("POST", "/sync/v1/batches") and handler.headers["Content-Type"] == CONTENT_TYPE:
            content = hub.post_batch(body)
        elif asked == ("GET", "/sync/v1/manifest"):
            content = hub.get_manifest()
        else:
            handler.send_error(403)
            return
        send(200, CBOR_TYPE, content)(handler, body)

    return answer


def is_signed(handler: BaseHTTPRequestHandler, body: bytes) -> bool:
    """Check a request as a hub does."""
    scheme, _, credentials = handler.headers["Authorization"].partition(" ")
    shown = base64.b64decode(handler.headers["Kumapo-Certificate"], validate=True)
    request = read_request(base64.b64decode(credentials, validate=True), KIOSK_KEY.public)
    names_this = (request.method, request.path) == (handler.command, handler.path)
    names_body = request.body_hash == hashlib.sha256(body).digest()
    is_fresh = is_fresh_nonce(SECRET, request.nonce, 2_000)
    return scheme == "Kumapo" and shown == certificate() and names_this and names_body and is_fresh


def test_a_journal_drains_over_http_to_signed_receipts(place: Place, line: HttpTransport) -> None:
    hub, journal = MemoryHub(max_batch=3), kiosk_with(9)
    place.answer = serve(hub)

    rounds = []
    while waiting(journal):
        rounds.append(exchange(journal, line, no_time, a_question()))

    assert [done.trouble for done in rounds] == [""] * len(rounds)
    assert sorted(hub.arrived) == list(range(1, 11))


def test_a_manifest_is_fetched_by_a_signed_request_over_the_hubs_nonce(place: Place, line: HttpTransport) -> None:
    newer = write_manifest(MANIFEST_KEY, manifest(3))
    hub, journal = MemoryHub(manifest=newer, manifest_version=3), kiosk_with(1)
    place.answer = serve(hub)

    done = exchange(journal, line, no_time, a_question())

    assert done.manifest_trouble == ""
    assert journal.manifest() == newer


def test_a_kiosk_signs_nothing_over_a_nonce_that_is_none(place: Place) -> None:
    signed: list[bytes] = []

    class Noting(KeyCarrier):
        def sign_request(self, method: str, path: str, body: bytes, nonce: bytes) -> bytes:
            signed.append(nonce)
            return super().sign_request(method, path, body, nonce)

    line = HttpTransport(place.address, Noting(KIOSK_KEY, certificate()))
    place.gives_nonces, place.answer = False, send(200, CBOR_TYPE, bytes(5_000))
    with pytest.raises(HubUnreachable):
        line.get_manifest()
    line.close()

    assert signed == []


def nonce_header(made_ms: int) -> dict[str, str]:
    return {"Kumapo-Nonce": base64.b64encode(make_nonce(SECRET, made_ms)).decode()}


def nonces_signed(place: Place) -> list[int]:
    """When the nonces were made over which the requests at a place were signed."""
    shown = [
        headers["Authorization"].partition(" ")[2] for _, _, headers, _ in place.asked if "Authorization" in headers
    ]
    requests = [read_request(base64.b64decode(one), KIOSK_KEY.public) for one in shown]
    return [int.from_bytes(one.nonce[:8], "big") for one in requests]


def test_the_next_request_is_signed_over_the_nonce_that_came_with_the_last_answer(place: Place) -> None:
    line = HttpTransport(place.address, CARRIER, lambda: 0)
    answers = iter([send(200, CBOR_TYPE, b"", **nonce_header(made_ms)) for made_ms in (2_000, 3_000)])
    place.answer = lambda handler, body: next(answers)(handler, body)  # noqa: PLW0108  # another one each time

    line.get_manifest()
    line.get_manifest()
    line.close()

    assert nonces_signed(place) == [1_000, 2_000]


def test_a_nonce_that_is_about_to_grow_stale_is_asked_for_anew(place: Place) -> None:
    now_ms = [0]
    line = HttpTransport(place.address, CARRIER, lambda: now_ms[0])
    place.answer = send(200, CBOR_TYPE, b"", **nonce_header(2_000))

    for at_ms in (0, 100_000, 200_001):
        now_ms[0] = at_ms
        line.get_manifest()
    line.close()

    assert nonces_signed(place) == [1_000, 2_000, 1_000]


def test_a_refused_request_is_repeated_once_over_the_nonce_that_came_with_the_refusal(place: Place) -> None:
    line = HttpTransport(place.address, CARRIER, lambda: 0)
    place.answer = send(401, "text/plain", b"nonce", **nonce_header(2_000))

    with pytest.raises(HubUnreachable) as weather:
        line.post_batch(b"a batch")
    line.close()

    assert (weather.value.status, nonces_signed(place)) == (401, [1_000, 2_000])


def test_without_a_key_no_manifest_is_asked_for(place: Place) -> None:
    line = HttpTransport(place.address)

    with pytest.raises(HubUnreachable):
        line.get_manifest()
    line.close()

    assert place.asked == []


@pytest.mark.parametrize(
    ("said", "seconds"), [("90", 90), ("99999", 3_600), ("Wed, 21 Oct 2026 07:28:00 GMT", 0), ("-5", 0), ("٣", 0)]
)
def test_an_answer_that_asks_for_time_is_given_it_an_hour_at_most(place: Place, said: str, seconds: int) -> None:
    line = HttpTransport(place.address, CARRIER)
    place.answer = send(429, "text/plain", b"too much", **{"Retry-After": said.encode("utf-8").decode("latin-1")})

    with pytest.raises(HubUnreachable) as weather:
        line.post_batch(b"a batch")
    line.close()

    assert weather.value.retry_after_seconds == seconds


def test_an_error_page_says_its_status(place: Place, line: HttpTransport) -> None:
    place.answer = send(409, "text/plain", b"no invitation")

    with pytest.raises(HubUnreachable) as weather:
        line.post_application(b"application")

    assert weather.value.status == 409


def test_an_application_goes_to_its_own_address(place: Place, line: HttpTransport) -> None:
    place.answer = send(200, CBOR_TYPE, b"welcome")

    answer = line.post_application(b"application")

    assert answer == b"welcome"
    assert [(method, path, body) for method, path, _, body in place.asked] == [
        ("POST", "/sync/v1/enrolments", b"application")
    ]


def test_after_bad_weather_the_same_line_carries_everything(place: Place, line: HttpTransport) -> None:
    hub = MemoryHub()
    journal: MemoryJournal = kiosk_with(3)
    for answer in NO_ANSWERS.values():
        place.answer = answer
        exchange(journal, line, no_time, a_question())

    place.answer = serve(hub)
    done = exchange(journal, line, no_time, a_question())

    assert (done.waiting, done.trouble) == (0, "")
