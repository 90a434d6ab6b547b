"""The hub from the command line, as a city runs it: founded, served, fed from a stick, printed for, audited, restored.

The real road: processes where something must run or die, files on disk, both databases.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import requests
import sqlalchemy as sa
from click.testing import CliRunner, Result
from hub_stores import _administrator, _database
from wire_samples import sample_key

from config.clock import SystemClock
from hub.acts.doing import Done, Person, kind_of, new_number, perform
from hub.acts.kiosks import approve_kiosk, invite_kiosk
from hub.acts.organisations import add_organisation
from hub.commands import hub
from hub.keys.keyring import load_keyring, load_root_key
from hub.register.enrolments import apply, invitation_of
from hub.service import Hub, instances, newest_key_list
from hub.store.database import Store, execute, row, rows
from hub.store.opening import opened_hub
from sync.batch import Batch, write_batch
from sync.certificate import kiosk_identity
from sync.enrolment import Application, mac_from_kiosk, read_welcome
from sync.entry import Opened, Stamp, first_prev, sign_entry
from sync.envelope import MANIFEST, RECEIPT, SigningKey
from sync.files import batch_name
from sync.head import Head, write_head
from sync.http import HttpTransport
from sync.keys import DEMO_LABEL, read_key_list
from sync.manifest import read_manifest
from sync.member import printed
from sync.receipt import Status, read_receipt
from sync.request import KeyCarrier

ROOT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 60


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(hub, [str(one) for one in arguments])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A hub that was just founded; its root key lies beside the folder."""
    folder = tmp_path / "data"
    shown = run("init", "--data", folder, "--root-key", tmp_path / "root.key")
    assert shown.exit_code == 0, shown.output
    return folder


@contextmanager
def opened(data: Path, database: str = "") -> Iterator[Hub]:
    with opened_hub(data, database, SystemClock()) as found:
        yield found


@contextmanager
def serving(data: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Run `python -m hub serve --json` as its own process; yield it with what its first line says."""
    command = [sys.executable, "-m", "hub", "serve", "--data", str(data), "--port", "0", "--json", *more]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, process.communicate(timeout=START_SECONDS)
            yield process, json.loads(line)
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=START_SECONDS)


def do(found: Hub, function: Callable[..., Done[Any]], *arguments: object) -> Any:
    """Do an act as a clerk, and return what it made."""
    clerk = Person("担当 1")
    return perform(found, clerk, new_number(found, clerk, kind_of(function)), "見本", function, *arguments).made


def told(process: subprocess.Popen[str]) -> tuple[str, str]:
    """End a process with SIGTERM and return what it still had to say."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=START_SECONDS)
    return out, err


class Booth:
    """A kiosk with a journal of a few opened entries: enough to travel. It is known to a hub, if one is named."""

    def __init__(self, found: Hub | None, name: str, entries: int) -> None:
        self.key: SigningKey = sample_key(name)
        self.certificate = self._let_in(found, name) if found is not None else None
        self.kiosk = kiosk_identity(self.key.public)
        self.entries: list[bytes] = []
        prev = first_prev(self.key.public)
        for seq in range(1, entries + 1):
            signed = sign_entry(
                self.key, seq, prev, Opened("kumapo test", None, None), Stamp(1_800_000_000_000, bytes(16), seq, 0)
            )
            self.entries.append(signed.encoded)
            prev = signed.hash
        self.head = Head(entries, prev)

    def _let_in(self, found: Hub, name: str) -> bytes | None:
        organisation = do(found, add_organisation, "見本団体1", "grants")
        enrolment = do(found, invite_kiosk, name, organisation)
        with found.store.reading() as connection:
            invitation = invitation_of(found, connection, enrolment, "http://127.0.0.1:1")
        assert invitation is not None
        mac = mac_from_kiosk(invitation.code, self.key.public, invitation.root_key_hash)
        application = Application(self.key.public, "kumapo test", mac)
        apply(found, application)
        do(found, approve_kiosk, enrolment, (), ())
        return read_welcome(apply(found, application)).certificate

    def write(self, folder: Path, first: int, last: int) -> Path:
        """Write entries `first` … `last` as a file."""
        folder.mkdir(exist_ok=True)
        run_of = tuple(self.entries[first - 1 : last])
        head = write_head(self.key, self.head, None)
        batch = Batch(self.kiosk, head, first, None, run_of, self.certificate)
        path = folder / batch_name(batch)
        path.write_bytes(write_batch(batch))
        return path


def arrived(data: Path, database: str = "") -> int:
    with opened(data, database) as found, found.store.reading() as connection:
        return int(row(connection, "SELECT count(*) AS entries FROM entry").entries)


# init


def test_a_hub_is_founded_with_its_root_key_outside(tmp_path: Path) -> None:
    folder, root_key = tmp_path / "a" / "data", tmp_path / "safe" / "root.key"

    shown = run("init", "--data", folder, "--root-key", root_key)

    assert shown.exit_code == 0
    assert "hub serve" in shown.output
    assert {path.name for path in folder.iterdir()} >= {"online-keys.json", "hub.db"}
    assert root_key.stat().st_mode & 0o777 == 0o600
    assert (folder / "online-keys.json").stat().st_mode & 0o777 == 0o600
    with opened(folder) as found, found.store.reading() as connection:
        listed = read_key_list(newest_key_list(connection), load_root_key(root_key).public)
        assert listed.newest_instance() == instances(connection)[-1]
        assert listed.label == ""


@pytest.mark.parametrize("again", [True, False])
def test_a_hub_is_never_founded_over_another(data: Path, tmp_path: Path, again: bool) -> None:  # noqa: FBT001
    before = (data / "online-keys.json").read_bytes()
    root_key = tmp_path / ("root.key" if again else "other.key")

    shown = run("init", "--data", data, "--root-key", root_key)

    assert shown.exit_code == 1
    assert "もうハブがあります" in shown.output
    assert (data / "online-keys.json").read_bytes() == before
    assert not (tmp_path / "other.key").exists()


def test_a_root_key_inside_the_data_folder_is_refused(tmp_path: Path) -> None:
    shown = run("init", "--data", tmp_path / "data", "--root-key", tmp_path / "data" / "root.key")

    assert (shown.exit_code, "フォルダの外" in shown.output) == (1, True)


@pytest.mark.parametrize("trouble", ["inside", "taken", "no folder"])
def test_a_hub_that_could_not_be_founded_can_be_founded_at_the_next_try(tmp_path: Path, trouble: str) -> None:
    data, file = tmp_path / "data", tmp_path / "taken"
    file.write_text("x", encoding="utf-8")
    bad = {"inside": data / "root.key", "taken": file, "no folder": file / "root.key"}[trouble]

    failed = run("init", "--data", data, "--root-key", bad)
    founded = run("init", "--data", data, "--root-key", tmp_path / "root.key")

    assert (failed.exit_code, founded.exit_code) == (1, 0)
    assert run("audit", "--data", data).exit_code == 0


def test_a_demo_hub_is_founded_as_one(tmp_path: Path) -> None:
    shown = run("init", "--data", tmp_path / "data", "--root-key", tmp_path / "root.key", "--demo")

    assert "--demo" in shown.output
    assert load_keyring(tmp_path / "data").label == DEMO_LABEL


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["init"], 2, "--data"),
        (["serve", "--data", "nowhere"], 1, "hub init"),
        (["audit", "--data", "nowhere"], 1, "hub init"),
        (["import", "--data", "nowhere", "no.kpbatch"], 2, "no.kpbatch"),
        (["restore", "--data", "nowhere", "--root-key", "none", "--reason", "x"], 2, "none"),
    ],
)
def test_a_missing_thing_is_named_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, words: str
) -> None:
    monkeypatch.chdir(tmp_path)

    shown = run(*arguments)

    assert (shown.exit_code, words in shown.output) == (status, True)
    assert "Traceback" not in shown.output
    assert list(tmp_path.iterdir()) == []


def test_keys_and_database_of_different_hubs_are_refused(data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    run("init", "--data", other, "--root-key", tmp_path / "other.key")

    shown = run("audit", "--data", data, "--database", f"sqlite:///{other / 'hub.db'}")

    assert (shown.exit_code, "別のハブ" in shown.output) == (1, True)


@pytest.mark.parametrize("url", ["nonsense", "oracle://x/y", "postgresql://nobody@127.0.0.1:1/none"])
def test_a_database_that_cannot_be_opened_is_said_plainly(data: Path, url: str) -> None:
    shown = run("audit", "--data", data, "--database", url)

    assert shown.exit_code == 1
    assert "データベース" in shown.output
    assert shown.exception is None or isinstance(shown.exception, SystemExit)


# serve


def test_the_first_line_says_where_it_listens_and_how_the_desk_opens(data: Path) -> None:
    with serving(data) as (process, said):
        page = requests.get(said["desk"], timeout=10)
        keys = requests.get(said["address"] + "/sync/v1/keys", timeout=10)
        out, err = told(process)

    assert set(said) == {"address", "desk"}
    assert said["desk"].startswith(said["address"] + "/desk/sign-in?key=")
    assert (page.status_code, "窓口を開く" in page.text) == (200, True)
    assert keys.headers["Content-Type"] == "application/cbor"
    assert (process.returncode, out, err) == (0, "", "")


def test_without_json_it_speaks_to_people_and_each_start_has_a_new_link(data: Path) -> None:
    links = set()
    for _ in range(2):
        command = [sys.executable, "-m", "hub", "serve", "--data", str(data), "--port", "0"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
            assert process.stdout is not None
            first, second = process.stdout.readline(), process.stdout.readline()
            told(process)
        assert "http://127.0.0.1:" in first
        links.add(second.partition("key=")[2])

    assert len(links) == 2


def test_a_demo_hub_says_loudly_that_it_is_one(tmp_path: Path) -> None:
    run("init", "--data", tmp_path / "data", "--root-key", tmp_path / "root.key", "--demo")

    with serving(tmp_path / "data", "--demo") as (process, said):
        page = requests.get(said["desk"], timeout=10).text
        _, err = told(process)

    assert "THIS HUB IS A DEMO" in err
    assert "デモ用のセンターです" in page


@pytest.mark.parametrize(("founded", "served"), [(["--demo"], []), ([], ["--demo"])])
def test_a_demo_and_a_real_hub_are_not_mixed_up(tmp_path: Path, founded: list[str], served: list[str]) -> None:
    run("init", "--data", tmp_path / "data", "--root-key", tmp_path / "root.key", *founded)

    shown = run("serve", "--data", tmp_path / "data", "--port", "0", *served)

    assert (shown.exit_code, "--demo" in shown.output) == (1, True)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "hub.city.example"])  # noqa: S104
def test_nothing_but_loopback_is_listened_on(data: Path, host: str) -> None:
    shown = run("serve", "--data", data, "--port", "0", "--host", host)

    assert (shown.exit_code, "127.0.0.1" in shown.output, "loopback" in shown.output) == (2, True, True)


def test_a_settings_file_is_read_and_the_command_line_stands_above_it(data: Path, tmp_path: Path) -> None:
    settings = tmp_path / "hub.toml"
    settings.write_text('host = "0.0.0.0"\nport = 1\ncity = "見本市"\n', encoding="utf-8")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("prot = 1\n", encoding="utf-8")

    from_file = run("serve", "--data", data, "--settings", settings)
    misspelt = run("serve", "--data", data, "--settings", wrong)
    with serving(data, "--settings", str(settings), "--host", "127.0.0.1") as (process, said):
        page = requests.get(said["desk"], timeout=10).text
        told(process)

    assert (from_file.exit_code, "loopback" in from_file.output) == (2, True)
    assert (misspelt.exit_code, "prot" in misspelt.output) == (1, True)
    assert "見本市" in page


def test_the_example_settings_are_the_defaults() -> None:
    from config.hub_settings import HubSettings
    from config.settings import read_settings

    assert read_settings(ROOT / "config" / "hub.example.toml", HubSettings) == HubSettings()


def test_a_taken_port_is_said_plainly(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        shown = run("serve", "--data", data, "--port", str(taken.getsockname()[1]))

    assert (shown.exit_code, "--port" in shown.output) == (1, True)


def test_a_second_hub_on_the_same_file_is_refused(data: Path) -> None:
    with serving(data) as (process, said):
        second = run("serve", "--data", data, "--port", "0")
        third = run("restore", "--data", data, "--root-key", data.parent / "root.key", "--reason", "x")
        told(process)

    assert (second.exit_code, said["address"] in second.output) == (1, True)
    assert third.exit_code == 1


def test_killed_at_any_moment_the_next_start_needs_no_tidying(data: Path) -> None:
    with serving(data) as (process, _):
        os.kill(process.pid, signal.SIGKILL)
        process.wait(START_SECONDS)

    with serving(data) as (process, said):
        answer = requests.get(said["address"] + "/sync/v1/keys", timeout=10)
        told(process)

    assert answer.status_code == 200


def test_what_was_acknowledged_before_the_hub_was_told_to_end_is_there(data: Path) -> None:
    with opened(data) as found:
        booth = Booth(found, "受付1", 2_000)
    encoded = booth.write(data.parent / "stick", 1, 2_000).read_bytes()

    with serving(data) as (process, said):
        transport = HttpTransport(said["address"], KeyCarrier(booth.key, booth.certificate or b""))
        receipt = read_receipt(transport.post_batch(encoded), load_keyring(data).verifying(RECEIPT))
        transport.close()
        told(process)

    assert (process.returncode, receipt.cursor) == (0, booth.head)
    assert arrived(data) == 2_000


def test_many_who_hold_a_connection_and_say_nothing_keep_no_booth_out(data: Path) -> None:
    with opened(data) as found:
        booth = Booth(found, "受付1", 50)
    encoded = booth.write(data.parent / "stick", 1, 50).read_bytes()

    with serving(data) as (process, said), ExitStack() as stack:
        host, port = urlsplit(said["address"]).hostname or "", urlsplit(said["address"]).port
        for number in range(300):
            held = stack.enter_context(socket.create_connection((host, port), timeout=10))
            held.sendall(
                b"POST /sync/v1/batches HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000000\r\n"[: number % 80]
            )
        transport = stack.enter_context(
            closing(HttpTransport(said["address"], KeyCarrier(booth.key, booth.certificate or b"")))
        )
        receipt = read_receipt(transport.post_batch(encoded), load_keyring(data).verifying(RECEIPT))
        told(process)

    assert receipt.cursor == booth.head


def test_nobody_else_may_read_a_new_hubs_database(data: Path) -> None:
    with opened_hub(data, "", SystemClock()) as opened:
        do(opened, add_organisation, "見本団体1", "grants")
        rights = {path.name: path.stat().st_mode & 0o777 for path in data.glob("hub.db*")}

    assert rights == {"hub.db": 0o600, "hub.db-wal": 0o600, "hub.db-shm": 0o600}


# import


def test_files_of_a_stick_are_taken_in_and_answered_beside_them(data: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    with opened(data) as found:
        booths = [Booth(found, name, 30) for name in ("受付1", "受付2")]
    for booth in booths:
        booth.write(stick, 11, 30)
        booth.write(stick, 1, 10)

    shown = run("import", "--data", data, stick)

    keys = load_keyring(data)
    assert shown.exit_code == 0, shown.output
    assert "4 ファイル、うち問題 0" in shown.output
    assert "[1/4]" in shown.output
    assert arrived(data) == 60
    for booth in booths:
        receipts = [
            read_receipt(path.read_bytes(), keys.verifying(RECEIPT))
            for path in sorted(stick.glob(f"{booth.kiosk.hex()}-*.kpreceipt"))
        ]
        assert [receipt.cursor.seq for receipt in receipts] == [10, 30]
        manifest = (stick / f"{booth.kiosk.hex()}.kpmanifest").read_bytes()
        assert read_manifest(manifest, keys.verifying(MANIFEST)).kiosk == booth.kiosk
    assert read_key_list((stick / "hub.kpkeys").read_bytes(), keys.root_public_key)


def test_the_same_stick_again_changes_nothing(data: Path, tmp_path: Path) -> None:
    stick, out = tmp_path / "stick", tmp_path / "out" / "new"
    with opened(data) as found:
        Booth(found, "受付1", 5).write(stick, 1, 5)
    run("import", "--data", data, stick)

    again = run("import", "--data", data, "--out", out, stick)

    assert again.exit_code == 0
    assert arrived(data) == 5
    assert {path.suffix for path in out.iterdir()} == {".kpreceipt", ".kpkeys", ".kpmanifest"}


def test_a_bad_file_is_named_and_the_others_go_on(data: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    with opened(data) as found:
        booth, other = Booth(found, "受付1", 10), Booth(None, "受付2", 10)
    good = booth.write(stick, 1, 4)
    cut = booth.write(stick, 5, 7)
    cut.write_bytes(cut.read_bytes()[:-1])
    (stick / "a-portal.kpbatch").write_bytes(b"<html>")
    (stick / "large.kpbatch").write_bytes(bytes(5 * 2**20))
    flipped = booth.write(stick, 8, 10)
    content = bytearray(flipped.read_bytes())
    content[content.index(booth.entries[9]) + len(booth.entries[9]) - 20] ^= 1
    flipped.write_bytes(bytes(content))
    unknown = other.write(stick, 2, 10)
    (stick / "notes.txt").write_text("見本", encoding="utf-8")
    (stick / "folder.kpbatch").mkdir()

    shown = run("import", "--data", data, stick)

    lines = {line.split("] ")[1].split(": ")[0]: line for line in shown.output.splitlines() if line.startswith("[")}
    assert shown.exit_code == 1
    assert "6 ファイル、うち問題 5" in shown.output
    assert "○ 4件" in lines[good.name]
    assert "encoding" in lines[cut.name]
    assert "encoding" in lines["a-portal.kpbatch"]
    assert "length" in lines["large.kpbatch"]
    assert "signature" in lines[flipped.name] or "envelope" in lines[flipped.name]
    assert "unknown kiosk" in lines[unknown.name]
    receipt = read_receipt(unknown.with_suffix(".kpreceipt").read_bytes(), load_keyring(data).verifying(RECEIPT))
    assert receipt.status is Status.UNKNOWN
    assert arrived(data) == 6  # of the flipped batch, what stands before the flip


def test_a_stick_that_cannot_be_written_still_brings_its_records_in(data: Path, tmp_path: Path) -> None:
    stick, blocked = tmp_path / "stick", tmp_path / "blocked"
    with opened(data) as found:
        Booth(found, "受付1", 5).write(stick, 1, 5)
    blocked.mkdir()
    (blocked / "hub.kpkeys").mkdir()

    shown = run("import", "--data", data, "--out", blocked, stick)

    assert (shown.exit_code, "読み書きできません" in shown.output) == (1, True)
    assert arrived(data) == 5


def test_a_hub_that_was_rolled_back_takes_nothing_from_a_stick(data: Path, tmp_path: Path) -> None:
    with opened(data) as found:
        Booth(found, "受付1", 5).write(tmp_path / "stick", 1, 5)
        with found.store.transaction() as connection:
            execute(connection, "INSERT INTO hub_state (name, value) VALUES ('rolled back', 'test')")

    shown = run("import", "--data", data, tmp_path / "stick")

    assert (shown.exit_code, "hub restore" in shown.output) == (1, True)
    assert arrived(data) == 0


def test_while_the_hub_is_running_the_stick_goes_through_it(data: Path, tmp_path: Path) -> None:
    with opened(data) as found:
        booth = Booth(found, "受付1", 5)
    path = booth.write(tmp_path / "stick", 1, 5)

    with serving(data) as (process, _):
        shown = run("import", "--data", data, tmp_path / "stick")
        told(process)

    assert shown.exit_code == 0, shown.output
    receipt = read_receipt(path.with_suffix(".kpreceipt").read_bytes(), load_keyring(data).verifying(RECEIPT))
    assert receipt.cursor == booth.head
    assert arrived(data) == 5


def test_a_folder_without_batches_is_an_error_that_says_why(data: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    shown = run("import", "--data", data, tmp_path / "empty")

    assert (shown.exit_code, "0 ファイル" in shown.output) == (1, True)
    assert f"{tmp_path / 'empty'} に、記録のファイル(.kpbatch)がありません" in shown.output


# cards


def test_cards_are_made_for_new_members_for_named_ones_and_for_all(data: Path, tmp_path: Path) -> None:
    new = run("cards", "--data", data, "--new", "12", "--out", tmp_path / "new.pdf")
    with opened(data) as found, found.store.reading() as connection:
        numbers = [one.member for one in rows(connection, "SELECT member FROM member ORDER BY member")]
    (tmp_path / "numbers.txt").write_text(f"\ufeff{printed(numbers[0])}\n\n{numbers[1]:014d}\n", encoding="utf-8")
    some = run("cards", "--data", data, "--members", tmp_path / "numbers.txt", "--out", tmp_path / "some.pdf")
    everyone = run("cards", "--data", data, "--all", "--out", tmp_path / "all.pdf")

    assert [shown.exit_code for shown in (new, some, everyone)] == [0, 0, 0]
    assert ["12枚" in new.output, "2枚" in some.output, "12枚" in everyone.output] == [True, True, True]
    assert len(numbers) == 12
    assert all((tmp_path / name).read_bytes().startswith(b"%PDF-") for name in ("new.pdf", "some.pdf", "all.pdf"))


@pytest.mark.parametrize(
    ("content", "words"),
    [("1234 5678 9012 44\n", "Unknown numbers"), ("見本1\n", "numbers.txt:1"), ("1234 5678 9012 45\n", "not a member")],
)
def test_a_number_that_is_none_is_named(data: Path, tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "numbers.txt").write_text(content, encoding="utf-8")

    shown = run("cards", "--data", data, "--members", tmp_path / "numbers.txt", "--out", tmp_path / "x.pdf")

    assert (shown.exit_code, words in shown.output) == (1, True)
    assert not (tmp_path / "x.pdf").exists()


@pytest.mark.parametrize("choice", [[], ["--all", "--new", "1"]])
def test_one_choice_of_cards_is_needed(data: Path, tmp_path: Path, choice: list[str]) -> None:
    shown = run("cards", "--data", data, "--out", tmp_path / "x.pdf", *choice)

    assert (shown.exit_code, "--members" in shown.output) == (2, True)


def test_no_cards_to_print_and_a_name_without_glyphs_are_said(data: Path, tmp_path: Path) -> None:
    nobody = run("cards", "--data", data, "--all", "--out", tmp_path / "x.pdf")
    run("cards", "--data", data, "--new", "1", "--out", tmp_path / "y.pdf")
    strange = run("cards", "--data", data, "--all", "--city", "\U00020bb7市", "--out", tmp_path / "z.pdf")

    assert (nobody.exit_code, "no cards" in nobody.output) == (1, True)
    assert (strange.exit_code, "\U00020bb7" in strange.output) == (1, True)


# audit and restore


def test_the_audit_says_nothing_of_an_honest_hub_and_names_a_changed_row(data: Path) -> None:
    run("cards", "--data", data, "--new", "3", "--out", data.parent / "x.pdf")
    honest = run("audit", "--data", data)
    with opened(data) as found, found.store.transaction() as connection:
        execute(
            connection,
            "INSERT INTO member_balance (bucket, member, held, owed) SELECT bucket, member, 5, 0 FROM member",
        )

    changed = run("audit", "--data", data)
    as_json = run("audit", "--data", data, "--json")

    assert (honest.exit_code, "問題 0" in honest.output) == (0, True)
    assert (changed.exit_code, "member_balance" in changed.output) == (1, True)
    report: dict[str, Any] = json.loads(as_json.output)
    assert report["defects"] > 0
    assert {"table", "subject", "defect", "is_note"} == report["findings"][0].keys()


def test_a_restore_opens_an_instance_greater_than_all_before(data: Path) -> None:
    with opened(data) as found:
        do(found, add_organisation, "見本団体1", "grants")
        with found.store.reading() as connection:
            before, listed = instances(connection), newest_key_list(connection)

    shown = run("restore", "--data", data, "--root-key", data.parent / "root.key", "--reason", "控えから戻した")

    with opened(data) as found, found.store.reading() as connection:
        after, relisted = instances(connection), newest_key_list(connection)
        reason = rows(connection, "SELECT reason FROM instance ORDER BY opened_ms")[-1].reason
    root = load_root_key(data.parent / "root.key").public
    assert shown.exit_code == 0
    assert "The backup ends at" in shown.output
    assert after[:-1] == before
    assert after[-1] > before[-1]
    assert reason == "控えから戻した"
    assert read_key_list(relisted, root).version > read_key_list(listed, root).version


@pytest.mark.parametrize(("key", "reason", "status"), [("root.key", " ", 2), ("other.key", "控え", 1)])
def test_a_restore_needs_this_hubs_root_key_and_a_reason(data: Path, key: str, reason: str, status: int) -> None:
    run("init", "--data", data.parent / "other", "--root-key", data.parent / "other.key")

    shown = run("restore", "--data", data, "--root-key", data.parent / key, "--reason", reason)

    with opened(data) as found, found.store.reading() as connection:
        assert len(instances(connection)) == 1
    assert shown.exit_code == status


# PostgreSQL


@pytest.fixture
def empty_postgres(postgres_url: str) -> Iterator[str]:
    """The address of a database without tables."""
    name = f"commands{secrets.token_hex(4)}"
    with _administrator(postgres_url) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield _database(postgres_url, name)
    with _administrator(postgres_url) as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_hub_on_postgresql_is_founded_and_served_by_url(tmp_path: Path, empty_postgres: str) -> None:
    data, url = tmp_path / "data", empty_postgres.replace("postgresql+psycopg://", "postgresql://")
    database = ("--database", url)

    founded = run("init", "--data", data, "--root-key", tmp_path / "root.key", *database)
    with opened(data, url) as found:
        Booth(found, "受付1", 5).write(tmp_path / "stick", 1, 5)
    with serving(data, *database) as (process, said):
        page = requests.get(said["desk"], timeout=10)
        imported = run("import", "--data", data, *database, tmp_path / "stick")
        told(process)
    audited = run("audit", "--data", data, *database)

    assert founded.exit_code == 0, founded.output
    assert (page.status_code, process.returncode) == (200, 0)
    assert (imported.exit_code, arrived(data, url)) == (0, 5)
    assert audited.exit_code == 0, audited.output
    assert not (data / "hub.db").exists()


def test_the_role_that_serves_may_add_but_never_change_what_was_posted(tmp_path: Path, empty_postgres: str) -> None:
    role = f"runtime{secrets.token_hex(4)}"
    with _administrator(empty_postgres) as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    data = tmp_path / "data"

    shown = run(
        "init",
        "--data",
        data,
        "--root-key",
        tmp_path / "root.key",
        "--database",
        empty_postgres,
        "--runtime-role",
        role,
    )

    assert shown.exit_code == 0, shown.output
    url = sa.make_url(empty_postgres).set(username=role, password="x").render_as_string(hide_password=False)
    with opened(data, url) as found:
        booth = Booth(found, "受付1", 5)
    booth.write(tmp_path / "stick", 1, 5)
    with serving(data, "--database", url) as (process, said):
        page = requests.get(said["desk"], timeout=10)
        told(process)
    imported = run("import", "--data", data, "--database", url, tmp_path / "stick")
    store = Store(url)
    try:
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"), store.transaction() as connection:
            execute(connection, "DELETE FROM entry")
    finally:
        store.close()
    with _administrator(empty_postgres) as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {role}")
        connection.exec_driver_sql(f"DROP ROLE {role}")
    assert page.status_code == 200
    assert imported.exit_code == 0, imported.output


def test_a_runtime_role_is_for_postgresql_only(tmp_path: Path) -> None:
    shown = run("init", "--data", tmp_path / "data", "--root-key", tmp_path / "r.key", "--runtime-role", "kumapo")

    assert (shown.exit_code, "PostgreSQL" in shown.output) == (2, True)
    assert not (tmp_path / "r.key").exists()
