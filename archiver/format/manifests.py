"""Manifests: one JSON object and a final newline, the text of a signed note, read strictly.

The same manifest always encodes to the same bytes: keys stand in the order of
`archiver.model.shipment`, without spaces. A reader ignores keys that it does not know and
refuses a larger format version.
"""

from __future__ import annotations

from typing import Final

import msgspec

from archiver.errors import Damaged
from archiver.model.record import FORMAT_VERSION
from archiver.model.shipment import Manifest

__all__ = ["MAX_MANIFEST_BYTES", "decode", "encode"]

MAX_MANIFEST_BYTES: Final = 64 * 1024 * 1024
"""Largest manifest that `decode` accepts, in bytes: some 200,000 chunks, far above what one
device ships at once, so anything larger is not ours and must not fill the memory."""


def encode(manifest: Manifest) -> bytes:
    """Give the text that a device signs."""
    return msgspec.json.encode(manifest) + b"\n"


def decode(body: bytes) -> Manifest:
    """Read what `encode` gave; raise `Damaged` where it is not a manifest of a known version."""
    if len(body) > MAX_MANIFEST_BYTES:
        raise _damaged(f"a manifest has {len(body)} bytes; at most {MAX_MANIFEST_BYTES} are read")
    try:
        manifest = msgspec.json.decode(body, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged("a manifest is not the JSON object that it should be") from error
    if not 1 <= manifest.v <= FORMAT_VERSION:
        raise Damaged(
            f"a manifest has format version {manifest.v};"
            f" this program reads up to {FORMAT_VERSION}",
            advice="Install a newer archiver and try again.",
        )
    return manifest


def _damaged(message: str) -> Damaged:
    return Damaged(
        message, advice="The stored object was altered or cut; restore it from a replica."
    )
