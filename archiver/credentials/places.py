"""Where this user's kept keys lie. Light: a daemon asks it to see whether they changed."""

from __future__ import annotations

import re
from pathlib import Path

from archiver.format.keys import NAME_PATTERN

__all__ = ["default_folder", "path_of"]


def default_folder() -> Path:
    """Give the folder of this user's kept keys."""
    import platformdirs  # noqa: PLC0415 - who names a file in the policy does not need it

    return Path(platformdirs.user_config_dir("archiver", appauthor=False)) / "credentials"


def path_of(tenant: str) -> Path:
    """Give the file that changes whenever a tenant's kept keys do."""
    if not re.fullmatch(NAME_PATTERN, tenant):
        raise ValueError("not the id of a tenant")
    return default_folder() / f"{tenant}.ini"
