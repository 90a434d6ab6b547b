"""Carries batches to a hub by HTTP, each request signed by the carrier over a nonce of the hub. Turns every bad answer
into HubUnreachable; what an answer means is decided elsewhere, by signature.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

import requests
from urllib3.exceptions import HTTPError

from sync.batch import CONTENT_TYPE
from sync.engine import LONGEST_PACE_SECONDS, HubUnreachable
from sync.request import NONCE_LENGTH

BATCHES_PATH = "/sync/v1/batches"
KEYS_PATH = "/sync/v1/keys"
NONCE_PATH = "/sync/v1/nonce"
MANIFEST_PATH = "/sync/v1/manifest"
ENROLMENTS_PATH = "/sync/v1/enrolments"
AUTHORIZATION_SCHEME = "Kumapo"
CERTIFICATE_HEADER = "Kumapo-Certificate"
NONCE_HEADER = "Kumapo-Nonce"
CBOR_TYPE = "application/cbor"

NONCE_USED_WITHIN_MS = 100_000
"""Of the 120 seconds that a nonce lives."""
ANSWER_LIMIT = 8 * 2**20
ANSWER_MS = 120_000
TIMEOUT_SECONDS = (5.0, 30.0)
"""To connect, and between two bytes of an answer: a slow hub costs a round, never the scan loop, which does not wait
for it.
"""


class Carrier(Protocol):
    """Whoever brings something to the hub, its own or another's."""

    def certificate(self) -> bytes | None:
        """Return the certificate of its key."""

    def sign_request(self, method: str, path: str, body: bytes, nonce: bytes) -> bytes:
        """Return a signed request (sync/request.py)."""


class HttpTransport:
    """A hub at `address` (http://host:port). Without a `carrier` only what is open to strangers can be asked.
    `monotonic_ms`, where it is given, bounds how long an answer may drip.
    """

    def __init__(
        self, address: str, carrier: Carrier | None = None, monotonic_ms: Callable[[], int] | None = None
    ) -> None:
        self._address = address.rstrip("/")
        self._carrier = carrier
        self._monotonic_ms = monotonic_ms or (lambda: 0)
        self._nonce, self._nonce_ms = b"", 0
        self._session = _Session()
        self._session.trust_env = False

    def close(self) -> None:
        """Close the connections kept open."""
        self._session.close()

    def post_batch(self, encoded: bytes) -> bytes:
        """Send a batch; return the receipt's bytes. Raises HubUnreachable."""
        return self._ask_signed("POST", BATCHES_PATH, encoded, {"Content-Type": CONTENT_TYPE})

    def get_key_list(self) -> bytes:
        """Return the hub's newest key list. Raises HubUnreachable."""
        return self._ask("GET", KEYS_PATH, b"", {})

    def post_application(self, encoded: bytes) -> bytes:
        """Send an application for enrolment; return the welcome's bytes. Raises HubUnreachable."""
        return self._ask("POST", ENROLMENTS_PATH, encoded, {"Content-Type": CBOR_TYPE})

    def get_manifest(self) -> bytes:
        """Return the newest manifest for this kiosk. Raises HubUnreachable."""
        return self._ask_signed("GET", MANIFEST_PATH, b"", {})

    def _ask_signed(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        """Ask with a signed request. One that is refused brings a fresh nonce, and is repeated once."""
        nonce = self._nonce_at_hand()
        try:
            return self._ask(method, path, body, headers | self._credentials(method, path, body, nonce))
        except HubUnreachable as weather:
            if weather.status != HTTPStatus.UNAUTHORIZED or self._nonce in {nonce, b""}:
                raise
        return self._ask(method, path, body, headers | self._credentials(method, path, body, self._nonce))

    def _nonce_at_hand(self) -> bytes:
        """Return the nonce that came with the last answer, or a new one where that is about to grow stale."""
        if not self._nonce or self._monotonic_ms() - self._nonce_ms > NONCE_USED_WITHIN_MS:
            self._keep_nonce(self._ask("GET", NONCE_PATH, b"", {}))
        if not self._nonce:
            raise HubUnreachable("not a hub's answer")
        return self._nonce

    def _keep_nonce(self, nonce: bytes) -> None:
        if len(nonce) == NONCE_LENGTH:
            self._nonce, self._nonce_ms = nonce, self._monotonic_ms()

    def _credentials(self, method: str, path: str, body: bytes, nonce: bytes) -> dict[str, str]:
        certificate = self._carrier.certificate() if self._carrier is not None else None
        if self._carrier is None or certificate is None:
            raise HubUnreachable("this transport cannot sign requests")
        signed = self._carrier.sign_request(method, path, body, nonce)
        return {
            "Authorization": f"{AUTHORIZATION_SCHEME} {_as_text(signed)}",
            CERTIFICATE_HEADER: _as_text(certificate),
        }

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        """Return the body of a 200 answer that calls itself CBOR; a captive portal's HTML is no answer."""
        try:
            with self._session.request(
                method,
                self._address + path,
                data=body,
                headers=headers,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            ) as response:
                answer = self._read_limited(response)
        except (OSError, HTTPError) as error:  # what requests raises is an OSError
            raise HubUnreachable(type(error).__name__) from error
        self._keep_nonce(_nonce_in(response))
        if response.status_code != HTTPStatus.OK:
            raise HubUnreachable(f"HTTP {response.status_code}", response.status_code, _retry_after_seconds(response))
        if response.headers.get("Content-Type", "") != CBOR_TYPE:
            raise HubUnreachable("not a hub's answer")
        return answer

    def _read_limited(self, response: requests.Response) -> bytes:
        """Return the whole body, as it drips in. Raises HubUnreachable where it gets too long, in bytes or in time."""
        started_ms = self._monotonic_ms()
        answer = bytearray()
        while part := response.raw.read1(65_536, decode_content=True):
            answer += part
            if len(answer) > ANSWER_LIMIT or self._monotonic_ms() - started_ms > ANSWER_MS:
                raise HubUnreachable("answer too long")
        return bytes(answer)


def _as_text(encoded: bytes) -> str:
    return base64.b64encode(encoded).decode("ascii")


def _retry_after_seconds(response: requests.Response) -> int:
    """Return how long a hub asks to be left alone (RFC 9110 §10.2.3, the form in seconds), an hour at most."""
    text = response.headers.get("Retry-After", "")
    return min(int(text), LONGEST_PACE_SECONDS) if text.isascii() and text.isdigit() and len(text) < 9 else 0  # noqa: PLR2004


def _nonce_in(response: requests.Response) -> bytes:
    try:
        return base64.b64decode(response.headers.get(NONCE_HEADER, ""), validate=True)
    except ValueError:
        return b""


class _Session(requests.Session):
    """A session that never looks where a redirect leads; requests would read that whole body, however long, only to
    offer the next request.
    """

    def get_redirect_target(self, _response: requests.Response) -> None:
        """Return no target."""
        return
