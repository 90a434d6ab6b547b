"""The words behind `./kumapo hub`: init, serve, import, cards, audit, restore. Reads options, says what happened,
decides nothing else.
"""

from __future__ import annotations

import functools
import json
import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
import sqlalchemy as sa

from config.clock import SystemClock
from config.hub_settings import HubSettings
from config.settings import SettingsError, read_settings
from hub.acts.doing import Person, kind_of, new_number, perform
from hub.acts.members import add_members
from hub.audit.findings import Finding
from hub.intake.backlog import finish_backlog
from hub.keys.keyring import KeyringError
from hub.register.members import Card, all_members, cards_of
from hub.service import Hub, Pace, found_hub, open_instance
from hub.store.append_only import grant_to_runtime_role
from hub.store.database import Store, StoreError, row
from hub.store.opening import has_hub, opened_hub, store_for
from hub.store.turn import HubRunning, turn_to_write
from hub.wire.carriers import own_carrier
from hub.wire.importing import batch_files, import_files, take_here
from sync.citytime import city_datetime
from sync.codec import WireError
from sync.envelope import MEMBER
from sync.files import shown, write_whole
from sync.http import HttpTransport
from sync.keys import DEMO_LABEL
from sync.member import bucket_of, printed, typed

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DATA_HELP = "ハブのフォルダー / The hub's folder: its keys, and hub.db unless --database is given."
_DATABASE_HELP = "PostgreSQL のとき / For PostgreSQL: postgresql://user@host/name. Otherwise hub.db in the folder."
_data = click.option("--data", type=_FOLDER, required=True, help=_DATA_HELP)
_database = click.option("--database", default="", metavar="URL", help=_DATABASE_HELP)


def _plainly(command: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Turn what a person can mend into one message and exit status 1, without a traceback."""

    @functools.wraps(command)
    def wrapped(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        try:
            return command(*arguments, **options)
        except (KeyringError, StoreError, HubRunning, SettingsError) as error:
            raise click.ClickException(str(error)) from error
        except sa.exc.OperationalError as error:
            text = f"データベースを開けません / The database cannot be opened: {str(error.orig).strip()}"
            raise click.ClickException(text) from error
        except OSError as error:
            where = f" {error.filename}" if error.filename else ""
            raise click.ClickException(
                f"読み書きできません / Cannot be read or written:{where} {error.strerror}"
            ) from error

    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def hub() -> None:
    """センター: 端末の記録を受けとり、帳簿につける / The hub: takes in what kiosks have signed and keeps the ledger."""


@hub.command()
@_data
@click.option(
    "--root-key",
    type=_FILE,
    required=True,
    metavar="FILE",
    help="ルート鍵を書くところ。フォルダーの外に / Where the root key is written; outside the folder.",
)
@_database
@click.option("--demo", is_flag=True, help="デモ用 / For a demo: real kiosks will refuse it.")
@click.option(
    "--runtime-role",
    default="",
    metavar="ROLE",
    help="PostgreSQL: 動かすときの役割 / The role that `hub serve` will use.",
)
@_plainly
def init(data: Path, root_key: Path, database: str, *, demo: bool, runtime_role: str) -> None:
    """ハブを新しく作る / Found a hub: keys, database, first instance.

    ルート鍵は、ふだんは使いません。USBメモリーなどに移して、金庫にしまってください。
    The root key is needed again only after a restore. Move it to a stick and lock that away.
    """
    store = store_for(data, database)
    try:
        if runtime_role and store.is_sqlite:
            raise click.UsageError("--runtime-role は PostgreSQL だけです / --runtime-role is for PostgreSQL only.")
        data.mkdir(parents=True, exist_ok=True)
        if has_hub(store):
            raise StoreError("このデータベースにはもうハブがあります / this database holds a hub already")
        with _turn(store, data):
            found_hub(store, data, root_key, DEMO_LABEL if demo else "", SystemClock().wall_ms(), os.urandom)
            if runtime_role:
                with store.transaction() as connection:
                    grant_to_runtime_role(connection, runtime_role)
    finally:
        store.close()
    click.echo(f"ハブを作りました。 / A hub was founded in {data}.")
    click.echo(
        f"ルート鍵は {root_key} です。この機械の外にしまってください。 / Lock the root key away, off this machine."
    )
    click.echo(f"次は: / Next: ./kumapo hub serve --data {data}{_again(database)}{' --demo' if demo else ''}")


@hub.command()
@_data
@_database
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="ポート(0は空いているところ) / Port; 0 takes a free one.  [8080]"
)
@click.option("--host", help="この機械の中だけ / Loopback only.  [127.0.0.1]")
@click.option("--settings", type=_EXISTING_FILE, metavar="FILE", help="設定ファイル / See config/hub.example.toml.")
@click.option("--demo", is_flag=True, help="デモ用のハブを動かす / Serve a hub that was founded as a demo.")
@click.option("--json", "as_json", is_flag=True, help="最初の行を JSON で / Say where it listens as one JSON object.")
@_plainly
def serve(
    data: Path, database: str, port: int | None, host: str | None, settings: Path | None, *, demo: bool, as_json: bool
) -> None:
    """端末と窓口のために動かす / Serve kiosks and the desk, until SIGTERM or Ctrl-C.

    表示されるリンクで窓口を開きます。リンクは1回だけ使えます。
    The link that is shown opens the desk, once. A new start shows a new link.
    """
    from hub.app import create_app
    from hub.audit.watch import Watch
    from hub.desk.base.gate import Gate
    from hub.served import Office
    from hub.serving import NotLoopback, PortTaken, loopback
    from hub.serving import serve as serve_app

    told = read_settings(settings, HubSettings)
    where = told.host if host is None else host
    try:
        loopback(where)
    except NotLoopback as error:
        raise click.UsageError(str(error)) from error
    with opened_hub(
        data, database or told.database, SystemClock(), Pace(told.next_after_seconds, told.max_batch)
    ) as opened:
        _refuse_mixed_up(opened, demo=demo)
        gate = Gate(opened.random_bytes)
        app = create_app(opened, gate, Office(told.city, told.address))
        with _turn(opened.store, data) as say_address:
            finish_backlog(opened)

            def announce(address: str) -> None:
                say_address(address)
                _announce(address, f"{address}/desk/sign-in?key={gate.unused_key}", as_json=as_json)

            watch = Watch(opened, lambda line: click.echo(line, err=True))
            watch.start()
            try:
                serve_app(app, where, told.port if port is None else port, announce)
            except PortTaken as error:
                raise click.ClickException(str(error)) from error
            finally:
                watch.stop()


@hub.command(name="import")
@_data
@_database
@click.option(
    "--out",
    type=_FOLDER,
    metavar="DIR",
    help="答えを書くところ。なければ同じところに / Where answers go; else beside each file.",
)
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE|FOLDER..."
)
@_plainly
def import_(data: Path, database: str, out: Path | None, paths: tuple[Path, ...]) -> None:
    """USBメモリーで来た記録を受けとる / Take in batches from a stick (.kpbatch), and write the answers for the kiosks.

    同じファイルをもう一度受けとっても、何も変わりません。 / The same file again changes nothing.
    """
    files = batch_files(paths)
    if not files:
        where = ", ".join(map(str, paths))
        click.echo(f"{where} に、記録のファイル(.kpbatch)がありません / holds no .kpbatch file", err=True)
    troubles = 0
    with opened_hub(data, database, SystemClock()) as opened, _taking(opened, data) as take:
        for number, done in enumerate(import_files(opened, files, out, take), 1):
            troubles += bool(done.trouble)
            what = f"× {done.trouble}" if done.trouble else f"○ {done.entries:,}件 / entries"
            click.echo(f"[{number}/{len(files)}] {shown(done.path.name)}: {what}", err=True)
    click.echo(f"{len(files)} ファイル、うち問題 {troubles} / {len(files)} files, {troubles} with trouble")
    if troubles or not files:
        raise click.exceptions.Exit(1)


@hub.command()
@_data
@_database
@click.option("--out", type=_FILE, required=True, metavar="FILE.pdf", help="書くところ / Where to write the sheets.")
@click.option("--members", type=_EXISTING_FILE, metavar="FILE", help="番号を1行に1つ / Numbers, one a line.")
@click.option("--all", "everyone", is_flag=True, help="全員 / Everyone.")
@click.option("--new", "count", type=click.IntRange(1, 10_000), metavar="N", help="新しくN人 / N new members.")
@click.option(
    "--city", default=HubSettings().city, show_default=True, help="カードの市の名前 / The city's name on the cards."
)
@_plainly
def cards(
    data: Path, database: str, out: Path, members: Path | None, *, everyone: bool, count: int | None, city: str
) -> None:
    """カードの A4 シートを作る / Make A4 sheets of cards, ten to a sheet. Print them at 100 %."""
    from hub.print.cards import CardError, card_sheet

    if sum((members is not None, everyone, count is not None)) != 1:
        raise click.UsageError("--members、--all、--new のどれか1つを / Give one of --members, --all and --new.")
    with opened_hub(data, database, SystemClock()) as opened:
        found = _cards(opened, data, members, count)
    try:
        sheet = card_sheet(found, city)
    except CardError as error:
        raise click.ClickException(str(error)) from error
    write_whole(out, sheet, mode=0o600)  # whoever has a code has the card
    click.echo(f"{out}: {len(found):,}枚 / cards")


@hub.command()
@_data
@_database
@click.option("--notes", is_flag=True, help="注記を1件ずつ / List the notes one by one.")
@click.option("--json", "as_json", is_flag=True, help="JSON で / As one JSON object.")
@click.option("--out", type=_FILE, metavar="FILE.json", help="保守の担当へ渡すファイル / A file for support.")
@_plainly
def audit(data: Path, database: str, out: Path | None, *, notes: bool, as_json: bool) -> None:
    """帳簿を別の目で調べる / Read the whole database with other eyes, and name every row that is not as it must be.

    問題があれば終了コードは 1 です。注記は問題ではありません(--notes で1件ずつ)。
    Exit status 1 if there is a defect. Notes are none: they name what rests on the database alone (--notes lists them).
    """
    from hub.audit import audit as audit_store
    from hub.audit.support import write_support_file

    with opened_hub(data, database, SystemClock()) as opened:
        findings = audit_store(opened.store, opened.keyring)
        if out is not None:
            write_support_file(out, opened.store, opened.keyring, findings, opened.wall_ms())
    defects = sum(not one.is_note for one in findings)
    if as_json:
        told = [
            {"table": one.table, "subject": one.subject, "defect": one.defect, "is_note": one.is_note}
            for one in findings
        ]
        click.echo(json.dumps({"defects": defects, "findings": told}, ensure_ascii=False))
    else:
        _say_findings(findings, with_notes=notes)
        click.echo(
            f"問題 {defects}、注記 {len(findings) - defects} / {defects} defects, {len(findings) - defects} notes"
        )
    if defects:
        raise click.exceptions.Exit(1)


def _say_findings(findings: Sequence[Finding], *, with_notes: bool) -> None:
    """Say each defect, and of notes how many there are for each table, or each of them first."""
    found = [one for one in findings if one.is_note]
    for one in found if with_notes else ():
        click.echo(f"注記 / note: {one.table}: {one.subject}: {one.defect}")
    for table, count in sorted(Counter(one.table for one in found).items() if not with_notes else ()):
        click.echo(f"注記 / notes: {table}: {count:,}")
    for one in findings:
        if not one.is_note:
            click.echo(f"問題 / defect: {one.table}: {one.subject}: {one.defect}")


@hub.command()
@_data
@_database
@click.option("--root-key", type=_EXISTING_FILE, required=True, metavar="FILE", help="ルート鍵 / The root key.")
@click.option("--reason", required=True, metavar="TEXT", help="理由 / Why; it is kept.")
@_plainly
def restore(data: Path, database: str, root_key: Path, reason: str) -> None:
    """控えから戻したあとに行う / Open a new instance after the database was put back from a backup.

    端末は、この控えにない記録をもう一度送ります。窓口で決めたことは戻りません。
    Kiosks send again what the backup lacks. What was decided at the desk since then is lost.
    """
    if not reason.strip():
        raise click.UsageError("理由を書いてください / Please give a reason.")
    with opened_hub(data, database, SystemClock()) as opened, _turn(opened.store, data):
        newest_ms = _newest_moment(opened)
        open_instance(opened.store, data, root_key, reason.strip(), opened.wall_ms(), opened.random_bytes)
    click.echo(
        "新しい世代を開きました。端末は足りない記録を送りなおします。 / A new instance is open; kiosks will send again."
    )
    if newest_ms:
        at = city_datetime(newest_ms).isoformat(" ", "seconds")
        click.echo(f"この控えで最後に動きがあったのは {at} です。そのあとに窓口で決めたことは、やりなおしてください。")
        click.echo(f"The backup ends at {at}. What was decided at the desk after that has to be done again.")
    click.echo("窓口の「端末」で、端末設定を新しくしてください。 / At the desk, renew the settings of the kiosks.")


def _announce(address: str, link: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"address": address, "desk": link}))
        return
    click.echo(f"ハブが動いています / The hub is listening: {address}")
    click.echo(f"窓口(1回だけ使えるリンク) / The desk, by a link that works once: {link}")


def _refuse_mixed_up(opened: Hub, *, demo: bool) -> None:
    """A demo hub is served only as one, loudly; a real one never."""
    if opened.is_demo and not demo:
        raise click.ClickException(
            "デモ用のハブです。--demo を付けてください。 / This hub was founded as a demo: give --demo."
        )
    if demo and not opened.is_demo:
        raise click.ClickException(
            "デモ用のハブではありません。--demo を外してください。 / This is no demo hub: leave --demo away."
        )
    if demo:
        click.secho(
            "*** デモ用のハブです。本物のポイントは動きません / THIS HUB IS A DEMO: no real points ***",
            err=True,
            bold=True,
        )


@contextmanager
def _turn(store: Store, data: Path) -> Iterator[Callable[[str], None]]:
    """Hold the turn to write where the database needs one, and bring the tables to the newest form."""
    if not store.is_sqlite:
        store.migrate()
        yield lambda _address: None
        return
    with turn_to_write(data) as say_address:
        store.migrate()
        yield say_address


@contextmanager
def _taking(opened: Hub, data: Path) -> Iterator[Callable[[bytes], bytes]]:
    """Yield how batches are taken in: here, or by the hub that is running on this SQLite file."""
    try:
        with _turn(opened.store, data):
            yield take_here(opened)
            return
    except HubRunning as error:
        if not error.address:
            raise
        transport = HttpTransport(error.address, own_carrier(opened.keyring, secrets.token_bytes(32), opened.wall_ms()))
    try:
        yield transport.post_batch
    finally:
        transport.close()


def _cards(opened: Hub, data: Path, members: Path | None, count: int | None) -> list[Card]:
    numbers = _add_members(opened, data, count) if count is not None else []
    with opened.store.reading() as connection:
        if members is not None:
            numbers = _read_numbers(members)
            _refuse_unknown(connection, numbers)
        elif count is None:
            numbers = all_members(connection)
        return cards_of(connection, numbers, opened.keyring.signer(MEMBER))


def _add_members(opened: Hub, data: Path, count: int) -> list[int]:
    person = Person("hub cards")
    with _turn(opened.store, data):
        number = new_number(opened, person, kind_of(add_members))
        return list(perform(opened, person, number, f"hub cards --new {count}", add_members, count).made)


def _refuse_unknown(connection: sa.Connection, numbers: list[int]) -> None:
    text = "SELECT 1 FROM card WHERE bucket = :bucket AND member = :member"
    unknown = [
        printed(number) for number in numbers if row(connection, text, bucket=bucket_of(number), member=number) is None
    ]
    if unknown:
        raise click.ClickException(f"登録のない番号です / Unknown numbers: {', '.join(unknown[:5])}")


def _read_numbers(path: Path) -> list[int]:
    numbers = []
    for place, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        try:
            numbers.append(typed(line.strip()))
        except WireError as error:
            raise click.ClickException(
                f"{path}:{place}: 利用者番号ではありません / not a member number: {line.strip()[:40]}"
            ) from error
    return numbers


def _newest_moment(opened: Hub) -> int:
    """Return the last moment at which this database was written to, 0 for never."""
    with opened.store.reading() as connection:
        found: Any = row(
            connection,
            """
            SELECT coalesce(max(moment), 0) AS moment FROM (
                SELECT max(done_ms) AS moment FROM act UNION ALL SELECT max(posted_ms) FROM movement
                UNION ALL SELECT max(last_contact_ms) FROM kiosk_progress UNION ALL SELECT max(issued_ms) FROM manifest
                UNION ALL SELECT max(since_ms) FROM member
            ) moments
            """,
        )
    return int(found.moment)


def _again(database: str) -> str:
    return f" --database {database}" if database else ""
