"""What a bucket's store cannot do, said plainly. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.buckets.wanted import Ask

__all__ = ["remarks"]


def remarks(ask: Ask) -> Iterator[str]:
    """Yield a sentence for each thing that the policy's reader might take for granted."""
    place = ask.place
    if place.kind == "folder":
        yield (
            "A folder enforces nothing: whoever may write to it may delete from it. archiver makes"
            " that visible, and cannot prevent it."
        )
    elif place.kind == "r2":
        yield (
            "R2 lock rules can be removed by whoever may edit the bucket: it is tamper-evident,"
            " not WORM. A bucket policy, versions and legal holds do not exist there."
        )
    else:
        if place.endpoint.startswith("http:"):
            yield "The endpoint is plain http, so no policy can demand TLS."
        if place.endpoint:
            yield (
                "A server other than Amazon's may store the demand for conditional writes and"
                " evaluate it not at all (Ceph 16 does): `archiver credentials test` tries it."
            )
        if any(share.sealed for share in ask.shares) and any(
            terms.days and terms.lock != "none" for share in ask.shares for terms in share.terms
        ):
            yield (
                "Object Lock gets no default here, because wrapped keys must stay erasable; each"
                " chunk brings its own lock."
            )
    for share in ask.shares:
        if place.kind != "folder" and ask.holds.get(share.tenant, ()) is None:
            yield (
                f"{share.tenant}: whether a hold is in force could not be read, so nothing that"
                " removes is turned on."
            )
