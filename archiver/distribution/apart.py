"""Verify and fetch in a process of its own.

    python -m archiver.distribution.apart verify|fetch < REQUEST > ANSWER

The libraries that do it take 10 to 25 MiB, which a daemon that needs them once an hour, or once
a month, should not hold. Request and answer are JSON.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec

from archiver.distribution.fetch import Fetched, fetch
from archiver.errors import ArchiverError, Damaged, PolicyUnreachable
from archiver.evidence.policies import Signing, signing
from archiver.evidence.verifier import VerifierKey

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["fetch_apart", "verify_apart"]

_SECONDS: Final = 120


class _Verify(msgspec.Struct, frozen=True):
    body: bytes
    keys: tuple[str, ...]


class _Fetch(msgspec.Struct, frozen=True):
    url: str
    etag: str | None


class _Answer(msgspec.Struct, frozen=True):
    signing: Signing | None = None
    fetched: Fetched | None = None
    error: str = ""
    advice: str = ""


def verify_apart(body: bytes, keys: tuple[VerifierKey, ...]) -> Signing:
    """Do what `policies.signing` does; raise `Damaged`.

    Where no process can be had it is done here: no lack of memory makes a policy unsigned.
    """
    request = msgspec.json.encode(_Verify(body, tuple(map(str, keys))))
    try:
        done = subprocess.run(
            _command("verify"), input=request, capture_output=True, timeout=_SECONDS, check=False
        )
        answer = _answer(done.stdout)
    except (OSError, subprocess.TimeoutExpired):
        answer = _Answer()
    if answer.error:
        raise Damaged(answer.error, advice=answer.advice)
    return answer.signing or signing(body, keys)


async def fetch_apart(url: str, etag: str | None) -> Fetched:
    """Do what `fetch` does; raise `PolicyUnreachable`. Cancelled, it ends the process.

    A thread waits for the process, and not asyncio: cancelled in the middle of a start, that of
    Python 3.11 waits for ever, and so would a stop.
    """
    running: list[subprocess.Popen[bytes]] = []
    ended = threading.Event()

    def ask() -> bytes:
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        with subprocess.Popen(_command("fetch"), stdin=pipe, stdout=pipe, stderr=nowhere) as child:
            running.append(child)
            if ended.is_set():
                child.kill()
            return child.communicate(msgspec.json.encode(_Fetch(url, etag)))[0]

    try:
        answer = _answer(await asyncio.wait_for(asyncio.to_thread(ask), _SECONDS))
    except (OSError, TimeoutError):
        answer = _Answer()
    finally:
        ended.set()
        for child in running:
            child.kill()  # its thread comes to an end then, and closes what it opened
    if answer.fetched is None:
        raise PolicyUnreachable(
            answer.error or f"{url}: it was not asked",
            advice=answer.advice or "It is asked again by itself; what is in force stays.",
        )
    return answer.fetched


def _command(what: str) -> tuple[str, ...]:
    # -P: a folder named archiver where this was started must not be taken for the program.
    return (sys.executable, "-P", "-m", "archiver.distribution.apart", what)


def _answer(said: bytes) -> _Answer:
    try:
        return msgspec.json.decode(said, type=_Answer)
    except msgspec.MsgspecError:
        return _Answer()


def _main(arguments: Sequence[str]) -> None:
    request: Any = sys.stdin.buffer.read()
    try:
        if arguments == ["verify"]:
            asked = msgspec.json.decode(request, type=_Verify)
            answer = _Answer(signing=signing(asked.body, map(VerifierKey.parse, asked.keys)))
        else:
            what = msgspec.json.decode(request, type=_Fetch)
            answer = _Answer(fetched=fetch(what.url, what.etag))
    except ArchiverError as error:
        answer = _Answer(error=str(error), advice=error.advice)
    sys.stdout.buffer.write(msgspec.json.encode(answer))


if __name__ == "__main__":
    _main(sys.argv[1:])
