"""What a run found: its records together, their means, and what is needed to repeat it."""

import json
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from deghost.evaluate.metrics import LOWER_IS_BETTER
from deghost.evaluate.protocol import Metric, Protocol
from deghost.evaluate.published import PublishedComparison, compare_published
from deghost.evaluate.records import Failure, Outcome, Record


PACKAGES = ("deghost", "torch", "numpy", "opencv-python-headless", "flip-evaluator", "cvvdp")
ORACLES = ("oracle",)  # methods that are told of the truth: no rivals
ALL = "all"


@dataclass(frozen=True)
class Results:
    """A finished run."""

    title: str
    protocol: Protocol
    methods: Mapping[str, str]  # names and what they are
    records: tuple[Record, ...]
    failures: tuple[Failure, ...]
    notes: tuple[str, ...] = ()
    comparisons: tuple[PublishedComparison, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the scores, in the protocol's order."""
        return tuple(dict.fromkeys(name for record in self.records for name in record.scores))

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of scenes, in order; none if there is only one."""
        groups = tuple(dict.fromkeys(record.group for record in self.records))
        return groups if len(groups) > 1 else ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the scenes, in order."""
        return tuple(dict.fromkeys(record.name for record in self.records))

    @property
    def measured(self) -> tuple[str, ...]:
        """The methods that have records, in order."""
        return tuple(name for name in self.methods if any(r.method == name for r in self.records))

    def best(self, column: str, group: str = ALL) -> float:
        """Give the best mean of a column; oracles do not count. Not a number without rivals."""
        rivals = [method for method in self.measured if method not in ORACLES]
        if len(rivals) < 2:
            return math.nan
        return best([self.mean(method, column, group) for method in rivals], column)

    @property
    def truth_range(self) -> tuple[float, float]:
        """Smallest and largest value of all truths, in the protocol's values."""
        bounds = [record.truth_range for record in self.records] or [(math.nan, math.nan)]
        return min(low for low, _ in bounds), max(high for _, high in bounds)

    @property
    def is_timed(self) -> bool:
        """Whether it is known how long methods took."""
        return any(record.seconds is not None for record in self.records)

    def of(self, method: str, group: str = ALL) -> list[Record]:
        """The records of a method in a group."""
        return [r for r in self.records if r.method == method and group in (ALL, r.group)]

    def mean(self, method: str, column: str, group: str = ALL) -> float:
        """Average a score of a method over a group; not a number where there is none."""
        return mean(record.scores.get(column, math.nan) for record in self.of(method, group))

    def seconds(self, method: str) -> float:
        """Average the time of a method; not a number where it was not taken."""
        return mean(math.nan if r.seconds is None else r.seconds for r in self.of(method))


def with_published(results: Results) -> Results:
    """Put the rows of papers beside the best method, by the first column; oracles do not count."""
    methods = [method for method in results.measured if method not in ORACLES]
    if not methods:
        return results
    column = results.columns[0]
    scores = {method: results.mean(method, column) for method in methods}
    top = best(list(scores.values()), column)
    chosen = next((method for method, score in scores.items() if score == top), methods[0])
    ours = {name: results.mean(chosen, name) for name in results.columns}
    found = compare_published(results.protocol.name, ours)
    count = len(results.of(chosen))
    note = (
        f"published numbers stand beside those of {chosen}, of {count} pictures; they can be "
        "compared where these are the papers' test pictures"
    )
    if not found:
        note = f"no published row has a column of {results.protocol.name} that was measured"
    return replace(results, comparisons=tuple(found), notes=(*results.notes, note))


def title(measured: str, protocol: str) -> str:
    """Name a run by what was measured and how.

    Example:
        >>> title("Test", "tel"), title("deghost-bench", "deghost-bench")
        ('Test, tel', 'deghost-bench')
    """
    return measured if measured == protocol else f"{measured}, {protocol}"


def gathered(outcomes: Iterable[Outcome]) -> tuple[tuple[Record, ...], tuple[Failure, ...]]:
    """Part records from failures."""
    found = list(outcomes)
    records = tuple(outcome for outcome in found if isinstance(outcome, Record))
    return records, tuple(outcome for outcome in found if isinstance(outcome, Failure))


def mean(values: Iterable[float]) -> float:
    """Average numbers; those that are not a number, such as of an empty mask, are left out.

    Example:
        >>> mean([1.0, 2.0, math.nan]), mean([])
        (1.5, nan)
    """
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def best(values: Sequence[float], column: str) -> float:
    """Give the best value of a column.

    Example:
        >>> best([1.0, 2.0, math.nan], "psnr-mu"), best([1.0, 2.0], "lpips-alex")
        (2.0, 1.0)
    """
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return math.nan
    return min(known) if column.startswith(LOWER_IS_BETTER) else max(known)


def versions() -> dict[str, str]:
    """The versions of everything that numbers may depend on."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue  # an optional extra
    return found


def protocol_data(protocol: Protocol) -> dict[str, Any]:
    """Give every setting of a protocol as plain data."""
    data: dict[str, Any] = {
        member.name: getattr(protocol, member.name)
        for member in fields(protocol)
        if member.name not in {"metrics", "cut"}
    }
    data["cut"] = vars(protocol.cut)
    data["metrics"] = {name: metric_text(metric) for name, metric in protocol.metrics.items()}
    return json.loads(json.dumps(data, default=str))


def protocol_text(protocol: Protocol) -> str:
    """Give every setting of a protocol as one text."""
    return json.dumps(protocol_data(protocol), sort_keys=True)


def metric_text(metric: Metric) -> str:
    """Name the function of a metric, with the settings it is bound to.

    Example:
        >>> metric_text(partial(round, ndigits=2))
        'round(ndigits=2)'
    """
    if isinstance(metric, partial):
        settings = ", ".join(f"{name}={_value(value)}" for name, value in metric.keywords.items())
        return f"{metric_text(metric.func)}({settings})"
    name = getattr(metric, "__name__", None) or getattr(metric, "name", type(metric).__name__)
    return str(name)


def _value(value: object) -> str:
    return metric_text(value) if callable(value) else repr(value)
