"""The wire by HTTP: what a kiosk gets for good bytes, and which reason for bad ones. Real HTTP where it matters."""

from __future__ import annotations

import base64
import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hub_http import listening
from hub_world import SOFTWARE, Booth, World
from werkzeug.test import TestResponse
from wire_samples import ROOT_KEY, sample_key

from hub import create_app
from hub.acts.kiosks import approve_kiosk, invite_kiosk
from hub.allowances import NEW_ENTRIES
from hub.register.manifests import newest_manifest
from hub.served import served
from hub.service import newest_key_list
from hub.store.database import Store, execute
from hub.wire.carriers import own_carrier
from sync.batch import CONTENT_TYPE, LENGTH_LIMIT, Batch, write_batch
from sync.certificate import Certificate, write_certificate
from sync.citytime import DAY_MS
from sync.enrolment import Application, read_welcome, write_application
from sync.entry import first_prev
from sync.envelope import KIOSK, MANIFEST, RECEIPT
from sync.head import Head, write_head
from sync.http import (
    BATCHES_PATH,
    CBOR_TYPE,
    ENROLMENTS_PATH,
    KEYS_PATH,
    MANIFEST_PATH,
    NONCE_PATH,
    HttpTransport,
)
from sync.keys import read_key_list
from sync.manifest import Share, read_manifest
from sync.receipt import Status, read_receipt
from sync.request import NONCE_LENGTH, NONCE_LIFETIME_MS, KeyCarrier, make_nonce


@pytest.fixture
def world(sqlite: Store) -> World:
    return World(sqlite)


@pytest.fixture
def app(world: World) -> Flask:
    return create_app(world.hub)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def transport(world: World, app: Flask) -> Iterator[HttpTransport]:
    with listening(app) as address:
        transport = HttpTransport(address, carrier_of(world))
        yield transport
        transport.close()


def carrier_of(world: World) -> KeyCarrier:
    return own_carrier(world.hub.keyring, bytes(32), world.now_ms)


def signed(
    world: World, method: str, path: str, body: bytes, carrier: KeyCarrier | None = None, nonce: bytes | None = None
) -> dict[str, str]:
    """The headers of a request, signed by a carrier."""
    carrier = carrier or carrier_of(world)
    request = carrier.sign_request(method, path, body, fresh_nonce(world) if nonce is None else nonce)
    return {
        "Authorization": "Kumapo " + base64.b64encode(request).decode(),
        "Kumapo-Certificate": base64.b64encode(carrier.certificate()).decode(),
    }


def post(world: World, client: FlaskClient, body: bytes, content_type: str = CONTENT_TYPE) -> TestResponse:
    """Post a batch as an enrolled carrier does."""
    headers = signed(world, "POST", BATCHES_PATH, body)
    return client.post(BATCHES_PATH, data=body, content_type=content_type, headers=headers)


def of_booth(booth: Booth) -> KeyCarrier:
    assert booth.certificate is not None
    return KeyCarrier(booth.key, booth.certificate)


def fresh_nonce(world: World) -> bytes:
    return make_nonce(world.hub.keyring.nonce_secret, world.now_ms)


def test_a_batch_by_http_is_posted_and_its_receipt_is_signed(world: World, transport: HttpTransport) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.grant(1)

    answer = transport.post_batch(write_batch(booth.batch()))

    receipt = read_receipt(answer, world.hub.keyring.verifying(RECEIPT))
    assert (receipt.status, receipt.cursor, receipt.number) == (Status.OK, booth.head, 1)
    assert world.verdicts(booth) == {"posted": (2, 100)}


def test_the_same_bytes_again_change_nothing_but_the_receipts_number(world: World, transport: HttpTransport) -> None:
    booth = world.booth()
    booth.grant(0)
    encoded = write_batch(booth.batch())
    transport.post_batch(encoded)
    before = world.picture()

    again = transport.post_batch(encoded)

    assert read_receipt(again, world.hub.keyring.verifying(RECEIPT)).number == 2
    assert world.picture() == before


def test_a_batch_as_large_as_the_wire_allows_passes_the_server(world: World, transport: HttpTransport) -> None:
    booth = world.booth()
    stuffing = tuple(bytes(1_000) for _ in range(4_175))
    encoded = write_batch(Batch(booth.kiosk, None, 1, None, stuffing, None))
    assert LENGTH_LIMIT - 20_000 < len(encoded) <= LENGTH_LIMIT

    answer = transport.post_batch(encoded)

    assert read_receipt(answer, world.hub.keyring.verifying(RECEIPT)).refused == (1, "envelope")


def test_one_byte_more_is_refused_before_anything_is_read(world: World, app: Flask) -> None:
    with listening(app) as address:
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
        connection.putrequest("POST", BATCHES_PATH)
        connection.putheader("Content-Type", CONTENT_TYPE)
        connection.putheader("Content-Length", str(LENGTH_LIMIT + 1))
        connection.endheaders()

        answer = connection.getresponse()

        assert answer.status == 413
        connection.close()


def test_the_app_itself_refuses_a_batch_that_is_too_large(world: World, client: FlaskClient) -> None:
    answer = post(world, client, bytes(LENGTH_LIMIT + 1))

    assert (answer.status_code, answer.mimetype, answer.text) == (413, "text/plain", "length\n")


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (b"", "encoding"),
        (b"<html>", "encoding"),
        (b"\x01", "type"),
        (b"\x87\x02" + b"\xf6" * 6, "version"),
        (b"\x87\x01\x41\x00\xf6\x01\xf6\x80\xf6", "value"),
    ],
)
def test_a_malformed_batch_is_refused_with_its_reason(
    world: World, client: FlaskClient, encoded: bytes, reason: str
) -> None:
    answer = post(world, client, encoded)

    assert (answer.status_code, answer.mimetype, answer.text) == (400, "text/plain", f"{reason}\n")


def test_a_truncated_batch_is_refused_whole(world: World, client: FlaskClient) -> None:
    booth = world.booth()
    booth.grant(0)
    encoded = write_batch(booth.batch())

    answers = [post(world, client, encoded[:length]) for length in (1, 60, -1)]

    assert {answer.status_code for answer in answers} == {400}
    assert world.verdicts() == {}


@pytest.mark.parametrize("content_type", ["application/octet-stream", "application/cbor", "text/html", ""])
def test_bytes_that_do_not_call_themselves_a_batch_are_not_read(
    world: World, client: FlaskClient, content_type: str
) -> None:
    booth = world.booth()
    booth.grant(0)

    answer = post(world, client, write_batch(booth.batch()), content_type)

    assert (answer.status_code, answer.text) == (415, "content type\n")
    assert world.verdicts() == {}


def test_an_unknown_kiosk_gets_a_signed_receipt_that_says_so(world: World, client: FlaskClient) -> None:
    stranger = sample_key("a stranger's booth")
    kiosk = Booth(world, stranger, world.booth().manifest, None).kiosk
    batch = Batch(kiosk, write_head(stranger, Head(0, first_prev(stranger.public)), None), 1, None, (), None)

    answer = post(world, client, write_batch(batch))

    assert answer.status_code == 200
    assert read_receipt(answer.data, world.hub.keyring.verifying(RECEIPT)).status is Status.UNKNOWN


def test_a_hub_that_was_rolled_back_signs_nothing(world: World, client: FlaskClient) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    with world.store.transaction() as connection:
        execute(connection, "UPDATE kiosk_progress SET receipt_number = 0")

    answer = post(world, client, write_batch(booth.batch()))

    assert (answer.status_code, answer.text) == (503, "rolled back\n")


def test_the_newest_key_list_is_given_to_anybody(world: World, transport: HttpTransport) -> None:
    answer = transport.get_key_list()

    with world.store.reading() as connection:
        assert answer == newest_key_list(connection)
    assert read_key_list(answer, ROOT_KEY.public).instances


def test_a_kiosk_comes_in_over_http(world: World, transport: HttpTransport) -> None:
    key = sample_key("a new booth")
    enrolment = world.do(invite_kiosk, "見本会館", world.organisation).made
    application = write_application(world.application(enrolment, key))
    first = read_welcome(transport.post_application(application))

    world.do(approve_kiosk, enrolment, (world.event,), (Share(world.allotment, 100, 0),))

    second = read_welcome(transport.post_application(application))
    assert (first.certificate, first.manifest) == (None, None)
    assert second.certificate is not None
    assert second.manifest is not None
    assert read_manifest(second.manifest, world.hub.keyring.verifying(MANIFEST)).shares == (
        Share(world.allotment, 100, 0),
    )


def test_a_stranger_is_refused_with_the_reason(client: FlaskClient) -> None:
    application = write_application(Application(sample_key("a stranger").public, SOFTWARE, bytes(32)))

    answer = client.post(ENROLMENTS_PATH, data=application, content_type=CBOR_TYPE)

    assert (answer.status_code, answer.mimetype, answer.text) == (409, "text/plain", "no such invitation\n")


def test_a_stranger_gets_no_turn_to_write(world: World, client: FlaskClient) -> None:
    world.do(invite_kiosk, "見本会館", world.organisation)
    application = write_application(Application(sample_key("a stranger").public, SOFTWARE, bytes(32)))

    with world.store.transaction():  # somebody else is writing
        answer = client.post(ENROLMENTS_PATH, data=application, content_type=CBOR_TYPE)

    assert (answer.status_code, answer.text) == (409, "no such invitation\n")


def test_an_application_that_is_none_is_malformed(client: FlaskClient) -> None:
    answers = [
        client.post(ENROLMENTS_PATH, data=b"\x01", content_type=CBOR_TYPE),
        client.post(ENROLMENTS_PATH, data=b"\x01", content_type="text/plain"),
        client.post(ENROLMENTS_PATH, data=bytes(1_025), content_type=CBOR_TYPE),
    ]

    told = [(answer.status_code, answer.text) for answer in answers]
    assert told == [(400, "type\n"), (415, "content type\n"), (413, "length\n")]


def test_a_kiosk_gets_its_own_newest_manifest_for_a_signed_request(world: World, app: Flask) -> None:
    booth = world.booth()
    world.booth("受付2")
    with listening(app) as address:
        transport = HttpTransport(address, of_booth(booth))
        answer = transport.get_manifest()
        transport.close()

    with world.store.reading() as connection:
        assert answer == newest_manifest(connection, booth.kiosk)
    assert read_manifest(answer, world.hub.keyring.verifying(MANIFEST)).kiosk == booth.kiosk


def test_a_nonce_lives_120_seconds(world: World, client: FlaskClient) -> None:
    booth = world.booth()
    nonce = client.get(NONCE_PATH).data
    assert len(nonce) == NONCE_LENGTH
    asked = signed(world, "GET", MANIFEST_PATH, b"", of_booth(booth), nonce)

    world.now_ms += NONCE_LIFETIME_MS
    in_time = client.get(MANIFEST_PATH, headers=asked)
    world.now_ms += 1
    too_late = client.get(MANIFEST_PATH, headers=asked)

    assert in_time.status_code == 200
    assert (too_late.status_code, too_late.text) == (401, "nonce\n")


def test_a_request_is_good_for_nothing_but_what_was_signed(world: World, client: FlaskClient) -> None:
    own, nonce = of_booth(world.booth()), fresh_nonce(world)
    other = of_booth(world.booth("受付2"))
    good = signed(world, "GET", MANIFEST_PATH, b"", own, nonce)
    altered = own.sign_request("GET", MANIFEST_PATH, b"", nonce)[:-1] + b"\x00"
    stranger = sample_key("never let in")
    self_made = KeyCarrier(stranger, write_certificate(stranger, Certificate(stranger.public, 1, 0)))
    attempts = {
        "no signed request": good | {"Authorization": ""},
        "no certificate": good | {"Kumapo-Certificate": ""},
        "envelope": good | {"Authorization": "Kumapo " + base64.b64encode(b"nothing").decode()},
        "signature": good | {"Authorization": "Kumapo " + base64.b64encode(altered).decode()},
        "kid": good | {"Kumapo-Certificate": base64.b64encode(other.certificate()).decode()},
        "another request": signed(world, "GET", KEYS_PATH, b"", own, nonce),
        "another body": signed(world, "GET", MANIFEST_PATH, b"x", own, nonce),
        "nonce": signed(world, "GET", MANIFEST_PATH, b"", own, bytes(NONCE_LENGTH)),
    }

    answers = {reason: client.get(MANIFEST_PATH, headers=headers) for reason, headers in attempts.items()}
    by_stranger = client.get(MANIFEST_PATH, headers=signed(world, "GET", MANIFEST_PATH, b"", self_made, nonce))

    assert {reason: (answer.status_code, answer.text) for reason, answer in answers.items()} == {
        reason: (401, f"{reason}\n") for reason in attempts
    }
    assert (by_stranger.status_code, by_stranger.text) == (401, "kid\n")
    assert {answer.headers["WWW-Authenticate"] for answer in answers.values()} == {"Kumapo"}


def test_nothing_of_a_batch_is_read_before_the_carrier_is_known(world: World, client: FlaskClient) -> None:
    booth = world.booth()
    booth.grant(0)
    bodies = [write_batch(booth.batch()), b"\xd8\x23" * 5_000, bytes(LENGTH_LIMIT + 1)]

    answers = [client.post(BATCHES_PATH, data=body, content_type=CONTENT_TYPE) for body in bodies]

    assert [(answer.status_code, answer.text) for answer in answers] == [(401, "no certificate\n")] * 3
    assert world.verdicts() == {}


def test_an_enrolled_kiosk_carries_the_batch_of_another(world: World, client: FlaskClient) -> None:
    one, other = world.booth("受付1"), world.booth("受付2")
    one.grant(0)
    encoded = write_batch(one.batch())
    headers = signed(world, "POST", BATCHES_PATH, encoded, of_booth(other))

    answer = client.post(BATCHES_PATH, data=encoded, content_type=CONTENT_TYPE, headers=headers)

    assert read_receipt(answer.data, world.hub.keyring.verifying(RECEIPT)).kiosk == one.kiosk
    assert world.verdicts(one) == {"posted": (1, 50)}


def test_a_kiosk_that_the_hub_has_forgotten_carries_by_its_certificate(world: World, client: FlaskClient) -> None:
    forgotten = sample_key("of before the restore")
    by_the_hub = write_certificate(world.hub.keyring.signer(KIOSK), Certificate(forgotten.public, 9, 1))
    booth = Booth(world, forgotten, world.booth().manifest, by_the_hub)
    encoded = write_batch(booth.batch())
    headers = signed(world, "POST", BATCHES_PATH, encoded, of_booth(booth))

    answer = client.post(BATCHES_PATH, data=encoded, content_type=CONTENT_TYPE, headers=headers)

    assert read_receipt(answer.data, world.hub.keyring.verifying(RECEIPT)).status is Status.OK


def test_what_brings_nothing_new_is_taken_up_to_a_measure_and_then_not_for_a_while(
    world: World, client: FlaskClient
) -> None:
    booth = world.booth()
    booth.grant(0)
    encoded = write_batch(booth.batch())
    junk = bytes(LENGTH_LIMIT - 1)

    first = [post(world, client, body).status_code for body in (encoded, junk, junk, junk)]
    refused = post(world, client, encoded)
    world.now_ms += 1_000 * int(refused.headers["Retry-After"])
    later = post(world, client, encoded)

    assert first == [200, 400, 400, 400]
    assert (refused.status_code, refused.text) == (429, "too much\n")
    assert later.status_code == 200


def test_what_is_new_is_never_counted_as_brought_again(world: World, client: FlaskClient) -> None:
    booth = world.booth()
    codes = set()

    for person in range(30):
        booth.grant(person)
        codes.add(post(world, client, write_batch(booth.batch(first_seq=1))).status_code)

    assert codes == {200}
    assert world.verdicts(booth) == {"posted": (30, 1_500)}


def test_a_kiosk_that_brings_more_new_records_than_anybody_signs_waits_for_the_next_day(
    world: World, app: Flask
) -> None:
    booth, client = world.booth(), app.test_client()
    booth.grant(0)
    with app.app_context():
        served().allowances.take(booth.kiosk, NEW_ENTRIES, 50_000, world.now_ms)

    refused = post(world, client, write_batch(booth.batch()))
    world.now_ms += DAY_MS
    later = post(world, client, write_batch(booth.batch()))

    assert (refused.status_code, later.status_code) == (429, 200)


def test_every_answer_brings_the_nonce_for_the_next_request(world: World, client: FlaskClient) -> None:
    booth = world.booth()

    refused = client.post(BATCHES_PATH, data=b"", content_type=CONTENT_TYPE)
    nonce = base64.b64decode(refused.headers["Kumapo-Nonce"])
    good = client.get(MANIFEST_PATH, headers=signed(world, "GET", MANIFEST_PATH, b"", of_booth(booth), nonce))

    assert (refused.status_code, good.status_code) == (401, 200)
    assert len(base64.b64decode(good.headers["Kumapo-Nonce"])) == NONCE_LENGTH


@pytest.mark.parametrize("text", ["Kumapo", "Kumapo ***", "Bearer abc", "Kumapo YWJj!", "kumapo YWJj"])
def test_an_authorization_that_cannot_be_read_is_no_signed_request(
    world: World, client: FlaskClient, text: str
) -> None:
    answer = client.get(MANIFEST_PATH, headers=signed(world, "GET", MANIFEST_PATH, b"") | {"Authorization": text})

    assert (answer.status_code, answer.text.strip()) in {(401, "no signed request"), (401, "envelope")}


def test_another_method_of_a_signed_request_is_refused(world: World, client: FlaskClient) -> None:
    answer = client.get(MANIFEST_PATH, headers=signed(world, "DELETE", MANIFEST_PATH, b""))

    assert (answer.status_code, answer.text) == (401, "another request\n")


def test_the_wire_needs_no_session_and_no_form_key(world: World, client: FlaskClient) -> None:
    booth = world.booth()
    booth.grant(0)

    answer = post(world, client, write_batch(booth.batch()))

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_only_loopback_names_are_answered(client: FlaskClient) -> None:
    answers = {
        host: client.get(KEYS_PATH, headers={"Host": host}).status_code
        for host in ("127.0.0.1:8080", "localhost", "[::1]:8080", "hub.city.example", "127.0.0.1.city.example")
    }

    assert answers == {
        "127.0.0.1:8080": 200,
        "localhost": 200,
        "[::1]:8080": 200,
        "hub.city.example": 400,
        "127.0.0.1.city.example": 400,
    }


def test_every_answer_forbids_script_framing_and_keeping(client: FlaskClient) -> None:
    answers = [client.get(path) for path in ("/", "/desk/sign-in", KEYS_PATH, "/nowhere")]

    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "script-src" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
