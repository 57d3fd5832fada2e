"""Plots as inline SVG: they take their colours from the page, light or dark."""

import math
from collections.abc import Sequence
from html import escape

from deghost.evaluate.results import Results, mean
from deghost.evaluate.tables import number


LEFT, RIGHT, ROW, TOP, BOTTOM, WIDTH = 170, 70, 26, 4, 22, 820
TICKS = 6


def strip_plot(results: Results, column: str) -> str:
    """Draw the scores of every method along a line: a dot a scene, a bar at the mean."""
    rows = [(method, results.of(method)) for method in results.measured]
    scores = [[r.scores.get(column, math.nan) for r in records] for _, records in rows]
    known = [value for row in scores for value in row if math.isfinite(value)]
    if not known:
        return ""
    axis = Axis.around(known)
    height = TOP + ROW * len(rows) + BOTTOM
    parts = [_ticks(axis, height)]
    for k, (method, records) in enumerate(rows):
        y = TOP + ROW * (k + 0.5)
        parts.append(_text(LEFT - 10, y + 4, method, "end"))
        for record, value in zip(records, scores[k], strict=True):
            if math.isfinite(value):
                title = f"{record.name}, {method}: {number(value, column)}"
                parts.append(
                    f'<circle class="dot" cx="{axis.place(value):.1f}" cy="{y:.1f}" r="4">'
                    f"<title>{escape(title)}</title></circle>"
                )
        average = mean(value for value in scores[k] if math.isfinite(value))
        x = axis.place(average)
        parts.append(f'<path class="mean" d="M{x:.1f} {y - 10:.1f}v20"/>')
        parts.append(_text(WIDTH - RIGHT + 12, y + 4, number(average, column), "start", "value"))
    label = f"{column} of every scene by method; the bar is the mean"
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(label, quote=True)}">{"".join(parts)}</svg>'
    )


class Axis:
    """A scale of round numbers along the width of a plot."""

    def __init__(self, low: float, high: float, step: float) -> None:
        self.low, self.high, self.step = low, high, step

    @staticmethod
    def around(values: Sequence[float]) -> "Axis":
        """Choose round bounds around some values.

        Example:
            >>> axis = Axis.around([21.0, 38.0])
            >>> axis.low, axis.high, axis.step
            (20.0, 40.0, 5.0)
        """
        low, high = min(values), max(values)
        span = (high - low) or max(abs(high), 1e-3)
        rough = span / TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * unit for unit in (1, 2, 5, 10) if power * unit >= rough)
        return Axis(math.floor(low / step) * step, (math.floor(high / step) + 1) * step, step)

    def place(self, value: float) -> float:
        """Give the x coordinate of a value."""
        return LEFT + (value - self.low) / (self.high - self.low) * (WIDTH - LEFT - RIGHT)

    @property
    def ticks(self) -> list[float]:
        """The round numbers from end to end."""
        count = round((self.high - self.low) / self.step)
        return [self.low + k * self.step for k in range(count + 1)]


def _ticks(axis: Axis, height: int) -> str:
    parts = []
    digits = max(0, -math.floor(math.log10(axis.step) + 1e-9))
    for value in axis.ticks:
        x = axis.place(value)
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{height - BOTTOM}"/>')
        parts.append(_text(x, height - BOTTOM + 15, f"{value:.{digits}f}", "middle", "tick"))
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )
