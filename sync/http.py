"""Carries batches to a hub by HTTP. Turns every bad answer into HubUnreachable; what an answer means is decided
elsewhere, by signature.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from http import HTTPStatus

import requests
from urllib3.exceptions import HTTPError

from sync.batch import CONTENT_TYPE
from sync.engine import HubUnreachable
from sync.request import NONCE_LENGTH

BATCHES_PATH = "/sync/v1/batches"
KEYS_PATH = "/sync/v1/keys"
NONCE_PATH = "/sync/v1/nonce"
MANIFEST_PATH = "/sync/v1/manifest"
ENROLMENTS_PATH = "/sync/v1/enrolments"
AUTHORIZATION_SCHEME = "Kumapo"
CBOR_TYPE = "application/cbor"

ANSWER_LIMIT = 8 * 2**20
ANSWER_MS = 120_000
TIMEOUT_SECONDS = (5.0, 30.0)
"""To connect, and between two bytes of an answer: a slow hub costs a round, never the scan loop, which does not wait
for it.
"""


class HttpTransport:
    """A hub at `address` (http://host:port). `sign_request` turns (method, path, body, nonce) into a signed request
    envelope; `monotonic_ms`, where it is given, bounds how long an answer may drip.
    """

    def __init__(
        self,
        address: str,
        sign_request: Callable[[str, str, bytes, bytes], bytes] | None = None,
        monotonic_ms: Callable[[], int] | None = None,
    ) -> None:
        self._address = address.rstrip("/")
        self._sign_request = sign_request
        self._monotonic_ms = monotonic_ms or (lambda: 0)
        self._session = _Session()
        self._session.trust_env = False

    def close(self) -> None:
        """Close the connections kept open."""
        self._session.close()

    def post_batch(self, encoded: bytes) -> bytes:
        """Send a batch; return the receipt's bytes. Raises HubUnreachable."""
        return self._ask("POST", BATCHES_PATH, encoded, {"Content-Type": CONTENT_TYPE})

    def get_key_list(self) -> bytes:
        """Return the hub's newest key list. Raises HubUnreachable."""
        return self._ask("GET", KEYS_PATH, b"", {})

    def post_application(self, encoded: bytes) -> bytes:
        """Send an application for enrolment; return the welcome's bytes. Raises HubUnreachable."""
        return self._ask("POST", ENROLMENTS_PATH, encoded, {"Content-Type": CBOR_TYPE})

    def get_manifest(self) -> bytes:
        """Return the newest manifest for this kiosk; the request is signed over a nonce of the hub. Raises
        HubUnreachable.
        """
        if self._sign_request is None:
            raise HubUnreachable("this transport cannot sign requests")
        nonce = self._ask("GET", NONCE_PATH, b"", {})
        if len(nonce) != NONCE_LENGTH:
            raise HubUnreachable("not a hub's answer")
        signed = self._sign_request("GET", MANIFEST_PATH, b"", nonce)
        credentials = base64.b64encode(signed).decode("ascii")
        return self._ask("GET", MANIFEST_PATH, b"", {"Authorization": f"{AUTHORIZATION_SCHEME} {credentials}"})

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
        if response.status_code != HTTPStatus.OK:
            raise HubUnreachable(f"HTTP {response.status_code}", response.status_code)
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


class _Session(requests.Session):
    """A session that never looks where a redirect leads; requests would read that whole body, however long, only to
    offer the next request.
    """

    def get_redirect_target(self, _response: requests.Response) -> None:
        """Return no target."""
        return
