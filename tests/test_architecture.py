"""Who may import whom, and who may touch what: the shape of the package, read from its source."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).parents[1] / "archiver"

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"__init__", "errors", "model"}),
    frozenset({"format", "durable", "policy", "assistants"}),
    frozenset({"evidence", "vault", "credentials"}),
    frozenset({"stores", "spool", "capture", "distribution"}),
    frozenset({"sealing", "delivery", "archive", "buckets"}),
    frozenset({"witness"}),
    frozenset({"retention"}),
    frozenset({"daemon", "service", "quickstart"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)
"""Lower first. A package imports from lower layers; within a layer only as `SIDEWAYS` says."""

SIDEWAYS: frozenset[tuple[str, str]] = frozenset(
    {
        ("errors", "model"),  # for types only: an error carries a refusal
        ("policy", "format"),  # a name in a policy becomes a part of a key
        ("capture", "spool"),  # the collector commits what it captured
    }
)

ONLY: dict[str, frozenset[str]] = {
    "botocore": frozenset({"stores/s3_client.py"}),
    "aioboto3": frozenset({"stores/s3_client.py"}),
    "aiobotocore": frozenset({"stores/s3_client.py"}),
    "sqlite3": frozenset({"spool"}),
    "pydantic": frozenset({"policy"}),
    "pydantic_core": frozenset({"policy"}),
    "apscheduler": frozenset({"daemon/run.py"}),
    "httpx": frozenset({"distribution/fetch.py", "buckets/cloudflare.py"}),
    "keyring": frozenset({"credentials/keyrings.py"}),
    "filelock": frozenset({"durable/lock.py"}),
    "click": frozenset({"cli"}),
    "rich": frozenset({"cli"}),
    "cryptography": frozenset({"evidence/keys.py", "evidence/stamp.py"}),
    "rfc3161_client": frozenset({"evidence/stamp.py"}),
    "pyrage": frozenset({"vault/age.py"}),
    "zstandard": frozenset({"format/frame.py", "spool/batches.py"}),
}
"""Libraries, and the only places (packages or modules) that import them when they run."""

TOUCHES = frozenset({"fsync", "unlink", "rename", "flock", "lockf", "rmdir", "hardlink_to"})
OF_SYSTEM = frozenset({"fdatasync", "renames", "replace", "remove", "link", "rmtree", "move"})
"""Calls that only `archiver.durable` may make: on anything, and on `os` and `shutil`."""

GROWING = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


@cache
def modules() -> dict[Path, ast.Module]:
    """Read every module."""
    return {path: ast.parse(path.read_text("utf-8")) for path in sorted(SOURCE.rglob("*.py"))}


def named(path: Path) -> str:
    """Name a module by its place below the package."""
    return path.relative_to(SOURCE).as_posix()


def package(path: Path) -> str:
    """Name the part of the package that a module belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield what is imported, and whether for types only."""
    for_types: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for_types.update(inner for one in node.body for inner in ast.walk(one))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node in for_types
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node in for_types


@cache
def imported() -> dict[Path, list[tuple[str, bool]]]:
    """Give the imports of every module."""
    return {path: list(imports(tree)) for path, tree in modules().items()}


def layer(name: str) -> int:
    """Give the number of a package's layer."""
    return next(number for number, layer in enumerate(LAYERS) if name in layer)


def test_every_part_of_the_package_has_a_layer() -> None:
    """A new package must be put somewhere."""
    assert {package(path) for path in modules()} == frozenset().union(*LAYERS)


def inner_imports() -> Iterator[tuple[Path, str, str]]:
    """Yield each import of one part of the package by another: the module and both parts."""
    for path, names in imported().items():
        here = package(path)
        for name, _ in names:
            parts = name.split(".")
            if parts[0] == "archiver" and parts[1] not in (here, "__version__"):
                yield path, here, parts[1]


def test_imports_point_one_way() -> None:
    """To lower layers, or sideways where it is said, types included."""
    wrong = [
        f"{named(path)} imports {there}"
        for path, here, there in inner_imports()
        if layer(there) >= layer(here) and (here, there) not in SIDEWAYS
    ]
    assert wrong == []


def test_no_sideways_import_is_allowed_for_nothing() -> None:
    """What nobody uses any more is taken off the list."""
    assert {(here, there) for _, here, there in inner_imports()} >= SIDEWAYS


@pytest.mark.parametrize("library", ONLY)
def test_a_library_is_imported_where_it_belongs(library: str) -> None:
    """In the named places, and, so that the list stays true, somewhere in them."""
    found = {
        named(path)
        for path, names in imported().items()
        for name, for_types in names
        if name.split(".")[0] == library and not for_types
    }
    assert found
    allowed = ONLY[library]
    assert [one for one in found if one not in allowed and one.split("/")[0] not in allowed] == []


def test_boto_is_imported_inside_functions_only() -> None:
    """Importing any module of ours imports none of it."""
    for path, tree in modules().items():
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {name.split(".")[0] for name, _ in imports(node)}
                assert names.isdisjoint({"boto3", "botocore", "aioboto3", "aiobotocore"}), named(
                    path
                )


def touches(tree: ast.AST) -> Iterator[str]:
    """Yield calls that sync, rename, unlink or lock."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner, called = ast.unparse(node.func.value), node.func.attr
        # A path's replace has one argument; that of a text has two, of a struct keywords.
        replaces = called == "replace" and len(node.args) == 1 and not node.keywords
        if replaces or called in TOUCHES or (owner in ("os", "shutil") and called in OF_SYSTEM):
            yield f"{owner}.{called}"


def test_only_durable_syncs_renames_unlinks_and_locks() -> None:
    """Everything that must survive a power cut goes through one door."""
    found = {
        named(path): calls
        for path, tree in modules().items()
        if package(path) != "durable" and (calls := list(touches(tree)))
    }
    assert found == {}


def test_the_door_itself_is_seen() -> None:
    """The search finds what it looks for where that is."""
    found = {
        one
        for path, tree in modules().items()
        if package(path) == "durable"
        for one in touches(tree)
    }
    assert {"os.fsync", "os.link", "temporary.replace", "path.unlink"} <= found


def test_nothing_mutable_lives_in_a_module() -> None:
    """No list, set or dictionary that grows is bound at the top, but constants in capitals."""
    for path, tree in modules().items():
        for node in tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, GROWING):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                name = ast.unparse(target).lstrip("_")
                assert name.isupper() or name == "all__", f"{named(path)}: {name}"


def test_a_module_says_what_it_promises() -> None:
    """Each has a docstring and, from 20 lines on, the names that it offers."""
    for path, tree in modules().items():
        assert ast.get_docstring(tree), named(path)
        offers = any(
            isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            for node in tree.body
        )
        assert offers or len(path.read_text("utf-8").splitlines()) < 20, named(path)
