"""The cable carries bytes unchanged, and every fault it makes is the fault it names."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from demo.cable import CAPTIVE_PORTAL, SERVER_ERROR, Address, Cable, LostAnswer, LostRequest, Stall

PATIENCE_SECONDS = 30  # only a failing test waits so long


class Hub(ThreadingHTTPServer):
    """Answers every POST with the body it got, and remembers it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.bodies: list[bytes] = []
        self.broken = threading.Semaphore(0)
        self.hung_up = threading.Semaphore(0)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        super().shutdown_request(request)
        self.hung_up.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A cut line is what the tests are about."""

    @property
    def address(self) -> Address:
        return "127.0.0.1", self.server_port


class Echo(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        wanted = int(self.headers["Content-Length"])
        body = self.rfile.read(wanted)
        if len(body) < wanted:
            self.server.broken.release()
            self.close_connection = True
            return
        self.server.bodies.append(body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - http.server names it
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    yield server
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture
def cable(hub: Hub) -> Iterator[Cable]:
    with Cable(hub.address) as joined:
        yield joined


@pytest.fixture
def kiosk() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def post(kiosk: requests.Session, cable: Cable, body: bytes) -> requests.Response:
    return kiosk.post(url(cable), data=body, timeout=PATIENCE_SECONDS)


def url(cable: Cable) -> str:
    return f"http://127.0.0.1:{cable.address[1]}/sync"


def test_bytes_arrive_unchanged_both_ways(cable: Cable, hub: Hub, kiosk: requests.Session) -> None:
    body = bytes(range(256)) * 8192

    answer = post(kiosk, cable, body)

    assert answer.content == body
    assert hub.bodies == [body]
    assert cable.connections == 1
    assert cable.bytes_to_hub > len(body)
    assert cable.bytes_from_hub > len(body)


def test_one_connection_carries_many_requests(cable: Cable, hub: Hub, kiosk: requests.Session) -> None:
    for number in range(5):
        post(kiosk, cable, b"%d" % number)

    assert hub.bodies == [b"0", b"1", b"2", b"3", b"4"]
    assert cable.connections == 1


def test_a_cut_cable_drops_open_connections_and_refuses_new_ones(cable: Cable) -> None:
    with closing(socket.create_connection(cable.address, PATIENCE_SECONDS)) as line:
        line.sendall(b"POST ")
        wait_for_connections(cable, 1)

        cable.cut()

        with pytest.raises(ConnectionResetError):
            line.recv(1)
    with pytest.raises(requests.ConnectionError):
        requests.post(url(cable), data=b"x", timeout=PATIENCE_SECONDS)
    assert (cable.is_cut, cable.connections, cable.refused) == (True, 1, 1)


def test_a_joined_cable_carries_again_at_the_same_address(cable: Cable, hub: Hub, kiosk: requests.Session) -> None:
    address = cable.address
    post(kiosk, cable, b"before")
    cable.cut()
    with pytest.raises(requests.ConnectionError):
        post(kiosk, cable, b"during")

    cable.join()

    assert post(kiosk, cable, b"after").content == b"after"
    assert hub.bodies == [b"before", b"after"]
    assert cable.address == address


def test_a_lost_answer_reached_the_hub(cable: Cable, hub: Hub, kiosk: requests.Session) -> None:
    cable.spoil(LostAnswer())

    with pytest.raises(requests.ConnectionError):
        post(kiosk, cable, b"batch")

    assert hub.bodies == [b"batch"]
    assert cable.bytes_from_hub == 0


def test_an_answer_can_break_off_in_the_middle(cable: Cable, hub: Hub, kiosk: requests.Session) -> None:
    cable.spoil(LostAnswer(bytes_before=200))

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        post(kiosk, cable, b"b" * 1000)

    assert hub.bodies == [b"b" * 1000]
    assert cable.bytes_from_hub == 200


def test_a_lost_request_reaches_the_hub_in_part(cable: Cable, hub: Hub, kiosk: requests.Session) -> None:
    cable.spoil(LostRequest(bytes_before=1000))

    with pytest.raises(requests.ConnectionError):
        post(kiosk, cable, b"b" * 100_000)

    assert hub.broken.acquire(timeout=PATIENCE_SECONDS)
    assert hub.bodies == []
    assert cable.bytes_to_hub == 1000


def test_a_stalled_answer_keeps_the_line_open_in_silence(cable: Cable, hub: Hub) -> None:
    cable.spoil(Stall(bytes_before=17))

    with closing(socket.create_connection(cable.address, PATIENCE_SECONDS)) as line:
        line.sendall(b"POST /sync HTTP/1.1\r\nConnection: close\r\nContent-Length: 5\r\n\r\nbatch")
        begun = line.recv(100)
        assert hub.hung_up.acquire(timeout=PATIENCE_SECONDS)
        cable.join()  # a turn or two of the cable's loop, to tell the kiosk what it must not tell
        cable.join()
        cable.cut()
        with pytest.raises(ConnectionResetError):
            line.recv(1)

    assert begun == b"HTTP/1.1 200 OK\r\n"
    assert hub.bodies == [b"batch"]
    assert cable.bytes_from_hub == 17


def test_a_captive_portal_answers_in_place_of_the_hub(cable: Cable, hub: Hub, kiosk: requests.Session) -> None:
    cable.spoil(CAPTIVE_PORTAL)

    answer = post(kiosk, cable, b"b" * 1_000_000)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html"
    assert hub.bodies == []


def test_an_impostor_listens_to_the_end(cable: Cable) -> None:
    cable.spoil(CAPTIVE_PORTAL)

    with closing(socket.create_connection(cable.address, PATIENCE_SECONDS)) as line:
        line.sendall(b"POST /sync HTTP/1.1\r\n")
        answer = b"".join(iter(lambda: line.recv(65536), b""))
        for _ in range(8):  # a line closed too early would be reset under these, and take a slow answer with it
            line.sendall(b"b" * 500_000)

    assert answer == CAPTIVE_PORTAL.answer


def test_faults_meet_the_next_connections_one_each(cable: Cable, hub: Hub, kiosk: requests.Session) -> None:
    post(kiosk, cable, b"before")
    cable.spoil(SERVER_ERROR, CAPTIVE_PORTAL)

    answers = [post(kiosk, cable, b"during") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [500, 200]
    assert cable.faults_left == 0
    assert post(kiosk, cable, b"after").content == b"after"
    assert hub.bodies == [b"before", b"after"]


def test_a_hub_that_is_not_there_is_a_broken_connection(kiosk: requests.Session) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        nobody = silent.getsockname()

    with Cable(nobody) as cable, pytest.raises(requests.ConnectionError):
        post(kiosk, cable, b"x")


def test_more_connections_than_allowed_are_refused(hub: Hub) -> None:
    with ExitStack() as lines, Cable(hub.address, most_connections=2) as cable:
        for _ in range(2):
            lines.enter_context(closing(socket.create_connection(cable.address, PATIENCE_SECONDS)))
        wait_for_connections(cable, 2)

        with pytest.raises(requests.ConnectionError):
            requests.post(url(cable), data=b"x", timeout=PATIENCE_SECONDS)

        assert (cable.connections, cable.refused) == (2, 1)


def test_leaving_the_cable_resets_what_is_open_and_stops_listening(hub: Hub) -> None:
    with Cable(hub.address) as cable:
        line = socket.create_connection(cable.address, PATIENCE_SECONDS)
        wait_for_connections(cable, 1)

    with closing(line), pytest.raises(ConnectionResetError):
        line.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(cable.address, PATIENCE_SECONDS)


def wait_for_connections(cable: Cable, wanted: int) -> None:
    """The cable's own thread answers only after it has taken the connections that came before."""
    while cable.connections < wanted:
        cable.join()


def test_a_recording_cable_keeps_what_each_connection_sent(hub: Hub) -> None:
    with Cable(hub.address, records=True) as cable, requests.Session() as kiosk:
        post(kiosk, cable, b"first")
        post(kiosk, cable, b"second")
        cable.cut()
        cable.join()
        post(kiosk, cable, b"third")

        sent = [bytes(one) for one in cable.sent]

    assert len(sent) == 2
    assert sent[0].count(b"POST /sync") == 2
    assert sent[0].endswith(b"\r\n\r\nsecond")
    assert sent[1].endswith(b"\r\n\r\nthird")
