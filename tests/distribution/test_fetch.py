"""Asking an address: real HTTP and HTTPS at loopback, and everything that goes wrong there."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from signedpolicies import Answers, certificate, serving

from archiver.distribution import fetch as module
from archiver.distribution.fetch import Fetched, fetch
from archiver.errors import PolicyUnreachable
from archiver.evidence.policies import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = b"canary: what a server says is repeated nowhere"


@pytest.fixture
def server() -> Iterator[Answers]:
    """Give an address that a test speaks for."""
    with serving(Answers(b"signed", etag='"1"')) as answers:
        yield answers


def refused(url: str, **more: float) -> str:
    """Ask in vain; give why."""
    with pytest.raises(PolicyUnreachable) as caught:
        fetch(url, **more)
    assert url.rpartition("/")[0] in str(caught.value)
    assert caught.value.advice.endswith(".")
    assert CANARY.decode() not in str(caught.value) + caught.value.advice
    return str(caught.value)


def test_the_first_time_it_gives_the_policy_and_its_etag(server: Answers) -> None:
    """Nothing is known yet, so nothing is said."""
    assert fetch(server.url) == Fetched(b"signed", '"1"')
    assert "If-None-Match" not in server.asked[0]


def test_what_is_known_is_not_sent_again(server: Answers) -> None:
    """304: no body; another one is."""
    assert fetch(server.url, '"1"') == Fetched(None, '"1"')
    server.etag, server.body = '"2"', b"signed anew"
    assert fetch(server.url, '"1"') == Fetched(b"signed anew", '"2"')


def test_a_server_without_etags_is_read_each_time(server: Answers) -> None:
    """It works, and costs a body."""
    server.etag = None
    assert fetch(server.url) == Fetched(b"signed", None)


def test_304_without_having_asked_for_it_is_no_answer(server: Answers) -> None:
    """There is nothing that it could mean."""
    server.status = 304
    assert "304" in refused(server.url)


@pytest.mark.parametrize("status", [204, 206, 400, 401, 403, 404, 410, 429, 500, 503])
def test_any_other_answer_is_named_by_its_number(server: Answers, status: int) -> None:
    """And never by its body: a login page is not a policy."""
    server.status, server.body = status, b"" if status == 204 else CANARY
    assert str(status) in refused(server.url)


def test_a_body_that_is_too_large_is_not_read_to_its_end(server: Answers) -> None:
    """Whatever length was promised."""
    server.body = b"x" * (MAX_BYTES + 1)
    assert "more than" in refused(server.url)


def test_a_compressed_body_is_refused(server: Answers) -> None:
    """Few bytes of it can become very many."""
    server.headers = {"Content-Encoding": "gzip"}
    assert "compressed" in refused(server.url)
    assert server.asked[0]["Accept-Encoding"] == "identity"


def test_a_server_that_sends_drop_by_drop_is_left(server: Answers) -> None:
    """No single wait is too long, but all of them are."""
    server.body, server.seconds = b"x" * 16 * 100, 0.1
    begun = time.monotonic()
    assert "slow" in refused(server.url, seconds=0.5)
    assert time.monotonic() - begun < 5


def test_a_server_whose_headers_never_end_is_left() -> None:
    """Each letter comes in time; a person at a terminal waits no longer for all that."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor() as pool:

        def drip() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Canary: ")
                for _ in range(80):
                    connection.sendall(b"x")
                    time.sleep(0.1)

        pool.submit(drip)
        began = time.monotonic()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/policy.signed"
        assert "too slowly" in refused(url, seconds=1)
        assert time.monotonic() - began < 4


def test_a_server_that_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """It took the connection and that was all."""
    monkeypatch.setattr(module, "_WAIT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert "in time" in refused(f"http://127.0.0.1:{port}/policy.signed")


def test_nobody_at_home_is_named() -> None:
    """Offline, or the wrong port."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert "cannot be reached" in refused(f"http://127.0.0.1:{port}/policy.signed")


def test_what_does_not_speak_http_is_named() -> None:
    """It answers something, which is not repeated."""
    with socket.create_server(("127.0.0.1", 0)) as strange:

        def speak() -> None:
            connection, _ = strange.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(CANARY + b"\r\n\r\n")

        thread = threading.Thread(target=speak)
        thread.start()
        url = f"http://127.0.0.1:{strange.getsockname()[1]}/policy.signed"
        assert "does not speak HTTP" in refused(url)
        thread.join()


def test_a_redirect_within_the_host_is_followed(server: Answers) -> None:
    """Somebody tidied up their server."""
    server.redirect = "/policy.signed/moved"
    assert fetch(server.url).body == b"signed"


def test_a_redirect_to_another_host_is_not(server: Answers) -> None:
    """Not to another port, either: that is another server."""
    with serving(Answers(b"elsewhere")) as other:
        server.redirect = other.url
        assert "another host" in refused(server.url)
        assert other.asked == []
    server.redirect = "http://localhost/policy.signed"
    assert "another host" in refused(server.url)


def test_redirects_in_a_circle_end(server: Answers) -> None:
    """After a few."""
    server.redirect = "/policy.signed/again"
    assert "again and again" in refused(server.url)
    assert len(server.asked) < 6


@pytest.mark.parametrize("etag", ["", "x" * 2000, '"\xe9"'])
def test_an_etag_that_cannot_be_sent_back_is_forgotten(server: Answers, etag: str) -> None:
    """Rather read it all again."""
    server.etag, server.headers = None, {"ETag": etag}
    assert fetch(server.url).etag is None


@pytest.fixture
def https(tmp_path: Path) -> Iterator[tuple[Answers, Path]]:
    """Give an HTTPS address, and the certificate of the authority that vouches for it."""
    public, private = tmp_path / "public.pem", tmp_path / "private.pem"
    for path, body in zip((public, private), certificate(), strict=True):
        path.write_bytes(body)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    with serving(Answers(b"signed", etag='"1"'), context) as answers:
        yield answers, public


def test_https_is_asked_where_its_certificate_is_trusted(
    https: tuple[Answers, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A company's own authority is one of the system's."""
    server, authority = https
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    assert fetch(server.url) == Fetched(b"signed", '"1"')
    assert fetch(server.url, '"1"') == Fetched(None, '"1"')


def test_https_with_a_strangers_certificate_is_not(https: tuple[Answers, Path]) -> None:
    """There is no option that would let it in."""
    server, _ = https
    assert "certificate" in refused(server.url)
    assert server.asked == []


def test_a_proxy_of_the_environment_is_used(
    server: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many a company lets nothing out without one."""
    proxy = server.url.removesuffix("/policy.signed")
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")
    assert fetch("http://config.example.com/policy.signed").body == b"signed"
    assert server.asked[0]["path"] == "http://config.example.com/policy.signed"


def test_importing_it_does_not_import_httpx() -> None:
    """Who has no address does not pay for it."""
    script = "import sys, archiver.distribution.apart; print({'httpx', 'ssl'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "httpx" not in done.stdout
