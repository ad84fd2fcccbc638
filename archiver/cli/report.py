"""What a verification found, for somebody who answers for an archive and reads no code.

Findings stand together by kind, the gravest first: what it means, then the objects.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from archiver.archive.findings import Severity
from archiver.archive.scope import Depth
from archiver.archive.terminal import neutralise
from archiver.cli.output import human_size, note, say
from archiver.cli.times import shown

if TYPE_CHECKING:
    from archiver.archive.findings import Finding, Report

__all__ = ["print_report"]

_SHOWN: Final = 20
"""Objects of one kind that are named; all of them stand in the JSON."""

_ORDER: Final = tuple(Severity)
_VERDICTS: Final = ("Complete and valid", "NOT as it should be", "INCOMPLETE")


def print_report(report: Report) -> None:
    """Print what was found, who vouches for it, and the verdict as the last line."""
    say(
        f"{_line(', '.join(report.tenants)) or 'no tenant'}: {report.manifests} manifests,"
        f" {report.chunks} chunks ({human_size(report.stored_bytes)}), {report.records} records"
    )

    def kind(finding: Finding) -> tuple[int, str]:
        return _ORDER.index(finding.severity), finding.code

    for _, same in groupby(sorted(report.findings, key=kind), key=kind):
        _print_kind(list(same))
    if report.covered_until:
        say(
            f"{report.checkpoints} checkpoints; the newest covers what was there at"
            f" {shown(report.covered_until)}."
        )
    if report.expired or report.erased:
        say(f"By an admin's order {report.expired} chunks expired, {report.erased} were erased.")
    counts = ", ".join(f"{count} {kind}" for kind, count in report.counts().items() if count)
    say(f"{_VERDICTS[report.exit_status]}{f' ({counts})' if counts else ''}.")
    _print_limits(report)


def _print_kind(findings: list[Finding]) -> None:
    first = findings[0]
    times = f"  ({len(findings)} times)" if len(findings) > 1 else ""
    say(f"{first.severity:<8} {first.code}{times}")
    say(f"         {first.means}")
    for finding in findings[:_SHOWN]:
        say(f"         · {_line(finding.object)}: {_line(finding.meaning)}")
    if len(findings) > _SHOWN:
        say(f"         · and {len(findings) - _SHOWN} more, which --json lists")


def _line(text: str) -> str:
    """Keep a name from the store on one line: whoever writes there could forge a verdict."""
    return neutralise(text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t"))


def _print_limits(report: Report) -> None:
    """Say what was not looked at, so that nobody believes more than was shown."""
    if report.trusted and not report.covered_until:
        note("No checkpoint covers this: what came last could be cut off unseen.")
    if report.depth is Depth.LISTING:
        note("Listings and manifests were compared; --read-data also reads every chunk.")
        return
    if report.known:
        note(f"{report.known} chunks were found sound by an earlier run, and not read again.")
    if report.read + report.known < report.chunks:
        note(f"{report.read} of {report.chunks} chunks were read.")
