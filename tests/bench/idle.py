"""The daemon with nothing to do: its memory before and after shipping, its CPU.

Three daemons side by side, each with the default timetable (a look every 30 s, shipping every
60 s): one whose only tenant claims no conversation, one that ships the corpus into a folder,
one that ships it to an S3 server on this machine. Sealing by age is set to a second, so that
shipping happens at the second tick instead of after an hour. After that each is left alone and
its CPU is read once a minute.

Memory is RSS, as the target says; PSS, which shares out what processes have in common, is
noted. CPU is the kernel's count for the process, in nanoseconds, threads that ended included.
"""

from __future__ import annotations

import contextlib
import re
import socket
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
from corpus import find
from figures import Figure, skipped
from measure import Watched, environment, watch
from policies import Place, nobody

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["bucket_server", "idle"]

_BEFORE: Final = 45.0
_AFTER: Final = 80.0
_CPU: Final = 0.05
_SETTLE: Final = 10
_WINDOW: Final = 60
_KEYS: Final = {"aws_access_key_id": "BENCHMARK", "aws_secret_access_key": "benchmark"}


@contextlib.contextmanager
def bucket_server(folder: Path) -> Iterator[dict[str, Any]]:
    """Run a fake S3 server in a process of its own; give the store of a policy that uses it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    keys = folder / "credentials"
    keys.touch(mode=0o600)
    keys.write_text("[default]\n" + "".join(f"{name} = {key}\n" for name, key in _KEYS.items()))
    endpoint = f"http://127.0.0.1:{port}"
    command = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
    with watch(command, environment(folder), folder / "moto.log") as server:
        server.wait_for(lambda: _answers(port), 30)
        client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **_KEYS)
        client.create_bucket(Bucket="bench")
        client.close()
        yield {
            "kind": "s3", "bucket": "bench", "endpoint": endpoint,
            "path_style": True, "credentials_file": str(keys),
        }  # fmt: skip


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True


def _proportional(daemon: Watched) -> float:
    text = Path(f"/proc/{daemon.process.pid}/smaps_rollup").read_text()
    return int(text.split("\nPss:")[1].split()[0]) / 1024


def _knows_boto(daemon: Watched) -> bool:
    """Tell whether the HTTP client that only boto brings is mapped into the process."""
    return "/aiohttp/" in Path(f"/proc/{daemon.process.pid}/maps").read_text()


def _has_sealed(daemon: Watched) -> bool:
    return re.search(r"sealed [1-9]", daemon.said()) is not None


def idle(work: Path, *, runs: int) -> list[Figure]:
    """Measure ``runs`` minutes of idleness."""
    if not Path("/proc/self/smaps_rollup").exists():
        return skipped("idle daemon", "NOT LINUX: there is no /proc to read memory from")
    corpus = find()
    with contextlib.ExitStack() as stack:
        s3 = stack.enter_context(bucket_server(work / "idle-server"))
        daemons = {}
        for name, claims, store in (
            ("nothing to ship", nobody, None),
            ("folder", None, None),
            ("s3", None, s3),
        ):
            place = Place(work / f"idle-{name.replace(' ', '-')}")
            place.prepare(claims=claims, store=store, schedule={}, max_age_seconds=1)
            corpus.save(place.home, 1, 1)
            daemons[name] = stack.enter_context(
                watch(place.command("run"), place.env, place.folder / "log")
            )
        time.sleep(_SETTLE)
        before = {name: daemon.resident() for name, daemon in daemons.items()}
        boto = _knows_boto(daemons["nothing to ship"])
        for name in ("folder", "s3"):
            daemon = daemons[name]
            daemon.wait_for(partial(_has_sealed, daemon), 90)
        time.sleep(2 * _SETTLE)
        after: dict[str, list[float]] = {name: [] for name in daemons}
        shares: dict[str, list[float]] = {name: [] for name in daemons}
        for _ in range(runs):
            spent = {name: daemon.cpu() for name, daemon in daemons.items()}
            time.sleep(_WINDOW)
            for name, daemon in daemons.items():
                after[name].append(daemon.resident())
                shares[name].append(100 * (daemon.cpu() - spent[name]) / _WINDOW)
        pss = {name: _proportional(daemon) for name, daemon in daemons.items()}
    figures = [
        Figure(
            "idle RSS before the first shipment", "MiB", (before["nothing to ship"],), most=_BEFORE,
            note=f"boto loaded: {'YES' if boto else 'no'};"
            f" PSS {pss['nothing to ship']:.0f} MiB",
        ),
    ]  # fmt: skip
    for name in ("folder", "s3"):
        note = f"{corpus.size / 1e6:.1f} MB of {corpus.origin}; PSS {pss[name]:.0f} MiB"
        figures.append(
            Figure(f"idle RSS after shipping, {name}", "MiB", tuple(after[name]), most=_AFTER,
                   note=note)
        )  # fmt: skip
    figures += [
        Figure(f"idle CPU, {name}", "%", tuple(share), most=_CPU) for name, share in shares.items()
    ]
    return figures
