"""A booth for tests: an enrolled journal in a folder, a clock that is turned by hand, a tiny hub made of sync's own
functions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import segno
import wire_samples as wire
from numpy.typing import NDArray

from kiosk.journal import Journal
from kiosk.journal_open import begin_enrolment, open_journal
from kiosk.scan import Offer, Station, offer_at
from sync.batch import read_batch
from sync.certificate import Certificate, kiosk_identity, write_certificate
from sync.engine import HubUnreachable
from sync.enrolment import Application, Invitation, Welcome, mac_from_hub, read_application, write_welcome
from sync.entry import Stamp, first_prev, hash_of, read_heading
from sync.envelope import ENTRY, SigningKey, take_apart
from sync.head import Head, SignedHead, read_signed_head
from sync.http import BATCHES_PATH, CBOR_TYPE, ENROLMENTS_PATH, KEYS_PATH, MANIFEST_PATH, NONCE_PATH
from sync.keys import KeyList, root_key_hash, write_key_list
from sync.manifest import Manifest, write_manifest
from sync.receipt import Receipt, write_receipt

SEED: Final = wire.KIOSK_KEY.seed
STATION: Final = Station(wire.EVENT, wire.HELPING, operator=1)


@dataclass
class HandClock:
    """A clock that stands still until it is turned."""

    wall: int = wire.MORNING_MS
    monotonic: int = 600_000
    boot: bytes = wire.BOOT

    def wall_ms(self) -> int:
        return self.wall

    def monotonic_ms(self) -> int:
        return self.monotonic

    def boot_id(self) -> bytes:
        return self.boot

    def sleep_ms(self, duration_ms: int) -> None:
        self.turn(duration_ms)

    def turn(self, duration_ms: int) -> None:
        self.wall += duration_ms
        self.monotonic += duration_ms


def enrolled_at(path: Path, manifest: Manifest | None = None) -> Path:
    """Leave an enrolled journal at `path`, closed."""
    enrolled(path, manifest).close()
    return path


def enrolled(path: Path, manifest: Manifest | None = None) -> Journal:
    """Return an enrolled journal at `path`, open."""
    journal = begin_enrolment(path, "KPE1:SAMPLE", "http://127.0.0.1:9", SEED)
    encoded = write_manifest(wire.MANIFEST_KEY, manifest if manifest is not None else wire.manifest())
    journal.keep_enrolment(wire.ROOT_KEY.public, wire.key_list(), wire.certificate(), encoded)
    return journal


def reopened(path: Path) -> Journal:
    return open_journal(path, accept_volatile=True)


def kill(journal: Journal) -> Path:
    """End the run without a word, as a power cut does, and return where the journal lies."""
    path = path_of(journal)
    journal.abandon()
    return path


def path_of(journal: Journal) -> Path:
    return Path(journal._connection.execute("pragma database_list").fetchone()[2])


def offer(stamp: Stamp, manifest: Manifest | None = None, station: Station = STATION) -> Offer:
    found = offer_at(station, manifest if manifest is not None else wire.manifest(), stamp)
    assert isinstance(found, Offer)
    return found


@dataclass
class SmallHub:
    """A transport with a hub behind it that keeps entries and answers with signed receipts. `unreachable` cuts the
    line.
    """

    entries: dict[int, bytes] = field(default_factory=dict)
    number: int = 0
    unreachable: str = ""
    changes: dict[str, object] = field(default_factory=dict)
    answers: list[bytes] = field(default_factory=list)
    posted: list[int] = field(default_factory=list)
    """How many entries each batch held."""
    public_key: bytes = wire.KIOSK_KEY.public
    key_list: bytes = field(default_factory=wire.key_list)
    manifest: bytes = b""

    def post_batch(self, encoded: bytes) -> bytes:
        if self.unreachable:
            raise HubUnreachable(self.unreachable)
        batch = read_batch(encoded)
        self.posted.append(len(batch.entries))
        for entry in batch.entries:
            self.entries[read_heading(take_apart(ENTRY, entry).payload).seq] = entry
        if self.answers:
            return self.answers.pop(0)
        signed = read_signed_head(batch.head, self.public_key) if batch.head is not None else None
        return write_receipt(wire.RECEIPT_KEY, self._receipt(signed, batch.kiosk))

    def close(self) -> None:
        self.unreachable = "closed"

    def get_key_list(self) -> bytes:
        return self.key_list

    def get_manifest(self) -> bytes:
        return self.manifest

    def _receipt(self, signed: SignedHead | None, kiosk: bytes) -> Receipt:
        self.number += 1
        last = len(self.entries)
        cursor = Head(last, hash_of(self.entries[last]) if last else first_prev(self.public_key))
        question, head = (signed.question, signed.head) if signed is not None else (None, None)
        plain = replace_receipt(wire.receipt(cursor, self.number), question=question, head=head, kiosk=kiosk)
        return replace_receipt(plain, **self.changes)


def replace_receipt(receipt: Receipt, **changes: object) -> Receipt:
    return receipt._replace(**changes)  # type: ignore[arg-type]  # the names are checked by _replace itself


CODE: Final = bytes(range(16))


@dataclass
class Desk:
    """The side of a hub that lets kiosks in: what it answers to an application, and whether a clerk has approved."""

    root: SigningKey = wire.ROOT_KEY
    code: bytes = CODE
    label: str = ""
    is_approved: bool = True
    certified: bytes = b""
    """Another public key than the applicant's, to go wrong with."""
    manifest_for: bytes = b""
    unreachable: list[HubUnreachable] = field(default_factory=list)
    applications: list[Application] = field(default_factory=list)

    def invitation(self, address: str = "http://127.0.0.1:9") -> Invitation:
        return Invitation(address, root_key_hash(wire.ROOT_KEY.public), CODE)

    def key_list(self) -> bytes:
        return write_key_list(self.root, KeyList(1, self.label, wire.online_keys(), (wire.INSTANCE,)))

    def post_application(self, encoded: bytes) -> bytes:
        if self.unreachable:
            raise self.unreachable.pop(0)
        application = read_application(encoded)
        self.applications.append(application)
        mac = mac_from_hub(self.code, application.public_key, root_key_hash(self.root.public))
        return write_welcome(Welcome(self.root.public, mac, self.key_list(), *self._papers(application.public_key)))

    def _papers(self, public_key: bytes) -> tuple[bytes | None, bytes | None]:
        if not self.is_approved:
            return None, None
        certificate = write_certificate(wire.CERTIFYING_KEY, Certificate(self.certified or public_key, 1, 0))
        manifest = wire.manifest(kiosk=self.manifest_for or kiosk_identity(public_key))
        return certificate, write_manifest(wire.MANIFEST_KEY, manifest)


@dataclass
class WebHub:
    """A desk and a small hub behind real HTTP on a port of their own."""

    desk: Desk
    hub: SmallHub
    address: str

    @property
    def entries(self) -> dict[int, bytes]:
        return self.hub.entries


@contextmanager
def web_hub(desk: Desk | None = None, hub: SmallHub | None = None) -> Iterator[WebHub]:
    desk, hub = desk or Desk(), hub or SmallHub()
    answers: dict[str, Callable[[bytes], bytes]] = {
        BATCHES_PATH: hub.post_batch,
        ENROLMENTS_PATH: desk.post_application,
        KEYS_PATH: lambda _: hub.key_list,
        NONCE_PATH: lambda _: bytes(24),
        MANIFEST_PATH: lambda _: hub.manifest,
    }

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers[self.path](self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.send_response(200)
            self.send_header("Content-Type", CBOR_TYPE)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET  # noqa: N815  # the name http.server asks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield WebHub(desk, hub, f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
        thread.join()


def picture_of(*texts: str) -> NDArray[np.uint8]:
    """Return one gray camera picture with these codes, the first one largest."""
    picture = np.full((720, 1280), 180, np.uint8)
    left = 20
    for text, module_pixels in zip(texts, (7, 4, 3), strict=False):
        rows = segno.make_qr(text, error="m", boost_error=False).matrix_iter(scale=module_pixels, border=4)
        code = np.array([[0 if dark else 255 for dark in row] for row in rows], np.uint8)
        picture[100 : 100 + code.shape[0], left : left + code.shape[1]] = code
        left += code.shape[1] + 40
    return picture


def folder_of(folder: Path, *pictures: NDArray[np.uint8]) -> Path:
    """Leave pictures as files in `folder`, in this order."""
    folder.mkdir()
    for number, picture in enumerate(pictures, start=1):
        assert cv2.imwrite(str(folder / f"{number:03d}.png"), picture)
    return folder
