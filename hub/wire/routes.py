"""The wire by HTTP: bytes in, signed bytes out. Each route hands its bytes to the hub's core and decides nothing.

A kiosk believes no status and no text here, only signatures; the reasons are for whoever reads a log or tries with
curl.
"""

from __future__ import annotations

import base64
from http import HTTPStatus

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from hub.allowances import NEW_ENTRIES, REPEATED_BYTES, REPEATED_BYTES_STOPPED, TooMuch
from hub.intake.arrival import ClockDoubted, RolledBack, take
from hub.register.enrolments import EnrolmentRefused, apply
from hub.register.manifests import newest_manifest
from hub.served import served
from hub.service import newest_key_list
from hub.store.database import StoreError
from hub.wire.carriers import Asked, Carried, CarrierRefused, carried_by
from sync.batch import CONTENT_TYPE, read_batch
from sync.codec import WireError
from sync.enrolment import read_application
from sync.http import (
    AUTHORIZATION_SCHEME,
    BATCHES_PATH,
    CBOR_TYPE,
    CERTIFICATE_HEADER,
    ENROLMENTS_PATH,
    KEYS_PATH,
    MANIFEST_PATH,
    NONCE_HEADER,
    NONCE_PATH,
)
from sync.receipt import Status
from sync.request import make_nonce

APPLICATION_LIMIT = 1_024
"""Bytes; an application takes some 150."""

wire = Blueprint("wire", __name__)


@wire.post(BATCHES_PATH)
def post_batch() -> Response:
    """A batch in, the signed receipt out. The carrier brings its own or another's."""
    carried = _carried()
    if request.mimetype != CONTENT_TYPE:
        return _refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content type")
    return _answer(_take_within_limits(carried))


def _take_within_limits(carried: Carried) -> bytes:
    """Take a batch in and return the receipt. Raises TooMuch where carrier or kiosk have brought too much of late. What
    brings nothing new, or cannot be read, is on the carrier's account.
    """
    hub, allowances, size = served().hub, served().allowances, len(carried.body)
    now_ms = hub.wall_ms()
    allowances.want(carried.carrier, (REPEATED_BYTES, REPEATED_BYTES_STOPPED), now_ms)
    allowances.take(carried.carrier, REPEATED_BYTES, size, now_ms)
    batch = read_batch(carried.body)
    allowances.want(batch.kiosk, (NEW_ENTRIES,), now_ms)
    taken = take(hub, batch)
    if taken.fresh:
        allowances.take(carried.carrier, REPEATED_BYTES, -size, now_ms)
        allowances.take(batch.kiosk, NEW_ENTRIES, taken.fresh, now_ms)
    elif taken.status is not Status.OK:
        allowances.take(carried.carrier, REPEATED_BYTES_STOPPED, size, now_ms)
    return taken.receipt


@wire.get(KEYS_PATH)
def get_keys() -> Response:
    """The newest key list, signed by the root key."""
    with served().hub.store.reading() as connection:
        return _answer(newest_key_list(connection))


@wire.post(ENROLMENTS_PATH)
def post_application() -> Response:
    """A kiosk's application in, the welcome out; asked again, it holds the certificate once a clerk has approved."""
    if request.mimetype != CBOR_TYPE:
        return _refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content type")
    request.max_content_length = APPLICATION_LIMIT
    return _answer(apply(served().hub, read_application(request.get_data())))


@wire.get(NONCE_PATH)
def get_nonce() -> Response:
    """A nonce for a signed request; the hub does not remember it."""
    return _answer(_new_nonce())


@wire.get(MANIFEST_PATH)
def get_manifest() -> Response:
    """The newest manifest for the kiosk that has signed the request."""
    carrier = _carried().carrier
    with served().hub.store.reading() as connection:
        manifest = newest_manifest(connection, carrier)
    return _refusal(HTTPStatus.NOT_FOUND, "no manifest") if manifest is None else _answer(manifest)


@wire.errorhandler(WireError)
def _malformed(error: WireError) -> Response:
    return _refusal(HTTPStatus.BAD_REQUEST, error.reason)


@wire.errorhandler(RequestEntityTooLarge)
def _too_large(_error: RequestEntityTooLarge) -> Response:
    return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "length")


@wire.errorhandler(EnrolmentRefused)
def _not_let_in(error: EnrolmentRefused) -> Response:
    return _refusal(HTTPStatus.CONFLICT, str(error))


@wire.errorhandler(CarrierRefused)
def _not_proven(error: CarrierRefused) -> Response:
    refusal = _refusal(HTTPStatus.UNAUTHORIZED, str(error))
    refusal.headers["WWW-Authenticate"] = AUTHORIZATION_SCHEME
    return refusal


@wire.after_request
def _with_the_next_nonce(answer: Response) -> Response:
    """Hand out what the carrier's next request is to be signed over, so that it need not ask."""
    answer.headers[NONCE_HEADER] = base64.b64encode(_new_nonce()).decode("ascii")
    return answer


@wire.errorhandler(TooMuch)
def _too_much(error: TooMuch) -> Response:
    refusal = _refusal(HTTPStatus.TOO_MANY_REQUESTS, "too much")
    refusal.headers["Retry-After"] = str(error.seconds)
    return refusal


@wire.errorhandler(RolledBack)
def _rolled_back(_error: RolledBack) -> Response:
    return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, "rolled back")


@wire.errorhandler(ClockDoubted)
def _clock_doubted(_error: ClockDoubted) -> Response:
    return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, "clock doubted")


@wire.errorhandler(StoreError)
def _busy(_error: StoreError) -> Response:
    return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, "busy")


def _carried() -> Carried:
    hub, headers = served().hub, request.headers
    credentials = (headers.get("Authorization", ""), headers.get(CERTIFICATE_HEADER, ""))
    return carried_by(hub.keyring, hub.wall_ms(), Asked(request.method, request.path, *credentials, request.get_data))


def _new_nonce() -> bytes:
    hub = served().hub
    return make_nonce(hub.keyring.nonce_secret, hub.wall_ms())


def _answer(encoded: bytes) -> Response:
    return Response(encoded, mimetype=CBOR_TYPE)


def _refusal(status: HTTPStatus, reason: str) -> Response:
    return Response(reason + "\n", status, mimetype="text/plain")
