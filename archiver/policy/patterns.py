r"""What a folder pattern or a git remote pattern covers. Pure: no disk, no environment.

The rules, the same for both kinds:

* A pattern is compared part by part. ``*`` stands for any text within one part, ``**`` for
  any number of parts, none included. Every other character stands for itself, so that a
  folder called ``[id]`` can be written as it is.
* A pattern names folders, and covers each of them with everything below. ``~/work/acme`` and
  ``~/work/acme/**`` are the same; ``/work/acme`` does not cover ``/work/acme-private``.
* ``~`` is the home folder. ``.``, ``..`` and doubled separators are worked out before the
  comparison; links are not followed (the caller gives a folder in both spellings).
* On Windows and macOS letter case makes no difference, nor does the way in which an accent
  is encoded; on Windows ``\`` and ``/`` are the same. In git remotes case never matters.
"""

from __future__ import annotations

import re
import unicodedata
from fnmatch import fnmatchcase
from functools import lru_cache

__all__ = [
    "Parts",
    "covers",
    "folder_parts",
    "folder_pattern",
    "remote",
    "remote_parts",
    "remote_pattern",
]

Parts = tuple[str, ...]
"""A path in parts: its root (``/``, ``c:``, ``//``) and then each name."""

_DRIVE = re.compile(r"[A-Za-z]:(?=/|$)")
_AUTHORITY = re.compile(r"(?:.*@)?(?P<host>\[[^\]]+\]|[^:@]*)(?::\d*)?")


def covers(pattern: Parts, parts: Parts) -> bool:
    """Say whether ``pattern`` names ``parts`` or something that it lies in.

    >>> covers(("/", "work", "*"), ("/", "work", "acme", "src"))
    True
    """
    # A set of places in the pattern instead of recursion: many ``**`` cost no more than one.
    end = len(pattern)
    standing = _past_any_depth(pattern, {0})
    for part in parts:
        if end in standing or not standing:
            break
        staying = {at for at in standing if pattern[at] == "**"}
        moving = {at + 1 for at in standing - staying if fnmatchcase(part, pattern[at])}
        standing = _past_any_depth(pattern, staying | moving)
    return end in standing


def _past_any_depth(pattern: Parts, places: set[int]) -> set[int]:
    reached = set(places)
    for at, part in enumerate(pattern):
        if at in reached and part == "**":
            reached.add(at + 1)
    return reached


def folder_parts(path: str, platform: str) -> Parts | None:
    r"""Cut an absolute folder into parts that compare as ``platform`` compares them.

    ``platform`` is ``sys.platform``. ``None`` where the path is not absolute.

    >>> folder_parts("C:\\Work\\acme\\..\\Beta", "win32")
    ('c:', 'work', 'beta')
    """
    root, names = _split(path, platform)
    if not root:
        return None
    standing: list[str] = []
    for name in names:
        if name == "..":
            del standing[-1:]
        else:
            standing.append(name)
    return _folded((root, *standing), platform)


# The same few patterns are asked about for thousands of conversations.
@lru_cache(maxsize=512)
def folder_pattern(pattern: str, *, home: str, platform: str) -> Parts:
    """Cut a folder pattern into parts for `covers`, with ``~`` put in its place."""
    root, names = _split(pattern, platform)
    if not root and names[:1] == ["~"]:
        at_home = tuple(_literal(part) for part in folder_parts(home, platform) or ("~",))
        return at_home + tuple(_wild(part) for part in _folded(tuple(names[1:]), platform))
    return tuple(
        _wild(part) for part in _folded((root, *names) if root else tuple(names), platform)
    )


def remote(url: str) -> str | None:
    """Give ``host/organisation/repository`` of a git remote, in lower case.

    User names, passwords, tokens, ports and a final ``.git`` are dropped. ``None`` for a
    folder of this machine, and for an address that cannot be told apart from credentials.

    >>> remote("https://user:token@Example.com/acme/tool.git")
    'example.com/acme/tool'
    >>> remote("git@example.com:acme/tool.git")
    'example.com/acme/tool'
    """
    host, path = _host_and_path(url.strip())
    names = [name for name in re.split(r"[?#]", path)[0].split("/") if name not in {"", "."}]
    if not host or not names or "@" in path or ".." in names:
        return None
    text = re.sub(r"/?(?:\.git)+$", "", "/".join((host, *names)))
    return text.casefold() if "/" in text else None


def _host_and_path(url: str) -> tuple[str, str]:
    scheme, divided, rest = url.partition("://")
    if divided:
        authority, _, path = rest.partition("/")
        match = _AUTHORITY.fullmatch(authority)
        return ("", "") if scheme.casefold() == "file" or not match else (match["host"], path)
    if url.startswith(("/", ".", "~", "\\")) or _DRIVE.match(url.replace("\\", "/")):
        return "", ""
    before, _, path = url.partition("/")
    if ":" in re.sub(r"^\[[^\]]*\]", "", before):  # user@host:path, as ssh writes it
        match = re.fullmatch(
            r"(?:[^@:]*@)?(?P<host>\[[^\]]+\]|[^:@]+):(?P<path>.*)", url, re.DOTALL
        )
        return (match["host"], match["path"]) if match else ("", "")
    return ("", "") if "@" in before else (before, path)


def remote_parts(url: str) -> Parts | None:
    """Cut a git remote into parts; ``None`` where `remote` gives none."""
    normal = remote(url)
    return None if normal is None else tuple(normal.split("/"))


@lru_cache(maxsize=512)
def remote_pattern(pattern: str) -> Parts | None:
    """Cut a pattern of remotes into parts for `covers`; ``None`` where it cannot be one."""
    parts = remote_parts(pattern)
    return None if parts is None else tuple(_wild(part) for part in parts)


def _split(path: str, platform: str) -> tuple[str, list[str]]:
    if platform == "win32":
        # \\?\C:\x and C:\x are the same folder.
        path = path.replace("\\", "/").removeprefix("//?/")
    root = ""
    if drive := _DRIVE.match(path):
        root = drive[0]
    elif path.startswith("/"):
        root = "//" if platform == "win32" and path.startswith("//") else "/"
    names = [name for name in path[len(root) :].split("/") if name not in {"", "."}]
    return root, names


def _folded(parts: Parts, platform: str) -> Parts:
    if platform not in {"win32", "darwin"}:
        return parts
    # macOS gives names back with the accents taken apart, whatever one typed.
    return tuple(unicodedata.normalize("NFC", part).casefold() for part in parts)


def _wild(part: str) -> str:
    return part if part == "**" else re.sub(r"[\[?]", r"[\g<0>]", part)


def _literal(part: str) -> str:
    return re.sub(r"[\[?*]", r"[\g<0>]", part)
