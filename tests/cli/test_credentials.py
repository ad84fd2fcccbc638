"""``archiver credentials``, as an admin types it; a secret shows nowhere."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from servers import moto_server

from archiver.credentials import keeping, places
from archiver.credentials.formats import read_text
from archiver.credentials.keys import Keys, expiry_of
from archiver.format.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Said
    from servers import S3Server

    Run = Callable[..., Said]
    Write = Callable[..., Path]
    Tenant = Callable[..., dict[str, Any]]

__all__ = ["moto_server"]

SECRET, TOKEN = "canary-secret/+=", "canary-token=="
KEY_ID = "AKIASYNTHETIC0001"
LINES = f"{KEY_ID}\n{SECRET}\n{TOKEN}\n"
R2 = {"kind": "r2", "bucket": "acme-archive", "account_id": "0123456789abcdef" * 2}
S3 = {"kind": "s3", "bucket": "acme-archive"}
DEVICE = "0123456789abcdef"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty home without a keyring, and work elsewhere."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "ARCHIVER_"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return folder


@pytest.fixture
def handed(archiver: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line with a text on standard input: the first word."""

    def run(text: str, *words: object) -> Said:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        return archiver(*words)

    return run


def test_keys_are_set_from_standard_input_and_listed_masked(
    handed: Run, policy: Write, tenant: Tenant
) -> None:
    """The list has the tenant, the source, four characters of the key id, and the end."""
    config = policy(tenant("acme", S3), tenant("globex", {**S3, "profile": "work"}))
    ends = datetime.now(UTC) + timedelta(days=40)
    words = ("credentials", "set", "acme", "--config", config, "--expires-at", rfc3339(ends))
    said = handed(LINES, *words)
    assert (said.code, "canary" in said.out + said.err) == (0, False)
    kept = keeping.find("acme")
    assert kept is not None
    assert (kept.key_id, kept.secret, kept.token) == (KEY_ID, SECRET, TOKEN)
    listed = handed("", "credentials", "list", "--config", config)
    assert listed.code == 0
    assert "…0001" in listed.out
    assert f"{ends:%Y-%m-%d %H:%M} UTC" in listed.out
    assert "profile work" in listed.out
    assert "canary" not in listed.out + listed.err
    assert KEY_ID not in listed.out
    assert list(Path.cwd().iterdir()) == []


def test_the_list_knows_what_needs_somebody(handed: Run, policy: Write, tenant: Tenant) -> None:
    """Keys that ended, keys that others may read, keys that no policy uses."""
    config = policy(tenant("acme", S3), tenant("globex", S3))
    keeping.keep("acme", Keys("A" * 16, SECRET, expires_at=datetime.now(UTC)))
    keeping.keep("globex", Keys("B" * 16, SECRET))
    keeping.keep("initech", Keys("C" * 16, SECRET))
    if sys.platform != "win32":
        keeping.keep("hooli", Keys("D" * 16, SECRET))
        places.path_of("hooli").chmod(0o644)
    said = handed("", "credentials", "list", "--config", config, "--json")
    assert said.code == 1
    assert sys.platform == "win32" or "others" in said.json[2]["problem"]
    lines = {one["tenant"]: one for one in said.json}
    assert lines["acme"]["problem"] == "its keys have ended"
    assert lines["globex"]["problem"] == ""
    assert "not in the policy" in lines["initech"]["source"]
    assert "canary" not in said.out


def test_set_says_where_the_policy_looks_instead(
    handed: Run, policy: Write, tenant: Tenant
) -> None:
    """Else somebody would wait for keys that are never used."""
    config = policy(tenant("acme", {**S3, "profile": "work"}))
    said = handed(LINES, "credentials", "set", "acme", "--config", config)
    assert (said.code, "profile work" in said.err) == (0, True)
    said = handed(LINES, "credentials", "set", "other", "--config", config)
    assert "no tenant other" in said.err


@pytest.mark.parametrize(
    ("text", "words", "code"),
    [
        ("", ("acme",), 64),
        (f"{SECRET}\n", ("acme",), 3),
        (f"[default]\n{SECRET}\n", ("acme",), 3),
        (LINES, ("Not/A/Tenant",), 64),
        (LINES, ("acme", "--expires-at", "soon"), 64),
        (LINES, ("acme", "--in", "keyring"), 3),
    ],
)
def test_what_cannot_be_kept_is_refused_without_repeating_it(
    handed: Run, text: str, words: tuple[str, ...], code: int
) -> None:
    """And nothing is kept."""
    said = handed(text, "credentials", "set", *words)
    assert said.code == code
    assert "canary" not in said.out + said.err
    assert list(keeping.kept()) == []


def test_remove_asks_and_says_that_the_store_still_knows_them(handed: Run) -> None:
    """Where nobody can be asked, only --yes is consent."""
    keeping.keep("acme", Keys(KEY_ID, SECRET))
    assert handed("", "credentials", "remove", "acme").code == 64
    assert keeping.find("acme") is not None
    said = handed("", "credentials", "remove", "acme", "--yes")
    assert (said.code, "Revoke" in said.out) == (0, True)
    assert keeping.find("acme") is None
    assert handed("", "credentials", "remove", "acme", "--yes").code == 1


def test_r2_keys_are_issued_into_a_file_that_set_reads(
    handed: Run, policy: Write, tenant: Tenant, tmp_path: Path
) -> None:
    """For this user alone, never over another file, with what they are limited to in words."""
    config = policy(tenant("acme", R2))
    keeping.keep("acme", Keys("f00d" * 8, SECRET))
    to = tmp_path / "issued.ini"
    words = ("credentials", "issue", "acme", "--config", config, "--hours", 24)
    said = handed("", *words, "--device", DEVICE, "--to", to)
    assert (said.code, said.out) == (0, "")
    assert "Not limited: to one device's chunks" in said.err
    assert "revoked" in said.err
    assert SECRET not in to.read_text() + said.err
    if sys.platform != "win32":
        assert to.stat().st_mode & 0o777 == 0o600
    again = handed("", *words, "--device", DEVICE, "--to", to)
    assert again.code == 64
    assert handed(to.read_text(), "credentials", "set", "acme", "--config", config).code == 0
    kept = keeping.find("acme")
    assert kept is not None
    expiry = expiry_of(kept)
    assert expiry is not None
    assert timedelta(hours=23) < expiry.at - datetime.now(UTC) <= timedelta(hours=24)
    chained = handed("", *words, "--all-devices")
    assert (chained.code, "temporary" in chained.err) == (3, True)


def test_issued_keys_go_to_standard_output_as_ini_or_json(
    handed: Run, policy: Write, tenant: Tenant
) -> None:
    """Nothing but the keys, so that a job can hand them on."""
    config = policy(tenant("acme", R2))
    keeping.keep("acme", Keys("f00d" * 8, SECRET))
    words = ("credentials", "issue", "acme", "--config", config, "--hours", 1, "--all-devices")
    ini, as_json = handed("", *words), handed("", *words, "--json")
    assert read_text(ini.out).key_id == read_text(as_json.out).key_id == "f00d" * 8
    assert as_json.json["Version"] == 1


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--all-devices", "--device", DEVICE),
        ("--device", "laptop"),
        ("--all-devices", "--subject", "dev"),
    ],
)
def test_for_whom_keys_are_issued_must_be_said(
    handed: Run, policy: Write, tenant: Tenant, words: tuple[str, ...]
) -> None:
    """One device, or all; a device and a subject by their ids."""
    keeping.keep("acme", Keys("f00d" * 8, SECRET))
    config = policy(tenant("acme", R2))
    said = handed("", "credentials", "issue", "acme", "--config", config, "--hours", 1, *words)
    assert said.code == 64


def test_without_a_role_the_document_to_attach_is_printed(
    handed: Run, policy: Write, tenant: Tenant
) -> None:
    """And the exit code says that there are no keys."""
    config = policy(tenant("acme", {**S3, "endpoint": "http://127.0.0.1:9"}))
    words = ("credentials", "issue", "acme", "--config", config, "--hours", 1)
    said = handed("", *words, "--device", DEVICE)
    assert (said.code, "no expiring keys" in said.err) == (1, True)
    allowed = said.json["Statement"][0]
    assert allowed["Action"] == ["s3:PutObject"]
    assert f"arn:aws:s3:::acme-archive/tenant=acme/_manifests/{DEVICE}/*" in allowed["Resource"]


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "x"])
def test_an_end_that_no_calendar_has_is_refused(handed: Run, end: str) -> None:
    """As what somebody typed wrongly, and not as a defect."""
    said = handed(LINES, "credentials", "set", "acme", "--expires-at", end)
    assert (said.code, "--expires-at" in said.err) == (64, True)
    assert keeping.look("acme") is None


@pytest.mark.parametrize("arn", ["x", "role/x", "arn:aws:iam::123456789012:user/x"])
def test_what_is_no_role_is_refused(handed: Run, policy: Write, tenant: Tenant, arn: str) -> None:
    """Before anybody is asked."""
    words = ("credentials", "issue", "acme", "--config", policy(tenant("acme", S3)))
    said = handed("", *words, "--all-devices", "--hours", 1, "--role-arn", arn)
    assert (said.code, "--role-arn: must be the ARN" in said.err) == (64, True)


def test_the_document_has_the_names_of_its_part_of_aws(
    handed: Run, policy: Write, tenant: Tenant
) -> None:
    """With those of another it would fit nothing."""
    config = policy(tenant("acme", {**S3, "region": "cn-north-1"}))
    words = ("credentials", "issue", "acme", "--config", config, "--all-devices", "--hours", 1)
    for said in (handed("", *words), handed("", "bucket", "policy", "writer", "--config", config)):
        for one in said.json["Statement"]:
            assert all(name.startswith("arn:aws-cn:s3:::") for name in one["Resource"])


def bucket_of(server: S3Server, **more: Any) -> dict[str, Any]:
    """Give a store of the policy for a new bucket on the server."""
    bucket = server.new_bucket()
    return {"kind": "s3", "bucket": bucket, "endpoint": server.endpoint, "path_style": True, **more}


def test_a_role_gives_keys_that_end(
    handed: Run, policy: Write, tenant: Tenant, moto_server: S3Server
) -> None:
    """By STS, for as long as was asked; more than twelve hours is no session."""
    config = policy(tenant("acme", bucket_of(moto_server)))
    keeping.keep("acme", Keys(moto_server.access_key, moto_server.secret_key))
    role = ("--role-arn", "arn:aws:iam::123456789012:role/archiver")
    words = ("credentials", "issue", "acme", "--config", config, "--all-devices")
    document = json.loads(config.read_text())
    document["tenants"][0]["store"] |= {"role_arn": role[1], "sts_endpoint": moto_server.endpoint}
    config.write_text(json.dumps(document))
    said = handed("", *words, "--hours", 2)
    assert said.code == 0, said.err
    keys = read_text(said.out)
    assert keys.token
    assert keys.expires_at is not None
    assert timedelta(hours=1.9) < keys.expires_at - datetime.now(UTC) < timedelta(hours=2.1)
    assert handed("", *words, "--hours", 13).code == 64
    document["tenants"][0]["store"]["prefix"] = "p" * 500
    config.write_text(json.dumps(document))
    said = handed("", *words, "--hours", 2)
    assert (said.code, "2,048" in said.err) == (64, True)


def test_keys_that_may_do_everything_are_too_much(
    handed: Run, policy: Write, tenant: Tenant, moto_server: S3Server
) -> None:
    """Each excess is named; the probe is gone, and nothing of the bucket was altered."""
    store = bucket_of(moto_server, prefix="ai")
    config = policy(tenant("acme", store))
    keeping.keep("acme", Keys(moto_server.access_key, moto_server.secret_key))
    rules = {
        "Rules": [{"ID": "mine", "Status": "Enabled", "Prefix": "x", "Expiration": {"Days": 9}}]
    }
    with moto_server.client() as client:
        client.put_bucket_lifecycle_configuration(
            Bucket=store["bucket"], LifecycleConfiguration=rules
        )
        said = handed("", "credentials", "test", "acme", "--config", config)
        assert said.code == 1
        for word in ("read", "list", "overwrite", "delete", "read the lifecycle"):
            assert word in said.out.partition("too much for a device")[2]
        assert "stays" not in said.err
        assert "Contents" not in client.list_objects_v2(Bucket=store["bucket"])
        kept = client.get_bucket_lifecycle_configuration(Bucket=store["bucket"])
        assert [one["ID"] for one in kept["Rules"]] == ["mine"]
        with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
            client.get_bucket_policy(Bucket=store["bucket"])


def test_keys_that_may_nothing_are_too_little(handed: Run, policy: Write, tenant: Tenant) -> None:
    """A server that is not there, keys that ended: exit code 1, and what to do."""
    config = policy(tenant("acme", {**S3, "endpoint": "http://127.0.0.1:9"}))
    keeping.keep("acme", Keys(KEY_ID, SECRET))
    said = handed("", "credentials", "test", "acme", "--config", config, "--json")
    assert (said.code, said.json["just_right"]) == (1, False)
    assert said.json["powers"][0]["can"] == "no"
    keeping.keep("acme", Keys(KEY_ID, SECRET, expires_at=datetime.now(UTC)))
    said = handed("", "credentials", "test", "acme", "--config", config)
    assert said.code == 1
    assert "expired" in said.out


def test_a_folder_has_no_keys_to_test(
    handed: Run, policy: Write, tenant: Tenant, tmp_path: Path
) -> None:
    """The operating system's rights decide there."""
    config = policy(tenant("acme", {"kind": "folder", "path": str(tmp_path)}))
    for words in (("test", "acme"), ("issue", "acme", "--all-devices", "--hours", 1)):
        assert handed("", "credentials", *words, "--config", config).code == 64
    assert handed("", "credentials", "test", "nobody", "--config", config).code == 64


def spied(pid: int) -> str:
    """Read the arguments and the environment of a process, as another program of its user may."""
    return "".join(
        Path(f"/proc/{pid}/{name}").read_text(errors="replace") for name in ("cmdline", "environ")
    )


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads /proc")
def test_planted_secrets_are_in_one_file_and_nowhere_else(
    policy: Write, tenant: Tenant, tmp_path: Path, home: Path
) -> None:
    """Not in arguments, environment, output, status, spool, policy or the working folder."""
    spy = tmp_path / "spy"
    code = f"import os, pathlib; pathlib.Path({str(spy)!r}).write_text(repr(os.environ))"
    config = policy(
        tenant("acme", {**S3, "endpoint": "http://127.0.0.1:9"}, conversations={"default": True}),
        tenant("globex", {**S3, "credential_process": [sys.executable, "-c", code]}),
    )
    environ = {**os.environ, "ARCHIVER_CONFIG": str(config)}
    command = [sys.executable, "-m", "archiver"]
    with subprocess.Popen(
        [*command, "credentials", "set", "acme"],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(LINES)
        process.stdin.flush()
        time.sleep(0.5)
        seen = spied(process.pid)
        output = process.communicate()[0]
        assert process.returncode == 0, output
    chat = home / ".claude" / "projects" / "-p" / "c1.jsonl"
    chat.parent.mkdir(parents=True)
    chat.write_text('{"type":"user","message":{"content":"hello"}}\n')
    for words in (
        ("sync",),
        ("status", "--json"),
        ("status",),
        ("doctor", "--json"),
        ("credentials", "list", "--json"),
        ("credentials", "test", "acme", "--json"),
        ("credentials", "test", "globex"),
        ("credentials", "issue", "acme", "--all-devices", "--hours", "1"),
    ):
        done = subprocess.run(
            [*command, *words],
            env={**environ, "ARCHIVER_DEBUG": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        output += done.stdout + done.stderr
    assert spy.exists()
    assert "canary" not in seen + output + spy.read_text()
    holding = [
        path for path in tmp_path.rglob("*") if path.is_file() and b"canary" in path.read_bytes()
    ]
    assert holding == [places.path_of("acme")]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_at_a_terminal_the_secret_is_typed_unseen(home: Path) -> None:
    """What the terminal shows holds the key id, which is none, and nothing more."""
    import pty  # noqa: PLC0415 - not there on Windows

    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - the child is another process
        os.environ["HOME"] = str(home)
        os.execv(sys.executable, [sys.executable, "-m", "archiver", "credentials", "set", "acme"])
    shown = b""
    for question, answer in ((b"Key id", KEY_ID), (b"Secret", SECRET), (b"Session", TOKEN)):
        while question not in shown:
            shown += os.read(terminal, 1000)
        time.sleep(0.2)
        os.write(terminal, answer.encode() + b"\n")
    while b"are kept" not in shown:
        shown += os.read(terminal, 1000)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)
    assert b"canary" not in shown
    kept = keeping.find("acme")
    assert kept is not None
    assert (kept.secret, kept.token) == (SECRET, TOKEN)
