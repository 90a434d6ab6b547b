"""The commands of a booth, run as processes against a hub behind real HTTP: enrol, run, status, export."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import cv2
import pytest
import wire_samples as wire
from click.testing import CliRunner
from kiosk_booth import Desk, SmallHub, enrolled, enrolled_at, folder_of, picture_of, web_hub

from kiosk.commands import kiosk
from kiosk.journal_open import open_journal, read_journal
from kiosk.service import notify
from sync.batch import read_batch
from sync.citytime import city_datetime
from sync.enrolment import write_invitation
from sync.entry import hash_of, read_heading
from sync.envelope import ENTRY, take_apart
from sync.files import ANSWER_SUFFIX
from sync.head import Head
from sync.member import printed
from sync.receipt import write_receipt
from sync.token import write_token

ROOT = Path(__file__).parents[2]
STATION = ("--event", str(wire.EVENT), "--activity", str(wire.HELPING), "--no-page")


def said_by(*arguments: str | Path) -> tuple[int, str]:
    """Run a command here and return its exit code and everything it said."""
    done = CliRunner().invoke(kiosk, [str(argument) for argument in arguments], catch_exceptions=False)
    return done.exit_code, done.output


@contextmanager
def started(*arguments: str | Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command as a process of its own, and end it at the latest with the test."""
    with subprocess.Popen(
        [sys.executable, "-m", "kiosk", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def card(person: int) -> str:
    return write_token(wire.MEMBER_KEY, wire.member(person), 1)


def scans_in(output: str) -> list[tuple[str, int | None]]:
    scans = [json.loads(line) for line in output.splitlines() if line.startswith("{")]  # warnings stand beside them
    assert [scan["scan"] for scan in scans] == list(range(1, len(scans) + 1))
    return [(scan["outcome"], scan["seq"]) for scan in scans]


def test_from_the_enrolment_code_to_everything_having_arrived(tmp_path: Path) -> None:
    """The way of a new booth: a picture of the hub's code, then a day of scans, then the hub has it all."""
    path, pictures = tmp_path / "journal.db", folder_of(tmp_path / "people", *(picture_of(card(n)) for n in (1, 2, 99)))
    with web_hub() as site:
        code = write_invitation(site.desk.invitation(site.address))
        cv2.imwrite(str(tmp_path / "code.png"), picture_of(code))

        enrolled_code, enrolled_words = said_by("enrol", "--journal", path, "--camera", tmp_path / "code.png")
        site.hub.public_key = site.desk.applications[0].public_key
        run_code, run_words = said_by("run", "--journal", path, "--camera", pictures, *STATION, "--json")
        status_code, status_words = said_by("status", "--journal", path, "--json", "--check")

    status = json.loads(status_words)
    assert (enrolled_code, run_code, status_code) == (0, 0, 0)
    assert " ".join(status["kiosk"][start : start + 4] for start in range(0, 16, 4)) in enrolled_words
    assert [outcome for outcome, _ in scans_in(run_words)] == ["received", "received", "call_staff"]
    assert (status["waiting"], status["damage"], status["clock"], status["grants"]) == (0, "", "hub", 2)
    assert len(site.entries) == status["head"]


def test_a_booth_ends_at_sigterm_with_its_totals_signed_and_the_journal_closed(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")

    with started("run", "--journal", path, "--typed", *STATION, "--json", "--confirm-time") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{printed(wire.member(1))}\n0000\n")
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        status = process.wait(60)

    assert status == 0
    assert scans_in("".join(lines)) == [("received", 2), ("call_staff", None)]
    with closing(read_journal(path)) as reader:
        assert reader.totals().grants == 1
        assert reader.head().seq == 3
        assert reader._kept("running") is None


def test_a_killed_booth_starts_again_and_goes_on_numbering(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")
    with started("run", "--journal", path, "--typed", *STATION, "--json") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{printed(wire.member(1))}\n")
        process.stdin.flush()
        shown = process.stdout.readline()
        process.kill()

    pictures = folder_of(tmp_path / "people", picture_of(card(1)), picture_of(card(2)))
    _, words = said_by("run", "--journal", path, "--camera", pictures, *STATION, "--json")

    assert scans_in(shown) == [("received", 2)]
    assert scans_in(words) == [("already_received", None), ("received", 4)]


def test_the_service_manager_hears_ready_and_alive(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        with started("run", "--journal", path, "--typed", *STATION, NOTIFY_SOCKET=str(tmp_path / "notify")) as process:
            heard = [manager.recv(64), manager.recv(64)]
            assert process.stdin is not None
            process.stdin.close()
            while heard[-1] != b"STOPPING=1":
                heard.append(manager.recv(64))
            status = process.wait(60)

    assert heard[:2] == [b"READY=1", b"WATCHDOG=1"]
    assert status == 0


def test_without_a_service_manager_nothing_is_said() -> None:
    notify("", "READY=1")


def test_a_service_manager_that_has_gone_does_not_end_the_booth(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        notify(str(address), "READY=1")
        heard = manager.recv(64)

    notify(str(address), "WATCHDOG=1")

    assert heard == b"READY=1"


def test_plain_words_for_people_without_json(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")
    pictures = folder_of(tmp_path / "people", picture_of(card(1)))

    code, words = said_by("run", "--journal", path, "--camera", pictures, *STATION)

    assert code == 0
    assert words.splitlines()[1] == "【うけとりました】 10ポイント(2けん ここに あります)"


def test_a_stick_carries_records_out_and_answers_back(tmp_path: Path) -> None:
    path, stick = tmp_path / "journal.db", tmp_path / "stick"
    stick.mkdir()
    with closing(enrolled(path)) as journal:
        for person in range(1, 4):
            journal.sign_and_keep(wire.grant(person), wire.stamp(person))
        head = journal.head()

    _, first_words = said_by("export", "--journal", path, stick)
    batch = read_batch(next(stick.glob("*.kpbatch")).read_bytes())
    (stick / f"answer{ANSWER_SUFFIX}").write_bytes(write_receipt(wire.RECEIPT_KEY, wire.receipt(head)))
    _, second_words = said_by("export", "--journal", path, stick)

    assert [read_heading(take_apart(ENTRY, entry).payload).seq for entry in batch.entries] == [1, 2, 3]
    assert "送信まち / waiting: 3件" in first_words
    assert "取りこみ / taken in: answer.kpreceipt" in second_words
    assert "送信まち / waiting: 0件" in second_words


def test_records_are_exported_beside_a_running_booth(tmp_path: Path) -> None:
    path, stick = tmp_path / "journal.db", tmp_path / "stick"
    stick.mkdir()
    with closing(enrolled(path)) as journal:
        journal.sign_and_keep(wire.grant(1), wire.stamp(1))
        (stick / f"answer{ANSWER_SUFFIX}").write_bytes(write_receipt(wire.RECEIPT_KEY, wire.receipt(journal.head())))

        code, words = said_by("export", "--journal", path, stick)

        assert code == 0
        assert "The booth is running" in words
        assert len(list(stick.glob("*.kpbatch"))) == 1
        assert journal.uplink().cursor_seq == 0


def test_a_salvaged_journal_is_exported_around_its_hole(tmp_path: Path) -> None:
    path, stick = tmp_path / "journal.db", tmp_path / "stick"
    stick.mkdir()
    with closing(enrolled(path)) as journal:
        for person in range(1, 8):
            journal.sign_and_keep(wire.grant(person), wire.stamp(person))
        third = journal.entries_from(3, 1, 1_000)[0]
        journal.abandon()
    content = bytearray(path.read_bytes())
    content[content.index(third) + 90] ^= 1
    path.write_bytes(content)

    code, words = said_by("run", "--journal", path, "--typed", *STATION)
    _, carried = said_by("export", "--journal", f"{path}.salvaged-1", stick)

    batches = [read_batch(found.read_bytes()) for found in sorted(stick.glob("*.kpbatch"))]
    assert code == 4
    assert "journal.db.damaged-1" in words
    assert [(batch.first_seq, len(batch.entries)) for batch in batches] == [(1, 2), (4, 4)]
    assert "waiting: 7件" in carried


def test_status_in_plain_words(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(enrolled(path)) as journal:
        for person in range(1, 82):
            journal.sign_and_keep(wire.grant(person), wire.stamp(person), allotment=wire.ALLOTMENT)

        code, words = said_by("status", "--journal", path, "--check")

    assert code == 0
    assert "送信まち: 81件(11月14日 09:01から)" in words
    assert "端末枠 3: のこり 290ポイント (1000 + 予備 100) ← のこりが 少なくなりました" in words
    assert "時計: たしかめていません" in words
    assert "記録簿の検査: すべて 正しく つながっています" in words


def test_status_check_finds_damage_and_says_so_by_its_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(enrolled(path)) as journal:
        journal.sign_and_keep(wire.grant(1), wire.stamp(1))
        entry = journal.entries_from(1, 1, 1_000)[0]
    content = bytearray(path.read_bytes())
    content[content.index(entry) + 90] ^= 1
    path.write_bytes(content)

    code, words = said_by("status", "--journal", path, "--check")

    assert code == 4
    assert "こわれています(1: changed)" in words


def test_status_check_knows_an_older_copy_by_the_head_file_beside_it(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")
    older = path.read_bytes()
    with closing(open_journal(path)) as journal:
        journal.sign_and_keep(wire.grant(1), wire.stamp(1))
    whole, _ = said_by("status", "--journal", path, "--check")
    path.write_bytes(older)

    code, words = said_by("status", "--journal", path, "--check")

    assert (whole, code) == (0, 4)
    assert "こわれています(1: missing, an older copy" in words


@pytest.mark.parametrize("command", [("run", "--typed", *STATION), ("status",), ("export", ".")])
def test_a_kiosk_that_is_not_enrolled_is_told_so(tmp_path: Path, command: tuple[str, ...]) -> None:
    code, words = said_by(command[0], "--journal", tmp_path / "journal.db", *command[1:])

    assert code == 3
    assert "kiosk enrol" in words


def test_a_second_booth_on_one_journal_is_turned_away(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(enrolled(path)):
        code, _ = said_by("run", "--journal", path, "--typed", *STATION)

    assert code == 6


def test_a_demo_journal_runs_only_as_demo(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    pictures = folder_of(tmp_path / "people", picture_of())
    with web_hub(Desk(label="demo")) as site:
        cv2.imwrite(str(tmp_path / "code.png"), picture_of(write_invitation(site.desk.invitation(site.address))))
        refused, _ = said_by("enrol", "--journal", path, "--camera", tmp_path / "code.png")
        let_in, _ = said_by("enrol", "--journal", path, "--camera", tmp_path / "code.png", "--demo")
        site.hub.public_key = site.desk.applications[0].public_key

        as_real, _ = said_by("run", "--journal", path, "--camera", pictures, *STATION)
        as_demo, _ = said_by("run", "--journal", path, "--camera", pictures, *STATION, "--demo")

    assert (refused, let_in) == (7, 0)
    assert (as_real, as_demo) == (7, 0)


def test_enrolling_anew_retires_the_journal_and_what_it_holds_can_still_be_sent(tmp_path: Path) -> None:
    path, stick = tmp_path / "journal.db", tmp_path / "stick"
    stick.mkdir()
    with closing(enrolled(path)) as journal:
        journal.sign_and_keep(wire.grant(1), wire.stamp(1))
    with web_hub() as site:
        cv2.imwrite(str(tmp_path / "code.png"), picture_of(write_invitation(site.desk.invitation(site.address))))

        without, _ = said_by("enrol", "--journal", path, "--camera", tmp_path / "code.png")
        code, words = said_by("enrol", "--journal", path, "--camera", tmp_path / "code.png", "--anew")
    _, carried = said_by("export", "--journal", f"{path}.retired-1", stick)

    assert (without, code) == (3, 0)
    assert "retired-1" in words
    assert "waiting: 1件" in carried
    with closing(open_journal(path)) as journal:
        assert journal.kiosk != wire.KIOSK_ID
        assert journal.head().seq == 0


def test_options_go_before_the_settings_file_and_that_before_the_defaults(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")
    pictures = folder_of(tmp_path / "people", picture_of(card(1)))
    (tmp_path / "kiosk.toml").write_text(
        f'journal = "{path}"\ncamera = "{pictures}"\nevent = 99\nactivity = {wire.HELPING}\noperator = 5\n'
        "page = false\n",
        encoding="utf-8",
    )

    code, words = said_by("run", "--settings", tmp_path / "kiosk.toml", "--event", str(wire.EVENT), "--json")

    assert code == 0
    assert scans_in(words) == [("received", 2)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("journl = 'x'", "journl"),
        ("event = '1'", "int"),
        ("event = -1", "event"),
        ("quantity = 0", "quantity"),
        ("=", ""),
    ],
)
def test_a_wrong_settings_file_starts_nothing(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "kiosk.toml").write_text(text, encoding="utf-8")

    code, words = said_by("run", "--settings", tmp_path / "kiosk.toml")

    assert code == 2
    assert "kiosk.toml" in words
    assert complaint in words


def test_the_example_settings_are_good() -> None:
    code, words = said_by("status", "--settings", ROOT / "config" / "kiosk.example.toml")

    assert code == 3
    assert "/var/lib/kumapo-kiosk/journal.db" in words


def test_a_run_without_event_names_what_there_is(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")

    code, words = said_by("run", "--journal", path, "--typed")

    assert code == 2
    assert f"--event {wire.EVENT} --activity {wire.CLEANING}  まつり そうじ" in words


def test_a_camera_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")

    code, words = said_by("run", "--journal", path, "--camera", tmp_path / "nowhere", *STATION)

    assert code == 8
    assert "nowhere" in words


def test_pictures_without_a_code_enrol_nobody(tmp_path: Path) -> None:
    code, _ = said_by(
        "enrol", "--journal", tmp_path / "journal.db", "--camera", folder_of(tmp_path / "p", picture_of())
    )

    assert code == 8
    assert not (tmp_path / "journal.db").exists()


def test_a_hub_that_answers_nonsense_changes_nothing(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")
    pictures = folder_of(tmp_path / "people", picture_of(card(1)))

    with web_hub(hub=SmallHub(answers=[b"<html>", b"", b"\x00" * 500] * 3)) as site:
        code, words = said_by("run", "--journal", path, "--camera", pictures, *STATION, "--json", "--hub", site.address)

    assert code == 0
    assert scans_in(words) == [("received", 2)]
    with closing(read_journal(path)) as reader:
        assert reader.uplink().cursor_seq == 0
        assert len(reader.entries_from(1, 10, 10_000)) == 3
        assert reader.head() == Head(3, hash_of(reader.entries_from(3, 1, 10_000)[0]))


def test_a_place_for_the_journal_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "code.png"), picture_of(write_invitation(Desk().invitation("http://127.0.0.1:1"))))

    code, words = said_by("enrol", "--journal", tmp_path / "no/b.db", "--camera", tmp_path / "code.png")

    assert code == 5
    assert f"「{tmp_path}/no/b.db.new」を読み書きできません" in words
    assert "cannot be read or written" in words


def test_a_folder_that_takes_no_files_is_named_by_the_export(tmp_path: Path) -> None:
    """/sys takes none, not even from root."""
    path = tmp_path / "journal.db"
    with closing(enrolled(path)) as journal:
        journal.sign_and_keep(wire.grant(1), wire.stamp(1))

    code, words = said_by("export", "--journal", path, "/sys")

    assert code == 5
    assert "「/sys/" in words
    assert "cannot be read or written" in words


@pytest.mark.parametrize("station", [(9, wire.HELPING), (wire.EVENT, 77)])
def test_a_booth_at_an_unknown_event_or_activity_says_so_and_names_those_it_knows(
    tmp_path: Path, station: tuple[int, int]
) -> None:
    path = enrolled_at(tmp_path / "journal.db")
    event, activity = map(str, station)
    pictures = folder_of(tmp_path / "people", picture_of())

    known, no_warning = said_by("run", "--journal", path, "--camera", pictures, *STATION)
    odd = ("--event", event, "--activity", activity, "--no-page")
    code, words = said_by("run", "--journal", path, "--camera", pictures, *odd)

    assert (known, code) == (0, 0)
    assert "設定にありません" not in no_warning.replace(" ", "")
    assert f"--event {event} --activity {activity} は この端末の設定に ありません" in words
    assert "is not in this kiosk's settings" in words
    assert f"--event {wire.EVENT} --activity {wire.CLEANING}  まつり そうじ" in words


def test_enrolling_without_a_camera_is_a_matter_of_usage_and_retires_nothing(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")

    code, words = said_by("enrol", "--journal", path, "--anew")

    assert code == 2
    assert "--camera を指定してください" in words
    assert [found.name for found in tmp_path.iterdir() if "retired" in found.name] == []


def test_the_help_names_the_port_the_hub_listens_at() -> None:
    _, words = said_by("enrol", "--help")

    assert "http://192.0.2.1:8080" in words.replace("\n", " ")


def test_a_folder_of_pictures_none_of_which_can_be_read_is_said_in_words(tmp_path: Path) -> None:
    path = enrolled_at(tmp_path / "journal.db")
    (tmp_path / "people").mkdir()
    (tmp_path / "people/1.png").write_bytes(b"no picture")
    (tmp_path / "people/2.jpg").touch()

    code, words = said_by("run", "--journal", path, "--camera", tmp_path / "people", *STATION)

    assert code == 8
    assert "2枚の写真は、1枚も読めませんでした" in words
    assert "Not one of 2 pictures could be read" in words


def test_status_tells_when_the_hub_was_last_heard_and_never_that_it_can_be_reached(tmp_path: Path) -> None:
    path, stick = tmp_path / "journal.db", tmp_path / "stick"
    stick.mkdir()
    with closing(enrolled(path)) as journal:
        journal.sign_and_keep(wire.grant(1), wire.stamp(1))
        receipt = wire.receipt(journal.head())
    _, before = said_by("status", "--journal", path)
    (stick / f"answer{ANSWER_SUFFIX}").write_bytes(write_receipt(wire.RECEIPT_KEY, receipt))
    said_by("export", "--journal", path, stick)

    _, words = said_by("status", "--journal", path)

    assert "センター: 連絡の記録が まだ ありません" in before
    assert f"受けつけています(最後の連絡 {city_datetime(receipt.hub_ms):%m月%d日 %H:%M})" in words


def test_what_two_people_compare_is_called_characters(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with web_hub() as site:
        cv2.imwrite(str(tmp_path / "code.png"), picture_of(write_invitation(site.desk.invitation(site.address))))

        _, words = said_by("enrol", "--journal", path, "--camera", tmp_path / "code.png")
    _, help_words = said_by("enrol", "--help")

    assert "くらべる16文字 / 16 letters and digits to compare: " in words
    assert "16 characters" in " ".join(help_words.split())
