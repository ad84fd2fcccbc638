"""``archiver policy import-cline``: a policy and kept keys, of which nobody sees one."""

from __future__ import annotations

import io
import json
import stat
import sys
from typing import TYPE_CHECKING, Any

import pytest

from archiver.credentials import keeping, places
from archiver.policy.load import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KNOWN = frozenset({"cline", "cline-4"})
KEY_ID = "AKIACANARYCANARY"
SECRET = "canary-secret-access-key"
ACCOUNT = "0123456789abcdef0123456789abcdef"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the paths are those of Linux")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the user an empty home, and no keyring."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "ARCHIVER_CONFIG", "ARCHIVER_STATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return home


@pytest.fixture
def cline(tmp_path: Path) -> Callable[..., Path]:
    """Write a synthetic configuration with these settings of R2."""

    def put(**more: Any) -> Path:
        settings = {"bucket": "acme-prompts", "accessKeyId": KEY_ID, "secretAccessKey": SECRET}
        uploading = {
            "enabled": True,
            "type": "r2_access_keys",
            "r2AccessSettings": settings | {"accountId": ACCOUNT} | more,
        }
        path = tmp_path / "remote_config_org.json"
        path.write_text(json.dumps({"enterpriseTelemetry": {"promptUploading": uploading}}))
        return path

    return put


def place(home: Path) -> Path:
    """Give the place of the user's policy."""
    return home / ".config" / "archiver" / "policy.toml"


def test_it_makes_a_policy_and_moves_the_keys(
    home: Path, archiver: Callable[..., Any], cline: Callable[..., Path]
) -> None:
    """The policy is valid; the keys are where `credentials` finds them, for this user alone."""
    said = archiver("policy", "import-cline", cline(intervalMs=30_000), "--tenant", "acme")
    assert said.code == 0, said.err
    (tenant,) = load(place(home), known_assistants=KNOWN).policy.tenants
    assert (tenant.id, tenant.store.kind) == ("acme", "r2")
    keys = keeping.find("acme")
    assert keys is not None
    assert (keys.key_id, keys.secret) == (KEY_ID, SECRET)
    assert stat.S_IMODE(places.path_of("acme").stat().st_mode) == 0o600
    listed = archiver("credentials", "list", "--json")
    assert (listed.code, [one["tenant"] for one in listed.json]) == (0, ["acme"])


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_no_key_is_seen_anywhere_else(
    home: Path, archiver: Callable[..., Any], cline: Callable[..., Path], options: tuple[str, ...]
) -> None:
    """Not on the screen, and in no file but the one that keeps them."""
    said = archiver("policy", "import-cline", cline(), "--tenant", "acme", *options)
    assert said.code == 0
    for canary in (KEY_ID, SECRET):
        assert canary not in said.out + said.err
        holding = [
            path for path in home.rglob("*") if path.is_file() and canary in path.read_text()
        ]
        assert holding == [places.path_of("acme")]


def test_what_became_of_each_setting_is_told(
    archiver: Callable[..., Any], cline: Callable[..., Path]
) -> None:
    """To people under three headings, to programs one by one; and that keys must be rotated."""
    path = cline(maxRetries=5, maxFailedAgeMs=604_800_000, region="auto", backfillEnabled=True)
    said = archiver("policy", "import-cline", path, "--tenant", "acme")
    taken, better, none = (
        said.out.index(heading)
        for heading in ("Taken over:", "Done in a better way:", "Without an equal here:")
    )
    assert taken < said.out.index("  backfillEnabled: ") < better
    assert better < said.out.index("  maxRetries: ") < none
    assert none < said.out.index("  region: R2 has none")
    assert "make new ones that may only write" in said.err
    assert said.out.splitlines()[-2:] == ["archiver credentials test acme", "archiver doctor"]
    again = archiver("policy", "import-cline", path, "--tenant", "acme", "--yes", "--json")
    fates = {one["setting"]: one["becomes"] for one in again.json["settings"]}
    assert (fates["maxFailedAgeMs"], fates["region"]) == ("better", "none")
    assert "make new ones that may only write" in again.err


def test_the_keys_can_be_left(
    home: Path, archiver: Callable[..., Any], cline: Callable[..., Path]
) -> None:
    """Then the next step is to set others."""
    said = archiver("policy", "import-cline", cline(), "--tenant", "acme", "--leave-keys")
    assert said.code == 0
    assert keeping.find("acme") is None
    assert place(home).exists()
    assert "archiver credentials set acme" in said.out.splitlines()


def test_standard_input_is_read_as_well(
    home: Path,
    archiver: Callable[..., Any],
    cline: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that the configuration need not lie in a file."""
    body = io.BytesIO(cline().read_bytes())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(body))
    assert archiver("policy", "import-cline", "-", "--tenant", "acme").code == 0
    assert place(home).exists()


def test_nothing_is_replaced_unasked(
    home: Path, archiver: Callable[..., Any], cline: Callable[..., Path]
) -> None:
    """Neither the policy nor the keys; where nobody can be asked only --yes is consent."""
    assert archiver("policy", "import-cline", cline(), "--tenant", "acme").code == 0
    before = place(home).read_bytes()
    other = cline(accessKeyId="AKIAOTHEROTHER00", bucket="other-prompts")
    assert archiver("policy", "import-cline", other, "--tenant", "acme").code == 64
    elsewhere = home / "elsewhere.toml"
    assert (
        archiver("policy", "import-cline", other, "--tenant", "acme", "--to", elsewhere).code == 64
    )
    kept = keeping.find("acme")
    assert kept is not None
    assert (kept.key_id, place(home).read_bytes()) == (KEY_ID, before)
    assert not elsewhere.exists()
    assert archiver("policy", "import-cline", other, "--tenant", "acme", "--yes").code == 0
    replaced = keeping.find("acme")
    assert replaced is not None
    assert replaced.key_id == "AKIAOTHEROTHER00"


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({"bucket": ""}, "r2AccessSettings.bucket"),
        ({"accountId": "mine"}, "r2AccessSettings.accountId"),
        ({"maxRetries": "5"}, "r2AccessSettings.maxRetries"),
    ],
)
def test_a_wrong_configuration_is_told_by_its_path_and_nothing_is_written(
    home: Path,
    archiver: Callable[..., Any],
    cline: Callable[..., Path],
    more: dict[str, Any],
    names: str,
) -> None:
    """No policy, no key, no secret."""
    said = archiver("policy", "import-cline", cline(**more), "--tenant", "acme")
    assert said.code == 78
    assert names in said.err
    assert SECRET not in said.err
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_keys_that_can_be_none_are_refused_before_anything_is_written(
    home: Path, archiver: Callable[..., Any], cline: Callable[..., Path]
) -> None:
    """A space within, as a slip of the hand leaves it."""
    path = cline(secretAccessKey=f"{SECRET} {SECRET}")
    said = archiver("policy", "import-cline", path, "--tenant", "acme")
    assert said.code != 0
    assert SECRET not in said.out + said.err
    assert not place(home).exists()


@pytest.mark.parametrize(
    ("body", "says"), [(b"\xff\xfe", "is not UTF-8"), (b"{", "not valid JSON"), (None, "cannot be")]
)
def test_a_file_that_cannot_be_read_is_named(
    archiver: Callable[..., Any], tmp_path: Path, body: bytes | None, says: str
) -> None:
    """And what to name in its place."""
    path = tmp_path / "config.json"
    if body is not None:
        path.write_bytes(body)
    said = archiver("policy", "import-cline", path, "--tenant", "acme")
    assert said.code == 78
    assert says in said.err


def test_a_tenant_that_is_no_name_is_refused(
    archiver: Callable[..., Any], cline: Callable[..., Path]
) -> None:
    """By the rule of the policy."""
    said = archiver("policy", "import-cline", cline(), "--tenant", "../acme")
    assert said.code in (64, 78)
    assert "tenant" in said.err
