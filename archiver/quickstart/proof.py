"""Whether a restored file is what its source holds. Pure."""

from __future__ import annotations

import json

__all__ = ["is_same"]


def is_same(source: bytes, restored: bytes, *, document: bool) -> bool:
    """Compare byte for byte, or, where both are a JSON ``document``, as JSON.

    Equal as JSON: the same values under the same keys, numbers as they are written. So ``1``
    is not ``1.0`` and not ``true``, which Python calls equal.
    """
    if not document or source == restored:
        return source == restored
    try:
        return _exact(source) == _exact(restored)
    except (ValueError, RecursionError):
        return False


def _exact(text: bytes) -> str:
    value = json.loads(text, parse_float=_number, parse_int=_number)
    return json.dumps(value, sort_keys=True)


def _number(written: str) -> dict[str, str]:
    """Keep a number apart from every string, as it is written."""
    return {"\0number": written}
