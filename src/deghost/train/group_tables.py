"""The table of a group of trainings, in Markdown and as plain data, beside the published rows."""

import json
from collections.abc import Sequence
from typing import Any

from deghost.evaluate.published import PublishedRow, all_rows
from deghost.train.group_runs import Result
from deghost.train.groups import Group, Row
from deghost.train.recipe import described


COLUMNS = ("psnr-mu", "psnr-l")
OPTIMISERS = {"adam": "Adam", "adamw": "AdamW", "muon": "Muon"}
PAPERS = {  # by network
    "segdeghost": "Segmentation Guided Deep HDR Deghosting",
    "vam": "High Dynamic Range Imaging via Visual Attention Modules",
}


def table_text(group: Group, results: Sequence[Result], source: str) -> str:
    """Lay results out in Markdown, in the order of the group."""
    lines = [f"# {group.about}", "", budget_text(group, source), ""]
    lines += [_row("row", "what", *COLUMNS, "paper " + COLUMNS[0], "paper " + COLUMNS[1], "s")]
    lines += [_row(*["---"] * 7)]
    for result in results:
        printed = published_values(result.row)
        lines.append(
            _row(
                result.row.name,
                result.row.about,
                *(f"{result.measures[name]:.2f}" for name in COLUMNS),
                *(_told(printed.get(name)) for name in COLUMNS),
                f"{result.seconds:.0f}" if result.row.trained else "not trained",
            )
        )
    lines += ["", *_agreements(results)]
    if any(len(result.curve) > 1 for result in results):
        lines += ["", *_curves(results)]
    early = [r for r in results if r.row.trained and r.steps < group.settings.steps]
    if early:
        ends = ", ".join(f"{result.row.name} after {result.steps}" for result in early)
        lines += ["", f"Ended early, since validation got no better: {ends}."]
    missing = [row.name for row in group.rows if row not in [r.row for r in results]]
    if missing:
        lines += ["", f"Not trained yet: {', '.join(missing)}."]
    return "\n".join([*lines, "", *(f"* {note}." for note in group.notes)]) + "\n"


def table_data(group: Group, results: Sequence[Result], source: str) -> str:
    """Give the same as JSON, with every validation."""
    rows = [
        {
            "row": result.row.name,
            "about": result.row.about,
            "measures": result.measures,
            "published": published_values(result.row),
            "steps": result.steps,
            "seconds": round(result.seconds, 1),
            "curve": [list(point) for point in result.curve],
            "changes": described(result.row.recipe.changes),
            "loss": described(result.row.recipe.loss),
        }
        for result in results
    ]
    told = {
        "group": group.name,
        "about": group.about,
        "scenes": source,
        "settings": described(group.settings),
        "rows": rows,
        "notes": list(group.notes),
    }
    return json.dumps(told, indent=1) + "\n"


def budget_text(group: Group, source: str) -> str:
    """Say what every row got."""
    settings = group.settings
    rate = f"{OPTIMISERS[settings.optimiser]} at {settings.learning_rate:g}"
    return (
        f"Every row: {settings.steps} steps of {settings.batch} random crops of "
        f"{group.side} x {group.side} pixels of the same scenes, seed "
        f"{settings.seed} unless told, {rate}, "
        f"{settings.schedule} schedule, average of weights {settings.average}; measured at the "
        f"end, light cut to [0, 1]. Learned from {source}."
    )


def published_values(row: Row) -> dict[str, float]:
    """Look up what the paper prints for a row, of the columns that are measured here."""
    values: dict[str, float] = {}
    for table, name in row.published:
        found = published_row(row.recipe.network, table, name)
        values |= {k: v for k, v in found.values.items() if k in COLUMNS and isinstance(v, float)}
    return values


def published_row(network: str, table: str, name: str) -> PublishedRow:
    """Find a printed row of a network's own paper."""
    wanted = (PAPERS[network], table, name)
    return next(row for row in all_rows() if (row.paper, row.table, row.row) == wanted)


def rank_agreement(ours: Sequence[float], printed: Sequence[float]) -> tuple[int, int]:
    """Count the pairs of rows that both put into the same order, and all pairs that differ.

    Example:
        >>> rank_agreement([1.0, 2.0, 3.0], [10.0, 30.0, 20.0])
        (2, 3)
    """
    pairs = [
        (ours[i] - ours[j], printed[i] - printed[j])
        for i in range(len(ours))
        for j in range(i)
        if printed[i] != printed[j]
    ]
    return sum(a * b > 0 for a, b in pairs), len(pairs)


def _agreements(results: Sequence[Result]) -> list[str]:
    lines = []
    for name in COLUMNS:
        both = [
            (result.measures[name], printed[name])
            for result in results
            if name in (printed := published_values(result.row))
        ]
        if len(both) > 1:
            same, pairs = rank_agreement(*zip(*both, strict=True))
            lines.append(f"{name}: {same} of {pairs} pairs of rows are in the paper's order.")
    return lines


def _curves(results: Sequence[Result]) -> list[str]:
    """Tabulate PSNR-mu over steps."""
    steps = sorted({step for result in results for step, _ in result.curve})
    lines = [
        _row("psnr-mu after step", *(str(step) for step in steps)),
        _row(*["---"] * (len(steps) + 1)),
    ]
    for result in results:
        known: dict[int, Any] = dict(result.curve)
        lines.append(_row(result.row.name, *(_told(known.get(step)) for step in steps)))
    return lines


def _told(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
