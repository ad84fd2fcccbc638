"""The whole way over a real S3 server, by the commands that a user types."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from laptop import line, lines

from archiver.vault import age

if TYPE_CHECKING:
    from servers import Ceph

pytestmark = pytest.mark.ceph


@dataclass
class User:
    """Somebody with a home, a policy for a bucket, and a shell."""

    home: Path
    store: dict[str, Any]
    rules: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Write the policy, with an admin's public key in it."""
        self.admin = self.home / "admin.key"
        made = self.type("keys", "generate", "admin", "--name", "acme", "--to", str(self.admin))
        assert made.returncode == 0, made.stderr
        public = self.admin.with_name("admin.key.pub").read_text().strip()
        self.policy = self.home / "policy.json"
        tenant = {
            "id": "acme",
            "conversations": {"default": True},
            "identity": {"source": "fixed", "value": "dev", "subject_key": "synthetic-key-0123"},
            "store": self.store,
            "evidence": {"admin_keys": [public]},
            **self.rules,
        }
        schedule = {"quiet_seconds": 0}
        document = {"version": 1, "tenants": [tenant], "schedule": schedule}
        self.policy.write_text(json.dumps(document))

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run archiver."""
        environ = {name: value for name, value in os.environ.items() if "AWS" not in name} | {
            "HOME": str(self.home),
            "ARCHIVER_CONFIG": str(self.home / "policy.json"),
            "ARCHIVER_ADMIN_KEY": str(self.home / "admin.key"),
            "ARCHIVER_STATE": str(self.home / "state"),
        }
        return subprocess.run(
            [sys.executable, "-m", "archiver", *words],
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def vouch(self) -> None:
        """Approve this device and sign for what is there, as its admin does."""
        for words in (("device", "approve", "--all", "--yes"), ("checkpoint",)):
            done = self.type(*words)
            assert done.returncode == 0, done.stderr

    def chat(self, content: bytes) -> Path:
        """Write a Claude Code transcript."""
        path = self.home / ".claude" / "projects" / "-p" / "c1.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


def user_of(
    ceph: Ceph,
    home: Path,
    bucket: str,
    changes: dict[str, Any] | None = None,
    rules: dict[str, Any] | None = None,
) -> User:
    """Give a user whose policy names a bucket on the server."""
    store: dict[str, Any] = {
        "kind": "s3",
        "bucket": bucket,
        "prefix": "ai/talk",
        "endpoint": ceph.endpoint,
        "path_style": True,
        "credentials_file": str(ceph.credentials_file(home)),
        **(changes or {}),
    }
    return User(home, store, rules or {})


def test_a_conversation_goes_to_the_bucket_and_comes_back(ceph: Ceph, tmp_path: Path) -> None:
    """Sync, list, verify, restore, and a stranger's own look into the bucket."""
    user = user_of(ceph, tmp_path, bucket := ceph.new_bucket())
    content = lines(*range(40))
    user.chat(content)
    done = user.type("sync")
    assert done.returncode == 0, done.stderr
    assert "c1" in user.type("ls").stdout
    unknown = user.type("verify", "--read-data")
    assert (unknown.returncode, "no admin has approved" in unknown.stdout) == (2, True)
    user.vouch()
    proved = user.type("verify", "--read-data", "--read-records")
    assert proved.returncode == 0, proved.stdout
    assert user.type("restore", "c1", "--to", str(tmp_path / "out")).returncode == 0
    (restored,) = (tmp_path / "out").rglob("c1.jsonl")
    assert restored.read_bytes() == content
    with ceph.client() as client:
        keys = [one["Key"] for one in client.list_objects_v2(Bucket=bucket)["Contents"]]
        chunk = next(key for key in keys if "/dt=" in key)
        assert chunk.startswith("ai/talk/tenant=acme/class=standard/subject=")
        body = client.get_object(Bucket=bucket, Key=chunk)["Body"].read()
    if shutil.which("zstd") and shutil.which("jq"):
        raw = subprocess.run(["zstd", "-dc"], input=body, capture_output=True, check=True).stdout
        told = subprocess.run(["jq", "-c", ".payload"], input=raw, capture_output=True, check=True)
        assert told.stdout.count(b"\n") == 40


def test_wrong_keys_wait_and_right_ones_deliver(ceph: Ceph, tmp_path: Path) -> None:
    """Nothing is lost on a 403: it waits, says why, and arrives when the keys are corrected."""
    user = user_of(replace(ceph, secret_key="wrong"), tmp_path, ceph.new_bucket())
    user.chat(lines(1, 2))
    refused = user.type("sync")
    assert refused.returncode == 1
    assert "waits for credentials" in refused.stderr
    assert "Traceback" not in refused.stderr
    told = json.loads(user.type("status", "--json").stdout)["status"]["tenants"][0]
    assert (told["pending_chunks"], told["waiting"]["reason"]) == (1, "credentials")
    right = ceph.credentials_file(tmp_path)
    Path(user.store["credentials_file"]).write_text(right.read_text())
    done = user.type("sync")
    assert done.returncode == 0, done.stderr
    user.vouch()
    assert user.type("verify", "--read-data").returncode == 0


def test_a_sealed_conversation_is_read_by_its_officer_alone(ceph: Ceph, tmp_path: Path) -> None:
    """What lies in the bucket tells nobody what was said, and comes back for who has the key."""
    officer = age.generate()
    sealing = {"sealing": {"officers": [officer[1]]}}
    user = user_of(ceph, tmp_path, bucket := ceph.new_bucket(), rules=sealing)
    content = line(1, message={"content": "CANARY-of-the-sealed-story"})
    user.chat(content)
    done = user.type("sync")
    assert done.returncode == 0, done.stderr
    user.vouch()
    assert user.type("verify", "--read-data").returncode == 0
    with ceph.client() as client:
        keys = [one["Key"] for one in client.list_objects_v2(Bucket=bucket)["Contents"]]
        stored = [client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]
    assert sum(key.endswith(".jsonl.zst.age") for key in keys) == 1
    assert sum("/_keys/" in key for key in keys) == 1
    assert not any(b"CANARY" in body or b'"c1"' in body for body in stored)
    assert "c1" not in user.type("ls").stdout
    identity = tmp_path / "officer.txt"
    identity.write_text(officer[0])
    opened = ("--identity", str(identity))
    assert "c1" in user.type("ls", *opened).stdout
    assert user.type("verify", "--read-records", *opened).returncode == 0
    back = user.type("restore", "c1", "--to", str(tmp_path / "out"), *opened)
    assert back.returncode == 0, back.stderr
    (restored,) = (tmp_path / "out").rglob("c1.jsonl")
    assert restored.read_bytes() == content


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"bucket": "no-such-bucket-here"}, "bucket"),
        ({"endpoint": "http://127.0.0.1:9"}, "time"),
    ],
)
def test_a_wrong_place_is_a_waiting_state_with_advice(
    ceph: Ceph, tmp_path: Path, changes: dict[str, str], says: str
) -> None:
    """A missing bucket or a server that is not there: an exit code, a reason, what to do."""
    user = user_of(ceph, tmp_path, ceph.new_bucket(), changes)
    user.chat(lines(1))
    done = user.type("sync")
    assert done.returncode == 1
    assert "waits for" in done.stderr
    assert says in done.stderr
    assert "→" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_device_that_may_only_write_delivers_and_cannot_look(ceph: Ceph, tmp_path: Path) -> None:
    """PutObject alone is enough to ship, and the doctor calls it right."""
    bucket = ceph.new_bucket()
    name, device = ceph.as_new_user()
    whom = {
        "Principal": {"AWS": [f"arn:aws:iam:::user/{name}"]},
        "Resource": [f"arn:aws:s3:::{bucket}/*"],
    }
    statements = [
        {"Effect": "Allow", "Action": ["s3:PutObject"], **whom},
        # Here an object belongs to its writer, who may read it where nothing denies that.
        {"Effect": "Deny", "Action": ["s3:GetObject", "s3:DeleteObject"], **whom},
    ]
    with ceph.client() as client:
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        client.put_bucket_policy(Bucket=bucket, Policy=policy)
    user = user_of(device, tmp_path, bucket)
    user.chat(lines(1, 2, 3))
    done = user.type("sync")
    assert done.returncode == 0, done.stderr
    assert user.type("ls").returncode == 3
    probed = user.type("doctor")
    assert "may not read, which is right for a device" in probed.stdout
    with ceph.client() as client:
        keys = [one["Key"] for one in client.list_objects_v2(Bucket=bucket)["Contents"]]
    assert sum("/dt=" in key for key in keys) == 1
    assert sum("/_manifests/" in key for key in keys) == 1
