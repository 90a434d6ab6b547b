"""`kiosk run` with its screen: the address it tells, the page it serves, ports that are taken, and its end."""

from __future__ import annotations

import http.client
import json
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import wire_samples as wire
from kiosk_booth import enrolled_at, folder_of, picture_of

from sync.member import printed
from sync.token import write_token
from tests.kiosk.test_commands import said_by, started

STATION = ("--event", str(wire.EVENT), "--activity", str(wire.HELPING))


def test_a_booth_with_a_page_alone_grants_what_is_typed_there_and_ends_when_told(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")

    with started("run", "--journal", path, *STATION, "--port", "0", "--json") as process:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["page"]
        status, page = asked(address, "GET", "/")
        typed, _ = asked(address, "POST", "/typed", json.dumps({"number": printed(wire.member(1))}))
        scan = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)

    assert address.startswith("http://127.0.0.1:")
    assert (status, typed) == (200, 204)
    assert "お手伝い" in page
    assert (scan["scan"], scan["outcome"]) == (1, "received")
    assert code == 0


def asked(address: str, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    line = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    line.request(method, path, body, {"Origin": address.rstrip("/")})
    answer = line.getresponse()
    said = answer.read().decode()
    line.close()
    return answer.status, said


def test_a_booth_tells_the_page_in_words_and_ends_with_its_pictures(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")
    pictures = folder_of(tmp_path / "people", picture_of(write_token(wire.MEMBER_KEY, wire.member(1), 1)))

    code, words = said_by("run", "--journal", path, "--camera", pictures, *STATION, "--port", "0")

    warning, page, scan, *_, last = words.splitlines()
    assert code == 0
    assert "この端末の時計は" in warning  # the sample event is over
    assert page.startswith("画面: http://127.0.0.1:")
    assert "10ポイント" in scan
    assert last.startswith("終わりました。まだ送っていない記録")


@pytest.mark.parametrize(("slot", "is_there"), [("0", False), ("2", False), ("3", True)])
def test_a_slot_the_activity_does_not_have_is_said_at_the_start_with_those_it_has(
    tmp_path: Path, slot: str, *, is_there: bool
) -> None:
    path = enrolled_at(tmp_path / "journal.db")
    pictures = folder_of(tmp_path / "people", picture_of(write_token(wire.MEMBER_KEY, wire.member(1), 1)))
    station = ("--event", str(wire.EVENT), "--activity", str(wire.LESSON), "--slot", slot)

    code, words = said_by("run", "--journal", path, "--camera", pictures, *station, "--no-page")

    assert code == 0
    assert (f"--event {wire.EVENT} --activity {wire.LESSON} --slot {slot} は この端末の設定に ありません" in words) is (
        not is_there
    )
    assert (f"--event {wire.EVENT} --activity {wire.LESSON} --slot 1  まつり 講座 午前" in words) is not is_there
    assert (f"--event {wire.EVENT} --activity {wire.LESSON} --slot 3  まつり 講座 午後" in words) is not is_there
    assert ("10ポイント" in words) is is_there


def test_a_port_that_is_taken_ends_with_what_to_do_and_nothing_is_signed(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")

    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        code, words = said_by("run", "--journal", path, *STATION, "--port", port)
    _, status = said_by("status", "--journal", path, "--json")

    assert code == 2
    assert f"ポート {port} は使えません" in words
    assert "--no-page" in words
    assert json.loads(status)["head"] == 0


def test_without_a_page_a_camera_or_typed_numbers_are_needed(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")

    code, words = said_by("run", "--journal", path, *STATION, "--no-page")

    assert code == 2
    assert "--camera" in words
    assert "--typed" in words


def test_a_language_nobody_translated_is_refused_with_those_there_are(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")

    code, words = said_by("run", "--journal", path, *STATION, "--port", "0", "--lang", "tlh")

    assert code == 2
    assert "ja, ja-easy, en, vi" in words


@pytest.mark.parametrize("line", ["port = 70000", "port = -1", 'page = "yes"'])
def test_settings_of_the_page_are_checked(tmp_path: Path, line: str) -> None:
    (tmp_path / "kiosk.toml").write_text(line, encoding="utf-8")

    code, words = said_by("run", "--settings", tmp_path / "kiosk.toml")

    assert code == 2
    assert line.split(maxsplit=1)[0] in words
