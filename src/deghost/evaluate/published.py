"""The tables of four papers, row by row, to put beside numbers of one's own.

Values are as printed. Where a row contradicts its own formula or its table, a note says so.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from deghost.evaluate.contradictions import gain_contradictions, mask_contradictions


Kind = Literal["results", "gains", "settings", "claims"]
Values = Mapping[str, float | str | None]  # by column; None where nothing is printed

TABLES = Path(__file__).parent / "published_tables"
GAINS = ", gains"  # ends the name of a table of differences between rows of another
NEAREST: Mapping[str, tuple[str, str]] = {
    "kalantari-matlab": (
        "kalantari",
        "ours is by MATLAB's SSIM and of Radiance files; the paper's may be of another kind",
    ),
    "ntire21": (
        "ntire21-as-vam",
        "the peak and the percentile of the published PSNR-mu differ from the challenge's",
    ),
    "bracketire-approx": ("bracketire", "ours has a plain demosaicing, published ones the learned"),
    "bracketire-ntire24": ("bracketire", "ours includes the edges, published ones may not"),
}


@dataclass(frozen=True)
class PublishedRow:
    """One row of a printed table."""

    paper: str
    reference: str
    table: str  # as the paper numbers it
    title: str
    row: str  # the method, as printed
    kind: Kind
    protocol: str | None  # under which it may be compared; or "exposure-masks", "motion-masks"
    data: str | None  # what was measured
    values: Values
    differences: tuple[str, ...] = ()  # between what the paper states and the protocol
    notes: tuple[str, ...] = ()  # what is wrong with the row

    @property
    def source(self) -> str:
        """Where it is printed."""
        place = self.table if self.table.startswith("text") else f"table {self.table}"
        return f"{self.paper}, {self.reference}, {place}"


@dataclass(frozen=True)
class PublishedComparison:
    """A published row beside numbers of one's own."""

    published: PublishedRow
    ours: Mapping[str, float]
    gaps: Mapping[str, float]  # ours minus published, for the columns that both have
    differences: tuple[str, ...]  # why the gaps may mean little


@cache
def all_rows() -> tuple[PublishedRow, ...]:
    """Read every row of every table."""
    papers = (json.loads(path.read_text("utf-8")) for path in sorted(TABLES.glob("*.json")))
    rows = [
        _row(paper, table, name, values)
        for paper in papers
        for table in paper["tables"]
        for name, *values in table["rows"]
    ]
    wrong_gains = _wrong_gains(rows)
    return tuple(
        replace(row, notes=row.notes + _wrong_masks(row) + wrong_gains.get(_place(row), ()))
        for row in rows
    )


def published_rows(protocol: str | None = None, kind: Kind = "results") -> list[PublishedRow]:
    """Give the rows of a kind that a protocol, if one is named, may be compared with."""
    return [row for row in all_rows() if row.kind == kind and protocol in (None, row.protocol)]


def compare_published(protocol: str, ours: Mapping[str, float]) -> list[PublishedComparison]:
    """Put means of one's own beside the published rows of a protocol, or of the one nearest to it.

    Rows that share no column with `ours` are left out.
    """
    nearest, *reasons = NEAREST.get(protocol, (protocol,))
    found = []
    for row in published_rows(nearest):
        gaps = {
            name: ours[name] - value
            for name, value in row.values.items()
            if name in ours and isinstance(value, float)
        }
        if gaps:
            data = (f"published for {row.data}",) if row.data else ()
            reached = (*data, *reasons, *row.differences)
            found.append(PublishedComparison(row, ours, gaps, reached))
    return found


def _row(
    paper: Mapping[str, Any], table: Mapping[str, Any], name: str, values: list[float | str | None]
) -> PublishedRow:
    return PublishedRow(
        paper=paper["title"],
        reference=paper["reference"],
        table=table["table"],
        title=table["title"],
        row=name,
        kind=table["kind"],
        protocol=table["protocol"],
        data=table["data"],
        values=dict(zip(table["columns"], values, strict=True)),
        differences=tuple(table.get("differences", ())),
        notes=tuple(table.get("notes", {}).get(name, ())),
    )


def _place(row: PublishedRow) -> tuple[str, str, str]:
    return row.paper, row.table, row.row


def _wrong_masks(row: PublishedRow) -> tuple[str, ...]:
    return mask_contradictions(row.values) if "dice" in row.values else ()


def _wrong_gains(rows: Sequence[PublishedRow]) -> dict[tuple[str, str, str], tuple[str, ...]]:
    """What is wrong with the gains, for their own rows and for those of the better method."""
    printed = {_place(row): row.values for row in rows}
    wrong = {}
    for row in rows:
        if row.kind == "gains":
            better, worse = (
                (row.paper, row.table.removesuffix(GAINS), name) for name in row.row.split(" - ")
            )
            notes = gain_contradictions(row.values, printed[better], printed[worse])
            wrong[_place(row)] = wrong[better] = notes
    return wrong
