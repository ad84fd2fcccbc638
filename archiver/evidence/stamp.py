"""RFC 3161 timestamps: what an authority is asked, and whether its answer holds.

The authority sees a hash, and signs it together with its own time. `checked` holds an answer to
the bytes that were to be stamped and to root certificates that one trusts; the authority's own
certificate must have been valid at the time that it states. The only module that imports
``rfc3161_client``, which comes with the extra ``anchor``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archiver.errors import Damaged, EvidenceError, NotSigned, UnusableKey

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["MAX_BYTES", "Query", "check_roots", "checked", "query"]

MAX_BYTES: Final = 256 * 1024
"""Largest answer that is read; a chain of certificates has some thousand bytes."""


class Query(NamedTuple):
    """A question in DER, and the number that its answer must repeat."""

    body: bytes
    nonce: int


def query(message: bytes) -> Query:
    """Ask for a timestamp of these bytes; raise `EvidenceError` without the extra."""
    library = _library()
    asked = (
        library.TimestampRequestBuilder()
        .data(message)
        .hash_algorithm(library.HashAlgorithm.SHA256)
        .build()
    )
    return Query(asked.as_bytes(), asked.nonce)


def checked(answer: bytes, message: bytes, roots: bytes, *, nonce: int | None = None) -> datetime:
    """Give the time at which an authority saw these bytes.

    ``roots`` are certificates in PEM. Raise `Damaged` where ``answer`` is no granted response,
    `NotSigned` where it is not about these bytes, is not signed under one of the roots, or does
    not answer ``nonce``; `UnusableKey` where there is no certificate; `EvidenceError` without
    the extra.
    """
    library = _library()
    builder = library.VerifierBuilder(roots=_certificates(roots), nonce=nonce)
    if len(answer) > MAX_BYTES:
        raise _damaged(f"it has {len(answer)} bytes")
    try:
        response = library.decode_timestamp_response(answer)
        stamped = response.tst_info
    except ValueError as error:
        raise _damaged(str(error)) from error
    try:
        builder.build().verify(response, hashlib.sha256(message).digest())
    except (library.VerificationError, ValueError) as error:
        raise NotSigned(
            f"a timestamp does not hold: {error}",
            advice="Compare the root certificate with the one that the authority publishes; ask"
            " for another timestamp.",
        ) from error
    time: datetime = stamped.gen_time
    return time


def check_roots(pem: bytes) -> None:
    """Raise `UnusableKey` where there is no certificate, `EvidenceError` without the extra."""
    _library()
    _certificates(pem)


def _certificates(pem: bytes) -> list[Any]:
    from cryptography import x509  # noqa: PLC0415 - heavy

    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise UnusableKey(
            "the root certificates of the timestamp authority are not PEM",
            advice="Get its root certificate where it publishes it, in PEM.",
        ) from error


def _library() -> Any:
    try:
        import rfc3161_client  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise EvidenceError(
            "timestamps need a library that is not installed",
            advice="Install it: pip install 'prompt-archiver[anchor]'.",
        ) from error
    return rfc3161_client


def _damaged(why: str) -> Damaged:
    return Damaged(
        f"what an authority answered is not a granted RFC 3161 response in DER: {why}",
        advice="Check its address; ask again later.",
    )
