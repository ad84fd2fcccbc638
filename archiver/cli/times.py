"""Times as people type them, and as listings show them.

A time that is typed without its smaller parts means a span: ``2026-01-31`` is that whole day,
``2026-01-31T09:30`` that whole minute. Where a span begins something (``--since``) its first
moment counts, where it ends something (``--until``, ``--at``) its last: so a time that is
copied from a listing, which shows whole seconds, includes what happened then.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import click

from archiver.format.times import rfc3339

__all__ = ["day", "first_moment", "last_moment", "shown"]

_TYPED: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](?P<minute>\d\d:\d\d)(?P<second>:\d\d)?(?P<fraction>\.\d{1,9})?"
    r" ?(?P<zone>[Zz]|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_MILLISECOND: Final = timedelta(milliseconds=1)


def first_moment(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Read an option's time as the beginning of a span; a callback of click's.

    Gives RFC 3339, UTC, milliseconds, as records have it.
    """
    return _read(ctx, param, value, end=False)


def last_moment(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Read an option's time as the end of a span, else as `first_moment` does."""
    return _read(ctx, param, value, end=True)


def day(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Read an option that names a day; a callback of click's. Gives ``YYYY-MM-DD``."""
    moment = _read(ctx, param, value, end=False)
    return moment and moment[:10]


def _read(
    ctx: click.Context, param: click.Parameter, value: str | None, *, end: bool
) -> str | None:
    try:
        return None if value is None else _moment(value.strip(), end=end)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{value!r} is not a time; write 2026-01-31, '2026-01-31 09:30' or"
            " 2026-01-31T09:30:00Z (UTC unless it names a zone).",
            ctx,
            param,
        ) from None


def _moment(text: str, *, end: bool) -> str:
    typed = _TYPED.fullmatch(text)
    if typed is None or (typed["fraction"] and not typed["second"]):
        raise ValueError(text)
    clock = f"{typed['minute'] or '00:00'}{typed['second'] or ':00'}{typed['fraction'] or ''}"
    first = datetime.fromisoformat(f"{typed['day']}T{clock}{(typed['zone'] or 'Z').upper()}")
    return rfc3339(first.astimezone(UTC) + (_length(typed) - _MILLISECOND if end else timedelta()))


def _length(typed: re.Match[str]) -> timedelta:
    if typed["fraction"]:
        return _MILLISECOND
    if typed["second"]:
        return timedelta(seconds=1)
    return timedelta(minutes=1) if typed["minute"] else timedelta(days=1)


def shown(at: str) -> str:
    """Give a record's time to the second, in a form that the options read.

    >>> shown("2026-01-31T09:30:00.123Z")
    '2026-01-31T09:30:00Z'
    """
    return f"{at[:19]}Z"
