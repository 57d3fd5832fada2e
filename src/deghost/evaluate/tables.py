"""The tables of a run, as Markdown, CSV and JSON."""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from deghost.evaluate.published import PublishedComparison
from deghost.evaluate.records import Record, plain_number
from deghost.evaluate.results import ORACLES, Results, protocol_data, versions


DIGITS = {"psnr": 2, "hdr-vdp": 2, "seconds": 2, "ssim": 4, "ms-ssim": 4, "lpips": 4}


def markdown(results: Results) -> str:
    """Write a run as Markdown: means, groups, scenes, published rows, and how to read them."""
    parts = [f"# {results.title}", *_about(results)]
    if results.records:
        parts += ["## Means", *mean_tables(results)]
        parts += ["## " + ("Scenes" if len(results.measured) > 1 else "Pictures")]
        parts += scene_tables(results)
    if results.comparisons:
        parts += ["## Published", *published_tables(results.comparisons)]
    if results.failures:
        parts += ["## Not measured", *_failures(results)]
    return "\n\n".join(parts) + "\n"


def csv_text(results: Results) -> str:
    """Write the scores of every picture, one a row, and then the means."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    columns = results.columns
    writer.writerow(["scene", "group", "method", *columns, "seconds"])
    for record in results.records:
        writer.writerow([record.name, record.group, record.method, *_values(record, columns)])
    for method in results.measured:
        means = [_exact(results.mean(method, column)) for column in columns]
        writer.writerow(["MEAN", "all", method, *means, _exact(results.seconds(method))])
    return stream.getvalue()


def json_data(results: Results) -> dict[str, Any]:
    """Give everything about a run as plain data."""
    low, high = results.truth_range
    return {
        "title": results.title,
        "versions": versions(),
        "protocol": protocol_data(results.protocol),
        "truth_range": [plain_number(low), plain_number(high)],
        "methods": dict(results.methods),
        "means": {
            method: {
                group: {
                    "scenes": len(results.of(method, group)),
                    **{c: plain_number(results.mean(method, c, group)) for c in results.columns},
                }
                for group in ("all", *results.groups)
            }
            for method in results.measured
        },
        "pictures": [_plain(record) for record in results.records],
        "failed": [asdict(failure) for failure in results.failures],
        "notes": list(results.notes),
        "published": [_comparison(item) for item in results.comparisons],
    }


def json_text(results: Results) -> str:
    """Write everything about a run as JSON."""
    return json.dumps(json_data(results), indent=1, allow_nan=False) + "\n"


def mean_tables(results: Results) -> list[str]:
    """Tabulate means over all scenes, and of every column over the groups.

    The first table lists what there are more of, methods or columns, line by line.
    """
    columns, methods = results.columns, results.measured
    rows = [
        [method, str(len(results.of(method)))]
        + [_marked(results, method, column) for column in columns]
        + ([number(results.seconds(method), "seconds")] if results.is_timed else [])
        for method in methods
    ]
    whole = [["method", "n", *columns, *(["seconds"] if results.is_timed else [])], *rows]
    if len(columns) > len(methods):
        whole = [list(line) for line in zip(*whole, strict=True)]
    tables = [table(whole[0], whole[1:])]
    groups = (*results.groups, "all")
    for column in columns if results.groups else ():
        rows = [[m, *(_marked(results, m, column, group) for group in groups)] for m in methods]
        tables += [f"### {column} by group", table([column, *groups], rows)]
    return tables


def scene_tables(results: Results) -> list[str]:
    """Tabulate scenes by columns, for one method; by methods, a table a column, for several."""
    if len(results.measured) == 1:
        rows = [
            [r.name, *(number(r.scores.get(c, math.nan), c) for c in results.columns)]
            for r in results.records
        ]
        return [table(["picture", *results.columns], rows)]
    found = {(r.name, r.method): r for r in results.records}
    tables = []
    for column in results.columns:
        rows = []
        for name in results.names:
            records = [found.get((name, method)) for method in results.measured]
            scores = [math.nan if r is None else r.scores.get(column, math.nan) for r in records]
            rows.append([name, *(number(score, column) for score in scores)])
        tables += [f"### {column}", table([column, *results.measured], rows)]
    return tables


def published_tables(comparisons: Sequence[PublishedComparison]) -> list[str]:
    """Tabulate published rows with our means, the gaps in brackets, and what differs."""
    parts = []
    for source in dict.fromkeys(item.published.source for item in comparisons):
        items = [item for item in comparisons if item.published.source == source]
        columns = list(dict.fromkeys(c for item in items for c in item.gaps))
        rows = [[item.published.row, *(_gap(item, column) for column in columns)] for item in items]
        ours = ["**ours**", *(number(items[0].ours[column], column) for column in columns)]
        differences = dict.fromkeys(text for item in items for text in item.differences)
        wrong = [f"{item.published.row}: {note}" for item in items for note in item.published.notes]
        parts += [
            f"### {source}",
            f"{items[0].published.title}. In brackets: ours minus published.",
            table(["row", *columns], [*rows, ours]),
            "\n".join(f"- {text}" for text in [*differences, *wrong]) or "- no known difference",
        ]
    return parts


def number(value: float, column: str) -> str:
    """Round a score as its column is usually printed.

    Example:
        >>> number(41.256, "psnr-mu"), number(0.98765, "ssim-l"), number(math.nan, "psnr-l")
        ('41.26', '0.9877', '-')
    """
    if math.isnan(value):
        return "-"
    digits = next((d for start, d in DIGITS.items() if column.startswith(start)), 3)
    return f"{value:.{digits}f}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; all columns but the first are justified right."""
    cells = [[_cell(text) for text in row] for row in (heads, *rows)]
    widths = [max(3, *(len(row[k]) for row in cells)) for k in range(len(heads))]
    lines = [" | ".join(_padded(row, widths)) for row in cells]
    rule = " | ".join(
        "-" * width if k == 0 else "-" * (width - 1) + ":" for k, width in enumerate(widths)
    )
    return "\n".join(f"| {line} |" for line in (lines[0], rule, *lines[1:]))


def about_protocol(results: Results) -> list[str]:
    """Tell in sentences what was measured, and what of."""
    protocol = results.protocol
    low, high = results.truth_range
    reach = f" Truths reach from {low:.4g} to {high:.4g}." if results.records else ""
    installed = ", ".join(f"{name} {number}" for name, number in versions().items())
    clipping = (
        "" if protocol.clipping is None else "; clipped to {:g} ... {:g}".format(*protocol.clipping)
    )
    return [
        f"Protocol {protocol.name}: {protocol.description}. Source: {protocol.source}.",
        f"Scale: {protocol.scale}{clipping}. Values compared: {protocol.values}.{reach}",
        f"Versions: {installed}.",
    ]


def _about(results: Results) -> list[str]:
    notes = [*results.protocol.notes, *results.notes]
    lines = [f"- {text}" for text in (*about_protocol(results), *notes)]
    if len(results.methods) > 1:
        lines += [f"- `{name}`: {text}" for name, text in results.methods.items() if text]
    return ["\n".join(lines)]


def _failures(results: Results) -> list[str]:
    return ["\n".join(f"- {f.name}, {f.method}: {f.reason}" for f in results.failures)]


def _marked(results: Results, method: str, column: str, group: str = "all") -> str:
    """A mean, bold if no rival has a better one."""
    text = number(results.mean(method, column, group), column)
    is_best = method not in ORACLES and text == number(results.best(column, group), column) != "-"
    return f"**{text}**" if is_best else text


def _gap(item: PublishedComparison, column: str) -> str:
    printed = item.published.values.get(column)
    if column not in item.gaps or not isinstance(printed, float):
        return "-" if printed is None else str(printed)
    gap = item.gaps[column]
    return f"{number(printed, column)} ({'+' if gap >= 0 else ''}{number(gap, column)})"


def _comparison(item: PublishedComparison) -> dict[str, Any]:
    row = item.published
    return {
        "source": row.source,
        "title": row.title,
        "row": row.row,
        "published": dict(row.values),
        "ours_minus_published": {name: plain_number(gap) for name, gap in item.gaps.items()},
        "differences": list(item.differences),
        "notes": list(row.notes),
    }


def _plain(record: Record) -> dict[str, Any]:
    data = asdict(record)
    data["scores"] = {name: plain_number(value) for name, value in record.scores.items()}
    return data


def _values(record: Record, columns: Sequence[str]) -> list[str]:
    seconds = math.nan if record.seconds is None else record.seconds
    return [*(_exact(record.scores.get(c, math.nan)) for c in columns), _exact(seconds)]


def _exact(value: float) -> str:
    return "" if math.isnan(value) else repr(round(value, 6))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        text.ljust(width) if k == 0 else text.rjust(width)
        for k, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
