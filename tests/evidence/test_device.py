"""A device has one key, made when it first starts, and used by a process of its own."""

from __future__ import annotations

import stat
import sys
from typing import TYPE_CHECKING

import pytest

from archiver.errors import UnusableKey
from archiver.evidence import note
from archiver.evidence.device import DeviceSigner, sign_apart, signing_keys
from archiver.evidence.note import Outcome

if TYPE_CHECKING:
    from pathlib import Path

DEVICE, EARLIER = "00c0ffee00c0ffee", "0123456789abcdef"


def test_the_key_is_made_once_and_stays(tmp_path: Path) -> None:
    """Readable by its user only."""
    signer = DeviceSigner(tmp_path, DEVICE)
    assert signing_keys(tmp_path) == ()
    signer.make_ready()
    assert signing_keys(tmp_path) == (DEVICE,)
    (path,) = tmp_path.iterdir()
    body = path.read_bytes()
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    DeviceSigner(tmp_path, DEVICE).make_ready()
    assert path.read_bytes() == body
    assert DeviceSigner(tmp_path, DEVICE).public == signer.public


def test_another_process_signs_the_same(tmp_path: Path) -> None:
    """The daemon never loads the library that signs."""
    here, apart = DeviceSigner(tmp_path, DEVICE), DeviceSigner(tmp_path, DEVICE, apart=sign_apart)
    apart.make_ready()
    assert apart.public == here.public
    body = note.write(b"a text\n", apart)
    assert body == note.write(b"a text\n", here)
    assert note.signed_by(note.read(body), here.public) is Outcome.VALID


def test_a_folder_that_calls_itself_archiver_does_not_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor sees it where the key lies: a daemon may have been started anywhere."""
    signer = DeviceSigner(tmp_path / "keys", DEVICE, apart=sign_apart)
    (tmp_path / "keys").mkdir()
    package = tmp_path / "cwd" / "archiver" / "evidence"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    (package / "device.py").write_text("raise SystemExit('another program')")
    monkeypatch.chdir(tmp_path / "cwd")
    signer.make_ready()
    assert signer.public == DeviceSigner(tmp_path / "keys", DEVICE).public


def test_an_earlier_device_of_the_machine_has_a_key_of_its_own(tmp_path: Path) -> None:
    """It signs for what that device left behind."""
    signer = DeviceSigner(tmp_path, DEVICE)
    body = note.write(b"a text\n", signer, signer.of(EARLIER))
    assert signer.public != signer.of(EARLIER).public
    found = note.read(body)
    assert note.signed_by(found, signer.of(EARLIER).public) is Outcome.VALID
    assert signing_keys(tmp_path) == (DEVICE, EARLIER)


def test_a_key_that_cannot_sign_says_which_file_to_look_at(tmp_path: Path) -> None:
    """From the other process too."""
    signer = DeviceSigner(tmp_path, DEVICE, apart=sign_apart)
    signer.make_ready()
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"rubbish")
    with pytest.raises(UnusableKey) as refused:
        signer.sign(b"a text\n")
    assert path.name in refused.value.advice
    assert "rubbish" not in f"{refused.value} {refused.value.advice}"
