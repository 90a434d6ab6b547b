"""The commands of a booth: enrol, run, export, status. They read settings and open what is needed; what is refused
ends in a sentence (`kiosk.refusals`).
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click
import msgspec

from config.clock import Clock, SystemClock
from config.settings import KioskSettings, read_settings
from kiosk import status
from kiosk.camera import open_camera
from kiosk.decode import CodeReader
from kiosk.enrol import Refusal, enrol, find_invitation
from kiosk.journal import Journal
from kiosk.journal_file import JournalMissing, JournalUnsafe
from kiosk.journal_open import begin_enrolment, check_journal, open_journal, read_journal, retire
from kiosk.lookup import reference_of
from kiosk.medium import is_volatile
from kiosk.refusals import EXIT_CAMERA, EXIT_HUB, EXIT_JOURNAL, EXIT_NOT_ENROLLED, end, refusals
from kiosk.running import IN_JSON, IN_WORDS, run_booth
from kiosk.stick import carry
from sync.engine import waiting as waiting_to_be_sent
from sync.enrolment import digits_to_compare
from sync.keys import DEMO_LABEL

JOURNAL_OPTION = click.option("--journal", metavar="FILE", help="記録簿のファイル / the booth's records and its key")
SETTINGS_OPTION = click.option(
    "--settings",
    type=click.Path(path_type=Path, dir_okay=False),
    help="設定ファイル(TOML)。見本: config/kiosk.example.toml / a settings file",
)
HUB_OPTION = click.option(
    "--hub", metavar="ADDRESS", help="センターの場所 / the hub's address, e.g. http://192.0.2.1:8080"
)
DEMO_OPTION = click.option("--demo", is_flag=True, help="見本のセンターとだけ使う / work with a demo hub")
VOLATILE_OPTION = click.option(
    "--accept-volatile",
    is_flag=True,
    help="電源を切ると消える場所でも始める / start although the journal lies where a power cut loses it",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def kiosk() -> None:
    """会場端末:カードを読んでポイントをわたし、記録し、つながったときにセンターへ送る。

    A booth: reads cards, grants points with no network, and sends its records when there is one.

    \b
    はじめに / first:  kiosk enrol --camera PICTURE   センターの登録コードを読む
    毎回 / each time:  kiosk run --event N --activity N --camera 0
    つながらないとき / with no network:  kiosk export /media/usb

    \b
    終了コード / exit codes: 0 OK, 2 使い方・設定 usage, 3 未登録 not enrolled,
    4 記録簿がこわれている journal broken, 5 安全に記録できない not safe to write,
    6 ほかのプログラムが使用中 busy, 7 センター hub, 8 カメラ camera
    """  # noqa: D301  # click's own mark for a paragraph that keeps its lines


@kiosk.command("enrol")
@JOURNAL_OPTION
@SETTINGS_OPTION
@HUB_OPTION
@DEMO_OPTION
@VOLATILE_OPTION
@click.option("--camera", metavar="SOURCE", help="カメラ、または登録コードの写真 / a camera, or a picture of the code")
@click.option(
    "--anew", is_flag=True, help="新しい鍵で登録しなおす / set the old journal aside and enrol with a new key"
)
def enrol_command(settings: Path | None, anew: bool, demo: bool, **options: str | bool | None) -> None:  # noqa: FBT001
    """センターの登録コードを読み、端末を登録する。事務所で行ってください。

    Read the hub's enrolment code and enrol this kiosk. The clerk compares the 16 characters shown here with those on
    the desk's screen, and approves; this waits up to ten minutes.
    """
    with refusals():
        chosen = settings_with(settings, **options)
        path = Path(chosen.journal)
        refuse_volatile(chosen, demo=demo)
        if not chosen.camera:
            raise click.UsageError("--camera を指定してください(カメラ、または登録コードの写真)。 / Give --camera.")
        if anew and path.exists():
            click.echo(f"前の記録簿: {retire(path)} (kiosk export --journal で送れます)")
        _enrol(chosen, path, SystemClock(), demo=demo)


@kiosk.command("run")
@JOURNAL_OPTION
@SETTINGS_OPTION
@HUB_OPTION
@DEMO_OPTION
@VOLATILE_OPTION
@click.option(
    "--camera", metavar="SOURCE", help="0, /dev/video0, rpicam, .mjpeg, FIFO, - (stdin), 写真のフォルダー / folder"
)
@click.option("--event", type=click.IntRange(1, 2**31 - 1), help="イベント番号 / event")
@click.option("--activity", type=click.IntRange(1, 2**31 - 1), help="活動番号 / activity")
@click.option("--quantity", type=click.IntRange(1, 99_999), help="1、または分 / 1, or minutes")
@click.option(
    "--slot", type=click.IntRange(0, 2**31 - 1), help="時間帯の番号 / the time slot, where the activity has some"
)
@click.option("--operator", type=click.IntRange(0, 2**31 - 1), help="担当番号 / the volunteer's number")
@click.option("--typed", is_flag=True, help="番号を1行ずつ標準入力から読む / read member numbers from standard input")
@click.option(
    "--confirm-time", is_flag=True, help="日付と時刻をたしかめた / date and time were looked at and are right"
)
@click.option("--json", "as_json", is_flag=True, help="1回ごとに1行のJSON / one JSON object for each scan")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help="画面のポート。0なら空いているもの / the screen's port, 0: any free one  [default: 8090]",
)
@click.option("--no-page", is_flag=True, help="画面を出さない / no screen in the browser")
@click.option("--lang", metavar="CODE", help="はじめのことば / the screen's first language: ja, ja-easy, en, vi …")
def run_command(
    settings: Path | None,
    demo: bool,  # noqa: FBT001  # click hands options over by name
    confirm_time: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    no_page: bool,  # noqa: FBT001
    **options: str | int | bool | None,
) -> None:
    """カードを読んでポイントをわたす。ネットワークはなくてもよい。画面はブラウザーで開く。

    Grant points, with or without a network; the participant's screen is a page for a browser on this machine. What is
    shown as received is signed and on the disk. Ends with the camera's pictures, at Ctrl-C or SIGTERM; then the day's
    totals are signed and what waits is sent if there is a network.
    """
    with refusals():
        chosen = settings_with(settings, **options)
        chosen = msgspec.structs.replace(chosen, page=chosen.page and not no_page)
        refuse_volatile(chosen, demo=demo)
        with closing(enrolled_journal(Path(chosen.journal))) as journal:
            refuse_demo(journal, demo=demo)
            run_booth(chosen, journal, IN_JSON if as_json else IN_WORDS, time_is_confirmed=confirm_time)
            waiting = waiting_to_be_sent(journal)
        if not as_json:
            click.echo(f"終わりました。まだ送っていない記録 {waiting}件 / Closed. Records not sent yet: {waiting}")


@kiosk.command("export")
@JOURNAL_OPTION
@SETTINGS_OPTION
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def export_command(settings: Path | None, folder: Path, journal: str | None) -> None:
    """記録をUSBメモリーなどのフォルダーに書き出す。先にセンターの返事を取りこむ。

    Write what has not arrived into FOLDER (a USB stick), after taking in the hub's answers found there. The clerk hands
    the files to the hub; its answers come back the same way.
    """
    with refusals():
        chosen = settings_with(settings, journal=journal)
        for line in carry(Path(chosen.journal), folder):
            click.echo(line)


@kiosk.command("status")
@JOURNAL_OPTION
@SETTINGS_OPTION
@click.option("--json", "as_json", is_flag=True, help="JSONで / as one JSON object")
@click.option("--check", is_flag=True, help="記録簿をすべて検査する / check the whole journal")
def status_command(settings: Path | None, journal: str | None, as_json: bool, check: bool) -> None:  # noqa: FBT001
    """端末のようすを見る(動いている端末の横でも使える)。

    Show how the booth stands; also beside a running one. Exit code 4 if --check finds damage.
    """
    with refusals():
        chosen = settings_with(settings, journal=journal)
        with closing(read_journal(Path(chosen.journal))) as reader:
            found = status.status_of(reader, SystemClock().boot_id())
            damage = check_journal(Path(chosen.journal), reader) if check else None
        if check:
            found = replace(found, damage=f"{damage.seq}: {damage.reason}" if damage is not None else "")
        encoded = msgspec.json.encode(status.as_plain(found)).decode()
        click.echo(encoded if as_json else "\n".join(status.lines_of(found)))
        if damage is not None:
            sys.exit(EXIT_JOURNAL)


def settings_with(path: Path | None, **options: str | int | bool | None) -> KioskSettings:
    """Return the settings in the file at `path`, with those options over it that were given."""
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    return msgspec.structs.replace(read_settings(path, KioskSettings), **given)


def enrolled_journal(path: Path) -> Journal:
    """Open the journal of an enrolled kiosk. Raises JournalError."""
    journal = open_journal(path, accept_volatile=True)
    if journal.certificate() is None:
        journal.close()
        raise JournalMissing("enrolment was not finished")
    return journal


def refuse_volatile(chosen: KioskSettings, *, demo: bool) -> None:
    """Raise JournalUnsafe if a power cut would empty the place of the journal; warn in red where that is accepted."""
    if not is_volatile(Path(chosen.journal)):
        return
    if not (demo or chosen.accept_volatile):
        raise JournalUnsafe("volatile")
    warning = "注意: この記録簿は 電源を切ると 消えます / This journal is lost when the power goes off"
    click.secho(warning, fg="white", bg="red", err=True)


def refuse_demo(journal: Journal, *, demo: bool) -> None:
    """Refuse a demo hub's journal in a booth that was not started as demo (docs/keys.md)."""
    if reference_of(journal).label == DEMO_LABEL and not demo:
        end(
            EXIT_HUB,
            "見本のセンターに登録された端末です。--demo をつけてください。 / Enrolled with a demo hub: use --demo.",
        )


def _enrol(chosen: KioskSettings, path: Path, clock: Clock, *, demo: bool) -> None:
    from sync.http import HttpTransport  # half of what a start costs, and only two commands need it

    with open_camera(chosen.camera) as camera:
        found = find_invitation(camera.frames(), lambda frame: CodeReader().read_still(frame.gray))
    if found is None:
        end(EXIT_CAMERA, "登録コードが見つかりません。 / No enrolment code was found in the picture.")
    text, invitation = found
    address = chosen.hub or invitation.address
    with (
        closing(begin_enrolment(path, text, address, secrets.token_bytes(32))) as journal,
        closing(HttpTransport(address, monotonic_ms=clock.monotonic_ms)) as door,
    ):
        if journal.certificate() is not None:
            end(
                EXIT_NOT_ENROLLED,
                "もう登録されています。やりなおすときは --anew。 / Enrolled already; --anew starts over.",
            )
        click.echo(f"センター: {address}")
        click.echo(f"くらべる16文字 / 16 letters and digits to compare: {digits_to_compare(journal.public_key)}")
        click.echo("センターの画面の16文字と同じなら、承認してください。 / Approve at the desk if they are the same.")
        answer = enrol(journal, door, invitation, clock, _show_once(), is_demo=demo)
        if isinstance(answer, Refusal):
            end(EXIT_HUB, f"登録できませんでした{_IN_JAPANESE.get(answer, '')} / not enrolled: {answer.value}")
        click.echo("登録できました。つぎは / Enrolled. Next:")
        click.echo(f"  ./kumapo kiosk run --journal {path} --event … --activity … --camera …")


_IN_JAPANESE = {
    Refusal.CODE_CLOSED: "。このコードは、もう使えません(使用ずみ・取りやめ・時間切れ)。招待しなおしてもらってください",
    Refusal.TOO_LATE: "。10分のあいだに承認されませんでした。招待しなおしてもらってください",
}
"""What a volunteer can do about it."""


def _show_once() -> Callable[[str], None]:
    """Return a function that shows a trouble, and stays silent while it is the same."""
    last = ""

    def show(trouble: str) -> None:
        nonlocal last
        if trouble != last:
            click.echo(f"センターにつながりません / hub not reached: {trouble}", err=True)
        last = trouble

    return show
