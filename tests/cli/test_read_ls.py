"""``archiver ls``, and which archive the reading commands read."""

from __future__ import annotations

import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Said, Story


@pytest.fixture
def write_only(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Start an S3 server that lets nobody read; give the store that names it."""

    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
            self.send_response(403)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    credentials = tmp_path / "device.ini"
    credentials.write_text(
        "[default]\naws_access_key_id = SYNTHETIC\naws_secret_access_key = synthetic\n"
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuses)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield {
        "kind": "s3",
        "bucket": "synthetic-bucket",
        "endpoint": f"http://127.0.0.1:{server.server_port}",
        "path_style": True,
        "credentials_file": str(credentials),
    }
    server.shutdown()
    thread.join()
    server.server_close()


def ids(said: Said) -> set[str]:
    """Give the conversations that ``ls --json`` lists."""
    return {row["conversation"] for row in said.json["conversations"]}


class TestTheTable:
    """What is listed."""

    def test_every_conversation_stands_with_its_times_and_sizes(
        self, archiver: Callable[..., Said], told: Story
    ) -> None:
        """One line each, below a line of names."""
        said = archiver("ls", "--archive", told.archive)
        head, *rows = said.out.splitlines()
        assert head.split() == [
            "TENANT", "ASSISTANT", "CONVERSATION", "FIRST", "LAST", "RECORDS", "DEVICES", "SIZE",
        ]  # fmt: skip
        assert (said.code, len(rows)) == (0, 6)
        (row,) = (row.split() for row in rows if told.claude in row)
        assert row[:4] == ["quickstart", "claude-code", told.claude, "2026-01-05T09:30:00Z"]
        assert row[6] == "1"

    def test_the_json_counts_every_record(self, archiver: Callable[..., Said], told: Story) -> None:
        """Twenty-one of the sample, one added, the rewind and what it may have read again."""
        said = archiver("ls", "--archive", told.archive, "--json")
        (row,) = (one for one in said.json["conversations"] if one["conversation"] == told.claude)
        assert 23 <= row["records"] <= 26
        assert len(row["devices"]) == 1
        assert row["stored_bytes"] > 0
        assert (said.json["unreadable_manifests"], said.json["not_read"]) == ([], [])

    def test_assistant_filters(self, archiver: Callable[..., Said], told: Story) -> None:
        """By its name in records."""
        said = archiver("ls", "--archive", told.archive, "--json", "--assistant", "claude-code")
        assert ids(said) == {told.claude, told.short_lived}

    def test_since_and_until_keep_what_overlaps_the_span(
        self, archiver: Callable[..., Said], told: Story
    ) -> None:
        """A conversation that began before and went on is within; both days are inclusive."""
        begun = archiver("ls", "--archive", told.archive, "--json", "--until", "2026-01-05")
        assert ids(begun) == {told.claude, "1767607200000"}
        before = archiver("ls", "--archive", told.archive, "--json", "--until", "2026-01-04")
        assert ids(before) == set()
        then, now = told.states[1].at, told.states[-1].at
        going_on = archiver("ls", "--archive", told.archive, "--json", "--since", then)
        assert told.claude in ids(going_on)
        after = archiver("ls", "--archive", told.archive, "--json", "--since", now)
        assert ids(after) == set()

    def test_nothing_that_fits_is_said(self, archiver: Callable[..., Said], told: Story) -> None:
        """And is no error."""
        said = archiver("ls", "--archive", told.archive, "--assistant", "unknown")
        assert (said.code, said.out) == (0, "No conversation fits.\n")

    def test_a_manifest_that_was_altered_is_told_and_the_rest_is_listed(
        self, archiver: Callable[..., Said], story: Story
    ) -> None:
        """With exit code 1, so that a script notices."""
        first = min(story.archive.rglob("_manifests/*/*.note"))
        first.write_bytes(first.read_bytes().replace(b'"v":1', b'"v":2'))
        said = archiver("ls", "--archive", story.archive)
        assert said.code == 1
        assert "_manifests/" in said.err
        assert story.short_lived in said.out


class TestAFolder:
    """``--archive``."""

    def test_the_folder_above_the_archive_will_do(
        self, archiver: Callable[..., Said], told: Story
    ) -> None:
        """The tenant= folders are looked for below it."""
        assert told.claude in ids(archiver("ls", "--archive", told.root, "--json"))

    def test_a_prefix_is_found_by_itself(
        self, archiver: Callable[..., Said], story: Story, tmp_path: Path
    ) -> None:
        """As in a bucket that was downloaded whole."""
        shutil.copytree(story.archive, tmp_path / "bucket" / "ai" / "2026")
        said = archiver("ls", "--archive", tmp_path / "bucket", "--json")
        assert story.claude in ids(said)
        bucket = ("--archive", tmp_path / "bucket")
        assert archiver("verify", "--read-data", *bucket, "--admin-key", story.admin).code == 0

    def test_of_two_archives_one_must_be_named(
        self, archiver: Callable[..., Said], story: Story, tmp_path: Path
    ) -> None:
        """The error lists them; --prefix chooses."""
        for name in ("a", "b"):
            shutil.copytree(story.archive, tmp_path / "bucket" / name)
        said = archiver("ls", "--archive", tmp_path / "bucket")
        assert said.code == 3
        assert "2 archives: a, b" in said.err
        chosen = archiver("ls", "--archive", tmp_path / "bucket", "--prefix", "b/", "--json")
        assert story.claude in ids(chosen)

    def test_a_folder_that_is_not_there_is_not_made(
        self, archiver: Callable[..., Said], tmp_path: Path
    ) -> None:
        """A reader writes nothing."""
        said = archiver("ls", "--archive", tmp_path / "nowhere")
        assert said.code == 3
        assert "is not there" in said.err
        assert not (tmp_path / "nowhere").exists()

    def test_a_file_or_an_empty_folder_is_no_archive(
        self, archiver: Callable[..., Said], tmp_path: Path
    ) -> None:
        """Each with what to do."""
        (tmp_path / "file").touch()
        (tmp_path / "empty").mkdir()
        assert "is not a folder" in archiver("verify", "--archive", tmp_path / "file").err
        said = archiver("ls", "--archive", tmp_path / "empty")
        assert (said.code, "tenant=" in said.err) == (3, True)

    def test_an_unknown_tenant_is_told_who_is_there(
        self, archiver: Callable[..., Said], told: Story
    ) -> None:
        """Not an empty table."""
        said = archiver("ls", "--archive", told.archive, "--tenant", "acme")
        assert said.code == 3
        assert "there is quickstart" in said.err


class TestThePolicy:
    """``--config``: the stores of its tenants."""

    def test_the_stores_of_all_tenants_are_one_list(
        self, archiver: Callable[..., Said], told: Story
    ) -> None:
        """Here one, from the quickstart's own policy."""
        said = archiver("ls", "--config", told.root / "policy.toml", "--json")
        assert told.claude in ids(said)

    def test_a_store_that_is_away_does_not_hide_the_others(
        self,
        archiver: Callable[..., Said],
        told: Story,
        policy: Callable[..., Path],
        tenant: Callable[..., dict[str, Any]],
        tmp_path: Path,
    ) -> None:
        """What could be read is shown; what could not is told, and the exit code is 3."""
        config = policy(
            tenant("away", {"kind": "folder", "path": str(tmp_path / "unmounted")}),
            tenant("quickstart", {"kind": "folder", "path": str(told.archive)}),
        )
        said = archiver("ls", "--config", config)
        assert (said.code, told.claude in said.out) == (3, True)
        assert "unmounted is not there" in said.err
        assert not (tmp_path / "unmounted").exists()
        alone = archiver("ls", "--config", config, "--tenant", "quickstart")
        assert (alone.code, alone.err) == (0, "")
        assert archiver("ls", "--config", config, "--tenant", "away").code == 3

    def test_what_is_not_found_may_be_in_the_store_that_is_away(
        self,
        archiver: Callable[..., Said],
        told: Story,
        policy: Callable[..., Path],
        tenant: Callable[..., dict[str, Any]],
        tmp_path: Path,
    ) -> None:
        """So its error is shown, not "no such conversation"."""
        config = policy(
            tenant("away", {"kind": "folder", "path": str(tmp_path / "unmounted")}),
            tenant("quickstart", {"kind": "folder", "path": str(told.archive)}),
        )
        assert "unmounted is not there" in archiver("show", "zz", "--config", config).err
        assert archiver("show", told.claude, "--config", config, "--json").code == 3

    def test_credentials_that_may_only_write_are_named_as_that(
        self,
        archiver: Callable[..., Said],
        policy: Callable[..., Path],
        tenant: Callable[..., dict[str, Any]],
        write_only: dict[str, Any],
    ) -> None:
        """With what a reader needs instead."""
        config = policy(tenant("acme", write_only))
        for command in (["ls"], ["show", "x"], ["verify"], ["restore", "x", "--to", "out"]):
            said = archiver(*command, "--config", config)
            assert said.code == 3
            assert "may not read the store" in said.err
            assert "s3:ListBucket" in said.err

    def test_a_tenant_that_is_not_in_the_policy_is_a_mistake_in_the_command(
        self, archiver: Callable[..., Said], told: Story
    ) -> None:
        """It names those that are."""
        said = archiver("ls", "--config", told.root / "policy.toml", "--tenant", "acme")
        assert said.code == 64
        assert "quickstart" in said.err

    def test_a_prefix_is_the_policys_to_name(
        self, archiver: Callable[..., Said], told: Story
    ) -> None:
        """--prefix without --archive is refused, not ignored."""
        said = archiver("ls", "--config", told.root / "policy.toml", "--prefix", "ai")
        assert (said.code, "--archive" in said.err) == (64, True)

    def test_without_a_policy_the_exit_code_is_78(
        self, archiver: Callable[..., Said], tmp_path: Path
    ) -> None:
        """And --archive needs none."""
        assert archiver("ls", "--config", tmp_path / "none.toml").code == 78
