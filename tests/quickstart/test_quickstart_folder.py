"""The folder of a quickstart: claimed once, refused where it is somebody else's."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from archiver.errors import PolicyInvalid, StateError, UnusableKey
from archiver.evidence.keys import SigningKey
from archiver.policy.load import load
from archiver.quickstart.document import check_policy, put_policy
from archiver.quickstart.place import QuickstartFolder

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.policy.document import Policy
    from archiver.quickstart.place import Home


ADMIN = SigningKey.generate("admin/quickstart").public


@pytest.fixture
def folder(tmp_path: Path) -> QuickstartFolder:
    """Name a folder that is not there yet, such that careless quoting would break."""
    return QuickstartFolder(tmp_path / 'it\'s "a" {look} \\ ü', "samples")


def policy_of(folder: QuickstartFolder) -> Policy:
    """Read the policy that lies there, as every command does."""
    return load(folder.policy, known_assistants=frozenset()).policy


def in_it(folder: QuickstartFolder) -> list[str]:
    """List what lies there."""
    return sorted(one.name for one in folder.root.iterdir())


class TestClaiming:
    """Whose folder it is."""

    def test_a_new_or_an_empty_folder_is_taken(self, folder: QuickstartFolder) -> None:
        """And can be taken again."""
        folder.claim()
        folder.claim()
        assert in_it(folder) == ["quickstart.json"]

    def test_a_folder_that_holds_anything_else_is_refused_untouched(
        self, folder: QuickstartFolder
    ) -> None:
        """However small."""
        folder.root.mkdir()
        (folder.root / "thesis.txt").touch()
        with pytest.raises(StateError, match="no quickstart put there"):
            folder.claim()
        assert in_it(folder) == ["thesis.txt"]

    def test_a_start_that_was_cut_off_does_not_lock_the_user_out(
        self, folder: QuickstartFolder
    ) -> None:
        """An unfinished marker is nobody's file."""
        folder.root.mkdir()
        (folder.root / ".tmp-0011223344556677").touch()
        folder.claim()

    def test_samples_and_a_real_home_never_share_an_archive(self, folder: QuickstartFolder) -> None:
        """Each has its own folder."""
        folder.claim()
        with pytest.raises(StateError, match="reads samples, not this machine"):
            QuickstartFolder(folder.root, "this machine").claim()

    @pytest.mark.parametrize("marker", [b"", b"{}", b"[]", b'{"quickstart": 2}', b"\xff"])
    def test_a_marker_that_is_not_ours_is_refused(
        self, marker: bytes, folder: QuickstartFolder
    ) -> None:
        """A newer version's, or another program's."""
        folder.root.mkdir()
        (folder.root / "quickstart.json").write_bytes(marker)
        with pytest.raises(StateError, match="not written by this version"):
            folder.claim()

    def test_a_name_that_no_policy_can_hold_is_refused_before_anything_is_made(
        self, tmp_path: Path
    ) -> None:
        """A line feed, or bytes that are not UTF-8."""
        for name in ("two\nlines", "\udcff"):
            with pytest.raises(StateError, match="a name that no policy can hold"):
                QuickstartFolder(tmp_path / name, "samples").claim()
        assert list(tmp_path.iterdir()) == []


class TestTheAdmin:
    """The key that vouches."""

    def test_it_is_made_once_and_only_its_user_can_read_it(self, folder: QuickstartFolder) -> None:
        """The next run finds the same one."""
        folder.claim()
        made = folder.put_admin()
        assert folder.put_admin().public == made.public
        assert folder.admin_public.read_text() == f"{made.public}\n"
        assert not folder.admin_key.stat().st_mode & 0o077

    def test_a_start_that_was_cut_off_between_the_halves_goes_on(
        self, folder: QuickstartFolder
    ) -> None:
        """The public half follows from the private one."""
        folder.claim()
        made = folder.put_admin()
        folder.admin_public.unlink()
        folder.put_admin()
        assert folder.admin_public.read_text() == f"{made.public}\n"

    def test_a_key_that_others_could_read_is_refused(self, folder: QuickstartFolder) -> None:
        """What it signs proves nothing any more."""
        folder.claim()
        folder.put_admin()
        folder.admin_key.chmod(0o644)
        with pytest.raises(UnusableKey, match="others may read"):
            folder.put_admin()


class TestSamples:
    """The conversations that the package brings along."""

    def test_all_of_them_are_copied_hidden_folders_too(self, folder: QuickstartFolder) -> None:
        """Byte for byte."""
        folder.claim()
        count = folder.put_samples()
        bundled = resources.files("archiver.quickstart") / "samples" / "home"
        copies = {
            path.relative_to(folder.home).as_posix(): path.read_bytes()
            for path in folder.home.rglob("*")
            if path.is_file()
        }
        assert len(copies) == count == 15
        assert all(bundled.joinpath(name).read_bytes() == body for name, body in copies.items())
        assert {name.partition("/")[0] for name in copies} == {
            ".claude", ".cline", ".continue", "projects",
        }  # fmt: skip

    def test_what_the_user_changed_stays_changed(self, folder: QuickstartFolder) -> None:
        """Only a file that is not there is written."""
        folder.claim()
        folder.put_samples()
        changed, gone = sorted(path for path in folder.home.rglob("*.json") if path.is_file())[:2]
        changed.write_text("mine")
        gone.unlink()
        assert folder.put_samples() == 1
        assert changed.read_text() == "mine"


class TestPolicy:
    """The document that it writes."""

    @pytest.mark.parametrize("reads", ["samples", "this machine"])
    def test_it_is_valid_and_keeps_everything_in_the_folder(
        self, reads: Home, folder: QuickstartFolder
    ) -> None:
        """One default tenant, a folder store, whatever the folder's name."""
        folder = QuickstartFolder(folder.root, reads)
        folder.claim()
        assert put_policy(folder, ADMIN)
        policy = policy_of(folder)
        check_policy(policy, folder)
        (tenant,) = policy.tenants
        assert tenant.conversations.default
        assert tenant.evidence.admin_keys == (str(ADMIN),)
        assert policy.schedule.quiet_seconds == (0 if reads == "samples" else 1)

    def test_its_subject_key_is_new_each_time(self, tmp_path: Path) -> None:
        """And only its user can read the file."""
        keys = set()
        for name in "ab":
            folder = QuickstartFolder(tmp_path / name, "samples")
            folder.claim()
            put_policy(folder, ADMIN)
            assert not folder.policy.stat().st_mode & 0o077
            document = tomllib.loads(folder.policy.read_text(encoding="utf-8"))
            keys.add(document["tenants"][0]["identity"]["subject_key"])
        assert [len(key) for key in keys] == [64, 64]

    def test_one_that_is_there_is_kept(self, folder: QuickstartFolder) -> None:
        """It is the user's to change."""
        folder.claim()
        put_policy(folder, ADMIN)
        before = folder.policy.read_bytes() + b"# mine\n"
        folder.policy.write_bytes(before)
        assert not put_policy(folder, ADMIN)
        assert folder.policy.read_bytes() == before

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('kind = "folder"\npath', 'kind = "s3"\nbucket = "synthetic-bucket"\n# path'),
            ('/archive"', '/elsewhere"'),
            ('kind = "folder"\n', 'kind = "folder"\nprefix = "ai"\n'),
            ("enabled = true", "enabled = false"),
        ],
    )
    def test_one_that_would_take_anything_elsewhere_is_refused(
        self, old: str, new: str, tmp_path: Path
    ) -> None:
        """A quickstart needs no network and leaves nothing outside its folder."""
        folder = QuickstartFolder(tmp_path / "look", "samples")
        folder.claim()
        put_policy(folder, ADMIN)
        text = folder.policy.read_text(encoding="utf-8")
        assert old in text
        folder.policy.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(PolicyInvalid, match="does not keep everything"):
            check_policy(policy_of(folder), folder)
