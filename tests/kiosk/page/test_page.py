"""The participant's screen without a browser: what it answers, to whom, and how its streams and server come and go."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import wire_samples as wire
from flask.testing import FlaskClient
from kiosk_booth import STATION, HandClock, enrolled, picture_of
from kiosk_screens import REASONS, SCENES, booth_page

from kiosk.booth import Booth
from kiosk.catalogue import read_catalogues, to_html
from kiosk.face import Face, new_face
from kiosk.page.app import BODY_LIMIT, Screen, create_app
from kiosk.page.parts import PARTS, phrased
from kiosk.page.serving import PortTaken
from kiosk.page.streams import MOST_STREAMS, Streams
from kiosk.sight import CameraState
from kiosk.typed import MOST_WAITING, Typed
from kiosk.words import ADVICE, WHY
from sync.member import printed
from sync.token import write_token

MOST_BEATS: Final = 6
HOST: Final = "http://localhost"
INNER_WORDS: Final = re.compile(
    r"epoch|fork|verdict|token|chain|manifest|batch|journal|ledger|トークン|チェーン|マニフェスト|バッチ|分岐|判定",
    re.IGNORECASE,
)
OWN: Final = {"Origin": HOST, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def face() -> Face:
    return new_face()


@pytest.fixture
def client(face: Face) -> FlaskClient:
    return client_of(face)


def client_of(face: Face, lang: str = "ja") -> FlaskClient:
    app = create_app(Screen(face, Streams(face.board, HandClock()), read_catalogues(), lang, "run 1"))
    return app.test_client()


class Stream:
    """An open event stream, as a browser holds it."""

    def __init__(self, address: str, lang: str = "ja") -> None:
        self._line = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
        self._line.request("GET", f"/events?lang={lang}")
        self._answer = self._line.getresponse()
        assert self._answer.headers.get_content_type() == "text/event-stream"

    def next(self) -> tuple[str, Any]:
        """Return the next event that tells something, with what came with it; ("end", None) at the stream's end."""
        for _ in range(MOST_BEATS):
            if (event := self._next())[0] != "beat":
                return event
        return "beat", None

    def _next(self) -> tuple[str, Any]:
        try:
            name = self._answer.readline().decode().removeprefix("event: ").strip()
            content = self._answer.readline().decode().removeprefix("data: ")
            self._answer.readline()
        except http.client.HTTPException:
            return "end", None
        return (name, json.loads(content)) if name else ("end", None)

    def close(self) -> None:
        self._line.close()
        self._answer.close()


@contextmanager
def streaming(address: str, lang: str = "ja") -> Iterator[Stream]:
    with closing(Stream(address, lang)) as stream:
        yield stream


def test_a_stream_begins_with_everything_and_then_brings_what_changes() -> None:
    with booth_page() as booth, streaming(booth.address) as stream:
        begin = [stream.next() for _ in range(2)]
        booth.show(SCENES["idle"])
        named = stream.next()
        booth.show(SCENES["received"])
        received = stream.next()

    assert begin[0] == ("run", "run 1")
    assert set(begin[1][1]["parts"]) == set(PARTS)
    assert set(named[1]["parts"]) >= {"place", "strip"}
    assert (received[1]["state"], received[1]["scan"]) == ("received", 1)
    assert set(received[1]["parts"]) == {"stage"}
    assert "けとりました" in received[1]["parts"]["stage"]


def test_every_stream_speaks_the_language_its_page_asks_for() -> None:
    with booth_page() as booth:
        booth.show(SCENES["received"])
        said = {}
        for lang in ("ja-easy", "en", "vi", "tlh"):
            with streaming(booth.address, lang) as stream:
                stream.next()
                said[lang] = re.search(r"<h1>(.*)</h1>", stream.next()[1]["parts"]["stage"])

    words = {lang: found[1] for lang, found in said.items() if found is not None}
    assert words == {
        "ja-easy": "うけとりました",
        "en": "Points received",
        "vi": "Đã nhận điểm",
        "tlh": "<ruby>受<rt>う</rt></ruby>けとりました",
    }


def test_a_page_that_comes_late_hears_how_much_of_the_eight_seconds_is_spent() -> None:
    with booth_page() as booth:
        booth.show(SCENES["received"])
        booth.clock.turn(3_000)
        with streaming(booth.address) as stream:
            stream.next()
            _, told = stream.next()

    assert told["spent_ms"] == 3_000


def test_beyond_three_streams_the_newest_wins_and_the_oldest_is_told_to_stop() -> None:
    with booth_page() as booth:
        streams = [Stream(booth.address) for _ in range(MOST_STREAMS)]
        begun = [[stream.next()[0] for _ in range(2)] for stream in streams]
        newest = Stream(booth.address)
        oldest = [streams[0].next()[0] for _ in range(2)]
        booth.show(SCENES["received"])
        others = [stream.next()[0] for stream in streams[1:]]
        newest_heard = [newest.next()[0] for _ in range(2)]
        open_now = len(booth.streams._open)
        for stream in (*streams, newest):
            stream.close()

    assert begun == [["run", "show"]] * MOST_STREAMS
    assert oldest == ["stop", "end"]
    assert others == ["show"] * (MOST_STREAMS - 1)
    assert newest_heard == ["run", "show"]
    assert open_now == MOST_STREAMS


def test_a_page_that_was_closed_gives_its_thread_back_by_the_next_events() -> None:
    with booth_page() as booth:
        Stream(booth.address).close()

        scenes = cycle((SCENES["received"], SCENES["idle"]))
        while booth.streams._open:  # a test that hangs here has found the fault
            booth.show(next(scenes))

        assert booth.streams._open == []


def test_the_end_does_not_wait_for_open_streams_and_frees_the_port() -> None:
    threads = threading.active_count()
    with booth_page() as booth:
        stream = Stream(booth.address)
        stream.next()

    port = urlsplit(booth.address).port or 0
    with booth_page(port=port) as again:
        address = again.address
    heard = list(iter(lambda: stream.next()[0], "end"))
    stream.close()

    assert address == booth.address
    assert heard[-1] == "closed"
    assert threading.active_count() == threads


def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(PortTaken, match=f"ポート {port} .*--port .*--no-page"), booth_page(port=port):
            pass


def test_only_this_machine_is_listened_to() -> None:
    with booth_page() as booth:
        listening = {
            line.split()[1]
            for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
            if line.split()[3] == "0A" and line.split()[1].endswith(f":{urlsplit(booth.address).port:04X}")
        }

    assert [address.split(":")[0] for address in listening] == ["0100007F"]  # 127.0.0.1, the last byte first


@pytest.mark.parametrize(("host", "status"), [("localhost:8090", 200), ("[::1]", 200), ("booth.example", 400)])
def test_a_name_that_leads_here_from_elsewhere_gets_nothing(client: FlaskClient, host: str, status: int) -> None:
    statuses = []
    for path in ("/", "/static/screen.css"):
        with client.get(path, headers={"Host": host}) as answer:
            statuses.append(answer.status_code)

    assert statuses == [status, status]


def test_every_answer_keeps_the_page_to_itself(client: FlaskClient) -> None:
    for path in ("/", "/static/screen.js", "/picture.jpg", "/fonts/BIZUDPGothic-Bold.ttf", "/nowhere"):
        with client.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]

        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_what_is_typed_is_handed_on(client: FlaskClient, face: Face) -> None:
    number = client.post("/typed", json={"number": "40381926473918"}, headers=OWN)
    code = client.post("/typed", json={"code": "KP1:X"}, headers=OWN)

    assert (number.status_code, code.status_code) == (204, 204)
    assert [face.keys.take(0), face.keys.take(0), face.keys.take(0)] == [
        Typed(number="40381926473918"),
        Typed(code="KP1:X"),
        None,
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost:8091"},
        {"Origin": "null"},
        {"Origin": HOST, "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_other_pages_cannot_type_here(client: FlaskClient, face: Face, headers: dict[str, str]) -> None:
    answer = client.post("/typed", json={"number": "40381926473918"}, headers=headers)

    assert answer.status_code == 403
    assert face.keys.take(0) is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b'{"number": ""}', 400),
        (b'{"number": "1", "code": "2"}', 400),
        (b'{"number": 1}', 400),
        (b'{"name": "x"}', 400),
        (b'{"code": "' + b"x" * 600 + b'"}', 400),
        (b'{"code": "' + b"x" * BODY_LIMIT + b'"}', 413),
        (b"\xff", 400),
    ],
)
def test_what_is_no_number_and_no_code_is_not_handed_on(
    client: FlaskClient, face: Face, body: bytes, status: int
) -> None:
    answer = client.post("/typed", data=body, headers=OWN)

    assert answer.status_code == status
    assert face.keys.take(0) is None


def test_a_page_gone_wild_is_not_listened_to(client: FlaskClient) -> None:
    statuses = [client.post("/typed", json={"code": "x"}, headers=OWN).status_code for _ in range(MOST_WAITING + 2)]

    assert statuses == [204] * MOST_WAITING + [503, 503]


def test_a_picture_is_there_when_there_is_one(client: FlaskClient, face: Face) -> None:
    before = client.get("/picture.jpg")
    face.mirror.offer(picture_of(), 0, is_something_seen=False)
    after = client.get("/picture.jpg")

    assert (before.status_code, before.data) == (204, b"")
    assert (after.status_code, after.mimetype, after.data[:2]) == (200, "image/jpeg", b"\xff\xd8")


def test_nothing_personal_stands_in_any_answer(tmp_path: Path) -> None:
    face, person = new_face(), wire.member(1)
    client = client_of(face)
    with closing(enrolled(tmp_path / "journal.db")) as journal:
        booth = Booth(journal, HandClock(), STATION)
        pages = []
        for scan in (booth.scan_code(write_token(wire.MEMBER_KEY, person, 1)), booth.scan_number(printed(person))):
            face.board.show_scan(scan, 0)
            pages.append(client.get("/").text)

    assert ['data-state="received"' in pages[0], 'data-state="already_received"' in pages[1]] == [True, True]
    for page in pages:
        digits = re.sub(r"[^0-9]", "", re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL))
        assert str(person) not in digits
        assert "KP1" not in page


def test_names_of_events_are_shown_as_text_whatever_stands_in_them(client: FlaskClient, face: Face) -> None:
    scene = SCENES["idle"]
    place = scene.standing.place._replace(event="<img src=x>", activity="{件|けん}&\u2068")
    face.board.show(scene.glance, CameraState.GOOD, scene.standing._replace(place=place), 0)

    page = client.get("/").text

    assert "<img src=x>" not in page
    assert "&lt;img src=x&gt;" in page
    assert "{件|けん}&amp;" in page


@pytest.mark.parametrize("lang", read_catalogues())
def test_every_scene_is_said_in_every_language(lang: str) -> None:
    face = new_face()
    client = client_of(face, lang)
    for name, showing in {**SCENES, **REASONS}.items():
        face.board._put(showing)

        page = client.get("/").text

        assert f'data-state="{showing.state}"' in page, name
        words = re.sub(r"<script.*?</script>|<rt>.*?</rt>|<[^>]*>", "", page, flags=re.DOTALL)
        assert "{" not in words, name
        assert INNER_WORDS.findall(words) == [], name


@pytest.mark.parametrize(("lang", "times"), [("ja", 0), ("ja-easy", 0), ("en", 1), ("vi", 1)])
@pytest.mark.parametrize("scene", ["notusable_expired", "callstaff_lost_card"])
def test_what_the_volunteer_has_to_do_stands_in_japanese_too(scene: str, lang: str, times: int) -> None:
    face = new_face()
    face.board._put(REASONS[scene])

    page = client_of(face, lang).get("/").text

    assert page.count('<span class="volunteers" lang="ja">') == times


@pytest.mark.parametrize("sentence", [*WHY.values(), *ADVICE.values()])
def test_what_the_volunteer_reads_needs_no_value(sentence: str) -> None:
    without_furigana = re.sub(r"\{[^{}|]+\|[^{}|]+\}", "", sentence)

    assert "{" not in without_furigana


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ここでは{使|つか}えません", "ここでは|使えません"),
        ("{少|すこ}しお{待|ま}ちください", "少し|お待ちください"),
        ("スタッフを{呼|よ}んでください", "スタッフを|呼んでください"),
        ("きょうはここまでです", "きょうは|ここまでです"),
        ("ここでは つかえません", "ここでは つかえません"),
        ("10ポイント", "10ポイント"),
    ],
)
def test_japanese_lines_end_between_phrases(text: str, expected: str) -> None:
    marked = phrased(to_html(text))

    assert re.sub(r"<rt>.*?</rt>|</?ruby>", "", marked).replace("<wbr>", "|") == expected


def test_templates_and_scripts_say_nothing_of_their_own() -> None:
    folder = Path(__file__).parents[3] / "kiosk" / "page"
    for path in (*folder.rglob("*.html"), *folder.rglob("*.js"), *folder.rglob("*.svg")):
        text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|//.*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)

        assert not re.search(r"[ぁ-んァ-ヴ一-龠À-ỹ]", text), path.name
        if path.suffix != ".js":
            assert not re.search(r">\s*[A-Za-z]", text), path.name
