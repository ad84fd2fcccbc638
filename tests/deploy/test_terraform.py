"""The Terraform modules ask for what `archiver bucket plan` asks for, rule by rule."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hcl2
import pytest
from asking import HOLD, SUBJECT, WRITER, ask, share, terms

from archiver.buckets.statements import Parties, said
from archiver.buckets.values import Default, LifecycleRule, LockRule

if TYPE_CHECKING:
    from archiver.buckets.wanted import Share, Wanted

TERRAFORM = Path(__file__).parents[2] / "deploy" / "terraform"
MODULES = ("s3", "s3/rules", "r2", "r2/rules")
DAY = 86_400

runs_terraform = pytest.mark.skipif(
    shutil.which("terraform") is None,
    reason="TERRAFORM NOT INSTALLED: the modules were parsed, and not evaluated",
)


def terraform(*arguments: str, folder: Path) -> str:
    """Run it without network, settings of this user, or colours."""
    command = ["terraform", f"-chdir={folder}", *arguments]
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def evaluated(module: str, folder: Path, variables: dict[str, Any]) -> dict[str, Any]:
    """Give the outputs of a module of values."""
    place = folder / "module"
    shutil.copytree(TERRAFORM / module, place)
    (place / "terraform.tfvars.json").write_text(json.dumps(variables))
    terraform("init", "-no-color", folder=place)
    terraform("apply", "-no-color", "-auto-approve", folder=place)
    outputs = json.loads(terraform("output", "-json", folder=place))
    return {name: one["value"] for name, one in outputs.items()}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_parses(module: str) -> None:
    """With a parser that is not Terraform's."""
    for path in (TERRAFORM / module).glob("*.tf"):
        assert hcl2.loads(path.read_text())


@runs_terraform
@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_formatted(module: str) -> None:
    """As `terraform fmt` would."""
    terraform("fmt", "-check", folder=TERRAFORM / module)


def classes(one: Share) -> list[dict[str, Any]]:
    """Write the classes of a tenant as a module takes them."""
    return [{"name": c.klass, "days": c.days, "lock": c.lock} for c in one.terms]


S3_CASES: tuple[tuple[Share, ...], ...] = (
    (share(),),
    (share(terms(days=None)),),
    (share(terms(days=30, lock="compliance"), terms("short", 5, "governance"), prefix=""),),
    (share(terms(days=9, lock="compliance")),),
    (
        share(terms(days=30, lock="compliance"), sealed=True, grace_days=7),
        share(terms(days=None), terms("b", 2, "governance"), tenant="other"),
    ),
)
PARTIES = (Parties((WRITER, f"{WRITER}-2")), Parties(admins=(WRITER,)))


@runs_terraform
@pytest.mark.parametrize(
    ("shares", "parties", "held"),
    [
        *((shares, PARTIES[0], False) for shares in S3_CASES),
        *((S3_CASES[number], PARTIES[1], True) for number in (0, 2)),
    ],
)
def test_the_s3_module_agrees_with_the_plan(
    tmp_path: Path, shares: tuple[Share, ...], parties: Parties, *, held: bool
) -> None:
    """Lock, default lock, every lifecycle rule, every statement."""
    holds = {one.tenant: (HOLD,) if held else () for one in shares}
    wanted = ask(*shares, parties=parties, holds=holds)
    tenants = [
        {
            "id": one.tenant,
            "prefix": one.prefix,
            "grace_days": one.grace_days,
            "sealed": one.sealed,
            "held": held,
            "classes": classes(one),
        }
        for one in shares
    ]
    said_to = {
        "bucket": wanted.place.name,
        "tenants": tenants,
        "writer_arns": parties.writers,
        "admin_arns": parties.admins,
    }
    found = evaluated("s3/rules", tmp_path, said_to)
    assert found["object_lock"] is wanted.bucket.object_lock
    default = found.get("default_lock")
    assert (default and Default(default["mode"].lower(), default["days"])) == wanted.bucket.default
    assert {LifecycleRule(**one) for one in found["lifecycle"]} == set(lifecycle(wanted))
    statements = json.loads(found["policy"])["Statement"]
    assert tuple(said(one) for one in statements) == wanted.bucket.statements


def lifecycle(wanted: Wanted) -> tuple[LifecycleRule, ...]:
    """Give the lifecycle rules."""
    assert isinstance(wanted.bucket.lifecycle, tuple)
    return wanted.bucket.lifecycle


@runs_terraform
@pytest.mark.parametrize(
    ("shares", "held"),
    [
        (shares, held)
        for shares in (
            (share(terms(days=2, lock="rule"), terms("b", None), prefix="", grace_days=3),),
            (share(), share(terms(days=9, lock="rule"), tenant="other")),
        )
        for held in (False, True)
    ],
)
def test_the_r2_module_agrees_with_the_plan(
    tmp_path: Path, shares: tuple[Share, ...], *, held: bool
) -> None:
    """Every lifecycle rule, every lock rule, and those of holds."""
    one_person = type(HOLD)(id="case-2", matter="m", reason="r", subject=SUBJECT)
    holds = {one.tenant: (HOLD, one_person) if held else () for one in shares}
    wanted = ask(*shares, kind="r2", holds=holds)
    written = [{"id": "case-1"}, {"id": "case-2", "subject": SUBJECT}] if held else []
    tenants = [
        {
            "id": one.tenant,
            "prefix": one.prefix,
            "grace_days": one.grace_days,
            "holds": written,
            "classes": classes(one),
        }
        for one in shares
    ]
    found = evaluated("r2/rules", tmp_path, {"tenants": tenants})
    rules = {
        LifecycleRule(
            id=one["id"],
            prefix=one["prefix"],
            enabled=one["enabled"],
            days=one["delete_seconds"] and one["delete_seconds"] // DAY,
            abort=one["abort_seconds"] and one["abort_seconds"] // DAY,
        )
        for one in found["lifecycle"]
    }
    assert rules == set(lifecycle(wanted))
    locks = {
        LockRule(id=one["id"], prefix=one["prefix"], seconds=one["seconds"])
        for one in found["locks"]
    }
    assert locks == set(wanted.bucket.lock_rules)  # type: ignore[arg-type]


def resources(module: str) -> dict[str, dict[str, Any]]:
    """Give the resources of a module, by type."""
    parsed = hcl2.loads((TERRAFORM / module / "main.tf").read_text())
    return {
        kind.strip('"'): next(iter(named.values()))
        for one in parsed["resource"]
        for kind, named in one.items()
    }


def test_the_s3_resources_take_everything_from_the_rules() -> None:
    """What the module of values says is what is set, and the rest is what the plan wants."""
    found = resources("s3")
    assert set(found) == {
        "aws_s3_bucket",
        "aws_s3_bucket_lifecycle_configuration",
        "aws_s3_bucket_object_lock_configuration",
        "aws_s3_bucket_policy",
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_server_side_encryption_configuration",
        "aws_s3_bucket_versioning",
    }
    assert found["aws_s3_bucket"]["object_lock_enabled"] == "${module.rules.object_lock}"
    assert found["aws_s3_bucket_policy"]["policy"] == "${module.rules.policy}"
    block = found["aws_s3_bucket_public_access_block"]
    switches = ("block_public_acls", "ignore_public_acls", "block_public_policy")
    assert all(block[name] is True for name in (*switches, "restrict_public_buckets"))
    (versioning,) = found["aws_s3_bucket_versioning"]["versioning_configuration"]
    assert versioning["status"].strip('"') == "Enabled"
    lock, rules = (
        found[f"aws_s3_bucket_{name}"]
        for name in ("object_lock_configuration", "lifecycle_configuration")
    )
    assert "module.rules.default_lock" in str(lock["dynamic"])
    assert "module.rules.lifecycle" in str(rules["dynamic"])
    for name in ("id", "enabled", "prefix", "days", "markers", "noncurrent", "abort"):
        assert f".{name}" in str(rules["dynamic"])


def test_the_r2_resources_take_everything_from_the_rules() -> None:
    """And locks come before removal."""
    found = resources("r2")
    assert set(found) == {
        "cloudflare_r2_bucket",
        "cloudflare_r2_bucket_lifecycle",
        "cloudflare_r2_bucket_lock",
    }
    assert "module.rules.locks" in str(found["cloudflare_r2_bucket_lock"]["rules"])
    rules = found["cloudflare_r2_bucket_lifecycle"]
    assert "module.rules.lifecycle" in str(rules["rules"])
    assert "cloudflare_r2_bucket_lock.archive" in str(rules["depends_on"])


@pytest.mark.parametrize("module", ["s3", "r2"])
def test_the_example_gives_only_what_the_module_knows(module: str) -> None:
    """And everything that has no default."""
    given = json.loads((TERRAFORM / module / "example.tfvars.json").read_text())
    parsed = hcl2.loads((TERRAFORM / module / "variables.tf").read_text())
    known = {name.strip('"'): body for one in parsed["variable"] for name, body in one.items()}
    assert set(given) <= set(known)
    assert {name for name, body in known.items() if "default" not in body} <= set(given)
