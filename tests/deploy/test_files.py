"""What an admin copies from deploy/: it parses, and agrees with what archiver says itself."""

from __future__ import annotations

import json
import os
import plistlib
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from asking import share, terms

from archiver.buckets import documents
from archiver.cli.main import COMMANDS
from archiver.policy.folders import SIGNED, SOURCE, folders

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
ACME = share(terms(days=2557, lock="compliance"), terms("short", 180))
UNITS = {".service", ".xml", ".plist"}
BUCKET, REGION = "acme-conversations", "eu-central-1"


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("writer", documents.writer_document(BUCKET, ACME)),
        ("officer", documents.officer_document(BUCKET, (ACME,), REGION)),
        ("admin", documents.admin_document(BUCKET, (ACME,), REGION)),
    ],
)
def test_an_iam_policy_is_what_archiver_prints(name: str, document: dict[str, Any]) -> None:
    """To the last action."""
    assert json.loads((DEPLOY / "iam" / f"{name}.json").read_text()) == document


def test_no_iam_policy_lets_a_writer_do_more_than_put() -> None:
    """Nor an officer delete, nor an admin bypass a lock."""

    def granted(name: str) -> set[str]:
        document = json.loads((DEPLOY / "iam" / f"{name}.json").read_text())
        return {
            action
            for one in document["Statement"]
            if one["Effect"] == "Allow"
            for action in one["Action"]
        }

    assert granted("writer") == {"s3:PutObject", "s3:PutObjectRetention"}
    assert not any("Delete" in one for one in granted("officer"))
    assert not any("Bypass" in one or one == "s3:*" for one in granted("admin"))


@pytest.mark.parametrize("name", ["macos.sh", "linux.sh"])
def test_a_script_is_understood_by_a_shell(name: str) -> None:
    """Without running it."""
    done = subprocess.run(["sh", "-n", str(DEPLOY / "mdm" / name)], check=False)
    assert done.returncode == 0


def brought(folder: Path) -> tuple[Path, Path, str]:
    """Give files to be placed, the place, and the script for it that is run as nobody special."""
    source, target = folder / "from", folder / "to"
    source.mkdir(mode=0o755)
    for name in (SOURCE, SIGNED):
        (source / name).write_text(name)
        (source / name).chmod(0o644)
    text = (DEPLOY / "mdm" / "linux.sh").read_text()
    text = text.replace("-o root -g root ", "").replace("/etc/archiver", str(target))
    return source, target, text


@pytest.mark.parametrize("which", [".", SOURCE, SIGNED])
@pytest.mark.parametrize("how", ["writable", "link", "gone", "another's"])
def test_a_script_places_nothing_that_another_user_could_have_written(
    tmp_path: Path, which: str, how: str
) -> None:
    """It runs as root, and says whom the machine trusts."""
    source, target, text = brought(tmp_path)
    one = source / which
    if how == "writable":
        one.chmod(one.stat().st_mode | 0o002)
    elif how == "another's":
        if os.getuid():
            pytest.skip("only root gives files away")
        os.chown(one, 12345, 12345)
    else:
        moved = one.resolve().rename(tmp_path / "elsewhere")
        if how == "link":
            (source if which == "." else one).symlink_to(moved)
    done = subprocess.run(["sh", "-c", text, "sh", str(source)], check=False, capture_output=True)
    assert (done.returncode, b"nothing was placed" in done.stderr) == (1, True)
    assert not target.exists()


def test_no_script_takes_files_from_where_everybody_may_put_some() -> None:
    """Not even where its parameter is forgotten."""
    for path in (DEPLOY / "mdm").iterdir():
        assert not re.search(r"/tmp|/Users/Shared|\\Temp|\\Public", path.read_text()), path.name


def test_the_linux_script_places_both_files_whole(tmp_path: Path) -> None:
    """Run for real, in another place and as nobody special."""
    source, target, text = brought(tmp_path)
    for _ in range(2):
        subprocess.run(["sh", "-c", text, "sh", str(source)], check=True)
        assert {path.name: path.read_text() for path in target.iterdir()} == {
            name: name for name in (SOURCE, SIGNED)
        }


@pytest.mark.parametrize(
    ("name", "platform"),
    [
        ("macos.sh", "darwin"),
        ("linux.sh", "linux"),
        ("linux-playbook.yaml", "linux"),
        ("windows.ps1", "win32"),
    ],
)
def test_files_are_placed_where_archiver_looks(name: str, platform: str) -> None:
    """Under the names that it looks for."""
    text = (DEPLOY / "mdm" / name).read_text()
    machine = folders(platform, {}, Path("/home/synthetic")).machine
    expected = "'archiver'" if platform == "win32" else machine.as_posix()
    assert expected in text
    assert SOURCE in text
    assert SIGNED in text
    if platform == "win32":
        assert "$env:ProgramData" in text


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="PowerShell is not installed here")
def test_the_windows_script_is_understood_by_powershell() -> None:
    """Without running it."""
    path = DEPLOY / "mdm" / "windows.ps1"
    parse = f"[scriptblock]::Create((Get-Content -Raw '{path}')) | Out-Null"
    done = subprocess.run(["pwsh", "-NoProfile", "-Command", parse], check=False)
    assert done.returncode == 0


def test_the_windows_script_is_balanced() -> None:
    """All that can be told without PowerShell."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"|#.*", "", (DEPLOY / "mdm" / "windows.ps1").read_text())
    for left, right in ("()", "{}", "[]"):
        assert text.count(left) == text.count(right)


def test_the_profile_is_a_property_list_that_names_the_daemon() -> None:
    """By the label that its launchd agent has."""
    profile = plistlib.loads((DEPLOY / "mdm" / "macos.mobileconfig").read_bytes())
    (content,) = profile["PayloadContent"]
    labels = [rule["RuleValue"] for rule in content["Rules"]]
    assert labels == ["com.prompt-archiver.daemon"]
    agent = (DEPLOY / "com.prompt-archiver.daemon.plist").read_bytes()
    assert plistlib.loads(agent)["Label"] == labels[0]


def test_the_playbook_copies_both_files() -> None:
    """Readable by all, writable by root."""
    ((play,)) = yaml.safe_load((DEPLOY / "mdm" / "linux-playbook.yaml").read_text())
    copy = play["tasks"][1]
    assert copy["loop"] == [SOURCE, SIGNED]
    assert copy["ansible.builtin.copy"]["mode"] == "0644"


def jobs() -> dict[str, Any]:
    """Give the services of the compose file."""
    services: dict[str, Any] = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())[
        "services"
    ]
    return services


def test_the_jobs_are_commands_that_there_are() -> None:
    """And each gets only the secrets that it needs."""
    known = {entry.name for entry in COMMANDS}
    assert {one["command"][0] for one in jobs().values()} <= known
    for one in jobs().values():
        needed = [part for part in one["command"] if part.startswith("/run/secrets/")]
        assert {Path(part).name for part in needed} <= set(one["secrets"])
        assert ("admin.key" in one["secrets"]) == bool(needed)
        assert one["read_only"] is True


def test_the_image_is_of_this_source_and_runs_as_nobody_special() -> None:
    """With the pinned versions."""
    text = (DEPLOY / "container" / "Dockerfile").read_text()
    assert "--constraint /source/constraints.txt" in text
    assert re.search(r"^USER [1-9]", text, re.MULTILINE)
    assert 'ENTRYPOINT ["archiver"]' in text
    assert all(re.match(r"#|[A-Z]+ |    ?&& |$", line) for line in text.splitlines())


def test_what_an_admin_keeps_beside_the_source_gets_into_no_image_and_no_wheel() -> None:
    """Neither a whole folder of deploy/, nor secrets that lie in it."""
    text = (DEPLOY / "container" / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (.*)$", text, re.MULTILINE)
    names = {name for line in copied for name in line.split()[:-1]}
    known = {"archiver", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"}
    placed = {f"deploy/{path.name}" for path in DEPLOY.iterdir() if path.suffix in UNITS}
    assert names == known | placed
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert set(wheel["targets"]["wheel"]["force-include"]) == placed
    compose = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())
    for secret in compose["secrets"].values():
        assert secret["file"].startswith("${ARCHIVER_ADMIN}/")


def test_nothing_names_an_address_of_a_registry_or_a_secret() -> None:
    """Whoever builds it chooses where from."""
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert not re.search(r"(index-url|registry\.|docker\.io|pypi\.|AKIA[A-Z0-9]{16})", text)
