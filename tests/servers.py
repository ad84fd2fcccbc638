"""Servers that speak S3, for every test package that wants a bucket behind a network.

A package's ``conftest.py`` takes the fixtures by name:

    from servers import ceph, moto_server

* ``ceph``: a real S3 server (Ceph RGW), one for the whole test run however many workers it
  has. The first that asks starts it; it ends when the run does, even if that is killed.
* ``ceph_of_lifecycles``: another such server, for what waits for lifecycle rules.
* ``moto_server``: a fake one in this process. It stores what it is given and accepts any
  checksum: good for plumbing, no judge of anything.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from filelock import FileLock
from moto.server import ThreadedMotoServer

from archiver.stores.settings import S3Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Ceph", "S3Server", "ceph", "ceph_of_lifecycles", "moto_server"]

_STARTER = Path(__file__).with_name("ceph_rgw")
_TOOLS = ("radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph", "ceph-authtool")
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class S3Server:
    """Where a server is and what opens it."""

    endpoint: str
    access_key: str
    secret_key: str

    @contextlib.contextmanager
    def client(self) -> Iterator[Any]:
        """Give a plain boto3 client, to look at a bucket from outside of archiver."""
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 2}),
        )
        with contextlib.closing(client):
            yield client

    def new_bucket(self, **options: Any) -> str:
        """Make an empty bucket that no other test has, and give its name."""
        name = f"b{os.getpid()}-{next(_NUMBERS)}"
        with self.client() as client:
            client.create_bucket(Bucket=name, **options)
        return name

    def credentials_file(self, folder: Path) -> Path:
        """Write the keys into ``folder`` as archiver wants to read them."""
        path = folder / f"credentials-{next(_NUMBERS)}"
        path.touch(mode=0o600)
        path.write_text(
            f"[default]\naws_access_key_id = {self.access_key}\n"
            f"aws_secret_access_key = {self.secret_key}\n"
        )
        return path

    def settings(self, bucket: str, folder: Path, **changes: Any) -> S3Settings:
        """Give what `open_store` needs; the credentials file is put into ``folder``."""
        settings = S3Settings(
            bucket=bucket,
            endpoint=self.endpoint,
            path_style=True,
            credentials_file=self.credentials_file(folder),
        )
        return replace(settings, **changes)


@dataclass(frozen=True)
class Ceph(S3Server):
    """A real server, with the tools of its admin."""

    conf: str

    def admin(self, *arguments: str) -> str:
        """Run ``radosgw-admin`` and give what it prints."""
        done = subprocess.run(
            ["radosgw-admin", *arguments],
            env={**os.environ, "CEPH_CONF": self.conf},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        return done.stdout

    def work_on_lifecycle(self, bucket: str) -> None:
        """Have the lifecycle rules of a bucket done, as if every day lasted 5 seconds."""
        self.admin("lc", "process", "--bucket", bucket, "--rgw-lc-debug-interval", "5")

    def as_new_user(self) -> tuple[str, Ceph]:
        """Make a user with no right to anything; give its name and the server as it sees it."""
        name = f"user{os.getpid()}x{next(_NUMBERS)}"
        made = json.loads(self.admin("user", "create", "--uid", name, "--display-name", name))
        keys = made["keys"][0]
        user = replace(self, access_key=keys["access_key"], secret_key=keys["secret_key"])
        return name, user


def _run_folder(factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Give the folder that all workers of this run share, and the process that ends last."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return factory.getbasetemp().parent, os.getppid()
    return factory.getbasetemp(), os.getpid()


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Ceph:
    """Give the real S3 server of this test run."""
    return _started("ceph", tmp_path_factory)


@pytest.fixture(scope="session")
def ceph_of_lifecycles(tmp_path_factory: pytest.TempPathFactory) -> Ceph:
    """Give another one, for tests of lifecycles alone.

    Ceph works on the rules of all buckets together, one at a time: beside the buckets of other
    tests it may take minutes. Put such tests into one ``xdist_group``.
    """
    return _started("ceph-of-lifecycles", tmp_path_factory)


def _started(name: str, factory: pytest.TempPathFactory) -> Ceph:
    """Start a server, or find it where another worker did."""
    if missing := [tool for tool in _TOOLS if not shutil.which(tool)]:
        pytest.skip(
            "CEPH NOT INSTALLED: this was not checked against a real S3 server "
            f"(missing: {', '.join(missing)}; Debian: apt-get install radosgw ceph-mon "
            "ceph-osd ceph-common ceph-base)"
        )
    shared, owner = _run_folder(factory)
    told = shared / f"{name}.json"
    with FileLock(shared / f"{name}.lock"):
        if not told.exists():
            # Not below the shared folder: its path is too long for Ceph's sockets.
            folder = tempfile.mkdtemp(prefix="ceph-")
            command = [sys.executable, str(_STARTER), "start", folder, "--while", str(owner)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                pytest.fail(f"Ceph is installed and does not start: {done.stderr}")
            lines = dict(line.split("=", 1) for line in done.stdout.splitlines())
            told.write_text(json.dumps(lines))
        values = json.loads(told.read_text())
    return Ceph(
        endpoint=values["S3_ENDPOINT"],
        access_key=values["AWS_ACCESS_KEY_ID"],
        secret_key=values["AWS_SECRET_ACCESS_KEY"],
        conf=values["CEPH_CONF"],
    )


@pytest.fixture(scope="session")
def moto_server() -> Iterator[S3Server]:
    """Give the fake S3 server of this process."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield S3Server(f"http://{host}:{port}", "MOTOTESTKEY", "moto-test-secret")
    server.stop()
