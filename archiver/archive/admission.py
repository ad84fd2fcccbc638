"""One manifest on its own: whether it is what its name says, and who signed it. Pure.

The gravest thing is said first, and one thing only: bytes that are not those of the name, other
bytes than a checkpoint covers, whatever they say; no note or no manifest, another place, another
signature, and last who the signer was at the time. After all but the last, nothing
that it says is believed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from archiver.archive.findings import Code, Finding
from archiver.errors import Damaged
from archiver.evidence import note
from archiver.evidence.documents import moment
from archiver.evidence.verifier import VerifierKey
from archiver.format import manifests
from archiver.model.record import FORMAT_VERSION
from archiver.vault.layout import parse_vault_key

if TYPE_CHECKING:
    from archiver.archive.coverage import Coverage
    from archiver.archive.signers import Signers
    from archiver.evidence.note import Note
    from archiver.format.keys import ManifestKey
    from archiver.model.shipment import ChunkEntry, Manifest

__all__ = ["Admitted", "admit", "too_long"]

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_MOST: Final = 2**63 - 1


class _Version(msgspec.Struct, frozen=True):
    v: int


@dataclass(frozen=True, slots=True)
class Admitted:
    """A manifest that was looked at. ``manifest`` is ``None`` where it is not believed.

    ``sha256`` is hex, of the stored bytes; empty where they were not read. ``strangers`` are
    devices for whose chunks it speaks without their signature.
    """

    key: ManifestKey
    sha256: str
    manifest: Manifest | None = None
    finding: Finding | None = None
    strangers: frozenset[str] = frozenset()


def too_long(key: ManifestKey, size: int) -> Admitted:
    """Refuse a manifest for its size alone."""
    meaning = f"it has {size} bytes; at most {note.MAX_NOTE_BYTES} are read"
    return _refused(key, "", Code.MANIFEST_INVALID, meaning)


def admit(  # noqa: PLR0911 - one for each thing that can be wrong
    key: ManifestKey, body: bytes, signers: Signers, covered: Coverage | None
) -> Admitted:
    """Look at the stored bytes of one manifest."""
    sha256 = hashlib.sha256(body).hexdigest()
    if sha256[:16] != key.sha:
        meaning = "its bytes are not those that its name says"
        return _refused(key, sha256, Code.MANIFEST_ALTERED, meaning)
    fixed = covered.holds(key.device, key.seq, sha256) if covered else None
    if fixed is False:
        meaning = "a checkpoint covers other bytes under this number"
        return _refused(key, sha256, Code.HISTORY_REWRITTEN, meaning)
    try:
        signed = note.read(body)
    except Damaged as error:
        return _refused(key, sha256, Code.MANIFEST_INVALID, f"{error}")
    manifest, problem = _decoded(signed)
    if manifest and (manifest.tenant, manifest.device, manifest.seq) != (
        key.tenant,
        key.device,
        key.seq,
    ):
        meaning = "it is the manifest of another tenant, device or number"
        return _refused(key, sha256, Code.MANIFEST_MISPLACED, meaning)
    signer = signers.signer(key.device, signed, str(key))
    if isinstance(signer, Finding) and signer.code is Code.SIGNATURE_WRONG:
        return _refused(key, sha256, signer.code, signer.meaning)
    if manifest is None:
        code, meaning = problem
        return _refused(key, sha256, code, meaning)
    strangers = _strangers(manifest, signed, signers)
    if isinstance(signer, Finding):
        return Admitted(key, sha256, manifest, signer, strangers)
    standing = signers.standing(
        key.device, signer, manifest.created_at, str(key), covered=fixed is True
    )
    return Admitted(key, sha256, manifest, standing, strangers)


def _strangers(manifest: Manifest, signed: Note, signers: Signers) -> frozenset[str]:
    """Name the earlier devices that did not sign for the chunks that are called theirs."""
    found = set()
    for device in {entry.key.rsplit("/", 1)[-1][:16] for entry in manifest.recovered}:
        key = signers.signer(device, signed, device)
        at = manifest.created_at
        if not isinstance(key, VerifierKey) or signers.standing(
            device, key, at, device, covered=True
        ):
            found.add(device)
    return frozenset(found)


def _refused(key: ManifestKey, sha256: str, code: Code, meaning: str) -> Admitted:
    return Admitted(
        key, sha256, None, Finding(code, str(key), f"{meaning}; what it lists is not believed")
    )


def _decoded(signed: Note) -> tuple[Manifest | None, tuple[Code, str]]:
    """Read the text strictly; give what is wrong with it where it cannot be believed."""
    wrong = (Code.MANIFEST_INVALID, "it is not the JSON object that a manifest is")
    try:
        manifest = manifests.decode(signed.text)
    except Damaged as error:
        newer = _newer(signed.text)
        return None, (Code.MANIFEST_NEWER, f"{error}") if newer else wrong
    return (manifest, wrong) if _is_sound(manifest) else (None, wrong)


def _newer(text: bytes) -> bool:
    try:
        return msgspec.json.decode(text, type=_Version).v > FORMAT_VERSION
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def _is_sound(manifest: Manifest) -> bool:
    """Tell whether its numbers, times and hashes are such: a signer may write anything."""
    try:
        for text in (manifest.created_at, manifest.window.until, manifest.window.since):
            if text is not None:
                moment(text)
    except (ValueError, OverflowError):
        return False
    counts = manifest.records
    return (
        0 <= counts.dropped <= counts.captured <= _MOST
        and (manifest.previous is None or bool(_HASH.fullmatch(manifest.previous)))
        and all(
            0 < seq <= _MOST for seq in (*manifest.quarantined, *manifest.purged, *manifest.expired)
        )
        and all(_is_sound_entry(one) for one in (*manifest.chunks, *manifest.recovered))
        and all(
            _HASH.fullmatch(one.sha256)
            and 0 <= one.stored_bytes <= _MOST
            and (key := parse_vault_key(one.key))
            and (key.tenant, key.sha) == (manifest.tenant, one.sha256[:16])
            for one in manifest.keys
        )
    )


def _is_sound_entry(entry: ChunkEntry) -> bool:
    return (
        _HASH.fullmatch(entry.sha256) is not None
        and 0 < entry.stored_bytes <= _MOST
        and 0 < entry.raw_bytes <= _MOST
        and 0 < entry.records <= _MOST
    )
