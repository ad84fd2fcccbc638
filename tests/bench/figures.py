"""A figure: what was measured, how often, and whether it is what it has to be."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Figure", "Verdict", "skipped", "table"]


class Verdict(StrEnum):
    """What became of a figure."""

    MET = "met"
    MISSED = "MISSED"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    TOLD = ""
    """It has no target: it explains another one."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table. ``values`` holds one number a run, in ``unit``.

    ``least`` or ``most`` is the target, if there is one; ``why_not`` says why nothing was
    measured, ``failed`` whether it should have been.
    """

    name: str
    unit: str
    values: tuple[float, ...] = ()
    least: float | None = None
    most: float | None = None
    note: str = ""
    why_not: str = ""
    failed: bool = False

    @property
    def median(self) -> float:
        """Give the value that the target is held against."""
        return statistics.median(self.values)

    @property
    def target(self) -> str:
        """Write the target as people do."""
        if self.least is not None:
            return f">= {self.least:g}"
        return "" if self.most is None else f"<= {self.most:g}"

    @property
    def verdict(self) -> Verdict:
        """Hold the median against the target."""
        if not self.values:
            return Verdict.FAILED if self.failed else Verdict.SKIPPED
        if self.least is None and self.most is None:
            return Verdict.TOLD
        enough = self.least is None or self.median >= self.least
        little = self.most is None or self.median <= self.most
        return Verdict.MET if enough and little else Verdict.MISSED

    def as_json(self) -> dict[str, Any]:
        """Give what a program reads."""
        row: dict[str, Any] = {
            "figure": self.name,
            "unit": self.unit,
            "least": self.least,
            "most": self.most,
            "verdict": self.verdict.name.lower(),
            "runs": len(self.values),
            "values": list(self.values),
            "note": self.why_not or self.note,
        }
        return row | ({"median": self.median} if self.values else {})


def skipped(name: str, why: str) -> list[Figure]:
    """Give the row of something that was not measured."""
    return [Figure(name, "", why_not=why)]


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"


def table(figures: list[Figure]) -> str:
    """Lay the figures out for a person; notes follow the rows that they belong to."""
    rows: list[tuple[str, ...]] = [("figure", "target", "median", "min..max", "runs", "verdict")]
    notes = [""]
    for figure in figures:
        measured, span = "-", "-"
        if figure.values:
            measured = f"{_number(figure.median)} {figure.unit}".strip()
            span = f"{_number(min(figure.values))}..{_number(max(figure.values))}"
        runs = str(len(figure.values))
        rows.append((figure.name, figure.target, measured, span, runs, figure.verdict))
        notes.append(figure.why_not or figure.note)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row, note in zip(rows, notes, strict=True):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join(cells).rstrip())
        lines += [f"      {part}" for part in note.splitlines()]
    return "\n".join(lines)
