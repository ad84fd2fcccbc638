"""A machine that takes signed policies only, its admin, and an address that serves them.

fleet = Fleet(tmp_path)
fleet.pin()                       # source.toml in the machine's folder
fleet.deliver(signed_policy(1))   # policy.signed beside it
fleet.watch().check()
"""

from __future__ import annotations

import ipaddress
import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from archiver.distribution.watch import Watch
from archiver.evidence import policies
from archiver.evidence.keys import SigningKey
from archiver.policy.folders import Folders

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

    from archiver.distribution.standing import Standing
    from archiver.evidence.note import Signer

__all__ = [
    "ADMIN",
    "OTHER",
    "START",
    "Answers",
    "Fleet",
    "certificate",
    "policy_text",
    "serving",
    "signed_policy",
    "tenant_of",
]

ADMIN = SigningKey.generate("admin/acme")
OTHER = SigningKey.generate("admin/other")
START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def policy_text(name: str, tenants: list[dict[str, Any]] | None = None) -> str:
    """Write a policy that is told from others by the id of its tenant."""
    tenant = {
        "id": name,
        "conversations": {"default": True},
        "store": {"kind": "folder", "path": "/nowhere/bucket"},
        "identity": {"source": "fixed", "value": "dev", "subject_key": "synthetic-subject-key"},
    }
    return json.dumps({"version": 1, "tenants": [tenant] if tenants is None else tenants})


def signed_policy(
    number: int,
    text: str | None = None,
    *,
    keys: tuple[Signer, ...] = (ADMIN,),
    at: datetime = START,
    life: timedelta | None = None,
) -> bytes:
    """Sign a policy; its tenant is named after the number unless ``text`` is given."""
    made = policies.next_policy(
        policy_text(f"t{number}") if text is None else text,
        "json",
        number=number,
        now=at,
        expires_at=at + life if life else None,
    )
    return policies.sign(made, *keys)


@dataclass
class Fleet:
    """One machine below ``root``, and a clock that a test moves."""

    root: Path
    now: datetime = START
    known: frozenset[str] = frozenset({"claude-code"})

    def __post_init__(self) -> None:
        """Make the folders."""
        self.folders = Folders(self.root / "etc", self.root / "config")
        self.state = self.root / "state"
        for folder in (self.folders.machine, self.folders.user, self.state):
            folder.mkdir(parents=True)
        self.file = self.folders.machine / "policy.signed"
        self._written = 0

    def pin(self, *keys: SigningKey, folder: Path | None = None, **more: str | int) -> Path:
        """Say whom the machine trusts; ``more`` stands in source.toml too."""
        lines = [f"keys = {json.dumps([str(key.public) for key in keys or (ADMIN,)])}"]
        lines += [f"{name} = {json.dumps(value)}" for name, value in more.items()]
        path = (folder or self.folders.machine) / "source.toml"
        path.write_text("\n".join(lines) + "\n")
        return path

    def deliver(self, body: bytes, path: Path | None = None) -> None:
        """Put a file where a policy is looked for, as an MDM does."""
        path = path or self.file
        temporary = path.with_name("arriving")
        temporary.write_bytes(body)
        temporary.replace(path)

    def watch(self, config: Path | None = None, **more: Any) -> Watch:
        """Begin to watch, as a daemon that is started."""
        return Watch(
            self.folders,
            self.state,
            known_assistants=self.known,
            clock=lambda: self.now,
            config=config,
            **more,
        )

    def found(self, config: Path | None = None) -> Standing:
        """Start, look once, end."""
        return self.watch(config).check()


def tenant_of(standing: Standing) -> str | None:
    """Name the tenant of the policy in force."""
    return standing.loaded.policy.tenants[0].id if standing.loaded else None


@dataclass
class Answers:
    """What an address answers, and what it was asked. A test changes it while it serves."""

    body: bytes = b""
    etag: str | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    redirect: str | None = None
    seconds: float = 0
    """Between two pieces of the body."""
    asked: list[dict[str, str]] = field(default_factory=list)
    begun: Event = field(default_factory=Event)
    """Set as soon as somebody has asked."""
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: Answers

    def do_GET(self) -> None:
        """Answer."""
        told = self.answers
        told.asked.append({"path": self.path, **dict(self.headers.items())})
        told.begun.set()
        if told.redirect and self.path != "/policy.signed/moved":
            self._head(302, {"Location": told.redirect, "Content-Length": "0"})
        elif told.etag and self.headers.get("If-None-Match") == told.etag:
            self._head(304, {"ETag": told.etag})
        else:
            etag = {"ETag": told.etag} if told.etag else {}
            length = {"Content-Length": str(len(told.body))}
            self._head(told.status, {**etag, **length, **told.headers})
            self._body(told)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _body(self, told: Answers) -> None:
        size = 16 if told.seconds else len(told.body) or 1
        for start in range(0, len(told.body), size):
            try:
                self.wfile.write(told.body[start : start + size])
                self.wfile.flush()
            except OSError:
                return
            time.sleep(told.seconds)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that went away."""


@contextmanager
def serving(answers: Answers, tls: ssl.SSLContext | None = None) -> Iterator[Answers]:
    """Serve at loopback; ``url`` says where."""
    handler = type("Handler", (_Handler,), {"answers": answers})
    server = _Server(("127.0.0.1", 0), handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    scheme = "https" if tls else "http"
    answers.url = f"{scheme}://127.0.0.1:{server.server_address[1]}/policy.signed"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield answers
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@cache
def certificate() -> tuple[bytes, bytes]:
    """Make a certificate of 127.0.0.1 that nobody vouches for, and its key, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "synthetic")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return made.public_bytes(serialization.Encoding.PEM), private
