"""Every example in VAULT.md is true: it is run with common tools, or compared."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING

import msgspec
import pytest
from vaults import DEVICE, SUBJECT

from archiver.format.frame import pack
from archiver.vault import age, officers, wrap
from archiver.vault.layout import VaultKey, parse_vault_key
from archiver.vault.months import key_id, officers_id
from archiver.vault.wrap import make_month, open_wrap

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.vault.officers import OfficerKey

DOCUMENT = resources.files("archiver.vault").joinpath("VAULT.md").read_text("utf-8")
TOOLS = ("age", "age-keygen", "zstd", "jq", "sha256sum", "sh")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]
needs_tools = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
LINES = b'{"v":1,"payload":"a"}\n{"v":1,"payload":"b"}\n'


def block(kind: str) -> str:
    """Give the one fenced block of a kind."""
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    return str(found)


def column(heading: str) -> list[str]:
    """Give the code-quoted names in the first column of a section's table."""
    section = DOCUMENT.split(f"\n## {heading}")[1].split("\n## ")[0]
    cells = [row.split("|")[1] for row in section.splitlines() if row.startswith("|")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


@pytest.fixture(name="key")
def _key() -> OfficerKey:
    """Make the key of the officer who reads."""
    return officers.generate(datetime(2026, 1, 31, tzinfo=UTC))


@pytest.fixture(name="archive")
def _archive(tmp_path: Path, key: OfficerKey) -> Path:
    """Seal one chunk, as a device does, beside the officer's key file."""
    month, body = make_month("acme", SUBJECT, "2026-01", DEVICE, [key.recipient])
    write(tmp_path / str(VaultKey.of(month, body, prefix="archive")), body)
    chunk = age.encrypt(pack([LINES], level=3), [month.recipient])
    sha = hashlib.sha256(chunk).hexdigest()[:16]
    folder = tmp_path / f"archive/tenant=acme/class=standard/subject={SUBJECT}/dt=2026-01-31"
    write(folder / f"{DEVICE}-000000000001-{sha}.jsonl.zst.age", chunk)
    (tmp_path / "officer.key").write_bytes(key.file)
    return tmp_path


def write(path: Path, body: bytes) -> None:
    """Put an object into the folder."""
    path.parent.mkdir(parents=True)
    path.write_bytes(body)


def run(archive: Path, kind: str) -> str:
    """Run one example, failing where it fails."""
    return subprocess.run(
        ["sh", "-ec", block(f"sh {kind}")], cwd=archive, check=True, capture_output=True, text=True
    ).stdout


def wraps(archive: Path) -> dict[VaultKey, bytes]:
    """Give the vault as it now is."""
    found = {}
    for path in archive.glob("archive/tenant=acme/_keys/**/*.age"):
        key = parse_vault_key(path.relative_to(archive).as_posix())
        assert key is not None
        found[key] = path.read_bytes()
    return found


def test_the_version_of_the_document_is_that_of_the_program() -> None:
    """They grow together."""
    assert DOCUMENT.startswith(f"# The vault, version {wrap.WRAP_VERSION}\n")


def test_the_example_name_is_one() -> None:
    """Below a prefix."""
    key = parse_vault_key(block("keys").strip())
    assert key is not None
    assert str(key) == block("keys").strip()


def test_the_example_ids_are_those_of_the_example() -> None:
    """The same recipient, key id and officers id everywhere."""
    shown = dict(re.split(r"\s{2,}", line) for line in block("ids").splitlines())
    recipient = shown["recipient"]
    assert shown["key id"] == key_id(recipient)
    assert shown["officers id"] == officers_id([recipient])
    example = json.loads(block("json"))
    assert age.recipient_of(example["identity"]) == example["recipient"] == recipient
    key = parse_vault_key(block("keys").strip())
    assert key is not None
    assert (key.key_id, key.officers) == (shown["key id"], shown["officers id"])


def test_the_example_of_a_wrap_is_written_as_archiver_writes_it(key: OfficerKey) -> None:
    """The same keys in the same order, all described, and it opens."""
    example = block("json").encode()
    _, body = make_month("acme", SUBJECT, "2026-01", DEVICE, [key.recipient])
    identities = officers.read_identities(key.file)
    written = age.decrypt(body, identities)
    assert list(json.loads(example)) == list(json.loads(written)) == column("3. What a wrap holds")
    assert msgspec.json.encode(msgspec.json.decode(example)) + b"\n" == example
    assert written.endswith(b"}\n")
    named = parse_vault_key(block("keys").strip())
    assert named is not None
    sealed = age.encrypt(example, [key.recipient])
    assert open_wrap(sealed, identities, VaultKey.named(named.name, "0" * 16, sealed))


@needs_tools
def test_a_stranger_opens_a_chunk_with_age_zstd_and_jq(archive: Path) -> None:
    """Holding nothing but the bucket and an officer's key file."""
    assert run(archive, "open").count('"payload"') == LINES.count(b"\n")
    opened = subprocess.run(
        ["sh", "-c", "age -d -i month.key archive/*/class=*/*/*/*.age | zstd -dc"],
        cwd=archive, check=True, capture_output=True,
    )  # fmt: skip
    assert opened.stdout == LINES
    assert (archive / "month.key").stat().st_mode & 0o077 == 0


@needs_tools
def test_a_stranger_checks_a_wrap_against_its_name(archive: Path) -> None:
    """Both lines are the same, and differ where the wrap is under another's name."""
    one, two = run(archive, "check").splitlines()
    assert one == two
    (path,) = archive.glob("archive/tenant=acme/_keys/**/*.age")
    path.rename(path.with_name(re.sub(r"-\w{16}", "-" + "0" * 16, path.name, count=1)))
    one, two = run(archive, "check").splitlines()
    assert one != two


@needs_tools
def test_a_stranger_wraps_a_key_to_other_officers(archive: Path, key: OfficerKey) -> None:
    """What age made alone, archiver reads, under the name that archiver would give it."""
    identity, recipient = age.generate()
    (archive / "officers.txt").write_text(f"{recipient}\n{key.recipient}\n{recipient}\n")
    run(archive, "rewrap")
    found = wraps(archive)
    assert len(found) == 2
    new = next(one for one in found if one.officers == officers_id([recipient, key.recipient]))
    opened = open_wrap(found[new], [identity], new)
    for old, body in found.items():
        assert open_wrap(body, officers.read_identities(key.file), old) == opened


@needs_tools
def test_an_erased_month_opens_for_nobody(archive: Path) -> None:
    """The chunk itself is untouched."""
    (chunk,) = archive.glob("archive/tenant=acme/class=*/**/*.age")
    before = chunk.read_bytes()
    run(archive, "erase")
    assert wraps(archive) == {}
    assert run(archive, "open") == ""
    assert chunk.read_bytes() == before


@needs_tools
def test_a_key_of_age_keygen_serves_an_officer() -> None:
    """Nobody needs archiver to become one."""
    made = subprocess.run(["age-keygen"], check=True, capture_output=True)
    identities = officers.read_identities(made.stdout)
    month, body = make_month(
        "acme", SUBJECT, "2026-01", DEVICE, [age.recipient_of(one) for one in identities]
    )
    assert open_wrap(body, identities, VaultKey.of(month, body)).recipient == month.recipient
    theirs = subprocess.run(
        ["age-keygen", "-y"], input=made.stdout, check=True, capture_output=True
    )
    assert theirs.stdout.decode().strip() == age.recipient_of(identities[0])


@needs_tools
@pytest.mark.skipif(shutil.which("setsid") is None, reason="setsid is not installed")
def test_age_opens_a_key_file_that_archiver_locked(archive: Path) -> None:
    """It asks for the passphrase at a terminal, which is given one here."""
    identity, recipient = age.generate()
    (archive / "locked.key").write_bytes(age.lock(f"{identity}\n".encode(), "synthetic"))
    (archive / "sealed.age").write_bytes(age.encrypt(b"opened", [recipient]))
    terminal, side = os.openpty()
    command = ["setsid", "-c", "age", "-d", "-i", "locked.key", "-o", "out", "sealed.age"]
    with subprocess.Popen(command, cwd=archive, stdin=side, stdout=side, stderr=side) as asking:
        os.close(side)
        os.write(terminal, b"synthetic\n")
        assert asking.wait(timeout=120) == 0
    os.close(terminal)
    assert (archive / "out").read_bytes() == b"opened"
