"""Notes are those of C2SP signed-note: written, read, and believed only when signed."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from archiver.errors import Damaged, NotSigned
from archiver.evidence import note
from archiver.evidence.keys import SigningKey
from archiver.evidence.note import Outcome, VerifierKey

if TYPE_CHECKING:
    from collections.abc import Callable

# The public example of Go's golang.org/x/mod/sumdb/note, which the specification grew from.
VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = (
    b"If you think cryptography is the answer to your problem,\n"
    b"then you don't know what your problem is.\n"
)
LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqf"
    "qdngotpRZb6KE6RyyBwJnAM=\n"
).encode()
OTHER = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOT"
    "GwnWLox33WWd1RvMc+QQ=\n"
).encode()
NOTE = TEXT + b"\n" + LINE

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.just("\n"), max_size=200
).map(lambda text: text.encode() + b"\n")


def test_the_published_example_is_written_byte_by_byte() -> None:
    """Ed25519 is deterministic, so another implementation's note can be made again."""
    key = SigningKey("PeterNeumann", Ed25519PrivateKey.from_private_bytes(SEED))
    assert str(key.public) == VERIFIER
    assert note.write(TEXT, key) == NOTE


def test_the_published_example_verifies() -> None:
    """And signatures of keys that we do not know do not matter."""
    for body in (NOTE, NOTE + OTHER, TEXT + b"\n" + OTHER + LINE):
        assert note.signed_by(note.read(body), VerifierKey.parse(VERIFIER)) is Outcome.VALID
        assert note.opened(body, VerifierKey.parse(VERIFIER)) == TEXT


@given(text=texts)
def test_every_text_comes_back_as_it_was(
    admin: SigningKey, device: SigningKey, text: bytes
) -> None:
    """Empty lines in it, too."""
    parts = note.read(note.write(text, device, admin))
    assert parts.text == text
    assert [one.name for one in parts.signatures] == [device.name, admin.name]
    assert note.signed_by(parts, device.public) is Outcome.VALID
    assert note.signed_by(parts, admin.public) is Outcome.VALID


def test_the_last_empty_line_ends_the_text(admin: SigningKey) -> None:
    """Earlier ones belong to it, and so does a whole note inside it."""
    for text in (b"\n", b"\n\n\n", b"one\n\ntwo\n", NOTE, NOTE + b"\n"):
        assert note.opened(note.write(text, admin), admin.public) == text


@given(st.data())
def test_a_changed_text_is_wrong_or_no_note(
    admin: SigningKey, spoilt: Callable[[st.DataObject, bytes], bytes], data: st.DataObject
) -> None:
    """Whatever the change: the key's own text comes out, or none."""
    body = note.write(TEXT, admin)
    try:
        text = note.opened(spoilt(data, body), admin.public)
    except (Damaged, NotSigned):
        return
    assert text == TEXT


@given(st.binary() | st.binary().map(lambda body: body + b"\n\n" + LINE))
def test_any_bytes_are_a_note_or_damage(body: bytes) -> None:
    """No other error."""
    try:
        parts = note.read(body)
    except Damaged:
        return
    assert body.startswith(parts.text + b"\n")


def test_a_wrong_signature_is_not_an_absent_one(admin: SigningKey, device: SigningKey) -> None:
    """One says that somebody changed the text, the other that somebody else signed."""
    body = note.write(TEXT, admin)
    changed = note.read(body.replace(b"answer", b"Answer"))
    assert note.signed_by(changed, admin.public) is Outcome.WRONG
    assert note.signed_by(changed, device.public) is Outcome.ABSENT
    with pytest.raises(NotSigned, match="not valid"):
        note.opened(body.replace(b"answer", b"Answer"), admin.public)
    with pytest.raises(NotSigned, match="not signed by the key device/"):
        note.opened(body, device.public)


def test_another_key_of_the_same_name_is_unknown(admin: SigningKey) -> None:
    """Name and id make the key, not the name alone."""
    impostor = SigningKey.generate(admin.name)
    parts = note.read(note.write(TEXT, impostor))
    assert note.signed_by(parts, admin.public) is Outcome.ABSENT


def test_a_forged_id_does_not_help(admin: SigningKey) -> None:
    """The id is short enough to be forged; the signature is checked with our key."""
    impostor = SigningKey.generate(admin.name)
    signature = admin.public.key_id + impostor.sign(TEXT)
    line = f"— {admin.name} {base64.b64encode(signature).decode()}\n".encode()
    assert note.signed_by(note.read(TEXT + b"\n" + line), admin.public) is Outcome.WRONG


def test_our_id_under_another_name_is_unknown(admin: SigningKey) -> None:
    """Who shares one of both with a known key is ignored, whether it verifies or not."""
    for signature in (admin.sign(TEXT), bytes(64)):
        value = base64.b64encode(admin.public.key_id + signature).decode()
        parts = note.read(TEXT + f"\n— admin/other {value}\n".encode())
        assert note.signed_by(parts, admin.public) is Outcome.ABSENT


def test_one_bad_line_of_a_known_key_spoils_the_note(admin: SigningKey) -> None:
    """A good line beside it does not make it better, in either order."""
    good, bad = (note.write(text, admin)[len(text) + 1 :] for text in (TEXT, b"else\n"))
    for lines in (good + bad, bad + good):
        parts = note.read(TEXT + b"\n" + lines)
        assert note.signed_by(parts, admin.public) is Outcome.WRONG


@pytest.mark.parametrize("length", [1, 63, 65])
def test_a_signature_of_another_length_is_wrong(admin: SigningKey, length: int) -> None:
    """And no error of the library."""
    value = base64.b64encode(admin.public.key_id + bytes(length)).decode()
    parts = note.read(TEXT + f"\n— {admin.name} {value}\n".encode())
    assert note.signed_by(parts, admin.public) is Outcome.WRONG


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"\n\n",
        TEXT,
        TEXT + b"\n",
        TEXT + LINE,
        TEXT + b"\n" + LINE[:-1],
        b"\x01" + NOTE,
        b"\t" + NOTE,
        b"\r" + NOTE,
        b"\xff" + NOTE,
        "\ud800".encode("utf-8", "surrogatepass") + NOTE,
        NOTE + b"Unexpected line.\n",
        NOTE + b"\n",
        NOTE.replace(b"PeterNeumann", b"Bad Name"),
        NOTE.replace(b"PeterNeumann", "Bad\u2003Name".encode()),
        NOTE.replace(b"PeterNeumann", b"Bad+Name"),
        NOTE.replace(b"PeterNeumann", b""),
        NOTE.replace("—".encode(), b"-"),
        NOTE.replace("— ".encode(), "—".encode()),
        NOTE.replace(b"JnAM=", b"JnAN="),
        NOTE.replace(b"JnAM=", b"JnAM"),
        NOTE.replace(b"JnAM=", b"Jn_M="),
        TEXT + "\n— PeterNeumann x08gow==\n".encode(),
        TEXT + "\n— PeterNeumann \n".encode(),
        TEXT + "\n— PeterNeumann\n".encode(),
    ],
)
def test_what_is_not_a_note_is_damage(body: bytes) -> None:
    """Each rule of the specification."""
    with pytest.raises(Damaged):
        note.read(body)


def test_sixteen_signatures_are_read_and_no_more() -> None:
    """So many the specification asks for; more only cost time."""
    assert len(note.read(TEXT + b"\n" + LINE * 16).signatures) == 16
    with pytest.raises(Damaged, match="more than 16"):
        note.read(TEXT + b"\n" + LINE * 17)


def test_a_note_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways, before anything is looked at."""
    monkeypatch.setattr(note, "MAX_NOTE_BYTES", len(NOTE) - 1)
    with pytest.raises(Damaged, match="at most"):
        note.read(NOTE)
    key = SigningKey("PeterNeumann", Ed25519PrivateKey.from_private_bytes(SEED))
    with pytest.raises(ValueError, match="at most"):
        note.write(TEXT, key)


@pytest.mark.parametrize("text", [b"", b"no newline", b"tab\t\n", b"\r\n", b"\xff\n", b"\0\n"])
def test_what_could_not_be_read_is_not_signed(admin: SigningKey, text: bytes) -> None:
    """The writer keeps the rules of the reader."""
    with pytest.raises(ValueError, match="text"):
        note.write(text, admin)


def test_a_note_without_a_signature_is_not_written(admin: SigningKey) -> None:
    """Nor with more than are read."""
    for signers in ((), (admin,) * 17):
        with pytest.raises(ValueError, match="signatures"):
            note.write(TEXT, *signers)
