"""The one test command: ``python3 tests/run.py``.

On a fresh machine it makes its own environment (``.testenv-3.x``, beside the checkout's other
files), installs the pinned versions and the checkout into it, on Debian as root also the
programs that some tests need, and then runs ruff, mypy and pytest. It reaches pip's and apt's
configured sources and nothing else.

pytest runs on this Python and on the newest other supported one that the machine has; what needs
Ceph on the newer of them. What was skipped is said loudly; the last lines are pytest's own
summaries. It exits 1 if anything failed.

Needs nothing but the standard library, and starts on any Python 3.8 or later: where this one is
too old for archiver it looks for another.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Version = tuple[int, int]

ROOT = Path(__file__).resolve().parent.parent
DEBIAN_PACKAGES = (
    *("radosgw", "ceph-mon", "ceph-osd", "ceph-common", "ceph-base"),
    *("age", "curl", "git", "jq", "restic", "zstd"),
)
# Where Pythons lie that are not on the PATH: pyenv, uv, Homebrew, python.org.
PYTHON_PLACES = (
    "~/.pyenv/versions/*/bin/python3",
    "~/.local/share/uv/python/*/bin/python3",
    "/opt/homebrew/bin/python3.*",
    "/usr/local/bin/python3.*",
    "/Library/Frameworks/Python.framework/Versions/*/bin/python3",
)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How one step ended."""

    name: str
    code: int
    seconds: float
    lines: tuple[str, ...]


def main() -> int:
    """Run everything that the arguments ask for; give the exit code."""
    options = parse(sys.argv[1:])
    say(f"archiver's tests, in {ROOT}")
    pythons = choose(options)
    notes = list(system_packages())
    if options.fast:
        notes.append("--fast: everything that needs Ceph, and the other Python")
    if len(pythons) > 1 and not options.everything:
        oldest = dotted(min(version for version, _ in pythons))
        notes.append(
            f"Python {oldest}: what needs Ceph, which the newest runs (--everything: both)"
        )
    try:
        tools = {version: environment(version, python) for version, python in pythons}
    except subprocess.CalledProcessError as error:
        say(f"FAILED: {' '.join(map(str, error.cmd))}")
        return 1
    main_version = pythons[0][0]
    outcomes = [step(*check) for check in checks(tools[main_version])]
    outcomes += [
        step(
            f"pytest {dotted(version)}",
            pytest_command(tool, marks_of(version, tools, options), options),
        )
        for version, tool in reversed(tools.items())
    ]
    summarise(outcomes, notes)
    return 1 if any(outcome.code for outcome in outcomes) else 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--fast", action="store_true", help="one Python, nothing with Ceph")
    parser.add_argument(
        "--everything", action="store_true", help="what needs Ceph on each Python, not on one"
    )
    parser.add_argument("--one-python", action="store_true", help="not on a second Python too")
    parser.add_argument(
        "--python", metavar="X", help="run on this Python, not on the one that runs this"
    )
    parser.add_argument("pytest", nargs="*", metavar="-- ARGUMENT", help="handed to pytest")
    return parser.parse_args(arguments)


def say(line: str) -> None:
    """Print one line at once: what the steps print must come after it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def dotted(version: Version) -> str:
    """Write a version as people do: 3.11."""
    return ".".join(map(str, version))


# --- which Python -------------------------------------------------------------------------------


def choose(options: argparse.Namespace) -> list[tuple[Version, str]]:
    """Give the Pythons to test on, the main one first."""
    supported = supported_versions()
    asked = options.python or sys.executable
    version = version_of(asked)
    found = {} if options.fast or options.one_python else installed(supported)
    if version not in supported:
        if options.python:
            sys.exit(f"{asked} is not one of Python {', '.join(map(dotted, supported))}")
        found = found or installed(supported)
        if not found:
            sys.exit(f"archiver needs one of Python {', '.join(map(dotted, supported))}")
        newest = max(found)
        say(f"{asked} is Python {version and dotted(version)}: taking {found[newest]}")
        version, asked = newest, found[newest]
    others = sorted(set(found) - {version})
    several = others and not (options.fast or options.one_python)
    return [(version, asked), *([(others[-1], found[others[-1]])] if several else [])]


def supported_versions() -> list[Version]:
    """Read from pyproject.toml which Pythons archiver says it runs on."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return [
        (3, int(minor))
        for minor in re.findall(r'"Programming Language :: Python :: 3\.(\d+)"', text)
    ]


def installed(supported: Iterable[Version]) -> dict[Version, str]:
    """Find one working interpreter for each supported version."""
    names = (shutil.which(f"python{dotted(version)}") for version in supported)
    places = (path for pattern in PYTHON_PLACES for path in sorted(expand(pattern)))
    found: dict[Version, str] = {}
    for path in (*names, *places):
        version = version_of(path) if path else None
        if version in supported and version not in found:
            found[version] = str(path)
    return found


def expand(pattern: str) -> Iterable[str]:
    """Give the paths that fit an absolute ``pattern``."""
    path = Path(pattern).expanduser()
    return map(str, Path(path.anchor).glob(path.relative_to(path.anchor).as_posix()))


def version_of(python: str) -> Version | None:
    """Ask an interpreter for its version; None where it does not work or makes no environments."""
    ask = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
    if python == sys.executable:
        return sys.version_info[:2]
    try:
        done = subprocess.run(
            [python, "-c", ask], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    major, minor = done.stdout.split()
    return int(major), int(minor)


# --- what has to be there -----------------------------------------------------------------------


def system_packages() -> Iterable[str]:
    """Install what some tests need, on Debian as root; yield what cannot be had."""
    if not shutil.which("apt-get"):
        yield "not a Debian: the tests of Ceph, restic, age, jq and zstd run if you install these"
        return
    wanted = list(DEBIAN_PACKAGES)
    if not importlib.util.find_spec("ensurepip"):
        wanted.append("python3-venv")
    missing = [name for name in wanted if not is_installed(name)]
    if not missing:
        return
    if os.geteuid() != 0:
        yield f"not root: could not install {' '.join(missing)}"
        return
    say(f"installing {' '.join(missing)}")
    quiet = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    subprocess.run(["apt-get", "update", "-qq"], env=quiet, check=False)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    done = subprocess.run([*install, *missing], env=quiet, check=False, stdout=subprocess.DEVNULL)
    if done.returncode:
        yield f"apt-get could not install {' '.join(missing)}"


def is_installed(package: str) -> bool:
    """Ask dpkg."""
    ask = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    return subprocess.run(ask, capture_output=True, text=True, check=False).stdout == "installed"


def environment(version: Version, python: str) -> Path:
    """Make the environment for ``version`` unless it stands already; give its Python."""
    folder = ROOT / f".testenv-{dotted(version)}"
    inside = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "made-from"
    inputs = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    wanted = hashlib.sha256(b"\0".join([*inputs, python.encode()])).hexdigest()
    if inside.exists() and stamp.exists() and stamp.read_text() == wanted:
        say(f"Python {dotted(version)}: {folder.name} is up to date")
        return inside
    say(f"Python {dotted(version)}: making {folder.name} with {python}")
    started = time.monotonic()
    subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [str(inside), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "-c", "constraints.txt", "-e", ".[test]"], cwd=ROOT, check=True)
    stamp.write_text(wanted)
    say(f"  {time.monotonic() - started:.0f} s")
    return inside


# --- running and telling ------------------------------------------------------------------------


def checks(python: Path) -> list[tuple[str, list[str]]]:
    """Give the checks that read the code without running it."""
    run = [str(python), "-m"]
    return [
        ("ruff check", [*run, "ruff", "check", "."]),
        ("ruff format", [*run, "ruff", "format", "--check", "."]),
        ("mypy", [*run, "mypy"]),
    ]


def marks_of(version: Version, tools: Iterable[Version], options: argparse.Namespace) -> str:
    """Say what runs on a Python: a server's behaviour does not depend on which, so on one only."""
    with_ceph = options.everything or (not options.fast and version == max(tools))
    return "not soak" if with_ceph else "not soak and not ceph"


def pytest_command(python: Path, marks: str, options: argparse.Namespace) -> list[str]:
    """Give pytest's command line; what the user adds comes last and wins."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    workers = (cores or 1) + 1  # many tests wait for a server or a clock
    command = [str(python), "-m", "pytest", "-n", str(workers), "--dist", "loadgroup"]
    return [*command, "-m", marks, *options.pytest]


def step(name: str, command: list[str]) -> Outcome:
    """Run ``command``, show what it prints, and keep it."""
    say(f"\n--- {name}")
    # No setting, and above all no credential, of the person who runs this reaches a test.
    mine = ("AWS_", "ARCHIVER_", "PYTHONPATH", "PYTHONHOME")
    environ = {key: value for key, value in os.environ.items() if not key.startswith(mine)}
    started, lines = time.monotonic(), []
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line.rstrip())
    return Outcome(name, process.returncode, time.monotonic() - started, tuple(lines))


def summarise(outcomes: Sequence[Outcome], notes: Sequence[str]) -> None:
    """Say what was left out, how each step ended, and pytest's last words."""
    skips = dict.fromkeys(skip for outcome in outcomes for skip in skipped(outcome))
    say(f"\n{'=' * 30} left out {'=' * 30}")
    for line in [*notes, *skips] or ["nothing"]:
        say(f"  !! {line}" if line != "nothing" else "  nothing")
    say(f"{'=' * 30} results {'=' * 31}")
    for outcome in outcomes:
        verdict = "ok" if outcome.code == 0 else f"FAILED ({outcome.code})"
        say(f"  {outcome.name:<14} {verdict:<12} {outcome.seconds:6.1f} s")
    for outcome in outcomes:
        last_words = [line for line in outcome.lines if re.search(r"\d+ \w+.* in [\d.]+s", line)]
        if outcome.name.startswith("pytest") and last_words:
            say(last_words[-1])


def skipped(outcome: Outcome) -> Iterable[str]:
    """Yield what pytest skipped, with the reason, as ``7 x reason``."""
    counts: dict[str, int] = {}
    for line in outcome.lines:
        match = re.match(r"SKIPPED \[(\d+)\] .*?\.py(?::\d+)?: (.*)", line)
        if match:
            counts[match[2]] = counts.get(match[2], 0) + int(match[1])
    return [f"{outcome.name}: {count} x {reason}" for reason, count in counts.items()]


if __name__ == "__main__":
    sys.exit(main())
