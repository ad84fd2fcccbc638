"""Ask an address for the policy: once, with what is known already. The only use of httpx here.

* HTTPS, verified by the system's certificates and those of certifi; HTTP for loopback only
  (`archiver.policy.source` says which addresses may stand there).
* ``If-None-Match`` with the ETag that came with the policy in force: 304 costs no body.
* At most `MAX_BYTES`, uncompressed, within `SECONDS` altogether; redirects within the same
  scheme, host and port only.
* Proxies as the environment names them.

Whatever goes wrong is `PolicyUnreachable`, which never holds a byte of what was answered.
"""

from __future__ import annotations

import ssl
import threading
import time
from typing import TYPE_CHECKING, Final

import msgspec

from archiver import __version__
from archiver.errors import PolicyUnreachable
from archiver.evidence.policies import MAX_BYTES

if TYPE_CHECKING:
    import httpx

__all__ = ["Fetched", "fetch"]

SECONDS: Final = 60.0
_WAIT: Final = 15.0
"""Seconds without a byte."""
_REDIRECTS: Final = 3
_OK: Final = 200
_NOT_MODIFIED: Final = 304
_MOVED: Final = (301, 302, 303, 307, 308)
_MAX_ETAG: Final = 1024


class Fetched(msgspec.Struct, frozen=True):
    """What the address gave; no ``body`` where it still has what the ETag names."""

    body: bytes | None
    etag: str | None


def fetch(url: str, etag: str | None = None, *, seconds: float = SECONDS) -> Fetched:
    """Ask for the policy; raise `PolicyUnreachable`.

    It is asked in a thread, which is left behind when the time is over: a server whose headers,
    or a resolver whose answer, never end cannot be broken off otherwise.
    """
    answers: list[Fetched | PolicyUnreachable] = []

    def ask() -> None:
        try:
            answers.append(_asked(url, etag, seconds))
        except PolicyUnreachable as error:
            answers.append(error)
        except Exception as error:  # noqa: BLE001 - nobody would see it in this thread
            answers.append(_unreachable(url, type(error).__name__))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds + 1)  # who is asked may say more of why
    answer = answers[0] if answers else _unreachable(url, "it answers too slowly")
    if isinstance(answer, PolicyUnreachable):
        raise answer
    return answer


def _asked(url: str, etag: str | None, seconds: float) -> Fetched:
    import httpx  # noqa: PLC0415 - only who has an address needs it

    headers = {"Accept-Encoding": "identity", "User-Agent": f"archiver/{__version__}"}
    if etag:
        headers["If-None-Match"] = etag
    deadline = time.monotonic() + seconds
    wait = httpx.Timeout(min(_WAIT, seconds))
    try:
        with httpx.Client(headers=headers, timeout=wait, verify=_trust()) as client:
            return _followed(client, client.build_request("GET", url), etag, deadline)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise _unreachable(url, f"{_kind(error)}") from None


def _followed(
    client: httpx.Client, request: httpx.Request, etag: str | None, deadline: float
) -> Fetched:
    url = str(request.url)
    for _ in range(_REDIRECTS + 1):
        answer = client.send(request, stream=True)
        try:
            following = answer.next_request
            if answer.status_code not in _MOVED or following is None:
                return _read(url, answer, etag, deadline)
        finally:
            answer.close()
        if _origin(following) != _origin(request):
            advice = "Write the address that it leads to into source.toml, if that is right."
            raise _unreachable(url, "it leads to another host", advice)
        request = following
    raise _unreachable(url, "it leads from one address to another, again and again")


def _origin(request: httpx.Request) -> tuple[str, str, int | None]:
    return request.url.scheme, request.url.host, request.url.port


def _read(url: str, answer: httpx.Response, etag: str | None, deadline: float) -> Fetched:
    if answer.status_code == _NOT_MODIFIED and etag:
        return Fetched(None, etag)
    if answer.status_code != _OK:
        raise _unreachable(url, f"it answered {answer.status_code}")
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        advice = "Have the server send the file as it is."
        raise _unreachable(url, "it answered with a compressed body", advice)
    body = bytearray()
    for part in answer.iter_raw():  # as it comes: a size to wait for would be waited for
        body += part
        if len(body) > MAX_BYTES:
            advice = "Have the address give the file that `archiver policy sign` wrote."
            raise _unreachable(url, f"it answered with more than {MAX_BYTES} bytes", advice)
        if time.monotonic() > deadline:
            raise _unreachable(url, "it answers too slowly")
    given = answer.headers.get("ETag", "")
    usable = given.isascii() and given.isprintable() and 0 < len(given) <= _MAX_ETAG
    return Fetched(bytes(body), given if usable else None)


def _trust() -> ssl.SSLContext:
    """Believe the system's authorities, a company's own among them, and the usual ones."""
    import certifi  # noqa: PLC0415 - comes with httpx

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _kind(error: Exception) -> str:
    """Say what went wrong by its kind: a message might repeat what was answered."""
    import httpx  # noqa: PLC0415

    if isinstance(error, httpx.ConnectError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "its certificate is not one that this machine trusts"
    words = {
        httpx.ConnectTimeout: "it cannot be reached in time",
        httpx.TimeoutException: "it does not answer in time",
        httpx.ProxyError: "the proxy refuses",
        httpx.ConnectError: "it cannot be reached",
        httpx.ProtocolError: "it does not speak HTTP as it should",
    }
    return next(
        (said for kind, said in words.items() if isinstance(error, kind)), type(error).__name__
    )


def _unreachable(url: str, what: str, advice: str = "") -> PolicyUnreachable:
    usual = (
        "It is asked again by itself; what is in force stays. Else correct `url` in source.toml."
    )
    return PolicyUnreachable(f"{url}: {what}", advice=advice or usual)
