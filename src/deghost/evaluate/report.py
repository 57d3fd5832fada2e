"""A run as one HTML page that needs no network: tables, plots, pictures to compare."""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from deghost.evaluate.error_maps import WORST
from deghost.evaluate.plots import strip_plot
from deghost.evaluate.records import RunFolder
from deghost.evaluate.results import ORACLES, Results, best
from deghost.evaluate.tables import about_protocol, number


PAGE = Path(__file__).parent / "report_page"
PLOTTED = 5  # columns
BESIDE = 3  # columns, beside pictures
LONG = 10  # letters of a title
HEAD = 300  # bytes
MARK = '<meta name="generator" content="deghost">'  # by which a page is known as one of ours
MOST_BYTES = 12_000_000  # of pictures: what can still be sent by mail


def html_report(results: Results, folder: RunFolder) -> str:
    """Write the page; its pictures are those that the run's folder keeps."""
    style, script = ((PAGE / name).read_text("utf-8") for name in ("page.css", "page.js"))
    shown = chosen_scenes(results, folder)
    sections = [
        ("means", "Means", _means(results)),
        ("plots", "Scores of every scene", _plots(results)),
        ("pictures", "Pictures", _pictures(results, folder, shown)),
        ("published", "Published numbers", _published(results)),
        ("failures", "Not measured", _failures(results)),
    ]
    there = [(key, title, body) for key, title, body in sections if body]
    links = "".join(f'<li><a href="#{key}">{title}</a></li>' for key, title, _ in there)
    body = "".join(
        f'<section id="{key}"><h2>{title}</h2>{body}</section>' for key, title, body in there
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'{MARK}<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(results.title)}</title><style>{style}</style></head><body>"
        f'<header><h1>{escape(results.title)}</h1>{_about(results)}<nav aria-label="Contents"><ul>'
        f"{links}</ul></nav></header><main>{body}</main>"
        f"<script>{script}</script></body></html>\n"
    )


def is_report(path: Path) -> bool:
    """Tell whether a file is a page that `html_report` wrote."""
    try:
        with path.open("rb") as file:
            return MARK.encode() in file.read(HEAD)
    except OSError:
        return False


def chosen_scenes(results: Results, folder: RunFolder) -> list[str]:
    """Choose scenes whose pictures the page can hold: of every group in turn, in their order."""
    groups = results.groups or ("all",)
    names = [
        list(dict.fromkeys(r.name for r in results.records if g in (r.group, "all")))
        for g in groups
    ]
    turns = [
        own[k] for k in range(max(map(len, names), default=0)) for own in names if k < len(own)
    ]
    room, chosen = MOST_BYTES, set()
    for name in turns:
        size = sum(path.stat().st_size * 4 // 3 for path in _files(results, folder, name).values())
        if size > room:
            break
        room -= size
        chosen.add(name)
    return [name for name in results.names if name in chosen]


def _files(results: Results, folder: RunFolder, name: str) -> dict[str, Path]:
    """The pictures of a scene that there are, by what they are called on the page."""
    measured = {record.method for record in results.records if record.name == name}
    kinds = ["truth", *(m for m in results.measured if m in measured)]
    kinds += [f"{method} error" for method in kinds[1:]]
    paths = {kind: folder.picture(name, kind) for kind in kinds}
    return {kind: path for kind, path in paths.items() if path.is_file()}


def _about(results: Results) -> str:
    first, *others = [f"<p>{escape(text)}</p>" for text in about_protocol(results)]
    notes = "".join(
        f"<li>{escape(text)}</li>" for text in (*results.protocol.notes, *results.notes)
    )
    methods = "".join(
        f"<li><strong>{escape(name)}</strong>: {escape(text)}</li>"
        for name, text in results.methods.items()
        if text
    )
    return (
        f"{first}<details><summary>How to read these numbers</summary>{''.join(others)}"
        f"<ul>{notes}</ul>{f'<ul>{methods}</ul>' if methods else ''}</details>"
    )


def _means(results: Results) -> str:
    """The table of means, and one of every plotted column over the groups."""
    if not results.records:
        return ""
    methods, columns = results.measured, results.columns
    heads = [*columns, *(["seconds"] if results.is_timed else [])]
    rows = [
        (m, [results.seconds(m) if head == "seconds" else results.mean(m, head) for head in heads])
        for m in methods
    ]
    parts = [_table("method", heads, rows, heads)]
    told = [name for name in ORACLES if name in methods]
    if told:
        parts.append(f"<p class='soft'>{', '.join(told)}: told of the truth, so no rival.</p>")
    for column in columns if results.groups else ():
        groups = (*results.groups, "all")
        rows = [(m, [results.mean(m, column, group) for group in groups]) for m in methods]
        body = _table("method", groups, rows, [column] * len(groups))
        is_open = " open" if column == columns[0] else ""
        parts.append(
            f"<details{is_open}><summary>{escape(column)} by group</summary>{body}</details>"
        )
    return "".join(parts)


def _table(
    first: str,
    heads: Sequence[str],
    rows: Sequence[tuple[str, Sequence[float]]],
    kinds: Sequence[str],  # the score in each column
    *,
    is_contest: bool = True,
) -> str:
    """A table that can be sorted, the best value of each column marked."""
    rivals = [values for name, values in rows if name not in ORACLES and is_contest]
    tops = [
        number(best([values[k] for values in rivals], kind), kind)
        if len(rivals) > 1 and kind != "seconds"
        else ""
        for k, kind in enumerate(kinds)
    ]
    titles = "".join(_head(head) for head in (first, *heads))
    body = ""
    for name, values in rows:
        cells = "".join(
            _number_cell(value, kind, is_best=name not in ORACLES and number(value, kind) == top)
            for value, kind, top in zip(values, kinds, tops, strict=True)
        )
        own = escape(name, quote=True)
        body += f'<tr><th scope="row" data-value="{own}">{own}</th>{cells}</tr>'
    return (
        f'<div class="wide" tabindex="0"><table><thead><tr>{titles}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _head(text: str) -> str:
    """The title of a column, a button that sorts; a long one may take two lines."""
    kind = ' class="long"' if len(text) > LONG else ""
    return f'<th scope="col"{kind}><button type="button">{escape(text)}</button></th>'


def _number_cell(value: float, kind: str, *, is_best: bool) -> str:
    mark = ' class="best"' if is_best and not math.isnan(value) else ""
    exact = "" if math.isnan(value) else repr(value)
    return f'<td{mark} data-value="{exact}">{number(value, kind)}</td>'


def _plots(results: Results) -> str:
    if len(results.names) < 2:
        return ""
    plots = ((column, strip_plot(results, column)) for column in results.columns[:PLOTTED])
    return "".join(f"<h3>{escape(column)}</h3>{plot}" for column, plot in plots if plot)


def _pictures(results: Results, folder: RunFolder, shown: Sequence[str]) -> str:
    if not shown:
        return ""
    left = len(results.names) - len(shown)
    omitted = f" The pictures of {left} more scenes are in the folder of the run." if left else ""
    intro = (
        "<p>Drag the line, or focus a picture and press the arrow keys. All pictures of a scene "
        f"are tone-mapped as its truth is.{omitted}</p><p class='legend'>error, mu-law: 0 <i></i> "
        f"{WORST:g} and more</p>"
    )
    return intro + "".join(_scene(results, folder, name) for name in shown)


def _scene(results: Results, folder: RunFolder, name: str) -> str:
    """One scene: two pictures to choose, a slider between them, and the scores."""
    files = _files(results, folder, name)
    data = {kind: _as_url(path) for kind, path in files.items()}
    records = [r for r in results.records if r.name == name]
    columns = results.columns[:BESIDE]
    rows = [(r.method, [r.scores.get(c, math.nan) for c in columns]) for r in records]
    ours = next((m for m in ("deghostnet", "weighted", *results.measured) if m in data), "truth")
    label = escape(name, quote=True)
    selects = "".join(
        _select(list(data), chosen, f"{side} picture of {label}")
        for side, chosen in (("left", ours), ("right", "truth"))
    )
    group = f' <span class="soft">{escape(records[0].group)}</span>' if results.groups else ""
    return (
        f'<article class="scene"><h3>{label}{group}</h3><div><div class="choose">{selects}</div>'
        '<div class="compare"><img alt="" loading="lazy"><img alt="" loading="lazy">'
        f'<input type="range" min="0" max="100" value="50" aria-label="divide {label}"></div></div>'
        f"{_table('method', columns, rows, columns)}"
        f'<script type="application/json">{_inside_script(data)}</script></article>'
    )


def _inside_script(data: Mapping[str, str]) -> str:
    return json.dumps(data).replace("</", "<\\/")


def _select(kinds: Sequence[str], chosen: str, label: str) -> str:
    options = "".join(
        f"<option{' selected' if kind == chosen else ''}>{escape(kind)}</option>" for kind in kinds
    )
    return f'<select aria-label="{label}">{options}</select>'


def _as_url(path: Path) -> str:
    return f"data:image/webp;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def _published(results: Results) -> str:
    """The rows of papers, with the gaps to our means, and why these may mean little."""
    parts = []
    for source in dict.fromkeys(item.published.source for item in results.comparisons):
        items = [item for item in results.comparisons if item.published.source == source]
        columns = list(dict.fromkeys(column for item in items for column in item.gaps))
        rows = [
            (item.published.row, [_printed(item.published.values.get(c)) for c in columns])
            for item in items
        ]
        rows.append(("ours", [items[0].ours[column] for column in columns]))
        texts = dict.fromkeys(text for item in items for text in item.differences)
        wrong = [f"{item.published.row}: {note}" for item in items for note in item.published.notes]
        reasons = "".join(f"<li>{escape(text)}</li>" for text in (*texts, *wrong))
        parts.append(
            f"<h3>{escape(source)}</h3><p>{escape(items[0].published.title)}</p>"
            f"{_table('row', columns, rows, columns, is_contest=False)}"
            f"<ul class='soft'>{reasons}</ul>"
        )
    return "".join(parts)


def _printed(value: float | str | None) -> float:
    return value if isinstance(value, float) else math.nan


def _failures(results: Results) -> str:
    items = "".join(
        f"<li>{escape(f.name)}, {escape(f.method)}: {escape(f.reason)}</li>"
        for f in results.failures
    )
    return f'<ul class="bad">{items}</ul>' if items else ""
