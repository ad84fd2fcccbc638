"""A timestamp authority (RFC 3161) of one's own: `openssl ts` behind a small HTTP server.

with authority(folder) as tsa:
tsa.url, tsa.roots           # what an admin needs to know of it
tsa.answer = b"nonsense"     # what it says instead, from then on
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["TimestampAuthority", "authority"]

_CONFIG = """
[ tsa ]
default_tsa = one
[ one ]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


@dataclass
class TimestampAuthority:
    """Where it answers, and the file with the root certificate under which it signs."""

    folder: Path
    url: str = ""
    answer: bytes | None = None
    asked: int = 0

    @property
    def roots_file(self) -> Path:
        """The root certificate, PEM."""
        return self.folder / "root.pem"

    @property
    def roots(self) -> bytes:
        """The same, read."""
        return self.roots_file.read_bytes()

    def reply(self, query: bytes) -> bytes:
        """Answer one question."""
        self.asked += 1
        if self.answer is not None:
            return self.answer
        question = self.folder / "query.tsq"
        question.write_bytes(query)
        return _openssl(
            self.folder, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq"
        )


def _openssl(folder: Path, *words: str) -> bytes:
    return subprocess.run(("openssl", *words), cwd=folder, check=True, capture_output=True).stdout


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder))
    (folder / "tsa.ext").write_text(
        "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"
        "basicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\n"
        "authorityKeyIdentifier=keyid\n"
    )
    new = ("req", "-newkey", "rsa:2048", "-nodes")
    root = ("-x509", "-days", "2", "-subj", "/CN=synthetic root", "-keyout", "root.key")
    _openssl(folder, *new, *root, "-out", "root.pem")
    request = ("-subj", "/CN=synthetic authority", "-keyout", "tsa.key", "-out", "tsa.csr")
    _openssl(folder, *new, *request)
    signs = ("-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "1")
    signed = ("x509", "-req", "-in", "tsa.csr", *signs, "-extfile", "tsa.ext", "-out", "tsa.pem")
    _openssl(folder, *signed)


@contextlib.contextmanager
def authority(folder: Path) -> Iterator[TimestampAuthority]:
    """Run one on this machine for as long as the context lasts."""
    _prepare(folder)
    tsa = TimestampAuthority(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = tsa.reply(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    tsa.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield tsa
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
