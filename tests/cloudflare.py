"""A stand-in of Cloudflare's API for R2 lock rules, built from its documentation.

    GET, PUT /client/v4/accounts/<account>/r2/buckets/<bucket>/lock

It answers in the API's envelope (``success``, ``errors``, ``messages``, ``result``), wants the
token and the jurisdiction header, takes at most 1,000 rules, and each of them only in the
documented shape. It judges nothing else: what locks do to objects is R2's business.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ACCOUNT", "TOKEN", "Cloudflare", "cloudflare"]

ACCOUNT = "0123456789abcdef0123456789abcdef"
TOKEN = "synthetic-api-token"
_CONDITIONS = {"Age": {"maxAgeSeconds"}, "Date": {"date"}, "Indefinite": set()}


@dataclass
class Cloudflare:
    """What it holds, and what it says next: ``refusals`` are statuses, used up one by one."""

    url: str = ""
    rules: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    refusals: list[int] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def bucket(self, name: str, jurisdiction: str = "default") -> None:
        """Make a bucket without rules."""
        self.rules[name, jurisdiction] = []

    def answer(  # noqa: PLR0911 - one line for each of the API's answers
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, Any]]:
        """Answer one request."""
        self.requests.append((method, headers))
        if self.refusals:
            return _refusal(self.refusals.pop(0), 10058, "scripted")
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return _refusal(403, 10000, "Authentication error")
        parts = path.removeprefix("/client/v4/").split("/")
        if len(parts) != 6 or [parts[0], parts[2], parts[3], parts[5]] != [
            "accounts",
            "r2",
            "buckets",
            "lock",
        ]:
            return _refusal(404, 7003, "No route for that URI")
        where = parts[4], headers.get("cf-r2-jurisdiction", "default")
        if parts[1] != ACCOUNT or where not in self.rules:
            return _refusal(404, 10006, "The specified bucket does not exist.")
        if method == "GET":
            return 200, _said({"rules": self.rules[where]})
        rules = json.loads(body).get("rules", [])
        if problem := _problem(rules):
            return _refusal(400, 10040, problem)
        self.rules[where] = rules
        return 200, _said({})


def _problem(rules: list[dict[str, Any]]) -> str:
    if len(rules) > 1000:
        return "too many rules"
    if len({rule.get("id") for rule in rules}) < len(rules):
        return "ids are not unique"
    for rule in rules:
        condition = rule.get("condition", {})
        expected = _CONDITIONS.get(condition.get("type"))
        shape = set(rule) - {"prefix"} == {"id", "enabled", "condition"}
        if expected is None or set(condition) != expected | {"type"} or not shape:
            return "not a rule"
        if "maxAgeSeconds" in condition and condition["maxAgeSeconds"] <= 0:
            return "not an age"
    return ""


def _said(result: dict[str, Any]) -> dict[str, Any]:
    return {"success": True, "errors": [], "messages": [], "result": result}


def _refusal(status: int, code: int, message: str) -> tuple[int, dict[str, Any]]:
    errors = [{"code": code, "message": message}]
    return status, {"success": False, "errors": errors, "messages": [], "result": None}


@pytest.fixture
def cloudflare() -> Iterator[Cloudflare]:
    """Give the stand-in, at ``url``."""
    standing = Cloudflare()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            status, said = standing.answer(self.command, self.path, headers, body)
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_PUT = do_GET  # noqa: N815 - the name that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    standing.url = f"http://127.0.0.1:{server.server_address[1]}/client/v4"
    yield standing
    server.shutdown()
    server.server_close()
    thread.join()
